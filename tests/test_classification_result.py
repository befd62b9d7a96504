"""Classification as a result: most confident first, without a place."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

from imx500_native import CoordinateMapper, MissingExtraError
from imx500_native.results import Classification, ClassScore

LABELS = ("cat", "dog", "cow")


def three(**changes):
    columns = {"class_id": [2, 0, 7], "confidence": [0.5, 0.25, 0.125], "labels": LABELS}
    return Classification(**{**columns, **changes})


def test_iteration_gives_plain_python_values():
    rows = list(three())
    assert rows == [
        ClassScore("cow", 0.5, 2),
        ClassScore("cat", 0.25, 0),
        ClassScore(None, 0.125, 7),
    ]
    assert [type(value) for value in rows[0]] == [str, float, int]


def test_columns_have_fixed_types():
    found = three()
    assert (found.class_id.dtype, found.confidence.dtype) == (np.int32, np.float32)
    assert (found.space, found.fresh, len(found)) == ("stream", True, 3)


def test_indexing():
    found = three(fresh=False)
    for index in (0, slice(0, 1), [0], np.array([True, False, False]), found.confidence > 0.3):
        part = found[index]
        assert list(part) == [ClassScore("cow", 0.5, 2)]
        assert (part.labels, part.fresh) == (LABELS, False)
    with pytest.raises(IndexError):
        found[3]


def test_mapping_changes_nothing():
    found = three()
    mapper = CoordinateMapper((0, 0, 4056, 3040), (0, 0, 4056, 3040), (640, 480))
    assert found.mapped(mapper) is found
    assert found.mapped(mapper, outside="drop") is found
    found.move_to(mapper)
    assert list(found) == list(three())


def test_columns_that_do_not_fit():
    with pytest.raises(ValueError, match=r"class_id \(k,\), confidence \(k,\)"):
        three(class_id=[1, 2])
    with pytest.raises(ValueError, match=r"\(1, 3\)"):
        three(confidence=[[0.5, 0.25, 0.125]])


def test_empty():
    nothing = Classification.empty(labels=LABELS, fresh=False)
    assert (len(nothing), list(nothing), nothing.fresh) == (0, [], False)


def test_to_dict_is_ready_for_json():
    made = three().to_dict()
    assert json.loads(json.dumps(made)) == made
    assert made == {
        "fresh": True,
        "classes": [
            {"label": "cow", "confidence": 0.5, "class_id": 2},
            {"label": "cat", "confidence": 0.25, "class_id": 0},
            {"label": None, "confidence": 0.125, "class_id": 7},
        ],
    }


def test_to_supervision_without_the_package_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "supervision", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'imx500-native\[supervision\]'"):
        three().to_supervision()


def test_to_supervision():
    pytest.importorskip("supervision", reason="pip install supervision to test the conversion")
    class_id, confidence = three().to_supervision().get_top_k(2)
    assert class_id.tolist() == [2, 0]
    assert confidence.tolist() == [0.5, 0.25]


def test_repr_says_what_it_is():
    assert repr(three()) == "<Classification: 3 classes>"
    assert "not fresh" in repr(Classification.empty(fresh=False))
