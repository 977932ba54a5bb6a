/* Bicubic with antialias in fixed point, across and then down, as Pillow's Resample.c has it (resample.py).

   Pixels are three bytes. A filter is a row of integers: the first pixel that it weighs, how many, their weights. */

#include <string.h>
#ifdef __AVX2__
#include <immintrin.h>
#endif

typedef unsigned char Bytes __attribute__((vector_size(16)));
#ifdef __clang__
#define SHUFFLED(one, other, ...) __builtin_shufflevector(one, other, __VA_ARGS__)
#else
#define SHUFFLED(one, other, ...) __builtin_shuffle(one, other, (Bytes){__VA_ARGS__})
#endif
#ifdef __AVX512F__
typedef int Sums __attribute__((vector_size(64)));
#elif defined __AVX2__
typedef int Sums __attribute__((vector_size(32)));
#else
typedef int Sums __attribute__((vector_size(16)));
#endif
enum { SIDE_BY_SIDE = sizeof(Sums) / sizeof(int) };
enum { PIXEL = 3, PRECISION = 22, HALF = 1 << (PRECISION - 1), LANES = 16, UPRIGHT = PIXEL * LANES, BLOCK = 64 };

/* Bytes as integers: compilers take them one by one, if not told how. */
static inline Sums widened(const unsigned char *from) {
#ifdef __AVX512F__
    return (Sums)_mm512_cvtepu8_epi32(_mm_loadu_si128((const void *)from));
#elif defined __AVX2__
    return (Sums)_mm256_cvtepu8_epi32(_mm_loadl_epi64((const void *)from));
#else
    return (Sums){from[0], from[1], from[2], from[3]};
#endif
}

static inline void store_rounded(unsigned char *to, const Sums *sums, int count) {
    int whole[BLOCK];
    for (int part = 0; part < count / SIDE_BY_SIDE; part++) {
        Sums sum = sums[part] >> PRECISION;
        sum &= ~(sum >> 31);
        sum = (sum | (sum > 255)) & 255;
        memcpy(whole + SIDE_BY_SIDE * part, &sum, sizeof sum);
    }
    for (int i = 0; i < count; i++) to[i] = whole[i];
}

/* The halves of sixteen rows of sixteen bytes, interleaved. */
static inline void interleave(const Bytes *from, Bytes *to) {
    for (int pair = 0; pair < LANES / 2; pair++) {
        Bytes one = from[pair], other = from[pair + LANES / 2];
        to[2 * pair] = SHUFFLED(one, other, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
        to[2 * pair + 1] = SHUFFLED(one, other, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    }
}

/* Rows become columns: done four times, that changes the two indices. */
static inline void transpose(Bytes *square) {
    Bytes other[LANES];
    interleave(square, other);
    interleave(other, square);
    interleave(square, other);
    interleave(other, square);
}

/* Sixteen rows of the image, from its row `first` on, filtered across into rows of a ring, `step` bytes each. Standing
   on end they are added up side by side; below the image its last row is repeated, and not used. */
static void across(const unsigned char *image, long image_step, long height, long first, unsigned char *to, long step,
                   long columns, const int *filters, long stride, unsigned char *upright) {
    const int *last = filters + (columns - 1) * stride, left = filters[0];
    const long width = PIXEL * (last[0] + last[1] - left);
    unsigned char *result = upright + (width + LANES) * LANES;
    Bytes square[LANES] = {{0}};
    for (long at = 0; at < width; at += LANES) {
        for (long row = 0; row < LANES; row++) {
            const long there = first + row < height ? first + row : height - 1;
            const unsigned char *from = image + there * image_step + PIXEL * left + at;
            if (width - at >= LANES)
                memcpy(&square[row], from, LANES);
            else
                memcpy(&square[row], from, width - at);
        }
        transpose(square);
        memcpy(upright + at * LANES, square, sizeof square);
    }
    for (long column = 0; column < columns; column++, filters += stride) {
        const unsigned char *from = upright + UPRIGHT * (filters[0] - left);
        Sums sums[UPRIGHT / SIDE_BY_SIDE] = {{0}};
        for (int part = 0; part < UPRIGHT / SIDE_BY_SIDE; part++) sums[part] += HALF;
        for (long tap = 0; tap < filters[1]; tap++)
            for (int part = 0; part < UPRIGHT / SIDE_BY_SIDE; part++, from += SIDE_BY_SIDE)
                sums[part] += widened(from) * filters[2 + tap];
        store_rounded(result + UPRIGHT * column, sums, UPRIGHT);
    }
    for (long at = 0; at < PIXEL * columns; at += LANES) {
        memcpy(square, result + at * LANES, sizeof square);
        transpose(square);
        for (long row = 0; row < LANES; row++) memcpy(to + row * step + at, &square[row], LANES);
    }
}

/* One row of `width` bytes from the lines of a ring, sixty-four at a time. */
static void down(const unsigned char *ring, long lines, long step, unsigned char *to, long width, const int *filter) {
    for (long at = 0; at < width; at += BLOCK) {
        const unsigned char *end = ring + lines * step + at, *line = ring + filter[0] % lines * step + at;
        unsigned char block[BLOCK];
        Sums sums[BLOCK / SIDE_BY_SIDE] = {{0}};
        for (int part = 0; part < BLOCK / SIDE_BY_SIDE; part++) sums[part] += HALF;
        for (long tap = 0; tap < filter[1]; tap++) {
            for (int part = 0; part < BLOCK / SIDE_BY_SIDE; part++)
                sums[part] += widened(line + SIDE_BY_SIDE * part) * filter[2 + tap];
            line += step;
            if (line == end) line = ring + at;
        }
        store_rounded(block, sums, BLOCK);
        memcpy(to + at, block, width - at < BLOCK ? width - at : BLOCK);
    }
}

/* Image of `height` rows that lie `image_step` bytes apart -> out [rows, columns, 3]. The scratch holds a ring of
   `lines` rows filtered across, `step` bytes each, then sixteen rows on end: of the image, and of the result. */
void resample(const unsigned char *image, long image_step, long height, unsigned char *out, long rows, long columns,
              const int *down_filters, long down_stride, const int *across_filters, long across_stride,
              unsigned char *scratch, long lines, long step) {
    long done = down_filters[0] / LANES * LANES;
    for (long row = 0; row < rows; row++, down_filters += down_stride, out += PIXEL * columns) {
        for (; done < down_filters[0] + down_filters[1]; done += LANES)
            across(image, image_step, height, done, scratch + done % lines * step, step, columns, across_filters,
                   across_stride, scratch + lines * step);
        down(scratch, lines, step, out, PIXEL * columns, down_filters);
    }
}
