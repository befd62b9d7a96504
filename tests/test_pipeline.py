"""Frames in, results over time out."""

from __future__ import annotations

import numpy as np
import pytest
from oracles.temporal_filter_oracle import ObjectOracle
from oracles.tensor_info_oracle import pack_output_info

from imx500_native import (
    FULL_ROI,
    DecoderError,
    Detections,
    Frame,
    InputSpec,
    MissingContextError,
    Network,
    OutputSpec,
    PipelineError,
    Poses,
    SimulatedCamera,
    TaskError,
)
from imx500_native.filtering import TemporalFilter
from imx500_native.pipeline import Pipeline

SSD = Network.find("ssd_mobilenetv2_fpnlite_320x320_pp")
SIZE = (640, 480)
BOX = (0.25, 0.25, 0.5, 0.75)
PIXELS = [160.0, 120.0, 320.0, 360.0]


def frame(
    *boxes,
    count=None,
    sequence=None,
    tensors=True,
    timestamp_ms=None,
    size=SIZE,
    roi=FULL_ROI,
    classes=None,
    **more,
):
    """A frame with people in the given boxes, x first, of what the network saw."""
    metadata = {"ScalerCrop": (0, 0, 4056, 3040)}
    if timestamp_ms is not None:
        metadata["SensorTimestamp"] = round(timestamp_ms * 1e6)
    if tensors:
        rows = np.zeros((100, 4), np.float32)
        rows[: len(boxes)] = np.reshape(boxes, (-1, 4))[:, [1, 0, 3, 2]]
        scores = np.zeros(100, np.float32)
        scores[: len(boxes)] = 0.75 - np.arange(len(boxes)) / 256
        kinds = np.zeros(100, np.float32)
        kinds[: len(boxes)] = [0] * len(boxes) if classes is None else classes
        parts = (rows, scores, kinds, np.array([len(boxes)], np.float32))
        metadata["CnnOutputTensor"] = np.concatenate([part.ravel(order="F") for part in parts])
        # The older of libcamera's structs has no count.
        metadata["CnnOutputTensorInfo"] = (
            pack_output_info(SSD.output_shapes, length=708)
            if count is None
            else pack_output_info(SSD.output_shapes, frame_count=count)
        )
    return Frame.from_metadata(
        metadata, network=SSD, stream_size=size, roi=roi, sequence=sequence, **more
    )


def bare(**more):
    return frame(tensors=False, **more)


def follow_at_once(**rule):
    return TemporalFilter(**{"hidden_frames": 0, **rule})


def state(pipeline):
    return pipeline.age_frames, pipeline.repeats, pipeline.gaps


def test_a_result_is_placed_in_the_picture():
    pipeline = Pipeline(SSD)
    found = pipeline(frame(BOX))
    assert (found.xyxy.tolist(), found.space, found.fresh) == ([PIXELS], "stream", True)
    assert found.tracker_id is None
    assert next(iter(found)).label == "person"


def test_the_same_as_asking_the_frame():
    pipeline = Pipeline(SSD, threshold=0.4, max_detections=3)
    with SimulatedCamera(SSD, real_time=False, seed=3, frames=40) as camera:
        for one in camera:
            if one.outputs is not None:
                expected = one.detections(0.4, 3)
                assert pipeline(one).to_dict() == expected.to_dict()


def test_a_frame_without_tensors_holds_the_last_result():
    pipeline = Pipeline(SSD)
    pipeline(frame(BOX))
    held = pipeline(bare())
    assert (held.xyxy.tolist(), held.space, held.fresh) == ([PIXELS], "stream", False)
    assert held.labels == SSD.labels


def test_a_frame_without_tensors_is_empty_where_nothing_is_held():
    for pipeline in (
        Pipeline(SSD),
        Pipeline(SSD, hold=False),
        Pipeline(SSD, filter=follow_at_once()),
    ):
        empty = pipeline(bare(size=None, roi=None))
        assert (len(empty), empty.space, empty.fresh) == (0, "stream", False)
        assert state(pipeline) == (None, 0, 0)
    pipeline = Pipeline(SSD, hold=False)
    pipeline(frame(BOX))
    assert len(pipeline(bare())) == 0


