"""YOLOv8 and YOLO11 heads; see heads/yolov8.py for which tensors they read."""

cimport cython
cimport numpy as cnp
from cpython.mem cimport PyMem_Free
from libc.stdint cimport SIZE_MAX, UINT32_MAX, int32_t, uint32_t
from libc.string cimport memcpy

from imx500_native._arrays cimport (
    column_major,
    grow,
    new_floats,
    real_numbers,
    require_idle,
    require_outputs,
    scratch_memory,
    tensors_of,
)
from imx500_native._masks cimport sparse_zeros
from imx500_native.includes.anchor_scan cimport imx500_anchor_table
from imx500_native.includes.instance_masks cimport (
    imx500_mask_logits,
    imx500_mask_logits_scratch_bytes,
    imx500_prototypes,
)
from imx500_native.includes.nms cimport (
    imx500_box_list,
    imx500_nms,
    imx500_nms_options,
    imx500_nms_scratch_bytes,
)
from imx500_native.includes.on_sensor_detections cimport (
    imx500_box_format,
    imx500_candidates,
    imx500_gather_candidates,
    imx500_select_candidates,
)
from imx500_native.includes.yolov8 cimport (
    imx500_yolov8_boxes,
    imx500_yolov8_candidates,
    imx500_yolov8_keypoints,
    imx500_yolov8_layout,
    imx500_yolov8_level,
    imx500_yolov8_read_keypoints,
)

cnp.import_array()

cdef enum:
    MAX_TENSORS = 5
    MAX_LEVELS = 8
    # At about 20 ns each this is 20 us.
    KEYPOINTS_WORTH_RELEASING = 1000

cdef struct tensor_view:
    const float *values
    size_t[3] steps

# Where a table is: in which tensor, from which channel on, and which way round.
cdef struct table_place:
    size_t tensor
    size_t first
    bint channels_first


cdef bint is_behaved(cnp.ndarray tensor):
    """Tell whether C can read an array where it lies, in whichever order it is."""
    return cnp.PyArray_TYPE(tensor) == cnp.NPY_FLOAT32 and (
        cnp.PyArray_ISFARRAY_RO(tensor) or cnp.PyArray_ISCARRAY_RO(tensor)
    )


