"""What every extension that reads tensors needs; each must call `cnp.import_array()` itself."""

cimport numpy as cnp
from cpython.mem cimport PyMem_Realloc

cdef extern from *:
    """
    /* A hundred times what the sensor can send; what is larger was made by mistake. */
    #define IMX500_MAX_ELEMENTS 0x10000000
    """
    Py_ssize_t IMX500_MAX_ELEMENTS

cdef struct scratch_memory:
    void *start
    size_t size


cdef inline bint is_column_major(cnp.ndarray array):
    return cnp.PyArray_TYPE(array) == cnp.NPY_FLOAT32 and cnp.PyArray_ISFARRAY_RO(array)


cdef inline cnp.ndarray real_numbers(object tensor):
    """The tensor as an array, or None where it does not hold real numbers, or too many."""
    cdef cnp.ndarray array
    if isinstance(tensor, cnp.ndarray):
        array = tensor
        if is_column_major(array):
            return array
    else:
        try:
            array = cnp.PyArray_FROM_O(tensor)
        except (TypeError, ValueError):
            return None
    if (
        cnp.PyArray_ISBOOL(array) or cnp.PyArray_ISINTEGER(array) or cnp.PyArray_ISFLOAT(array)
    ) and cnp.PyArray_SIZE(array) <= IMX500_MAX_ELEMENTS:
        return array
    return None


cdef inline cnp.ndarray column_major(object tensor):
    """The tensor as libcamera lays it out, anything else copied once; None as `real_numbers`."""
    cdef cnp.ndarray array = real_numbers(tensor)
    if array is None or is_column_major(array):
        return array
    return cnp.PyArray_FROM_OTF(
        array,
        cnp.NPY_FLOAT32,
        cnp.NPY_ARRAY_F_CONTIGUOUS | cnp.NPY_ARRAY_ALIGNED | cnp.NPY_ARRAY_FORCECAST,
    )


cdef inline int require_outputs(bint fit) except -1:
    """Refuse outputs that are others than those of the network; `Decoder` says which came."""
    if not fit:
        from imx500_native.errors import OutputsError

        raise OutputsError("the outputs have other shapes than this head reads")
    return 0


cdef inline tuple tensors_of(object outputs, Py_ssize_t count):
    """A frame's outputs, where they are so many."""
    cdef tuple tensors
    if isinstance(outputs, tuple):
        tensors = outputs
    else:
        try:
            tensors = tuple(outputs)
        except TypeError:
            tensors = None
    require_outputs(tensors is not None and len(tensors) == count)
    return tensors


cdef inline list columns_of(object outputs, Py_ssize_t count):
    """A frame's outputs, where they are so many tensors, `column_major` each."""
    cdef list columns = []
    cdef cnp.ndarray column
    for tensor in tensors_of(outputs, count):
        column = column_major(tensor)
        require_outputs(column is not None)
        columns.append(column)
    return columns


cdef inline cnp.ndarray new_floats(int dimensions, cnp.npy_intp *sizes):
    return cnp.PyArray_EMPTY(dimensions, sizes, cnp.NPY_FLOAT32, 0)


cdef inline int grow(scratch_memory *scratch, size_t size) except -1:
    if size <= scratch.size:
        return 0
    cdef void *grown = PyMem_Realloc(scratch.start, size)
    if grown == NULL:
        raise MemoryError
    scratch.start = grown
    scratch.size = size
    return 0


cdef inline int require_idle(bint busy) except -1:
    """Refuse a second thread in an object whose scratch memory serves one frame at a time."""
    if busy:
        from imx500_native.errors import DecoderError

        raise DecoderError("one decoder per thread: another thread is decoding with this one")
    return 0
