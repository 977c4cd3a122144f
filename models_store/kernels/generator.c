/* Makes a generator of a network's weights, and runs it, layer by layer, on as many pictures as caches hold. */

#include "generator.h"
#include "memory.h"

#include <stdlib.h>
#include <string.h>

enum {
    ENOUGH_ROWS = 48, /* of a matrix product: with more, its weights cost no less a row */
    MOST_PICTURES = 48,
};

#if defined(__x86_64__)
extern const struct kernels kernels_avx512, kernels_avx2;
#elif defined(__aarch64__)
extern const struct kernels kernels_neon;
#endif

const struct kernels *find_kernels(const char *name) {
    const struct kernels *found[3] = {NULL};
    int count = 0;
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f")) found[count++] = &kernels_avx512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) found[count++] = &kernels_avx2;
#elif defined(__aarch64__)
    found[count++] = &kernels_neon;
#endif
    for (int each = 0; each < count; each++)
        if (name == NULL || strcmp(name, found[each]->name) == 0) return found[each];
    return NULL;
}

static int up_to(int number, int multiple) { return (number + multiple - 1) / multiple * multiple; }

/* Room for `matrices` matrices a panel. 0 if memory is short. */
static int reserve(struct weights *weights, int rows, int columns, int matrices) {
    weights->rows = rows;
    weights->columns = columns;
    weights->packed = zeros((size_t)rows * columns * matrices);
    weights->bias = zeros(columns);
    return weights->packed && weights->bias;
}

/* Columns are (y, x, channel), the channels padded: so a row of products is a picture. */
static int pack_spread(struct weights *weights, const struct layer *layer, int start, const struct kernels *kernels) {
    int channels = up_to(layer->out, kernels->panel), places = start * start, panel = kernels->panel;
    if (!reserve(weights, layer->in, places * channels, 1)) return 0;
    for (int place = 0; place < places; place++)
        for (int channel = 0; channel < layer->out; channel++) {
            int column = place * channels + channel;
            float *packed = weights->packed + (size_t)(column - column % panel) * layer->in + column % panel;
            weights->bias[column] = layer->bias[channel];
            for (int row = 0; row < layer->in; row++)
                packed[(size_t)row * panel] = layer->weight[((size_t)row * layer->out + channel) * places + place];
        }
    return 1;
}

/* Along one axis, the factors of a phase, as the comment at `transform` has them: with stride 2 and padding 1 the pixel
 * 2i + phase reads x[i - 1 + phase] through tap 3 - phase, and its neighbour through tap 1 - phase. */
static double factor(const double *taps, int phase, int place) {
    double first = taps[3 - phase], second = taps[1 - phase];
    return place == 0 ? first : place == 1 ? first + second : second;
}

static float factor_of_square(const float *kernel, int phase, int place) {
    double rows[4];
    for (int y = 0; y < 4; y++) {
        const double row[4] = {kernel[4 * y], kernel[4 * y + 1], kernel[4 * y + 2], kernel[4 * y + 3]};
        rows[y] = factor(row, phase % 2, place % 3);
    }
    return (float)factor(rows, phase / 2, place / 3);
}

/* Factors phase by phase, then as `struct weights` says. */
static int pack_doubling(struct doubling *doubling, const struct layer *layer, const struct kernels *kernels) {
    struct weights *weights = &doubling->weights;
    int panel = kernels->panel, columns = up_to(layer->out, panel), rows = up_to(layer->in, panel);
    doubling->outside = zeros(rows);
    if (!reserve(weights, rows, columns, PHASES * COORDINATES) || !doubling->outside) return 0;
    for (int phase = 0; phase < PHASES; phase++)
        for (int channel = 0; channel < layer->out; channel++)
            for (int place = 0; place < COORDINATES; place++) {
                size_t matrix = ((size_t)phase * (columns / panel) + channel / panel) * COORDINATES + place;
                float *packed = weights->packed + matrix * rows * panel + channel % panel;
                for (int row = 0; row < layer->in; row++)
                    packed[(size_t)row * panel] = factor_of_square(
                        layer->weight + ((size_t)row * layer->out + channel) * TAPS, phase, place);
            }
    memcpy(weights->bias, layer->bias, layer->out * sizeof(float));
    return 1;
}

/* Columns are (channel, tap), a panel for each channel. */
static int pack_last(struct weights *weights, const struct layer *layer, const struct kernels *kernels) {
    int rows = up_to(layer->in, kernels->panel);
    if (!reserve(weights, rows, layer->out * TAPS, 1)) return 0;
    for (int channel = 0; channel < layer->out; channel++)
        for (int row = 0; row < layer->in; row++)
            memcpy(weights->packed + ((size_t)channel * rows + row) * TAPS,
                   layer->weight + ((size_t)row * layer->out + channel) * TAPS, TAPS * sizeof(float));
    memcpy(weights->bias, layer->bias, layer->out * sizeof(float));
    return 1;
}

