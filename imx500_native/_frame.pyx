"""What every frame holds, laid out in C: a frame must not cost more than its tensors."""

cimport cython
from cpython.pythread cimport PyThread_get_thread_ident
from libc.stdint cimport int64_t

from imx500_native._latency cimport LatencyBudget, boot_time_ns

from imx500_native import controls as request_controls
from imx500_native.decoding import Decoder
from imx500_native.errors import MissingContextError, TaskError
from imx500_native.geometry import as_rectangle, as_roi, as_size, cached_mapper, second_crop

# Frame after frame brings a network of the same class.
cdef type network_class = None

# The class of libcamera's own requests, which know nothing of their camera's configuration.
cdef type bare_request = None


@cython.final
cdef class _Checked:
    """A tuple that was checked, and what came of it: frame after frame brings the same one."""

    cdef object function
    cdef str name
    cdef object given
    cdef object result

    def __cinit__(self, function, str name):
        self.function = function
        self.name = name

    cdef object of(self, value):
        if value is None or value is self.given:
            return None if value is None else self.result
        result = self.function(value, self.name)
        # Anything else than a tuple may be changed by its owner.
        if type(value) is tuple:
            self.given, self.result = value, result
        return result


cdef _Checked sizes = _Checked(as_size, "stream_size")
cdef _Checked regions = _Checked(as_roi, "roi")


cdef class PictureLease:
    """A camera's buffer, lent to a frame, of which many a program never looks at the picture."""

    cpdef object shown(self):
        """Return the picture's array, which keeps the lease."""
        raise NotImplementedError


