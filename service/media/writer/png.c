#include "png.h"

#include <pthread.h>
#include <string.h>

#include "deflate.h"

static const uint8_t SIGNATURE[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
enum { CHUNK = 12, HEADER = 13 }; /* bytes of a chunk beside its content, and of the header's content */

/* What four bytes do to a sum, one table for the place of each: CRC-32 by four bytes at a time. */
static uint32_t table[4][256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void fill_table(void) {
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t sum = byte;
        for (int bit = 0; bit < 8; bit++) sum = sum & 1 ? sum >> 1 ^ 0xEDB88320u : sum >> 1;
        table[0][byte] = sum;
    }
    for (int place = 1; place < 4; place++)
        for (int byte = 0; byte < 256; byte++) {
            uint32_t sum = table[place - 1][byte];
            table[place][byte] = sum >> 8 ^ table[0][sum & 255];
        }
}

static uint32_t crc32(const uint8_t *bytes, size_t size) {
    uint32_t sum = 0xFFFFFFFFu;
    for (; size >= 4; bytes += 4, size -= 4) {
        sum ^= (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
        sum = table[3][sum & 255] ^ table[2][sum >> 8 & 255] ^ table[1][sum >> 16 & 255] ^ table[0][sum >> 24];
    }
    while (size-- > 0) sum = sum >> 8 ^ table[0][(sum ^ *bytes++) & 255];
    return ~sum;
}

static uint8_t *write_word(uint32_t word, uint8_t *made) {
    for (int shift = 24; shift >= 0; shift -= 8) *made++ = (uint8_t)(word >> shift);
    return made;
}

static uint8_t *write_bytes(const void *bytes, size_t size, uint8_t *made) {
    memcpy(made, bytes, size);
    return made + size;
}

/* A chunk begins with the length of its content, which is known at its end. */
static uint8_t *begin_chunk(const char *kind, uint8_t *made) { return write_bytes(kind, 4, made + 4); }

static uint8_t *end_chunk(uint8_t *content, uint8_t *end) {
    write_word((uint32_t)(end - content), content - 8);
    return write_word(crc32(content - 4, (size_t)(end - content) + 4), end);
}

/* As it is, or as what differs from the line above where that is nothing: so are the lines of an enlarged picture. One that
 * is a single run anyway stays as it is. */
static void write_line(const uint8_t *levels, uint32_t row, size_t width, uint8_t *line) {
    enum { AS_IT_IS, UP = 2 };
    int repeats = row > 0 && memcmp(levels, levels - width, width) == 0 && memcmp(levels, levels + 1, width - 1) != 0;
    *line = repeats ? UP : AS_IT_IS;
    if (repeats)
        memset(line + 1, 0, width);
    else
        memcpy(line + 1, levels, width);
}

size_t most_of_png(const struct picture *picture, size_t text, size_t chunks) {
    size_t lines = (size_t)picture->height * (1 + (size_t)picture->width * picture->channels);
    return sizeof SIGNATURE + 4 * CHUNK + HEADER + text + chunks + most_deflated(lines);
}

uint8_t *write_png(const struct picture *picture, const uint8_t *text, size_t text_size, const uint8_t *chunks,
                   size_t chunks_size, uint8_t *lines, uint8_t *made) {
    size_t width = (size_t)picture->width * picture->channels;
    pthread_once(&once, fill_table);
    made = write_bytes(SIGNATURE, sizeof SIGNATURE, made);
    uint8_t *content = begin_chunk("IHDR", made);
    /* Eight bits, grey or colour, and the only ways there are to deflate, to filter and not to interlace. */
    const uint8_t form[] = {8, picture->channels == 1 ? 0 : 2, 0, 0, 0};
    made = write_bytes(form, sizeof form, write_word(picture->height, write_word(picture->width, content)));
    content = begin_chunk("iTXt", end_chunk(content, made));
    made = end_chunk(content, write_bytes(text, text_size, content));
    made = write_bytes(chunks, chunks_size, made);
    for (uint32_t row = 0; row < picture->height; row++)
        write_line(picture->levels + row * width, row, width, lines + row * (1 + width));
    content = begin_chunk("IDAT", made);
    made = end_chunk(content, write_deflated(lines, picture->height * (1 + width), content));
    content = begin_chunk("IEND", made);
    return end_chunk(content, content);
}
