"""imx500_native._libcamera on real requests of libcamera's virtual camera.

The virtual camera has no network, so `inject_controls` puts what an IMX500's pipeline would have
put into completed requests. libcamera's own bindings read the same requests and are the oracle.
"""

from __future__ import annotations

import gc
import os
import random
import struct
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from sanitizing import SANITIZED

from imx500_native import Network, _tensors
from imx500_native.bindings import copied_control, copied_metadata
from imx500_native.errors import RequestStateError, TensorTakenError

libcamera = pytest.importorskip(
    "libcamera",
    reason="libcamera's Python bindings are missing; "
    'get them with: eval "$(scripts/libcamera --env)"',
)
_libcamera = pytest.importorskip(
    "imx500_native._libcamera",
    reason="imx500_native was built without libcamera; "
    'build it again after: eval "$(scripts/libcamera --env)"',
)
# After the skips, as both need libcamera.
from virtual_camera import VirtualCamera  # noqa: E402

if TYPE_CHECKING:
    from types import ModuleType

take_controls = _libcamera.take_controls
peek_control = _libcamera.peek_control


def output_info(shapes: tuple[tuple[int, ...], ...], frame_count: int = 7) -> np.ndarray:
    """CnnOutputTensorInfo as Raspberry Pi's libcamera lays it out: 712 bytes."""
    tensors = b"".join(
        struct.pack("<II16H", int(np.prod(shape)), len(shape), *shape, *[0] * (16 - len(shape)))
        for shape in shapes
    )
    data = struct.pack("<64sI", b"", len(shapes)) + tensors.ljust(16 * 40, b"\0")
    data += struct.pack("<B3x", frame_count)
    assert len(data) == 712
    return np.frombuffer(data, np.uint8)


def put_network(inject: ModuleType, request: object, network: Network, seed: int = 0) -> np.ndarray:
    """Everything that an IMX500 with this network would report; returns the output values."""
    rng = np.random.default_rng(seed)
    values = rng.standard_normal(sum(spec.elements for spec in network.outputs), np.float32)
    spec = network.input
    pixels = rng.integers(0, 256, spec.channels * spec.height * spec.width, np.uint8)
    input_info = struct.pack("<64s3IB3x", b"", spec.width, spec.height, spec.channels, 7)
    inject.put(request, "CnnOutputTensor", values)
    inject.put(request, "CnnOutputTensorInfo", output_info(network.output_shapes))
    inject.put(request, "CnnInputTensor", pixels)
    inject.put(request, "CnnInputTensorInfo", np.frombuffer(input_info, np.uint8))
    inject.put(request, "CnnKpiInfo", np.array([12_000, 3_000], np.int32))
    inject.put(request, "ScalerCrop", np.array([0, 440, 4056, 2160], np.int32), "rectangle")
    return values


@pytest.mark.parametrize("ownership", ["copy", "move"])
@pytest.mark.parametrize("name", Network.zoo_names())
def test_every_network_reads_as_the_bindings_read_it(
    inject: ModuleType, camera: VirtualCamera, name: str, ownership: str
) -> None:
    network = Network.find(name)
    request = camera.capture()
    values = put_network(inject, request, network)
    shown = {key.name: value for key, value in request.metadata.items()}
    address = inject.address(request, "CnnOutputTensor")

    controls = take_controls(request, ownership)

    assert controls.access == ownership
    assert controls.sequence == request.sequence
    assert set(controls) == set(shown)
    for key in ("CnnOutputTensorInfo", "CnnInputTensor", "CnnInputTensorInfo", "CnnKpiInfo"):
        assert controls[key].tolist() == list(shown[key])
    assert controls["SensorTimestamp"] == shown["SensorTimestamp"]
    assert controls["ScalerCrop"] == (0, 440, 4056, 2160)
    tensor = controls["CnnOutputTensor"]
    assert tensor.dtype == np.float32
    np.testing.assert_array_equal(tensor, values)
    np.testing.assert_array_equal(tensor, np.array(shown["CnnOutputTensor"], np.float32))
    assert (tensor.ctypes.data == address) == (ownership == "move")
    outputs = _tensors.output_arrays(tensor, controls["CnnOutputTensorInfo"])
    assert tuple(output.shape for output in outputs) == network.output_shapes
    assert all(np.shares_memory(output, tensor) for output in outputs)
    start = 0
    for output in outputs:
        np.testing.assert_array_equal(output.ravel("F"), values[start : start + output.size])
        start += output.size


@pytest.mark.parametrize("name", ["ssd_mobilenetv2_fpnlite_320x320_pp", "deeplabv3plus"])
def test_the_slow_way_gives_the_same_metadata(
    inject: ModuleType, camera: VirtualCamera, name: str
) -> None:
    request = camera.capture()
    put_network(inject, request, Network.find(name))
    slow = copied_metadata(request)
    fast = take_controls(request).to_dict()
    assert slow.keys() == fast.keys()
    assert slow.sequence == request.sequence
    for key, value in slow.items():
        assert value == (tuple(fast[key].tolist()) if hasattr(fast[key], "shape") else fast[key])


