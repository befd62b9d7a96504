"""Detectors whose boxes are still to be decoded and suppressed; see the heads of these names."""

cimport cython
cimport numpy as cnp
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.object cimport PyObject
from libc.stdint cimport SIZE_MAX, int32_t, uint32_t
from libc.string cimport memcpy

from imx500_native._arrays cimport (
    columns_of,
    grow,
    new_floats,
    real_numbers,
    require_idle,
    require_outputs,
    scratch_memory,
)
from imx500_native.includes.efficientdet cimport (
    imx500_efficientdet,
    imx500_efficientdet_candidates,
)
from imx500_native.includes.nanodet cimport imx500_nanodet, imx500_nanodet_candidates
from imx500_native.includes.nms cimport (
    imx500_box_list,
    imx500_nms,
    imx500_nms_options,
    imx500_nms_rows,
    imx500_nms_scratch_bytes,
)
from imx500_native.includes.yolov5 cimport (
    imx500_yolov5_candidates,
    imx500_yolov5_decoded_candidates,
    imx500_yolov5_level,
)

from imx500_native.errors import DecoderError

cnp.import_array()

cdef extern from "Python.h":
    # Without a class for what is too large it gives the largest there is.
    Py_ssize_t PyNumber_AsSsize_t(object number, PyObject *overflow) except? -1

cdef enum:
    MAX_LEVELS = 8
    # What suppression does with fewer boxes is over before another thread could have started.
    FEW_BOXES = 512

# Theirs: without the lock given up, no two threads use it at once.
cdef scratch_memory FEW_BOXES_MEMORY


cdef class BoxHead:
    """What the heads have in common: candidates, suppression, and arrays of what stays.

    One object serves one thread at a time: it owns the scratch memory.

    Parameters
    ----------
    size : tuple of int
        (width, height) of the network's input.
    anchors : int
        How many rows the tensors have.
    threshold : float
        The least confidence that counts.
    iou_threshold : float
        Boxes of one class that overlap more than this suppress each other.
    max_detections : int
        How many of the most confident to keep; negative for all.
    plus_one : bool
        Overlaps are those of boxes one pixel wider and higher, as picamera2 has it.
    """

    cdef imx500_box_list boxes
    cdef imx500_nms_options suppression
    cdef void *scratch
    cdef float threshold
    cdef uint32_t width
    cdef uint32_t height
    cdef bint busy

    cdef int prepare(self, size, Py_ssize_t anchors, float threshold, float iou_threshold,
                     Py_ssize_t max_detections, bint plus_one) except -1:
        self.width, self.height = size
        self.threshold = threshold
        self.suppression.iou_threshold = iou_threshold
        self.suppression.class_aware = True
        self.suppression.plus_one = plus_one
        self.suppression.max_detections = SIZE_MAX if max_detections < 0 else <size_t>max_detections
        self.allocate(anchors)
        return 0

    def __dealloc__(self):
        PyMem_Free(self.scratch)

    cdef int allocate(self, size_t anchors) except -1:
        cdef size_t suppression = imx500_nms_scratch_bytes(anchors)
        self.scratch = PyMem_Malloc(suppression + 7 * sizeof(float) * anchors)
        if self.scratch == NULL:
            raise MemoryError
        self.boxes.xyxy = <float *>(<char *>self.scratch + suppression)
        self.boxes.score = self.boxes.xyxy + 4 * anchors
        self.boxes.class_id = <int32_t *>(self.boxes.score + anchors)
        self.boxes.anchor = <uint32_t *>(self.boxes.class_id + anchors)
        self.boxes.capacity = anchors
        return 0

    cdef list bound(self, outputs):
        """Point at the tensors; return what owns them."""
        raise NotImplementedError

    cdef void find_candidates(self) noexcept nogil:
        """Fill the list."""

    def __call__(self, outputs):
        """Decode one frame.

        Parameters
        ----------
        outputs : sequence of ndarray
            The network's tensors.

        Returns
        -------
        tuple of ndarray
            xyxy (m, 4) float32 in 0..1 of what the network saw, confidence (m,) float32 and
            class_id (m,) int32, most confident first.

        Raises
        ------
        OutputsError
            If the tensors have other shapes.
        DecoderError
            If another thread is in this object.
        """
        require_idle(self.busy)
        self.busy = True
        try:
            # As long as this list lives, so do copies of tensors that C could not read.
            _owners = self.bound(outputs)
            with nogil:
                self.boxes.count = 0
                self.find_candidates()
                imx500_nms(&self.boxes, &self.suppression, self.scratch)
            return self.found()
        finally:
            self.busy = False

    cdef tuple found(self):
        cdef size_t count = self.boxes.count
        cdef cnp.npy_intp[2] sizes
        sizes[0] = <cnp.npy_intp>count
        sizes[1] = 4
        cdef cnp.ndarray xyxy = new_floats(2, sizes)
        cdef cnp.ndarray confidence = new_floats(1, sizes)
        cdef cnp.ndarray class_id = cnp.PyArray_EMPTY(1, sizes, cnp.NPY_INT32, 0)
        cdef float *boxes = <float *>cnp.PyArray_DATA(xyxy)
        cdef size_t i
        for i in range(2 * count):
            boxes[2 * i] = self.boxes.xyxy[2 * i] / <float>self.width
            boxes[2 * i + 1] = self.boxes.xyxy[2 * i + 1] / <float>self.height
        memcpy(cnp.PyArray_DATA(confidence), self.boxes.score, count * sizeof(float))
        memcpy(cnp.PyArray_DATA(class_id), self.boxes.class_id, count * sizeof(int32_t))
        return xyxy, confidence, class_id


