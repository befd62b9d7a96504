"""Class maps against a reference that goes pixel by pixel, and against the peers' own code."""

from __future__ import annotations

import threading

import numpy as np
import peers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from oracles import segmentation_oracle as oracle

from imx500_native import Decoder, DecoderError, Frame, InputSpec, Network, OutputSpec
from imx500_native.heads.segmentation import SegmentationHead

any_float = st.floats(width=32, allow_nan=True, allow_infinity=True)
class_number = st.one_of(st.integers(-2, 21).map(float), st.floats(-2, 40000, width=32), any_float)
# Beside small sizes, those about the tiles in which a map is turned.
sides = st.one_of(st.integers(1, 9), st.sampled_from([31, 32, 33, 64, 65]))


def network(shape, *, size=(64, 64), scale=1.0, dtype="i2", **more):
    spec = OutputSpec("map", shape, np.dtype(dtype), scale)
    return Network.from_specs(input=InputSpec(*size), outputs=[spec], **more)


def map_of(tensor, **options):
    tensor = np.asarray(tensor, np.float32)
    made = network(tensor.shape, task="segmentation")
    return Decoder.for_network(made, **options)((tensor,)).class_map


def structured(rng, shape, classes=21):
    """Return a map of rectangles, as a float32 tensor in libcamera's order."""
    tensor = np.zeros(shape, np.float32, order="F")
    for _ in range(5):
        (top, left), (height, width) = rng.integers(0, shape), rng.integers(1, shape)
        tensor[top : top + height, left : left + width] = rng.integers(0, classes)
    return tensor


@given(data=st.data())
def test_class_ids_of_any_floats(data):
    shape = data.draw(st.tuples(sides, sides))
    tensor = data.draw(hnp.arrays(np.float32, shape, elements=class_number, fill=class_number))
    found = map_of(np.asfortranarray(tensor))
    assert (found.dtype, found.flags.c_contiguous) == (np.int16, True)
    np.testing.assert_array_equal(found, oracle.class_map(tensor))


@given(data=st.data(), order=st.sampled_from("FC"))
def test_the_best_of_any_scores(data, order):
    shape = data.draw(st.tuples(sides, sides, st.integers(2, 5)))
    values = st.one_of(st.integers(-2, 2).map(float), any_float)
    scores = data.draw(hnp.arrays(np.float32, shape, elements=values, fill=values))
    expected = oracle.best_class_map(scores)
    last = np.asarray(scores, order=order)
    np.testing.assert_array_equal(map_of(last, classes_first=False), expected)
    first = np.asarray(np.moveaxis(scores, 2, 0), order=order)
    np.testing.assert_array_equal(map_of(first, classes_first=True), expected)


@pytest.mark.parametrize("shape", [(300, 270), (257, 3), (1, 600)])
def test_the_best_of_random_scores_on_larger_maps(shape):
    scores = np.random.default_rng(1).standard_normal((*shape, 21), dtype=np.float32)
    expected = scores.argmax(axis=2)
    np.testing.assert_array_equal(map_of(scores, classes_first=False), expected)
    np.testing.assert_array_equal(map_of(np.moveaxis(scores, 2, 0), classes_first=True), expected)


def test_the_first_dimension_is_the_row():
    tensor = np.zeros((4, 6), np.float32, order="F")
    tensor[1, 5] = 3
    # As libcamera sends it: the columns one after another.
    assert tensor.ravel(order="K").tolist().index(3) == 5 * 4 + 1
    found = Decoder.for_network(network((4, 6), task="segmentation"))((tensor,))
    (region,) = found
    assert region.xyxy == pytest.approx((5 / 6, 1 / 4, 1, 2 / 4))


def test_values_that_are_no_class_ids():
    row = [np.nan, np.inf, -np.inf, -1, -0.5, 2.75, 32767, 32768, 1e30]
    assert map_of([row]).tolist() == [[-1, -1, -1, -1, 0, 2, 32767, -1, -1]]


def test_the_first_of_equal_scores_wins_and_nan_never_does():
    pixels = [[1, 1, 0], [np.nan, 0, 0], [-np.inf, np.nan, np.nan], [0, np.inf, np.inf]]
    scores = np.array([pixels], np.float32)
    assert map_of(scores, classes_first=False).tolist() == [[0, 1, -1, 1]]


