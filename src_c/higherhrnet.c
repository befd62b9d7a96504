#include "higherhrnet.h"

#include <math.h>

#include "assignment.h"
#include "ranking.h"

#define NEARNESS_WEIGHT (1.0 / 65536.0)

/* Everybody who has begun, in the order of beginning, and room to work on one joint. */
struct people {
    double *tag_sums;
    double *means; /* of those who are given joints, before this joint */
    double *costs;
    void *assignment;
    float *first_tags;
    float *scores;
    uint32_t *tag_counts;
    uint32_t *order;
    uint32_t *order_scratch;
    int32_t *members; /* people x joints: the candidate, or -1 */
    uint32_t *found;  /* candidates for this joint that count */
    int32_t *chosen;  /* the person of each */
    size_t count;
};

/* What `imx500_assign` needs, in doubles. */
static size_t assignment_length(size_t candidates) {
    const size_t bytes = imx500_assignment_scratch_bytes(candidates, candidates);
    return (bytes + sizeof(double) - 1) / sizeof(double);
}

size_t imx500_higherhrnet_scratch_bytes(size_t candidates, size_t joints) {
    const size_t most = candidates * joints;
    const size_t doubles =
        most + candidates + candidates * candidates + assignment_length(candidates);
    const size_t words = 5 * most + most * joints + 2 * candidates;
    return doubles * sizeof(double) + words * sizeof(uint32_t);
}

static struct people laid_out(const struct imx500_joint_candidates *candidates, void *scratch) {
    const size_t rows = candidates->candidates;
    const size_t most = rows * candidates->joints;
    struct people people = {.tag_sums = scratch};
    people.means = people.tag_sums + most;
    people.costs = people.means + rows;
    double *assignment = people.costs + rows * rows;
    people.assignment = assignment;
    people.first_tags = (float *)(assignment + assignment_length(rows));
    people.scores = people.first_tags + most;
    people.tag_counts = (uint32_t *)(people.scores + most);
    people.order = people.tag_counts + most;
    people.order_scratch = people.order + most;
    people.found = people.order_scratch + most;
    people.chosen = (int32_t *)(people.found + rows);
    people.members = people.chosen + rows;
    return people;
}

/* Of one joint, into `found`. */
static size_t find(const struct imx500_joint_candidates *candidates, size_t joint, float threshold,
                   uint32_t *found) {
    const size_t rows = candidates->candidates;
    const float *tags = candidates->tags + joint * rows;
    const float *places = candidates->places + joint * rows;
    const float *heats = candidates->heats + joint * rows;
    const float cells = (float)(candidates->map_width * candidates->map_height);
    size_t count = 0;
    for (size_t row = 0; row < rows; row++)
        if (heats[row] >= threshold && heats[row] > 0.0f && isfinite(heats[row]) &&
            isfinite(tags[row]) && places[row] >= 0.0f && places[row] < cells)
            found[count++] = (uint32_t)row;
    return count;
}

static void begin(struct people *people, size_t joints, size_t joint, uint32_t row, float tag) {
    size_t person = 0;
    while (person < people->count && people->first_tags[person] != tag)
        person++;
    int32_t *members = people->members + person * joints;
    if (person == people->count) {
        people->count++;
        people->first_tags[person] = tag;
        for (size_t other = 0; other < joints; other++)
            members[other] = -1;
    }
    members[joint] = (int32_t)row;
    people->tag_sums[person] = (double)tag;
    people->tag_counts[person] = 1;
}

