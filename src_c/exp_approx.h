/* The exponential of a float, so plain that compilers compute several at once. */
#ifndef IMX500_EXP_APPROX_H
#define IMX500_EXP_APPROX_H

#include <stdint.h>
#include <string.h>

/* Below this, e to the x is below 2^-126 and would lose digits; it counts as 0. */
#define IMX500_EXP_LEAST -87.33654f
#define IMX500_EXP_LEAST_SIZE 0x42aeac4fu /* the bits of its negative */

/* e to the x for x <= 0, within one unit in the last place; 0 below IMX500_EXP_LEAST and for NaN.
 *
 * x is n ln 2 + r with |r| <= ln 2 / 2; e to the r is 1 + r + r^2 p(r), and p is the least-squares
 * fit of (e^r - 1 - r) / r^2 over that range, weighted so that the relative error is even.
 */
static inline float imx500_exp_of_negative(float x) {
    /* What is added to it keeps no fraction, and stands in the low bits. */
    const float rounder = 12582912.0f;
    const float shifted = x * 1.44269504f + rounder;
    const float n = shifted - rounder;
    /* ln 2 in two parts; n times the first, 2839 / 4096, is exact. */
    const float r = (x - n * 0.693115234375f) - n * 3.194618494e-5f;
    float p = 1.375127933e-3f;
    p = p * r + 8.368952200e-3f;
    p = p * r + 4.166954011e-2f;
    p = p * r + 1.666651815e-1f;
    p = p * r + 4.999998808e-1f;
    const float power_of_r = (p * r * r + r) + 1.0f;
    uint32_t exponent, bits, size;
    memcpy(&exponent, &shifted, sizeof exponent);
    memcpy(&bits, &power_of_r, sizeof bits);
    memcpy(&size, &x, sizeof size);
    /* The sizes of floats are in the order of their bits, NaN above all. Any other way of comparing
     * ends in a branch, and then there are no vectors. */
    const uint32_t beyond = (size & 0x7fffffffu) - IMX500_EXP_LEAST_SIZE;
    bits = (bits + (exponent << 23)) & (0u - (beyond >> 31));
    float result;
    memcpy(&result, &bits, sizeof result);
    return result;
}

#endif
