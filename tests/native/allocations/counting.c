#define _POSIX_C_SOURCE 200809L /* posix_memalign */

#include "counting.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FRESH 0xa5

const struct situation situations[SITUATIONS] = {{"none", 1.0f}, {"some", 0.5f}, {"all", 0.0f}};

static size_t calls;
static size_t calls_before;

/* glibc calls these in place of its own, also from inside. */
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *memory, size_t bytes);
void *__libc_memalign(size_t alignment, size_t bytes);
void __libc_free(void *memory);

void *malloc(size_t bytes) {
    calls++;
    return __libc_malloc(bytes);
}

void *calloc(size_t count, size_t bytes) {
    calls++;
    return __libc_calloc(count, bytes);
}

void *realloc(void *memory, size_t bytes) {
    calls++;
    return __libc_realloc(memory, bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes) {
    calls++;
    return __libc_memalign(alignment, bytes);
}

int posix_memalign(void **memory, size_t alignment, size_t bytes) {
    calls++;
    *memory = __libc_memalign(alignment, bytes);
    return *memory ? 0 : ENOMEM;
}

void free(void *memory) {
    calls++;
    __libc_free(memory);
}

size_t allocation_calls(void) {
    return calls;
}

void begin_call(void) {
    calls_before = calls;
}

size_t end_call(const char *function, const char *situation, size_t found) {
    const size_t made = calls - calls_before;
    printf("%s\t%s\t%zu\t%zu\n", function, situation, made, found);
    return found;
}

static void *filled(size_t bytes, int byte) {
    void *memory = malloc(bytes ? bytes : 1);
    if (!memory)
        abort();
    return memset(memory, byte, bytes);
}

void *fresh(size_t bytes) {
    return filled(bytes, FRESH);
}

void *zeros(size_t bytes) {
    return filled(bytes, 0);
}

static size_t unlike(const uint8_t *memory, size_t bytes, uint8_t byte) {
    size_t count = 0;
    for (size_t i = 0; i < bytes; i++)
        count += memory[i] != byte;
    return count;
}

size_t written(const void *memory, size_t bytes) {
    return unlike(memory, bytes, FRESH);
}

size_t set(const void *memory, size_t bytes) {
    return unlike(memory, bytes, 0);
}

static uint32_t any_bits(void) {
    static uint32_t state = 2463534242u;
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

float any_number(float low, float high) {
    return low + (high - low) * ((float)(any_bits() >> 8) / 16777216.0f);
}

size_t any_index(size_t count) {
    return any_bits() % count;
}

float *floats(size_t count, float low, float high) {
    float *numbers = fresh(count * sizeof *numbers);
    for (size_t i = 0; i < count; i++)
        numbers[i] = any_number(low, high);
    return numbers;
}
