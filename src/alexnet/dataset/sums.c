/* Sums over an image for the statistics of a split (sums.py). Pixels are three bytes. */

#include <stdint.h>

enum { PIXEL = 3, BLOCK = 16 * PIXEL, BEYOND = PIXEL - 1, EXACT = 32768 }; /* 2^31 > EXACT * 255 * 255 */

/* Adds an image to `sums` and its channels' products to `products` [3, 3]. Every byte is multiplied by itself and by
   the two after it; a block has sixteen whole pixels, so a lane's channel is always the same. */
void add_image(const unsigned char *image, long pixels, uint16_t *sums, int64_t *products) {
    const long bytes = PIXEL * pixels, blocks = bytes < BEYOND ? 0 : (bytes - BEYOND) / BLOCK;
    for (long at = 0; at < bytes; at++) sums[at] += image[at];
    for (long block = 0; block < blocks;) {
        const long until = blocks - block < EXACT ? blocks : block + EXACT;
        int totals[PIXEL][BLOCK] = {{0}};
        for (; block < until; block++) {
            const unsigned char *from = image + block * BLOCK;
            for (int after = 0; after < PIXEL; after++)
#pragma omp simd
                for (int lane = 0; lane < BLOCK; lane++) totals[after][lane] += from[lane] * from[lane + after];
        }
        for (int lane = 0; lane < BLOCK; lane++)
            for (int after = 0; lane % PIXEL + after < PIXEL; after++)
                products[lane % PIXEL * PIXEL + lane % PIXEL + after] += totals[after][lane];
    }
    for (long at = blocks * BLOCK; at < bytes; at += PIXEL)
        for (int one = 0; one < PIXEL; one++)
            for (int other = one; other < PIXEL; other++)
                products[one * PIXEL + other] += image[at + one] * image[at + other];
    for (int one = 0; one < PIXEL; one++)
        for (int other = 0; other < one; other++) products[one * PIXEL + other] = products[other * PIXEL + one];
}