cdef class TensorReader:
    """What the readers share: tensors in either order, keypoints, masks, scratch memory.

    Parameters
    ----------
    shapes : tuple of tuple of int
        Of the tensors, without a leading 1; a tensor may come with one.
    anchors : int
        Rows of each table.
    threshold : float
        The least score that counts.
    max_detections : int
        How many of the most confident to keep; negative for all.
    boxes : tuple
        Where the boxes are: (tensor, first channel, channels before anchors in the shape).
    units : tuple of float
        What the full width and height of the input are in the tensors' units.
    levels : tuple of tuple
        (first anchor, cells in a row, stride) of each level of the pyramid.
    keypoints : tuple, optional
        Place as for `boxes`, then (count, dimensions, are offsets, visibility is a logit).
    coefficients : tuple, optional
        Place as for `boxes`, then how many there are.
    prototypes : tuple, optional
        (tensor, channels are the first dimension rather than the last); goes with coefficients.
    """

    cdef tuple shapes
    cdef tensor_view[MAX_TENSORS] views
    cdef imx500_yolov8_layout layout
    cdef imx500_yolov8_level[MAX_LEVELS] levels
    cdef imx500_yolov8_keypoints points
    cdef imx500_prototypes sheets
    cdef table_place box_place, keypoint_place, coefficient_place
    cdef size_t sheets_tensor
    cdef bint sheets_channels_first
    cdef imx500_box_list found
    cdef float threshold
    cdef size_t limit
    cdef scratch_memory memory
    cdef void *nms_scratch
    cdef void *line_scratch
    cdef bint busy

    def _prepare(
        self,
        tuple shapes,
        Py_ssize_t anchors,
        *,
        float threshold,
        Py_ssize_t max_detections,
        boxes,
        tuple units,
        tuple levels=((0, 1, 1.0),),
        tuple keypoints=None,
        tuple coefficients=None,
        tuple prototypes=None,
    ):
        # Called by `__cinit__`, and by nobody else: C may be at work with what it sets.
        if self.shapes is not None:
            raise ValueError("a reader is made once")
        if not (1 <= len(shapes) <= MAX_TENSORS and 1 <= len(levels) <= MAX_LEVELS):
            raise ValueError("too many or no tensors or levels")
        if not 1 <= anchors <= UINT32_MAX:
            raise ValueError("the number of anchors does not fit")
        self.shapes = shapes
        self.threshold = threshold
        self.limit = SIZE_MAX if max_detections < 0 else <size_t>max_detections
        self.layout.anchors = <size_t>anchors
        self.layout.x_unit, self.layout.y_unit = units
        self.layout.levels = self.levels
        self.layout.level_count = <size_t>len(levels)
        for i, (first, width, stride) in enumerate(levels):
            if first < 0 or width < 1 or (i == 0 and first != 0):
                raise ValueError("the levels do not begin at anchor 0, or have no width")
            self.levels[i].first = first
            self.levels[i].width = width
            self.levels[i].stride = stride
        self.box_place = self.place_of(boxes, 4)
        if keypoints is not None:
            place, self.points.count, self.points.dimensions, *flags = keypoints
            self.points.offsets, self.points.visibility_logits = flags
            if self.points.dimensions not in (2, 3):
                raise ValueError("a keypoint has two or three dimensions")
            self.keypoint_place = self.place_of(
                place, <Py_ssize_t>(self.points.count * self.points.dimensions)
            )
        if coefficients is not None:
            place, self.sheets.channels = coefficients
            self.coefficient_place = self.place_of(place, <Py_ssize_t>self.sheets.channels)
            # Not indexed by a C integer, which nobody would check.
            tensor, self.sheets_channels_first = prototypes
            sizes = shapes[tensor]
            self.sheets_tensor = tensor
            if self.sheets_channels_first:
                channels, self.sheets.height, self.sheets.width = sizes
            else:
                self.sheets.height, self.sheets.width, channels = sizes
            if channels != self.sheets.channels or 0 in sizes:
                raise ValueError("there is no prototype for each coefficient")
        self.reserve(<size_t>anchors)

    def __dealloc__(self):
        PyMem_Free(self.memory.start)

    cdef table_place place_of(self, place, Py_ssize_t channels) except *:
        cdef table_place made
        tensor, first, made.channels_first = place
        sizes = self.shapes[tensor]
        rows, columns = reversed(sizes) if made.channels_first else sizes
        if rows != self.layout.anchors or first < 0 or first + channels > columns:
            raise ValueError(f"no {channels} channels from {first} on in a tensor of shape {sizes}")
        made.tensor, made.first = tensor, first
        return made

    cdef int reserve(self, size_t anchors) except -1:
        # Rounded up, so that what stands behind it is aligned too.
        cdef size_t nms_bytes = (imx500_nms_scratch_bytes(anchors) + 15) // 16 * 16
        cdef size_t row_bytes = 5 * sizeof(float) + sizeof(int32_t) + 3 * sizeof(uint32_t)
        cdef size_t line_bytes = imx500_mask_logits_scratch_bytes(
            self.sheets.channels, self.sheets.height, self.sheets.width
        )
        grow(&self.memory, nms_bytes + anchors * row_bytes + line_bytes)
        self.nms_scratch = self.memory.start
        self.found.xyxy = <float *>(<char *>self.memory.start + nms_bytes)
        self.found.score = self.found.xyxy + 4 * anchors
        self.found.class_id = <int32_t *>(self.found.score + anchors)
        # Three times, because selecting rows sorts them there.
        self.found.anchor = <uint32_t *>(self.found.class_id + anchors)
        self.line_scratch = self.found.anchor + 3 * anchors
        self.found.capacity = anchors
        return 0

    cdef list opened(self, outputs, bint columns_only):
        """Return arrays whose memory the views show, or None where the shapes do not fit."""
        cdef tuple given = tensors_of(outputs, len(self.shapes))
        cdef list arrays = []
        cdef cnp.ndarray tensor
        cdef Py_ssize_t i
        cdef int axis, skipped, last
        for i, expected in enumerate(self.shapes):
            tensor = real_numbers(given[i])
            if tensor is None:
                return None
            if columns_only or not is_behaved(tensor):
                tensor = column_major(tensor)
            last = <int>len(expected) - 1
            skipped = tensor.ndim - 1 - last
            if not (skipped == 0 or (skipped == 1 and tensor.shape[0] == 1)):
                return None
            for axis in range(last + 1):
                if tensor.shape[axis + skipped] != expected[axis]:
                    return None
            self.views[i].values = <const float *>cnp.PyArray_DATA(tensor)
            # Worked out here: the strides of a dimension of length 1 may be anything.
            if cnp.PyArray_IS_F_CONTIGUOUS(tensor):
                self.views[i].steps[0] = 1
                for axis in range(last):
                    self.views[i].steps[axis + 1] = (
                        self.views[i].steps[axis] * <size_t>tensor.shape[axis + skipped]
                    )
            else:
                self.views[i].steps[last] = 1
                for axis in range(last, 0, -1):
                    self.views[i].steps[axis - 1] = (
                        self.views[i].steps[axis] * <size_t>tensor.shape[axis + skipped]
                    )
            arrays.append(tensor)
        return arrays

    cdef imx500_anchor_table table(self, table_place place) noexcept nogil:
        cdef imx500_anchor_table made
        cdef const tensor_view *view = &self.views[place.tensor]
        made.anchor_step = view.steps[1] if place.channels_first else view.steps[0]
        made.channel_step = view.steps[0] if place.channels_first else view.steps[1]
        made.values = view.values + place.first * made.channel_step
        return made

    cdef void find(self) noexcept nogil:
        """Fill the list of what was found."""

    cdef bint wants_columns(self) noexcept:
        return False

    def __call__(self, outputs):
        """Decode one frame.

        Parameters
        ----------
        outputs : sequence of ndarray
            The tensors, in any order of memory; what C cannot read where it lies is copied.

        Returns
        -------
        tuple of ndarray
            xyxy (n, 4) float32 in 0..1 of the input, confidence (n,) float32 and class_id (n,)
            int32, most confident first; then, with keypoints, xy (n, k, 2) and their confidence
            (n, k), and with masks the logits (n, h, w).

        Raises
        ------
        OutputsError
            If the tensors have other shapes.
        DecoderError
            If another thread is inside.
        """
        require_idle(self.busy)
        self.busy = True
        try:
            arrays = self.opened(outputs, self.wants_columns())
            require_outputs(arrays is not None)
            with nogil:
                self.find()
            return self.made()
        finally:
            self.busy = False

    cdef tuple made(self):
        cdef size_t count = self.found.count
        cdef cnp.npy_intp[3] sizes
        sizes[0] = <cnp.npy_intp>count
        sizes[1] = 4
        cdef cnp.ndarray xyxy = new_floats(2, sizes)
        cdef cnp.ndarray confidence = new_floats(1, sizes)
        cdef cnp.ndarray class_id = cnp.PyArray_EMPTY(1, sizes, cnp.NPY_INT32, 0)
        memcpy(cnp.PyArray_DATA(xyxy), self.found.xyxy, 4 * count * sizeof(float))
        memcpy(cnp.PyArray_DATA(confidence), self.found.score, count * sizeof(float))
        memcpy(cnp.PyArray_DATA(class_id), self.found.class_id, count * sizeof(int32_t))
        if self.points.count > 0:
            return xyxy, confidence, class_id, *self.keypoints()
        if self.sheets.channels > 0:
            return xyxy, confidence, class_id, self.logits()
        return xyxy, confidence, class_id

    cdef tuple keypoints(self):
        cdef cnp.npy_intp[3] sizes
        sizes[0] = <cnp.npy_intp>self.found.count
        sizes[1] = <cnp.npy_intp>self.points.count
        sizes[2] = 2
        cdef cnp.ndarray xy = new_floats(3, sizes)
        cdef cnp.ndarray confidence = new_floats(2, sizes)
        cdef float *points = <float *>cnp.PyArray_DATA(xy)
        cdef float *sure = <float *>cnp.PyArray_DATA(confidence)
        self.points.table = self.table(self.keypoint_place)
        if cnp.PyArray_SIZE(confidence) < KEYPOINTS_WORTH_RELEASING:
            self.read_keypoints(points, sure)
        else:
            with nogil:
                self.read_keypoints(points, sure)
        return xy, confidence

    cdef void read_keypoints(self, float *points, float *sure) noexcept nogil:
        imx500_yolov8_read_keypoints(
            &self.layout, &self.points, self.found.anchor, self.found.count, points, sure
        )

    cdef cnp.ndarray logits(self):
        cdef cnp.ndarray sheets = sparse_zeros(
            (self.found.count, self.sheets.height, self.sheets.width),
            cnp.NPY_FLOAT32,
            sizeof(float),
        )
        cdef float *values = <float *>cnp.PyArray_DATA(sheets)
        cdef const tensor_view *view = &self.views[self.sheets_tensor]
        cdef int first = 1 if self.sheets_channels_first else 0
        self.sheets.values = view.values
        self.sheets.channel_step = view.steps[0 if self.sheets_channels_first else 2]
        self.sheets.y_step = view.steps[first]
        self.sheets.x_step = view.steps[first + 1]
        cdef imx500_anchor_table coefficients = self.table(self.coefficient_place)
        with nogil:
            imx500_mask_logits(
                &self.sheets,
                &coefficients,
                self.found.anchor,
                self.found.xyxy,
                self.found.count,
                values,
                self.line_scratch,
            )
        return sheets


