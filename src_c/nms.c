#include "nms.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "largest.h"
#include "ranking.h"
#include "vector_clones.h"

#define LANES 8

/* What a vector comparison answers; a plain 1 would have to be made of it. */
#define ALL_ONES (-1)

/* A bit for each lane. Baseline x86-64 has no vectors of shifts to make them with. */
#define FOUR_PLACES(first) 1u << first, 2u << first, 4u << first, 8u << first
static const uint32_t PLACES[IMX500_MAXIMA] = {
    FOUR_PLACES(0),  FOUR_PLACES(4),  FOUR_PLACES(8),  FOUR_PLACES(12),
    FOUR_PLACES(16), FOUR_PLACES(20), FOUR_PLACES(24), FOUR_PLACES(28),
};

/* Rounds after which it is asked whether they are worth it. */
#define ROUNDS 4

/* Sorting a box takes as long as looking at so many in a round. */
#define LOOKS_PER_BOX 32

/* Boxes, as many side by side as a vector register holds. */
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
    /* A copy of what came, for that may change while it is read; in whole blocks. */
    struct block *boxes;
    float *score; /* NaN once a box is out */
    int32_t *class_id;
    /* Of those that are sorted. */
    struct block *blocks; /* a group of n boxes never needs more than n */
    struct group *groups;
    uint32_t *group_of_row;
    uint32_t *order;
    uint32_t *spare;
    uint32_t *rows; /* of a list, after all else: the entries take the place of what is before */
};

static size_t blocks_of(size_t count) {
    return (count + LANES - 1) / LANES;
}

static size_t padded(size_t count) {
    return (count + IMX500_MAXIMA - 1) / IMX500_MAXIMA * IMX500_MAXIMA;
}

static struct scratch divided(void *memory, size_t count) {
    struct scratch scratch;
    scratch.boxes = memory;
    scratch.score = (float *)(scratch.boxes + blocks_of(count));
    scratch.class_id = (int32_t *)(scratch.score + padded(count));
    scratch.blocks = (struct block *)(scratch.class_id + padded(count));
    scratch.groups = (struct group *)(scratch.blocks + count);
    scratch.group_of_row = (uint32_t *)(scratch.groups + count);
    scratch.order = scratch.group_of_row + count;
    scratch.spare = scratch.order + count;
    scratch.rows = scratch.spare + count;
    return scratch;
}

size_t imx500_nms_scratch_bytes(size_t capacity) {
    const size_t per_row = sizeof(struct block) + sizeof(struct group) + 4 * sizeof(uint32_t);
    return blocks_of(capacity) * sizeof(struct block) +
           padded(capacity) * (sizeof(float) + sizeof(int32_t)) + capacity * per_row;
}

static inline float larger(float a, float b) {
    return a > b ? a : b;
}

static inline float smaller(float a, float b) {
    return a < b ? a : b;
}

/* Lays out LANES boxes; the score of one that cannot be used becomes NaN. Inlined, gcc makes
 * vectors of boxes from several blocks, which takes four times as long. */
__attribute__((noinline)) static void lay_out_block(const float *restrict xyxy,
                                                    const float *restrict score, float extra,
                                                    struct block *restrict block,
                                                    float *restrict own_score) {
    for (int lane = 0; lane < LANES; lane++) {
        const float x0 = xyxy[4 * lane], y0 = xyxy[4 * lane + 1];
        const float x1 = xyxy[4 * lane + 2], y1 = xyxy[4 * lane + 3];
        block->x0[lane] = x0;
        block->y0[lane] = y0;
        block->x1[lane] = x1;
        block->y1[lane] = y1;
        block->area[lane] = larger(x1 - x0 + extra, 0.0f) * larger(y1 - y0 + extra, 0.0f);
        /* Zeros, but NaN where a side is not finite. */
        own_score[lane] = score[lane] + ((x0 - x0) + (y0 - y0) + (x1 - x1) + (y1 - y1));
    }
}

