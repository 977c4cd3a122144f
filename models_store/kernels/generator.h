/* The generator of DCGAN as numbers in memory: a matrix product, doublings, and pixels at the end. */

#ifndef LATENTSERVE_GENERATOR_H
#define LATENTSERVE_GENERATOR_H

#include <stddef.h>
#include <stdint.h>

enum { TAPS = 16, COORDINATES = 9, PHASES = 4, MOST_DOUBLINGS = 12 };

/* How many tiles of two cover an axis, and how many places the grid of a picture has along it. */
#define TILES(side) (((side) + 1) / 2)
#define GRID_SIDE(side) (4 * TILES(side) + 1)

/* Packed in panels of as many columns as the kernels compute at a time: panel by panel, matrix by matrix, row by row.
 * Columns beyond the last, and rows, are zero. */
struct weights {
    int rows;
    int columns;
    float *packed;
    float *bias;
};

/* A transposed convolution of kernel 4, stride 2 and padding 1, and a ReLU. */
struct doubling {
    int side;     /* of the picture that it reads */
    int pictures; /* that go through it, and what follows, together */
    size_t grid;  /* where in a thread's memory its transformed pictures lie */
    size_t made;  /* and where its results */
    struct weights weights;
    float *outside; /* zeros, one a row of the weights */
};

struct generator {
    const struct kernels *kernels;
    int start;    /* side of the first picture */
    int pictures; /* that are spread out together */
    int count;
    int side; /* of what the last layer reads, half of the result's */
    int channels;
    struct weights spread;
    struct doubling doublings[MOST_DOUBLINGS];
    struct weights last;
    size_t taps, pixels; /* where in a thread's memory they lie */
    size_t memory;       /* numbers, of a thread */
};

/* What one set of processor instructions offers. All sets give the same bits. */
struct kernels {
    const char *name;
    int panel; /* columns that are computed together */
    /* Latents (count, rows) -> pictures (count, start, start, channels), ReLU included. */
    void (*spread)(const struct generator *, const float *latents, float *made, int count);
    /* Pictures (count, side, side, channels) -> their grids -> pictures (count, 2 side, 2 side, channels). */
    void (*transform)(const struct doubling *, const float *pictures, float *grid, int count);
    void (*multiply)(const struct doubling *, const float *grid, float *made, int count);
    /* A picture (side, side, channels) -> pixels in [0, 1] (channels, 2 side, 2 side), and levels
     * (2 side, 2 side, channels) unless they are NULL. Whether all pixels are finite. */
    int (*finish)(const struct generator *, const float *picture, float *taps, float *pixels, uint8_t *levels);
};

/* The set of that name, or the best if it is NULL; NULL if this processor has none. */
const struct kernels *find_kernels(const char *name);

/* A layer as torch has it, batch norm folded in: (in, out, height, width), and a bias for each out. */
struct layer {
    int in, out;
    const float *weight, *bias;
};

/* The first of `count` layers spreads latents out (height and width are `start`), the others have kernels of 4 by 4.
 * NULL if memory is short. */
struct generator *make_generator(const struct kernels *, int start, const struct layer *, int count);
void free_generator(struct generator *);

enum outcome { DONE, NOT_FINITE, NO_MEMORY };

/* Latents (count, in) -> pixels and levels as `finish` has them; either may be NULL. What a picture is depends on its
 * latents and on nothing else. */
enum outcome run_generator(const struct generator *, const float *latents, float *pixels, uint8_t *levels, size_t count);

#endif
