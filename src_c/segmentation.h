/* Semantic segmentation: from a network's column-major tensor to a map of class ids. */
#ifndef IMX500_SEGMENTATION_H
#define IMX500_SEGMENTATION_H

#include <stddef.h>
#include <stdint.h>

/* A map is `height` rows of `width` class ids; a pixel without a class is -1. */

/* How many class ids a map can hold. */
#define IMX500_MAX_CLASSES 32768

/* Reads a tensor (height, width) of class ids. An id is cut to a whole number; NaN and what is
 * below 0 or does not fit an int16 is no class.
 */
void imx500_class_map(const float *ids, size_t height, size_t width, int16_t *map);

/* Reads a tensor (height, width, classes), or with `classes_first` (classes, height, width), of
 * scores: a pixel has the class of its highest, the first of equals. NaN and minus infinity never
 * win. `classes` is at most IMX500_MAX_CLASSES.
 */
void imx500_best_class_map(const float *scores, size_t height, size_t width, size_t classes,
                           int classes_first, int16_t *map);

/* The highest class id of a map, -1 if it has none. */
int imx500_highest_class(const int16_t *map, size_t pixels);

/* What a class covers: how many pixels, and from which column and row to before which. */
struct imx500_region {
    size_t pixels;
    int32_t x0, y0, x1, y1;
};

/* Fills `regions`, one for every class id below `classes`. The sides are at most INT32_MAX. */
void imx500_measure_regions(const int16_t *map, size_t height, size_t width,
                            struct imx500_region *regions, size_t classes);

/* Fills `count` masks, one after another, of 1 where a map has the class id and 0 elsewhere. */
void imx500_class_masks(const int16_t *map, size_t pixels, const int32_t *class_id, size_t count,
                        uint8_t *masks);

/* Where the pixels along one axis of a picture fall along one axis of a map. */
struct imx500_nearest {
    uint32_t *offset; /* how far into the map's memory, in elements */
    size_t count;     /* pixels */
    size_t begin;     /* the first pixel that falls into the map */
    size_t end;       /* the first after those */
};

/* Fills the `count` offsets from each pixel's place in 0..1 of the map's axis, `shares[i * step]`,
 * which must run one way: `size` map pixels that are `stride` elements apart.
 */
void imx500_find_nearest(struct imx500_nearest *nearest, const float *shares, size_t step,
                         uint32_t size, uint32_t stride);

/* Fills a picture of `rows->count` rows of `columns->count` class ids, -1 outside the map. */
void imx500_place_map(const int16_t *map, const struct imx500_nearest *rows,
                      const struct imx500_nearest *columns, int16_t *picture);

#endif
