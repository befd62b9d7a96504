#include "tensor_info.h"

#include <string.h>

/* Larger than any sensor; keeps width * height * channels far from overflow. */
#define MAX_INPUT_SIZE 65535u

struct output_layout {
    size_t length;
    uint32_t max_tensors;
    uint32_t max_dimensions;
    int has_frame_count;
};

static const struct output_layout OUTPUT_LAYOUTS[] = {
    {712, 16, 16, 1},
    {708, 16, 16, 0},
    {264, 8, 8, 1},
    {260, 8, 8, 0},
};

static uint32_t read_u32(const unsigned char *bytes) {
    uint32_t value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

static void read_name(const unsigned char *bytes, char *name, size_t *length) {
    memcpy(name, bytes, IMX500_NETWORK_NAME_LENGTH);
    const char *end = memchr(name, '\0', IMX500_NETWORK_NAME_LENGTH);
    *length = end ? (size_t)(end - name) : IMX500_NETWORK_NAME_LENGTH;
}

static enum imx500_status refuse(enum imx500_status status, struct imx500_fault *fault,
                                 uint64_t where, uint64_t expected, uint64_t actual) {
    *fault = (struct imx500_fault){where, expected, actual};
    return status;
}

static enum imx500_status read_shape(const unsigned char *bytes, uint32_t max_dimensions,
                                     uint32_t index, struct imx500_tensor_shape *shape,
                                     struct imx500_fault *fault) {
    shape->elements = read_u32(bytes);
    shape->num_dimensions = read_u32(bytes + 4);
    if (shape->num_dimensions == 0 || shape->num_dimensions > max_dimensions)
        return refuse(IMX500_BAD_RANK, fault, index, max_dimensions, shape->num_dimensions);
    memcpy(shape->size, bytes + 8, shape->num_dimensions * sizeof shape->size[0]);
    uint64_t product = 1;
    for (uint32_t d = 0; d < shape->num_dimensions; d++) {
        if (shape->size[d] == 0)
            return refuse(IMX500_ZERO_DIMENSION, fault, index, 1, d);
        product *= shape->size[d];
        /* `elements` has 32 bits, so a larger product is already wrong; going on could wrap. */
        if (product > UINT32_MAX)
            break;
    }
    if (product != shape->elements)
        return refuse(IMX500_ELEMENTS_MISMATCH, fault, index, product, shape->elements);
    return IMX500_OK;
}

enum imx500_status imx500_output_info_read(const void *data, size_t length,
                                           struct imx500_output_info *info,
                                           struct imx500_fault *fault) {
    const struct output_layout *layout = NULL;
    for (size_t i = 0; i < sizeof OUTPUT_LAYOUTS / sizeof OUTPUT_LAYOUTS[0]; i++)
        if (OUTPUT_LAYOUTS[i].length == length)
            layout = &OUTPUT_LAYOUTS[i];
    if (!layout)
        return refuse(IMX500_UNKNOWN_LENGTH, fault, 0, 0, length);

    const unsigned char *bytes = data;
    read_name(bytes, info->network_name, &info->network_name_length);
    bytes += IMX500_NETWORK_NAME_LENGTH;
    info->num_tensors = read_u32(bytes);
    bytes += 4;
    const size_t record = 8 + layout->max_dimensions * sizeof(uint16_t);
    info->frame_count =
        layout->has_frame_count ? bytes[layout->max_tensors * record] : IMX500_NO_FRAME_COUNT;
    info->total_elements = 0;
    if (info->num_tensors == 0)
        return refuse(IMX500_EMPTY, fault, 0, 1, 0);
    if (info->num_tensors > layout->max_tensors)
        return refuse(IMX500_TOO_MANY_TENSORS, fault, 0, layout->max_tensors, info->num_tensors);
    for (uint32_t i = 0; i < info->num_tensors; i++, bytes += record) {
        enum imx500_status status =
            read_shape(bytes, layout->max_dimensions, i, &info->tensors[i], fault);
        if (status != IMX500_OK)
            return status;
        info->total_elements += info->tensors[i].elements;
    }
    return IMX500_OK;
}

enum imx500_status imx500_input_info_read(const void *data, size_t length,
                                          struct imx500_input_info *info,
                                          struct imx500_fault *fault) {
    if (length != 80 && length != 76)
        return refuse(IMX500_UNKNOWN_LENGTH, fault, 0, 0, length);
    const unsigned char *bytes = data;
    read_name(bytes, info->network_name, &info->network_name_length);
    bytes += IMX500_NETWORK_NAME_LENGTH;
    info->width = read_u32(bytes);
    info->height = read_u32(bytes + 4);
    info->channels = read_u32(bytes + 8);
    info->frame_count = length == 80 ? bytes[12] : IMX500_NO_FRAME_COUNT;

    const uint32_t sizes[3] = {info->width, info->height, info->channels};
    if (!sizes[0] && !sizes[1] && !sizes[2])
        return refuse(IMX500_EMPTY, fault, 0, 1, 0);
    for (uint64_t i = 0; i < 3; i++) {
        if (sizes[i] == 0)
            return refuse(IMX500_ZERO_DIMENSION, fault, i, 1, 0);
        if (sizes[i] > MAX_INPUT_SIZE)
            return refuse(IMX500_TOO_LARGE, fault, i, MAX_INPUT_SIZE, sizes[i]);
    }
    return IMX500_OK;
}
