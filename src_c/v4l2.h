/* The controls of a V4L2 sub-device, as the kernel driver of the IMX500 offers them. */
#ifndef IMX500_V4L2_H
#define IMX500_V4L2_H

#include <stddef.h>
#include <stdint.h>

#define IMX500_CONTROL_NAME_LENGTH 32
#define IMX500_CONTROL_WORDS 4

enum imx500_control {
    IMX500_CONTROL_ROI = 0x00982900,
    IMX500_CONTROL_NETWORK_FD,
    IMX500_CONTROL_DEVICE_ID,
    IMX500_CONTROL_INJECTION,
    IMX500_CONTROL_TENSOR_FD,
    IMX500_CONTROL_COMPARISON_FRAME,
};

struct imx500_control_info {
    uint32_t id;
    uint32_t type;
    uint32_t flags;
    uint32_t elements;
    int64_t minimum;
    int64_t maximum;
    char name[IMX500_CONTROL_NAME_LENGTH + 1];
};

/* Sends every ioctl of this package to a function instead of the kernel, for tests; NULL undoes it.
 * The function answers 0 or the errno. Call this while no other thread is in a function below.
 */
void imx500_replace_ioctl(int (*replacement)(int descriptor, unsigned long request,
                                             void *argument));

/* Each of these returns 0 or the errno: the kernel says more than an imx500_status could. `count`
 * is at most IMX500_CONTROL_WORDS, or the answer is EINVAL.
 */
int imx500_query_control(int descriptor, uint32_t id, struct imx500_control_info *info);
int imx500_get_integer(int descriptor, uint32_t id, int32_t *value);
int imx500_set_integer(int descriptor, uint32_t id, int32_t value);
int imx500_get_words(int descriptor, uint32_t id, uint32_t *words, size_t count);
int imx500_set_words(int descriptor, uint32_t id, const uint32_t *words, size_t count);

#endif
