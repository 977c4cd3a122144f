/* Standard normals of a seed, by the recipe of models_store/latents.py. */

#ifndef LATENTSERVE_NORMALS_H
#define LATENTSERVE_NORMALS_H

#include <stddef.h>
#include <stdint.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "draws are packed with the lowest byte first"
#endif

/* What is drawn, as Python packs it. */
struct draw {
    uint32_t seed, index;
    float temperature;
};

/* `dim` normals times the temperature. */
void draw_normals(const struct draw *, uint32_t stream, float *made, size_t dim);

#endif
