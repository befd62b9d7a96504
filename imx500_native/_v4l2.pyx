"""The controls of a V4L2 sub-device, one ioctl each; see src_c/v4l2.h."""

import os
from typing import NamedTuple

from cpython.buffer cimport PyBUF_WRITE
from cpython.exc cimport PyErr_CheckSignals
from cpython.memoryview cimport PyMemoryView_FromMemory
from libc.errno cimport EINTR, EIO
from libc.stdint cimport int32_t, uint32_t

from imx500_native.includes.v4l2 cimport (
    IMX500_CONTROL_COMPARISON_FRAME,
    IMX500_CONTROL_DEVICE_ID,
    IMX500_CONTROL_INJECTION,
    IMX500_CONTROL_NETWORK_FD,
    IMX500_CONTROL_ROI,
    IMX500_CONTROL_TENSOR_FD,
    IMX500_CONTROL_WORDS,
    imx500_control_info,
    imx500_get_integer,
    imx500_get_words,
    imx500_query_control,
    imx500_replace_ioctl,
    imx500_set_integer,
    imx500_set_words,
)

cdef extern from "<sys/ioctl.h>":
    size_t _IOC_SIZE(unsigned long request)

ROI = <int>IMX500_CONTROL_ROI
NETWORK_FD = <int>IMX500_CONTROL_NETWORK_FD
DEVICE_ID = <int>IMX500_CONTROL_DEVICE_ID
INJECTION = <int>IMX500_CONTROL_INJECTION
TENSOR_FD = <int>IMX500_CONTROL_TENSOR_FD
COMPARISON_FRAME = <int>IMX500_CONTROL_COMPARISON_FRAME


class ControlInfo(NamedTuple):
    """What the driver says of a control."""

    id: int
    name: str
    type: int
    flags: int
    elements: int
    minimum: int
    maximum: int


cdef object _replacement = None


# Of anything but an OSError, Python tells through sys.unraisablehook.
cdef int _replaced_ioctl(int descriptor, unsigned long request, void *argument) noexcept with gil:
    size = <Py_ssize_t>_IOC_SIZE(request)
    try:
        _replacement(
            descriptor, request, PyMemoryView_FromMemory(<char *>argument, size, PyBUF_WRITE)
        )
    except OSError as error:
        return error.errno or EIO
    return 0


def replace_ioctl(replacement):
    """Send every ioctl of this package to a function, for tests.

    Parameters
    ----------
    replacement : callable or None
        ``replacement(descriptor, request, argument)``, whose `argument` is the memory that the
        kernel would read and write, as a writable memoryview; raises OSError to refuse. None
        sends them to the kernel again.
    """
    global _replacement
    _replacement = replacement
    if replacement is None:
        imx500_replace_ioctl(NULL)
    else:
        imx500_replace_ioctl(_replaced_ioctl)


# As in Python's own calls, a signal interrupts the call and not the program.
cdef bint _try_again(int error) except -1:
    if error == EINTR:
        PyErr_CheckSignals()
        return True
    if error:
        raise OSError(error, os.strerror(error))
    return False


def query_control(int descriptor, uint32_t control):
    """Ask what the driver has under the number of a control.

    Parameters
    ----------
    descriptor : int
        Of the open sub-device.
    control : int
        The control's number.

    Returns
    -------
    ControlInfo

    Raises
    ------
    OSError
        EINVAL: the driver has no such control.
    """
    cdef imx500_control_info info
    cdef int error = EINTR
    while _try_again(error):
        with nogil:
            error = imx500_query_control(descriptor, control, &info)
    return ControlInfo(
        info.id,
        (<bytes>info.name).decode("ascii", "replace"),
        info.type,
        info.flags,
        info.elements,
        info.minimum,
        info.maximum,
    )


def get_integer(int descriptor, uint32_t control):
    """Read a control that holds one number.

    Parameters
    ----------
    descriptor : int
        Of the open sub-device.
    control : int
        The control's number.

    Returns
    -------
    int

    Raises
    ------
    OSError
        The driver refuses.
    """
    cdef int32_t value = 0
    cdef int error = EINTR
    while _try_again(error):
        with nogil:
            error = imx500_get_integer(descriptor, control, &value)
    return value


def set_integer(int descriptor, uint32_t control, int32_t value):
    """Write a control that holds one number.

    Parameters
    ----------
    descriptor : int
        Of the open sub-device.
    control : int
        The control's number.
    value : int
        32 bits, signed.

    Raises
    ------
    OSError
        The driver refuses.
    """
    cdef int error = EINTR
    while _try_again(error):
        with nogil:
            error = imx500_set_integer(descriptor, control, value)


def get_words(int descriptor, uint32_t control):
    """Read a control that holds four numbers.

    Parameters
    ----------
    descriptor : int
        Of the open sub-device.
    control : int
        The control's number.

    Returns
    -------
    tuple of int
        32 bits each, unsigned.

    Raises
    ------
    OSError
        The driver refuses.
    """
    cdef uint32_t[IMX500_CONTROL_WORDS] words = [0, 0, 0, 0]
    cdef int error = EINTR
    while _try_again(error):
        with nogil:
            error = imx500_get_words(descriptor, control, words, IMX500_CONTROL_WORDS)
    return words[0], words[1], words[2], words[3]


def set_words(int descriptor, uint32_t control, uint32_t first, uint32_t second, uint32_t third,
              uint32_t fourth):
    """Write a control that holds four numbers.

    Parameters
    ----------
    descriptor : int
        Of the open sub-device.
    control : int
        The control's number.
    first, second, third, fourth : int
        32 bits each, unsigned.

    Raises
    ------
    OSError
        The driver refuses.
    """
    cdef uint32_t[IMX500_CONTROL_WORDS] words = [first, second, third, fourth]
    cdef int error = EINTR
    while _try_again(error):
        with nogil:
            error = imx500_set_words(descriptor, control, words, IMX500_CONTROL_WORDS)
