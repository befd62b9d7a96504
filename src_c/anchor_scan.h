/* Tables with one row per anchor, in either memory order, and the scan for the anchors that count.
 */
#ifndef IMX500_ANCHOR_SCAN_H
#define IMX500_ANCHOR_SCAN_H

#include <stddef.h>
#include <stdint.h>

/* Channel c of anchor a is values[a * anchor_step + c * channel_step]. Either the channels of an
 * anchor lie side by side, or the anchors of a channel do, and then column after column:
 * channel_step is 1, or anchor_step is 1 and channel_step the number of anchors.
 */
struct imx500_anchor_table {
    const float *values;
    size_t anchor_step;
    size_t channel_step;
};

static inline float imx500_anchor_value(const struct imx500_anchor_table *table, size_t anchor,
                                        size_t channel) {
    return table->values[anchor * table->anchor_step + channel * table->channel_step];
}

/* Finds the anchors with at least one channel that is at least `threshold`; NaN counts as minus
 * infinity.
 *
 * Writes their numbers, ascending, to `anchors_found`, which has room for all, and returns how many
 * there are.
 */
size_t imx500_scan_anchors(const struct imx500_anchor_table *scores, size_t anchors,
                           size_t channels, float threshold, uint32_t *anchors_found);

/* Writes the channel with the largest value of each of `count` anchors, the first of equals, and
 * that value. Where every channel is NaN or minus infinity there is none: -1 and minus infinity.
 */
void imx500_best_channels(const struct imx500_anchor_table *scores, size_t anchors, size_t channels,
                          const uint32_t *rows, size_t count, int32_t *channel, float *best);

#endif
