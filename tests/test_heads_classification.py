"""Ranked classes against a reference in Python floats, and against the peers' own code."""

from __future__ import annotations

import math
import threading

import numpy as np
import peers
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from oracles import classification_oracle as oracle

from imx500_native import (
    Decoder,
    DecoderError,
    Frame,
    InputSpec,
    Network,
    NetworkIntrinsics,
    OutputSpec,
    TaskError,
)
from imx500_native.heads.classification import ClassificationHead, has_logits

any_float = st.floats(width=32, allow_nan=True, allow_infinity=True)
# Steps of an eighth, as networks send them, are full of ties.
logit = st.one_of(st.integers(-128, 127).map(lambda step: step / 8), any_float)


def network(classes=1000, *, scale=0.125, dtype="i1", task="classification", **more):
    spec = OutputSpec("scores", (classes,), np.dtype(dtype), scale)
    return Network.from_specs(input=InputSpec(224, 224), outputs=[spec], task=task, **more)


def ranked(scores, **options):
    scores = np.asarray(scores, np.float32)
    return Decoder.for_network(network(scores.size), **options)((scores,))


@given(
    scores=hnp.arrays(np.float32, st.integers(1, 200), elements=logit),
    softmax=st.booleans(),
    threshold=st.sampled_from([0.0, 0.01, 0.3, 0.9]),
    limit=st.sampled_from([0, 1, 5, 63, 64, 65, 300]),
)
def test_any_scores(scores, softmax, threshold, limit):
    # Compared with scores in single precision, which 0.01 is not.
    threshold = float(np.float32(threshold))
    whole = oracle.ranked(scores.tolist(), softmax=softmax, threshold=0.0, limit=None)
    if softmax:
        assume(all(not math.isclose(share, threshold, rel_tol=1e-5) for _, share in whole))
    # A softmax underflows in float32 where it does not in Python's floats.
    expected = oracle.ranked(scores.tolist(), softmax=softmax, threshold=threshold, limit=limit)
    found = ranked(scores, softmax=softmax, threshold=threshold, max_detections=limit)
    assert found.class_id.tolist() == [class_id for class_id, _ in expected]
    confidences = [share for _, share in expected]
    if softmax:
        np.testing.assert_allclose(found.confidence, confidences, rtol=1e-6, atol=1e-37)
    else:
        np.testing.assert_array_equal(found.confidence, np.array(confidences, np.float32))


@pytest.mark.parametrize("limit", [5, 64, 65, 1000])
def test_a_thousand_quantised_logits(limit):
    rng = np.random.default_rng(1)
    for _ in range(50):
        scores = (rng.integers(-128, 128, 1000) / 16).astype(np.float32)
        found = ranked(scores, max_detections=limit)
        expected = oracle.ranked(scores.tolist(), softmax=True, threshold=0.0, limit=limit)
        assert found.class_id.tolist() == [class_id for class_id, _ in expected]
        np.testing.assert_allclose(
            found.confidence, [share for _, share in expected], rtol=1e-6, atol=0
        )


def test_the_exponential_is_within_one_unit_in_the_last_place():
    # Beside a logit of 0, one of x < -17 has e^x as its share, for the sum rounds to 1.
    logits = np.linspace(-87.3, -17.5, 20001).astype(np.float32)
    shares = np.array(
        [ranked([0.0, x], softmax=True).confidence[1] for x in logits], dtype=np.float64
    )
    exact = np.exp(logits.astype(np.float64))
    units = np.abs(shares - exact) / np.spacing(exact.astype(np.float32))
    assert units.max() <= 1


def test_far_below_the_best_is_zero():
    found = ranked([0.0, -87.0, -88.0, -1e30, -np.inf], softmax=True)
    assert found.class_id.tolist() == [0, 1, 2, 3, 4]
    assert found.confidence[1] > 0
    assert found.confidence[2:].tolist() == [0, 0, 0]


def test_nan_counts_for_nothing():
    found = ranked([np.nan, 1.0, np.nan, 1.0], softmax=True)
    assert list(zip(found.class_id, found.confidence, strict=True)) == [(1, 0.5), (3, 0.5)]
    assert len(ranked([np.nan] * 3, softmax=True)) == 0
    assert ranked([np.nan, 0.25], softmax=False).class_id.tolist() == [1]


def test_infinite_logits_share_everything():
    found = ranked([np.inf, 5.0, np.inf, np.nan, -np.inf], softmax=True)
    assert found.class_id.tolist() == [0, 2, 1, 4]
    assert found.confidence.tolist() == [0.5, 0.5, 0, 0]
    assert len(ranked([-np.inf, -np.inf], softmax=True)) == 0


