"""What every frame holds, laid out in C: a frame must not cost more than its tensors."""


cdef class FrameState:
    """The state of a `Frame`, made by `new_frame`.

    Attributes
    ----------
    network : Network or None
        The network that the tensors are from.
    roi : tuple of int or None
        What the network saw, (x, y, width, height) in sensor pixels.
    image : ndarray or None
        The picture.
    image_format : str or None
        The order of its channels in memory.
    sequence : int or None
        The number of the frame since the camera started.
    """

    cdef readonly object _controls
    cdef readonly object _stream_size
    cdef readonly object network
    cdef readonly object roi
    cdef readonly object image
    cdef readonly object image_format
    cdef readonly object sequence
    cdef object tensors
    cdef bint tensors_read

    def __init__(self):
        raise TypeError(
            "make a Frame with Frame.from_request or Frame.from_metadata, or iterate a camera"
        )

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


def new_frame(type kind, controls, network, stream_size, roi, image, image_format, sequence):
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
    frame.roi = roi
    frame.image = image
    frame.image_format = image_format
    frame.sequence = sequence
    return frame