@pytest.mark.parametrize("view", ["C", "F", "reversed", "stepped", "float64"])
def test_any_strides(view):
    tensor = structured(np.random.default_rng(2), (40, 50))
    wide = np.zeros((80, 100), np.float32)
    wide[::2, ::2] = tensor
    views = {
        "C": np.ascontiguousarray(tensor),
        "F": np.asfortranarray(tensor),
        "reversed": np.ascontiguousarray(tensor[::-1])[::-1],
        "stepped": wide[::2, ::2],
        "float64": tensor.astype(np.float64),
    }
    made = network((40, 50), task="segmentation")
    np.testing.assert_array_equal(Decoder.for_network(made)((views[view],)).class_map, tensor)


@pytest.mark.parametrize("shape", [(1, 40, 50), (40, 50, 1)])
def test_a_dimension_of_one_beside_the_map_does_not_matter(shape):
    tensor = structured(np.random.default_rng(3), (40, 50))
    found = map_of(tensor.reshape(shape, order="F"))
    np.testing.assert_array_equal(found, tensor)


@pytest.mark.parametrize(
    ("shape", "more", "fits"),
    [
        ((320, 320), {"task": "segmentation"}, True),
        ((64, 64), {}, True),
        ((32, 32), {"scale": 0.125}, False),
        ((64, 64), {"task": "object detection"}, False),
        ((84, 8400), {}, False),
        ((4, 4), {}, False),
        ((32, 32, 21), {"scale": 0.125}, True),
        ((21, 32, 32), {"scale": 0.125}, True),
        ((21, 32, 32), {"size": (128, 64), "scale": 0.125}, False),
        ((21, 32, 64), {"size": (128, 64), "scale": 0.125}, True),
        ((32, 32, 40000), {}, False),
        ((1000,), {"task": "segmentation"}, False),
        ((2, 3, 4, 5), {"task": "segmentation"}, False),
    ],
)
def test_which_networks_fit(shape, more, fits):
    assert SegmentationHead.fits(network(shape, **more)) is fits


@pytest.mark.parametrize(
    ("shape", "more", "expected"),
    [
        ((21, 64, 64), {}, (64, 64)),
        ((64, 64, 21), {}, (64, 64)),
        ((150, 64, 64), {}, (64, 64)),
        ((64, 64, 150), {}, (64, 64)),
        # Both readings have a square map; labels decide, or else the fewer classes.
        ((40, 40, 40), {"labels": ["a"] * 40}, (40, 40)),
        ((16, 32, 8), {"size": (128, 64)}, (16, 32)),
        ((8, 16, 32), {"size": (128, 64)}, (16, 32)),
        ((5, 9, 7), {"labels": list("abcdefg")}, (5, 9)),
        ((5, 9, 7), {"labels": list("abcde")}, (9, 7)),
        ((5, 9, 7), {}, (9, 7)),
    ],
)
def test_where_the_classes_stand(shape, more, expected):
    made = network(shape, task="segmentation", **more)
    found = Decoder.for_network(made)((np.zeros(shape, np.float32),))
    assert found.class_map.shape == expected


def test_deeplab_has_its_labels():
    deeplab = Network.find("deeplabv3plus")
    decoder = Decoder.for_network(deeplab)
    assert (decoder.head, decoder.task) == ("segmentation", "segmentation")
    tensor = np.zeros((320, 320), np.float32)
    tensor[100:110, 200:240] = 15
    tensor[0, 0] = 25
    person, unknown = decoder((tensor,))
    assert (person.label, person.pixels) == ("person", 400)
    assert (unknown.label, unknown.class_id) == (None, 25)
    assert len(decoder.labels) == 21


def test_without_tensors():
    decoder = Decoder.for_network(Network.find("deeplabv3plus"))
    nothing = decoder(None)
    assert (len(nothing), nothing.fresh, nothing.labels) == (0, False, decoder.labels)