cdef list tensors_of_shapes(outputs, tuple shapes):
    """The tensors as libcamera lays them out, where they have these shapes."""
    cdef list tensors = columns_of(outputs, len(shapes))
    cdef cnp.ndarray tensor
    for tensor, shape in zip(tensors, shapes):
        # A subclass of ndarray may say that it has another `shape` than C will find.
        require_outputs(
            cnp.PyArray_IntTupleFromIntp(tensor.ndim, cnp.PyArray_DIMS(tensor)) == shape
        )
    return tensors


cdef inline const float *values_of(object tensor):
    return <const float *>cnp.PyArray_DATA(tensor)


@cython.final
cdef class NanoDet(BoxHead):
    """Reads (anchors, classes + 4 * bins).

    Parameters
    ----------
    classes, bins : int
    strides : sequence of int
        At most 8.
    size, anchors, threshold, iou_threshold, max_detections, plus_one
        As for `BoxHead`.
    """

    cdef imx500_nanodet network
    cdef uint32_t[MAX_LEVELS] strides
    cdef tuple shapes

    def __cinit__(self, Py_ssize_t classes, Py_ssize_t bins, strides, size, Py_ssize_t anchors,
                  float threshold, float iou_threshold, Py_ssize_t max_detections, bint plus_one):
        self.prepare(size, anchors, threshold, iou_threshold, max_detections, plus_one)
        if len(strides) > MAX_LEVELS:
            raise DecoderError(f"at most {MAX_LEVELS} strides, not {len(strides)}")
        for level, stride in enumerate(strides):
            self.strides[level] = stride
        self.network.anchors = anchors
        self.network.classes = classes
        self.network.bins = bins
        self.network.width = self.width
        self.network.height = self.height
        self.network.strides = self.strides
        self.network.levels = len(strides)
        self.shapes = ((anchors, classes + 4 * bins),)

    cdef list bound(self, outputs):
        cdef list tensors = tensors_of_shapes(outputs, self.shapes)
        self.network.tensor = values_of(tensors[0])
        return tensors

    cdef void find_candidates(self) noexcept nogil:
        imx500_nanodet_candidates(&self.network, self.threshold, &self.boxes)


