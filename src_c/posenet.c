#include "posenet.h"

#include <math.h>
#include <string.h>

#include "ranking.h"

#define KEYPOINTS IMX500_POSENET_KEYPOINTS
#define EDGES IMX500_POSENET_EDGES
#define NOSE 0

/* The keypoints, in COCO's order, hang on the nose; the edges are in the order of the channels. */
static const struct {
    uint8_t parent;
    uint8_t child;
} skeleton[EDGES] = {
    {0, 1},   {1, 3},   {0, 2}, {2, 4}, {0, 5},  {5, 7},  {7, 9},   {5, 11},
    {11, 13}, {13, 15}, {0, 6}, {6, 8}, {8, 10}, {6, 12}, {12, 14}, {14, 16},
};

/* The edge that leads to each keypoint but the nose. */
static const uint8_t edge_to[KEYPOINTS] = {
    EDGES, 0, 2, 1, 3, 4, 10, 5, 11, 6, 12, 7, 13, 8, 14, 9, 15,
};

/* The edges by how far they are from the nose. */
#define LEVELS 4
static const uint8_t by_level[EDGES] = {0, 2, 4, 10, 1, 3, 5, 7, 11, 13, 6, 8, 12, 14, 9, 15};
static const uint8_t level_end[LEVELS] = {4, 10, 14, 16};

/* In cells. A keypoint that was lost is NaN, NaN. */
struct place {
    float y;
    float x;
};

struct pose {
    struct place place[KEYPOINTS];
    float confidence[KEYPOINTS];
};

struct memory {
    uint64_t *roots;
    struct pose *poses;
    float *confidence;
    uint32_t *order;
    uint32_t *spare;
    float *column;
};

struct field {
    struct imx500_posenet_maps maps;
    size_t cells;
    float last_row;
    float last_column;
    float cells_per_pixel;
    uint32_t refinements;
};

static size_t poses_of(size_t max_detections) {
    return max_detections < IMX500_POSENET_MAX_WALKS ? max_detections : IMX500_POSENET_MAX_WALKS;
}

static struct memory divided(void *scratch, size_t cells, size_t poses) {
    struct memory memory;
    memory.roots = scratch;
    /* One more than there can be: see column_roots. */
    memory.poses = (struct pose *)(memory.roots + KEYPOINTS * cells + 1);
    memory.confidence = (float *)(memory.poses + poses);
    memory.order = (uint32_t *)(memory.confidence + poses);
    memory.spare = memory.order + poses;
    memory.column = (float *)(memory.spare + poses);
    return memory;
}

size_t imx500_posenet_scratch_bytes(size_t rows, size_t columns, size_t max_detections) {
    if (rows == 0 || columns == 0 || rows > IMX500_POSENET_MAX_CELLS / columns)
        return 0;
    const size_t per_pose = sizeof(struct pose) + sizeof(float) + 2 * sizeof(uint32_t);
    return (KEYPOINTS * rows * columns + 1) * sizeof(uint64_t) +
           poses_of(max_detections) * per_pose + 2 * (rows + 2) * sizeof(float);
}

/* Roots are numbers that sort as they are to be taken: the score, then the place in the tensor. */
static uint64_t root_of(float score, uint32_t index) {
    uint32_t bits;
    score += 0.0f; /* or the negative zero would not tie with the other */
    memcpy(&bits, &score, sizeof bits);
    bits ^= bits >> 31 ? UINT32_MAX : UINT32_C(1) << 31;
    return (uint64_t)bits << 32 | (uint32_t)~index;
}

static float larger(float value, float than) {
    return value > than ? value : than; /* than, where the value is NaN */
}

static int any_passes(const float *scores, size_t count, float logit) {
    int passes = 0;
    for (size_t i = 0; i < count; i++)
        passes |= scores[i] >= logit;
    return passes;
}

