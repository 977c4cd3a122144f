#include "memory.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static int has_key;

static void make_key(void) { has_key = pthread_key_create(&key, free) == 0; }

static void *room_for(size_t size) { return aligned_alloc(ALIGNMENT, (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT); }

float *zeros(size_t count) {
    float *made = room_for(count * sizeof *made);
    return made ? memset(made, 0, count * sizeof *made) : NULL;
}

/* What a thread keeps: how much there is, and behind that the numbers. */
struct kept {
    _Alignas(ALIGNMENT) size_t count;
    _Alignas(ALIGNMENT) float numbers[];
};

float *memory_of_thread(size_t count) {
    pthread_once(&once, make_key);
    if (!has_key) return NULL;
    struct kept *kept = pthread_getspecific(key);
    if (kept && kept->count >= count) return kept->numbers;
    free(kept);
    kept = room_for(sizeof *kept + count * sizeof(float));
    if (pthread_setspecific(key, kept) != 0) {
        free(kept);
        return NULL;
    }
    if (!kept) return NULL;
    kept->count = count;
    return kept->numbers;
}