@cython.final
cdef class EfficientDet(BoxHead):
    """Reads (anchors, classes) and (anchors, 4).

    Parameters
    ----------
    classes : int
    levels : tuple of int
        The first and the last.
    anchor_scale : float
    boxes_first : bool
        The two tensors come the other way round.
    size, anchors, threshold, iou_threshold, max_detections, plus_one
        As for `BoxHead`.
    """

    cdef imx500_efficientdet network
    cdef bint boxes_first
    cdef tuple shapes

    def __cinit__(self, Py_ssize_t classes, levels, float anchor_scale, bint boxes_first, size,
                  Py_ssize_t anchors, float threshold, float iou_threshold,
                  Py_ssize_t max_detections, bint plus_one):
        self.prepare(size, anchors, threshold, iou_threshold, max_detections, plus_one)
        self.network.anchors = anchors
        self.network.classes = classes
        self.network.width = self.width
        self.network.height = self.height
        self.network.first_level, self.network.last_level = levels
        self.network.anchor_scale = anchor_scale
        self.boxes_first = boxes_first
        self.shapes = ((anchors, classes), (anchors, 4))
        if boxes_first:
            self.shapes = self.shapes[::-1]

    cdef list bound(self, outputs):
        cdef list tensors = tensors_of_shapes(outputs, self.shapes)
        self.network.logits = values_of(tensors[1 if self.boxes_first else 0])
        self.network.codes = values_of(tensors[0 if self.boxes_first else 1])
        return tensors

    cdef void find_candidates(self) noexcept nogil:
        imx500_efficientdet_candidates(&self.network, self.threshold, &self.boxes)


@cython.final
cdef class YOLOv5(BoxHead):
    """Reads one tensor per level, whose last dimension is 5 + classes.

    Parameters
    ----------
    classes : int
    levels : sequence of tuple
        Of each: the shape of its tensor, the grid (columns, lines), the steps in the tensor
        (x, y, anchor), the stride, and the anchors' sizes as (width, height) in pixels.
    logits : bool
        The sigmoid is still to be done.
    size, anchors, threshold, iou_threshold, max_detections, plus_one
        As for `BoxHead`.
    """

    cdef imx500_yolov5_level[MAX_LEVELS] levels
    cdef float[2 * MAX_LEVELS * MAX_LEVELS] anchor_sizes
    cdef tuple shapes
    cdef size_t classes
    cdef bint logits

    def __cinit__(self, Py_ssize_t classes, levels, bint logits, size, Py_ssize_t anchors,
                  float threshold, float iou_threshold, Py_ssize_t max_detections, bint plus_one):
        self.prepare(size, anchors, threshold, iou_threshold, max_detections, plus_one)
        if len(levels) > MAX_LEVELS or any(len(level[4]) > MAX_LEVELS for level in levels):
            raise DecoderError(f"at most {MAX_LEVELS} levels, of at most {MAX_LEVELS} anchors each")
        self.classes = classes
        self.logits = logits
        self.shapes = tuple(level[0] for level in levels)
        cdef imx500_yolov5_level *level
        cdef float *sizes = self.anchor_sizes
        cdef Py_ssize_t total = 0
        for index, (_, grid, steps, stride, anchor_sizes) in enumerate(levels):
            level = &self.levels[index]
            level.columns, level.lines = grid
            level.x_step, level.y_step, level.anchor_step = steps
            level.stride = stride
            level.anchors = len(anchor_sizes)
            level.anchor_size = sizes
            for width, height in anchor_sizes:
                sizes[0] = width
                sizes[1] = height
                sizes += 2
            total += <Py_ssize_t>(level.columns * level.lines * level.anchors)
        if total > anchors:
            raise DecoderError(f"the levels have {total} anchors, more than {anchors}")

    cdef list bound(self, outputs):
        cdef list tensors = tensors_of_shapes(outputs, self.shapes)
        cdef Py_ssize_t index
        for index in range(len(tensors)):
            self.levels[index].tensor = values_of(tensors[index])
        return tensors

    cdef void find_candidates(self) noexcept nogil:
        cdef uint32_t first_row = 0
        cdef imx500_yolov5_level *level
        cdef size_t index
        for index in range(<size_t>MAX_LEVELS):
            level = &self.levels[index]
            if level.anchors == 0:
                break
            imx500_yolov5_candidates(
                level, self.classes, self.logits, self.threshold, first_row, &self.boxes
            )
            first_row += <uint32_t>(level.columns * level.lines * level.anchors)


