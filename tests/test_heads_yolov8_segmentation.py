"""Instance segmentation heads of YOLOv8's kind, raw and suppressed, against an oracle."""

from __future__ import annotations

import numpy as np
import pytest
from oracles import yolov8_oracle as oracle
from yolov8_networks import ANCHORS, SHEET, SIZE, arranged, network, spec

import imx500_native as imx
from imx500_native import Decoder, DecoderError
from imx500_native.heads.ultralytics import UltralyticsSegmentationHead
from imx500_native.heads.yolov8_segmentation import Yolov8SegmentationHead

CELLS = oracle.grid(SIZE, (8, 16, 32))


def scene(rng, classes=3, channels=8):
    boxes = rng.uniform(0.5, 4, (ANCHORS, 4)).astype(np.float32)
    scores = rng.uniform(-9, -3, (ANCHORS, classes)).astype(np.float32)
    for anchor in rng.choice(ANCHORS, 10, replace=False):
        scores[anchor, rng.integers(classes)] = 2.0
    coefficients = rng.normal(size=(ANCHORS, channels)).astype(np.float32)
    return boxes, scores, coefficients


def sheets_of(rng, channels=8):
    return rng.normal(size=(channels, *SHEET)).astype(np.float32)


def with_sheets(tables, sheets, *, turned=False, batch=False, order="F", joined=False):
    outputs = arranged(tables, turned=turned, batch=batch, order=order, joined=joined)
    last = np.moveaxis(sheets, 0, 2) if turned else sheets
    return [*outputs, np.array(last[None] if batch else last, order=order)]


def mask_network(outputs, **facts):
    return network([spec(part.shape) for part in outputs], **facts)


def reach(low, high, pixels):
    """Return the pixels that interpolation inside (low, high) reads, generously."""
    return max(int(np.ceil(low - 0.5)), 0), min(int(np.floor(high - 0.5)) + 1, pixels)


def check_logits(found, whole):
    """Require the whole logits in and just round the boxes, and zeros far from them."""
    height, width = SHEET
    for (x0, y0, x1, y1), sheet, expected in zip(found.xyxy, found.logits, whole, strict=True):
        left, right = reach(x0 * width, x1 * width, width)
        top, bottom = reach(y0 * height, y1 * height, height)
        inside = np.zeros(SHEET, bool)
        inside[top:bottom, left:right] = True
        np.testing.assert_allclose(sheet[inside], expected[inside], rtol=1e-4, atol=1e-4)
        around = np.zeros(SHEET, bool)
        around[max(top - 1, 0) : bottom + 1, max(left - 1, 0) : right + 1] = True
        assert (sheet[~around] == 0).all()


@pytest.mark.parametrize("channels", [1, 8, 32, 37])
def test_scenes_equal_the_oracle(channels):
    rng = np.random.default_rng(1)
    tables, sheets = scene(rng, channels=channels), sheets_of(rng, channels)
    outputs = with_sheets(tables, sheets)
    decoder = Decoder(mask_network(outputs, labels=("a", "b", "c")))
    assert (decoder.head, decoder.task) == ("yolov8_segmentation", "instance segmentation")
    found = decoder(outputs)
    rows = oracle.decode(
        *tables[:2],
        form="distances",
        units=SIZE,
        cells=CELLS,
        logits=True,
        threshold=0.5,
        iou_threshold=0.7,
    )
    assert found.class_id.tolist() == [row[2] for row in rows]
    np.testing.assert_allclose(found.xyxy, [row[0] for row in rows], rtol=1e-5, atol=1e-6)
    assert found.labels == ("a", "b", "c")
    check_logits(found, oracle.logits(tables[2][[row[3] for row in rows]], sheets))
    np.testing.assert_array_equal(found.masks, oracle.network_masks(found.logits, found.xyxy))


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("batch", [False, True])
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("joined", [False, True])
def test_every_layout_gives_the_same(order, batch, turned, joined):
    rng = np.random.default_rng(2)
    tables, sheets = scene(rng), sheets_of(rng)
    plain = with_sheets(tables, sheets)
    expected = Decoder(mask_network(plain))(plain)
    options = {"boxes": "distances", "scores": "logits"} if joined else {}
    outputs = with_sheets(tables, sheets, turned=turned, batch=batch, order=order, joined=joined)
    decoder = Decoder(mask_network(outputs), **options)
    found = decoder(outputs)
    np.testing.assert_array_equal(found.xyxy, expected.xyxy)
    # The order of the sums follows the order of the memory.
    np.testing.assert_allclose(found.logits, expected.logits, rtol=1e-4, atol=1e-5)
    assert decoder(None).logits.shape == (0, *SHEET)


