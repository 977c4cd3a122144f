/* Deflate (RFC 1951) by runs and Huffman codes, as zlib's Z_RLE: for pictures as small as a network's, which repeat
 * single bytes and little else. */

#ifndef LATENTSERVE_DEFLATE_H
#define LATENTSERVE_DEFLATE_H

#include <stddef.h>
#include <stdint.h>

/* What so many bytes can become at most. */
size_t most_deflated(size_t size);

/* Writes at least one byte of data as a zlib stream (RFC 1950), and returns its end. */
uint8_t *write_deflated(const uint8_t *data, size_t size, uint8_t *made);

#endif
