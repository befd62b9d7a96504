"""Intrinsics: every answer below is what picamera2 0.3.38 gives, unless the test says otherwise."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imx500_native import IntrinsicsError
from imx500_native.intrinsics import NetworkIntrinsics

FULL = {
    "task": "object detection",
    "inference_rate": 23,
    "cpu": {
        "bbox_normalization": True,
        "bbox_order": "xy",
        "softmax": True,
        "post_processing": "nanodet",
    },
    "input_aspect_ratio": {"width": 4, "height": 4},
    "classes": {"labels": ["a", "-"], "ignore_undefined": True},
    "vendor": [1, {"x": None}],
}
ATTRIBUTES = {
    "task": "object detection",
    "inference_rate": 23,
    "bbox_normalization": True,
    "bbox_order": "xy",
    "softmax": True,
    "postprocess": "nanodet",
    "preserve_aspect_ratio": True,
    "labels": ["a", "-"],
    "ignore_dash_labels": True,
}


@pytest.mark.parametrize("values", [None, {}])
def test_empty(values):
    intrinsics = NetworkIntrinsics(values)
    assert intrinsics.intrinsics == values
    assert [getattr(intrinsics, name) for name in ATTRIBUTES] == [None] * len(ATTRIBUTES)
    assert (repr(intrinsics), str(intrinsics)) == ("", "")


def test_full():
    intrinsics = NetworkIntrinsics(FULL)
    assert {name: getattr(intrinsics, name) for name in ATTRIBUTES} == ATTRIBUTES
    assert repr(intrinsics) == str(intrinsics) == json.dumps(FULL)


def test_values_are_copied():
    # picamera2 goes on using the caller's dict.
    values = {"classes": {"labels": ["a"]}}
    intrinsics = NetworkIntrinsics(values)
    values["classes"]["labels"].append("b")
    assert intrinsics.labels == ["a"]
    intrinsics.intrinsics = values
    values["classes"]["labels"].append("c")
    assert intrinsics.labels == ["a", "b"]
    labels = ["x"]
    intrinsics.labels = labels
    labels.append("y")
    assert intrinsics.labels == ["x"]


@pytest.mark.parametrize(("ratio", "expected"), [((1, 1), True), ((4, 3), False), ((2.0, 2), True)])
def test_aspect_ratio_means_a_square(ratio, expected):
    width, height = ratio
    values = {"input_aspect_ratio": {"width": width, "height": height}}
    assert NetworkIntrinsics(values).preserve_aspect_ratio is expected


@pytest.mark.parametrize(
    ("start", "name", "value", "expected"),
    [
        (None, "task", "segmentation", '{"task": "segmentation"}'),
        ({"x": 1}, "task", "segmentation", '{"x": 1, "task": "segmentation"}'),
        (None, "inference_rate", 0, '{"inference_rate": 0}'),
        (None, "inference_rate", -1, ""),
        ({"inference_rate": 5, "x": 1}, "inference_rate", -0.5, '{"x": 1}'),
        ({"inference_rate": 5, "x": 1}, "inference_rate", 7.5, '{"inference_rate": 7.5, "x": 1}'),
        (None, "softmax", None, ""),
        (None, "softmax", False, ""),
        (None, "softmax", True, '{"cpu": {"softmax": true}}'),
        ({"cpu": {"softmax": True}}, "softmax", None, '{"cpu": {"softmax": true}}'),
        ({"cpu": {"softmax": True}}, "softmax", False, ""),
        ({"cpu": {"softmax": True}}, "softmax", 0, ""),
        ({"cpu": {}, "x": 1}, "softmax", False, '{"x": 1}'),
        ({"cpu": {}}, "softmax", None, '{"cpu": {}}'),
        (
            {"cpu": {"softmax": True, "k": 2}},
            "bbox_normalization",
            True,
            '{"cpu": {"softmax": true, "k": 2, "bbox_normalization": true}}',
        ),
        (
            {"cpu": {"softmax": True, "bbox_normalization": False}},
            "bbox_normalization",
            False,
            '{"cpu": {"softmax": true}}',
        ),
        (None, "bbox_order", "yx", '{"cpu": {"bbox_order": "yx"}}'),
        (None, "postprocess", "nanodet", '{"cpu": {"post_processing": "nanodet"}}'),
        ({"cpu": {"post_processing": "x"}}, "postprocess", "", ""),
        (None, "postprocess", "", ""),
        (
            None,
            "preserve_aspect_ratio",
            True,
            '{"input_aspect_ratio": {"width": 1, "height": 1}}',
        ),
        ({"input_aspect_ratio": {"width": 4, "height": 3}}, "preserve_aspect_ratio", False, ""),
        (
            {"input_aspect_ratio": {"width": 4, "height": 3}},
            "preserve_aspect_ratio",
            None,
            '{"input_aspect_ratio": {"width": 4, "height": 3}}',
        ),
        (None, "preserve_aspect_ratio", False, ""),
        (None, "labels", ["a"], '{"classes": {"labels": ["a"]}}'),
        ({"classes": {"labels": ["a"]}, "x": 1}, "labels", [], '{"x": 1}'),
        ({"classes": {"labels": ["a"]}, "x": 1}, "labels", (), '{"x": 1}'),
        (None, "labels", [], ""),
        (
            {"classes": {"labels": ["a"]}},
            "ignore_dash_labels",
            True,
            '{"classes": {"labels": ["a"], "ignore_undefined": true}}',
        ),
        ({"classes": {"ignore_undefined": True}}, "ignore_dash_labels", False, ""),
        (
            {"classes": {"ignore_undefined": True}},
            "labels",
            [],
            '{"classes": {"ignore_undefined": true}}',
        ),
    ],
)
def test_setting(start, name, value, expected):
    intrinsics = NetworkIntrinsics(start)
    setattr(intrinsics, name, value)
    assert repr(intrinsics) == expected


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (None, '{"inference_rate": 30.0}'),
        ({}, '{"inference_rate": 30.0}'),
        ({"task": "segmentation"}, '{"inference_rate": 30.0, "task": "segmentation"}'),
        ({"inference_rate": 5, "x": 1}, '{"inference_rate": 5, "x": 1}'),
        ({"x": 1, "inference_rate": 5}, '{"inference_rate": 5, "x": 1}'),
    ],
)
def test_defaults(start, expected):
    intrinsics = NetworkIntrinsics(start)
    intrinsics.update_with_defaults()
    assert repr(intrinsics) == expected


def test_old_name_of_the_rate():
    # picamera2's demos ask hasattr for every option, "fps" among them: a warning would be shown.
    intrinsics = NetworkIntrinsics(val={"inference_rate": 5})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert intrinsics.fps == 5
        intrinsics.fps = 6
    assert intrinsics.inference_rate == 6


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([], r"\(all\): expected an object \(dict\), got \[\]"),
        ({"task": "detection"}, "field task: expected one of .*, got 'detection'"),
        ({"task": None}, "field task: .* got None"),
        ({"inference_rate": "30"}, "inference_rate: expected a finite number of at least 0"),
        ({"inference_rate": True}, "inference_rate"),
        ({"inference_rate": -1}, "inference_rate"),
        ({"inference_rate": 10**400}, "inference_rate"),
        ({"cpu": []}, r"field cpu: expected an object \(dict\), got \[\]"),
        ({"cpu": {"softmax": 1}}, "field cpu.softmax: expected true or false, got 1"),
        ({"cpu": {"bbox_normalization": "yes"}}, "field cpu.bbox_normalization: .* got 'yes'"),
        ({"cpu": {"bbox_order": "zx"}}, "field cpu.bbox_order: expected one of 'xy', 'yx'"),
        ({"cpu": {"post_processing": 1}}, "field cpu.post_processing: expected a text, got 1"),
        ({"input_aspect_ratio": 1}, "field input_aspect_ratio: expected an object"),
        ({"input_aspect_ratio": {"width": 1}}, "field input_aspect_ratio.height: .* missing"),
        ({"input_aspect_ratio": {"width": 0, "height": 1}}, "ratio.width: .* above 0, got 0"),
        ({"input_aspect_ratio": {"width": 1, "height": 1.5}}, "ratio.height: .* whole number"),
        ({"input_aspect_ratio": {"width": True, "height": 1}}, "ratio.width: .* got True"),
        ({"classes": None}, "field classes: expected an object"),
        ({"classes": {"labels": ("a",)}}, r"classes.labels: expected a list of texts, got \('a',"),
        ({"classes": {"labels": ["a", 1]}}, r"classes.labels\[1\]: expected a text, got 1"),
        ({"classes": {"ignore_undefined": 0}}, "classes.ignore_undefined: expected true or false"),
    ],
)
def test_refused_values(values, message):
    with pytest.raises(IntrinsicsError, match=message):
        NetworkIntrinsics(values)
    intrinsics = NetworkIntrinsics({"task": "segmentation"})
    with pytest.raises(IntrinsicsError, match=message):
        intrinsics.intrinsics = values
    assert intrinsics.task == "segmentation"


@pytest.mark.parametrize("rate", [float("nan"), float("inf")])
def test_rates_that_json_cannot_express_are_refused(rate):
    # picamera2 accepts them, and then writes a file that is not JSON.
    with pytest.raises(IntrinsicsError, match="finite"):
        NetworkIntrinsics({"inference_rate": rate})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("intrinsics", None),
        ("task", None),
        ("task", "x"),
        ("inference_rate", None),
        ("inference_rate", "x"),
        ("bbox_normalization", "yes"),
        ("softmax", 1),
        ("bbox_order", None),
        ("bbox_order", ""),
        ("postprocess", None),
        ("labels", None),
        ("labels", "abc"),
        ("labels", [1]),
        ("labels", np.array(["a"])),
        ("ignore_dash_labels", 2),
    ],
)
def test_refused_setting_changes_nothing(name, value):
    # picamera2 refuses the same, with various exceptions.
    intrinsics = NetworkIntrinsics(FULL)
    with pytest.raises(IntrinsicsError):
        setattr(intrinsics, name, value)
    assert intrinsics.intrinsics == FULL


def test_endless_nesting_is_refused():
    values: dict[str, object] = {}
    innermost = values
    for _ in range(100_000):
        innermost["x"] = innermost = {}
    with pytest.raises(IntrinsicsError, match="levels of nesting"):
        NetworkIntrinsics(values)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from([*FULL, "other"]), json_values))
def test_any_json_is_kept_or_refused(values):
    try:
        intrinsics = NetworkIntrinsics(values)
    except IntrinsicsError:
        return
    assert intrinsics.intrinsics == values
    assert repr(intrinsics) == (json.dumps(values) if values else "")