def test_a_copy_leaves_the_request_as_it_was(inject: ModuleType, camera: VirtualCamera) -> None:
    request = camera.capture()
    inject.put(request, "CnnOutputTensor", np.arange(601, dtype=np.float32))
    before = {key.name: value for key, value in request.metadata.items()}
    first, second = take_controls(request), take_controls(request)
    assert {key.name: value for key, value in request.metadata.items()} == before
    assert not np.shares_memory(first["CnnOutputTensor"], second["CnnOutputTensor"])


SCALARS = [
    (np.bool_(True), None, True),
    (np.bool_(False), None, False),
    (np.uint8(255), None, 255),
    (np.int32(-(2**31)), None, -(2**31)),
    (np.int64(-(2**63)), None, -(2**63)),
    (np.float32(0.1), None, float(np.float32(0.1))),
    ("größer", None, "größer"),
    (np.array([-1, 2, 3, 4], np.int32), "rectangle", (-1, 2, 3, 4)),
    (np.array([640, 480], np.int32), "size", (640, 480)),
    (np.array([-5, 6], np.int32), "point", (-5, 6)),
]


@pytest.mark.parametrize(("value", "kind", "expected"), SCALARS)
def test_scalars_are_plain_python(
    inject: ModuleType, camera: VirtualCamera, value: object, kind: str | None, expected: object
) -> None:
    inject.register("TestValue")
    request = camera.capture()
    inject.put(request, "TestValue", value, kind)
    for got in (take_controls(request)["TestValue"], peek_control(request, "TestValue")):
        assert type(got) is type(expected)
        assert got == expected


@pytest.mark.parametrize("count", [0, 1, 2, 3, 1000])
@pytest.mark.parametrize(
    ("dtype", "kind", "columns"),
    [
        (np.bool_, None, 0),
        (np.uint8, None, 0),
        (np.int32, None, 0),
        (np.int64, None, 0),
        (np.float32, None, 0),
        (np.int32, "rectangle", 4),
        (np.int32, "size", 2),
        (np.int32, "point", 2),
    ],
)
@pytest.mark.parametrize("ownership", ["copy", "move"])
def test_spans_are_read_only_arrays(
    inject: ModuleType,
    camera: VirtualCamera,
    count: int,
    dtype: type,
    kind: str | None,
    columns: int,
    ownership: str,
) -> None:
    inject.register("TestValue")
    shape = (count, columns) if columns else (count,)
    values = np.random.default_rng(count).integers(0, 2, shape).astype(dtype)
    request = camera.capture()
    inject.put(request, "TestValue", values, kind)
    expected = values.tolist()
    peeked = tuple(map(tuple, expected)) if columns else tuple(expected)
    assert peek_control(request, "TestValue") == peeked
    controls = take_controls(request, ownership)
    got = controls.get("TestValue")
    assert got.dtype == dtype
    assert got.shape == shape
    assert not got.flags.writeable
    assert not got.flags.owndata
    assert got.base is controls
    np.testing.assert_array_equal(got, values)
    with pytest.raises(ValueError, match="WRITEABLE"):
        got.flags.writeable = True


def test_controls_read_like_a_mapping(inject: ModuleType, camera: VirtualCamera) -> None:
    inject.register("TestValue")
    request = camera.capture()
    inject.put(request, "TestValue", np.int32(5))
    controls = take_controls(request)
    assert len(controls) == 2
    assert sorted(controls) == sorted(controls.keys()) == ["SensorTimestamp", "TestValue"]
    assert dict(controls) == controls.to_dict()
    assert "TestValue" in controls
    assert "CnnOutputTensor" not in controls
    assert 5 not in controls
    assert controls.get("CnnOutputTensor") is None
    assert controls.get("no such control", 3) == 3
    with pytest.raises(KeyError, match="no such control"):
        controls["no such control"]
    with pytest.raises(TypeError):
        controls.get(5)


def test_a_control_that_libcamera_learns_later_is_found(
    inject: ModuleType, camera: VirtualCamera
) -> None:
    request = camera.capture()
    name = f"TestLate{os.getpid()}"
    assert take_controls(request).get(name) is peek_control(request, name) is None
    inject.register(name)
    assert peek_control(request, name) is None
    inject.put(request, name, np.int32(11))
    assert take_controls(request)[name] == peek_control(request, name) == 11


def test_a_control_without_a_name_is_called_by_its_number(
    inject: ModuleType, camera: VirtualCamera
) -> None:
    request = camera.capture()
    inject.put(request, 4_000_000_000, np.int32(3))
    controls = take_controls(request, "move")
    assert controls.to_dict()["unknown_4000000000"] == 3