/* Puts each candidate that was found into a person, in their order. */
static void group_joint(struct people *people, const struct imx500_joint_candidates *candidates,
                        const struct imx500_grouping *grouping, size_t joint, size_t found) {
    const float *tags = candidates->tags + joint * candidates->candidates;
    const float *heats = candidates->heats + joint * candidates->candidates;
    const double near = (double)grouping->tag_threshold;
    const size_t grouped =
        people->count < candidates->candidates ? people->count : candidates->candidates;
    for (size_t person = 0; person < grouped; person++)
        people->means[person] = people->tag_sums[person] / people->tag_counts[person];
    for (size_t i = 0; i < found; i++) {
        const double tag = (double)tags[people->found[i]];
        const double heat = (double)heats[people->found[i]];
        double *costs = people->costs + i * grouped;
        for (size_t person = 0; person < grouped; person++) {
            const double apart = fabs(tag - people->means[person]);
            const double share = apart < near ? apart / near : 1.0;
            costs[person] = rint(apart) * 100.0 - heat + share * share * NEARNESS_WEIGHT;
        }
    }
    imx500_assign(people->costs, found, grouped, people->chosen, people->assignment);
    for (size_t i = 0; i < found; i++) {
        const uint32_t row = people->found[i];
        const int32_t person = people->chosen[i];
        if (person < 0 || !(fabs((double)tags[row] - people->means[person]) < near)) {
            begin(people, candidates->joints, joint, row, tags[row]);
            continue;
        }
        people->members[(size_t)person * candidates->joints + joint] = (int32_t)row;
        people->tag_sums[person] += (double)tags[row];
        people->tag_counts[person]++;
    }
}

static float score_of(const struct imx500_joint_candidates *candidates, const int32_t *members) {
    double sum = 0.0;
    for (size_t joint = 0; joint < candidates->joints; joint++)
        if (members[joint] >= 0)
            sum +=
                (double)candidates->heats[joint * candidates->candidates + (size_t)members[joint]];
    return (float)(sum / (double)candidates->joints);
}

size_t imx500_higherhrnet_group(const struct imx500_joint_candidates *candidates,
                                const struct imx500_grouping *grouping, void *scratch) {
    const size_t joints = candidates->joints;
    struct people people = laid_out(candidates, scratch);
    for (size_t i = 0; i < joints; i++) {
        const size_t joint = grouping->joint_order[i];
        const size_t found = find(candidates, joint, grouping->keypoint_threshold, people.found);
        if (found > 0)
            group_joint(&people, candidates, grouping, joint, found);
    }
    size_t kept = 0;
    for (size_t person = 0; person < people.count; person++) {
        people.scores[person] = score_of(candidates, people.members + person * joints);
        if (people.scores[person] >= grouping->threshold)
            people.order[kept++] = (uint32_t)person;
    }
    imx500_rank_by_score(people.scores, people.order, kept, people.order_scratch);
    return kept;
}

static void gather_person(const struct imx500_joint_candidates *candidates, const int32_t *members,
                          float *xy, float *heats, float *xyxy) {
    xyxy[0] = xyxy[1] = INFINITY;
    xyxy[2] = xyxy[3] = -INFINITY;
    const float cells = (float)(candidates->map_width * candidates->map_height);
    for (size_t joint = 0; joint < candidates->joints; joint++) {
        const size_t at = joint * candidates->candidates + (size_t)members[joint];
        const float place = members[joint] < 0 ? -1.0f : candidates->places[at];
        /* Checked once more: somebody may have written to the tensors since the grouping. */
        if (!(place >= 0.0f && place < cells)) {
            xy[2 * joint] = xy[2 * joint + 1] = NAN;
            heats[joint] = 0.0f;
            continue;
        }
        const uint32_t cell = (uint32_t)place;
        const float x =
            ((float)(cell % candidates->map_width) + 0.5f) / (float)candidates->map_width;
        const float y =
            ((float)(cell / candidates->map_width) + 0.5f) / (float)candidates->map_height;
        xy[2 * joint] = x;
        xy[2 * joint + 1] = y;
        heats[joint] = candidates->heats[at];
        xyxy[0] = x < xyxy[0] ? x : xyxy[0];
        xyxy[1] = y < xyxy[1] ? y : xyxy[1];
        xyxy[2] = x > xyxy[2] ? x : xyxy[2];
        xyxy[3] = y > xyxy[3] ? y : xyxy[3];
    }
}

void imx500_higherhrnet_gather(const struct imx500_joint_candidates *candidates, void *scratch,
                               size_t count, float *xy, float *heats, float *scores, float *xyxy) {
    const size_t joints = candidates->joints;
    const struct people people = laid_out(candidates, scratch);
    for (size_t i = 0; i < count; i++) {
        const size_t person = people.order[i];
        scores[i] = people.scores[person];
        gather_person(candidates, people.members + person * joints, xy + 2 * i * joints,
                      heats + i * joints, xyxy + 4 * i);
    }
}
