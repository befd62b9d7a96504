"""Tensor infos and tensor values of a frame, checked in C and shown as numpy arrays."""

from typing import NamedTuple

cimport numpy as cnp
from cpython.buffer cimport (
    PyBUF_CONTIG_RO,
    PyBUF_FORMAT,
    PyBuffer_Release,
    PyObject_CheckBuffer,
    PyObject_GetBuffer,
)
from cpython.number cimport PyNumber_Index
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF
from cpython.tuple cimport PyTuple_New, PyTuple_SET_ITEM
from libc.stdint cimport uint8_t, uint32_t, uint64_t, uintptr_t
from libc.string cimport memcpy

from imx500_native.includes.status cimport (
    IMX500_BAD_RANK,
    IMX500_EMPTY,
    IMX500_OK,
    IMX500_TOO_MANY_TENSORS,
    IMX500_UNKNOWN_LENGTH,
    IMX500_ZERO_DIMENSION,
    imx500_fault,
    imx500_status,
)
from imx500_native.includes.tensor_info cimport (
    IMX500_MAX_DIMENSIONS,
    IMX500_MAX_INFO_LENGTH,
    IMX500_MAX_TENSORS,
    IMX500_NO_FRAME_COUNT,
    imx500_input_info,
    imx500_input_info_read,
    imx500_is_ascii,
    imx500_output_info,
    imx500_output_info_read,
)

from imx500_native.errors import TensorInfoError

cnp.import_array()

cdef extern from *:
    """
    /* libcamera's bindings make one Python object per number, a million for an input tensor, so
       these two loops run over the item array itself. They stop at the first item that is not an
       exact float or a small exact int, and return its index. */
    #define IMX500_ROWS 4
    static Py_ssize_t imx500_copy_exact_floats(PyObject **items, Py_ssize_t count, float *out)
    {
        /* Several rows at once keep more of the memory busy: a third faster for a large tensor. */
        const Py_ssize_t length = count / IMX500_ROWS;
        Py_ssize_t done = 0;
        for (; done < length; done++) {
            int exact = 1;
            for (int row = 0; row < IMX500_ROWS; row++) {
                PyObject *item = items[row * length + done];
                if (!PyFloat_CheckExact(item)) {
                    exact = 0;
                    break;
                }
                out[row * length + done] = (float)PyFloat_AS_DOUBLE(item);
            }
            if (!exact)
                break;
        }
        for (Py_ssize_t i = done == length ? IMX500_ROWS * length : 0; i < count; i++) {
            if (!PyFloat_CheckExact(items[i]))
                return i;
            out[i] = (float)PyFloat_AS_DOUBLE(items[i]);
        }
        return count;
    }

    static inline size_t imx500_exact_digit(PyObject *item)
    {
        if (!PyLong_CheckExact(item))
            return SIZE_MAX;
    #if PY_VERSION_HEX >= 0x030C0000
        if (!PyUnstable_Long_IsCompact((PyLongObject *)item))
            return SIZE_MAX;
        return (size_t)PyUnstable_Long_CompactValue((PyLongObject *)item);
    #else
        const Py_ssize_t digits = Py_SIZE(item);
        if (digits == 1)
            return ((PyLongObject *)item)->ob_digit[0];
        return digits == 0 ? 0 : SIZE_MAX;
    #endif
    }

    static Py_ssize_t imx500_copy_exact_bytes(PyObject **items, Py_ssize_t count, uint8_t *out)
    {
        for (Py_ssize_t i = 0; i < count; i++) {
            const size_t value = imx500_exact_digit(items[i]);
            if (value > 255)
                return i;
            out[i] = (uint8_t)value;
        }
        return count;
    }
    """
    Py_ssize_t imx500_copy_exact_floats(PyObject **items, Py_ssize_t count, float *out) noexcept
    Py_ssize_t imx500_copy_exact_bytes(PyObject **items, Py_ssize_t count, uint8_t *out) noexcept

cdef extern from "Python.h":
    double PyFloat_AsDouble(object item) except? -1.0
    PyObject **PySequence_Fast_ITEMS(object items) noexcept
    Py_ssize_t PySequence_Fast_GET_SIZE(object items) noexcept
    object PyUnicode_DecodeUTF8(const char *text, Py_ssize_t length, const char *errors)