def test_what_was_handed_out_may_be_changed():
    pipeline = Pipeline(SSD)
    found = pipeline(frame(BOX))
    found.xyxy = found.xyxy * 2
    held = pipeline(bare())
    held.xyxy = held.xyxy * 2
    assert pipeline(bare()).xyxy.tolist() == [PIXELS]


def test_the_held_result_keeps_its_place_where_the_roi_moves():
    pipeline = Pipeline(SSD)
    pipeline(frame(BOX))
    assert pipeline(bare(roi=(508, 0, 3040, 3040))).xyxy.tolist() == [PIXELS]
    moved = pipeline(frame(BOX, roi=(508, 0, 3040, 3040))).xyxy[0]
    assert moved[0] == pytest.approx((508 + 760) * 640 / 4056, abs=1e-3)


def test_the_age_is_told_in_frames_and_milliseconds():
    pipeline = Pipeline(SSD)
    assert (pipeline.age_frames, pipeline.age_ms) == (None, None)
    pipeline(frame(BOX, sequence=5, timestamp_ms=100))
    assert (pipeline.age_frames, pipeline.age_ms) == (0, 0.0)
    pipeline(bare(sequence=6, timestamp_ms=133.5))
    assert (pipeline.age_frames, pipeline.age_ms) == (1, 33.5)
    pipeline(bare(sequence=9, timestamp_ms=233.5))
    assert (pipeline.age_frames, pipeline.age_ms) == (4, 133.5)
    pipeline(frame(BOX, sequence=10))
    assert (pipeline.age_frames, pipeline.age_ms) == (0, None)


def test_without_sequence_numbers_the_age_counts_calls():
    pipeline = Pipeline(SSD)
    pipeline(frame(BOX))
    ages = []
    for _ in range(3):
        pipeline(bare())
        ages.append((pipeline.age_frames, pipeline.age_ms))
    assert ages == [(1, None), (2, None), (3, None)]


def test_the_same_count_twice_is_a_repeat():
    pipeline = Pipeline(SSD, filter=follow_at_once(visible_frames=1))
    pipeline(frame(BOX, count=7))
    # The tensors say that nobody is there, but they are those that were seen already.
    again = pipeline(frame(count=7))
    assert (again.xyxy.tolist(), again.fresh, pipeline.repeats) == ([PIXELS], False, 1)
    assert len(pipeline(frame(count=8))) == 0
    assert state(pipeline) == (0, 1, 0)


def test_a_repeat_does_not_bring_a_hidden_object_nearer():
    pipeline = Pipeline(SSD, filter=TemporalFilter(hidden_frames=2))
    other = (0.7, 0.1, 0.9, 0.3)
    pipeline(frame(BOX, count=0))
    shown = [len(pipeline(frame(BOX, other, count=count))) for count in (1, 1, 1, 2, 3)]
    assert shown == [1, 1, 1, 1, 2]


def test_a_repeat_is_told_even_where_nothing_is_held():
    pipeline = Pipeline(SSD, hold=False)
    pipeline(frame(BOX, count=7))
    pipeline(bare())
    again = pipeline(frame(BOX, count=7))
    assert (len(again), again.fresh, pipeline.repeats) == (1, False, 1)


def test_after_256_frames_the_same_count_is_no_repeat():
    pipeline = Pipeline(SSD)
    pipeline(frame(BOX, count=7, sequence=1))
    assert pipeline(frame(BOX, count=7, sequence=256)).fresh is False
    assert pipeline(frame(BOX, count=7, sequence=257)).fresh is True