@cython.final
cdef class YOLOReader(TensorReader):
    """Reads tensors as they leave the network, before suppression.

    Parameters
    ----------
    shapes, anchors, **options
        As for `TensorReader`.
    scores : tuple
        Where the scores are, as for `boxes`, and how many classes there are.
    score_logits : bool
        The scores go through the sigmoid.
    box_form : int
        0: distances from the cell's centre in strides; 1: centre and size; 2: corners.
    iou_threshold : float
        Boxes of one class that overlap more than this suppress each other.
    """

    cdef table_place score_place
    cdef imx500_nms_options suppression

    def __cinit__(
        self,
        tuple shapes,
        Py_ssize_t anchors,
        *,
        tuple scores,
        bint score_logits,
        int box_form,
        float iou_threshold,
        **options,
    ):
        self._prepare(shapes, anchors, **options)
        place, classes = scores
        if classes < 1 or not 0 <= box_form <= 2:
            raise ValueError("there are no classes, or no such form of boxes")
        self.score_place = self.place_of(place, classes)
        self.layout.classes = classes
        self.layout.boxes = <imx500_yolov8_boxes>box_form
        self.layout.score_logits = score_logits
        self.suppression.iou_threshold = iou_threshold
        self.suppression.class_aware = True
        self.suppression.plus_one = False
        self.suppression.max_detections = self.limit

    cdef void find(self) noexcept nogil:
        cdef imx500_anchor_table boxes = self.table(self.box_place)
        cdef imx500_anchor_table scores = self.table(self.score_place)
        imx500_yolov8_candidates(&self.layout, &boxes, &scores, self.threshold, &self.found)
        imx500_nms(&self.found, &self.suppression, self.nms_scratch)


