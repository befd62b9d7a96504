/* The structs in which libcamera describes the tensors of a frame.
 *
 * They are plain C structs in the byte order of the machine, and have changed between libcamera
 * versions. The length of the struct tells which layout it has.
 */
#ifndef IMX500_TENSOR_INFO_H
#define IMX500_TENSOR_INFO_H

#include <stddef.h>
#include <stdint.h>

#include "status.h"

#define IMX500_MAX_TENSORS 16
#define IMX500_MAX_DIMENSIONS 16
#define IMX500_NETWORK_NAME_LENGTH 64
/* The longest layout of either struct. */
#define IMX500_MAX_INFO_LENGTH 712
#define IMX500_NO_FRAME_COUNT (-1)

struct imx500_tensor_shape {
    uint32_t elements;
    uint32_t num_dimensions;
    uint16_t size[IMX500_MAX_DIMENSIONS];
};

struct imx500_output_info {
    char network_name[IMX500_NETWORK_NAME_LENGTH];
    size_t network_name_length;
    uint32_t num_tensors;
    uint64_t total_elements;
    int frame_count; /* 0..255, or IMX500_NO_FRAME_COUNT where the layout has none */
    struct imx500_tensor_shape tensors[IMX500_MAX_TENSORS];
};

struct imx500_input_info {
    char network_name[IMX500_NETWORK_NAME_LENGTH];
    size_t network_name_length;
    uint32_t width;
    uint32_t height;
    uint32_t channels;
    int frame_count;
};

/* Whether a name needs no decoder to be valid UTF-8. */
static inline int imx500_is_ascii(const char *name, size_t length) {
    unsigned bits = 0;
    for (size_t i = 0; i < length; i++)
        bits |= (unsigned char)name[i];
    return bits < 0x80;
}

/* Reads a CnnOutputTensorInfo of 712, 708, 264 or 260 bytes; `data` needs no alignment.
 *
 * IMX500_UNKNOWN_LENGTH: `fault` holds the length that came.
 * IMX500_EMPTY: the struct describes no tensor; `info` still holds name and frame count.
 * IMX500_TOO_MANY_TENSORS, IMX500_BAD_RANK, IMX500_ZERO_DIMENSION, IMX500_ELEMENTS_MISMATCH:
 * `fault` holds the tensor's index, the expected number and the one that came.
 */
enum imx500_status imx500_output_info_read(const void *data, size_t length,
                                           struct imx500_output_info *info,
                                           struct imx500_fault *fault);

/* Reads a CnnInputTensorInfo of 80 or 76 bytes. IMX500_EMPTY: every size is 0.
 * IMX500_ZERO_DIMENSION, IMX500_TOO_LARGE: `fault.where` is 0 for width, 1 for height, 2 for
 * channels.
 */
enum imx500_status imx500_input_info_read(const void *data, size_t length,
                                          struct imx500_input_info *info,
                                          struct imx500_fault *fault);

#endif
