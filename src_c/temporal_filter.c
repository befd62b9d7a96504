#include "temporal_filter.h"

#include <math.h>
#include <string.h>

static float smoothed(float before, float now, double factor) {
    if (!isfinite(before) || !isfinite(now))
        return now;
    return (float)(factor * (double)now + (1.0 - factor) * (double)before);
}

static void smooth(float *row, const float *now, size_t count, double factor) {
    for (size_t i = 0; i < count; i++)
        row[i] = smoothed(row[i], now[i], factor);
}

/* Returns the row of the first thing that is seen. */
static size_t begin_frame(struct imx500_followed_list *list) {
    for (size_t i = 0; i < list->count; i++)
        list->followed[i].row = i;
    return list->count;
}

static void hit(struct imx500_followed *one, size_t row, float confidence,
                uint32_t visible_frames) {
    one->row = row;
    one->confidence = confidence;
    one->visible = visible_frames;
    if (one->hidden > 0)
        one->hidden--;
}

/* Returns the row for the place, or NULL where there is no room. */
static float *append(struct imx500_followed_list *list, size_t row, float confidence,
                     int32_t class_id, uint32_t visible_frames, uint32_t hidden_frames) {
    if (list->count >= list->capacity)
        return NULL;
    list->followed[list->count] = (struct imx500_followed){
        .id = list->next_id++,
        .row = row,
        .confidence = confidence,
        .class_id = class_id,
        .visible = visible_frames,
        .hidden = hidden_frames,
    };
    return list->places + list->width * list->count++;
}

/* Ages what was missed and closes the gaps that it leaves; returns how many are shown. */
static size_t end_frame(struct imx500_followed_list *list, size_t first_row) {
    const size_t width = list->width;
    size_t kept = 0, shown = 0;
    for (size_t i = 0; i < list->count; i++) {
        struct imx500_followed one = list->followed[i];
        if (one.row < first_row) {
            if (one.hidden > 0 || one.visible <= 1)
                continue;
            one.visible--;
        }
        if (kept < i)
            memcpy(list->places + width * kept, list->places + width * i, width * sizeof(float));
        list->followed[kept++] = one;
        shown += one.hidden == 0;
    }
    list->count = kept;
    return shown;
}

static int box_is_finite(const float *box) {
    return isfinite(box[0]) && isfinite(box[1]) && isfinite(box[2]) && isfinite(box[3]);
}

static int box_matches(const float *before, const float *now,
                       const struct imx500_filter_rule *rule) {
    const float width = fabsf((before[2] - before[0]) - (now[2] - now[0]));
    const float height = fabsf((before[3] - before[1]) - (now[3] - now[1]));
    return fabsf(before[0] - now[0]) < rule->x_tolerance &&
           fabsf(before[1] - now[1]) < rule->y_tolerance && width < rule->x_tolerance &&
           height < rule->y_tolerance;
}

size_t imx500_follow_objects(struct imx500_followed_list *list,
                             const struct imx500_filter_rule *rule,
                             const struct imx500_seen_objects *seen) {
    const uint32_t hidden_frames = list->count == 0 ? 0 : rule->hidden_frames;
    const size_t first_row = begin_frame(list);
    for (size_t s = 0; s < seen->count; s++) {
        const float *box = seen->xyxy + 4 * s;
        if (!box_is_finite(box))
            continue;
        size_t i = 0;
        while (i < list->count && (list->followed[i].class_id != seen->class_id[s] ||
                                   !box_matches(list->places + 4 * i, box, rule)))
            i++;
        if (i < list->count) {
            hit(&list->followed[i], first_row + s, seen->confidence[s], rule->visible_frames);
            smooth(list->places + 4 * i, box, 4, rule->factor);
            continue;
        }
        float *place = append(list, first_row + s, seen->confidence[s], seen->class_id[s],
                              rule->visible_frames, hidden_frames);
        if (place)
            memcpy(place, box, 4 * sizeof(float));
    }
    return end_frame(list, first_row);
}

size_t imx500_pose_width(size_t keypoints, int boxed) {
    return 3 * keypoints + (boxed ? 4 : 0);
}