def test_a_frame_that_is_given_twice_is_a_repeat_without_a_count_too():
    pipeline = Pipeline(SSD)
    one = frame(BOX, sequence=4)
    assert [pipeline(one).fresh for _ in range(3)] == [True, False, False]
    assert pipeline.repeats == 2


def test_tensors_without_a_count_are_always_new():
    pipeline = Pipeline(SSD)
    assert [pipeline(frame(BOX)).fresh for _ in range(3)] == [True] * 3
    assert state(pipeline) == (0, 0, 0)


@pytest.mark.parametrize(
    ("counts", "gaps"),
    [([0, 1, 2], 0), ([0, 2, 3], 1), ([254, 255, 0, 1], 0), ([250, 3], 8), ([5, 4], 254)],
)
def test_counts_that_are_passed_over_are_gaps(counts, gaps):
    pipeline = Pipeline(SSD)
    for count in counts:
        pipeline(frame(BOX, count=count))
    assert pipeline.gaps == gaps


def test_frames_without_tensors_explain_counts_that_are_passed_over():
    pipeline = Pipeline(SSD)
    pipeline(frame(BOX, count=0))
    pipeline(bare())
    pipeline(frame(BOX, count=2))
    assert pipeline.gaps == 0
    pipeline(bare())
    pipeline(frame(BOX, count=5))
    assert pipeline.gaps == 1


def test_a_slow_network_has_no_gaps():
    pipeline = Pipeline(SSD)
    with SimulatedCamera(SSD, real_time=False, seed=3, frames=300, frame_rate=60) as camera:
        fresh = [pipeline(one).fresh for one in camera]
    assert 0 < sum(fresh) < 300
    assert (pipeline.gaps, pipeline.repeats) == (0, 0)


def test_a_sequence_that_goes_back_is_a_new_start():
    pipeline = Pipeline(SSD, filter=follow_at_once())
    pipeline(frame(BOX, count=7, sequence=90))
    pipeline(frame(BOX, count=20, sequence=91))
    assert pipeline.gaps == 12
    assert len(pipeline(frame(count=20, sequence=0))) == 0
    assert state(pipeline) == (0, 0, 0)
    pipeline(frame(BOX, count=21, sequence=1))
    assert pipeline(bare(sequence=0)).xyxy.shape == (0, 4)
    assert pipeline.age_frames is None


def test_reset_forgets_everything():
    pipeline = Pipeline(SSD, filter=follow_at_once())
    pipeline(frame(BOX, count=1, timestamp_ms=1))
    pipeline(frame(BOX, count=1, timestamp_ms=2))
    pipeline.reset()
    assert state(pipeline) == (None, 0, 0)
    assert pipeline.age_ms is None
    assert len(pipeline.filter) == 0
    assert len(pipeline(bare())) == 0


def test_objects_are_followed_as_rpicam_does():
    rng = np.random.default_rng(11)
    rule = {"tolerance": 0.1, "factor": 0.2, "visible_frames": 4, "hidden_frames": 2}
    oracle = ObjectOracle(SIZE, **rule)
    pipeline = Pipeline(SSD, filter=TemporalFilter(**rule))
    plain = Pipeline(SSD)
    homes = np.array([BOX, (0.7, 0.1, 0.9, 0.3), (0.0, 0.75, 0.25, 1.0)])
    for count in range(60):
        if rng.random() < 0.2:
            before = len(pipeline(bare()))
            assert before == len(pipeline(bare()))
            continue
        seen = [h + rng.uniform(-0.03, 0.03) for h in homes if rng.random() < 0.6]
        seen_frame = frame(*seen, count=count)
        found = plain(seen_frame)
        expected = oracle(
            list(zip(found.xyxy, found.confidence.tolist(), found.class_id.tolist(), strict=True))
        )
        shown = pipeline(seen_frame)
        assert shown.tracker_id.tolist() == [one.id for one in expected]
        wanted = np.reshape([oracle.box(one) for one in expected], (len(expected), 4))
        np.testing.assert_array_equal(shown.xyxy, wanted)


