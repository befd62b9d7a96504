#include "instance_masks.h"

#include <math.h>
#include <string.h>

/* Independent sums, because one alone would be a chain that no compiler may reorder. */
#define LANES 8

struct span {
    size_t start, end;
};

static size_t index_within(double value, size_t limit) {
    if (!(value > 0.0))
        return 0;
    return value >= (double)limit ? limit : (size_t)value;
}

/* The pixels whose centre is from `low` to below `high`. */
static struct span centres_between(double low, double high, size_t pixels) {
    if (!isfinite(low) || !isfinite(high))
        return (struct span){0, 0};
    struct span span = {index_within(ceil(low - 0.5), pixels),
                        index_within(ceil(high - 0.5), pixels)};
    if (span.start > span.end)
        span.end = span.start;
    return span;
}

/* The pixels that interpolation reads between `low` and `high`. */
static struct span samples_between(double low, double high, size_t pixels) {
    if (!isfinite(low) || !isfinite(high) || !(low < high) || !(high > 0.0) ||
        !(low < (double)pixels))
        return (struct span){0, 0};
    return (struct span){index_within(floor(low - 0.5), pixels - 1),
                         index_within(floor(high - 0.5) + 2.0, pixels)};
}

static float dot(const float *left, const float *right, size_t count) {
    float sums[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (size_t lane = 0; lane < LANES; lane++)
            sums[lane] += left[i + lane] * right[i + lane];
    for (size_t lane = 0; i < count; i++, lane++)
        sums[lane] += left[i] * right[i];
    for (size_t half = LANES / 2; half > 0; half /= 2)
        for (size_t lane = 0; lane < half; lane++)
            sums[lane] += sums[lane + half];
    return sums[0];
}

size_t imx500_mask_logits_scratch_bytes(size_t channels, size_t height, size_t width) {
    return (channels + (height > width ? height : width)) * sizeof(float);
}

/* One line of a sheet, along the axis of the prototypes that is closer together in memory. */
static void line_of_logits(const struct imx500_prototypes *prototypes, const float *first,
                           size_t step, size_t count, const float *coefficients, float *line) {
    if (prototypes->channel_step == 1) {
        for (size_t i = 0; i < count; i++)
            line[i] = dot(first + i * step, coefficients, prototypes->channels);
        return;
    }
    memset(line, 0, count * sizeof *line);
    for (size_t channel = 0; channel < prototypes->channels; channel++) {
        const float *values = first + channel * prototypes->channel_step;
        const float coefficient = coefficients[channel];
        if (step == 1)
            for (size_t i = 0; i < count; i++)
                line[i] += coefficient * values[i];
        else
            for (size_t i = 0; i < count; i++)
                line[i] += coefficient * values[i * step];
    }
}

void imx500_mask_logits(const struct imx500_prototypes *prototypes,
                        const struct imx500_anchor_table *coefficients, const uint32_t *anchors,
                        const float *xyxy, size_t count, float *logits, void *scratch) {
    const size_t height = prototypes->height, width = prototypes->width;
    float *own = scratch, *line = own + prototypes->channels;
    const int down = prototypes->y_step < prototypes->x_step;
    for (size_t i = 0; i < count; i++) {
        const float *box = xyxy + 4 * i;
        const struct span x =
            samples_between(box[0] * (double)width, box[2] * (double)width, width);
        const struct span y =
            samples_between(box[1] * (double)height, box[3] * (double)height, height);
        if (x.start == x.end || y.start == y.end)
            continue;
        for (size_t channel = 0; channel < prototypes->channels; channel++)
            own[channel] = imx500_anchor_value(coefficients, anchors[i], channel);
        float *sheet = logits + i * height * width;
        const struct span outer = down ? x : y, inner = down ? y : x;
        const size_t outer_step = down ? prototypes->x_step : prototypes->y_step;
        const size_t inner_step = down ? prototypes->y_step : prototypes->x_step;
        for (size_t o = outer.start; o < outer.end; o++) {
            const float *first = prototypes->values + o * outer_step + inner.start * inner_step;
            if (!down) {
                line_of_logits(prototypes, first, inner_step, inner.end - inner.start, own,
                               sheet + o * width + inner.start);
                continue;
            }
            line_of_logits(prototypes, first, inner_step, inner.end - inner.start, own, line);
            for (size_t j = inner.start; j < inner.end; j++)
                sheet[j * width + o] = line[j - inner.start];
        }
    }
}

void imx500_network_masks(const float *logits, size_t count, size_t height, size_t width,
                          const float *xyxy, uint8_t *masks) {
    for (size_t i = 0; i < count; i++) {
        const float *box = xyxy + 4 * i;
        const struct span x =
            centres_between(box[0] * (double)width, box[2] * (double)width, width);
        const struct span y =
            centres_between(box[1] * (double)height, box[3] * (double)height, height);
        for (size_t row = y.start; row < y.end; row++) {
            const float *from = logits + (i * height + row) * width;
            uint8_t *to = masks + (i * height + row) * width;
            for (size_t column = x.start; column < x.end; column++)
                to[column] = from[column] > 0.0f;
        }
    }
}

/* What interpolation needs for one pixel of an axis. */
struct sample {
    uint32_t index;   /* of the logit before it */
    float share;      /* of the logit after it */
    uint32_t run_end; /* the first pixel after it that lies between two other logits */
};

static void lay_samples(const struct imx500_mask_axis *axis, size_t logits,
                        struct sample *samples) {
    for (size_t i = 0; i < axis->pixels; i++) {
        const double place =
            (((double)i + 0.5) * axis->scale + axis->offset) * (double)logits - 0.5;
        samples[i].index = (uint32_t)index_within(place, logits - 1);
        const double share = place - (double)samples[i].index;
        samples[i].share = share > 0.0 ? (float)(share < 1.0 ? share : 1.0) : 0.0f;
    }
    size_t end = axis->pixels;
    for (size_t i = axis->pixels; i-- > 0;) {
        if (i + 1 < axis->pixels && samples[i].index != samples[i + 1].index)
            end = i + 1;
        samples[i].run_end = (uint32_t)end;
    }
}

size_t imx500_picture_masks_scratch_bytes(const struct imx500_mask_picture *picture, size_t height,
                                          size_t width) {
    return (picture->x.pixels + picture->y.pixels) * sizeof(struct sample) +
           (height > width ? height : width) * sizeof(float);
}

/* One row of a picture: the logits lie `step` apart, the line takes them between two rows. */
static void fill_row(const float *before, const float *after, size_t step, size_t logits,
                     float share, const struct sample *samples, struct span pixels, float *line,
                     uint8_t *row) {
    const size_t one = samples[pixels.start].index, other = samples[pixels.end - 1].index;
    const size_t low = one < other ? one : other, high = one < other ? other : one;
    const size_t last = high + 1 < logits ? high + 1 : high;
    if (step == 1)
        for (size_t j = low; j <= last; j++)
            line[j] = before[j] + share * (after[j] - before[j]);
    else
        for (size_t j = low; j <= last; j++)
            line[j] = before[j * step] + share * (after[j * step] - before[j * step]);
    for (size_t i = pixels.start; i < pixels.end;) {
        const size_t index = samples[i].index;
        const size_t end = samples[i].run_end < pixels.end ? samples[i].run_end : pixels.end;
        const float left = line[index], right = line[index < last ? index + 1 : last];
        if (left > 0.0f && right > 0.0f)
            memset(row + i, 1, end - i);
        else if (left > 0.0f || right > 0.0f)
            for (size_t pixel = i; pixel < end; pixel++)
                row[pixel] = left + samples[pixel].share * (right - left) > 0.0f;
        i = end;
    }
}

void imx500_picture_masks(const float *logits, size_t count, size_t height, size_t width,
                          const struct imx500_mask_picture *picture, const float *xyxy,
                          uint8_t *masks, void *scratch) {
    struct sample *x_samples = scratch, *y_samples = x_samples + picture->x.pixels;
    float *line = (float *)(y_samples + picture->y.pixels);
    const int swapped = picture->swapped;
    const size_t along_x = swapped ? height : width, along_y = swapped ? width : height;
    const size_t x_step = swapped ? width : 1, y_step = swapped ? 1 : width;
    lay_samples(&picture->x, along_x, x_samples);
    lay_samples(&picture->y, along_y, y_samples);
    for (size_t i = 0; i < count; i++) {
        const float *box = xyxy + 4 * i, *sheet = logits + i * height * width;
        const struct span x = centres_between(box[0], box[2], picture->x.pixels);
        const struct span y = centres_between(box[1], box[3], picture->y.pixels);
        if (x.start == x.end)
            continue;
        for (size_t row = y.start; row < y.end; row++) {
            const size_t before = y_samples[row].index;
            const size_t after = before + 1 < along_y ? before + 1 : before;
            fill_row(sheet + before * y_step, sheet + after * y_step, x_step, along_x,
                     y_samples[row].share, x_samples, x, line,
                     masks + (i * picture->y.pixels + row) * picture->x.pixels);
        }
    }
}