static void lay_out(const float *xyxy, const float *score, size_t count, float extra,
                    const struct scratch *scratch) {
    size_t row = 0;
    for (; row + LANES <= count; row += LANES)
        lay_out_block(xyxy + 4 * row, score + row, extra, &scratch->boxes[row / LANES],
                      scratch->score + row);
    /* What fills up the last block, and the last of the lanes, is out from the start. */
    for (size_t i = row; i < padded(count); i++)
        scratch->score[i] = NAN;
    if (row == count)
        return;
    float last_boxes[4 * LANES] = {0};
    float last_scores[LANES];
    memcpy(last_scores, scratch->score + row, sizeof last_scores);
    memcpy(last_boxes, xyxy + 4 * row, 4 * (count - row) * sizeof *xyxy);
    memcpy(last_scores, score + row, (count - row) * sizeof *score);
    lay_out_block(last_boxes, last_scores, extra, &scratch->boxes[row / LANES],
                  scratch->score + row);
}

struct box {
    float x0;
    float y0;
    float x1;
    float y1;
    float area;
};

static inline struct box box_of(const struct block *boxes, size_t row) {
    const struct block *block = &boxes[row / LANES];
    const size_t lane = row % LANES;
    return (struct box){block->x0[lane], block->y0[lane], block->x1[lane], block->y1[lane],
                        block->area[lane]};
}

static inline int overlaps(struct box box, const struct block *other, int lane, float iou_threshold,
                           float extra) {
    const float width = smaller(box.x1, other->x1[lane]) - larger(box.x0, other->x0[lane]) + extra;
    const float height = smaller(box.y1, other->y1[lane]) - larger(box.y0, other->y0[lane]) + extra;
    /* A constant 0 would make two instructions of the maximum. */
    const float none = extra - extra;
    /* Below 0 where only the height is, and so above no threshold. */
    const float shared = larger(width, none) * height;
    const float covered = box.area + other->area[lane] - shared;
    /* Not as a quotient: a division costs more than all the rest. */
    return shared > iou_threshold * covered ? ALL_ONES : 0;
}

/* Puts out what a box suppresses: of its class, unless `own_class` is NULL. */
static inline void put_out(struct box box, const int32_t *own_class,
                           const struct block *restrict boxes, const int32_t *restrict class_id,
                           size_t blocks, float iou_threshold, float extra, float *restrict score) {
    for (size_t i = 0; i < blocks; i++)
        for (int lane = 0; lane < LANES; lane++) {
            const size_t row = i * LANES + (size_t)lane;
            int32_t out = overlaps(box, &boxes[i], lane, iou_threshold, extra);
            if (own_class)
                out &= class_id[row] == *own_class ? ALL_ONES : 0;
            /* Such bits are NaN. To choose between two floats takes longer. */
            uint32_t bits;
            memcpy(&bits, &score[row], sizeof bits);
            bits |= (uint32_t)out;
            memcpy(&score[row], &bits, sizeof bits);
        }
}

IMX500_VECTOR_CLONES
static void put_out_of_all(struct box box, const struct block *restrict boxes, size_t blocks,
                           float iou_threshold, float extra, float *restrict score) {
    put_out(box, NULL, boxes, NULL, blocks, iou_threshold, extra, score);
}

IMX500_VECTOR_CLONES
static void put_out_of_class(struct box box, int32_t own_class, const struct block *restrict boxes,
                             const int32_t *restrict class_id, size_t blocks, float iou_threshold,
                             float extra, float *restrict score) {
    put_out(box, &own_class, boxes, class_id, blocks, iou_threshold, extra, score);
}

IMX500_VECTOR_CLONES
static size_t count_in(const float *scores, size_t count) {
    uint32_t in = 0;
    for (size_t row = 0; row < count; row++)
        in += scores[row] == scores[row];
    return in;
}

/* The first row with the best score; `padded` where all are out. */
IMX500_VECTOR_CLONES
static size_t best_row(const float *scores, size_t padded) {
    float lanes[IMX500_MAXIMA];
    imx500_maxima(scores, padded, lanes);
    const float best = imx500_largest_of(lanes);
    if (best == -INFINITY && count_in(scores, padded) == 0)
        return padded;
    uint32_t places = 0;
    for (size_t lane = 0; lane < IMX500_MAXIMA; lane++)
        places |= (lanes[lane] == best ? UINT32_MAX : 0) & PLACES[lane];
    size_t first = padded;
    for (; places; places &= places - 1)
        for (size_t row = (size_t)__builtin_ctz(places); row < first; row += IMX500_MAXIMA)
            if (scores[row] == best)
                first = row;
    return first;
}

struct kept {
    uint32_t *rows;
    size_t count;
    size_t most;
};

/* Takes the best of those that are in, and puts out what it suppresses, again and again: where
 * there are few objects, that is over before everything could be sorted. Returns how many are still
 * in when sorting them takes less time. */
