/* apParams: the sensor's own description of a network's tensors, a flatbuffer inside the network
 * file. It is stored as 32-bit words in the order in which they cross the bus, so the bytes of
 * every word are reversed.
 */
#ifndef IMX500_AP_PARAMS_H
#define IMX500_AP_PARAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "status.h"
#include "tensor_info.h"

#define IMX500_AP_NAME_LENGTH 255

struct imx500_ap_name {
    uint32_t length;
    char text[IMX500_AP_NAME_LENGTH];
};

struct imx500_ap_dimension {
    uint16_t size;
    uint8_t order; /* 0 varies fastest on the wire */
    uint8_t padding;
};

struct imx500_ap_tensor {
    struct imx500_ap_name name;
    uint32_t num_dimensions;
    struct imx500_ap_dimension dimensions[IMX500_MAX_DIMENSIONS];
    uint64_t elements; /* without padding */
    float scale;       /* value = (raw - shift) * scale */
    uint16_t shift;
    uint8_t bits;
    bool is_signed;
};

struct imx500_ap_params {
    struct imx500_ap_name name;
    uint32_t num_networks;
    uint32_t num_inputs;
    uint32_t num_outputs;
    struct imx500_ap_tensor inputs[IMX500_MAX_TENSORS];
    struct imx500_ap_tensor outputs[IMX500_MAX_TENSORS];
};

/* Reads the first network of `length` bytes at `words`. `length` is a multiple of 4 and may count
 * padding after the flatbuffer.
 *
 * IMX500_UNKNOWN_LENGTH: not a multiple of 4. IMX500_EMPTY: no network is listed.
 * IMX500_BAD_OFFSET: what stands at byte `fault->where` points to `actual`, outside `expected`.
 * IMX500_TOO_MANY_TENSORS: `where` is 0 for inputs, 1 for outputs.
 * IMX500_TOO_LARGE, IMX500_BAD_RANK, IMX500_ZERO_DIMENSION, IMX500_ELEMENTS_MISMATCH (dimensions
 * announced and listed), IMX500_BAD_BITS, IMX500_BAD_ORDER, IMX500_BAD_SCALE, IMX500_BAD_VALUE
 * (the signedness): `where` is the tensor's place among the inputs followed by the outputs;
 * IMX500_BAD_SCALE answers the bits of the float32 in `actual`.
 */
enum imx500_status imx500_ap_params_read(const uint8_t *words, size_t length,
                                         struct imx500_ap_params *params,
                                         struct imx500_fault *fault);

#endif