static int is_found(const float *point) {
    return isfinite(point[0]) && isfinite(point[1]);
}

/* `before` is a row of the list: x, y, confidence per keypoint. */
static int pose_matches(const float *before, const float *now, size_t keypoints,
                        const struct imx500_filter_rule *rule) {
    int common = 0;
    for (size_t k = 0; k < keypoints; k++, before += 3, now += 2) {
        if (!is_found(before) || !is_found(now))
            continue;
        if (!(fabsf(before[0] - now[0]) <= rule->x_tolerance &&
              fabsf(before[1] - now[1]) <= rule->y_tolerance))
            return 0;
        common = 1;
    }
    return common;
}

static void take_keypoint(float *row, const float *point, float confidence, double factor) {
    if (!is_found(point)) {
        row[0] = row[1] = NAN;
        row[2] = 0.0f;
        return;
    }
    const float now[3] = {point[0], point[1], confidence};
    smooth(row, now, 3, is_found(row) ? factor : 1.0);
}

static void take_pose(float *row, const struct imx500_seen_poses *seen, size_t s, double factor) {
    const float *points = seen->xy + 2 * seen->keypoints * s;
    const float *confidences = seen->keypoint_confidence + seen->keypoints * s;
    for (size_t k = 0; k < seen->keypoints; k++)
        take_keypoint(row + 3 * k, points + 2 * k, confidences[k], factor);
    if (seen->xyxy)
        smooth(row + 3 * seen->keypoints, seen->xyxy + 4 * s, 4, factor);
}

size_t imx500_follow_poses(struct imx500_followed_list *list, const struct imx500_filter_rule *rule,
                           const struct imx500_seen_poses *seen) {
    const size_t keypoints = seen->keypoints;
    const size_t first_row = begin_frame(list);
    for (size_t s = 0; s < seen->count; s++) {
        const float *points = seen->xy + 2 * keypoints * s;
        size_t k = 0;
        while (k < keypoints && !is_found(points + 2 * k))
            k++;
        if (k == keypoints)
            continue;
        size_t i = 0;
        while (i < list->count &&
               !pose_matches(list->places + list->width * i, points, keypoints, rule))
            i++;
        if (i < list->count) {
            hit(&list->followed[i], first_row + s, seen->confidence[s], rule->visible_frames);
            take_pose(list->places + list->width * i, seen, s, rule->factor);
            continue;
        }
        float *place = append(list, first_row + s, seen->confidence[s], 0, rule->visible_frames,
                              rule->hidden_frames);
        if (!place)
            continue;
        for (size_t v = 0; v < list->width; v++)
            place[v] = NAN;
        take_pose(place, seen, s, rule->factor);
    }
    return end_frame(list, first_row);
}

void imx500_shown_objects(const struct imx500_followed_list *list, float *xyxy, float *confidence,
                          int32_t *class_id, int64_t *id) {
    for (size_t i = 0; i < list->count; i++) {
        const struct imx500_followed *one = &list->followed[i];
        if (one->hidden > 0)
            continue;
        memcpy(xyxy, list->places + 4 * i, 4 * sizeof(float));
        xyxy += 4;
        *confidence++ = one->confidence;
        *class_id++ = one->class_id;
        *id++ = one->id;
    }
}

void imx500_shown_poses(const struct imx500_followed_list *list, size_t keypoints, float *xy,
                        float *keypoint_confidence, float *confidence, float *xyxy, int64_t *id) {
    for (size_t i = 0; i < list->count; i++) {
        const struct imx500_followed *one = &list->followed[i];
        if (one->hidden > 0)
            continue;
        const float *row = list->places + list->width * i;
        for (size_t k = 0; k < keypoints; k++) {
            *xy++ = row[3 * k];
            *xy++ = row[3 * k + 1];
            *keypoint_confidence++ = row[3 * k + 2];
        }
        if (xyxy) {
            memcpy(xyxy, row + 3 * keypoints, 4 * sizeof(float));
            xyxy += 4;
        }
        *confidence++ = one->confidence;
        *id++ = one->id;
    }
}