/* One column of one map. `across` and `around` have room for rows + 2 and rows numbers. */
static size_t column_roots(const float *scores, const float *left, const float *right, size_t rows,
                           float logit, uint32_t index, float *restrict across, uint64_t *roots) {
    float *restrict around = across + rows + 2;
    across[0] = across[rows + 1] = -INFINITY;
    for (size_t y = 0; y < rows; y++)
        across[y + 1] = larger(scores[y], larger(left[y], larger(right[y], -INFINITY)));
    int found = 0;
    for (size_t y = 0; y < rows; y++) {
        around[y] = larger(across[y], larger(across[y + 1], larger(across[y + 2], logit)));
        found |= scores[y] >= around[y];
    }
    if (!found)
        return 0;
    /* Nobody can foresee which cells pass: a store that may be overwritten is cheaper than a
     * branch.
     */
    size_t count = 0;
    for (size_t y = 0; y < rows; y++) {
        roots[count] = root_of(scores[y], index + (uint32_t)y);
        count += scores[y] >= around[y];
    }
    return count;
}

static size_t find_roots(const struct field *field, float logit, const struct memory *memory) {
    const size_t rows = field->maps.rows;
    const size_t columns = field->maps.columns;
    const float *scores = field->maps.heat;
    uint32_t index = 0;
    size_t count = 0;
    for (size_t k = 0; k < KEYPOINTS; k++) {
        for (size_t x = 0; x < columns; x++, scores += rows, index += (uint32_t)rows) {
            if (!any_passes(scores, rows, logit))
                continue;
            const float *left = x > 0 ? scores - rows : scores;
            const float *right = x + 1 < columns ? scores + rows : scores;
            count += column_roots(scores, left, right, rows, logit, index, memory->column,
                                  memory->roots + count);
        }
    }
    return count;
}

static void sink(uint64_t *heap, size_t count, size_t at) {
    const uint64_t value = heap[at];
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        child += child + 1 < count && heap[child + 1] > heap[child];
        if (heap[child] <= value)
            break;
        heap[at] = heap[child];
    }
    heap[at] = value;
}

static uint64_t pop(uint64_t *heap, size_t *count) {
    const uint64_t best = heap[0];
    heap[0] = heap[--*count];
    sink(heap, *count, 0);
    return best;
}

static struct place clamped(const struct field *field, float y, float x) {
    if (!isfinite(y) || !isfinite(x))
        return (struct place){NAN, NAN};
    y = y > 0.0f ? y : 0.0f;
    x = x > 0.0f ? x : 0.0f;
    return (struct place){y < field->last_row ? y : field->last_row,
                          x < field->last_column ? x : field->last_column};
}

/* The four cells round a place; the two beyond the edge of a map are those at its edge. */
struct corners {
    size_t first;
    size_t down;
    size_t right;
    float below;
    float beside;
};

static struct corners corners_of(const struct field *field, struct place place) {
    const int32_t y = (int32_t)place.y;
    const int32_t x = (int32_t)place.x;
    const size_t rows = field->maps.rows;
    return (struct corners){
        .first = (size_t)x * rows + (size_t)y,
        .down = (size_t)y + 1 < rows,
        .right = (size_t)x + 1 < field->maps.columns ? rows : 0,
        .below = place.y - (float)y,
        .beside = place.x - (float)x,
    };
}

static float blended(const float *map, const struct corners *corners) {
    const float *left = map + corners->first;
    const float *right = left + corners->right;
    const float beside = corners->beside;
    const float upper = (1.0f - beside) * left[0] + beside * right[0];
    const float lower = (1.0f - beside) * left[corners->down] + beside * right[corners->down];
    return (1.0f - corners->below) * upper + corners->below * lower;
}

static struct place displaced(const struct field *field, struct place from, const float *map_y,
                              const float *map_x) {
    if (isnan(from.y))
        return from;
    const struct corners corners = corners_of(field, from);
    return clamped(field, from.y + blended(map_y, &corners) * field->cells_per_pixel,
                   from.x + blended(map_x, &corners) * field->cells_per_pixel);
}

