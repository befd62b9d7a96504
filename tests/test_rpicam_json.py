"""rpicam-apps' own post-processing files."""

from __future__ import annotations

import json
import logging
import os

import numpy as np
import pytest
from oracles.tensor_info_oracle import pack_output_info

from imx500_native import (
    FULL_ROI,
    Frame,
    Network,
    NetworkNotFoundError,
    SimulatedCamera,
    TaskError,
    annotate,
)
from imx500_native.errors import NetworkTypeError, PipelineError
from imx500_native.filtering import TemporalFilter
from imx500_native.pipeline import Pipeline
from imx500_native.rpicam_json import read_rpicam_json

SSD = Network.find("ssd_mobilenetv2_fpnlite_320x320_pp")
MODELS = "/usr/share/imx500-models"


def detection(**changes):
    """What stands in ``imx500_mobilenet_ssd.json``."""
    stage = {
        "max_detections": 5,
        "threshold": 0.6,
        "network_file": f"{MODELS}/imx500_network_ssd_mobilenetv2_fpnlite_320x320_pp.rpk",
        "save_input_tensor": {
            "filename": "/home/pi/input_tensor.raw",
            "num_tensors": 10,
            "norm_val": [384, 384, 384, 0],
            "norm_shift": [0, 0, 0, 0],
        },
        "temporal_filter": {
            "tolerance": 0.1,
            "factor": 0.2,
            "visible_frames": 4,
            "hidden_frames": 2,
        },
        "classes": list(SSD.labels),
    }
    stage |= changes
    return {
        "imx500_object_detection": {k: v for k, v in stage.items() if v is not None},
        "object_detect_draw_cv": {"line_thickness": 2},
    }


def posenet(**changes):
    """What stands in ``imx500_posenet.json``."""
    stage = {
        "max_detections": 5,
        "threshold": 0.4,
        "offset_refinement_steps": 5,
        "nms_radius": 10.0,
        "network_file": f"{MODELS}/imx500_network_posenet.rpk",
        "save_input_tensor": {
            "filename": "/home/pi/posenet_input_tensor.raw",
            "num_tensors": 10,
        },
        "temporal_filter": {
            "tolerance": 0.3,
            "factor": 0.3,
            "visible_frames": 8,
            "hidden_frames": 2,
        },
    }
    stage |= changes
    return {
        "imx500_posenet": {k: v for k, v in stage.items() if v is not None},
        "plot_pose_cv": {"confidence_threshold": 0.2},
    }


@pytest.fixture
def written(tmp_path):
    def write(stages):
        path = tmp_path / "stages.json"
        path.write_text(stages if isinstance(stages, str) else json.dumps(stages))
        return path

    return write


def filter_of(pipeline):
    return repr(pipeline.filter)


def test_the_detection_file_as_it_is_shipped(written):
    pipeline = Pipeline.from_rpicam_json(written(detection()))
    assert pipeline.decoder.network.name == SSD.name
    assert (pipeline.decoder.threshold, pipeline.decoder.max_detections) == (0.6, 5)
    assert filter_of(pipeline) == repr(TemporalFilter(0.1, 0.2, 4, 2))
    assert pipeline.labels == SSD.labels
    assert pipeline.draw == {"line_width": 2, "font_size": 22}
    assert pipeline.needs_input_tensor
    with SimulatedCamera(SSD, real_time=False, seed=2, frames=10) as camera:
        for frame in camera:
            picture = annotate(frame.image, pipeline(frame), **pipeline.draw)
    assert picture.shape == frame.image.shape
    assert not np.array_equal(picture, frame.image)


def test_the_posenet_file_as_it_is_shipped(written):
    settings = read_rpicam_json(written(posenet()))
    assert settings.task == "pose estimation"
    assert settings.network_file == f"{MODELS}/imx500_network_posenet.rpk"
    assert (settings.threshold, settings.max_detections) == (0.4, 5)
    assert settings.parameters == {"offset_refinement_steps": 5, "nms_radius": 10.0}
    assert settings.temporal_filter == {
        "tolerance": 0.3,
        "factor": 0.3,
        "visible_frames": 8,
        "hidden_frames": 2,
    }
    assert (settings.input_file, settings.input_count) == ("/home/pi/posenet_input_tensor.raw", 10)
    assert settings.draw == {"keypoint_threshold": 0.2}
    assert settings.classes is None


