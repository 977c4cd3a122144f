/* PNG files of small pictures (PNG specification, third edition). */

#ifndef LATENTSERVE_PNG_H
#define LATENTSERVE_PNG_H

#include <stddef.h>
#include <stdint.h>

struct picture {
    const uint8_t *levels; /* (height, width, channels) */
    uint32_t height, width;
    int channels; /* one or three */
};

/* The bytes of a file with that much text can be no more. */
size_t most_of_png(const struct picture *, size_t text, size_t chunks);

/* Writes the file, and returns its end: the picture, a text as the content of an iTXt chunk, and chunks that are whole.
 * `lines` is room for height * (1 + width * channels) bytes. */
uint8_t *write_png(const struct picture *, const uint8_t *text, size_t text_size, const uint8_t *chunks,
                   size_t chunks_size, uint8_t *lines, uint8_t *made);

#endif
