/* Response norms across maps and within a map, forward and backward, channels last: the compiled forms.

   Formula and gradient are those of response.py; tests hold them equal. Each value is read once and written
   once, and what lies between stays in registers and the first cache; nothing is kept for the backward pass but
   the maps themselves.

   VALUE is what the arrays hold (float, double, or bfloat16 as its sixteen bits), REAL what is computed in. With
   RECTIFIED the maps are those before a ReLU, which is done on the way. */

#include <stdint.h>
#include <stdlib.h>
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

#ifdef RECTIFIED
static inline REAL seen(VALUE value) { return of(value) < 0 ? 0 : of(value); } /* what is no number stays so */
static inline REAL passed(VALUE value, REAL gradient) { return of(value) <= 0 ? 0 : gradient; }
#else
static inline REAL seen(VALUE value) { return of(value); }
static inline REAL passed(VALUE value, REAL gradient) { return (void)value, gradient; }
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
                REAL value = seen(x[c]);
                padded[half + c] = value * value;
            }
            window(padded, sums, width, size);
            for (long c = 0; c < width; c++) {
                REAL root = sqrt((REAL)k + (REAL)share * sums[c]);
                y[c] = to(seen(x[c]) / (root * sqrt(root)));
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
                REAL value = seen(x[c]);
                padded[half + c] = value * value;
            }
            window(padded, sums, width, size);
            for (long c = 0; c < width; c++) {
                REAL s = (REAL)k + (REAL)share * sums[c], root = sqrt(s);
                direct[c] = of(g[c]) / (root * sqrt(root));
                shared[half + c] = direct[c] * seen(x[c]) / s;
            }
            window(shared, sums, width, size);
            for (long c = 0; c < width; c++)
                a[c] = to(passed(x[c], direct[c] - (REAL)(1.5 * share) * seen(x[c]) * sums[c]));
        }
    }
}

/* Within a map: maps are [images, height, width, channels], windows size x size. A piece is BLOCK maps of an image,
   which stay in the second cache between the passes over them. */
#define BLOCK 64

/* sums[width, BLOCK] = the windows' sums around each pixel of a row of values[height, width, step], of `count` maps */
static inline void around(const REAL *restrict values, REAL *restrict down, REAL *restrict sums, long row,
                          long height, long width, long count, long half) {
    long top = row < half ? 0 : row - half, bottom = row + half < height ? row + half : height - 1;
    memset(down, 0, width * BLOCK * sizeof *down);
    for (long r = top; r <= bottom; r++)
        for (long place = 0; place < width * BLOCK; place++) down[place] += values[r * width * BLOCK + place];
    for (long w = 0; w < width; w++) {
        long left = w < half ? 0 : w - half, right = w + half < width ? w + half : width - 1;
        for (long c = 0; c < count; c++) sums[w * BLOCK + c] = down[left * BLOCK + c];
        for (long near = left + 1; near <= right; near++)
            for (long c = 0; c < count; c++) sums[w * BLOCK + c] += down[near * BLOCK + c];
    }
}

static inline void squared(const VALUE *restrict x, REAL *restrict squares, long count) {
    for (long c = 0; c < count; c++) squares[c] = of(x[c]) * of(x[c]);
}

static inline void normed_by(const VALUE *restrict x, const REAL *restrict sums, VALUE *restrict y, long count,
                             REAL share, REAL k) {
    for (long c = 0; c < count; c++) {
        REAL root = sqrt(k + share * sums[c]);
        y[c] = to(of(x[c]) / (root * sqrt(root)));
    }
}

static inline void parted_by(const VALUE *restrict x, const VALUE *restrict g, const REAL *restrict sums,
                             REAL *restrict direct, REAL *restrict shared, long count, REAL share, REAL k) {
    for (long c = 0; c < count; c++) {
        REAL s = k + share * sums[c], root = sqrt(s), own = of(g[c]) / (root * sqrt(root));
        direct[c] = own;
        shared[c] = own * of(x[c]) / s;
    }
}

static inline void joined(const VALUE *restrict x, const REAL *restrict direct, const REAL *restrict sums,
                          VALUE *restrict answer, long count, REAL share) {
    for (long c = 0; c < count; c++) answer[c] = to(direct[c] - (REAL)1.5 * share * of(x[c]) * sums[c]);
}

/* Where a gradient is given, its answer; else the normed maps. The window is its own transpose. */
static void within(const VALUE *maps, const VALUE *gradient, VALUE *answer, long images, long height, long width,
                   long channels, long size, double share, double k, int threads) {
    long pixels = height * width, pieces = (channels + BLOCK - 1) / BLOCK, room = BLOCK * sizeof(REAL);
#pragma omp parallel num_threads(threads)
    {
        REAL *squares = calloc(pixels, room), *shared = calloc(pixels, room), *direct = calloc(pixels, room);
        REAL *down = calloc(width, room), *sums = calloc(width, room);
#pragma omp for schedule(static)
        for (long piece = 0; piece < images * pieces; piece++) {
            long first = piece % pieces * BLOCK, from = piece / pieces * pixels * channels + first;
            long count = channels - first < BLOCK ? channels - first : BLOCK;
            for (long p = 0; p < pixels; p++) squared(maps + from + p * channels, squares + p * BLOCK, count);
            for (long p = 0; p < pixels; p++) {
                long at = from + p * channels;
                const REAL *near = sums + p % width * BLOCK;
                if (p % width == 0) around(squares, down, sums, p / width, height, width, count, size / 2);
                if (gradient == NULL)
                    normed_by(maps + at, near, answer + at, count, share, k);
                else
                    parted_by(maps + at, gradient + at, near, direct + p * BLOCK, shared + p * BLOCK, count, share, k);
            }
            for (long p = 0; gradient != NULL && p < pixels; p++) {
                long at = from + p * channels;
                if (p % width == 0) around(shared, down, sums, p / width, height, width, count, size / 2);
                joined(maps + at, direct + p * BLOCK, sums + p % width * BLOCK, answer + at, count, share);
            }
        }
        free(squares), free(shared), free(direct), free(down), free(sums);
    }
}

void forward_within(const VALUE *maps, VALUE *normed, long images, long height, long width, long channels, long size,
                    double share, double k, int threads) {
    within(maps, NULL, normed, images, height, width, channels, size, share, k, threads);
}

void backward_within(const VALUE *maps, const VALUE *gradient, VALUE *answer, long images, long height, long width,
                     long channels, long size, double share, double k, int threads) {
    within(maps, gradient, answer, images, height, width, channels, size, share, k, threads);
}