class OutputTensorInfo(NamedTuple):
    """What a frame says of its output tensors, see `output_info`."""

    network_name: str
    shapes: tuple[tuple[int, ...], ...]
    frame_count: int | None


class InputTensorInfo(NamedTuple):
    """What a frame says of its input tensor, see `input_info`."""

    network_name: str
    width: int
    height: int
    channels: int
    frame_count: int | None


cdef class _BufferLease:
    """Keeps somebody's buffer exported for as long as an array shows it."""

    cdef Py_buffer view
    cdef bint held

    def __cinit__(self, source):
        PyObject_GetBuffer(source, &self.view, PyBUF_CONTIG_RO | PyBUF_FORMAT)
        self.held = True

    def __dealloc__(self):
        if self.held:
            PyBuffer_Release(&self.view)

    cdef bint has_format(self, bytes codes):
        cdef const char *text = self.view.format
        if text == NULL:
            return b"B" in codes
        if text[0] in b"@=<" and text[1] != 0:
            text += 1
        return text[0] != 0 and text[1] == 0 and text[0] in codes


cdef inline bint is_sequence(object values) noexcept:
    return isinstance(values, (tuple, list))


cdef int check_length(object items, Py_ssize_t count, str what) except -1:
    # Converting an odd item can run Python code, which can shorten a list under the loop.
    if PySequence_Fast_GET_SIZE(items) != count:
        raise TensorInfoError(f"{what} changed its length while it was read")
    return 0


cdef int copy_bytes(object items, uint8_t *out, Py_ssize_t count, str what) except -1:
    cdef Py_ssize_t done = 0
    while True:
        check_length(items, count, what)
        done += imx500_copy_exact_bytes(
            PySequence_Fast_ITEMS(items) + done, count - done, out + done
        )
        if done == count:
            return 0
        item = <object>PySequence_Fast_ITEMS(items)[done]
        try:
            out[done] = PyNumber_Index(item)
        except (TypeError, ValueError, OverflowError):
            raise TensorInfoError(
                f"{what} must hold bytes, integers from 0 to 255; item {done} is {item!r:.80}"
            ) from None
        done += 1


cdef int copy_floats(object items, float *out, Py_ssize_t count) except -1:
    cdef Py_ssize_t done = 0
    while True:
        check_length(items, count, "the output tensor")
        done += imx500_copy_exact_floats(
            PySequence_Fast_ITEMS(items) + done, count - done, out + done
        )
        if done == count:
            return 0
        item = <object>PySequence_Fast_ITEMS(items)[done]
        try:
            out[done] = <float>PyFloat_AsDouble(item)
        except (TypeError, ValueError, OverflowError):
            raise TensorInfoError(
                f"the output tensor must hold numbers; item {done} is {item!r:.80}"
            ) from None
        done += 1


cdef _BufferLease lease_of(object source, str what):
    if not PyObject_CheckBuffer(source):
        raise TensorInfoError(
            f"{what} must be a tuple or list of numbers or an object with a buffer, "
            f"not {type(source).__name__}"
        )
    try:
        return _BufferLease(source)
    except (BufferError, ValueError):
        raise TensorInfoError(
            f"{what} must be contiguous in memory; make it so with numpy.ascontiguousarray"
        ) from None


cdef Py_ssize_t copy_struct(object data, uint8_t *out, str what) except -1:
    """Copy the bytes of an info struct; a length no layout has is returned, not copied."""
    cdef Py_ssize_t length
    cdef _BufferLease lease
    if is_sequence(data):
        length = PySequence_Fast_GET_SIZE(data)
        if length <= IMX500_MAX_INFO_LENGTH:
            copy_bytes(data, out, length, what)
        return length
    lease = lease_of(data, what)
    if lease.view.itemsize != 1:
        raise TensorInfoError(
            f"{what} must hold bytes, not items of {lease.view.itemsize} bytes each"
        )
    length = lease.view.len
    if length <= IMX500_MAX_INFO_LENGTH:
        memcpy(out, lease.view.buf, length)
    return length


cdef str decode_name(const char *name, size_t length):
    try:
        return PyUnicode_DecodeUTF8(name, <Py_ssize_t>length, NULL)
    except UnicodeDecodeError:
        raise TensorInfoError(
            f"the tensor info names its network {name[:length]!r}, which is not UTF-8"
        ) from None


cdef tuple INPUT_DIMENSIONS = ("width", "height", "number of channels")