cdef class FrameState:
    """The state of a `Frame`, made by `new_frame`.

    Attributes
    ----------
    network : Network or None
        The network that the tensors are from.
    image_format : str or None
        The order of the picture's channels in memory.
    sequence : int or None
        The number of the frame since the camera started.
    """

    def __init__(self):
        raise TypeError(
            "make a Frame with Frame.from_request or Frame.from_metadata, or iterate a camera"
        )

    @classmethod
    def from_request(
        cls,
        request,
        *,
        network=None,
        stream_size=None,
        roi=None,
        lores_size=None,
        transform=None,
        network_flipped=None,
        ownership="copy",
    ):
        """Make a frame from a completed request.

        Where the extension module that talks to libcamera was built, the tensors stay in the
        memory that libcamera gave them; elsewhere the request's metadata is read through
        libcamera's bindings, which is slow, and said once through `logging`.

        Parameters
        ----------
        request : libcamera.Request or picamera2.request.CompletedRequest
            Handed back by libcamera, and neither reused nor released since.
        network : Network, optional
            The network that runs on the sensor; needed for `detections` and `input_image`.
        stream_size : tuple of int, optional
            (width, height) of the main stream in pixels; a ``CompletedRequest`` knows it.
        roi : tuple of int, optional
            What the network saw, (x, y, width, height) in sensor pixels; needed to map
            coordinates. The full sensor is `imx500_native.FULL_ROI`.
        lores_size : tuple of int, optional
            (width, height) of the second picture in pixels; a ``CompletedRequest`` knows it.
        transform : str or libcamera.Transform, optional
            How the pictures are turned; where it is not given, as a ``CompletedRequest`` knows,
            and not at all for a request of libcamera's own.
        network_flipped : bool, optional
            As for `from_metadata`.
        ownership : {"copy", "move"}
            "copy" leaves the request as it was, for others to read. "move" takes its metadata
            away, in constant time: whoever reads the request's metadata afterwards finds none.

        Returns
        -------
        Frame
            Independent of the request: its arrays stay valid after ``reuse()``.

        Raises
        ------
        RequestStateError
            If the request is pending, cancelled or released.
        TensorTakenError
            If the request's metadata was moved into another frame before.
        GeometryError
            If `roi` is no region of the sensor, a size malformed, the transform unknown or
            `network_flipped` no bool.
        NetworkTypeError
            If `network` is no `Network`.
        TypeError
            If `request` is not a request.
        """
        global bare_request
        taken = request_controls.take_controls(request, ownership)
        layout = None
        if (
            type(request) is not bare_request
            or lores_size is not None
            or transform is not None
            or network_flipped is not None
        ):
            stream_size, layout = cls._pictures(
                request, stream_size, lores_size, transform, network_flipped
            )
            if not hasattr(request, "request"):
                bare_request = type(request)
        return made(
            cls,
            taken,
            network,
            sizes.of(stream_size),
            regions.of(roi),
            None,
            None,
            taken.sequence,
            None,
            layout,
        )

    cdef int settle_roi(self) except -1:
        # Asked for later, or not at all: most programs never move the ROI.
        if self.roi_history is not None:
            timestamp_ns = self._controls.get("SensorTimestamp")
            if timestamp_ns is not None:
                self.fixed_roi, self.uncertain = self.roi_history.roi_at(timestamp_ns)
            self.roi_history = None
        return 0

    # Not cpdef: each call would first look whether Frame overrides it.
    cdef int watch(self, LatencyBudget budget) except -1:
        self.budget = budget
        self.budget_number = budget.number
        return 0

    cdef int64_t stage_begins(self) noexcept:
        return 0 if self.budget is None else boot_time_ns()

    cdef int stage_ends(self, str stage, int64_t began_ns) except -1:
        if self.budget is not None:
            self.budget.measured(stage, self.budget_number, began_ns)
        return 0

    def _watch(self, LatencyBudget budget not None):
        """Tell `budget`, whose newest frame this is, how long the own stages take."""
        self.watch(budget)

    def _stage_begins(self):
        return self.stage_begins()

    def _stage_ends(self, str stage, int64_t began_ns):
        self.stage_ends(stage, began_ns)

    @property
    def image(self):
        """The picture, an array of uint8; None where the frame has none."""
        # Two threads may both come here first, and each makes an array on the one lease.
        picture = self.picture
        if isinstance(picture, PictureLease):
            picture = self.picture = (<PictureLease>picture).shown()
        return picture

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
        cdef int64_t began_ns
        if not self.tensors_read:
            began_ns = self.stage_begins()
            shapes = None if self.network is None else self.network.output_shapes
            self.tensors = self._controls.output_arrays(shapes)
            self.tensors_read = True
            if self.tensors is not None:
                self.stage_ends("outputs", began_ns)
        return self.tensors

    def mapper(self, str stream="main"):
        """Return the mapper from what the network saw to pixels of this frame's picture.

        Parameters
        ----------
        stream : {"main", "lores"}
            Which of the camera's pictures.

        Returns
        -------
        CoordinateMapper
            From network space to stream space.

        Raises
        ------
        MissingContextError
            If the ROI, the stream's size or the scaler crop is not known.
        GeometryError
            If the pictures are flipped, and it was not told whether what the network saw is.
        """
        layout = self._layout
        size, crop = self._stream_size, self._controls.get("ScalerCrop")
        if stream != "main":
            if stream != "lores":
                raise MissingContextError(
                    f'a frame has the streams "main" and "lores", and none {stream!r:.40}'
                )
            size = None if layout is None else layout.lores_size
            crop = second_crop(self._controls.get("ScalerCrops"), crop)
        if size is None:
            raise MissingContextError(
                f"the size of stream {stream!r} is not known; pass "
                f"{'stream_size' if stream == 'main' else 'lores_size'}=(width, height)"
            )
        self.settle_roi()
        if self.fixed_roi is None:
            raise MissingContextError(
                "the frame was not told what the network saw; pass roi=(x, y, width, height), "
                "or roi=imx500_native.FULL_ROI where no region of interest was ever set"
            )
        # The usual tuple goes straight to the cache, whose mapper has checked it once.
        if crop is not None and type(crop) is not tuple:
            crop = as_rectangle(crop, "ScalerCrop")
        if crop is None:
            raise MissingContextError(
                "the metadata has no ScalerCrop, so it is not known what the picture shows"
            )
        if layout is None:
            return cached_mapper(self.fixed_roi, crop, size)
        return cached_mapper(
            self.fixed_roi, crop, size, layout.transform, layout.network_flipped
        )

    cdef object found(self, str task, object threshold, object max_detections):
        if self.network is None:
            raise MissingContextError(
                "a result depends on the network; pass network= when the frame is made"
            )
        decoder = cached_decoder(self.network, threshold, max_detections)
        if task is not None and decoder.task != task:
            raise TaskError(
                f"the task of {decoder.network.name!r} is {decoder.task}, not {task}; "
                "frame.result() gives what there is"
            )
        outputs = self.outputs
        cdef int64_t began_ns = self.stage_begins()
        result = decoder(outputs)
        if outputs is None:
            # Nothing has no place, so nothing needs to be known of the picture.
            if result.space == "network":
                result.space = "stream"
            return result
        if result.space == "network":
            result.move_to(self.mapper())
        self.stage_ends("results", began_ns)
        return result

    def result(self, threshold=None, max_detections=None):
        """Return what the network found, whatever its task is.

        Parameters
        ----------
        threshold : float, optional
            The least confidence that counts, 0 to 1; by default the head's own, see `Decoder`.
        max_detections : int, optional
            How many of the most confident to keep; by default the head's own.

        Returns
        -------
        Detections, Poses, InstanceMasks, Segmentation or Classification
            Placed in this frame's picture, where they have a place; empty and not fresh where the
            frame carries no tensors.

        Raises
        ------
        TaskError
            If no decoder reads the network.
        MissingContextError
            If the network is not known, or, for results with a place, the ROI, the stream size or
            the scaler crop.
        TensorInfoError, DecoderError
            If the tensors contradict themselves or the network.
        """
        return self.found(None, threshold, max_detections)

    def detections(self, threshold=None, max_detections=None):
        """Return the objects that the network found, in pixels of this frame's picture.

        Parameters
        ----------
        threshold, max_detections
            As for `result`; by default all objects of at least 0.5.

        Returns
        -------
        Detections
            In stream space, trimmed to the picture; empty and not fresh where the frame carries
            no tensors.

        Raises
        ------
        TaskError
            If the network is no detector, or no decoder reads it.
        MissingContextError, TensorInfoError, DecoderError
            As for `result`.
        """
        return self.found("object detection", threshold, max_detections)

    def poses(self, threshold=None, max_detections=None):
        """Return the people that the network found, in pixels of this frame's picture.

        Parameters
        ----------
        threshold, max_detections
            As for `result`.

        Returns
        -------
        Poses
            In stream space; a keypoint outside the picture counts as not found.

        Raises
        ------
        TaskError
            If the network estimates no poses, or no decoder reads it.
        MissingContextError, TensorInfoError, DecoderError
            As for `result`.
        """
        return self.found("pose estimation", threshold, max_detections)

    def instance_masks(self, threshold=None, max_detections=None):
        """Return the objects that the network found, with their masks in this frame's picture.

        Parameters
        ----------
        threshold, max_detections
            As for `result`.

        Returns
        -------
        InstanceMasks
            In stream space, trimmed to the picture.

        Raises
        ------
        TaskError
            If the network does not segment instances, or no decoder reads it.
        MissingContextError, TensorInfoError, DecoderError
            As for `result`.
        """
        return self.found("instance segmentation", threshold, max_detections)

    def segmentation(self):
        """Return the class of every pixel of this frame's picture.

        Returns
        -------
        Segmentation
            In stream space; -1 where the network did not look.

        Raises
        ------
        TaskError
            If the network does not segment, or no decoder reads it.
        MissingContextError, TensorInfoError, DecoderError
            As for `result`.
        """
        return self.found("segmentation", None, None)

    def classification(self, threshold=None, max_detections=None):
        """Return the classes of what the network saw.

        Parameters
        ----------
        threshold, max_detections
            As for `result`; by default the five most confident classes.

        Returns
        -------
        Classification
            Most confident first. Of what the network saw as a whole: neither the ROI nor the
            picture's size is needed.

        Raises
        ------
        TaskError
            If the network does not classify, or no decoder reads it.
        MissingContextError, TensorInfoError, DecoderError
            As for `result`.
        """
        return self.found("classification", threshold, max_detections)


