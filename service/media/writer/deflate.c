#include "deflate.h"

#include <string.h>

enum {
    BLOCK = 1 << 15, /* bytes that share a code */
    LITERALS = 286,  /* and lengths, and the end of a block */
    END = 256,
    FIRST_LENGTH = 257,
    LENGTHS = 19, /* of which the lengths of codes are written */
    SHORTEST_RUN = 3,
    LONGEST_RUN = 258,
    LONGEST_CODE = 15,
    STORED_HEAD = 5,
};

/* Of each run: the symbol, and how many bits more of which value (RFC 1951, 3.2.5). */
struct length {
    uint16_t symbol;
    uint8_t bits, value;
};

static struct length length_of(int run) {
    int over = run - SHORTEST_RUN, bits = 0;
    if (run == LONGEST_RUN) return (struct length){285, 0, 0};
    if (over < 8) return (struct length){(uint16_t)(FIRST_LENGTH + over), 0, 0};
    while (over >> (bits + 3)) bits++;
    return (struct length){(uint16_t)(FIRST_LENGTH + 4 * bits + (over >> bits)), (uint8_t)bits,
                           (uint8_t)(over & ((1 << bits) - 1))};
}

/* A code: how many bits each symbol has, and which; the first bit lowest. */
struct code {
    uint8_t bits[LITERALS];
    uint16_t words[LITERALS];
};

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "bits are written by words whose lowest byte is the first"
#endif

/* Bits on their way; the first is the lowest. */
struct writer {
    uint64_t bits;
    int count;
    uint8_t *place;
};

static inline void write_bits(struct writer *writer, uint32_t value, int count) {
    writer->bits |= (uint64_t)value << writer->count;
    writer->count += count;
}

/* Makes room for 57 bits. Writes eight bytes, of which those count that are whole. */
static inline void flush(struct writer *writer) {
    memcpy(writer->place, &writer->bits, sizeof writer->bits);
    writer->place += writer->count >> 3;
    writer->bits >>= writer->count & ~7;
    writer->count &= 7;
}

static void write_whole_byte(struct writer *writer) {
    writer->count = (writer->count + 7) & ~7;
    flush(writer);
}

/* Puts symbols in the order of one byte of their counts, and leaves those of which it is equal as they are. */
static void sort_by_byte(const uint32_t *counts, int shift, const uint16_t *symbols, uint16_t *sorted, int many) {
    uint16_t places[256] = {0}, place = 0;
    for (int each = 0; each < many; each++) places[counts[symbols[each]] >> shift & 255]++;
    for (int byte = 0; byte < 256; byte++) {
        uint16_t equal = places[byte];
        places[byte] = place;
        place = (uint16_t)(place + equal);
    }
    for (int each = 0; each < many; each++) sorted[places[counts[symbols[each]] >> shift & 255]++] = symbols[each];
}

/* Those symbols that occur, the rarest first; returns how many. */
static int sort(const uint32_t *counts, int symbols, uint16_t *sorted) {
    uint16_t found[LITERALS], half_sorted[LITERALS];
    uint32_t most = 0;
    int many = 0;
    for (int symbol = 0; symbol < symbols; symbol++) {
        found[many] = (uint16_t)symbol;
        many += counts[symbol] > 0;
        if (counts[symbol] > most) most = counts[symbol];
    }
    sort_by_byte(counts, 0, found, most < 256 ? sorted : half_sorted, many);
    if (most >= 256) sort_by_byte(counts, 8, half_sorted, sorted, many);
    return many;
}

/* How many symbols have codes of each length, in an optimal code for counts that rise: Moffat and Katajainen's way, in place.
 * Then no code is longer than it may be: what is, moves up, and a shorter one makes room (the rule of JPEG, K.3). */
static void measure(uint32_t *counts, int many, int longest, int *of_length) {
    /* Each pair of the rarest becomes a parent, whose place its children note. */
    int root = 0, leaf = 2;
    counts[0] += counts[1];
    for (int next = 1; next < many - 1; next++) {
        uint32_t sum = 0;
        for (int child = 0; child < 2; child++) {
            if (leaf >= many || (root < next && counts[root] < counts[leaf])) {
                sum += counts[root];
                counts[root++] = (uint32_t)next;
            } else
                sum += counts[leaf++];
        }
        counts[next] = sum;
    }
    /* From the last parent down: the depths of parents, and how many of each depth are none. */
    counts[many - 2] = 0;
    for (int next = many - 3; next >= 0; next--) counts[next] = counts[counts[next]] + 1;
    int available = 1, parent = many - 2;
    for (int depth = 0; available > 0; depth++) {
        int used = 0;
        while (parent >= 0 && (int)counts[parent] == depth) used++, parent--;
        int leaves = available - used;
        of_length[depth < 63 ? depth : 63] += leaves;
        available = 2 * used;
    }
    for (int length = 63; length > longest; length--)
        while (of_length[length] > 0) {
            int shorter = length - 2;
            while (of_length[shorter] == 0) shorter--;
            of_length[length] -= 2;
            of_length[length - 1]++;
            of_length[shorter + 1] += 2;
            of_length[shorter]--;
        }
}