cdef str EMPTY_INFO = (
    "the output tensor info is empty, as libcamera exports it for a network of exactly 16 "
    "tensors; pass the network, whose own shapes then serve instead"
)


cdef object output_info_error(imx500_status status, const imx500_fault *fault):
    where, expected, actual = fault.where, fault.expected, fault.actual
    if status == IMX500_UNKNOWN_LENGTH:
        text = (
            f"an output tensor info has 712, 708, 264 or 260 bytes, not {actual}; "
            "this libcamera uses a layout that is not known here"
        )
    elif status == IMX500_TOO_MANY_TENSORS:
        text = f"the output tensor info has room for {expected} tensors but counts {actual}"
    elif status == IMX500_BAD_RANK:
        text = f"output tensor {where} must have 1 to {expected} dimensions, not {actual}"
    elif status == IMX500_ZERO_DIMENSION:
        text = f"output tensor {where} has size 0 in dimension {actual}"
    else:
        text = (
            f"output tensor {where} says it has {actual} elements, "
            f"but its dimensions multiply to {expected}"
        )
    return TensorInfoError(text)


cdef imx500_status read_output_info(object data, imx500_output_info *info) except *:
    cdef uint8_t[712] raw
    cdef Py_ssize_t length = copy_struct(data, raw, "an output tensor info")
    return read_output_struct(raw, <size_t>length, info)


cdef imx500_status read_output_struct(
    const uint8_t *raw, size_t length, imx500_output_info *info
) except *:
    """Read an info struct; IMX500_EMPTY is returned, every other refusal raised."""
    cdef imx500_fault fault
    cdef imx500_status status = imx500_output_info_read(raw, length, info, &fault)
    if status != IMX500_OK and status != IMX500_EMPTY:
        raise output_info_error(status, &fault)
    if not imx500_is_ascii(info.network_name, info.network_name_length):
        decode_name(info.network_name, info.network_name_length)
    return status


def output_info(data):
    """Read a ``CnnOutputTensorInfo`` in any layout that libcamera has shipped.

    Parameters
    ----------
    data : bytes-like or sequence of int
        The struct: 712, 708, 264 or 260 bytes.

    Returns
    -------
    OutputTensorInfo
        The network's name, the shape of every tensor, and the 8-bit frame count (None where the
        layout has none).

    Raises
    ------
    TensorInfoError
        For an empty struct, an unknown length, or counts and sizes that contradict each other.
    """
    cdef imx500_output_info info
    if read_output_info(data, &info) == IMX500_EMPTY:
        raise TensorInfoError(EMPTY_INFO)
    shapes = tuple(
        tuple(info.tensors[i].size[d] for d in range(info.tensors[i].num_dimensions))
        for i in range(info.num_tensors)
    )
    return OutputTensorInfo(
        decode_name(info.network_name, info.network_name_length),
        shapes,
        None if info.frame_count == IMX500_NO_FRAME_COUNT else info.frame_count,
    )


def output_frame_count(data):
    """Read only the 8-bit frame count of a ``CnnOutputTensorInfo``, which may be empty otherwise.

    Parameters
    ----------
    data : bytes-like or sequence of int
        The struct, as for `output_info`.

    Returns
    -------
    int or None
        0 to 255; None where the layout has no frame count or the struct is empty.

    Raises
    ------
    TensorInfoError
        As `output_info`, but not for an empty struct.
    """
    cdef imx500_output_info info
    if read_output_info(data, &info) == IMX500_EMPTY:
        return None
    return None if info.frame_count == IMX500_NO_FRAME_COUNT else info.frame_count