cpdef object cached_decoder(object network, object threshold, object max_detections):
    """Return this thread's decoder for a network, made on first use.

    Parameters
    ----------
    network, threshold, max_detections
        As for `Decoder`.

    Returns
    -------
    Decoder
        The same object for the same arguments in the same thread.

    Raises
    ------
    TaskError, DecoderError
        As for `Decoder`.
    """
    # An identity is given again only when its thread is gone, which no longer uses the scratch.
    cdef tuple key = (PyThread_get_thread_ident(), threshold, max_detections)
    cdef dict decoders = network.decoders
    try:
        decoder = decoders.get(key)
    except TypeError:
        # What cannot be a key, such as a list, is no threshold either: the decoder says so.
        return Decoder(network, threshold, max_detections)
    if decoder is None:
        decoder = Decoder(network, threshold, max_detections)
        # A program that sweeps thresholds must not collect decoders for ever.
        if len(decoders) >= 64:
            decoders.clear()
        decoders[key] = decoder
    return decoder


cdef int check_network(network) except -1:
    global network_class
    # A program that never has a network need not import it.
    from imx500_native.network import as_network

    as_network(network)
    network_class = type(network)
    return 0


def checked_roi(roi):
    """Check a frame's region of interest as `as_roi` does; the one of the frame before is free.

    Parameters
    ----------
    roi : tuple of int or None
        (x, y, width, height) in sensor pixels.

    Returns
    -------
    tuple of int or None

    Raises
    ------
    GeometryError
        If it is no region of the sensor.
    """
    return regions.of(roi)


