/* Response norm across maps, forward and backward, over pixels that lie channels last: the compiled form.

   Formula and gradient are those of response.py; tests hold them equal. Each value is read once and written
   once, and what lies between stays in registers and the first cache; nothing is kept for the backward pass but
   the maps themselves.

   VALUE is what the arrays hold (float, double, or bfloat16 as its sixteen bits), REAL what is computed in. */

#include <stdint.h>
#include <string.h>
#include <tgmath.h>

#ifdef BFLOAT16
typedef uint16_t VALUE;
typedef float REAL;

static inline REAL of(VALUE bits) {
    uint32_t wide = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &wide, sizeof value);
    return value;
}

static inline VALUE to(REAL value) { /* to the nearest, ties to even; torch.bfloat16 does the same */
    uint32_t wide;
    memcpy(&wide, &value, sizeof wide);
    uint32_t rounded = (wide + 0x7fff + ((wide >> 16) & 1)) >> 16;
    return value != value ? 0x7fc0 : (VALUE)rounded;
}
#else
#ifdef DOUBLE
typedef double VALUE, REAL;
#else
typedef float VALUE, REAL;
#endif
static inline REAL of(VALUE value) { return value; }
static inline VALUE to(REAL value) { return value; }
#endif

/* sums[c] = the `size` values from padded[c] on, added from left to right */
static inline void window(const REAL *restrict padded, REAL *restrict sums, long width, long size) {
    for (long c = 0; c < width; c++) sums[c] = padded[c];
    for (long j = 1; j < size; j++)
        for (long c = 0; c < width; c++) sums[c] += padded[c + j];
}

/* y = x * s^-0.75 with s = k + share * the sum of x^2 over the window; maps are [pixels, columns, width] */
void forward(const VALUE *maps, VALUE *normed, long pixels, long columns, long width, long size, double share,
             double k, int threads) {
    long half = size / 2, rows = pixels * columns;
#pragma omp parallel num_threads(threads)
    {
        REAL padded[width + size], sums[width];
        memset(padded, 0, sizeof padded);
#pragma omp for schedule(static)
        for (long row = 0; row < rows; row++) {
            const VALUE *x = maps + row * width;
            VALUE *y = normed + row * width;
            for (long c = 0; c < width; c++) {
                REAL value = of(x[c]);
                padded[half + c] = value * value;
            }
            window(padded, sums, width, size);
            for (long c = 0; c < width; c++) {
                REAL root = sqrt((REAL)k + (REAL)share * sums[c]);
                y[c] = to(of(x[c]) / (root * sqrt(root)));
            }
        }
    }
}

/* answer = d - 1.5 * share * x * the sum of d * x / s over the window, with d = gradient * s^-0.75 */
void backward(const VALUE *maps, const VALUE *gradient, VALUE *answer, long pixels, long columns, long width,
              long size, double share, double k, int threads) {
    long half = size / 2, rows = pixels * columns;
#pragma omp parallel num_threads(threads)
    {
        REAL padded[width + size], shared[width + size], sums[width], direct[width];
        memset(padded, 0, sizeof padded);
        memset(shared, 0, sizeof shared);
#pragma omp for schedule(static)
        for (long row = 0; row < rows; row++) {
            const VALUE *x = maps + row * width, *g = gradient + row * width;
            VALUE *a = answer + row * width;
            for (long c = 0; c < width; c++) {
                REAL value = of(x[c]);
                padded[half + c] = value * value;
            }
            window(padded, sums, width, size);
            for (long c = 0; c < width; c++) {
                REAL s = (REAL)k + (REAL)share * sums[c], root = sqrt(s);
                direct[c] = of(g[c]) / (root * sqrt(root));
                shared[half + c] = direct[c] * of(x[c]) / s;
            }
            window(shared, sums, width, size);
            for (long c = 0; c < width; c++) a[c] = to(direct[c] - (REAL)(1.5 * share) * of(x[c]) * sums[c]);
        }
    }
}
