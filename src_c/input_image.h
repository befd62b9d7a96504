/* The network's input tensor, planar and quantised, as an interleaved picture. */
#ifndef IMX500_INPUT_IMAGE_H
#define IMX500_INPUT_IMAGE_H

#include <stddef.h>
#include <stdint.h>

/* Writes `pixels` RGB triples to `rgb` (3 * pixels bytes) from three planes of `pixels` bytes.
 *
 * `tables` holds three tables of 256 bytes: table p turns a byte of plane p into a picture value.
 * `plane_of[c]` is the plane, 0..2, that holds colour c of red, green, blue.
 */
void imx500_planes_to_rgb(const uint8_t *planes, size_t pixels, const uint8_t *tables,
                          const uint8_t plane_of[3], uint8_t *rgb);

#endif
