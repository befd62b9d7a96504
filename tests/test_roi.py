"""Regions of interest: what the control takes and gives, libcamera's rounding, and history."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imx500_native.errors import GeometryError
from imx500_native.geometry import FULL_ROI
from imx500_native.roi import (
    UNCERTAIN_AFTER_NS,
    UNCERTAIN_BEFORE_NS,
    RoiHistory,
    roi_of_words,
    roi_words,
)

A, B, C = (0, 0, 10, 10), (1, 1, 20, 20), (2, 2, 30, 30)
SECOND = 1_000_000_000


def test_the_only_one_is_known_until_there_is_another():
    history = RoiHistory(A, SECOND)
    assert history.constant == history.latest == A
    history.changed(A, 2 * SECOND, 2 * SECOND)
    history.confirmed(A, 3 * SECOND)
    assert history.constant == history.latest == A
    history.failed(4 * SECOND)
    assert (history.constant, history.latest) == (None, A)
    history.changed(B, 5 * SECOND, 5 * SECOND)
    assert (history.constant, history.latest) == (None, B)


def test_what_the_control_takes():
    assert roi_words(None) == (0, 0, 0, 0)
    assert roi_words((508, 0, 3040, 3040)) == (508, 0, 3040, 3040)
    # Cutting it is the control's business.
    assert roi_words(FULL_ROI) == (0, 0, 4056, 3040)


@pytest.mark.parametrize(
    ("roi", "complaint"),
    [
        ((0, 0, 0, 10), "must have an area"),
        ((0, 0, 10, -1), "must have an area"),
        ((-1, 0, 10, 10), "must lie on the sensor"),
        ((0, -1, 10, 10), "must lie on the sensor"),
        ((4050, 0, 7, 10), "must lie on the sensor"),
        ((0, 3031, 10, 10), "must lie on the sensor"),
        ((0, 0, 10.5, 10), "four integers"),
        ((0, 0, 10), "four integers"),
        ("1234567", "four integers"),
    ],
)
def test_what_is_no_region(roi, complaint):
    with pytest.raises(GeometryError, match=complaint):
        roi_words(roi)


@pytest.mark.parametrize(
    ("words", "roi"),
    [
        ((0, 0, 0, 0), FULL_ROI),
        ((7, 8, 0, 9), FULL_ROI),
        ((7, 8, 9, 0), FULL_ROI),
        ((508, 0, 3040, 3040), (508, 0, 3040, 3040)),
        # Each by itself, as the driver does.
        ((4032, 4032, 4032, 4032), (4032, 3040, 4032, 3040)),
    ],
)
def test_what_the_driver_makes_of_it(words, roi):
    assert roi_of_words(words) == roi


def test_a_change_is_uncertain_for_a_while():
    history = RoiHistory(A, 0)
    began, ended = 10 * SECOND, 10 * SECOND + 5
    history.changed(B, began, ended)
    assert history.at(-1) == (A, True)
    assert history.at(0) == (A, False)
    assert history.at(began - UNCERTAIN_BEFORE_NS - 1) == (A, False)
    assert history.at(began - UNCERTAIN_BEFORE_NS) == (A, True)
    assert history.at(ended - 1) == (A, True)
    assert history.at(ended) == (B, True)
    assert history.at(ended + UNCERTAIN_AFTER_NS - 1) == (B, True)
    assert history.at(ended + UNCERTAIN_AFTER_NS) == (B, False)


def test_setting_the_same_again_changes_nothing():
    history = RoiHistory(A, 0)
    history.changed(A, 10 * SECOND, 10 * SECOND + 5)
    assert history.at(10 * SECOND) == (A, False)


def test_a_change_that_failed_is_uncertain_until_the_next():
    history = RoiHistory(A, 0)
    history.failed(10 * SECOND)
    history.failed(11 * SECOND)
    assert history.at(9 * SECOND) == (A, False)
    assert history.at(10**6 * SECOND) == (A, True)
    history.changed(A, 20 * SECOND, 20 * SECOND + 5)
    assert history.at(15 * SECOND) == (A, True)
    assert history.at(21 * SECOND) == (A, False)


def test_what_another_program_set_is_uncertain_since_the_last_look():
    history = RoiHistory(A, 0)
    history.confirmed(A, 5 * SECOND)
    history.confirmed(B, 10 * SECOND)
    assert history.at(4 * SECOND) == (A, False)
    assert history.at(6 * SECOND) == (A, True)
    assert history.at(10 * SECOND) == (B, True)
    assert history.at(11 * SECOND) == (B, False)


def test_an_endless_history_forgets_its_beginning():
    history = RoiHistory(A, 0)
    for second in range(1, 201):
        history.changed((second, 0, 10, 10), second * SECOND, second * SECOND)
    assert history.at(200 * SECOND + UNCERTAIN_AFTER_NS) == ((200, 0, 10, 10), False)
    assert history.at(150 * SECOND + UNCERTAIN_AFTER_NS) == ((150, 0, 10, 10), False)
    assert history.at(1 * SECOND)[1]
    assert len(history._changes) == 64


@given(
    gaps=st.lists(
        st.tuples(st.integers(0, 10**9), st.integers(0, 10**8), st.sampled_from([A, B, C])),
        max_size=8,
    ),
    asked=st.integers(-(10**9), 10 * 10**9),
)
def test_a_certain_answer_is_right_wherever_the_change_took_effect(gaps, asked):
    """A certain frame saw the ROI, whenever within its bounds the sensor took each change over."""
    history = RoiHistory(A, 0)
    changes, now, last = [], 0, A
    for gap, duration, roi in gaps:
        began, ended = now + gap, now + gap + duration
        history.changed(roi, began, ended)
        if roi != last:
            changes.append((began, ended, roi))
        now, last = ended, roi
    roi, uncertain = history.at(asked)
    if uncertain:
        assert asked < 0 or any(
            began - UNCERTAIN_BEFORE_NS <= asked < ended + UNCERTAIN_AFTER_NS
            for began, ended, _ in changes
        )
        return
    early, late = A, A
    for began, ended, changed in changes:
        if asked >= began - UNCERTAIN_BEFORE_NS:
            early = changed
        if asked >= ended + UNCERTAIN_AFTER_NS:
            late = changed
    assert roi == early == late
