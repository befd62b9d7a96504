"""The temporal filter's memory of what it follows, see filtering.py for its meaning."""

cimport cython
cimport numpy as cnp
from cpython.mem cimport PyMem_Free, PyMem_Realloc
from libc.stdint cimport int32_t, int64_t, uint32_t

from imx500_native.includes.temporal_filter cimport (
    imx500_filter_rule,
    imx500_follow_objects,
    imx500_follow_poses,
    imx500_followed,
    imx500_followed_list,
    imx500_pose_width,
    imx500_seen_objects,
    imx500_seen_poses,
    imx500_shown_objects,
    imx500_shown_poses,
)

from imx500_native.errors import PipelineError

cnp.import_array()

cdef size_t LEAST_CAPACITY = 16
cdef size_t MOST_FOLLOWED = 4096

MAX_FOLLOWED = MOST_FOLLOWED


cdef inline cnp.ndarray rows_of(object column, int type_number):
    return cnp.PyArray_FROM_OTF(
        column, type_number, cnp.NPY_ARRAY_CARRAY_RO | cnp.NPY_ARRAY_FORCECAST
    )


cdef inline cnp.ndarray empty(int type_number, size_t rows, size_t columns=0):
    cdef cnp.npy_intp[2] sizes
    sizes[0] = <cnp.npy_intp>rows
    sizes[1] = <cnp.npy_intp>columns
    return cnp.PyArray_EMPTY(2 if columns else 1, sizes, type_number, 0)


