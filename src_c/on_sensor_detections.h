/* Detectors whose post-processing runs on the sensor: four tensors, one row per candidate. */
#ifndef IMX500_ON_SENSOR_DETECTIONS_H
#define IMX500_ON_SENSOR_DETECTIONS_H

#include <stddef.h>
#include <stdint.h>

struct imx500_candidates {
    const float *boxes;   /* rows x 4, column after column, as libcamera exports it */
    const float *scores;  /* rows */
    const float *classes; /* rows */
    size_t rows;
    float count; /* how many rows the sensor filled */
};

struct imx500_box_format {
    int x_first; /* columns are x0, y0, x1, y1 rather than y0, x0, y1, x1 */
    float x_unit;
    float y_unit; /* what one picture width or height is in the tensor: 1, or input pixels */
};

/* Finds the candidates among the filled rows whose score is at least `threshold` and not infinite
 * and whose box is finite, most confident first, ties in the order of their rows. A count that is
 * NaN or below 1 fills no rows, one that is too large all.
 *
 * Writes their rows to `selected`, which has room for `3 * rows` numbers (the last two thirds are
 * scratch), and returns how many there are. The tensors may be written to meanwhile.
 */
size_t imx500_select_candidates(const struct imx500_candidates *candidates, float threshold,
                                uint32_t *selected);

/* Writes the boxes (corner form, x first, 0..1 of what the network saw), scores and class ids of
 * `count` selected rows. A class that is no number from 0 to 2^24 becomes -1.
 */
void imx500_gather_candidates(const struct imx500_candidates *candidates,
                              const struct imx500_box_format *format, const uint32_t *selected,
                              size_t count, float *xyxy, float *confidence, int32_t *class_id);

#endif
