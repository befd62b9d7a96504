#include "nms.h"

#include <math.h>
#include <string.h>

#include "ranking.h"

#define LANES 8

/* What a vector comparison answers; a plain 1 would have to be made of it. */
#define ALL_ONES (-1)

/* Boxes that stay, as many side by side as a vector register holds. */
struct block {
    float x0[LANES];
    float y0[LANES];
    float x1[LANES];
    float y1[LANES];
    float area[LANES];
};

/* Of one class: its blocks lie one after another, so that no other class is looked at. */
struct group {
    uint32_t first_block;
    uint32_t kept;
};

struct scratch {
    struct block *blocks; /* a group of n boxes never needs more than n */
    struct group *groups;
    uint32_t *group_of_row;
    uint32_t *order;
    uint32_t *spare;
    uint32_t *rows; /* of a list, after all else: the entries take the place of what is before */
};

static struct scratch divided(void *memory, size_t count) {
    struct scratch scratch;
    scratch.blocks = memory;
    scratch.groups = (struct group *)(scratch.blocks + count);
    scratch.group_of_row = (uint32_t *)(scratch.groups + count);
    scratch.order = scratch.group_of_row + count;
    scratch.spare = scratch.order + count;
    scratch.rows = scratch.spare + count;
    return scratch;
}

size_t imx500_nms_scratch_bytes(size_t capacity) {
    const size_t per_row = sizeof(struct block) + sizeof(struct group) + 4 * sizeof(uint32_t);
    return capacity * per_row;
}

static inline float larger(float a, float b) {
    return a > b ? a : b;
}

static inline float smaller(float a, float b) {
    return a < b ? a : b;
}

static int is_usable(const float *box, float score) {
    return isfinite(box[0]) && isfinite(box[1]) && isfinite(box[2]) && isfinite(box[3]) &&
           !isnan(score);
}

/* Puts the rows of each class into a group of its own. */
static void group_by_class(const struct scratch *scratch, const int32_t *class_id, size_t count,
                           uint32_t *by_class) {
    memcpy(by_class, scratch->order, count * sizeof *by_class);
    imx500_rank_by_id(class_id, by_class, count, scratch->spare);
    uint32_t group = 0, block = 0;
    size_t start = 0;
    for (size_t i = 0; i < count; i++) {
        const uint32_t row = by_class[i];
        if (i > 0 && class_id[row] != class_id[by_class[start]]) {
            block += (uint32_t)((i - start + LANES - 1) / LANES);
            start = i;
            group++;
        }
        scratch->groups[group] = (struct group){block, 0};
        scratch->group_of_row[row] = group;
    }
}

struct box {
    float x0;
    float y0;
    float x1;
    float y1;
    float area;
};

static inline struct box box_of(const float *xyxy, float extra) {
    const float width = larger(0.0f, xyxy[2] - xyxy[0] + extra);
    const float height = larger(0.0f, xyxy[3] - xyxy[1] + extra);
    return (struct box){xyxy[0], xyxy[1], xyxy[2], xyxy[3], width * height};
}

static inline int is_suppressed(struct box box, const struct block *blocks, size_t count,
                                float iou_threshold, float extra) {
    for (size_t i = 0; i < count; i++) {
        const struct block *kept = &blocks[i];
        int hit = 0;
        for (int lane = 0; lane < LANES; lane++) {
            const float width =
                smaller(box.x1, kept->x1[lane]) - larger(box.x0, kept->x0[lane]) + extra;
            const float height =
                smaller(box.y1, kept->y1[lane]) - larger(box.y0, kept->y0[lane]) + extra;
            const float shared = larger(0.0f, width) * larger(0.0f, height);
            const float covered = box.area + kept->area[lane] - shared;
            /* Not as a quotient: a division costs more than all the rest. */
            hit |= shared > iou_threshold * covered ? ALL_ONES : 0;
        }
        if (hit)
            return 1;
    }
    return 0;
}

static inline void keep(struct block *blocks, uint32_t kept, struct box box) {
    struct block *block = &blocks[kept / LANES];
    const uint32_t lane = kept % LANES;
    if (lane == 0)
        for (int i = 0; i < LANES; i++) {
            /* A box that shares nothing with any. */
            block->x0[i] = block->y0[i] = INFINITY;
            block->x1[i] = block->y1[i] = -INFINITY;
            block->area[i] = 0.0f;
        }
    block->x0[lane] = box.x0;
    block->y0[lane] = box.y0;
    block->x1[lane] = box.x1;
    block->y1[lane] = box.y1;
    block->area[lane] = box.area;
}

size_t imx500_nms_rows(const float *xyxy, const float *score, const int32_t *class_id, size_t count,
                       const struct imx500_nms_options *options, uint32_t *rows, void *memory) {
    const struct scratch scratch = divided(memory, count);
    const int class_aware = options->class_aware && class_id;
    const float extra = options->plus_one ? 1.0f : 0.0f;
    size_t usable = 0;
    for (size_t row = 0; row < count; row++)
        if (is_usable(xyxy + 4 * row, score[row]))
            scratch.order[usable++] = (uint32_t)row;
    if (usable == 0)
        return 0;
    imx500_rank_by_score(score, scratch.order, usable, scratch.spare);
    if (class_aware)
        group_by_class(&scratch, class_id, usable, rows);
    else
        scratch.groups[0] = (struct group){0, 0};

    size_t kept = 0;
    for (size_t i = 0; i < usable && kept < options->max_detections; i++) {
        const uint32_t row = scratch.order[i];
        struct group *group = &scratch.groups[class_aware ? scratch.group_of_row[row] : 0];
        struct block *blocks = &scratch.blocks[group->first_block];
        const struct box box = box_of(xyxy + 4 * (size_t)row, extra);
        const size_t full = (group->kept + LANES - 1) / LANES;
        if (is_suppressed(box, blocks, full, options->iou_threshold, extra))
            continue;
        keep(blocks, group->kept++, box);
        rows[kept++] = row;
    }
    return kept;
}

/* What a list says of one box, while the list is put in order. */
struct entry {
    float xyxy[4];
    float score;
    int32_t class_id;
    uint32_t anchor;
};

size_t imx500_nms(struct imx500_box_list *list, const struct imx500_nms_options *options,
                  void *memory) {
    uint32_t *rows = divided(memory, list->count).rows;
    const size_t kept = imx500_nms_rows(list->xyxy, list->score, list->class_id, list->count,
                                        options, rows, memory);
    struct entry *entries = memory;
    for (size_t i = 0; i < kept; i++) {
        const size_t row = rows[i];
        memcpy(entries[i].xyxy, list->xyxy + 4 * row, sizeof entries[i].xyxy);
        entries[i].score = list->score[row];
        entries[i].class_id = list->class_id[row];
        entries[i].anchor = list->anchor[row];
    }
    for (size_t i = 0; i < kept; i++) {
        memcpy(list->xyxy + 4 * i, entries[i].xyxy, sizeof entries[i].xyxy);
        list->score[i] = entries[i].score;
        list->class_id[i] = entries[i].class_id;
        list->anchor[i] = entries[i].anchor;
    }
    list->count = kept;
    return kept;
}
