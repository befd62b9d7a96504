#include "ranking.h"

#include <string.h>

#define DIGIT_BITS 8
#define DIGITS (32 / DIGIT_BITS)
#define DIGIT_VALUES (1u << DIGIT_BITS)

/* Counting digits has a fixed price, that of clearing and summing the counters. */
#define INSERTION_LIMIT 24

enum column_kind { SCORES, IDS };

/* What makes the order: unsigned, least first. A pointer to a function for each kind would cost
 * more than the sorting, since gcc calls it for every row. */
static inline uint32_t key(const void *column, uint32_t row, enum column_kind kind) {
    uint32_t bits;
    memcpy(&bits, (const char *)column + sizeof bits * row, sizeof bits);
    if (kind == IDS)
        return bits ^ 0x80000000u;
    /* Both zeros are one; floats of one sign are in the order of their bits. */
    bits = bits == 0x80000000u ? 0 : bits;
    return bits & 0x80000000u ? bits : ~bits & 0x7fffffffu;
}

static inline int is_sorted(const void *column, const uint32_t *rows, size_t count,
                            enum column_kind kind) {
    for (size_t i = 1; i < count; i++)
        if (key(column, rows[i], kind) < key(column, rows[i - 1], kind))
            return 0;
    return 1;
}

static inline void insertion_sort(const void *column, uint32_t *rows, size_t count,
                                  enum column_kind kind) {
    for (size_t i = 1; i < count; i++) {
        const uint32_t row = rows[i];
        const uint32_t own = key(column, row, kind);
        size_t hole = i;
        for (; hole > 0 && own < key(column, rows[hole - 1], kind); hole--)
            rows[hole] = rows[hole - 1];
        rows[hole] = row;
    }
}

/* From the least digit to the most, each pass stable; a digit that all rows share costs no pass. */
static inline void radix_sort(const void *column, uint32_t *rows, size_t count, uint32_t *scratch,
                              enum column_kind kind) {
    uint32_t counts[DIGITS][DIGIT_VALUES] = {{0}};
    for (size_t i = 0; i < count; i++) {
        const uint32_t own = key(column, rows[i], kind);
        for (unsigned digit = 0; digit < DIGITS; digit++)
            counts[digit][own >> digit * DIGIT_BITS & (DIGIT_VALUES - 1)]++;
    }
    const uint32_t any = key(column, rows[0], kind);
    uint32_t *from = rows, *to = scratch;
    for (unsigned digit = 0; digit < DIGITS; digit++) {
        const unsigned shift = digit * DIGIT_BITS;
        uint32_t *places = counts[digit];
        if (places[any >> shift & (DIGIT_VALUES - 1)] == count)
            continue;
        uint32_t place = 0;
        for (unsigned value = 0; value < DIGIT_VALUES; value++) {
            const uint32_t rows_of_value = places[value];
            places[value] = place;
            place += rows_of_value;
        }
        for (size_t i = 0; i < count; i++)
            to[places[key(column, from[i], kind) >> shift & (DIGIT_VALUES - 1)]++] = from[i];
        uint32_t *swap = from;
        from = to;
        to = swap;
    }
    if (from != rows)
        memcpy(rows, from, count * sizeof *rows);
}

static inline void rank(const void *column, uint32_t *rows, size_t count, uint32_t *scratch,
                        enum column_kind kind) {
    if (is_sorted(column, rows, count, kind))
        return;
    if (count <= INSERTION_LIMIT)
        insertion_sort(column, rows, count, kind);
    else
        radix_sort(column, rows, count, scratch, kind);
}

void imx500_rank_by_score(const float *scores, uint32_t *rows, size_t count, uint32_t *scratch) {
    rank(scores, rows, count, scratch, SCORES);
}

void imx500_rank_by_id(const int32_t *ids, uint32_t *rows, size_t count, uint32_t *scratch) {
    rank(ids, rows, count, scratch, IDS);
}
