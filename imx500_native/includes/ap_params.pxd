from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from imx500_native.includes.status cimport imx500_fault, imx500_status


cdef extern from "ap_params.h" nogil:
    struct imx500_ap_name:
        uint32_t length
        char text[255]

    struct imx500_ap_dimension:
        uint16_t size
        uint8_t order
        uint8_t padding

    struct imx500_ap_tensor:
        imx500_ap_name name
        uint32_t num_dimensions
        imx500_ap_dimension dimensions[16]
        uint64_t elements
        float scale
        uint16_t shift
        uint8_t bits
        bint is_signed

    struct imx500_ap_params:
        imx500_ap_name name
        uint32_t num_networks
        uint32_t num_inputs
        uint32_t num_outputs
        imx500_ap_tensor inputs[16]
        imx500_ap_tensor outputs[16]

    imx500_status imx500_ap_params_read(const uint8_t *words, size_t length,
                                        imx500_ap_params *params, imx500_fault *fault)