@pytest.mark.parametrize("limit", [1, 3, 200])
def test_an_infinite_score_that_is_no_logit_is_none(limit):
    scores = np.full(100, np.inf)
    scores[[7, 50, 99]] = 0.25, 0.5, 0.125
    scores[[8, 9]] = np.nan, -np.inf
    found = ranked(scores, softmax=False, max_detections=limit)
    assert found.class_id.tolist() == [50, 7, 99][:limit]
    assert found.confidence.tolist() == [0.5, 0.25, 0.125][:limit]
    assert len(ranked([np.inf] * 3, softmax=False)) == 0


@pytest.mark.parametrize("limit", [3, 200])
def test_ties_are_in_the_order_of_their_class_ids(limit):
    scores = np.zeros(200, np.float32)
    scores[150] = 1.0
    found = ranked(scores, max_detections=limit)
    assert found.class_id.tolist()[:3] == [150, 0, 1]
    assert len(found) == limit


def test_five_by_default():
    assert len(ranked(np.arange(100) / 8)) == 5


@pytest.mark.parametrize("limit", [5, 1000])
def test_a_threshold_keeps_what_equals_it(limit):
    found = ranked([0.0] * 4, threshold=0.25, max_detections=limit)
    assert len(found) == 4
    assert len(ranked([0.0] * 4, threshold=np.nextafter(0.25, 1), max_detections=limit)) == 4
    assert len(ranked([0.0] * 4, threshold=0.2501, max_detections=limit)) == 0


@pytest.mark.parametrize("view", ["reversed", "float64", "(1, n)", "(1, 1, n)", "(n, 1)"])
def test_any_strides_and_lone_dimensions(view):
    scores = (np.random.default_rng(2).integers(-128, 128, 300) / 8).astype(np.float32)
    views = {
        "reversed": scores[::-1].copy()[::-1],
        "float64": scores.astype(np.float64),
        "(1, n)": scores[None],
        "(1, 1, n)": scores[None, None],
        "(n, 1)": scores[:, None],
    }
    expected = ranked(scores)
    found = Decoder.for_network(network(300))((views[view],))
    np.testing.assert_array_equal(found.class_id, expected.class_id)
    np.testing.assert_array_equal(found.confidence, expected.confidence)


@pytest.mark.parametrize(
    ("name", "logits"),
    [
        ("mobilenet_v2", False),
        ("mobilevit_xs", True),
        ("mobilevit_xxs", True),
        ("regnetx_002", True),
        ("regnety_002", True),
        # These have logits, and intrinsics that do not say so.
        ("shufflenet_v2_x1_5", True),
        ("squeezenet1.0", True),
    ],
)
def test_which_networks_of_the_zoo_leave_the_softmax_to_us(name, logits):
    classifier = Network.find(name)
    decoder = Decoder.for_network(classifier)
    assert (decoder.head, has_logits(classifier)) == ("classification", logits)
    spec = classifier.outputs[0]
    low, high = spec.value_range
    scores = spec.quantized(np.random.default_rng(3).uniform(low, high - spec.scale, 1000))
    scores[scores == high] -= spec.scale
    scores[[3, 7]] = high
    found = decoder((scores,))
    assert (found.class_id[:2].tolist(), len(found)) == ([3, 7], 5)
    first, _ = list(found)[:2]
    assert first.label.startswith("4:")
    assert (found.confidence >= 0).all()
    assert (found.confidence <= 1).all()
    assert found.confidence[0] == found.confidence[1]


def test_the_intrinsics_and_the_user_have_the_last_word():
    probabilities = {"scale": 1 / 256, "dtype": "u1"}
    assert not has_logits(network(**probabilities))
    says = NetworkIntrinsics({"task": "classification", "cpu": {"softmax": True}})
    assert has_logits(network(**probabilities, intrinsics=says))
    assert ClassificationHead(network(), softmax=False).softmax is False
    assert ClassificationHead(network(**probabilities), softmax=True).softmax is True


@pytest.mark.parametrize(
    ("classes", "labels", "first", "last"),
    [
        (1000, 1000, "0", "999"),
        (1001, 1001, "0", "1000"),
        (1001, 1000, "background", "999"),
        # Labels of one's own that do not fit are taken as they are.
        (5, 3, "0", None),
        (5, 4, "0", None),
        (5, 9, "0", "4"),
        (5, 0, None, None),
    ],
)
def test_labels_that_fit_and_that_do_not(classes, labels, first, last):
    made = network(classes, labels=[str(i) for i in range(labels)])
    scores = np.zeros(classes, np.float32)
    scores[0], scores[-1] = 3, 2
    names = [score.label for score in Decoder.for_network(made)((scores,))]
    assert names[:2] == [first, last]


def test_a_label_for_the_background_that_the_outputs_lack():
    own = {"task": "classification", "classes": {"labels": ["background", "cat", "dog"]}}
    made = network(2, task=None, intrinsics=NetworkIntrinsics(own))
    assert next(iter(Decoder.for_network(made)((np.array([0, 1], np.float32),)))).label == "dog"


