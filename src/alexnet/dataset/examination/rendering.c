/* Sums over the fields of a picture (rendering.py). Pixels are three bytes. */

#include <stdint.h>
#include <string.h>

enum { PIXEL = 3 };

/* Adds a picture's pixels to `sums` [side, side, 3]: of each field's rows those of every column first, into `columns`
   [3 width]. `down` and `across` [2, side] are the first pixels of fields and those past their last. */
void field_sums(const unsigned char *picture, long stride, long width, const int64_t *down, const int64_t *across,
                long side, uint32_t *columns, int64_t *sums) {
    const long bytes = PIXEL * width;
    for (long field = 0; field < side; field++) {
        memset(columns, 0, bytes * sizeof *columns);
        for (int64_t y = down[field]; y < down[side + field]; y++)
            for (long at = 0; at < bytes; at++) columns[at] += picture[y * stride + at];
        for (long part = 0; part < side; part++)
            for (int64_t x = across[part]; x < across[side + part]; x++)
                for (int channel = 0; channel < PIXEL; channel++)
                    sums[(field * side + part) * PIXEL + channel] += columns[PIXEL * x + channel];
    }
}
