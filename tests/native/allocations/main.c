#define _POSIX_C_SOURCE 200809L /* strdup, posix_memalign */

#include "counting.h"

#include <stdlib.h>
#include <string.h>

/* What the optimiser cannot see through, or it would take the allocation away. */
static void *volatile kept;

static size_t allocate(void) {
    kept = malloc(100);
    free(kept);
    return 1;
}

static size_t copy_text(void) {
    kept = strdup("text");
    return 1;
}

static size_t align(void) {
    void *memory;
    if (posix_memalign(&memory, 64, 100))
        abort();
    kept = memory;
    kept = aligned_alloc(64, 128);
    return 1;
}

static size_t resize(void) {
    kept = realloc(calloc(10, 10), 1000);
    return 1;
}

static int compare(const void *left, const void *right) {
    const int a = *(const int *)left, b = *(const int *)right;
    return (a > b) - (a < b);
}

static size_t sort(int *numbers, size_t count) {
    for (size_t i = 0; i < count; i++)
        numbers[i] = (int)any_index(count);
    qsort(numbers, count, sizeof *numbers, compare);
    return count;
}

static size_t add(size_t count) {
    return count + 1;
}

int main(void) {
    static int numbers[10000];
    GIVES("control", allocate);
    GIVES("control", copy_text);
    GIVES("control", align);
    GIVES("control", resize);
    GIVES("control", sort, numbers, sizeof numbers / sizeof *numbers);
    GIVES("control", add, 1);
    call_detectors();
    call_poses();
    call_masks();
    call_pictures();
    call_coordinates();
    return 0;
}
