/* libFuzzer: the readers of the network file must survive any bytes.
 *
 *     clang -g -O1 -fsanitize=fuzzer,address,undefined -Isrc_c tests/fuzz/fuzz_rpk.c \
 *         src_c/rpk.c src_c/ap_params.c -o fuzz_rpk
 *     ./fuzz_rpk -max_total_time=60 CORPUS
 *
 * Input that does not start as a block does is read as an apParams section alone, which the fuzzer
 * reaches far deeper into than through a whole file.
 */
#include "ap_params.h"
#include "rpk.h"

#include <stdlib.h>
#include <string.h>

static void expect(bool truth) {
    if (!truth)
        abort();
}

static void read_params(const uint8_t *words, size_t length) {
    static struct imx500_ap_params params;
    struct imx500_fault fault;
    if (imx500_ap_params_read(words, length, &params, &fault) != IMX500_OK)
        return;
    expect(params.num_inputs <= IMX500_MAX_TENSORS && params.num_outputs <= IMX500_MAX_TENSORS);
    for (uint32_t t = 0; t < params.num_outputs; t++) {
        const struct imx500_ap_tensor *tensor = &params.outputs[t];
        uint64_t elements = 1;
        uint32_t orders = 0;
        expect(tensor->num_dimensions >= 1 && tensor->num_dimensions <= IMX500_MAX_DIMENSIONS);
        for (uint32_t d = 0; d < tensor->num_dimensions; d++) {
            elements *= tensor->dimensions[d].size;
            orders |= 1u << tensor->dimensions[d].order;
        }
        expect(elements >= 1 && elements == tensor->elements && elements <= UINT32_MAX);
        expect(orders == (1u << tensor->num_dimensions) - 1);
        expect(tensor->scale > 0);
    }
}

static void read_file(const uint8_t *file, size_t length) {
    struct imx500_rpk_block block = {0};
    struct imx500_rpk_block first = {0};
    struct imx500_rpk_section section = {0};
    struct imx500_rpk_member member = {0};
    struct imx500_fault fault;
    enum imx500_status status;
    while ((status = imx500_rpk_next_block(file, length, &block, &fault)) == IMX500_OK) {
        if (first.end == 0)
            first = block;
        expect(block.payload + block.size < block.end && block.end <= length);
    }
    if (first.end == 0)
        return;
    while (imx500_rpk_next_section(file, &first, &section, &fault) == IMX500_OK) {
        expect(section.data + section.size == section.end && section.end <= first.end);
        if (section.type == IMX500_RPK_SECTION_AP_PARAMS)
            read_params(file + section.data, (size_t)section.size);
    }
    if (status != IMX500_EMPTY)
        return;
    while (!member.is_trailer &&
           imx500_rpk_next_member(file, length, block.end, &member, &fault) == IMX500_OK) {
        expect(member.name + member.name_length < length);
        expect(member.size == 0 || member.data + member.size <= length);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    /* libFuzzer's buffer may be longer than `size`; a block of exactly that size is guarded. */
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy)
        return 0;
    if (size)
        memcpy(copy, data, size);
    if (size >= 4 && memcmp(copy, "9464", 4) == 0)
        read_file(copy, size);
    else
        read_params(copy, size);
    free(copy);
    return 0;
}
