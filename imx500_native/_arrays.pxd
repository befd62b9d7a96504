"""What every extension that reads tensors needs; each must call `cnp.import_array()` itself."""

cimport numpy as cnp


cdef inline cnp.ndarray column_major(object tensor):
    """The tensor as libcamera lays it out; anything else is copied once."""
    return cnp.PyArray_FROM_OTF(
        tensor,
        cnp.NPY_FLOAT32,
        cnp.NPY_ARRAY_F_CONTIGUOUS | cnp.NPY_ARRAY_ALIGNED | cnp.NPY_ARRAY_FORCECAST,
    )