def input_info(data):
    """Read a ``CnnInputTensorInfo`` in any layout that libcamera has shipped.

    Parameters
    ----------
    data : bytes-like or sequence of int
        The struct: 80 or 76 bytes.

    Returns
    -------
    InputTensorInfo
        The network's name, width and height in pixels, the number of planes, and the 8-bit frame
        count (None where the layout has none).

    Raises
    ------
    TensorInfoError
        For an empty struct, an unknown length, or sizes that no picture has.
    """
    cdef uint8_t[712] raw
    cdef imx500_input_info info
    cdef imx500_fault fault
    cdef Py_ssize_t length = copy_struct(data, raw, "an input tensor info")
    cdef imx500_status status = imx500_input_info_read(raw, <size_t>length, &info, &fault)
    if status == IMX500_UNKNOWN_LENGTH:
        raise TensorInfoError(
            f"an input tensor info has 80 or 76 bytes, not {fault.actual}; "
            "this libcamera uses a layout that is not known here"
        )
    if status == IMX500_EMPTY:
        raise TensorInfoError(
            "the input tensor info is empty: its width, height and channels are 0"
        )
    if status != IMX500_OK:
        raise TensorInfoError(
            f"the input tensor's {INPUT_DIMENSIONS[fault.where]} must be from 1 to 65535, "
            f"not {fault.actual}"
        )
    return InputTensorInfo(
        decode_name(info.network_name, info.network_name_length),
        info.width,
        info.height,
        info.channels,
        None if info.frame_count == IMX500_NO_FRAME_COUNT else info.frame_count,
    )


cdef int info_from_shapes(object shapes, imx500_output_info *info) except -1:
    cdef uint64_t product
    if not 1 <= len(shapes) <= IMX500_MAX_TENSORS:
        raise TensorInfoError(f"a frame has 1 to {IMX500_MAX_TENSORS} tensors, not {len(shapes)}")
    info.num_tensors = <uint32_t>len(shapes)
    info.total_elements = 0
    for i, shape in enumerate(shapes):
        if not 1 <= len(shape) <= IMX500_MAX_DIMENSIONS:
            raise TensorInfoError(
                f"output tensor {i} must have 1 to {IMX500_MAX_DIMENSIONS} dimensions, "
                f"not {len(shape)}"
            )
        product = 1
        for d, size in enumerate(shape):
            if not 1 <= size <= 65535:
                raise TensorInfoError(
                    f"output tensor {i} has size {size} in dimension {d}; sizes are 1 to 65535"
                )
            product *= <uint64_t>size
            if product > 0xFFFFFFFFu:
                raise TensorInfoError(f"output tensor {i} of shape {shape} is too large")
            info.tensors[i].size[d] = size
        info.tensors[i].num_dimensions = <uint32_t>len(shape)
        info.tensors[i].elements = <uint32_t>product
        info.total_elements += product
    return 0


cdef object total_mismatch(const imx500_output_info *info, Py_ssize_t count):
    sizes = " + ".join(str(info.tensors[i].elements) for i in range(info.num_tensors))
    return TensorInfoError(
        f"the tensor info describes {info.total_elements} elements ({sizes}), "
        f"but the output tensor holds {count}"
    )


cdef tuple views_on(object owner, const float *values, const imx500_output_info *info):
    cdef cnp.npy_intp[16] sizes
    cdef uint32_t i, d
    cdef cnp.ndarray array
    cdef tuple views = PyTuple_New(info.num_tensors)
    for i in range(info.num_tensors):
        for d in range(info.tensors[i].num_dimensions):
            sizes[d] = info.tensors[i].size[d]
        array = cnp.PyArray_New(
            cnp.ndarray,
            <int>info.tensors[i].num_dimensions,
            sizes,
            cnp.NPY_FLOAT32,
            NULL,
            <void *>values,
            0,
            cnp.NPY_ARRAY_F_CONTIGUOUS | cnp.NPY_ARRAY_ALIGNED,
            <object>NULL,
        )
        cnp.set_array_base(array, owner)
        Py_INCREF(array)
        PyTuple_SET_ITEM(views, i, array)
        values += info.tensors[i].elements
    return views


cdef int describe_by_shapes(object shapes, bint has_info, imx500_output_info *info) except -1:
    if shapes is not None:
        return info_from_shapes(shapes, info)
    if has_info:
        raise TensorInfoError(EMPTY_INFO)
    raise TensorInfoError(
        "the frame has an output tensor but no tensor info; "
        "pass the network, whose own shapes then serve instead"
    )


cdef tuple tensor_views(
    object owner,
    const float *values,
    Py_ssize_t count,
    const uint8_t *info,
    size_t info_length,
    object shapes,
):
    """What `output_arrays` does, for memory that `owner` keeps; `info` may be NULL."""
    cdef imx500_output_info described
    if info == NULL or read_output_struct(info, info_length, &described) == IMX500_EMPTY:
        describe_by_shapes(shapes, info != NULL, &described)
    if <uint64_t>count != described.total_elements:
        raise total_mismatch(&described, count)
    return views_on(owner, values, &described)