@pytest.mark.parametrize(
    ("classes", "more", "fits"),
    [
        (10, {}, True),
        (10, {"task": "segmentation"}, False),
        (10, {"task": None}, False),
        (10, {"task": None, "labels": ["a"] * 10}, True),
        (10, {"task": None, "labels": ["a"] * 8}, False),
        (1001, {"task": None, "labels": ["a"] * 1000}, True),
    ],
)
def test_which_networks_fit(classes, more, fits):
    assert ClassificationHead.fits(network(classes, **more)) is fits


def test_ten_numbers_without_a_meaning_are_no_classes():
    with pytest.raises(TaskError, match=r"\(10,\)"):
        Decoder.for_network(Network.find("inputtensoronly"))


@pytest.mark.parametrize("shapes", [[(10, 10)], [(10,), (10,)], [], [()]])
def test_wrong_shapes_show_both(shapes):
    decoder = Decoder.for_network(network(10))
    with pytest.raises(DecoderError, match=r"\(classes,\)") as caught:
        decoder(tuple(np.zeros(shape, np.float32) for shape in shapes))
    assert all(str(shape) in str(caught.value) for shape in shapes)


def test_a_named_head_refuses_a_network_that_it_cannot_read():
    with pytest.raises(DecoderError, match=r"\(classes,\).*\(320, 320\)"):
        Decoder.for_network(Network.find("deeplabv3plus"), head="classification")


@pytest.mark.parametrize(
    "options",
    [{"softmax": 1}, {"threshold": "high"}, {"max_detections": -1}, {"max_detections": 2.5}],
)
def test_options_that_are_not_allowed(options):
    with pytest.raises(DecoderError, match=next(iter(options))):
        Decoder.for_network(network(), **options)


def test_without_tensors():
    decoder = Decoder.for_network(Network.find("mobilenet_v2"))
    nothing = decoder(None)
    assert (len(nothing), nothing.fresh, nothing.labels) == (0, False, decoder.labels)


def test_decoders_in_eight_threads_agree_with_one():
    classifier = network(20000)
    rng = np.random.default_rng(4)
    rows = [(rng.integers(-128, 128, 20000) / 8).astype(np.float32) for _ in range(8)]
    shared = Decoder.for_network(classifier, max_detections=100)
    expected = [shared((row,)).class_id for row in rows]
    wrong = []

    def run(row, ids):
        own = Decoder.for_network(classifier, max_detections=100)
        for decoder in (own, shared) * 20:
            if not np.array_equal(decoder((row,)).class_id, ids):
                wrong.append(row)

    threads = [threading.Thread(target=run, args=pair) for pair in zip(rows, expected, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_frame_needs_no_place_for_its_classes():
    scores = np.zeros(1000, np.float32)
    scores[281] = 0.75
    frame = Frame.from_metadata(
        {"CnnOutputTensor": scores.tobytes()}, network=Network.find("mobilenet_v2")
    )
    best = next(iter(frame.classification()))
    assert (best.class_id, best.confidence) == (281, 0.75)
    assert "tabby" in best.label


@pytest.fixture(scope="module")
def picamera2_softmax():
    try:
        return peers.picamera2_module("postprocess").softmax
    except peers.PeerMissingError as error:
        pytest.skip(str(error))


def distinct_logits(rng, classes=1000):
    return (rng.permutation(classes) / 64 - 8).astype(np.float32)


def test_picamera2s_softmax_and_best_five(picamera2_softmax):
    rng = np.random.default_rng(5)
    for _ in range(20):
        scores = distinct_logits(rng)
        theirs = picamera2_softmax(scores)
        best = np.argpartition(-theirs, 5)[:5]
        best = best[np.argsort(-theirs[best])]
        found = ranked(scores)
        assert found.class_id.tolist() == best.tolist()
        np.testing.assert_allclose(found.confidence, theirs[best], rtol=1e-6)


def test_picamera2s_softmax_is_nan_everywhere_for_one_nan(picamera2_softmax):
    scores = np.array([1, np.nan, 2], np.float32)
    assert np.isnan(picamera2_softmax(scores)).all()
    assert ranked(scores).class_id.tolist() == [2, 0]


def test_picamera2s_best_five_have_no_order_among_ties():
    scores = np.zeros(1000, np.float32)
    assert ranked(scores).class_id.tolist() == [0, 1, 2, 3, 4]
    assert len(np.argpartition(-scores, 5)[:5]) == 5


@pytest.mark.parametrize("name", ["pp_cls_softmax", "pp_cls"])
def test_modlibs_whole_order(name):
    try:
        function = peers.modlib_post_processor(name)
    except peers.PeerMissingError as error:
        pytest.skip(str(error))
    scores = distinct_logits(np.random.default_rng(6))
    # Where it makes no difference: without the softmax, what is below 0 is below every threshold.
    scores -= scores.min()
    theirs = function([scores])
    found = ranked(scores, softmax=name == "pp_cls_softmax", max_detections=1000)
    assert found.class_id.tolist() == theirs.class_id.tolist()
    np.testing.assert_allclose(found.confidence, theirs.confidence, rtol=1e-6)