@cython.final
cdef class YOLOv5Decoded(BoxHead):
    """Reads (anchors, 5 + classes): boxes that the network has decoded, centre and size.

    Parameters
    ----------
    classes : int
    units : tuple of float
        What one is, of a box's x and y, in pixels of the input.
    size, anchors, threshold, iou_threshold, max_detections, plus_one
        As for `BoxHead`.
    """

    cdef const float *tensor
    cdef tuple shapes
    cdef size_t classes
    cdef float x_unit
    cdef float y_unit

    def __cinit__(self, Py_ssize_t classes, units, size, Py_ssize_t anchors, float threshold,
                  float iou_threshold, Py_ssize_t max_detections, bint plus_one):
        self.prepare(size, anchors, threshold, iou_threshold, max_detections, plus_one)
        self.classes = classes
        self.x_unit, self.y_unit = units
        self.shapes = ((anchors, 5 + classes),)

    cdef list bound(self, outputs):
        cdef list tensors = tensors_of_shapes(outputs, self.shapes)
        self.tensor = values_of(tensors[0])
        return tensors

    cdef void find_candidates(self) noexcept nogil:
        imx500_yolov5_decoded_candidates(
            self.tensor, self.boxes.capacity, self.classes, self.x_unit, self.y_unit,
            self.threshold, &self.boxes
        )


cdef cnp.ndarray rows_of(object values, int dtype):
    cdef cnp.ndarray array
    if isinstance(values, cnp.ndarray):
        array = values
        if cnp.PyArray_TYPE(array) == dtype and cnp.PyArray_ISCARRAY_RO(array):
            return array
    array = real_numbers(values)
    if array is None:
        raise DecoderError(
            "nms takes numbers: xyxy (n, 4), confidence (n,) and class_id (n,) or None, not "
            f"{getattr(values, 'dtype', type(values).__name__)}"
        )
    return cnp.PyArray_FROM_OTF(
        array, dtype, cnp.NPY_ARRAY_C_CONTIGUOUS | cnp.NPY_ARRAY_ALIGNED | cnp.NPY_ARRAY_FORCECAST
    )


cdef float share_of(iou_threshold) except -1:
    cdef double share
    try:
        share = iou_threshold
        if 0 <= share <= 1:
            return <float>share
    except (TypeError, ValueError, OverflowError):
        pass
    raise DecoderError(f"iou_threshold must be a number from 0 to 1, not {iou_threshold!r:.40}")


cdef size_t limit_of(max_detections) except? 0:
    cdef Py_ssize_t limit
    try:
        limit = PyNumber_AsSsize_t(max_detections, NULL)
        if limit >= 0:
            return <size_t>limit
    except (TypeError, ValueError):
        pass
    raise DecoderError(
        f"max_detections must be None or an integer of at least 0, not {max_detections!r:.40}"
    )