static size_t keep_in_rounds(const struct scratch *scratch, size_t count,
                             const struct imx500_nms_options *options, int class_aware,
                             struct kept *kept) {
    const float extra = options->plus_one ? 1.0f : 0.0f;
    const size_t blocks = blocks_of(count);
    size_t in = count;
    for (size_t rounds = 1;; rounds = ROUNDS) {
        for (size_t i = 0; i < rounds; i++) {
            const size_t row = best_row(scratch->score, padded(count));
            if (row >= count || kept->count == kept->most)
                return 0;
            kept->rows[kept->count++] = (uint32_t)row;
            const struct box box = box_of(scratch->boxes, row);
            if (class_aware)
                put_out_of_class(box, scratch->class_id[row], scratch->boxes, scratch->class_id,
                                 blocks, options->iou_threshold, extra, scratch->score);
            else
                put_out_of_all(box, scratch->boxes, blocks, options->iou_threshold, extra,
                               scratch->score);
            /* One without an area does not suppress itself. */
            scratch->score[row] = NAN;
        }
        const size_t left = count_in(scratch->score, count);
        if ((in - left) * LOOKS_PER_BOX < rounds * count || left * LOOKS_PER_BOX < count)
            return left;
        in = left;
    }
}

/* Puts the rows of each class into a group of its own. */
static void group_by_class(const struct scratch *scratch, size_t count, uint32_t *by_class) {
    const int32_t *class_id = scratch->class_id;
    memcpy(by_class, scratch->order, count * sizeof *by_class);
    imx500_rank_by_id(class_id, by_class, count, scratch->spare);
    uint32_t group = 0, block = 0;
    size_t start = 0;
    for (size_t i = 0; i < count; i++) {
        const uint32_t row = by_class[i];
        if (i > 0 && class_id[row] != class_id[by_class[start]]) {
            block += (uint32_t)blocks_of(i - start);
            start = i;
            group++;
        }
        scratch->groups[group] = (struct group){block, 0};
        scratch->group_of_row[row] = group;
    }
}

static inline int is_suppressed(struct box box, const struct block *blocks, size_t count,
                                float iou_threshold, float extra) {
    for (size_t i = 0; i < count; i++) {
        int hit = 0;
        for (int lane = 0; lane < LANES; lane++)
            hit |= overlaps(box, &blocks[i], lane, iou_threshold, extra);
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

/* Compares those that are in, best first, with those of them that stay. */
static void keep_sorted(const struct scratch *scratch, size_t count,
                        const struct imx500_nms_options *options, int class_aware,
                        struct kept *kept) {
    const float extra = options->plus_one ? 1.0f : 0.0f;
    size_t in = 0;
    for (size_t row = 0; row < count; row++) {
        scratch->order[in] = (uint32_t)row;
        in += scratch->score[row] == scratch->score[row];
    }
    imx500_rank_by_score(scratch->score, scratch->order, in, scratch->spare);
    if (class_aware)
        group_by_class(scratch, in, kept->rows + kept->count);
    else
        scratch->groups[0] = (struct group){0, 0};
    for (size_t i = 0; i < in && kept->count < kept->most; i++) {
        const uint32_t row = scratch->order[i];
        struct group *group = &scratch->groups[class_aware ? scratch->group_of_row[row] : 0];
        struct block *blocks = &scratch->blocks[group->first_block];
        const struct box box = box_of(scratch->boxes, row);
        if (is_suppressed(box, blocks, blocks_of(group->kept), options->iou_threshold, extra))
            continue;
        keep(blocks, group->kept++, box);
        kept->rows[kept->count++] = row;
    }
}

size_t imx500_nms_rows(const float *xyxy, const float *score, const int32_t *class_id, size_t count,
                       const struct imx500_nms_options *options, uint32_t *rows, void *memory) {
    const struct scratch scratch = divided(memory, count);
    struct kept kept = {rows, 0, options->max_detections};
    const int class_aware = options->class_aware && class_id;
    lay_out(xyxy, score, count, options->plus_one ? 1.0f : 0.0f, &scratch);
    if (class_aware)
        memcpy(scratch.class_id, class_id, count * sizeof *class_id);
    if (keep_in_rounds(&scratch, count, options, class_aware, &kept) > 0)
        keep_sorted(&scratch, count, options, class_aware, &kept);
    return kept.count;
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
