"""HigherHRNet's candidates for joints to people; see heads/higherhrnet.py."""

cimport cython
cimport numpy as cnp
from cpython.mem cimport PyMem_Free
from libc.stdint cimport uint8_t

from imx500_native._arrays cimport (
    columns_of,
    grow,
    new_floats,
    require_idle,
    require_outputs,
    scratch_memory,
)
from imx500_native.includes.higherhrnet cimport (
    IMX500_HIGHERHRNET_MAX_CANDIDATES,
    IMX500_HIGHERHRNET_MAX_CELLS,
    IMX500_HIGHERHRNET_MAX_JOINTS,
    imx500_grouping,
    imx500_higherhrnet_gather,
    imx500_higherhrnet_group,
    imx500_higherhrnet_scratch_bytes,
    imx500_joint_candidates,
)

from imx500_native.errors import DecoderError

cnp.import_array()

MAX_CANDIDATES = IMX500_HIGHERHRNET_MAX_CANDIDATES
MAX_JOINTS = IMX500_HIGHERHRNET_MAX_JOINTS
MAX_CELLS = IMX500_HIGHERHRNET_MAX_CELLS


@cython.final
cdef class Grouping:
    """Groups the candidates of one network's frames.

    One object serves one thread at a time: it owns the scratch memory.

    Parameters
    ----------
    map_size : tuple of int
        Columns and rows of the heat map.
    joint_order : bytes
        Each joint once: which are grouped first.
    keypoint_threshold : float
        The least heat that counts.
    tag_threshold : float
        How near a tag must be to the mean of a person's.
    threshold : float
        The least mean heat of a person.

    Raises
    ------
    DecoderError
        If there are too many joints or cells, or `joint_order` does not name each joint once.
    """

    cdef imx500_grouping grouping
    cdef imx500_joint_candidates candidates
    cdef bytes joint_order
    cdef scratch_memory scratch
    cdef bint busy

    def __cinit__(
        self,
        map_size,
        bytes joint_order,
        float keypoint_threshold,
        float tag_threshold,
        float threshold,
    ):
        width, height = map_size
        if not (width >= 1 and height >= 1 and width * height <= MAX_CELLS):
            raise DecoderError(
                f"a heat map has from 1 to {MAX_CELLS} cells, not {width} x {height}"
            )
        joints = len(joint_order)
        if not 1 <= joints <= MAX_JOINTS or sorted(joint_order) != list(range(joints)):
            raise DecoderError(
                f"joint_order names each of 1 to {MAX_JOINTS} joints once, "
                f"not {list(joint_order)!r:.80}"
            )
        self.joint_order = joint_order
        self.grouping.joint_order = <const uint8_t *>joint_order
        self.grouping.keypoint_threshold = keypoint_threshold
        self.grouping.tag_threshold = tag_threshold
        self.grouping.threshold = threshold
        self.candidates.joints = joints
        self.candidates.map_width = width
        self.candidates.map_height = height

    def __dealloc__(self):
        PyMem_Free(self.scratch.start)

    def __call__(self, outputs, Py_ssize_t max_detections):
        """Decode one frame.

        Parameters
        ----------
        outputs : sequence of ndarray
            Tags, places and heats, each (candidates, joints).
        max_detections : int
            How many of the most confident to keep; negative for all.

        Returns
        -------
        tuple of ndarray
            xy (n, joints, 2) float32 in 0..1 of what the network saw, keypoint_confidence
            (n, joints) float32, detection_confidence (n,) float32 and xyxy (n, 4) float32, most
            confident first.

        Raises
        ------
        OutputsError
            If the outputs do not have these shapes.
        DecoderError
            If another thread is in the same object.
        """
        cdef cnp.ndarray tags, places, heats
        tags, places, heats = columns_of(outputs, 3)
        require_outputs(
            tags.ndim == 2
            and <size_t>tags.shape[0] <= IMX500_HIGHERHRNET_MAX_CANDIDATES
            and <size_t>tags.shape[1] == self.candidates.joints
            and cnp.PyArray_SAMESHAPE(tags, places)
            and cnp.PyArray_SAMESHAPE(tags, heats)
        )
        require_idle(self.busy)
        self.busy = True
        try:
            return self.decode(tags, places, heats, max_detections)
        finally:
            self.busy = False

    cdef tuple decode(
        self, cnp.ndarray tags, cnp.ndarray places, cnp.ndarray heats, Py_ssize_t max_detections
    ):
        cdef imx500_joint_candidates *candidates = &self.candidates
        cdef size_t kept
        candidates.candidates = <size_t>tags.shape[0]
        candidates.tags = <const float *>cnp.PyArray_DATA(tags)
        candidates.places = <const float *>cnp.PyArray_DATA(places)
        candidates.heats = <const float *>cnp.PyArray_DATA(heats)
        grow(
            &self.scratch,
            imx500_higherhrnet_scratch_bytes(candidates.candidates, candidates.joints),
        )
        # Thirty people who are hard to tell apart take long enough for others to run meanwhile.
        with nogil:
            kept = imx500_higherhrnet_group(candidates, &self.grouping, self.scratch.start)
        if 0 <= max_detections < <Py_ssize_t>kept:
            kept = <size_t>max_detections

        cdef cnp.npy_intp[3] sizes
        sizes[0] = <cnp.npy_intp>kept
        sizes[1] = <cnp.npy_intp>candidates.joints
        sizes[2] = 2
        cdef cnp.ndarray xy = new_floats(3, sizes)
        cdef cnp.ndarray keypoint_confidence = new_floats(2, sizes)
        cdef cnp.ndarray confidence = new_floats(1, sizes)
        sizes[1] = 4
        cdef cnp.ndarray xyxy = new_floats(2, sizes)
        imx500_higherhrnet_gather(
            candidates,
            self.scratch.start,
            kept,
            <float *>cnp.PyArray_DATA(xy),
            <float *>cnp.PyArray_DATA(keypoint_confidence),
            <float *>cnp.PyArray_DATA(confidence),
            <float *>cnp.PyArray_DATA(xyxy),
        )
        return xy, keypoint_confidence, confidence, xyxy
