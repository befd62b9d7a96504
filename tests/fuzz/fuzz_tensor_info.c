/* Any bytes of any length, at any alignment, are read or refused; what is read is consistent. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tensor_info.h"

static void require(int holds) {
    if (!holds)
        abort();
}

static void try_output(const uint8_t *data, size_t size) {
    struct imx500_output_info info;
    struct imx500_fault fault;
    if (imx500_output_info_read(data, size, &info, &fault) != IMX500_OK)
        return;
    require(info.num_tensors >= 1 && info.num_tensors <= IMX500_MAX_TENSORS);
    require(info.network_name_length <= IMX500_NETWORK_NAME_LENGTH);
    uint64_t total = 0;
    for (uint32_t i = 0; i < info.num_tensors; i++) {
        const struct imx500_tensor_shape *tensor = &info.tensors[i];
        require(tensor->num_dimensions >= 1 && tensor->num_dimensions <= IMX500_MAX_DIMENSIONS);
        uint64_t product = 1;
        for (uint32_t d = 0; d < tensor->num_dimensions; d++)
            product *= tensor->size[d];
        require(product == tensor->elements && product > 0);
        total += product;
    }
    require(total == info.total_elements);
}

static void try_input(const uint8_t *data, size_t size) {
    struct imx500_input_info info;
    struct imx500_fault fault;
    if (imx500_input_info_read(data, size, &info, &fault) != IMX500_OK)
        return;
    require(info.width > 0 && info.height > 0 && info.channels > 0);
    require((uint64_t)info.width * info.height < UINT64_MAX / info.channels);
}

/* Lengths are forced to a known layout most of the time, or random bytes would never get past
   the first check. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const size_t lengths[] = {712, 708, 264, 260, 80, 76};
    if (size == 0)
        return 0;
    const size_t choice = data[0] % (sizeof lengths / sizeof lengths[0] + 1);
    const size_t length = choice < sizeof lengths / sizeof lengths[0] ? lengths[choice] : size - 1;
    uint8_t *memory = calloc(length + 1, 1);
    if (!memory)
        return 0;
    uint8_t *misaligned = memory + 1;
    memcpy(misaligned, data + 1, size - 1 < length ? size - 1 : length);
    try_output(misaligned, length);
    try_input(misaligned, length);
    free(memory);
    return 0;
}
