"""Where a live camera's time goes, on libcamera's virtual camera."""

from __future__ import annotations

import time

import numpy as np
import pytest
from live_cameras import NETWORK, SMALL
from oracles.tensor_info_oracle import pack_output_info

from imx500_native import FULL_ROI, Network, Pipeline
from imx500_native.live_camera import Camera


@pytest.fixture
def network():
    return Network.find(NETWORK)


def put_one_detection(inject, network):
    rows = network.output_shapes[0][0]
    tensors = [np.zeros(shape, np.float32) for shape in network.output_shapes]
    tensors[0][0] = (0.1, 0.2, 0.5, 0.6)
    tensors[1][0] = 0.9
    tensors[3][0] = rows
    values = np.concatenate([tensor.ravel(order="F") for tensor in tensors])
    info = np.frombuffer(pack_output_info(network.output_shapes), np.uint8)

    def put(request):
        inject.put(request, "CnnOutputTensor", values)
        inject.put(request, "CnnOutputTensorInfo", info)
        inject.put(request, "ScalerCrop", np.array(FULL_ROI, np.int32), "rectangle")

    return put


def test_latency_is_measured_from_the_first_time_it_is_asked_for(network):
    with Camera(network, size=SMALL, frame_rate=50) as camera:
        camera.capture()
        budget = camera.latency
        assert budget.frame_ms == 20
        camera.capture()
        assert [row.frames for row in budget.rows() if row.stage in ("frame", "age")] == [0, 0]
        for _ in range(4):
            budget.mark("decode")
            camera.capture()
        rows = {row.stage: row for row in budget.rows()}
        assert list(rows) == ["sensor", "wait", "decode", "frame", "age"]
        frames = {stage: row.frames for stage, row in rows.items()}
        assert frames == {"sensor": 5, "wait": 5, "decode": 4, "frame": 4, "age": 4}
        assert 0 < rows["sensor"].p50_ms < 1000


def test_a_frame_that_waits_for_its_consumer_is_not_the_sensors_fault(network):
    with Camera(network, size=SMALL, policy="all") as camera:
        budget = camera.latency
        camera.capture()
        time.sleep(0.15)
        camera.capture()
        rows = {row.stage: row.max_ms for row in budget.rows()}
        assert rows["wait"] > 50 > rows["sensor"]
        assert budget.misses == {}


def test_a_frame_measures_its_own_stages(inject, network):
    camera = Camera(network, size=SMALL, roi=FULL_ROI, policy="all")
    camera._before_taking = put_one_detection(inject, network)
    with camera:
        budget = camera.latency
        earlier = camera.capture()
        frame = camera.capture()
        # Of a frame that is no longer the newest: not counted.
        assert earlier.detections() is not None
        assert [row.stage for row in budget.rows()] == ["sensor", "wait", "frame", "age"]
        assert frame.outputs is frame.outputs
        time.sleep(0.05)
        assert len(frame.detections()) == 1
        assert len(Pipeline(network)(camera.capture())) == 1
        budget.mark("draw")
        budget.finish()
        rows = {row.stage: row for row in budget.rows()}
        assert list(rows) == ["sensor", "wait", "outputs", "results", "draw", "frame", "age"]
        assert [row.frames for row in rows.values()] == [3, 3, 2, 2, 1, 3, 3]
        # The nap is in the frame, and in none of its own stages.
        assert max(rows["outputs"].max_ms, rows["results"].max_ms) < 40 < rows["frame"].max_ms
