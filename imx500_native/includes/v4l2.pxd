from libc.stdint cimport int32_t, int64_t, uint32_t


cdef extern from "v4l2.h" nogil:
    enum:
        IMX500_CONTROL_NAME_LENGTH
        IMX500_CONTROL_WORDS

    enum imx500_control:
        IMX500_CONTROL_ROI
        IMX500_CONTROL_NETWORK_FD
        IMX500_CONTROL_DEVICE_ID
        IMX500_CONTROL_INJECTION
        IMX500_CONTROL_TENSOR_FD
        IMX500_CONTROL_COMPARISON_FRAME

    struct imx500_control_info:
        uint32_t id
        uint32_t type
        uint32_t flags
        uint32_t elements
        int64_t minimum
        int64_t maximum
        char name[33]

    void imx500_replace_ioctl(int (*replacement)(int descriptor, unsigned long request,
                                                 void *argument) noexcept)

    int imx500_query_control(int descriptor, uint32_t id, imx500_control_info *info)
    int imx500_get_integer(int descriptor, uint32_t id, int32_t *value)
    int imx500_set_integer(int descriptor, uint32_t id, int32_t value)
    int imx500_get_words(int descriptor, uint32_t id, uint32_t *words, size_t count)
    int imx500_set_words(int descriptor, uint32_t id, const uint32_t *words, size_t count)
