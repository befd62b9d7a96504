/* Finds the few anchors of a dense detector where some class is likely. */
#ifndef IMX500_CLASS_SCAN_H
#define IMX500_CLASS_SCAN_H

#include <stddef.h>
#include <stdint.h>

struct imx500_class_columns {
    const float *values; /* anchors x classes, column after column */
    size_t anchors;      /* at most UINT32_MAX */
    size_t classes;      /* at most INT32_MAX */
};

/* Writes the rows, ascending, in which some class has a value of at least `floor`, and returns how
 * many there are; `rows` has room for all anchors. A NaN is no value.
 */
size_t imx500_scan_classes(const struct imx500_class_columns *columns, float floor, uint32_t *rows);

/* Writes the best class of `count` rows, the first of equals, and its value. Where every class is a
 * NaN or minus infinity there is none: -1 and minus infinity. A row must be below `anchors`.
 */
void imx500_best_classes(const struct imx500_class_columns *columns, const uint32_t *rows,
                         size_t count, int32_t *class_id, float *best);

#endif