static uint16_t reversed(uint32_t word, int bits) {
    word = (word & 0x5555) << 1 | (word >> 1 & 0x5555);
    word = (word & 0x3333) << 2 | (word >> 2 & 0x3333);
    word = (word & 0x0F0F) << 4 | (word >> 4 & 0x0F0F);
    word = (word & 0x00FF) << 8 | word >> 8;
    return (uint16_t)(word >> (16 - bits));
}

/* Counts below 2^16 -> a code of lengths up to `longest`. At least two symbols occur. */
static void make_code(const uint32_t *counts, int symbols, int longest, struct code *code) {
    uint16_t sorted[LITERALS];
    uint32_t rising[LITERALS] = {0};
    int of_length[64] = {0}, many = sort(counts, symbols, sorted);
    for (int each = 0; each < many; each++) rising[each] = counts[sorted[each]];
    measure(rising, many, longest, of_length);
    memset(code->bits, 0, symbols);
    for (int length = longest, each = 0; length > 0; length--)
        for (int number = 0; number < of_length[length]; number++) code->bits[sorted[each++]] = (uint8_t)length;
    /* The words are those that follow from the lengths (RFC 1951, 3.2.2). */
    uint32_t next[LONGEST_CODE + 1], word = 0;
    for (int length = 1; length <= longest; length++) {
        word = (word + (uint32_t)(length > 1 ? of_length[length - 1] : 0)) << 1;
        next[length] = word;
    }
    next[0] = 0;
    for (int symbol = 0; symbol < symbols; symbol++) {
        int bits = code->bits[symbol];
        code->words[symbol] = reversed(next[bits], bits);
        next[bits] += bits > 0;
    }
}

/* The lengths of the codes for literals and distances, as they are written: a symbol below 19 and, with the last three of
 * them, how often. */
struct lengths {
    int many, literals;
    uint8_t symbols[LITERALS + 1], repeats[LITERALS + 1];
    uint32_t counts[LENGTHS];
};

static const uint8_t REPEAT_BITS[LENGTHS] = {[16] = 2, [17] = 3, [18] = 7};
static const uint8_t ORDER[LENGTHS] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};

static void add_length(struct lengths *lengths, int symbol, int repeats) {
    lengths->symbols[lengths->many] = (uint8_t)symbol;
    lengths->repeats[lengths->many++] = (uint8_t)repeats;
    lengths->counts[symbol]++;
}

static void list_lengths(const struct code *code, struct lengths *lengths) {
    uint8_t all[LITERALS + 1];
    memset(lengths, 0, sizeof *lengths);
    lengths->literals = LITERALS;
    while (code->bits[lengths->literals - 1] == 0) lengths->literals--;
    memcpy(all, code->bits, lengths->literals);
    all[lengths->literals] = 1; /* the only distance */
    for (int each = 0, total = lengths->literals + 1; each < total;) {
        int run = 1;
        while (each + run < total && all[each + run] == all[each]) run++;
        if (all[each] == 0 && run >= 3) {
            if (run > 138) run = 138;
            add_length(lengths, run > 10 ? 18 : 17, run > 10 ? run - 11 : run - 3);
        } else if (run >= 4) {
            if (run > 7) run = 7;
            add_length(lengths, all[each], 0);
            add_length(lengths, 16, run - 4);
        } else {
            run = 1;
            add_length(lengths, all[each], 0);
        }
        each += run;
    }
}

/* A block as literals and runs: below 256 a byte, above the end a run. */
struct block {
    int many;
    uint16_t tokens[BLOCK + 1];
    uint32_t counts[LITERALS];
};

static void read_block(const uint8_t *data, size_t size, struct block *block) {
    memset(block->counts, 0, sizeof block->counts);
    block->many = 0;
    for (size_t place = 0; place < size;) {
        uint8_t byte = data[place++];
        block->tokens[block->many++] = byte;
        block->counts[byte]++;
        size_t run = 0;
        while (place + run < size && run < LONGEST_RUN && data[place + run] == byte) run++;
        if (run >= SHORTEST_RUN) {
            block->tokens[block->many++] = (uint16_t)(END + run);
            block->counts[length_of((int)run).symbol]++;
            place += run;
        }
    }
    block->tokens[block->many++] = END;
    block->counts[END] = 1;
}

