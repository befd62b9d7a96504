#include "counting.h"
#include "input_image.h"
#include "pixel_formats.h"
#include "tensor_info.h"

#include <string.h>

static void call_input_image(void) {
    enum { PIXELS = 640 * 640 };
    const uint8_t *planes = fresh(3 * PIXELS);
    uint8_t per_plane[3 * IMX500_TABLE_LENGTH];
    for (int only_flips = 0; only_flips < 2; only_flips++) {
        for (size_t i = 0; i < sizeof per_plane; i++)
            per_plane[i] = (uint8_t)(only_flips ? i ^ 128 : any_index(256));
        struct imx500_rgb_tables *tables = fresh(sizeof *tables);
        WRITES("frame", tables, sizeof *tables, imx500_rgb_tables_init, tables, per_plane,
               only_flips);
        uint8_t *rgb = fresh(3 * PIXELS);
        WRITES("frame", rgb, 3 * PIXELS, imx500_planes_to_rgb, tables, planes, planes + PIXELS,
               planes + 2 * PIXELS, PIXELS, rgb);
    }
}

enum { WIDTH = 1280, HEIGHT = 960, PIXELS = WIDTH * HEIGHT };

/* Three planes of 4:2:0, or one of 4:2:2 with all three in turn. */
static struct imx500_ycbcr_picture picture_at(uint8_t *pixels, int planar) {
    if (planar)
        return (struct imx500_ycbcr_picture){
            pixels, pixels + PIXELS, pixels + PIXELS + PIXELS / 4, WIDTH, WIDTH / 2, 1, 1, 1};
    return (struct imx500_ycbcr_picture){pixels,    pixels + 1, pixels + 3, 2 * WIDTH,
                                         2 * WIDTH, 2,          4,          0};
}

static void call_pixel_formats(void) {
    uint8_t *pixels = fresh(4 * PIXELS);
    for (size_t i = 0; i < 4 * PIXELS; i++)
        pixels[i] = (uint8_t)i;
    for (enum imx500_ycbcr_encoding encoding = IMX500_REC601; encoding <= IMX500_REC2020;
         encoding++) {
        struct imx500_ycbcr *matrix = fresh(sizeof *matrix);
        WRITES("frame", matrix, sizeof *matrix, imx500_ycbcr_init, matrix, encoding, encoding % 2);
        struct imx500_rgb_weights *weights = fresh(sizeof *weights);
        WRITES("frame", weights, sizeof *weights, imx500_rgb_weights_init, weights, encoding,
               encoding % 2);
        for (int planar = 0; planar < 2; planar++) {
            const struct imx500_ycbcr_picture picture = picture_at(pixels, planar);
            uint8_t *rgb = fresh(3 * PIXELS);
            WRITES("frame", rgb, 3 * PIXELS, imx500_ycbcr_to_rgb, matrix, &picture, WIDTH, HEIGHT,
                   rgb);
            uint8_t *put = fresh(2 * PIXELS);
            const struct imx500_ycbcr_picture target = picture_at(put, planar);
            WRITES("frame", put, 2 * PIXELS, imx500_rgb_to_ycbcr, weights, pixels, 3 * WIDTH, WIDTH,
                   HEIGHT, &target);
        }
    }
    for (int bgr = 0; bgr < 2; bgr++)
        for (ptrdiff_t step = 3; step <= 4; step++) {
            uint8_t *rgb = fresh(3 * PIXELS);
            WRITES("frame", rgb, 3 * PIXELS, imx500_packed_to_rgb, pixels, step * WIDTH, step, bgr,
                   WIDTH, HEIGHT, rgb);
            const size_t channels = (size_t)step;
            uint8_t *put = fresh(channels * PIXELS);
            WRITES("frame", put, channels * PIXELS, imx500_rgb_to_packed, pixels, 3 * WIDTH, bgr,
                   WIDTH, HEIGHT, put, step * WIDTH, step, channels);
        }
}

/* The structs of libcamera with the most room. */
struct sent_outputs {
    char network_name[IMX500_NETWORK_NAME_LENGTH];
    uint32_t num_tensors;
    struct {
        uint32_t elements;
        uint32_t num_dimensions;
        uint16_t size[IMX500_MAX_DIMENSIONS];
    } tensors[IMX500_MAX_TENSORS];
    uint32_t frame_count;
};

struct sent_input {
    char network_name[IMX500_NETWORK_NAME_LENGTH];
    uint32_t width;
    uint32_t height;
    uint32_t channels;
    uint32_t frame_count;
};

static void call_tensor_info(void) {
    const struct sent_outputs outputs = {
        .network_name = "ssd",
        .num_tensors = 4,
        .tensors = {{400, 2, {100, 4}}, {100, 1, {100}}, {100, 1, {100}}, {1, 1, {1}}},
        .frame_count = 7,
    };
    struct imx500_fault fault;
    struct imx500_output_info *read = fresh(sizeof *read);
    LEAVES("frame", read->total_elements, imx500_output_info_read, &outputs, sizeof outputs, read,
           &fault);
    const struct sent_input input = {"ssd", 320, 320, 3, 7};
    struct imx500_input_info *picture = fresh(sizeof *picture);
    LEAVES("frame", picture->width == 320, imx500_input_info_read, &input, sizeof input, picture,
           &fault);
    /* Refusals come with every frame, too. */
    LEAVES("refused", fault.expected || fault.actual, imx500_output_info_read, &outputs, 100, read,
           &fault);
}

void call_pictures(void) {
    call_input_image();
    call_pixel_formats();
    call_tensor_info();
}