def test_a_frame_without_tensors_has_none(camera: VirtualCamera) -> None:
    controls = take_controls(camera.capture(), "move")
    assert controls.get("CnnOutputTensor") is None
    assert controls["SensorTimestamp"] > 0


def test_a_pending_request_is_refused(camera: VirtualCamera) -> None:
    fresh = camera.camera.create_request()
    for ownership in ("copy", "move"):
        with pytest.raises(RequestStateError, match="pending"):
            take_controls(fresh, ownership)
    with pytest.raises(RequestStateError, match="pending"):
        peek_control(fresh, "ScalerCrop")
    done = camera.capture()
    done.reuse()
    with pytest.raises(RequestStateError, match="pending"):
        take_controls(done)
    with pytest.raises(RequestStateError, match="pending"):
        copied_metadata(done)
    camera.requeue(done)


def test_a_cancelled_request_is_refused() -> None:
    # Pictures this large take the virtual camera longer than a stop.
    with VirtualCamera(size=(2028, 1520)) as camera:
        cancelled: list[libcamera.Request] = []
        for _ in range(50):
            camera.start()
            left = camera.stop(at_once=True)
            cancelled = [r for r in left if r.status == libcamera.Request.Status.Cancelled]
            if cancelled:
                break
        if not cancelled:
            pytest.skip("the virtual camera of this libcamera completes whatever is queued")
        for take in (take_controls, copied_metadata):
            with pytest.raises(RequestStateError, match="cancelled"):
                take(cancelled[0])


@pytest.mark.parametrize("second", ["copy", "move"])
def test_a_moved_request_never_looks_empty(
    inject: ModuleType, camera: VirtualCamera, second: str
) -> None:
    request = camera.capture()
    inject.put(request, "CnnOutputTensor", np.ones(601, np.float32))
    taken = take_controls(request, "move")
    assert request.metadata == {}
    with pytest.raises(TensorTakenError, match="moved"):
        take_controls(request, second)
    for name in ("SensorTimestamp", "no such control"):
        with pytest.raises(TensorTakenError, match="moved"):
            peek_control(request, name)
    # The camera fills it again, with the sequence number that it had.
    camera.stop()
    camera.start()
    again = camera.capture()
    assert again is request
    assert again.sequence == taken.sequence
    assert take_controls(again, second)["SensorTimestamp"] > taken["SensorTimestamp"]


@pytest.mark.parametrize("take", [take_controls, copied_metadata])
def test_a_wrong_object_is_a_type_error(camera: VirtualCamera, take: object) -> None:
    request = camera.capture()
    for wrong in (
        None,
        3,
        object(),
        {},
        camera.camera,
        libcamera.Request,
        camera.requests,
        SimpleNamespace(request=camera.camera),
    ):
        with pytest.raises(TypeError, match=r"libcamera\.Request"):
            take(wrong)
    with pytest.raises(ValueError, match="ownership"):
        take(request, "steal")


def test_controls_come_only_from_requests() -> None:
    with pytest.raises(TypeError, match="take_controls"):
        _libcamera.Controls()


def test_one_control_is_read_where_the_others_stay(
    inject: ModuleType, camera: VirtualCamera
) -> None:
    request = camera.capture()
    values = put_network(inject, request, Network.find("ssd_mobilenetv2_fpnlite_320x320_pp"))
    address = inject.address(request, "CnnOutputTensor")
    completed = SimpleNamespace(request=request)
    for given in (request, completed):
        assert peek_control(given, "ScalerCrop") == (0, 440, 4056, 2160)
        assert copied_control(given, "ScalerCrop") == (0, 440, 4056, 2160)
        assert peek_control(given, "CnnOutputTensor") == tuple(values.tolist())
    assert inject.address(request, "CnnOutputTensor") == address
    for wrong in (None, {}, camera.camera):
        with pytest.raises(TypeError, match=r"libcamera\.Request"):
            peek_control(wrong, "ScalerCrop")


@pytest.mark.parametrize("take", [take_controls, copied_metadata])
def test_completed_requests_of_picamera2_are_unwrapped(camera: VirtualCamera, take: object) -> None:
    # What picamera2's CompletedRequest is to us: an attribute that release() clears.
    completed = SimpleNamespace(request=camera.capture())
    assert take(completed).get("SensorTimestamp") > 0
    completed.request = None
    with pytest.raises(RequestStateError, match="released"):
        take(completed)


def test_nothing_stands_in_the_way(camera: VirtualCamera) -> None:
    assert _libcamera.bindings_problem() is None
    assert _libcamera.direct_access_problem(camera.capture()) is None


