#include "input_image.h"

#include <string.h>

enum { TABLE_LENGTH = 256 };

/* Every machine that libcamera's IMX500 runs on is little-endian. */
static uint32_t word(uint8_t first, uint8_t second, uint8_t third, uint8_t fourth) {
    return (uint32_t)first | (uint32_t)second << 8 | (uint32_t)third << 16 | (uint32_t)fourth << 24;
}

void imx500_planes_to_rgb(const uint8_t *planes, size_t pixels, const uint8_t *tables,
                          const uint8_t plane_of[3], uint8_t *rgb) {
    const uint8_t *red = planes + plane_of[0] * pixels;
    const uint8_t *green = planes + plane_of[1] * pixels;
    const uint8_t *blue = planes + plane_of[2] * pixels;
    const uint8_t *red_table = tables + plane_of[0] * TABLE_LENGTH;
    const uint8_t *green_table = tables + plane_of[1] * TABLE_LENGTH;
    const uint8_t *blue_table = tables + plane_of[2] * TABLE_LENGTH;
    size_t i = 0;
    /* Four pixels as three words: a third of the stores, which bound the plain loop. */
    for (; i + 4 <= pixels; i += 4) {
        const uint32_t words[3] = {
            word(red_table[red[i]], green_table[green[i]], blue_table[blue[i]],
                 red_table[red[i + 1]]),
            word(green_table[green[i + 1]], blue_table[blue[i + 1]], red_table[red[i + 2]],
                 green_table[green[i + 2]]),
            word(blue_table[blue[i + 2]], red_table[red[i + 3]], green_table[green[i + 3]],
                 blue_table[blue[i + 3]]),
        };
        memcpy(rgb + 3 * i, words, sizeof words);
    }
    for (; i < pixels; i++) {
        rgb[3 * i] = red_table[red[i]];
        rgb[3 * i + 1] = green_table[green[i]];
        rgb[3 * i + 2] = blue_table[blue[i]];
    }
}
