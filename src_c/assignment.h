/* Who gets what, at the least cost in all. */
#ifndef IMX500_ASSIGNMENT_H
#define IMX500_ASSIGNMENT_H

#include <stddef.h>
#include <stdint.h>

/* How many bytes of scratch memory, aligned for double, `imx500_assign` needs. Neither number may
 * be above 2^13.
 */
size_t imx500_assignment_scratch_bytes(size_t rows, size_t columns);

/* Gives rows columns of their own so that the sum of their costs is the least there is, and so that
 * as many as possible get one: all rows, or all columns where there are more rows.
 *
 * `costs` are rows x columns, row after row. Writes each row's column to `column_of_row`, -1 where
 * it got none. Which of several optima it is depends on the costs alone. Costs that are not finite
 * give some assignment.
 */
void imx500_assign(const double *costs, size_t rows, size_t columns, int32_t *column_of_row,
                   void *scratch);

#endif
