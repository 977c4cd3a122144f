/* Philox, and Box and Muller, with functions of our own: those of a C library have other last bits elsewhere.
 *
 * Plain loops over short arrays, which compilers turn into vectors. Nothing is fused or reassociated, so all of them give
 * the same bits. */

#include "normals.h"

#include <float.h>
#include <math.h>
#include <string.h>

#if FLT_EVAL_METHOD != 0
#error "double is computed with more digits than it has, and other bits would come of it"
#endif

enum { BLOCKS = 16, ROUNDS = 10, WORDS = 4 };

/* Counters (first + 0 … BLOCKS - 1, index, 0, 0) -> four words each. */
static void philox(uint32_t seed, uint32_t stream, uint32_t first, uint32_t index, uint32_t words[WORDS][BLOCKS]) {
    for (int block = 0; block < BLOCKS; block++) {
        words[0][block] = first + (uint32_t)block;
        words[1][block] = index;
        words[2][block] = words[3][block] = 0;
    }
    for (int round = 0; round < ROUNDS; round++, seed += 0x9E3779B9u, stream += 0xBB67AE85u)
        for (int block = 0; block < BLOCKS; block++) {
            uint64_t even = (uint64_t)words[0][block] * 0xD2511F53u, odd = (uint64_t)words[2][block] * 0xCD9E8D57u;
            words[0][block] = (uint32_t)(odd >> 32) ^ words[1][block] ^ seed;
            words[1][block] = (uint32_t)odd;
            words[2][block] = (uint32_t)(even >> 32) ^ words[3][block] ^ stream;
            words[3][block] = (uint32_t)even;
        }
}

/* ln x of a normal number: of x = 2^e m, with m from sqrt(1/2) to sqrt(2), it is e ln 2 + 2 artanh((m - 1) / (m + 1)), and the
 * series of artanh ends after eleven terms, for its argument is at most 0.172. */
static inline double natural_logarithm(double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    int32_t power = (int32_t)((uint32_t)(bits >> 32) - 0x3FE6A09Eu) >> 20; /* 0x3FE6A09E begins sqrt(1/2) */
    bits -= (uint64_t)(uint32_t)power << 52;
    double m;
    memcpy(&m, &bits, sizeof m);
    double s = (m - 1.0) / (m + 1.0), z = s * s;
    double series = 1.0 / 23;
    for (int odd = 21; odd >= 3; odd -= 2) series = series * z + 1.0 / odd;
    /* ln 2 in two parts: the first has so few digits that its product with the power is exact. */
    double e = (double)power;
    return e * 0x1.62e42fefa38p-1 + (2.0 * s + (2.0 * s * z * series + e * 0x1.ef35793c7673p-45));
}

/* The cosine and the sine of an angle from 0 to 2 pi: what is left beside the nearest quarter of a turn, by their series. */
static inline void cosine_and_sine(double angle, double *cosine, double *sine) {
    double quarters = (double)(int)(angle * (2.0 / 3.14159265358979323846) + 0.5);
    /* Half of pi in two parts, of which the first has so few digits that its product with 0 … 4 is exact. */
    double rest = (angle - quarters * 0x1.921fb544p0) - quarters * 0x1.0b4611a626331p-34;
    double z = rest * rest;
    double c = 1.0 / 20922789888000, s = 1.0 / 355687428096000;
    const double of_cosine[] = {-1.0 / 87178291200, 1.0 / 479001600, -1.0 / 3628800, 1.0 / 40320, -1.0 / 720, 1.0 / 24};
    const double of_sine[] = {-1.0 / 1307674368000, 1.0 / 6227020800, -1.0 / 39916800, 1.0 / 362880, -1.0 / 5040, 1.0 / 120, -1.0 / 6};
    for (int power = 0; power < 6; power++) c = c * z + of_cosine[power];
    for (int power = 0; power < 7; power++) s = s * z + of_sine[power];
    c = 1.0 - (0.5 * z - z * z * c);
    s = rest + rest * z * s;
    int turn = (int)quarters;
    double even = turn & 1 ? s : c, odd = turn & 1 ? c : s;
    *cosine = even * (1 - ((turn + 1) & 2));
    *sine = odd * (1 - (turn & 2));
}

/* A word as a number strictly between 0 and 1. By way of a signed one, for which all processors have an instruction. */
static inline double uniform(uint32_t word) { return ((double)(int32_t)(word ^ 0x80000000u) + 2147483648.5) * 0x1p-32; }

static void pairs_of(const uint32_t *restrict first, const uint32_t *restrict second, float *restrict cosines,
                     float *restrict sines) {
    for (int block = 0; block < BLOCKS; block++) {
        double radius = sqrt(-2.0 * natural_logarithm(uniform(first[block]))), cosine, sine;
        cosine_and_sine(2.0 * 3.14159265358979323846 * uniform(second[block]), &cosine, &sine);
        cosines[block] = (float)(radius * cosine);
        sines[block] = (float)(radius * sine);
    }
}

void draw_normals(const struct draw *draw, uint32_t stream, float *made, size_t dim) {
    for (size_t first = 0; first < dim; first += WORDS * BLOCKS) {
        uint32_t words[WORDS][BLOCKS];
        float normals[WORDS][BLOCKS];
        philox(draw->seed, stream, (uint32_t)(first / WORDS), draw->index, words);
        pairs_of(words[0], words[1], normals[0], normals[1]);
        pairs_of(words[2], words[3], normals[2], normals[3]);
        size_t left = dim - first < WORDS * BLOCKS ? dim - first : WORDS * BLOCKS;
        /* Without -0: so one point has one name. */
        for (size_t place = 0; place < left; place++)
            made[first + place] = normals[place % WORDS][place / WORDS] * draw->temperature + 0.0f;
    }
}
