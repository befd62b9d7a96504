#include "v4l2.h"

/* The kernel's header uses struct timespec without declaring it. */
#include <time.h>

#include <errno.h>
#include <linux/videodev2.h>
#include <string.h>
#include <sys/ioctl.h>

_Static_assert(sizeof(((struct v4l2_query_ext_ctrl *)0)->name) == IMX500_CONTROL_NAME_LENGTH,
               "the kernel's names have another length");

static int kernel_ioctl(int descriptor, unsigned long request, void *argument) {
    return ioctl(descriptor, request, argument) < 0 ? errno : 0;
}

static int (*send_ioctl)(int, unsigned long, void *) = kernel_ioctl;

void imx500_replace_ioctl(int (*replacement)(int, unsigned long, void *)) {
    send_ioctl = replacement ? replacement : kernel_ioctl;
}

/* The old G_CTRL and S_CTRL carry no arrays; these carry both. */
static int transfer(int descriptor, unsigned long request, struct v4l2_ext_control *control) {
    struct v4l2_ext_controls controls;
    memset(&controls, 0, sizeof controls);
    controls.which = V4L2_CTRL_WHICH_CUR_VAL;
    controls.count = 1;
    controls.controls = control;
    return send_ioctl(descriptor, request, &controls);
}

static struct v4l2_ext_control control_of(uint32_t id) {
    struct v4l2_ext_control control;
    memset(&control, 0, sizeof control);
    control.id = id;
    return control;
}

int imx500_query_control(int descriptor, uint32_t id, struct imx500_control_info *info) {
    struct v4l2_query_ext_ctrl query;
    memset(&query, 0, sizeof query);
    query.id = id;
    const int error = send_ioctl(descriptor, VIDIOC_QUERY_EXT_CTRL, &query);
    if (error)
        return error;
    memset(info, 0, sizeof *info);
    info->id = query.id;
    info->type = query.type;
    info->flags = query.flags;
    info->elements = query.elems;
    info->minimum = query.minimum;
    info->maximum = query.maximum;
    memcpy(info->name, query.name, IMX500_CONTROL_NAME_LENGTH);
    return 0;
}

int imx500_get_integer(int descriptor, uint32_t id, int32_t *value) {
    struct v4l2_ext_control control = control_of(id);
    const int error = transfer(descriptor, VIDIOC_G_EXT_CTRLS, &control);
    if (!error)
        *value = control.value;
    return error;
}

int imx500_set_integer(int descriptor, uint32_t id, int32_t value) {
    struct v4l2_ext_control control = control_of(id);
    control.value = value;
    return transfer(descriptor, VIDIOC_S_EXT_CTRLS, &control);
}

static int transfer_words(int descriptor, unsigned long request, uint32_t id, uint32_t *words,
                          size_t count) {
    if (count > IMX500_CONTROL_WORDS)
        return EINVAL;
    struct v4l2_ext_control control = control_of(id);
    control.size = (uint32_t)(count * sizeof *words);
    control.p_u32 = words;
    return transfer(descriptor, request, &control);
}

int imx500_get_words(int descriptor, uint32_t id, uint32_t *words, size_t count) {
    return transfer_words(descriptor, VIDIOC_G_EXT_CTRLS, id, words, count);
}

int imx500_set_words(int descriptor, uint32_t id, const uint32_t *words, size_t count) {
    uint32_t copy[IMX500_CONTROL_WORDS];
    if (count > IMX500_CONTROL_WORDS)
        return EINVAL;
    memcpy(copy, words, count * sizeof *words);
    /* The kernel writes the values back as it changed them. */
    return transfer_words(descriptor, VIDIOC_S_EXT_CTRLS, id, copy, count);
}