def test_people_from_the_posenet_file(written):
    pipeline = Pipeline.from_rpicam_json(written(posenet(save_input_tensor=None)))
    network = pipeline.decoder.network
    assert (pipeline.decoder.head, pipeline.decoder.task) == ("posenet", "pose estimation")
    assert (pipeline.decoder.threshold, pipeline.decoder.max_detections) == (0.4, 5)
    heat, near, mid = (np.zeros(shape, np.float32) for shape in network.output_shapes)
    heat[:] = -10
    heat[10, 12] = 10
    values = np.concatenate([part.ravel(order="F") for part in (heat, near, mid)])
    shown = []
    for count in range(4):
        metadata = {
            "ScalerCrop": FULL_ROI,
            "CnnOutputTensor": values,
            "CnnOutputTensorInfo": pack_output_info(network.output_shapes, frame_count=count),
        }
        frame = Frame.from_metadata(metadata, network=network, stream_size=(640, 480), roi=FULL_ROI)
        people = pipeline(frame)
        shown.append(len(people))
    assert shown == [0, 0, 1, 1]
    assert people.tracker_id.tolist() == [1]
    assert np.ptp(people.xy[0], axis=0).max() < 1


def test_what_is_not_said_is_as_in_rpicam(written):
    settings = read_rpicam_json(
        written({"imx500_object_detection": {"max_detections": 3, "temporal_filter": {}}})
    )
    assert (settings.threshold, settings.max_detections, settings.draw) == (0.5, 3, {})
    assert repr(TemporalFilter(**settings.temporal_filter)) == repr(TemporalFilter())
    assert (settings.input_file, settings.classes, settings.network_file) == (None, None, None)
    settings = read_rpicam_json(written({"imx500_posenet": {}, "plot_pose_cv": {}}))
    assert (settings.threshold, settings.max_detections) == (0.5, 10)
    assert settings.parameters == {"offset_refinement_steps": 5, "nms_radius": 10.0}
    assert settings.temporal_filter is None
    assert settings.draw == {"keypoint_threshold": 0.0}
    settings = read_rpicam_json(
        written(detection(save_input_tensor={"filename": "x"}) | {"object_detect_draw_cv": {}})
    )
    assert (settings.input_count, settings.draw) == (1, {"line_width": 1, "font_size": 22})


def test_numbers_may_stand_in_quotation_marks(written):
    settings = read_rpicam_json(written(detection(max_detections="7", threshold="0.25")))
    assert (settings.max_detections, settings.threshold) == (7, 0.25)


def test_a_network_of_ones_own_goes_before_the_file_s(written):
    own = Network.find("nanodet_plus_416x416_pp")
    pipeline = Pipeline.from_rpicam_json(written(detection()), own, hold=False, stream="lores")
    assert pipeline.decoder.network is own
    assert (pipeline.hold, pipeline.stream) == (False, "lores")


def test_a_path_of_bytes_and_what_is_none(written):
    path = written(detection())
    assert Pipeline.from_rpicam_json(os.fsencode(path)).decoder.network.name == SSD.name
    for wrong in (None, 5):
        with pytest.raises(PipelineError, match=f"path of a post-processing file, not {wrong}"):
            Pipeline.from_rpicam_json(wrong)
    with pytest.raises(NetworkTypeError, match=r"Network\.find"):
        Pipeline.from_rpicam_json(path, "yolo11n_pp")


def test_without_a_network_it_must_be_passed(written):
    path = written(detection(network_file=None))
    with pytest.raises(PipelineError, match=r"no network_file; pass network="):
        Pipeline.from_rpicam_json(path)
    assert Pipeline.from_rpicam_json(path, SSD).decoder.network is SSD


