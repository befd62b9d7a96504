"""PoseNet's tensors to plain arrays; see heads/posenet.py for what they mean."""

cimport cython
cimport numpy as cnp
from cpython.mem cimport PyMem_Free
from libc.stdint cimport uint32_t

from imx500_native._arrays cimport (
    columns_of,
    grow,
    new_floats,
    require_idle,
    require_outputs,
    scratch_memory,
)
from imx500_native.includes.posenet cimport (
    IMX500_POSENET_EDGES,
    IMX500_POSENET_KEYPOINTS,
    imx500_posenet_decode,
    imx500_posenet_gather,
    imx500_posenet_maps,
    imx500_posenet_options,
    imx500_posenet_scratch_bytes,
    imx500_posenet_view,
)

cnp.import_array()


@cython.final
cdef class PoseNetMaps:
    """Reads heat maps, short offsets and mid offsets.

    One object serves one thread at a time: it owns the scratch memory.

    Parameters
    ----------
    threshold : float
        The least confidence of a root and of a pose.
    max_detections : int
        How many poses to keep.
    refinements : int
        Short-offset steps after each edge of the skeleton.
    nms_radius : float
        Pixels of the input within which two keypoints are one.
    stride : float
        Pixels of the input from cell to cell.
    width, height : float
        Of the network's input, in pixels.
    """

    cdef imx500_posenet_options options
    cdef imx500_posenet_view view
    cdef scratch_memory scratch
    cdef bint busy

    def __cinit__(
        self,
        float threshold,
        size_t max_detections,
        uint32_t refinements,
        float nms_radius,
        float stride,
        float width,
        float height,
    ):
        self.options.threshold = threshold
        self.options.max_detections = max_detections
        self.options.refinements = refinements
        self.options.nms_radius = nms_radius
        self.options.stride = stride
        self.view.stride = stride
        self.view.width = width
        self.view.height = height

    def __dealloc__(self):
        PyMem_Free(self.scratch.start)

    def __call__(self, outputs):
        """Decode one frame.

        Parameters
        ----------
        outputs : sequence of ndarray
            Heat maps (rows, columns, 17), short offsets (rows, columns, 34) and mid offsets
            (rows, columns, 64).

        Returns
        -------
        tuple of ndarray
            xy (n, 17, 2), keypoint confidence (n, 17) and detection confidence (n,), all float32,
            most confident first.

        Raises
        ------
        OutputsError
            If the outputs do not have these shapes.
        DecoderError
            If another thread is decoding with this object.
        """
        cdef cnp.ndarray heat, short_offset, mid_offset
        heat, short_offset, mid_offset = columns_of(outputs, 3)
        require_outputs(
            heat.ndim == short_offset.ndim == mid_offset.ndim == 3
            and heat.shape[0] == short_offset.shape[0] == mid_offset.shape[0]
            and heat.shape[1] == short_offset.shape[1] == mid_offset.shape[1]
            and heat.shape[2] == IMX500_POSENET_KEYPOINTS
            and short_offset.shape[2] == 2 * IMX500_POSENET_KEYPOINTS
            and mid_offset.shape[2] == 4 * IMX500_POSENET_EDGES
        )

        cdef imx500_posenet_maps maps
        maps.heat = <const float *>cnp.PyArray_DATA(heat)
        maps.short_offset = <const float *>cnp.PyArray_DATA(short_offset)
        maps.mid_offset = <const float *>cnp.PyArray_DATA(mid_offset)
        maps.rows = <size_t>heat.shape[0]
        maps.columns = <size_t>heat.shape[1]
        cdef size_t needed = imx500_posenet_scratch_bytes(
            maps.rows, maps.columns, self.options.max_detections
        )
        require_outputs(needed > 0)
        require_idle(self.busy)
        cdef size_t count
        self.busy = True
        try:
            grow(&self.scratch, needed)
            with nogil:
                count = imx500_posenet_decode(&maps, &self.options, self.scratch.start)
            return self.gathered(&maps, count)
        finally:
            self.busy = False

    cdef tuple gathered(self, const imx500_posenet_maps *maps, size_t count):
        cdef cnp.npy_intp[3] sizes
        sizes[0] = <cnp.npy_intp>count
        sizes[1] = IMX500_POSENET_KEYPOINTS
        sizes[2] = 2
        cdef cnp.ndarray xy = new_floats(3, sizes)
        cdef cnp.ndarray keypoint_confidence = new_floats(2, sizes)
        cdef cnp.ndarray confidence = new_floats(1, sizes)
        imx500_posenet_gather(
            maps,
            self.options.max_detections,
            &self.view,
            self.scratch.start,
            count,
            <float *>cnp.PyArray_DATA(xy),
            <float *>cnp.PyArray_DATA(keypoint_confidence),
            <float *>cnp.PyArray_DATA(confidence),
        )
        return xy, keypoint_confidence, confidence