@pytest.mark.parametrize("shapes", [[(320,)], [(8, 8), (8, 8)], [], [(8, 8, 8)]])
def test_wrong_shapes_show_both(shapes):
    decoder = Decoder.for_network(Network.find("deeplabv3plus"))
    with pytest.raises(DecoderError, match=r"\(height, width\)") as caught:
        decoder(tuple(np.zeros(shape, np.float32) for shape in shapes))
    assert all(str(shape) in str(caught.value) for shape in shapes)


def test_a_named_head_refuses_a_network_that_it_cannot_read():
    with pytest.raises(DecoderError, match=r"\(height, width\).*\(1000,\)"):
        Decoder.for_network(Network.find("mobilenet_v2"), head="segmentation")


def test_a_single_plane_that_is_none():
    decoder = Decoder.for_network(network((8, 8, 1), task="segmentation"))
    with pytest.raises(DecoderError, match=r"\(8, 8, 2\)"):
        decoder((np.zeros((8, 8, 2), np.float32),))


@pytest.mark.parametrize(
    "options",
    [
        {"threshold": 0.5},
        {"max_detections": 3},
        {"background": -1},
        {"background": 40000},
        {"background": "0"},
    ],
)
def test_options_that_are_not_allowed(options):
    with pytest.raises(DecoderError, match=next(iter(options))):
        Decoder.for_network(Network.find("deeplabv3plus"), **options)


def test_decoders_in_eight_threads_agree_with_one():
    deeplab = Network.find("deeplabv3plus")
    rng = np.random.default_rng(4)
    tensors = [structured(rng, (320, 320)) for _ in range(8)]
    shared = Decoder.for_network(deeplab)
    wrong = []

    def run(tensor):
        own = Decoder.for_network(deeplab)
        for decoder in (own, shared) * 10:
            found = decoder((tensor,))
            if not np.array_equal(found.class_map, tensor) or len(found.masks()) != len(found):
                wrong.append(tensor)

    threads = [threading.Thread(target=run, args=(tensor,)) for tensor in tensors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_frame_gives_the_map_of_its_picture():
    deeplab = Network.find("deeplabv3plus")
    tensor = structured(np.random.default_rng(5), (320, 320))
    frame = Frame.from_metadata(
        {"CnnOutputTensor": tensor.ravel(order="F").tobytes(), "ScalerCrop": (0, 0, 4056, 3040)},
        network=deeplab,
        stream_size=(64, 48),
        roi=(508, 0, 3040, 3040),
    )
    found = frame.segmentation()
    assert (found.space, found.class_map.shape) == ("stream", (48, 64))
    expected, sure = oracle.placed(
        tensor.astype(np.int16), (508, 0, 3040, 3040), (0, 0, 4056, 3040), (64, 48)
    )
    np.testing.assert_array_equal(found.class_map[sure], expected[sure])


def test_the_regions_of_picamera2s_demo():
    """Its way: the classes that numpy finds, without class 0, and a mask by comparison."""
    tensor = structured(np.random.default_rng(6), (320, 320))
    theirs = {int(one): tensor == one for one in np.unique(tensor) if one != 0}
    found = Decoder.for_network(Network.find("deeplabv3plus"))((tensor,))
    assert found.class_id.tolist() == list(theirs)
    for mask, peer in zip(found.masks(), theirs.values(), strict=True):
        np.testing.assert_array_equal(mask, peer)


@pytest.fixture(scope="module")
def pp_segment():
    try:
        return peers.modlib_post_processor("pp_segment")
    except peers.PeerMissingError as error:
        pytest.skip(str(error))


def test_modlibs_map_is_ours_but_for_the_background(pp_segment):
    tensor = structured(np.random.default_rng(7), (320, 320))
    ours = Decoder.for_network(Network.find("deeplabv3plus"))((tensor,)).class_map
    theirs = pp_segment([tensor]).mask
    np.testing.assert_array_equal(np.where(ours == 0, 255, ours), theirs)


def test_modlib_cuts_class_ids_to_eight_bits(pp_segment):
    tensor = np.full((2, 2), 300, np.float32)
    assert pp_segment([tensor]).mask.tolist() == [[44, 44], [44, 44]]
    assert map_of(tensor).tolist() == [[300, 300], [300, 300]]
