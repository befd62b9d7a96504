#include "segmentation.h"

#include <math.h>
#include <string.h>

/* A map is turned from columns to rows tile by tile: eight columns make 16 bytes of a row, and 32
 * rows are two lines of the cache in each column. */
#define TILE_COLUMNS 8
#define TILE_ROWS 32

/* Scores are read in longer runs, for the planes of a tensor tend to lie at distances that share
 * one place in the cache. */
#define SCORE_ROWS 256

/* Where the first of two neighbours stands in their common 32 bits. */
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define FIRST_SHIFT 16
#else
#define FIRST_SHIFT 0
#endif
#define SECOND_SHIFT (16 - FIRST_SHIFT)

static inline int32_t as_class(float value) {
    const float at_least = value > -1.0f ? value : -1.0f;
    return (int32_t)(at_least < (float)IMX500_MAX_CLASSES ? at_least : -1.0f);
}

static inline uint32_t pair(int32_t first, int32_t second) {
    return ((uint32_t)first & 0xffffu) << FIRST_SHIFT | ((uint32_t)second & 0xffffu)
                                                            << SECOND_SHIFT;
}

static inline void store_pairs(uint32_t pairs[TILE_COLUMNS / 2][TILE_ROWS], size_t rows,
                               size_t width, int16_t *map) {
    for (size_t y = 0; y < rows; y++) {
        const uint32_t row[TILE_COLUMNS / 2] = {pairs[0][y], pairs[1][y], pairs[2][y], pairs[3][y]};
        memcpy(map + y * width, row, sizeof row);
    }
}

static inline void class_tile(const float *ids, size_t height, size_t rows, size_t width,
                              int16_t *map) {
    uint32_t pairs[TILE_COLUMNS / 2][TILE_ROWS];
    for (size_t i = 0; i < TILE_COLUMNS / 2; i++) {
        const float *first = ids + 2 * i * height;
        const float *second = first + height;
        for (size_t y = 0; y < rows; y++)
            pairs[i][y] = pair(as_class(first[y]), as_class(second[y]));
    }
    store_pairs(pairs, rows, width, map);
}

void imx500_class_map(const float *ids, size_t height, size_t width, int16_t *map) {
    size_t x = 0;
    for (; x + TILE_COLUMNS <= width; x += TILE_COLUMNS) {
        size_t y = 0;
        for (; y + TILE_ROWS <= height; y += TILE_ROWS)
            class_tile(ids + x * height + y, height, TILE_ROWS, width, map + y * width + x);
        if (y < height)
            class_tile(ids + x * height + y, height, height - y, width, map + y * width + x);
    }
    for (; x < width; x++)
        for (size_t y = 0; y < height; y++)
            map[y * width + x] = (int16_t)as_class(ids[x * height + y]);
}

/* How many elements of the tensor lie between neighbours. */
struct strides {
    size_t row, column, class;
};

static inline void best_of_rows(const float *scores, size_t row_stride, size_t class_stride,
                                size_t classes, size_t rows, int32_t *restrict best_class) {
    float best[SCORE_ROWS];
    for (size_t y = 0; y < rows; y++) {
        best[y] = -INFINITY;
        best_class[y] = -1;
    }
    for (size_t class = 0; class < classes; class++) {
        const float *plane = scores + class * class_stride;
        for (size_t y = 0; y < rows; y++) {
            const float score = plane[y * row_stride];
            /* A mask, for two choices by one comparison become a branch, and then no vectors. */
            const int32_t wins = -(int32_t)(score > best[y]);
            best_class[y] ^= (best_class[y] ^ (int32_t)class) & wins;
            best[y] = score > best[y] ? score : best[y];
        }
    }
}

static inline void best_of_tile(const float *scores, struct strides strides, size_t classes,
                                size_t rows, size_t columns, size_t width, int16_t *map) {
    int32_t best_class[TILE_COLUMNS][SCORE_ROWS];
    for (size_t x = 0; x < columns; x++)
        best_of_rows(scores + x * strides.column, strides.row, strides.class, classes, rows,
                     best_class[x]);
    for (size_t y = 0; y < rows; y++)
        for (size_t x = 0; x < columns; x++)
            map[y * width + x] = (int16_t)best_class[x][y];
}

static inline void best_of_tiles(const float *scores, struct strides strides, size_t height,
                                 size_t width, size_t classes, int16_t *map) {
    for (size_t x = 0; x < width; x += TILE_COLUMNS) {
        const size_t columns = width - x < TILE_COLUMNS ? width - x : TILE_COLUMNS;
        for (size_t y = 0; y < height; y += SCORE_ROWS) {
            const float *corner = scores + x * strides.column + y * strides.row;
            int16_t *place = map + y * width + x;
            /* A length that the compiler knows leaves no loop without vectors. */
            if (height - y >= SCORE_ROWS)
                best_of_tile(corner, strides, classes, SCORE_ROWS, columns, width, place);
            else
                best_of_tile(corner, strides, classes, height - y, columns, width, place);
        }
    }
}

