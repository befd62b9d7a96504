#include "classification.h"

#include <math.h>

#include "exp_approx.h"
#include "ranking.h"

/* Sums and comparisons of so many scores run side by side, in an order that is ours and not left
 * to the compiler, which therefore may use vectors. */
#define LANES 16

/* Stores of lanes that are read again at once have to wait; so many rounds share one. */
#define ROUNDS 4

/* More than this are sorted, fewer kept in a heap. */
#define HEAP_LIMIT 64

/* Logits are compared with the threshold's logit before their confidence is known, with this much
 * room for rounding. */
#define LOGIT_SLACK 1e-4f

/* The best of every sixteenth score, minus infinity where there is none. */
static void best_of_lanes(const float *scores, size_t count, float lanes[LANES]) {
    for (size_t lane = 0; lane < LANES; lane++)
        lanes[lane] = -INFINITY;
    size_t i = 0;
    for (; i + ROUNDS * LANES <= count; i += ROUNDS * LANES) {
        for (size_t lane = 0; lane < LANES; lane++) {
            float best = lanes[lane];
            for (size_t round = 0; round < ROUNDS; round++) {
                const float score = scores[i + round * LANES + lane];
                best = score > best ? score : best;
            }
            lanes[lane] = best;
        }
    }
    for (; i < count; i++)
        lanes[i % LANES] = scores[i] > lanes[i % LANES] ? scores[i] : lanes[i % LANES];
}

static void sort_lanes(float lanes[LANES]) {
    for (size_t i = 1; i < LANES; i++) {
        const float own = lanes[i];
        size_t hole = i;
        for (; hole > 0 && own > lanes[hole - 1]; hole--)
            lanes[hole] = lanes[hole - 1];
        lanes[hole] = own;
    }
}

static float sum_of_powers(const float *scores, size_t count, float top) {
    float lanes[LANES] = {0.0f};
    size_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (size_t lane = 0; lane < LANES; lane++)
            lanes[lane] += imx500_exp_of_negative(scores[i + lane] - top);
    for (size_t lane = 0; i < count; i++, lane++)
        lanes[lane] += imx500_exp_of_negative(scores[i] - top);
    double sum = 0.0;
    for (size_t lane = 0; lane < LANES; lane++)
        sum += (double)lanes[lane];
    return (float)sum;
}

static float share_of_infinities(const float *scores, size_t count) {
    size_t infinities = 0;
    for (size_t i = 0; i < count; i++)
        infinities += scores[i] == INFINITY;
    return (float)infinities;
}

/* A heap of the best so far, the worst of them at its root. */
struct heap {
    int32_t *class_id;
    float *score;
};

static int is_worse(const struct heap *heap, size_t one, size_t other) {
    if (heap->score[one] != heap->score[other])
        return heap->score[one] < heap->score[other];
    return heap->class_id[one] > heap->class_id[other];
}

static void swap(struct heap *heap, size_t one, size_t other) {
    const int32_t class_id = heap->class_id[one];
    const float score = heap->score[one];
    heap->class_id[one] = heap->class_id[other];
    heap->score[one] = heap->score[other];
    heap->class_id[other] = class_id;
    heap->score[other] = score;
}

static void sink(struct heap *heap, size_t place, size_t count) {
    for (size_t child = 2 * place + 1; child < count; child = 2 * place + 1) {
        if (child + 1 < count && is_worse(heap, child + 1, child))
            child++;
        if (!is_worse(heap, child, place))
            return;
        swap(heap, place, child);
        place = child;
    }
}

static void rise(struct heap *heap, size_t place) {
    for (size_t parent = (place - 1) / 2; place > 0 && is_worse(heap, place, parent);
         place = parent, parent = (place - 1) / 2)
        swap(heap, place, parent);
}

static int any_reaches(const float *scores, float bar) {
    int32_t lanes[LANES];
    for (size_t lane = 0; lane < LANES; lane++) {
        lanes[lane] = 0;
        for (size_t round = 0; round < ROUNDS; round++)
            lanes[lane] |= scores[round * LANES + lane] >= bar;
    }
    int32_t any = 0;
    for (size_t lane = 0; lane < LANES; lane++)
        any |= lanes[lane];
    return any;
}

