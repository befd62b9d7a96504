/* The network's input tensor, planar and quantised, as an interleaved picture. */
#ifndef IMX500_INPUT_IMAGE_H
#define IMX500_INPUT_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#define IMX500_TABLE_LENGTH 256

/* How bytes of the red, green and blue plane become picture values. */
struct imx500_rgb_tables {
    const uint8_t *of_colour[3];
    uint8_t flip[3]; /* where every table only flips bits: which ones */
    int only_flips;
};

/* Prepares three tables of IMX500_TABLE_LENGTH bytes, which must stay where they are: table p is
 * for plane p. With `bgr` the planes are blue, green, red.
 */
void imx500_rgb_tables_init(struct imx500_rgb_tables *tables, const uint8_t *per_plane, int bgr);

/* Writes `pixels` RGB triples from as many bytes of each colour's plane. */
void imx500_planes_to_rgb(const struct imx500_rgb_tables *tables, const uint8_t *red,
                          const uint8_t *green, const uint8_t *blue, size_t pixels, uint8_t *rgb);

#endif