cdef FrameState made(
    type kind,
    object controls,
    object network,
    object stream_size,
    object roi,
    object picture,
    object image_format,
    object sequence,
    object roi_history,
    object layout,
):
    cdef FrameState frame
    if network is not None and type(network) is not network_class:
        check_network(network)
    frame = FrameState.__new__(kind)
    frame._controls = controls
    frame.network = network
    frame._stream_size = stream_size
    frame.fixed_roi = roi
    frame.roi_history = roi_history
    frame._layout = layout
    frame.picture = picture
    frame.image_format = image_format
    frame.sequence = sequence
    return frame


@cython.final
cdef class FrameContext:
    """What all frames of a camera's session have in common.

    Parameters
    ----------
    kind : type
        `FrameState` or a class derived from it.
    network, stream_size, roi, image_format, layout
        As for `new_frame`, checked before.
    roi_history : Imx500Device or None
        Whose ``roi_at(sensor_timestamp_ns)`` tells the ROI and whether it is uncertain.
    """

    def __cinit__(
        self, type kind not None, network, stream_size, roi, image_format, roi_history, layout
    ):
        self.kind = kind
        self.network = network
        self.stream_size = stream_size
        self.roi = roi
        self.image_format = image_format
        self.roi_history = roi_history
        self.layout = layout

    cdef FrameState frame(self, object controls, object picture, object sequence):
        return made(
            self.kind,
            controls,
            self.network,
            self.stream_size,
            self.roi,
            picture,
            self.image_format,
            sequence,
            self.roi_history,
            self.layout,
        )


def new_frame(
    type kind,
    controls,
    network,
    stream_size,
    roi,
    image,
    image_format,
    sequence,
    layout=None,
):
    """Make a frame that owns `controls`, of context that was checked before but for the network.

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
    layout : Layout, optional
        What else is known of the pictures; None where nothing is.

    Returns
    -------
    FrameState
        A new object of `kind`.

    Raises
    ------
    NetworkTypeError
        If `network` is no `Network`.
    TypeError
        If `kind` is another type.
    """
    return made(
        kind, controls, network, stream_size, roi, image, image_format, sequence, None, layout
    )