/* Bits of the block's content with that code. */
static size_t content_bits(const struct block *block, const struct code *code) {
    size_t bits = 0;
    for (int symbol = 0; symbol < LITERALS; symbol++) {
        int more = symbol < 265 || symbol == 285 ? 0 : (symbol - 261) / 4;
        int distance = symbol > END;
        bits += (size_t)block->counts[symbol] * (code->bits[symbol] + more + distance);
    }
    return bits;
}

static void write_coded(struct writer *whole, const struct block *block, const struct code *code,
                        const struct lengths *lengths, const struct code *of_lengths, int written) {
    /* A copy that nothing else can point to, and that so can be in registers. */
    struct writer own = *whole, *writer = &own;
    write_bits(writer, 2, 2);
    write_bits(writer, lengths->literals - FIRST_LENGTH, 5);
    write_bits(writer, 0, 5);
    write_bits(writer, written - 4, 4);
    for (int each = 0; each < written; each++) {
        write_bits(writer, of_lengths->bits[ORDER[each]], 3);
        flush(writer);
    }
    for (int each = 0; each < lengths->many; each++) {
        int symbol = lengths->symbols[each];
        write_bits(writer, of_lengths->words[symbol], of_lengths->bits[symbol]);
        write_bits(writer, lengths->repeats[each], REPEAT_BITS[symbol]);
        flush(writer);
    }
    for (int each = 0; each < block->many; each++) {
        int token = block->tokens[each];
        if (token <= END) {
            write_bits(writer, code->words[token], code->bits[token]);
        } else {
            struct length length = length_of(token - END);
            write_bits(writer, code->words[length.symbol], code->bits[length.symbol]);
            write_bits(writer, length.value, length.bits + 1); /* and the distance, which is a zero */
        }
        flush(writer);
    }
    *whole = own;
}

static void write_block(struct writer *writer, const uint8_t *data, size_t size, int last) {
    struct block block;
    struct code code, of_lengths;
    struct lengths lengths;
    read_block(data, size, &block);
    make_code(block.counts, LITERALS, LONGEST_CODE, &code);
    list_lengths(&code, &lengths);
    make_code(lengths.counts, LENGTHS, 7, &of_lengths);
    int written = LENGTHS;
    while (written > 4 && of_lengths.bits[ORDER[written - 1]] == 0) written--;
    size_t bits = content_bits(&block, &code) + 14 + 3 * (size_t)written;
    for (int symbol = 0; symbol < LENGTHS; symbol++)
        bits += (size_t)lengths.counts[symbol] * (of_lengths.bits[symbol] + REPEAT_BITS[symbol]);
    write_bits(writer, (uint32_t)last, 1);
    if (bits < 8 * (size + STORED_HEAD) - 8) {
        write_coded(writer, &block, &code, &lengths, &of_lengths, written);
        return;
    }
    write_bits(writer, 0, 2);
    write_whole_byte(writer);
    const uint8_t head[4] = {(uint8_t)size, (uint8_t)(size >> 8), (uint8_t)~size, (uint8_t)(~size >> 8)};
    memcpy(writer->place, head, 4);
    memcpy(writer->place + 4, data, size);
    writer->place += 4 + size;
}

static uint32_t adler32(const uint8_t *data, size_t size) {
    uint32_t low = 1, high = 0;
    while (size > 0) {
        size_t part = size < 5552 ? size : 5552; /* as many as cannot overflow */
        for (size_t place = 0; place < part; place++) {
            low += data[place];
            high += low;
        }
        low %= 65521;
        high %= 65521;
        data += part;
        size -= part;
    }
    return high << 16 | low;
}

size_t most_deflated(size_t size) { return size + (size / BLOCK + 1) * (STORED_HEAD + 1) + 16; }

uint8_t *write_deflated(const uint8_t *data, size_t size, uint8_t *made) {
    struct writer writer = {0, 0, made};
    *writer.place++ = 0x78; /* a window of 32 KiB */
    *writer.place++ = 0x01; /* made quickly */
    size_t place = 0;
    do {
        size_t part = size - place < BLOCK ? size - place : BLOCK;
        write_block(&writer, data + place, part, place + part == size);
        place += part;
    } while (place < size);
    write_whole_byte(&writer);
    uint32_t sum = adler32(data, size);
    for (int shift = 24; shift >= 0; shift -= 8) *writer.place++ = (uint8_t)(sum >> shift);
    return writer.place;
}