def test_a_network_that_is_nowhere_is_named(written):
    with pytest.raises(NetworkNotFoundError, match="my_own"):
        Pipeline.from_rpicam_json(written(detection(network_file="/opt/my_own.rpk")))


def test_a_network_of_another_task_is_refused(written):
    with pytest.raises(TaskError, match=r"is for pose estimation; .* is object detection"):
        Pipeline.from_rpicam_json(written(posenet()), SSD)


def frame_with_classes(classes):
    boxes = np.tile(np.float32([0.25, 0.25, 0.5, 0.5]), (100, 1))
    scores = np.linspace(1, 0, 100, dtype=np.float32)
    kinds = np.zeros(100, np.float32)
    kinds[: len(classes)] = classes
    outputs = boxes, scores, kinds, np.float32([len(classes)])

    def encode(scene, network):
        return outputs

    with SimulatedCamera(SSD, real_time=False, seed=2, encode=encode) as camera:
        while True:
            frame = camera.capture()
            if frame.outputs is not None:
                return frame


def test_classes_beyond_the_names_are_left_out_as_in_rpicam(written):
    stages = detection(classes=["person", "-"], temporal_filter=None, max_detections=10)
    pipeline = Pipeline.from_rpicam_json(written(stages))
    found = pipeline(frame_with_classes([0, 5, 1, -1, 0]))
    assert [one.label for one in found] == ["person", "-", "person"]
    assert pipeline.labels == ("person", "-")


def test_difference_without_classes_the_network_s_own_names_serve(written):
    """rpicam-apps finds nothing then: every class is beyond the end of an empty list."""
    stages = detection(classes=None, temporal_filter=None)
    found = Pipeline.from_rpicam_json(written(stages))(frame_with_classes([0, 5]))
    assert [one.label for one in found] == ["person", "bus"]


def test_difference_the_threshold_comes_before_the_cut(written):
    """rpicam-apps looks at the first max_detections rows only, whatever their scores are."""
    boxes = np.tile(np.float32([0.25, 0.25, 0.5, 0.5]), (100, 1))
    scores = np.zeros(100, np.float32)
    scores[3] = 0.75
    outputs = boxes, scores, np.zeros(100, np.float32), np.float32([100])
    pipeline = Pipeline.from_rpicam_json(written(detection(max_detections=2)))
    assert pipeline.decoder(outputs).confidence.tolist() == [0.75]


def test_difference_input_tensors_are_saved_as_pictures(written, tmp_path):
    """rpicam-apps writes the planes one behind the other, with the constants of pixels."""
    target = tmp_path / "saved.rgb"
    target.write_bytes(b"from before")
    saving = {"filename": str(target), "num_tensors": 2, "norm_val": [384, 384, 384, 0]}
    pipeline = Pipeline.from_rpicam_json(written(detection(save_input_tensor=saving)))
    expected = []
    with SimulatedCamera(
        SSD, real_time=False, seed=2, frames=6, frame_rate=15, input_tensor=True
    ) as camera:
        for frame in camera:
            assert pipeline.needs_input_tensor == (len(expected) < 2)
            pipeline(frame)
            if frame.input_image is not None:
                expected.append(frame.input_image)
    assert len(expected) > 2
    saved = np.frombuffer(target.read_bytes(), np.uint8).reshape(2, 320, 320, 3)
    np.testing.assert_array_equal(saved, expected[:2])
    assert not pipeline.needs_input_tensor


def test_frames_without_input_tensors_are_told_of_once(written, tmp_path, caplog):
    target = tmp_path / "saved.rgb"
    saving = {"filename": str(target)}
    pipeline = Pipeline.from_rpicam_json(written(detection(save_input_tensor=saving)))
    with (
        caplog.at_level(logging.WARNING, "imx500_native"),
        SimulatedCamera(SSD, real_time=False, seed=2, frames=10) as camera,
    ):
        for frame in camera:
            pipeline(frame)
    assert [record.getMessage() for record in caplog.records] == [
        f"input tensors are to be saved to {target}, but the frames carry none; open the camera "
        "with input_tensor=True"
    ]
    assert not target.exists()


