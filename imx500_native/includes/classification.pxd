from libc.stdint cimport int32_t, uint32_t


cdef extern from "classification.h" nogil:
    struct imx500_ranking_options:
        int softmax
        float threshold
        size_t limit

    size_t imx500_top_classes_scratch(size_t count, size_t limit)
    size_t imx500_top_classes(const float *scores, size_t count,
                              const imx500_ranking_options *options, int32_t *class_id,
                              float *confidence, uint32_t *scratch)
