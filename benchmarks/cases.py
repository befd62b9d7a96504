"""What is measured: each case is one job, done by us and by a peer, with equal results."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import frames
import numpy as np
import peers

import imx500_native as imx
from imx500_native import _tensors
from imx500_native.peer_geometry import picamera2_convert_inference_coords

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy.typing as npt

    from imx500_native.network import Network

STREAM_SIZE = (1280, 720)
THRESHOLD = 0.5
OBJECTS = (1, 10, 100)
TUPLE_SHAPES = ((601,), (1801,), (320, 320), (3598, 112))

INFO_BYTES = "info, bytes"
INFO_TUPLE = "info, tuple"
OUTPUTS = "outputs"
IMAGE_TUPLE = "input image, tuple"
IMAGE_BUFFER = "input image, buffer"
TUPLE_LOOP = "floats of a tuple"
IMPORT = "import"
DEMO = "100 demo frames"
REQUEST_OUTPUTS = "request to outputs"
REQUEST_GROWTH = "request to outputs, growth"
REQUEST_DETECTIONS = "request to detections"
REQUEST_METADATA = "whole metadata"
REQUEST_ROI = "get_roi_scaled"
FLOAT_BOXES = "100 boxes, floats"
EXACT_BOXES = "100 boxes, its numbers"
CAMERA_CAPTURE = "capture() to outputs"
CAMERA_LOOP = "for loop to outputs"
CAMERA_LATE = "capture() to outputs, a buffer given back first"
LATENCY_BUDGET = "latency of a frame"

SMALL = "601 floats in one output"


def detections_job(objects: int) -> str:
    """Return the name of the detection job with so many objects."""
    return f"{objects} object{'s' * (objects > 1)}"


@dataclass(frozen=True)
class Case:
    """One job: the same arguments, our way and a peer's, where one does it.

    `touched_bytes` are those of the tensors that must be read at least, where that is of interest.
    """

    job: str
    network: str
    peer: str
    ours: Callable[[], Any]
    theirs: Callable[[], Any] | None
    touched_bytes: int = 0


@dataclass(frozen=True)
class Row:
    """One measured case, seconds per call; `copy_s` of the tensors that had to be read.

    Where no peer does the job, `peer` is empty and there is no time of its.
    """

    job: str
    network: str
    peer: str
    ours_s: float
    peer_s: float | None = None
    copy_s: float = 0.0

    @property
    def ratio(self) -> float | None:
        """How many times as long the peer takes; None without a peer."""
        return None if self.peer_s is None else self.peer_s / self.ours_s


def small_network() -> Network:
    """Return a network with as many floats as an SSD, all in one output."""
    spec = imx.OutputSpec("tensor", (601,), np.dtype("i1"), 1 / 8)
    like = imx.Network.find("ssd_mobilenetv2_fpnlite_320x320_pp")
    return imx.Network.from_specs(input=like.input, outputs=[spec], name=SMALL)


def require(same: object, what: str) -> None:
    if not same:
        raise AssertionError(f"{what}: the peer's result is another one, so there is no race")


def _info_cases(network: Network) -> Iterator[Case]:
    device = peers.picamera2_imx500(network)
    theirs = device._IMX500__get_output_tensor_info
    info = frames.output_info(network)
    shapes = [list(shape) for shape in _tensors.output_info(info).shapes]
    require(shapes == [tensor["size"] for tensor in theirs(info)["info"]], network.name)
    for job, value in ((INFO_BYTES, info), (INFO_TUPLE, tuple(info))):
        ours, peer = partial(_tensors.output_info, value), partial(theirs, value)
        yield Case(job, network.name, "picamera2", ours, peer)


def _outputs_case(network: Network, rng: np.random.Generator) -> Case:
    device = peers.picamera2_imx500(network)
    tensors = [frames.random_tensor(spec, rng) for spec in network.outputs]
    metadata = frames.metadata(network, tensors)

    def ours() -> Any:
        return imx.Frame.from_metadata(metadata, network=network).outputs

    def theirs() -> Any:
        return device.get_outputs(metadata)

    pairs = zip(ours(), theirs(), strict=True)
    require(all(np.array_equal(mine, peer) for mine, peer in pairs), network.name)
    return Case(OUTPUTS, network.name, "picamera2", ours, theirs)


def picamera2_detections(
    device: Any, camera: Any, network: Network, metadata: dict[str, Any]
) -> list[tuple[tuple[int, ...], Any, Any]]:
    """Do with picamera2 what its object detection demo does, up to the drawing.

    The library ends at the arrays and at the conversion of one box: the scaling, the order of the
    columns, the threshold and the loop are each application's own.
    """
    outputs = device.get_outputs(metadata, add_batch=True)
    boxes, scores, classes = outputs[0][0], outputs[1][0], outputs[2][0]
    if not network.boxes_normalized:
        boxes = boxes / device.get_input_size()[1]
    if network.box_order == "xy":
        boxes = boxes[:, [1, 0, 3, 2]]
    return [
        (device.convert_inference_coords(box, metadata, camera), score, class_id)
        for box, score, class_id in zip(boxes, scores, classes, strict=True)
        if score > THRESHOLD
    ]


class _Request(NamedTuple):
    metadata: dict[str, Any]


def modlib_detections(camera: Any, metadata: dict[str, Any]) -> tuple[Any, npt.NDArray[Any]]:
    """Do with modlib what its examples do, up to the drawing: parse, filter, boxes in pixels."""
    camera._parse_request(_Request(metadata))
    frame = camera._frames.pop()
    found = frame.detections[frame.detections.confidence > THRESHOLD]
    found.compensate_for_roi(frame.roi)
    return found, (found.bbox * np.array(STREAM_SIZE * 2)).astype(int)


MODLIB_POST_PROCESSORS = {
    "ssd_mobilenetv2_fpnlite_320x320_pp": "pp_od_bscn",
    "nanodet_plus_416x416_pp": "pp_od_bscn",
    "efficientdet_lite0_pp": "pp_od_efficientdet_lite0",
    "yolov8n_pp": "pp_od_yolo_ultralytics",
    "yolo11n_pp": "pp_od_yolo_ultralytics",
}


def _detection_cases(network: Network, objects: int, rng: np.random.Generator) -> Iterator[Case]:
    device = peers.picamera2_imx500(network)
    camera = peers.picamera2_camera(STREAM_SIZE)
    metadata = frames.metadata(network, frames.detector_tensors(network, objects, rng))
    job = detections_job(objects)

    def ours() -> Any:
        frame = imx.Frame.from_metadata(
            metadata, network=network, stream_size=STREAM_SIZE, roi=peers.FULL_SENSOR
        )
        return frame.detections(THRESHOLD)

    def picamera2() -> Any:
        return picamera2_detections(device, camera, network, metadata)

    mine, theirs = ours(), picamera2()
    what = f"{network.name}, {job}"
    require(len(mine) == len(theirs) == objects, what)
    require(mine.class_id.tolist() == [int(class_id) for _, _, class_id in theirs], what)
    corners = np.array([(x, y, x + w, y + h) for (x, y, w, h), _, _ in theirs])
    # picamera2 cuts to whole pixels four times on the way.
    require(np.abs(mine.xyxy - corners).max() <= 4, what)
    yield Case(job, network.name, "picamera2", ours, picamera2)

    with contextlib.suppress(peers.PeerMissingError):
        post_processor = peers.modlib_post_processor(MODLIB_POST_PROCESSORS[network.name])
        modlib_camera = peers.modlib_camera(post_processor)
        found, pixels = modlib_detections(modlib_camera, metadata)
        require(np.array_equal(found.class_id, mine.class_id), f"modlib, {what}")
        require(np.abs(mine.xyxy - pixels).max() <= 1, f"modlib, {what}")
        yield Case(
            job,
            network.name,
            "modlib",
            ours,
            lambda: modlib_detections(modlib_camera, metadata),
        )


def _image_cases(network: Network, rng: np.random.Generator) -> Iterator[Case]:
    device = peers.picamera2_imx500(network)
    spec = network.input
    picture = rng.integers(0, 256, (3, spec.height, spec.width), dtype=np.uint8)
    table = spec.encode_table()
    planes = np.stack([table[plane][picture[plane]] for plane in range(3)])
    tensors = [frames.random_tensor(output, rng) for output in network.outputs]
    as_tuple = frames.metadata(network, tensors, planes)
    as_buffer = {**as_tuple, "CnnInputTensor": planes.tobytes()}
    flat = planes.ravel()

    def ours(metadata: dict[str, Any]) -> Any:
        return imx.Frame.from_metadata(metadata, network=network).input_image

    # picamera2 answers in BGR.
    theirs = device.input_tensor_image(as_tuple["CnnInputTensor"])[..., ::-1]
    require(np.array_equal(ours(as_tuple), theirs), f"{network.name}, input image")
    yield Case(
        IMAGE_TUPLE,
        network.name,
        "picamera2",
        lambda: ours(as_tuple),
        lambda: device.input_tensor_image(as_tuple["CnnInputTensor"]),
    )
    yield Case(
        IMAGE_BUFFER,
        network.name,
        "picamera2",
        lambda: ours(as_buffer),
        lambda: device.input_tensor_image(flat),
    )


def network_cases(network: Network, rng: np.random.Generator) -> Iterator[Case]:
    """Yield every case of one network; each has compared the results before it is yielded."""
    yield from _info_cases(network)
    yield _outputs_case(network, rng)
    if network.detects_on_sensor:
        for objects in OBJECTS:
            if objects <= network.output_shapes[0][0]:
                yield from _detection_cases(network, objects, rng)
    yield from _image_cases(network, rng)


def tuple_cases(rng: np.random.Generator) -> Iterator[Case]:
    """Yield our loop over a tuple of floats against `numpy.fromiter`, for some lengths."""
    for shape in TUPLE_SHAPES:
        values = tuple(rng.standard_normal(shape, dtype=np.float32).ravel().tolist())

        def ours(values: Any = values, shapes: Any = (shape,)) -> Any:
            return _tensors.output_arrays(values, None, shapes)

        def theirs(values: Any = values) -> Any:
            return np.fromiter(values, dtype=np.float32)

        length = str(len(values))
        require(np.array_equal(ours()[0].ravel(order="F"), theirs()), f"{length} floats")
        yield Case(TUPLE_LOOP, length, "numpy.fromiter", ours, theirs)


def box_cases(rng: np.random.Generator) -> Iterator[Case]:
    """Yield 100 boxes mapped into a picture at once, against picamera2's call for each.

    In floats, which is what frames do, and bit for bit with picamera2's integers.
    """
    device = peers.picamera2_imx500(imx.Network.find("ssd_mobilenetv2_fpnlite_320x320_pp"))
    camera = peers.picamera2_camera(STREAM_SIZE)
    crop = (508, 440, 3040, 1710)
    metadata = {"ScalerCrop": crop}
    corner = rng.uniform(0.1, 0.5, (100, 2))
    # picamera2's order: y, x.
    boxes = np.hstack([corner, corner + rng.uniform(0.05, 0.4, (100, 2))]).astype(np.float32)
    xyxy = np.ascontiguousarray(boxes[:, [1, 0, 3, 2]])
    mapper = imx.CoordinateMapper(peers.FULL_SENSOR, crop, STREAM_SIZE)

    def floats() -> Any:
        return mapper.boxes(xyxy)

    def exact() -> Any:
        return picamera2_convert_inference_coords(
            boxes, scaler_crop=crop, raw_size=peers.RAW_SIZE, stream_size=STREAM_SIZE
        )

    def picamera2() -> Any:
        return [device.convert_inference_coords(box, metadata, camera) for box in boxes]

    theirs = np.array(picamera2())
    require(np.array_equal(exact(), theirs), EXACT_BOXES)
    inside = np.all((theirs[:, :2] > 0) & (theirs[:, :2] + theirs[:, 2:] < STREAM_SIZE), axis=1)
    corners = np.hstack([theirs[:, :2], theirs[:, :2] + theirs[:, 2:]])
    # It cuts to whole pixels four times on the way, and moves boxes that begin outside.
    require(inside.sum() > 20, FLOAT_BOXES)
    require(np.abs(floats() - corners)[inside].max() <= 4, FLOAT_BOXES)
    yield Case(FLOAT_BOXES, "", "picamera2", floats, picamera2)
    yield Case(EXACT_BOXES, "", "picamera2", exact, picamera2)


def latency_case() -> Case:
    """Return what the account of one frame's latency costs: its arrival and three stages."""
    budget = imx.LatencyBudget(33.3)

    def ours() -> None:
        budget.start(81_423_520_000)
        budget.mark("outputs")
        budget.mark("results")
        budget.mark("yours")
        budget.finish()

    return Case(LATENCY_BUDGET, "", "", ours, None)