def test_requests_that_come_and_go_are_not_confused(
    inject: ModuleType, camera: VirtualCamera
) -> None:
    # Far more than are remembered, at addresses that are used again.
    for number in range(500):
        request = camera.camera.create_request()
        inject.put(request, "SensorTimestamp", np.int64(number))
        assert [*request.metadata.values()] == [number]
    kept = [camera.camera.create_request() for _ in range(200)]
    for number, request in enumerate(kept):
        inject.put(request, "SensorTimestamp", np.int64(number))
    assert [[*request.metadata.values()] for request in kept] == [[n] for n in range(200)]


def test_arrays_outlive_request_and_camera(inject: ModuleType) -> None:
    kept = []
    with VirtualCamera() as camera:
        camera.start()
        for number in range(40):
            request = camera.capture()
            values = np.full(20_000, number, np.float32)
            inject.put(request, "CnnOutputTensor", values)
            controls = take_controls(request, "move" if number % 2 else "copy")
            kept.append((number, controls["CnnOutputTensor"][5:]))
            camera.requeue(request)
        del request, controls
    del camera
    gc.collect()
    random.Random(1).shuffle(kept)
    while kept:
        number, array = kept.pop()
        assert (array == number).all()
        del array
        assert all((array == number).all() for number, array in kept[:3])


def test_a_stopped_camera_leaves_its_completed_requests_readable(
    inject: ModuleType, camera: VirtualCamera
) -> None:
    request = camera.capture()
    inject.put(request, "CnnOutputTensor", np.arange(601, dtype=np.float32))
    camera.stop()
    assert take_controls(request, "move")["CnnOutputTensor"][600] == 600


def test_of_16_threads_one_moves_and_the_others_are_told(
    inject: ModuleType, camera: VirtualCamera
) -> None:
    values = np.arange(5_000, dtype=np.float32)

    def move(request: object, together: threading.Barrier) -> bool:
        together.wait()
        try:
            tensor = take_controls(request, "move")["CnnOutputTensor"]
        except TensorTakenError:
            return False
        assert (tensor == values).all()
        return True

    with ThreadPoolExecutor(16) as pool:
        for _ in range(50):
            request = camera.capture()
            inject.put(request, "CnnOutputTensor", values)
            together = threading.Barrier(16)
            moved = [pool.submit(move, request, together) for _ in range(16)]
            assert sum(future.result() for future in moved) == 1
            camera.requeue(request)


def test_readers_and_a_reuse_never_see_half_a_frame(
    inject: ModuleType, camera: VirtualCamera
) -> None:
    request = camera.capture()
    done = threading.Event()

    def read() -> int:
        read_ones = 0
        while not done.is_set():
            try:
                tensor = take_controls(request).get("CnnOutputTensor")
            except RequestStateError:
                continue
            if tensor is not None:
                assert tensor.size == 5_000
                assert (tensor == tensor[0]).all()
                read_ones += 1
        return read_ones

    with ThreadPoolExecutor(16) as pool:
        readers = [pool.submit(read) for _ in range(16)]
        for number in range(60):
            inject.put(request, "CnnOutputTensor", np.full(5_000, number, np.float32))
            # A moment for the readers.
            done.wait(0.001)
            camera.requeue(request)
            request = camera.capture()
        done.set()
        assert sum(reader.result() for reader in readers) > 0


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_memory_and_files_stay_flat(inject: ModuleType, camera: VirtualCamera) -> None:
    values = np.ones(100_000, np.float32)

    def frames(count: int) -> None:
        for number in range(count):
            request = camera.capture()
            inject.put(request, "CnnOutputTensor", values)
            take_controls(request, "copy").to_dict()
            take_controls(request, "move").get("CnnOutputTensor")
            with pytest.raises(TensorTakenError):
                take_controls(request)
            if number % 100 == 0:
                gc.collect()
            camera.requeue(request)

    frames(200)
    memory, files = resident_bytes(), len(list(Path("/proc/self/fd").iterdir()))
    frames(2_000)
    assert len(list(Path("/proc/self/fd").iterdir())) == files
    # One list in a hundred leaked would be 8 MB. The sanitizers keep what is freed for a while.
    if not SANITIZED:
        assert resident_bytes() - memory < 4_000_000


def test_an_interpreter_may_end_with_arrays_alive() -> None:
    script = """
        import sys
        sys.path.insert(0, sys.argv[1])
        from virtual_camera import VirtualCamera
        from imx500_native._libcamera import take_controls
        camera = VirtualCamera()
        camera.__enter__()
        camera.start()
        request = camera.capture()
        copied, moved = take_controls(request), take_controls(request, "move")
        camera.__exit__()
        cycle = [copied, moved, request]
        cycle.append(cycle)
        print(moved["SensorTimestamp"] == copied["SensorTimestamp"])
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(Path(__file__).parent)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr
