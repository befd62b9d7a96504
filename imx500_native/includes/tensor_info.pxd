from libc.stdint cimport uint16_t, uint32_t, uint64_t

from imx500_native.includes.status cimport imx500_fault, imx500_status


cdef extern from "tensor_info.h" nogil:
    enum:
        IMX500_MAX_TENSORS
        IMX500_MAX_DIMENSIONS
        IMX500_MAX_INFO_LENGTH
        IMX500_NO_FRAME_COUNT

    struct imx500_tensor_shape:
        uint32_t elements
        uint32_t num_dimensions
        uint16_t size[16]

    struct imx500_output_info:
        char network_name[64]
        size_t network_name_length
        uint32_t num_tensors
        uint64_t total_elements
        int frame_count
        imx500_tensor_shape tensors[16]

    struct imx500_input_info:
        char network_name[64]
        size_t network_name_length
        uint32_t width
        uint32_t height
        uint32_t channels
        int frame_count

    imx500_status imx500_output_info_read(const void *data, size_t length,
                                          imx500_output_info *info, imx500_fault *fault)
    imx500_status imx500_input_info_read(const void *data, size_t length,
                                         imx500_input_info *info, imx500_fault *fault)
    bint imx500_is_ascii(const char *name, size_t length)