cdef cnp.ndarray owned_array(Py_ssize_t count, int kind):
    cdef cnp.npy_intp[1] sizes
    sizes[0] = count
    return cnp.PyArray_EMPTY(1, sizes, kind, 0)


cdef cnp.ndarray read_only(cnp.ndarray array):
    cnp.PyArray_CLEARFLAGS(array, cnp.NPY_ARRAY_WRITEABLE)
    return array


def output_arrays(values, info, shapes=None):
    """Show a frame's output tensors as arrays.

    Parameters
    ----------
    values : bytes-like, array of float32, or sequence of float
        The tensors' elements one after the other, each tensor in Fortran order, as libcamera
        exports them in ``CnnOutputTensor``. A buffer is not copied unless it is misaligned.
    info : bytes-like, sequence of int or None
        The frame's ``CnnOutputTensorInfo``.
    shapes : sequence of tuple of int, optional
        The network's own shapes, used where `info` is None or empty.

    Returns
    -------
    tuple of ndarray
        One read-only float32 array in Fortran order per tensor; they keep `values` alive.

    Raises
    ------
    TensorInfoError
        If `info` is malformed, or does not describe exactly the elements of `values`.
    """
    cdef imx500_output_info described
    cdef Py_ssize_t count
    cdef _BufferLease lease
    cdef cnp.ndarray copy

    if info is None or read_output_info(info, &described) == IMX500_EMPTY:
        describe_by_shapes(shapes, info is not None, &described)

    if is_sequence(values):
        count = PySequence_Fast_GET_SIZE(values)
        if <uint64_t>count != described.total_elements:
            raise total_mismatch(&described, count)
        copy = owned_array(count, cnp.NPY_FLOAT32)
        copy_floats(values, <float *>cnp.PyArray_DATA(copy), count)
        return views_on(read_only(copy), <const float *>cnp.PyArray_DATA(copy), &described)

    lease = lease_of(values, "the output tensor")
    if not (lease.has_format(b"f") or lease.has_format(b"Bbc")):
        raise TensorInfoError(
            "the output tensor must hold float32 values or their raw bytes, "
            f"not items of format {(<bytes>lease.view.format).decode('ascii', 'replace')!r}"
        )
    if lease.view.len % sizeof(float):
        raise TensorInfoError(
            f"the output tensor must hold float32 values, 4 bytes each; {lease.view.len} bytes came"
        )
    count = lease.view.len // <Py_ssize_t>sizeof(float)
    if <uint64_t>count != described.total_elements:
        raise total_mismatch(&described, count)
    if <uintptr_t>lease.view.buf % sizeof(float):
        copy = owned_array(count, cnp.NPY_FLOAT32)
        memcpy(cnp.PyArray_DATA(copy), lease.view.buf, lease.view.len)
        return views_on(read_only(copy), <const float *>cnp.PyArray_DATA(copy), &described)
    return views_on(lease, <const float *>lease.view.buf, &described)


def byte_array(values):
    """Show the bytes of an input tensor as an array.

    Parameters
    ----------
    values : bytes-like or sequence of int
        The bytes, 0 to 255. A buffer is not copied.

    Returns
    -------
    ndarray
        Read-only uint8, shape ``(len(values),)``; it keeps a buffer alive.

    Raises
    ------
    TensorInfoError
        If `values` does not hold bytes.
    """
    cdef _BufferLease lease
    cdef cnp.ndarray array
    cdef cnp.npy_intp[1] sizes
    if is_sequence(values):
        array = owned_array(PySequence_Fast_GET_SIZE(values), cnp.NPY_UINT8)
        copy_bytes(
            values,
            <uint8_t *>cnp.PyArray_DATA(array),
            cnp.PyArray_SIZE(array),
            "the input tensor",
        )
        return read_only(array)
    lease = lease_of(values, "the input tensor")
    if not lease.has_format(b"Bbc"):
        raise TensorInfoError(
            f"the input tensor must hold bytes, not items of {lease.view.itemsize} bytes each"
        )
    sizes[0] = lease.view.len
    array = cnp.PyArray_New(cnp.ndarray, 1, sizes, cnp.NPY_UINT8, NULL, lease.view.buf, 0,
                            cnp.NPY_ARRAY_CARRAY_RO, <object>NULL)
    cnp.set_array_base(array, lease)
    return array