@cython.final
cdef class SuppressedReader(TensorReader):
    """Reads tensors that the sensor has already suppressed: boxes, scores, classes, and more.

    Parameters
    ----------
    shapes, anchors, **options
        As for `TensorReader`: boxes are the first tensor, corners with x first; scores the second
        and classes the third.
    """

    def __cinit__(self, tuple shapes, Py_ssize_t anchors, **options):
        self._prepare(shapes, anchors, **options)
        if shapes[0] != (anchors, 4) or shapes[1:3] != ((anchors,), (anchors,)):
            raise ValueError("the first tensors are not boxes, scores and classes")

    cdef bint wants_columns(self) noexcept:
        return True

    cdef void find(self) noexcept nogil:
        cdef imx500_candidates rows
        rows.boxes = self.views[0].values
        rows.scores = self.views[1].values
        rows.classes = self.views[2].values
        rows.rows = self.layout.anchors
        # Every row: those that the sensor did not fill have a score of 0.
        rows.count = <float>rows.rows
        cdef imx500_box_format form
        form.x_first = True
        form.x_unit = self.layout.x_unit
        form.y_unit = self.layout.y_unit
        cdef size_t count = imx500_select_candidates(&rows, self.threshold, self.found.anchor)
        self.found.count = count if count < self.limit else self.limit
        imx500_gather_candidates(
            &rows,
            &form,
            self.found.anchor,
            self.found.count,
            self.found.xyxy,
            self.found.score,
            self.found.class_id,
        )