/* A place in a thread's memory for so many numbers. */
static size_t place_for(struct generator *generator, size_t count) {
    size_t place = generator->memory;
    generator->memory += (count + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    return place;
}

/* How many pictures go together where each makes so many rows. */
static int together(int rows, int most) {
    int count = (ENOUGH_ROWS + rows - 1) / rows;
    return count < most ? count : most;
}

static void place_all(struct generator *generator) {
    int pictures = MOST_PICTURES, side = generator->start;
    generator->pictures = pictures;
    /* The results of the first layer lie before those of the first doubling. */
    place_for(generator, (size_t)pictures * generator->spread.columns);
    for (int each = 0; each < generator->count; each++, side *= 2) {
        struct doubling *doubling = &generator->doublings[each];
        doubling->side = side;
        doubling->pictures = pictures = together(TILES(side) * TILES(side), pictures);
        size_t places = (size_t)GRID_SIDE(side) * GRID_SIDE(side);
        doubling->grid = place_for(generator, pictures * places * doubling->weights.rows);
        doubling->made = place_for(generator, (size_t)pictures * 4 * side * side * doubling->weights.columns);
    }
    generator->side = side;
    generator->taps = place_for(generator, (size_t)(side + 2) * (side + 2) * generator->last.columns);
    generator->pixels = place_for(generator, (size_t)generator->channels * 4 * side * side);
}

struct generator *make_generator(const struct kernels *kernels, int start, const struct layer *layers, int count) {
    struct generator *made = calloc(1, sizeof *made);
    if (!made) return NULL;
    made->kernels = kernels;
    made->start = start;
    made->count = count - 2;
    made->channels = layers[count - 1].out;
    int room = pack_spread(&made->spread, layers, start, kernels);
    for (int each = 0; room && each < made->count; each++)
        room = pack_doubling(&made->doublings[each], layers + 1 + each, kernels);
    if (!room || !pack_last(&made->last, layers + count - 1, kernels)) {
        free_generator(made);
        return NULL;
    }
    place_all(made);
    return made;
}

static void free_weights(struct weights *weights) {
    free(weights->packed);
    free(weights->bias);
}

void free_generator(struct generator *generator) {
    free_weights(&generator->spread);
    for (int each = 0; each < generator->count; each++) {
        free_weights(&generator->doublings[each].weights);
        free(generator->doublings[each].outside);
    }
    free_weights(&generator->last);
    free(generator);
}

/* One run, and what its results go to. */
struct run {
    const struct generator *generator;
    float *memory;
    float *pixels;
    uint8_t *levels;
    int finite;
};

static void finish(struct run *run, const float *pictures, int count) {
    const struct generator *generator = run->generator;
    size_t given = (size_t)generator->side * generator->side * generator->last.rows;
    size_t made = (size_t)generator->channels * 4 * generator->side * generator->side;
    float *pixels = run->memory + generator->pixels;
    for (int picture = 0; picture < count; picture++, pictures += given) {
        run->finite &= generator->kernels->finish(generator, pictures, run->memory + generator->taps, pixels, run->levels);
        if (run->levels) run->levels += made;
        if (run->pixels) run->pixels = (float *)memcpy(run->pixels, pixels, made * sizeof(float)) + made;
    }
}

/* Depth first: what a layer has made is read by the next while it is still in the cache. */
static void go_on(struct run *run, int each, const float *pictures, int count) {
    const struct generator *generator = run->generator;
    if (each == generator->count) {
        finish(run, pictures, count);
        return;
    }
    const struct doubling *doubling = &generator->doublings[each];
    size_t size = (size_t)doubling->side * doubling->side * doubling->weights.rows;
    float *grid = run->memory + doubling->grid, *made = run->memory + doubling->made;
    for (int first = 0; first < count; first += doubling->pictures) {
        int part = count - first < doubling->pictures ? count - first : doubling->pictures;
        generator->kernels->transform(doubling, pictures + first * size, grid, part);
        generator->kernels->multiply(doubling, grid, made, part);
        go_on(run, each + 1, made, part);
    }
}

enum outcome run_generator(const struct generator *generator, const float *latents, float *pixels, uint8_t *levels,
                           size_t count) {
    struct run run = {generator, memory_of_thread(generator->memory), pixels, levels, 1};
    if (!run.memory) return NO_MEMORY;
    for (size_t first = 0; first < count; first += generator->pictures) {
        int part = count - first < (size_t)generator->pictures ? (int)(count - first) : generator->pictures;
        generator->kernels->spread(generator, latents + first * generator->spread.rows, run.memory, part);
        go_on(&run, 0, run.memory, part);
    }
    return run.finite ? DONE : NOT_FINITE;
}