def test_prototypes_that_are_not_finite_are_no_part_of_a_mask():
    rng = np.random.default_rng(3)
    tables, sheets = scene(rng), sheets_of(rng)
    outputs = with_sheets(tables, sheets)
    decoder = Decoder(mask_network(outputs))
    for value in (np.nan, np.inf, -np.inf):
        outputs[3] = np.full_like(outputs[3], value)
        found = decoder(outputs)
        assert found.masks.dtype == bool
        if np.isnan(value):
            assert not found.masks.any()


def test_nothing_found_has_no_masks():
    outputs = with_sheets(scene(np.random.default_rng(4)), sheets_of(np.random.default_rng(4)))
    found = Decoder(mask_network(outputs), 1.0)(outputs)
    assert found.masks.shape == (0, *SHEET)
    assert found.fresh


def test_wrong_shapes_show_both():
    outputs = with_sheets(scene(np.random.default_rng(5)), sheets_of(np.random.default_rng(5)))
    decoder = Decoder(mask_network(outputs))
    with pytest.raises(DecoderError, match=r"\(c, height, width\).*\(7, 16, 24\)"):
        decoder([*outputs[:3], outputs[3][:7]])
    with pytest.raises(DecoderError, match=r"\(c, height, width\).*\(4, 126\)"):
        Decoder(mask_network(outputs[:3]), head="yolov8_segmentation")


def test_which_networks_fit():
    zoo = [imx.Network.find(name) for name in imx.Network.zoo_names()]
    heads = (Yolov8SegmentationHead, UltralyticsSegmentationHead)
    assert not any(head.fits(one) for one in zoo for head in heads)
    outputs = with_sheets(scene(np.random.default_rng(6)), sheets_of(np.random.default_rng(6)))
    assert Yolov8SegmentationHead.fits(mask_network(outputs, task="segmentation"))
    assert not Yolov8SegmentationHead.fits(mask_network(outputs, task="object detection"))


def suppressed(rows=20, channels=8):
    shapes = [(rows, 4), (rows,), (rows,), (rows, channels), (channels, *SHEET)]
    return network([spec(shape, "i2", 1 / 32) for shape in shapes])


def test_suppressed_masks_equal_the_oracle():
    rng = np.random.default_rng(7)
    boxes = np.sort(rng.uniform(0, 1, (20, 2, 2)), axis=1).reshape(20, 4) * np.tile(SIZE, 2)
    scores = rng.integers(0, 256, 20) / 256
    classes = rng.integers(-1, 90, 20)
    coefficients, sheets = rng.normal(size=(20, 8)), sheets_of(rng)
    outputs = [
        np.array(part, np.float32, order="F")
        for part in (boxes, scores, classes, coefficients, sheets)
    ]
    decoder = Decoder(suppressed())
    assert decoder.head == "ultralytics_segmentation"
    found = decoder(outputs)
    order = [i for i in np.argsort(-scores, kind="stable") if scores[i] >= 0.5]
    assert found.class_id.tolist() == classes[order].tolist()
    np.testing.assert_allclose(found.xyxy * np.tile(SIZE, 2), boxes[order], rtol=1e-5)
    check_logits(found, oracle.logits(coefficients[order], sheets))
    turned = [*outputs[:4], np.asfortranarray(np.moveaxis(outputs[4], 0, 2))]
    shapes = network([spec(part.shape, "i2", 1 / 32) for part in turned])
    again = Decoder(shapes)(turned)
    np.testing.assert_allclose(again.logits, found.logits, rtol=1e-4, atol=1e-5)
    row_major = [np.ascontiguousarray(part) for part in outputs]
    np.testing.assert_allclose(decoder(row_major).logits, found.logits, rtol=1e-4, atol=1e-5)
    with pytest.raises(DecoderError, match=r"\(n, c\) and \(c, height, width\).*\(7, 16, 24\)"):
        decoder([*outputs[:4], outputs[4][:7]])
    assert decoder(None).logits.shape == (0, *SHEET)
