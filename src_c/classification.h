/* Classification: the best of a row of scores, as probabilities. */
#ifndef IMX500_CLASSIFICATION_H
#define IMX500_CLASSIFICATION_H

#include <stddef.h>
#include <stdint.h>

struct imx500_ranking_options {
    int softmax;     /* the scores are logits; the confidences are their softmax */
    float threshold; /* the least confidence that counts */
    size_t limit;    /* how many of the best to keep */
};

size_t imx500_top_classes_scratch(size_t count, size_t limit);

/* Puts the best of `count` (at most INT32_MAX) scores into `class_id` and `confidence`, best first,
 * ties by class id, and returns how many there are. Both have room for the smaller of `count` and
 * `limit`. `scratch` has room for imx500_top_classes_scratch numbers, and may be NULL where that is
 * none: for the usual few no memory is needed.
 *
 * NaN is no score: it has no place among the best and no share of the softmax. Infinite logits
 * share the whole of it; where no logit is above minus infinity there is nothing to rank. The
 * scores may be written to meanwhile.
 */
size_t imx500_top_classes(const float *scores, size_t count,
                          const struct imx500_ranking_options *options, int32_t *class_id,
                          float *confidence, uint32_t *scratch);

#endif