void imx500_best_class_map(const float *scores, size_t height, size_t width, size_t classes,
                           int classes_first, int16_t *map) {
    if (classes_first) {
        const struct strides strides = {classes, classes * height, 1};
        best_of_tiles(scores, strides, height, width, classes, map);
    } else {
        const struct strides strides = {1, height, height * width};
        best_of_tiles(scores, strides, height, width, classes, map);
    }
}

int imx500_highest_class(const int16_t *map, size_t pixels) {
    int16_t highest = -1;
    for (size_t i = 0; i < pixels; i++)
        highest = map[i] > highest ? map[i] : highest;
    return highest;
}

static uint64_t four_ids(const int16_t *ids) {
    uint64_t word;
    memcpy(&word, ids, sizeof word);
    return word;
}

/* The first column from `x` on that does not hold the class of the one at `x`. */
static size_t end_of_run(const int16_t *row, size_t x, size_t width) {
    const int16_t class = row[x];
    const uint64_t run = 0x0001000100010001u * (uint16_t)class;
    x++;
    while (x + 16 <= width && ((four_ids(row + x) ^ run) | (four_ids(row + x + 4) ^ run) |
                               (four_ids(row + x + 8) ^ run) | (four_ids(row + x + 12) ^ run)) == 0)
        x += 16;
    while (x + 4 <= width && four_ids(row + x) == run)
        x += 4;
    while (x < width && row[x] == class)
        x++;
    return x;
}

void imx500_measure_regions(const int16_t *map, size_t height, size_t width,
                            struct imx500_region *regions, size_t classes) {
    memset(regions, 0, classes * sizeof *regions);
    for (size_t y = 0; y < height; y++) {
        const int16_t *row = map + y * width;
        for (size_t x = 0, end; x < width; x = end) {
            end = end_of_run(row, x, width);
            if (row[x] < 0 || (size_t)row[x] >= classes)
                continue;
            struct imx500_region *region = regions + row[x];
            if (region->pixels == 0) {
                region->y0 = (int32_t)y;
                region->x0 = (int32_t)x;
            }
            region->pixels += end - x;
            region->x0 = (int32_t)x < region->x0 ? (int32_t)x : region->x0;
            region->x1 = (int32_t)end > region->x1 ? (int32_t)end : region->x1;
            region->y1 = (int32_t)y + 1;
        }
    }
}

void imx500_class_masks(const int16_t *map, size_t pixels, const int32_t *class_id, size_t count,
                        uint8_t *masks) {
    for (size_t k = 0; k < count; k++) {
        uint8_t *mask = masks + k * pixels;
        /* What a map cannot hold must not be cut to something that it can. */
        if (class_id[k] < -1 || class_id[k] >= IMX500_MAX_CLASSES) {
            memset(mask, 0, pixels);
            continue;
        }
        const int16_t class = (int16_t)class_id[k];
        for (size_t i = 0; i < pixels; i++)
            mask[i] = map[i] == class;
    }
}

void imx500_find_nearest(struct imx500_nearest *nearest, const float *shares, size_t step,
                         uint32_t size, uint32_t stride) {
    nearest->begin = nearest->end = 0;
    for (size_t i = 0; i < nearest->count; i++) {
        const float share = shares[i * step];
        if (size == 0 || !(share >= 0.0f && share < 1.0f)) {
            nearest->offset[i] = 0;
            continue;
        }
        if (nearest->end == 0)
            nearest->begin = i;
        nearest->end = i + 1;
        nearest->offset[i] = (uint32_t)((double)share * size) * stride;
    }
}

static void fill(int16_t *pixels, size_t count) {
    for (size_t i = 0; i < count; i++)
        pixels[i] = -1;
}

void imx500_place_map(const int16_t *map, const struct imx500_nearest *rows,
                      const struct imx500_nearest *columns, int16_t *picture) {
    const size_t width = columns->count;
    fill(picture, rows->begin * width);
    for (size_t y = rows->begin; y < rows->end; y++) {
        int16_t *row = picture + y * width;
        /* A picture is mostly larger than the map, and its rows repeat. */
        if (y > rows->begin && rows->offset[y] == rows->offset[y - 1]) {
            memcpy(row, row - width, width * sizeof *row);
            continue;
        }
        const int16_t *line = map + rows->offset[y];
        fill(row, columns->begin);
        for (size_t x = columns->begin; x < columns->end; x++)
            row[x] = line[columns->offset[x]];
        fill(row + columns->end, width - columns->end);
    }
    fill(picture + rows->end * width, (rows->count - rows->end) * width);
}
