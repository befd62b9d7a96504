from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from imx500_native.includes.status cimport imx500_fault, imx500_status


cdef extern from "rpk.h" nogil:
    enum:
        IMX500_RPK_SECTION_AP_PARAMS

    struct imx500_rpk_block:
        uint64_t offset
        uint64_t payload
        uint64_t size
        uint64_t end
        uint16_t count
        uint16_t index
        bint device_locked

    struct imx500_rpk_section:
        uint64_t data
        uint64_t size
        uint64_t end
        uint32_t type
        uint32_t address
        uint32_t remaining

    struct imx500_rpk_member:
        uint64_t offset
        uint64_t name
        uint64_t name_length
        uint64_t data
        uint64_t size
        uint64_t end
        bint is_trailer

    imx500_status imx500_rpk_next_block(const uint8_t *file, size_t length,
                                        imx500_rpk_block *block, imx500_fault *fault)
    imx500_status imx500_rpk_next_section(const uint8_t *file, const imx500_rpk_block *block,
                                          imx500_rpk_section *section, imx500_fault *fault)
    imx500_status imx500_rpk_next_member(const uint8_t *file, size_t length, uint64_t archive,
                                         imx500_rpk_member *member, imx500_fault *fault)