def nms(xyxy, confidence, iou_threshold=0.5, *, class_id=None, max_detections=None,
        bint plus_one=False):
    """Find the boxes that stay when, of those that overlap, the most confident suppresses the rest.

    A box is suppressed by a more confident one that stays, of the same class, if their
    intersection over union is above the threshold.

    Parameters
    ----------
    xyxy : array_like
        Boxes in corner form, shape (n, 4), of any unit; computed in float32.
    confidence : array_like
        Scores, shape (n,).
    iou_threshold : float
        From 0 to 1; boxes that overlap by exactly this much both stay.
    class_id : array_like of int, optional
        Shape (n,), of 32 bits; without it all boxes are of one class.
    max_detections : int, optional
        Stop when so many are found.
    plus_one : bool
        Compute overlaps of boxes that are one wider and one higher, as if their corners were
        pixels that belong to them. It is what picamera2 does with every box.

    Returns
    -------
    ndarray
        intp, shape (m,): rows of the boxes that stay, most confident first; equal ones in the
        order of their rows. Rows with a box that is not finite or a score that is NaN do not stay
        and suppress nothing; a box without an area neither suppresses nor is suppressed, and
        neither is one whose area is beyond float32.

    Raises
    ------
    DecoderError
        If the shapes are others or an option is out of range.
    """
    cdef cnp.ndarray boxes = rows_of(xyxy, cnp.NPY_FLOAT32)
    cdef cnp.ndarray scores = rows_of(confidence, cnp.NPY_FLOAT32)
    cdef cnp.ndarray classes = None
    cdef size_t count = <size_t>cnp.PyArray_SIZE(scores)
    if class_id is not None:
        classes = rows_of(class_id, cnp.NPY_INT32)
    if (
        scores.ndim != 1
        or (classes is not None
            and (classes.ndim != 1 or <size_t>classes.shape[0] != count))
        or not (boxes.ndim == 2 and <size_t>boxes.shape[0] == count and boxes.shape[1] == 4
                or count == 0 and cnp.PyArray_SIZE(boxes) == 0)
    ):
        raise DecoderError(
            "nms takes xyxy (n, 4), confidence (n,) and class_id (n,) or None, not "
            f"{(<object>boxes).shape}, {(<object>scores).shape} and "
            f"{None if classes is None else (<object>classes).shape}"
        )
    if count > 0xffffffff:
        raise DecoderError(f"nms takes at most {0xffffffff} boxes, not {count}")
    cdef imx500_nms_options options
    options.iou_threshold = share_of(iou_threshold)
    options.class_aware = classes is not None
    options.plus_one = plus_one
    options.max_detections = count if max_detections is None else limit_of(max_detections)

    cdef size_t rows_bytes = (sizeof(uint32_t) * count + 7) // 8 * 8
    cdef size_t needed = rows_bytes + imx500_nms_scratch_bytes(count)
    cdef scratch_memory *memory = &FEW_BOXES_MEMORY
    cdef scratch_memory own
    own.start = NULL
    own.size = 0
    if count >= FEW_BOXES:
        memory = &own
    grow(memory, needed)
    cdef uint32_t *kept = <uint32_t *>memory.start
    cdef void *scratch = <char *>memory.start + rows_bytes
    cdef const float *box_values = <const float *>cnp.PyArray_DATA(boxes)
    cdef const float *score_values = <const float *>cnp.PyArray_DATA(scores)
    cdef const int32_t *class_values = NULL
    cdef cnp.npy_intp kept_count
    cdef cnp.npy_intp *numbers
    cdef size_t i
    if classes is not None:
        class_values = <const int32_t *>cnp.PyArray_DATA(classes)
    try:
        if count < FEW_BOXES:
            kept_count = <cnp.npy_intp>imx500_nms_rows(
                box_values, score_values, class_values, count, &options, kept, scratch
            )
        else:
            with nogil:
                kept_count = <cnp.npy_intp>imx500_nms_rows(
                    box_values, score_values, class_values, count, &options, kept, scratch
                )
        rows = cnp.PyArray_EMPTY(1, &kept_count, cnp.NPY_INTP, 0)
        numbers = <cnp.npy_intp *>cnp.PyArray_DATA(rows)
        for i in range(<size_t>kept_count):
            numbers[i] = kept[i]
        return rows
    finally:
        PyMem_Free(own.start)