def test_a_place_where_nothing_can_be_saved_is_named(written, tmp_path):
    saving = {"filename": str(tmp_path / "nowhere" / "saved.rgb")}
    pipeline = Pipeline.from_rpicam_json(written(detection(save_input_tensor=saving)))
    with SimulatedCamera(SSD, real_time=False, seed=2, input_tensor=True) as camera:
        frame = next(one for one in camera if one.outputs is not None)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        pipeline(frame)


def test_no_input_tensors_at_all_may_be_wanted(written):
    saving = {"filename": "x", "num_tensors": 0}
    pipeline = Pipeline.from_rpicam_json(written(detection(save_input_tensor=saving)))
    assert not pipeline.needs_input_tensor


def test_everything_unknown_is_named_at_once(written):
    stages = detection(temporal_filter={"tolerance": 0.1, "decay": 3}, zoom=2)
    stages["object_blur"] = {}
    stages["sobel_cv"] = {"ksize": 5}
    with pytest.raises(PipelineError) as caught:
        read_rpicam_json(written(stages))
    assert str(caught.value) == (
        "stages.json has the stages object_blur, sobel_cv (known: imx500_object_detection, "
        "imx500_posenet, object_detect_draw_cv, plot_pose_cv) and the settings "
        "imx500_object_detection.zoom, imx500_object_detection.temporal_filter.decay, which are "
        "not known here; leave them out of a copy of the file"
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"max_detections": None}, "imx500_object_detection.max_detections is missing"),
        ({"max_detections": -1}, "max_detections must be a whole number from 0, not -1"),
        ({"max_detections": 2.5}, "max_detections must be a whole number from 0, not 2.5"),
        ({"max_detections": True}, "max_detections must be a whole number from 0, not True"),
        ({"max_detections": "٣"}, "max_detections must be a whole number from 0"),
        ({"threshold": 2}, "threshold must be a number from 0 to 1, not 2"),
        ({"threshold": "NaN"}, "threshold must be a number from 0 to 1|threshold must be a number"),
        ({"threshold": "much"}, "threshold must be a number, not 'much'"),
        ({"threshold": [0.5]}, r"threshold must be a number, not \[0.5\]"),
        ({"network_file": 5}, "network_file must be text, not 5"),
        ({"network_file": "a\0b"}, "network_file must be text"),
        ({"classes": "person"}, "classes must be a list of names, not 'person'"),
        ({"classes": [1]}, r"classes must be a list of names, not \[1\]"),
        ({"temporal_filter": 3}, "temporal_filter must be an object of settings"),
        ({"temporal_filter": {"factor": 1.5}}, "temporal_filter.factor must be a number from 0"),
        ({"temporal_filter": {"tolerance": -1}}, "tolerance must be a number from 0, not -1"),
        ({"save_input_tensor": {}}, "save_input_tensor.filename is missing"),
    ],
)
def test_values_that_make_no_sense_are_named(written, changes, message):
    with pytest.raises(PipelineError, match=message):
        read_rpicam_json(written(detection(**changes)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no JSON file"),
        ("{", "is no JSON file"),
        ("[" * 100_000, "is no JSON file"),
        ("[1]", "expected an object of post-processing stages"),
        ("{}", "must have exactly one of the stages"),
        ('{"imx500_posenet": 3}', "imx500_posenet must be an object of settings"),
        ('{"imx500_posenet": {}, "imx500_posenet": {}}', "'imx500_posenet' stands there twice"),
        (
            '{"imx500_posenet": {}, "imx500_object_detection": {"max_detections": 1}}',
            "it has imx500_object_detection and imx500_posenet",
        ),
    ],
)
def test_files_that_are_something_else_are_refused(written, text, message):
    with pytest.raises(PipelineError, match=message):
        read_rpicam_json(written(text))


def test_bytes_that_are_no_text_are_refused(tmp_path):
    path = tmp_path / "stages.json"
    path.write_bytes(b"\xff\xfe{}")
    with pytest.raises(PipelineError, match="is no JSON file"):
        read_rpicam_json(path)


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_rpicam_json(tmp_path / "missing.json")