/* `channel` is that of the mid offset's y. */
static struct place followed(const struct field *field, struct place from, size_t channel) {
    const float *mid = field->maps.mid_offset + channel * field->cells;
    return displaced(field, from, mid, mid + EDGES * field->cells);
}

static struct place refined(const struct field *field, struct place place, size_t keypoint) {
    const float *near = field->maps.short_offset + keypoint * field->cells;
    return displaced(field, place, near, near + KEYPOINTS * field->cells);
}

/* The skeleton is a tree, so there is one way from the root to each keypoint, and the order in
 * which they are visited changes nothing: up to the nose, then down every branch not yet seen.
 * Keypoints equally far from the nose are refined side by side: each step waits for the one before
 * it, but not for the neighbours'.
 */
static void walk(const struct field *field, size_t root, struct place place, struct pose *pose) {
    uint32_t seen = UINT32_C(1) << root;
    pose->place[root] = place;
    for (size_t child = root; child != NOSE;) {
        const size_t edge = edge_to[child];
        const size_t parent = skeleton[edge].parent;
        place = followed(field, place, 2 * EDGES + edge);
        for (uint32_t i = 0; i < field->refinements; i++)
            place = refined(field, place, parent);
        pose->place[parent] = place;
        seen |= UINT32_C(1) << parent;
        child = parent;
    }
    for (size_t level = 0, first = 0; level < LEVELS; first = level_end[level++]) {
        uint8_t open[EDGES];
        size_t count = 0;
        for (size_t i = first; i < level_end[level]; i++) {
            const size_t child = skeleton[by_level[i]].child;
            if (seen >> child & 1)
                continue;
            place = pose->place[skeleton[by_level[i]].parent];
            pose->place[child] = followed(field, place, by_level[i]);
            open[count++] = (uint8_t)child;
        }
        for (uint32_t step = 0; step < field->refinements; step++) {
            for (size_t i = 0; i < count; i++)
                pose->place[open[i]] = refined(field, pose->place[open[i]], open[i]);
        }
    }
}

/* The mean over all keypoints; those that are lost or `hidden` count 0. */
static float pose_confidence(const struct pose *pose, uint32_t hidden) {
    double sum = 0.0;
    for (size_t k = 0; k < KEYPOINTS; k++)
        sum += hidden >> k & 1 ? 0.0f : pose->confidence[k];
    return (float)(sum / KEYPOINTS);
}

static void judge(const struct field *field, struct pose *pose) {
    for (size_t k = 0; k < KEYPOINTS; k++) {
        float confidence = 0.0f;
        if (!isnan(pose->place[k].y)) {
            const struct corners corners = corners_of(field, pose->place[k]);
            const float logit = blended(field->maps.heat + k * field->cells, &corners);
            confidence = isfinite(logit) ? 1.0f / (1.0f + expf(-logit)) : 0.0f;
        }
        pose->confidence[k] = confidence;
    }
}

static int within(struct place a, struct place b, float square) {
    const float y = a.y - b.y;
    const float x = a.x - b.x;
    return y * y + x * x <= square;
}

static int is_taken(const struct memory *memory, size_t found, size_t keypoint, struct place place,
                    float square) {
    for (size_t i = 0; i < found; i++) {
        if (within(place, memory->poses[i].place[keypoint], square))
            return 1;
    }
    return 0;
}

