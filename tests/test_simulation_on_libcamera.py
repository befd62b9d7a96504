"""The simulated scene's tensors on real requests: one path for frames, whatever they come from."""

from __future__ import annotations

import numpy as np
import pytest

from imx500_native import Network, SimulatedCamera

pytest.importorskip(
    "libcamera",
    reason='libcamera is missing; get it with: eval "$(scripts/libcamera --env)"',
)
pytest.importorskip(
    "imx500_native._camera",
    reason="imx500_native was built without libcamera; "
    'build it again after: eval "$(scripts/libcamera --env)"',
)
# After the skips, as both need libcamera.

from imx500_native.live_camera import Camera

SIZE = (640, 480)
ROI = (508, 0, 3040, 3040)


@pytest.mark.parametrize("name", [n for n in Network.zoo_names() if n.endswith("_pp")])
def test_a_simulated_scene_reads_the_same_through_libcamera(inject, name):
    network = Network.find(name)
    scene = SimulatedCamera(
        network, size=SIZE, roi=ROI, seed=7, real_time=False, input_tensor=True
    ).start()
    simulated = []

    def put(request):
        frame = scene.capture()
        values = frame.metadata
        for control in ("CnnOutputTensor", "CnnInputTensor"):
            if control in values:
                inject.put(request, control, values[control])
        for control in ("CnnOutputTensorInfo", "CnnInputTensorInfo"):
            if control in values:
                inject.put(request, control, np.frombuffer(values[control], np.uint8))
        if "CnnKpiInfo" in values:
            inject.put(request, "CnnKpiInfo", np.array(values["CnnKpiInfo"], np.int32))
        inject.put(request, "ScalerCrop", np.array(values["ScalerCrop"], np.int32), "rectangle")
        simulated.append(frame)

    camera = Camera(network, size=SIZE, roi=ROI)
    camera._before_taking = put
    with camera:
        live = [camera.capture() for _ in range(12)]
        camera.stop()
        for ours, theirs in zip(live, simulated, strict=False):
            assert ours.access in ("move", None)
            assert (ours.frame_count, ours.kpi) == (theirs.frame_count, theirs.kpi)
            assert ours.detections().to_dict() == theirs.detections().to_dict()
            if theirs.outputs is None:
                assert ours.outputs is None
                continue
            assert ours.outputs is not None
            for one, other in zip(ours.outputs, theirs.outputs, strict=True):
                np.testing.assert_array_equal(one, other)
            np.testing.assert_array_equal(ours.input_image, theirs.input_image)
    assert sum(len(frame.detections()) for frame in live) > 12