/* All three find the scores of at least `least`, at most `limit` of them, and return how many. */

static size_t best_by_heap(const float *scores, size_t count, float least, size_t limit,
                           struct heap *heap) {
    size_t kept = 0;
    float bar = least;
    for (size_t i = 0, end; i < count && limit > 0; i = end) {
        end = i + ROUNDS * LANES <= count ? i + ROUNDS * LANES : count;
        if (end - i == ROUNDS * LANES && !any_reaches(scores + i, bar))
            continue;
        for (size_t row = i; row < end; row++) {
            /* A tie with the worst of enough loses, for its class id is higher. */
            if (kept == limit ? !(scores[row] > bar) : !(scores[row] >= bar))
                continue;
            const size_t place = kept == limit ? 0 : kept++;
            heap->class_id[place] = (int32_t)row;
            heap->score[place] = scores[row];
            if (place == 0)
                sink(heap, 0, kept);
            else
                rise(heap, place);
            if (kept == limit)
                bar = heap->score[0];
        }
    }
    for (size_t left = kept; left > 1; left--) {
        swap(heap, 0, left - 1);
        sink(heap, 0, left - 1);
    }
    return kept;
}

static size_t best_by_sorting(const float *scores, size_t count, float least, size_t limit,
                              struct heap *best, uint32_t *scratch) {
    /* Python's lock keeps nobody from writing to the scores, and the order needs what stays. */
    float *own = (float *)(scratch + 2 * count);
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        own[i] = scores[i];
        scratch[found] = (uint32_t)i;
        found += own[i] >= least;
    }
    imx500_rank_by_score(own, scratch, found, scratch + count);
    const size_t kept = found < limit ? found : limit;
    for (size_t i = 0; i < kept; i++) {
        best->class_id[i] = (int32_t)scratch[i];
        best->score[i] = own[scratch[i]];
    }
    return kept;
}

static size_t keep_best(const float *scores, size_t count, float least, size_t limit,
                        struct heap *best, uint32_t *scratch) {
    return limit > HEAP_LIMIT ? best_by_sorting(scores, count, least, limit, best, scratch)
                              : best_by_heap(scores, count, least, limit, best);
}

size_t imx500_top_classes_scratch(size_t count, size_t limit) {
    return limit > HEAP_LIMIT ? 3 * count : 0;
}

size_t imx500_top_classes(const float *scores, size_t count,
                          const struct imx500_ranking_options *options, int32_t *class_id,
                          float *confidence, uint32_t *scratch) {
    struct heap best = {class_id, confidence};
    const float threshold = options->threshold;
    float lanes[LANES];
    best_of_lanes(scores, count, lanes);
    sort_lanes(lanes);
    const float top = lanes[0];
    /* So many lanes have a score like that, so what is below it is not among the best. */
    const size_t limit = options->limit;
    float least = limit > 0 && limit <= LANES ? lanes[limit - 1] : -INFINITY;
    if (!options->softmax)
        return keep_best(scores, count, least > threshold ? least : threshold, limit, &best,
                         scratch);

    if (top == -INFINITY)
        return 0;
    const int infinite = top == INFINITY;
    const float sum =
        infinite ? share_of_infinities(scores, count) : sum_of_powers(scores, count, top);
    if (threshold > 0.0f && !infinite) {
        const float bar = top + logf(threshold * sum) - LOGIT_SLACK * (1.0f + fabsf(top));
        least = bar > least ? bar : least;
    }
    size_t kept = keep_best(scores, count, least, limit, &best, scratch);
    for (size_t i = 0; i < kept; i++) {
        const float share = infinite ? (float)(confidence[i] == INFINITY)
                                     : imx500_exp_of_negative(confidence[i] - top);
        confidence[i] = share / sum;
    }
    while (kept > 0 && !(confidence[kept - 1] >= threshold))
        kept--;
    return kept;
}
