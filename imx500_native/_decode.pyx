"""Network heads, from output tensors to plain arrays; see decoding.py for which head is whose."""

cimport cython
cimport numpy as cnp
from cpython.mem cimport PyMem_Free
from libc.stdint cimport int32_t, uint32_t

from imx500_native._arrays cimport columns_of, grow, new_floats, require_outputs, scratch_memory
from imx500_native.includes.on_sensor_detections cimport (
    imx500_box_format,
    imx500_candidates,
    imx500_gather_candidates,
    imx500_select_candidates,
)

cnp.import_array()


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
    cdef scratch_memory scratch

    def __init__(self, bint x_first, float x_unit, float y_unit):
        self.format.x_first = x_first
        self.format.x_unit = x_unit
        self.format.y_unit = y_unit

    def __dealloc__(self):
        PyMem_Free(self.scratch.start)

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
        OutputsError
            If the outputs do not have these shapes.
        """
        cdef cnp.ndarray boxes, scores, classes, count
        boxes, scores, classes, count = columns_of(outputs, 4)
        require_outputs(
            boxes.ndim == 2
            and boxes.shape[1] == 4
            and scores.ndim == 1
            and scores.shape[0] == boxes.shape[0]
            and classes.ndim == 1
            and classes.shape[0] == boxes.shape[0]
            and cnp.PyArray_SIZE(count) == 1
        )

        cdef imx500_candidates candidates
        candidates.boxes = <const float *>cnp.PyArray_DATA(boxes)
        candidates.scores = <const float *>cnp.PyArray_DATA(scores)
        candidates.classes = <const float *>cnp.PyArray_DATA(classes)
        candidates.rows = <size_t>boxes.shape[0]
        candidates.count = (<const float *>cnp.PyArray_DATA(count))[0]
        grow(&self.scratch, 3 * candidates.rows * sizeof(uint32_t))

        cdef uint32_t *rows = <uint32_t *>self.scratch.start
        cdef size_t kept = imx500_select_candidates(&candidates, threshold, rows)
        if 0 <= max_detections < <Py_ssize_t>kept:
            kept = <size_t>max_detections
        cdef cnp.npy_intp[2] sizes
        sizes[0] = <cnp.npy_intp>kept
        sizes[1] = 4
        cdef cnp.ndarray xyxy = new_floats(2, sizes)
        cdef cnp.ndarray confidence = new_floats(1, sizes)
        cdef cnp.ndarray class_id = cnp.PyArray_EMPTY(1, sizes, cnp.NPY_INT32, 0)
        imx500_gather_candidates(
            &candidates,
            &self.format,
            rows,
            kept,
            <float *>cnp.PyArray_DATA(xyxy),
            <float *>cnp.PyArray_DATA(confidence),
            <int32_t *>cnp.PyArray_DATA(class_id),
        )
        return xyxy, confidence, class_id
