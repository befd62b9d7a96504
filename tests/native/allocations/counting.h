/* Calls of the C core with the allocations that they make, one line of output each. */
#ifndef IMX500_TESTS_COUNTING_H
#define IMX500_TESTS_COUNTING_H

#include <stddef.h>
#include <stdint.h>

/* Calls a function that returns how much it found, and gives that number. */
#define GIVES(situation, function, ...)                                                            \
    (begin_call(), end_call(#function, situation, (size_t)function(__VA_ARGS__)))

/* Calls a function, after which `found` says how much that was. */
#define LEAVES(situation, found, function, ...)                                                    \
    (begin_call(), function(__VA_ARGS__), end_call(#function, situation, found))

/* Calls a function that writes to memory that is fresh. */
#define WRITES(situation, memory, bytes, function, ...)                                            \
    LEAVES(situation, written(memory, bytes), function, __VA_ARGS__)

/* What heads are to find in a tensor in which it stands out. */
#define OBJECTS 20

/* Makes heads find nothing, the objects, and everything there is, by the threshold alone. */
#define SITUATIONS 3
struct situation {
    const char *name;
    float threshold;
};
extern const struct situation situations[SITUATIONS];

/* How often the program has called malloc and its relatives, free among them. */
size_t allocation_calls(void);

void begin_call(void);
size_t end_call(const char *function, const char *situation, size_t found);

/* Memory that is never given back; `fresh` fills it with bytes that no result looks like. */
void *fresh(size_t bytes);
void *zeros(size_t bytes);
float *floats(size_t count, float low, float high);

/* How many bytes are no longer what `fresh`, or `zeros`, filled in. */
size_t written(const void *memory, size_t bytes);
size_t set(const void *memory, size_t bytes);

float any_number(float low, float high);
size_t any_index(size_t count);

void call_detectors(void);
void call_poses(void);
void call_masks(void);
void call_pictures(void);
void call_coordinates(void);

#endif
