"""One call from a frame to what a program shows: decoded, followed over time, held."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from imx500_native.checks import path_text
from imx500_native.decoding import Decoder
from imx500_native.errors import PipelineError, TaskError
from imx500_native.filtering import TemporalFilter
from imx500_native.network import Network

if TYPE_CHECKING:
    from imx500_native.decoding import OwnFunction
    from imx500_native.frame import Frame
    from imx500_native.geometry import Size
    from imx500_native.results import Detections, Poses, Result

_logger = logging.getLogger("imx500_native")

# The sensor counts its frames in a byte.
_COUNTS = 256
_FOLLOWED_TASKS = ("object detection", "pose estimation")
_STREAMS = ("main", "lores")


class Pipeline:
    """Turns frames into results in pixels of the picture, one after the other.

    Each frame is decoded, its result placed in the picture and, with a filter, followed over time.
    A frame that brings nothing new is answered with the last result, which is then not `fresh`:
    a frame without tensors (with `hold`), and one with the tensors of the frame before. Such a
    result keeps its place in the picture even where the ROI has moved since, and does not make the
    filter any older; nor does the filter look again at tensors that it has seen.

    Frames are recognised by the sensor's frame count, where the tensors have one: the same count
    twice in a row is a repeat, and counts that are passed over are gaps. Without a count, only a
    frame that is given twice is a repeat, by its sequence number. A sequence number lower than the
    last one means that the camera was started again: the pipeline forgets everything, as with
    `reset`. When the picture's size changes the filter starts again.

    A pipeline serves one camera, and one thread at a time.

    Parameters
    ----------
    network : Network
        Whose tensors the frames carry.
    threshold : float, optional
        The least confidence that counts; by default the head's own, see `Decoder`.
    filter : TemporalFilter, optional
        For objects and poses; one of its own for each pipeline. It runs on pixels.
    hold : bool
        Whether a frame without tensors is answered with the last result; else with an empty one.
    head, max_detections, **parameters
        As for `Decoder`.
    stream : {"main", "lores"}
        In which of the camera's pictures results are placed.

    Attributes
    ----------
    decoder : Decoder
    filter : TemporalFilter or None
    hold : bool
    stream : str
    draw : dict
        Options for `annotate` that came with the settings, see `from_rpicam_json`.
    labels : tuple of str or None
        The name of every class.
    age_frames : int or None
        How many frames ago the tensors of the last result came, 0 where they are of this frame.
        Counted by the frames' sequence numbers where they have them. None before the first.
    age_ms : float or None
        The same in milliseconds between the sensor's timestamps; None where they are not known.
    repeats : int
        How many frames brought the tensors of the frame before again.
    gaps : int
        How many of the sensor's frame counts were passed over and stand for no frame without
        tensors that was seen: results that may have been missed. Counts repeat after 256, so of a
        longer gap only the rest is counted.

    Raises
    ------
    NetworkTypeError
        If `network` is no `Network`.
    TaskError
        If no head reads the network, or the filter cannot follow its results.
    DecoderError
        If a parameter of the decoder is unknown or out of range.
    PipelineError
        If `filter` or `stream` is none of those that there are.

    Examples
    --------
    >>> import imx500_native as imx
    >>> network = Network.find("ssd_mobilenetv2_fpnlite_320x320_pp")
    >>> pipeline = Pipeline(network, threshold=0.5, filter=TemporalFilter())
    >>> with imx.SimulatedCamera(network, real_time=False, seed=1) as camera:
    ...     result = pipeline(camera.capture())
    >>> result.space, result.fresh, pipeline.age_frames
    ('stream', True, 0)
    """

    __slots__ = (
        "_bare",
        "_classes",
        "_count",
        "_held",
        "_held_sequence",
        "_held_timestamp_ns",
        "_input_file",
        "_sequence",
        "_size",
        "age_frames",
        "age_ms",
        "decoder",
        "draw",
        "filter",
        "gaps",
        "hold",
        "labels",
        "repeats",
        "stream",
    )

    age_frames: int | None
    age_ms: float | None
    repeats: int
    gaps: int
    labels: tuple[str, ...] | None

    def __init__(
        self,
        network: Network,
        threshold: float | None = None,
        filter: TemporalFilter | None = None,  # noqa: A002 - the word for it
        hold: bool = True,
        head: str | OwnFunction | None = None,
        max_detections: int | None = None,
        stream: str = "main",
        **parameters: Any,
    ) -> None:
        self.decoder = Decoder(network, threshold, max_detections, head=head, **parameters)
        if filter is not None and not isinstance(filter, TemporalFilter):
            raise PipelineError(f"filter must be a TemporalFilter or None, not {filter!r:.80}")
        if stream not in _STREAMS:
            raise PipelineError(f'stream must be "main" or "lores", not {stream!r:.80}')
        if filter is not None and self.decoder.task not in _FOLLOWED_TASKS:
            raise TaskError(
                f"a temporal filter follows objects and poses; the task of {network.name!r} is "
                f"{self.decoder.task}"
            )
        self.filter = filter
        self.hold = hold
        self.stream = stream
        self.draw: dict[str, Any] = {}
        self.labels = self.decoder.labels
        self._classes: int | None = None
        self._input_file: _InputFile | None = None
        self._size: Size | None = None
        self.reset()

    @classmethod
    def from_rpicam_json(
        cls,
        path: str | bytes | os.PathLike[str],
        network: Network | None = None,
        *,
        hold: bool = True,
        stream: str = "main",
    ) -> Pipeline:
        """Make a pipeline from a post-processing file of rpicam-apps.

        Read are the stages ``imx500_object_detection`` and ``imx500_posenet`` and, into
        `Pipeline.draw`, ``object_detect_draw_cv`` and ``plot_pose_cv``; an error names any other.
        rpicam-apps' own defaults hold for what the file does not say. It differs in this:

        - Of the objects that reach the threshold the most confident ``max_detections`` are kept;
          rpicam-apps cuts the rows to as many before it looks at their scores.
        - ``classes`` are the names, and objects of a class beyond them are left out, as in
          rpicam-apps. Without them the network's own labels serve; rpicam-apps finds nothing then.
        - All detectors can be read, not only those whose boxes are fractions of the input with y
          first.
        - ``save_input_tensor`` writes what the network saw as pictures: RGB bytes, pixel after
          pixel, row after row, undoing the network's own normalisation. rpicam-apps undoes the
          one in the file, of which it takes a plane's bytes for pixels. ``norm_val`` and the
          other three are not looked at.
        - ``confidence_threshold`` of ``plot_pose_cv`` is the least confidence of a keypoint that
          is drawn, where rpicam-apps draws those below it.

        Parameters
        ----------
        path : str, bytes or os.PathLike
            The file.
        network : Network, optional
            In place of the file's ``network_file``. That is read where it exists; elsewhere a
            network of that name is searched for with `Network.find`, which for networks of the
            zoo finds facts enough to read frames, though no firmware for a camera.
        hold, stream
            As for the class.

        Returns
        -------
        Pipeline
            If `needs_input_tensor`, the camera must be opened with ``input_tensor=True`` for the
            input tensors to be saved.

        Raises
        ------
        PipelineError
            If the file is malformed, holds what is not known here, or names no network, or if
            `path` is no path.
        NetworkTypeError
            If `network` is no `Network`.
        NetworkNotFoundError, NetworkFileError
            If the network cannot be found or read.
        TaskError
            If the network is not one of that task.
        OSError
            If the file cannot be read.
        """
        from imx500_native.rpicam_json import read_rpicam_json

        text = path_text(path)
        if text is None:
            raise PipelineError(f"expected the path of a post-processing file, not {path!r:.80}")
        name = Path(text).name
        settings = read_rpicam_json(text)
        if network is None:
            if settings.network_file is None:
                raise PipelineError(f"{name} has no network_file; pass network=")
            file = settings.network_file
            # As Network.find has it: Path.is_file may raise.
            there = os.path.isfile(file)  # noqa: PTH113
            network = Network(file) if there else Network.find(Path(file).name)
        task = Decoder(network).task
        if task != settings.task:
            raise TaskError(
                f"{name} is for {settings.task}; the task of {network.name!r} is {task}"
            )
        pipeline = cls(
            network,
            settings.threshold,
            None
            if settings.temporal_filter is None
            else TemporalFilter(**settings.temporal_filter),
            hold,
            max_detections=settings.max_detections,
            stream=stream,
            **settings.parameters,
        )
        pipeline.draw = dict(settings.draw)
        if settings.classes is not None:
            pipeline.labels = settings.classes
            pipeline._classes = len(settings.classes)
        if settings.input_file is not None:
            pipeline._input_file = _InputFile(settings.input_file, settings.input_count)
        return pipeline

    @property
    def needs_input_tensor(self) -> bool:
        """Whether input tensors are still to be saved; the frames must bring them."""
        return self._input_file is not None and self._input_file.wanted > 0

    def reset(self) -> None:
        """Forget every frame: the filter, the held result, ages and counters."""
        if self.filter is not None:
            self.filter.reset()
        self.age_frames = None
        self.age_ms = None
        self.repeats = 0
        self.gaps = 0
        self._held: Result | None = None
        self._held_sequence: int | None = None
        self._held_timestamp_ns: int | None = None
        self._sequence: int | None = None
        self._count: int | None = None
        self._bare = 0

    def __call__(self, frame: Frame) -> Result:
        """Take in the next frame.

        Parameters
        ----------
        frame : Frame
            In the order in which the camera delivers them.

        Returns
        -------
        Detections, Poses, InstanceMasks, Segmentation or Classification
            In pixels of the picture, where it has a place; empty and not fresh before the first
            tensors.

        Raises
        ------
        MissingContextError
            If the frame was not told the ROI, or the size of the stream.
        TensorInfoError, DecoderError
            If the tensors contradict themselves or the network.
        OSError
            If an input tensor cannot be saved.
        PipelineError
            If `frame` is something else, such as a request or its metadata.
        """
        try:
            sequence = frame.sequence
        except AttributeError:
            raise PipelineError(
                "a pipeline takes a Frame, such as Frame.from_request(request, ...) or "
                f"Frame.from_metadata(metadata, ...), not {type(frame).__name__}"
            ) from None
        if sequence is not None:
            if self._sequence is not None and sequence < self._sequence:
                self.reset()
            self._sequence = sequence
        outputs = frame.outputs
        if self._input_file is not None:
            self._input_file.take(frame, outputs is not None)
        if outputs is None:
            self._bare += 1
            return self._again(frame) if self.hold else self._nothing()
        count = frame.frame_count
        if self._repeats(count, sequence):
            self.repeats += 1
            return self._again(frame)

        began_ns = frame._stage_begins()
        result = self._followed(self._named(self.decoder(outputs)), frame)
        frame._stage_ends("results", began_ns)
        if count is not None and self._count is not None:
            self.gaps += max(0, (count - self._count - 1) % _COUNTS - self._bare)
        self._count = count
        self._bare = 0
        # What was handed out is the caller's, who may move it elsewhere.
        self._held = result._copy()
        self._held.fresh = False
        self._held_sequence = sequence
        self._held_timestamp_ns = frame.sensor_timestamp_ns
        self.age_frames = 0
        self.age_ms = None if self._held_timestamp_ns is None else 0.0
        return result

    def _repeats(self, count: int | None, sequence: int | None) -> bool:
        if self._held is None:
            return False
        passed = None
        if sequence is not None and self._held_sequence is not None:
            passed = sequence - self._held_sequence
        if count is None or self._count is None:
            return passed == 0
        return count == self._count and (passed is None or passed < _COUNTS)

    def _followed(self, result: Result, frame: Frame) -> Result:
        if result.space == "network":
            mapper = frame.mapper(self.stream)
            result.move_to(mapper)
            if self.filter is not None:
                width, height = mapper.target_size
                size = (int(width), int(height))
                if size != self._size:
                    self.filter.reset()
                    self._size = size
                return self.filter(cast("Detections | Poses", result), size)
        return result

    def _named(self, result: Result) -> Result:
        """Give the names of a file's classes, and leave out what has none."""
        if self._classes is None:
            return result
        found = cast("Detections", result)
        known = (found.class_id >= 0) & (found.class_id < self._classes)
        if not known.all():
            found = found[known]
        found.labels = self.labels
        return found

    def _again(self, frame: Frame) -> Result:
        """Return the last result, and tell its age."""
        if self._held is None:
            return self._nothing()
        if self._sequence is not None and self._held_sequence is not None:
            self.age_frames = self._sequence - self._held_sequence
        else:
            self.age_frames = (self.age_frames or 0) + 1
        now_ns = frame.sensor_timestamp_ns
        if now_ns is None or self._held_timestamp_ns is None:
            self.age_ms = None
        else:
            self.age_ms = (now_ns - self._held_timestamp_ns) / 1e6
        return self._held._copy()

    def _nothing(self) -> Result:
        result = self._named(self.decoder(None))
        if result.space == "network":
            # Nothing has no place, so nothing needs to be known of the picture.
            result.space = "stream"
        return result

    def __repr__(self) -> str:
        followed = "" if self.filter is None else f", {self.filter!r}"
        return f"<Pipeline {self.decoder.head} of {self.decoder.network.name}{followed}>"


class _InputFile:
    """Saves the first input tensors as RGB bytes, one picture behind the other."""

    __slots__ = ("_path", "_started", "_warned", "wanted")

    def __init__(self, path: str, wanted: int) -> None:
        self._path = Path(path)
        self._started = False
        self._warned = False
        self.wanted = wanted

    def take(self, frame: Frame, has_outputs: bool) -> None:
        """Save a frame's input tensor, if it is still wanted and the frame has one."""
        if self.wanted <= 0:
            return
        picture = frame.input_image
        if picture is None:
            if has_outputs and not self._warned:
                self._warned = True
                _logger.warning(
                    "input tensors are to be saved to %s, but the frames carry none; open the "
                    "camera with input_tensor=True",
                    self._path,
                )
            return
        # Opened for each, so that nothing is left open when the camera stops before the last.
        with self._path.open("ab" if self._started else "wb") as file:
            file.write(picture.tobytes())
        self._started = True
        self.wanted -= 1