@cython.final
cdef class FollowedList:
    """What a temporal filter follows, and the rule by which it does.

    Parameters
    ----------
    tolerance : float
        How far something may move from one frame to the next, as a share of the picture.
    factor : float
        The share of the new place in the smoothed one.
    visible_frames, hidden_frames : int
        How long what is missed stays, and what is new waits.
    """

    cdef imx500_followed_list items
    cdef imx500_filter_rule rule
    cdef float tolerance
    cdef size_t keypoints
    cdef bint boxed

    def __init__(
        self, float tolerance, double factor, uint32_t visible_frames, uint32_t hidden_frames
    ):
        self.tolerance = tolerance
        self.rule.factor = factor
        self.rule.visible_frames = visible_frames
        self.rule.hidden_frames = hidden_frames
        self.items.next_id = 1

    def __dealloc__(self):
        PyMem_Free(self.items.followed)
        PyMem_Free(self.items.places)

    def __len__(self):
        return <Py_ssize_t>self.items.count

    def clear(self):
        """Follow nothing any more; numbers that were given are not given again."""
        self.items.count = 0

    cdef void scale(self, float width, float height) noexcept:
        """In float32 as rpicam-apps has it, so that whole pixels fall on the same side."""
        self.rule.x_tolerance = self.tolerance * width
        self.rule.y_tolerance = self.tolerance * height

    cdef int require_width(self, size_t width) except -1:
        """The width tells objects from poses, and poses from those of other columns."""
        if self.items.count > 0 and width != self.items.width:
            raise PipelineError(
                "the filter follows results of another kind, or with other columns; "
                "call reset() before another series, or use a filter for each"
            )
        return 0

    cdef int reserve(self, size_t width, size_t more) except -1:
        """Make room for so many more rows of this width; only an empty list changes its width."""
        cdef imx500_followed_list *items = &self.items
        self.require_width(width)
        if width != items.width:
            items.capacity = 0
            items.width = width
        cdef size_t needed = min(MOST_FOLLOWED, items.count + more)
        if needed <= items.capacity:
            return 0
        cdef size_t capacity = items.capacity or LEAST_CAPACITY
        while capacity < needed:
            capacity *= 2
        cdef void *grown = PyMem_Realloc(items.followed, capacity * sizeof(imx500_followed))
        if grown == NULL:
            raise MemoryError
        items.followed = <imx500_followed *>grown
        grown = PyMem_Realloc(items.places, (capacity * width or 1) * sizeof(float))
        if grown == NULL:
            raise MemoryError
        items.places = <float *>grown
        items.capacity = capacity
        return 0

    def rows(self):
        """Return where each of what is followed comes from.

        Returns
        -------
        ndarray
            int64, ``(len(self),)``: its place in what was followed before the last frame, or,
            counted on from there, in that frame, where it was seen.
        """
        cdef cnp.ndarray rows = empty(cnp.NPY_INT64, self.items.count)
        cdef int64_t *row = <int64_t *>cnp.PyArray_DATA(rows)
        cdef size_t i
        for i in range(self.items.count):
            row[i] = <int64_t>self.items.followed[i].row
        return rows

    def is_shown(self):
        """Tell of each of what is followed whether it is shown.

        Returns
        -------
        ndarray
            bool, ``(len(self),)``.
        """
        cdef cnp.ndarray shown = empty(cnp.NPY_BOOL, self.items.count)
        cdef cnp.npy_bool *flag = <cnp.npy_bool *>cnp.PyArray_DATA(shown)
        cdef size_t i
        for i in range(self.items.count):
            flag[i] = self.items.followed[i].hidden == 0
        return shown

    cdef size_t shown(self) noexcept:
        cdef size_t count = 0, i
        for i in range(self.items.count):
            count += self.items.followed[i].hidden == 0
        return count

    cdef tuple objects(self, size_t shown):
        cdef cnp.ndarray xyxy = empty(cnp.NPY_FLOAT32, shown, 4)
        cdef cnp.ndarray confidence = empty(cnp.NPY_FLOAT32, shown)
        cdef cnp.ndarray class_id = empty(cnp.NPY_INT32, shown)
        cdef cnp.ndarray ids = empty(cnp.NPY_INT64, shown)
        imx500_shown_objects(
            &self.items,
            <float *>cnp.PyArray_DATA(xyxy),
            <float *>cnp.PyArray_DATA(confidence),
            <int32_t *>cnp.PyArray_DATA(class_id),
            <int64_t *>cnp.PyArray_DATA(ids),
        )
        return xyxy, confidence, class_id, ids

    cdef tuple poses(self, size_t shown):
        cdef cnp.npy_intp[3] sizes
        sizes[0] = <cnp.npy_intp>shown
        sizes[1] = <cnp.npy_intp>self.keypoints
        sizes[2] = 2
        cdef cnp.ndarray xy = cnp.PyArray_EMPTY(3, sizes, cnp.NPY_FLOAT32, 0)
        cdef cnp.ndarray keypoint_confidence = cnp.PyArray_EMPTY(2, sizes, cnp.NPY_FLOAT32, 0)
        cdef cnp.ndarray confidence = empty(cnp.NPY_FLOAT32, shown)
        cdef cnp.ndarray ids = empty(cnp.NPY_INT64, shown)
        cdef cnp.ndarray xyxy
        cdef float *boxes = NULL
        if self.boxed:
            xyxy = empty(cnp.NPY_FLOAT32, shown, 4)
            boxes = <float *>cnp.PyArray_DATA(xyxy)
        imx500_shown_poses(
            &self.items,
            self.keypoints,
            <float *>cnp.PyArray_DATA(xy),
            <float *>cnp.PyArray_DATA(keypoint_confidence),
            <float *>cnp.PyArray_DATA(confidence),
            boxes,
            <int64_t *>cnp.PyArray_DATA(ids),
        )
        return xy, keypoint_confidence, confidence, xyxy if self.boxed else None, ids

    def shown_objects(self):
        """Return what `follow_objects` has returned last.

        Returns
        -------
        tuple of ndarray
            As `follow_objects`.

        Raises
        ------
        PipelineError
            If something else is followed.
        """
        self.require_width(4)
        return self.objects(self.shown())

    def shown_poses(self):
        """Return what `follow_poses` has returned last.

        Returns
        -------
        tuple
            As `follow_poses`.

        Raises
        ------
        PipelineError
            If something else is followed.
        """
        self.require_width(imx500_pose_width(self.keypoints, self.boxed))
        return self.poses(self.shown())

    def follow_objects(self, xyxy, confidence, class_id, float width, float height):
        """Take in the objects of one frame.

        Parameters
        ----------
        xyxy, confidence, class_id : array_like
            (n, 4) boxes, (n,) and (n,).
        width, height : float
            The picture's size, in units of the boxes.

        Returns
        -------
        tuple of ndarray
            xyxy (m, 4) float32, confidence (m,) float32, class_id (m,) int32 and numbers (m,)
            int64 of what is shown.

        Raises
        ------
        PipelineError
            If something else than objects is followed.
        ValueError
            If the columns do not fit each other.
        """
        cdef cnp.ndarray boxes = rows_of(xyxy, cnp.NPY_FLOAT32)
        cdef cnp.ndarray scores = rows_of(confidence, cnp.NPY_FLOAT32)
        cdef cnp.ndarray classes = rows_of(class_id, cnp.NPY_INT32)
        cdef imx500_seen_objects seen
        if (
            boxes.ndim != 2
            or boxes.shape[1] != 4
            or scores.ndim != 1
            or scores.shape[0] != boxes.shape[0]
            or classes.ndim != 1
            or classes.shape[0] != boxes.shape[0]
        ):
            raise ValueError("expected xyxy (n, 4), confidence (n,) and class_id (n,)")
        seen.xyxy = <const float *>cnp.PyArray_DATA(boxes)
        seen.confidence = <const float *>cnp.PyArray_DATA(scores)
        seen.class_id = <const int32_t *>cnp.PyArray_DATA(classes)
        seen.count = <size_t>boxes.shape[0]
        self.reserve(4, seen.count)
        self.scale(width, height)
        return self.objects(imx500_follow_objects(&self.items, &self.rule, &seen))

    def follow_poses(self, xy, keypoint_confidence, confidence, xyxy, float width, float height):
        """Take in the poses of one frame.

        Parameters
        ----------
        xy, keypoint_confidence, confidence : array_like
            (n, k, 2) keypoints, (n, k) and (n,).
        xyxy : array_like or None
            (n, 4) boxes.
        width, height : float
            The picture's size, in units of the keypoints.

        Returns
        -------
        tuple
            xy (m, k, 2) float32, keypoint_confidence (m, k) float32, confidence (m,) float32,
            xyxy (m, 4) float32 or None and numbers (m,) int64 of what is shown.

        Raises
        ------
        PipelineError
            If these poses have other columns than those that are followed.
        ValueError
            If the columns do not fit each other.
        """
        cdef cnp.ndarray points = rows_of(xy, cnp.NPY_FLOAT32)
        cdef cnp.ndarray point_scores = rows_of(keypoint_confidence, cnp.NPY_FLOAT32)
        cdef cnp.ndarray scores = rows_of(confidence, cnp.NPY_FLOAT32)
        cdef cnp.ndarray boxes
        cdef bint boxed = xyxy is not None
        cdef imx500_seen_poses seen
        if (
            points.ndim != 3
            or points.shape[2] != 2
            or point_scores.ndim != 2
            or point_scores.shape[0] != points.shape[0]
            or point_scores.shape[1] != points.shape[1]
            or scores.ndim != 1
            or scores.shape[0] != points.shape[0]
        ):
            raise ValueError("expected xy (n, k, 2), keypoint_confidence (n, k), confidence (n,)")
        seen.xy = <const float *>cnp.PyArray_DATA(points)
        seen.keypoint_confidence = <const float *>cnp.PyArray_DATA(point_scores)
        seen.confidence = <const float *>cnp.PyArray_DATA(scores)
        seen.xyxy = NULL
        seen.keypoints = <size_t>points.shape[1]
        seen.count = <size_t>points.shape[0]
        if boxed:
            boxes = rows_of(xyxy, cnp.NPY_FLOAT32)
            if boxes.ndim != 2 or boxes.shape[0] != points.shape[0] or boxes.shape[1] != 4:
                raise ValueError("expected xyxy (n, 4)")
            seen.xyxy = <const float *>cnp.PyArray_DATA(boxes)
        if self.items.count > 0 and seen.count == 0:
            # Nobody has no columns; what is followed keeps its own.
            seen.keypoints = self.keypoints
            boxed = self.boxed
        self.reserve(imx500_pose_width(seen.keypoints, boxed), seen.count)
        self.keypoints = seen.keypoints
        self.boxed = boxed
        self.scale(width, height)
        return self.poses(imx500_follow_poses(&self.items, &self.rule, &seen))
