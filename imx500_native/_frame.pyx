"""What every frame holds, laid out in C: a frame must not cost more than its tensors."""


cdef class FrameState:
    """The state of a `Frame`, made by `new_frame`.

    Attributes
    ----------
    network : Network or None
        The network that the tensors are from.
    image : ndarray or None
        The picture.
    image_format : str or None
        The order of its channels in memory.
    sequence : int or None
        The number of the frame since the camera started.
    """

    cdef readonly object _controls
    cdef readonly object _stream_size
    cdef readonly object _layout
    cdef readonly object network
    cdef object fixed_roi
    cdef object roi_history
    cdef bint uncertain
    cdef readonly object image
    cdef readonly object image_format
    cdef readonly object sequence
    cdef object tensors
    cdef bint tensors_read

    def __init__(self):
        raise TypeError(
            "make a Frame with Frame.from_request or Frame.from_metadata, or iterate a camera"
        )

    cdef int settle_roi(self) except -1:
        # Asked for later, or not at all: most programs never move the ROI.
        if self.roi_history is not None:
            timestamp_ns = self._controls.get("SensorTimestamp")
            if timestamp_ns is not None:
                self.fixed_roi, self.uncertain = self.roi_history.roi_at(timestamp_ns)
            self.roi_history = None
        return 0

    @property
    def roi(self):
        """What the network saw, (x, y, width, height) in sensor pixels; None where nobody said."""
        self.settle_roi()
        return self.fixed_roi

    @property
    def roi_uncertain(self):
        """Whether the ROI was being changed about when the frame was taken."""
        self.settle_roi()
        return self.uncertain

    @property
    def outputs(self):
        """The network's output tensors: read-only float32 arrays in Fortran order.

        None where the frame carries none, which happens whenever the network is slower than the
        camera. Raises `TensorInfoError` where the frame contradicts itself.
        """
        if not self.tensors_read:
            shapes = None if self.network is None else self.network.output_shapes
            self.tensors = self._controls.output_arrays(shapes)
            self.tensors_read = True
        return self.tensors


def new_frame(
    type kind,
    controls,
    network,
    stream_size,
    roi,
    image,
    image_format,
    sequence,
    roi_history=None,
    layout=None,
):
    """Make a frame that owns `controls`, of context that was checked before.

    Parameters
    ----------
    kind : type
        `FrameState` or a class derived from it.
    controls : ControlSource
        The frame's own controls.
    stream_size : tuple of int or None
        (width, height) of the picture in pixels.
    network, roi, image, image_format, sequence
        As the attributes of `FrameState`.
    roi_history : Imx500Device, optional
        Whose ``roi_at(sensor_timestamp_ns)`` tells the ROI and whether it is uncertain.
    layout : Layout, optional
        What else is known of the pictures; None where nothing is.

    Returns
    -------
    FrameState
        A new object of `kind`.

    Raises
    ------
    TypeError
        If `kind` is another type.
    """
    cdef FrameState frame = FrameState.__new__(kind)
    frame._controls = controls
    frame.network = network
    frame._stream_size = stream_size
    frame.fixed_roi = roi
    frame.roi_history = roi_history
    frame._layout = layout
    frame.image = image
    frame.image_format = image_format
    frame.sequence = sequence
    return frame
