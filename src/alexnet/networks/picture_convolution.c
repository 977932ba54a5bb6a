/* Gradients of kernels and biases of a convolution over pictures, which have few channels: the compiled form.

   Pictures lie channels last, so that a window's row is KERNEL * channels adjacent values, and the gradient of a
   row of outputs fits the first cache. A tile of TAPS of those values by LANES * 16 maps is added up in registers
   along a row of outputs, then to the thread's own sums [taps, maps]. Formula: that of torch's convolution; tests
   hold the two equal.

   TAPS divides KERNEL * channels, LANES * 16 the number of maps. GRADIENT is float, or bfloat16 as sixteen bits. */

#include <stdint.h>
#include <string.h>

typedef float LANE __attribute__((vector_size(64), aligned(4)));

#ifdef BFLOAT16
typedef uint16_t GRADIENT;
#else
typedef float GRADIENT;
#endif

/* sums[taps, maps] += the outer product of pixels and gradients, over the outputs of a row */
static inline void tile(const float *restrict pixels, const float *restrict gradient, float *restrict sums,
                        long outputs, long step, long maps) {
    LANE added[TAPS][LANES] = {0};
    for (long output = 0; output < outputs; output++) {
        LANE wide[LANES];
        for (long lane = 0; lane < LANES; lane++)
            wide[lane] = *(const LANE *)(gradient + output * maps + 16 * lane);
        for (long tap = 0; tap < TAPS; tap++)
            for (long lane = 0; lane < LANES; lane++) added[tap][lane] += pixels[output * step + tap] * wide[lane];
    }
    for (long tap = 0; tap < TAPS; tap++)
        for (long lane = 0; lane < LANES; lane++) *(LANE *)(sums + tap * maps + 16 * lane) += added[tap][lane];
}

static const float *row_of(const GRADIENT *gradient, float *wide, long count) {
#ifdef BFLOAT16
    for (long i = 0; i < count; i++) {
        uint32_t bits = (uint32_t)gradient[i] << 16;
        memcpy(wide + i, &bits, sizeof bits);
    }
    return wide;
#else
    (void)wide, (void)count;
    return gradient;
#endif
}

/* pictures [images, height, width * channels], gradient [images, rows, columns, maps];
   sums [threads, kernel * kernel * channels + 1, maps], zero before: kernels' gradients, and in the last the biases' */
void gradient(const float *pictures, const GRADIENT *gradient, float *sums, long images, long height, long width,
              long channels, long rows, long columns, long maps, long kernel, long stride, int threads) {
    long across = kernel * channels, taps = kernel * across, length = columns * maps;
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int thread = 0; thread < threads; thread++) {
        float *own = sums + thread * (taps + 1) * maps, wide[length];
        long last = images * (thread + 1) / threads;
        for (long image = images * thread / threads; image < last; image++)
            for (long row = 0; row < rows; row++) {
                const float *g = row_of(gradient + (image * rows + row) * length, wide, length);
                for (long output = 0; output < columns; output++)
                    for (long map = 0; map < maps; map++) own[taps * maps + map] += g[output * maps + map];
                for (long down = 0; down < kernel; down++) {
                    const float *x = pictures + (image * height + row * stride + down) * width * channels;
                    for (long tap = 0; tap < across; tap += TAPS)
                        for (long map = 0; map < maps; map += 16 * LANES)
                            tile(x + tap, g + map, own + (down * across + tap) * maps + map, columns,
                                 stride * channels, maps);
                }
            }
    }
}
