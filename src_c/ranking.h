/* Row numbers put in order by a column of what they stand for. */
#ifndef IMX500_RANKING_H
#define IMX500_RANKING_H

#include <stddef.h>
#include <stdint.h>

/* Sorts `count` row numbers by `scores[row]`, best first; ties keep their order. `scratch` has room
 * for `count` numbers. The two zeros are a tie; a NaN has no place in an order, so leave it out.
 * Nobody may write to the scores meanwhile: it would move rows beyond the ends of both arrays.
 */
void imx500_rank_by_score(const float *scores, uint32_t *rows, size_t count, uint32_t *scratch);

/* The same by `ids[row]`, least first. */
void imx500_rank_by_id(const int32_t *ids, uint32_t *rows, size_t count, uint32_t *scratch);

#endif