static size_t find_poses(const struct field *field, const struct imx500_posenet_options *options,
                         size_t roots, float square, const struct memory *memory) {
    const size_t most = poses_of(options->max_detections);
    const uint32_t cells = (uint32_t)field->cells;
    const uint32_t rows = (uint32_t)field->maps.rows;
    size_t found = 0;
    for (size_t i = roots / 2; i-- > 0;)
        sink(memory->roots, roots, i);
    for (size_t walks = 0; found < most && roots > 0 && walks < IMX500_POSENET_MAX_WALKS;) {
        const uint32_t index = (uint32_t)~pop(memory->roots, &roots);
        const uint32_t keypoint = index / cells;
        const uint32_t x = index % cells / rows;
        const uint32_t y = index % cells % rows;
        const float *near = field->maps.short_offset + index;
        const float dy = near[0] * field->cells_per_pixel;
        const float dx = near[KEYPOINTS * field->cells] * field->cells_per_pixel;
        const struct place place = clamped(field, (float)y + dy, (float)x + dx);
        if (isnan(place.y) || is_taken(memory, found, keypoint, place, square))
            continue;
        walks++;
        struct pose *pose = &memory->poses[found];
        walk(field, keypoint, place, pose);
        judge(field, pose);
        memory->confidence[found] = pose_confidence(pose, 0);
        found += memory->confidence[found] >= options->threshold;
    }
    return found;
}

/* A keypoint at the same keypoint of a better pose is more likely that one's, and no longer counts
 * for the pose; its own confidence stays.
 */
static size_t suppress_softly(size_t found, float threshold, float square,
                              const struct memory *memory) {
    uint32_t *order = memory->order;
    for (size_t i = 0; i < found; i++)
        order[i] = (uint32_t)i;
    imx500_rank_by_score(memory->confidence, order, found, memory->spare);
    for (size_t i = 1; i < found; i++) {
        const struct pose *pose = &memory->poses[order[i]];
        uint32_t hidden = 0;
        for (size_t better = 0; better < i; better++) {
            for (size_t k = 0; k < KEYPOINTS; k++) {
                const struct place other = memory->poses[order[better]].place[k];
                hidden |= (uint32_t)within(pose->place[k], other, square) << k;
            }
        }
        memory->confidence[order[i]] = pose_confidence(pose, hidden);
    }
    imx500_rank_by_score(memory->confidence, order, found, memory->spare);
    size_t kept = 0;
    while (kept < found && memory->confidence[order[kept]] >= threshold)
        kept++;
    return kept;
}

size_t imx500_posenet_decode(const struct imx500_posenet_maps *maps,
                             const struct imx500_posenet_options *options, void *scratch) {
    const struct field field = {
        .maps = *maps,
        .cells = maps->rows * maps->columns,
        .last_row = (float)(maps->rows - 1),
        .last_column = (float)(maps->columns - 1),
        .cells_per_pixel = 1.0f / options->stride,
        .refinements = options->refinements,
    };
    const struct memory memory = divided(scratch, field.cells, poses_of(options->max_detections));
    const double share = options->threshold;
    const float logit = share <= 0.0   ? -INFINITY
                        : share >= 1.0 ? INFINITY
                                       : (float)log(share / (1.0 - share));
    const float radius = options->nms_radius * field.cells_per_pixel;
    const size_t roots = find_roots(&field, logit, &memory);
    const size_t found = find_poses(&field, options, roots, radius * radius, &memory);
    return suppress_softly(found, options->threshold, radius * radius, &memory);
}

void imx500_posenet_gather(const struct imx500_posenet_maps *maps, size_t max_detections,
                           const struct imx500_posenet_view *view, void *scratch, size_t count,
                           float *xy, float *keypoint_confidence, float *confidence) {
    const struct memory memory =
        divided(scratch, maps->rows * maps->columns, poses_of(max_detections));
    for (size_t i = 0; i < count; i++) {
        const struct pose *pose = &memory.poses[memory.order[i]];
        for (size_t k = 0; k < KEYPOINTS; k++) {
            *xy++ = (pose->place[k].x * view->stride + 0.5f) / view->width;
            *xy++ = (pose->place[k].y * view->stride + 0.5f) / view->height;
        }
        memcpy(keypoint_confidence + i * KEYPOINTS, pose->confidence, sizeof pose->confidence);
        confidence[i] = memory.confidence[memory.order[i]];
    }
}
