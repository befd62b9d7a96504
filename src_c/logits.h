/* Confidences as networks send them: before the sigmoid. */
#ifndef IMX500_LOGITS_H
#define IMX500_LOGITS_H

#include <math.h>

static inline float imx500_sigmoid(float logit) {
    return (float)(1.0 / (1.0 + exp(-(double)logit)));
}

/* The logit below which no sigmoid, rounded to float32, reaches `share`: what is not below it is
 * still to be compared after the sigmoid.
 */
static inline float imx500_logit_floor(float share) {
    if (!(share > 0.0f))
        return -INFINITY;
    if (share > 1.0f)
        return INFINITY;
    const double less = (double)share * (1.0 - 1e-6);
    return (float)(log(less) - log1p(-less) - 1e-6);
}

#endif
