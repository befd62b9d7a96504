"""Network heads, from output tensors to plain arrays; see decoding.py for which head is whose."""

cimport cython
cimport numpy as cnp
from cpython.mem cimport PyMem_Free, PyMem_Realloc
from libc.stdint cimport int32_t, uint32_t

from imx500_native._arrays cimport column_major
from imx500_native.includes.on_sensor_detections cimport (
    imx500_box_format,
    imx500_candidates,
    imx500_gather_candidates,
    imx500_select_candidates,
)

from imx500_native.errors import DecoderError

cnp.import_array()


cdef object on_sensor_shape_error(outputs):
    shapes = ", ".join(str(getattr(output, "shape", type(output).__name__)) for output in outputs)
    return DecoderError(
        "a detector that post-processes on the sensor has four outputs of shapes "
        f"(n, 4), (n,), (n,) and (1,); these have {shapes or 'none'}"
    )


@cython.final
cdef class OnSensorHead:
    """Reads the four tensors of a detector that post-processes on the sensor.

    One object serves one thread at a time: it owns the scratch memory.

    Parameters
    ----------
    x_first : bool
        The box columns are x0, y0, x1, y1 rather than y0, x0, y1, x1.
    x_unit, y_unit : float
        What the full width and height of the network's input are in the box tensor.
    """

    cdef imx500_box_format format
    cdef uint32_t *scratch
    cdef size_t scratch_rows

    def __init__(self, bint x_first, float x_unit, float y_unit):
        self.format.x_first = x_first
        self.format.x_unit = x_unit
        self.format.y_unit = y_unit

    def __dealloc__(self):
        PyMem_Free(self.scratch)

    cdef int reserve(self, size_t rows) except -1:
        if rows <= self.scratch_rows:
            return 0
        cdef void *grown = PyMem_Realloc(self.scratch, 2 * rows * sizeof(uint32_t))
        if grown == NULL:
            raise MemoryError
        self.scratch = <uint32_t *>grown
        self.scratch_rows = rows
        return 0

    def __call__(self, outputs, float threshold, Py_ssize_t max_detections):
        """Decode one frame.

        Parameters
        ----------
        outputs : sequence of ndarray
            Boxes (n, 4), scores (n,), classes (n,) and the number of filled rows (1,).
        threshold : float
            The least score that counts.
        max_detections : int
            How many of the most confident to keep; negative for all.

        Returns
        -------
        tuple of ndarray
            xyxy (m, 4) float32 in 0..1 of what the network saw, confidence (m,) float32 and
            class_id (m,) int32, most confident first.

        Raises
        ------
        DecoderError
            If the outputs do not have these shapes.
        """
        if len(outputs) != 4:
            raise on_sensor_shape_error(outputs)
        cdef cnp.ndarray boxes = column_major(outputs[0])
        cdef cnp.ndarray scores = column_major(outputs[1])
        cdef cnp.ndarray classes = column_major(outputs[2])
        cdef cnp.ndarray count = column_major(outputs[3])
        if (
            boxes.ndim != 2
            or boxes.shape[1] != 4
            or scores.ndim != 1
            or scores.shape[0] != boxes.shape[0]
            or classes.ndim != 1
            or classes.shape[0] != boxes.shape[0]
            or cnp.PyArray_SIZE(count) != 1
        ):
            raise on_sensor_shape_error(outputs)

        cdef imx500_candidates candidates
        candidates.boxes = <const float *>cnp.PyArray_DATA(boxes)
        candidates.scores = <const float *>cnp.PyArray_DATA(scores)
        candidates.classes = <const float *>cnp.PyArray_DATA(classes)
        candidates.rows = <size_t>boxes.shape[0]
        candidates.count = (<const float *>cnp.PyArray_DATA(count))[0]
        self.reserve(candidates.rows)

        cdef size_t kept = imx500_select_candidates(&candidates, threshold, self.scratch)
        if 0 <= max_detections < <Py_ssize_t>kept:
            kept = <size_t>max_detections
        cdef cnp.npy_intp[2] sizes
        sizes[0] = <cnp.npy_intp>kept
        sizes[1] = 4
        cdef cnp.ndarray xyxy = cnp.PyArray_EMPTY(2, sizes, cnp.NPY_FLOAT32, 0)
        cdef cnp.ndarray confidence = cnp.PyArray_EMPTY(1, sizes, cnp.NPY_FLOAT32, 0)
        cdef cnp.ndarray class_id = cnp.PyArray_EMPTY(1, sizes, cnp.NPY_INT32, 0)
        imx500_gather_candidates(
            &candidates,
            &self.format,
            self.scratch,
            kept,
            <float *>cnp.PyArray_DATA(xyxy),
            <float *>cnp.PyArray_DATA(confidence),
            <int32_t *>cnp.PyArray_DATA(class_id),
        )
        return xyxy, confidence, class_id