def test_another_size_of_picture_starts_the_filter_again():
    pipeline = Pipeline(SSD, filter=TemporalFilter(hidden_frames=2))
    pipeline(frame(BOX))
    shown = pipeline(frame(BOX, size=(320, 240)))
    assert shown.xyxy.tolist() == [[value / 2 for value in PIXELS]]
    assert shown.tracker_id.tolist() == [2]


def test_results_in_the_second_picture():
    pipeline = Pipeline(SSD, filter=follow_at_once(), stream="lores")
    shown = pipeline(frame(BOX, lores_size=(320, 240)))
    assert shown.xyxy.tolist() == [[value / 2 for value in PIXELS]]


def test_a_frame_that_was_not_told_enough_is_refused():
    with pytest.raises(MissingContextError, match="roi"):
        Pipeline(SSD)(frame(BOX, roi=None))


def two_points(outputs, network):
    """A network of one's own: two points per person."""
    points = np.array(outputs[0]).reshape(-1, 2, 2)
    return Poses(points, np.ones(points.shape[:2]), np.ones(len(points)))


def test_poses_from_a_function_of_ones_own():
    spec = OutputSpec("points", (1, 4), np.dtype("uint8"), 1 / 64, 0, (0, 1))
    own = Network.from_specs(input=SSD.input, outputs=[spec], task="pose estimation")
    assert isinstance(own.input, InputSpec)
    pipeline = Pipeline(own, filter=follow_at_once(factor=0.5), head=two_points, result=Poses)

    def person(x):
        return Frame.from_metadata(
            {
                "ScalerCrop": FULL_ROI,
                "CnnOutputTensor": np.array([x, 0.25, 0.5, 0.75], np.float32),
                "CnnOutputTensorInfo": pack_output_info([(1, 4)], length=708),
            },
            network=own,
            stream_size=SIZE,
            roi=FULL_ROI,
        )

    pipeline(person(0.25))
    shown = pipeline(person(0.28125))
    assert shown.xy.tolist() == [[[170.0, 120.0], [320.0, 360.0]]]
    assert shown.tracker_id.tolist() == [1]


def test_what_cannot_be_followed_is_refused_at_once():
    own = Network.from_specs(input=SSD.input, outputs=SSD.outputs)

    class Heat:
        task = "segmentation"

    with pytest.raises(TaskError, match="follows objects and poses"):
        Pipeline(own, filter=TemporalFilter(), head=two_points, result=Heat)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"filter": 5}, "filter must be a TemporalFilter or None, not 5"),
        ({"filter": TemporalFilter}, "filter must be a TemporalFilter"),
        ({"stream": "x"}, 'stream must be "main" or "lores", not \'x\''),
        ({"stream": None}, "stream must be"),
    ],
)
def test_what_is_no_filter_or_stream_is_refused_at_once(options, message):
    with pytest.raises(PipelineError, match=message):
        Pipeline(SSD, **options)


@pytest.mark.parametrize("other", [None, {}, (np.zeros(3),)])
def test_what_is_no_frame_is_refused(other):
    kind = type(other).__name__
    with pytest.raises(PipelineError, match=rf"takes a Frame, .*from_metadata.*, not {kind}$"):
        Pipeline(SSD)(other)


def test_a_parameter_that_the_head_does_not_take_is_refused():
    with pytest.raises(DecoderError, match="takes no size"):
        Pipeline(SSD, size=3)


def test_the_head_may_be_named():
    assert Pipeline(SSD, head="on_sensor").decoder.head == "on_sensor"


def test_repr_says_what_it_does():
    text = repr(Pipeline(SSD, filter=TemporalFilter()))
    assert text.startswith("<Pipeline on_sensor of ssd_mobilenetv2_fpnlite_320x320_pp, Temporal")


def test_detections_keep_their_type():
    assert isinstance(Pipeline(SSD)(frame(BOX)), Detections)
