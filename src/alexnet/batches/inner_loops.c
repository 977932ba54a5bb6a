/* The loader's inner loops (inner_loops.py). Pixels are three bytes, rows lie one after another. */

#include <stdint.h>
#include <string.h>
#ifdef __SSE__
#include <xmmintrin.h>
#endif

typedef unsigned char Bytes __attribute__((vector_size(16)));
#ifdef __clang__
#define SHUFFLED(bytes, ...) __builtin_shufflevector(bytes, bytes, __VA_ARGS__)
#else
#define SHUFFLED(bytes, ...) __builtin_shuffle(bytes, (Bytes){__VA_ARGS__})
#endif
enum { PIXEL = 3, FIVE = 5, CHUNK = 512, AHEAD = 64 };

/* Window of rows `step` bytes apart -> view, mirrored. Five pixels at a time are read and written as sixteen
   bytes: the sixteenth is the neighbour's, which is why the first and the last pixels of a row go alone. */
void mirror(const unsigned char *restrict window, long step, unsigned char *restrict view, long height, long width) {
    for (long row = 0; row < height; row++, window += step, view += PIXEL * width) {
        long to = 0;
        for (; to < width && to < 1; to++) memcpy(view + PIXEL * to, window + PIXEL * (width - 1 - to), PIXEL);
        for (; to + FIVE < width; to += FIVE) {
            Bytes five;
            memcpy(&five, window + PIXEL * (width - FIVE - to), sizeof five);
            five = SHUFFLED(five, 12, 13, 14, 9, 10, 11, 6, 7, 8, 3, 4, 5, 0, 1, 2, 15);
            memcpy(view + PIXEL * to, &five, sizeof five);
        }
        for (; to < width; to++) memcpy(view + PIXEL * to, window + PIXEL * (width - 1 - to), PIXEL);
    }
}

/* Around the caches where the processor can: a batch is larger than they are. */
static void store(float *restrict to, const float *restrict from, long count) {
    long done = 0;
#ifdef __SSE__
    if ((unsigned long)to % 16 == 0)
        for (; done + 4 <= count; done += 4) _mm_stream_ps(to + done, _mm_load_ps(from + done));
#endif
    memcpy(to + done, from + done, (count - done) * sizeof *to);
}

/* Views -> out, each value read once and written once: (view - mean + noise) / divisor, in the order of the plain
   form (preprocessing.py), so equal to the bit. A step of 0 gives every row the same mean, or every image the same
   noise; where there is no divisor nothing is divided. Width counts values, three a pixel. */
void convert(const unsigned char *restrict views, float *restrict out, long images, long height, long width,
             const float *restrict mean, long mean_step, const float *restrict noise, long noise_step,
             const float *restrict divisor) {
    float chunk[CHUNK] __attribute__((aligned(64)));
    for (long row = 0; row < images * height; row++, views += width, out += width) {
        const float *means = mean + row % height * mean_step, *colour = noise + row / height * noise_step;
        for (long from = 0; from < width; from += CHUNK) {
            long count = width - from < CHUNK ? width - from : CHUNK;
            for (long i = 0; i < count; i++) chunk[i] = (float)views[from + i] - means[from + i] + colour[from + i];
            if (divisor)
                for (long i = 0; i < count; i++) chunk[i] /= divisor[from + i];
            store(out + from, chunk, count);
        }
    }
#ifdef __SSE__
    _mm_sfence();
#endif
}

/* Fisher and Yates, drawn as numpy.random.Generator.shuffle draws: of each number as many bits as the most has, until
   it is no more. Places are drawn ahead of the exchanges, so that their memory is on its way. */
void shuffle(int32_t *order, long count, uint32_t (*next)(void *), void *state) {
    long drawn[AHEAD];
    for (long last = count - 1; last > 0;) {
        const long together = last < AHEAD ? last : AHEAD;
        for (long one = 0; one < together; one++) {
            const uint32_t most = last - one, mask = UINT32_MAX >> __builtin_clz(most);
            uint32_t value;
            do value = next(state) & mask;
            while (value > most);
            drawn[one] = value;
            __builtin_prefetch(order + value, 1);
        }
        for (long one = 0; one < together; one++, last--) {
            const int32_t kept = order[last];
            order[last] = order[drawn[one]];
            order[drawn[one]] = kept;
        }
    }
}
