"""imx500_native.pictures against one-pixel-at-a-time references."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import picture_oracle
from oracles.picture_oracle import LUMA, as_byte, exact_rgb, exact_ycbcr, yuv444

from imx500_native import GeometryError, _image, _pictures
from imx500_native.pictures import PIXEL_FORMATS, ColorSpace, picture_layout, put_rgb, to_rgb

if TYPE_CHECKING:
    from collections.abc import Callable

CHANNELS = {"RGB888": "BGR", "BGR888": "RGB", "XRGB8888": "BGRX", "XBGR8888": "RGBX"}


def shown(memory: np.ndarray, pixel_format: str, size: tuple[int, int], stride: int) -> np.ndarray:
    """The array that a camera's frame would have on this memory."""
    layout = picture_layout(pixel_format, size, stride, len(memory))
    assert sum(layout.plane_bytes) == len(memory)
    return np.lib.stride_tricks.as_strided(memory, layout.shape, layout.strides)


def a_stride(pixel_format: str, width: int, padding: int) -> int:
    if pixel_format in CHANNELS:
        return len(CHANNELS[pixel_format]) * width + padding
    if pixel_format == "YUYV":
        return 2 * width + padding
    stride = width + width % 2 + padding
    return stride + stride % 2


def random_memory(pixel_format: str, size: tuple[int, int], stride: int, seed: int) -> np.ndarray:
    rows = size[1] + ((size[1] + 1) // 2 if pixel_format in ("NV12", "YUV420") else 0)
    return np.random.default_rng(seed).integers(0, 256, rows * stride, np.uint8)


@pytest.mark.parametrize("full_range", [True, False])
@pytest.mark.parametrize("encoding", sorted(LUMA))
def test_every_colour_is_rounded_as_the_exact_value(encoding: str, full_range: bool) -> None:
    steps = [0, 1, 15, 16, 17, 64, 127, 128, 129, 200, 234, 235, 236, 239, 240, 241, 254, 255]
    colours = [(y, cb, cr) for y in steps for cb in steps for cr in steps]
    picture = np.array([[(y, cb), (y, cr)] for y, cb, cr in colours], np.uint8)
    rgb = to_rgb(picture, "YUYV", color_space=ColorSpace(encoding, full_range))
    for (y, cb, cr), got in zip(colours, rgb[:, 0], strict=True):
        exact = exact_rgb(y, cb, cr, encoding, full_range)
        # The factors are right to 1/131072, and differences from 128 go up to 240.
        assert all(abs(int(g) - e) <= 0.5 + 0.006 for g, e in zip(got, exact, strict=True))
    np.testing.assert_array_equal(rgb[:, 0], rgb[:, 1])


@given(
    pixel_format=st.sampled_from(["NV12", "YUV420", "YUYV"]),
    width=st.integers(1, 20),
    height=st.integers(1, 12),
    padding=st.integers(0, 9),
    seed=st.integers(0, 1000),
)
def test_planes_and_strides(
    pixel_format: str, width: int, height: int, padding: int, seed: int
) -> None:
    if pixel_format == "YUYV":
        width += width % 2
    stride = a_stride(pixel_format, width, padding)
    memory = random_memory(pixel_format, (width, height), stride, seed)
    image = shown(memory, pixel_format, (width, height), stride)
    rgb = to_rgb(image, pixel_format, size=(width, height), color_space=ColorSpace("Rec709", False))
    assert rgb.shape == (height, width, 3)
    values = yuv444(memory.tobytes(), pixel_format, width, height, stride)
    packed = np.repeat(values.reshape(-1, 1, 3)[:, :, [0, 0]], 1, axis=1)
    pairs = np.stack([packed, values.reshape(-1, 1, 3)[:, :, 1:]], axis=-1).reshape(-1, 2, 2)
    expected = to_rgb(pairs.astype(np.uint8), "YUYV", color_space=ColorSpace("Rec709", False))
    np.testing.assert_array_equal(rgb, expected[:, 0].reshape(height, width, 3))


@given(
    pixel_format=st.sampled_from(sorted(CHANNELS)),
    width=st.integers(1, 20),
    height=st.integers(1, 12),
    padding=st.integers(0, 9),
    seed=st.integers(0, 1000),
)
def test_packed_formats(
    pixel_format: str, width: int, height: int, padding: int, seed: int
) -> None:
    channels = CHANNELS[pixel_format]
    stride = a_stride(pixel_format, width, padding)
    memory = random_memory(pixel_format, (width, height), stride, seed)
    image = shown(memory, pixel_format, (width, height), stride)
    assert image.shape == (height, width, len(channels))
    rgb = to_rgb(image, channels)
    for colour, name in enumerate("RGB"):
        plane = channels.index(name)
        for y in range(height):
            row = memory[y * stride + plane : y * stride + len(channels) * width : len(channels)]
            np.testing.assert_array_equal(rgb[y, :, colour], row)
    assert not np.shares_memory(rgb, memory)


def test_known_colours() -> None:
    # 75 % bars: white, yellow, blue of ITU-R BT.709 in limited range.
    bars = np.array(
        [[[180, 128], [180, 128], [168, 44], [168, 136], [28, 212], [28, 120]]], np.uint8
    )
    rgb = to_rgb(bars, "YUYV", color_space=ColorSpace("Rec709", False))
    expected = [[191] * 3, [191, 191, 0], [0, 0, 191]]
    np.testing.assert_allclose(rgb[0, ::2].astype(int), expected, atol=2)
    grey = to_rgb(np.full((3, 4), 128, np.uint8), "NV12")
    assert grey.shape == (2, 4, 3)
    assert (grey == 128).all()


def test_any_strides() -> None:
    memory = random_memory("NV12", (8, 6), 8, 1)
    image = memory.reshape(9, 8)
    expected = to_rgb(image, "NV12")
    spread = np.zeros((9, 16), np.uint8)
    spread[:, ::2] = image
    np.testing.assert_array_equal(to_rgb(spread[:, ::2], "NV12"), expected)
    np.testing.assert_array_equal(to_rgb(image[::-1][::-1], "NV12"), expected)
    np.testing.assert_array_equal(to_rgb(np.asfortranarray(image), "NV12"), expected)
    planar = to_rgb(image, "YUV420")
    np.testing.assert_array_equal(to_rgb(np.pad(image, ((0, 0), (0, 5)))[:, :8], "YUV420"), planar)
    packed = np.random.default_rng(1).integers(0, 256, (4, 6, 3), np.uint8)
    np.testing.assert_array_equal(to_rgb(packed[::2, ::-1], "RGB"), packed[::2, ::-1])
    np.testing.assert_array_equal(to_rgb(packed[:, :, ::-1], "BGR"), packed)


@pytest.mark.parametrize(
    ("pixel_format", "size", "stride", "frame_bytes"),
    [
        ("RGB888", (4, 2), 11, 24),
        ("RGB888", (4, 2), 12, 23),
        ("XRGB8888", (4, 2), 15, 32),
        ("NV12", (4, 2), 4, 11),
        ("NV12", (5, 2), 5, 100),
        ("YUV420", (4, 2), 5, 100),
        ("YUYV", (4, 2), 7, 100),
        ("RGB888", (0, 2), 12, 24),
        ("R8", (4, 2), 4, 8),
    ],
)
def test_layouts_that_cannot_be(
    pixel_format: str, size: tuple[int, int], stride: int, frame_bytes: int
) -> None:
    with pytest.raises(ValueError, match=pixel_format):
        picture_layout(pixel_format, size, stride, frame_bytes)


@pytest.mark.parametrize(
    ("shape", "dtype", "image_format", "size"),
    [
        ((4, 4), np.uint8, "RGB", None),
        ((4, 4, 4), np.uint8, "RGB", None),
        ((4, 4, 3), np.int8, "RGB", None),
        ((0, 4, 3), np.uint8, "RGB", None),
        ((4, 4, 3), np.uint8, "HSV", None),
        ((3, 4), np.uint8, "NV12", (4, 3)),
        ((3, 4), np.uint8, "NV12", (6, 2)),
        ((3, 4), np.uint8, "NV12", (0, 2)),
        ((3, 4), np.uint8, "NV12", (4, -2)),
        ((4, 4), np.uint8, "NV12", None),
        ((3, 4, 1), np.uint8, "YUV420", None),
        ((3, 5), np.uint8, "YUV420", (6, 2)),
        ((3, 3, 2), np.uint8, "YUYV", None),
        ((3, 4, 3), np.uint8, "YUYV", None),
        ((3, 4), np.uint16, "NV12", None),
    ],
)
def test_pictures_that_do_not_fit(
    shape: tuple[int, ...], dtype: type, image_format: str, size: tuple[int, int] | None
) -> None:
    with pytest.raises(ValueError, match=r"picture|image_format"):
        to_rgb(np.zeros(shape, dtype), image_format, size=size)


@pytest.mark.parametrize("image", [None, b"bytes", [[0, 0]]], ids=str)
@pytest.mark.parametrize("image_format", ["RGB", "NV12", "YUV420", "YUYV"])
def test_what_is_no_picture(image: object, image_format: str) -> None:
    with pytest.raises(TypeError, match=f"array of uint8, not {type(image).__name__}"):
        to_rgb(image, image_format)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=f"array of uint8, not {type(image).__name__}"):
        put_rgb(image, np.zeros((2, 2, 3), np.uint8), image_format)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=f"array of uint8, not {type(image).__name__}"):
        put_rgb(np.zeros((3, 2), np.uint8), image, image_format)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "convert",
    [
        lambda: _pictures.yuyv_to_rgb(None, "Rec601", True),  # type: ignore[arg-type]
        lambda: _image.planar_to_rgb(None, np.zeros((3, 256), np.uint8)),  # type: ignore[arg-type]
        lambda: _image.planar_to_rgb(np.zeros((3, 1, 1), np.uint8), None),  # type: ignore[arg-type]
    ],
)
def test_none_is_no_array(convert: Callable[[], object]) -> None:
    with pytest.raises(TypeError, match="NoneType"):
        convert()


@pytest.mark.parametrize("size", [5, "ab", (1.5, 2), (2**70, 2), (0, 2), (4, 2, 1)], ids=str)
def test_what_is_no_size(size: object) -> None:
    with pytest.raises(GeometryError, match="the picture's size must be"):
        to_rgb(np.zeros((3, 4), np.uint8), "NV12", size=size)  # type: ignore[arg-type]


def test_an_unknown_encoding() -> None:
    with pytest.raises(ValueError, match="Rec601"):
        to_rgb(np.zeros((3, 4), np.uint8), "NV12", color_space=ColorSpace("Rec2100"))


def test_every_format_has_a_layout() -> None:
    for pixel_format in PIXEL_FORMATS:
        layout = picture_layout(pixel_format, (8, 6), 32, 32 * 9)
        assert layout.shape[-1] in (2, 3, 4, 8, 32)


@pytest.mark.parametrize("full_range", [True, False])
@pytest.mark.parametrize("encoding", sorted(LUMA))
def test_colours_are_put_as_the_exact_value(encoding: str, full_range: bool) -> None:
    steps = [0, 1, 63, 64, 127, 128, 200, 254, 255]
    colours = np.array([(r, g, b) for r in steps for g in steps for b in steps], np.uint8)
    picture = np.zeros((len(colours), 2, 2), np.uint8)
    put_rgb(
        picture,
        np.repeat(colours[:, np.newaxis], 2, axis=1),
        "YUYV",
        color_space=ColorSpace(encoding, full_range),
    )
    np.testing.assert_array_equal(picture[:, 0, 0], picture[:, 1, 0])
    expected = [
        [as_byte(value) for value in exact_ycbcr(*map(Fraction, colour), encoding, full_range)]
        for colour in colours.tolist()
    ]
    np.testing.assert_array_equal(picture.reshape(-1, 4)[:, [0, 1, 3]], expected)


def test_halves_are_put_as_the_higher_byte() -> None:
    # Blue of 250 has 28.5 as Y' and 128 + 125 as Cb; of 255, Cb has 255.5; and yellow has 0.5.
    colours = np.array([[[0, 0, 250]] * 2, [[0, 0, 255]] * 2, [[255, 255, 0]] * 2], np.uint8)
    picture = np.zeros((3, 2, 2), np.uint8)
    put_rgb(picture, colours, "YUYV")
    assert picture[:, 0].tolist() == [[29, 253], [29, 255], [226, 1]]


def test_the_mean_of_four_pixels_is_not_rounded_before_it_counts() -> None:
    picture = np.zeros((3, 2), np.uint8)
    three_of_four = np.array([[[0, 0, 0], [0, 0, 1]], [[0, 0, 1], [0, 0, 1]]], np.uint8)
    # Cb is 128 and half of 3/4.
    put_rgb(picture, three_of_four, "NV12")
    assert picture.tolist() == [[0, 0], [0, 0], [128, 128]]
    put_rgb(picture, 2 * three_of_four, "NV12")
    assert picture.tolist() == [[0, 0], [0, 0], [129, 128]]


@given(
    pixel_format=st.sampled_from(["NV12", "YUV420", "YUYV"]),
    encoding=st.sampled_from(sorted(LUMA)),
    full_range=st.booleans(),
    width=st.integers(1, 9),
    height=st.integers(1, 7),
    padding=st.integers(0, 9),
    seed=st.integers(0, 1000),
)
def test_every_byte_is_put_where_it_belongs(
    pixel_format: str,
    encoding: str,
    full_range: bool,
    width: int,
    height: int,
    padding: int,
    seed: int,
) -> None:
    if pixel_format == "YUYV":
        width += width % 2
    stride = a_stride(pixel_format, width, padding)
    memory = random_memory(pixel_format, (width, height), stride, seed)
    expected = memory.copy()
    rgb = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    picture_oracle.put(expected, rgb, pixel_format, stride, encoding, full_range)
    image = shown(memory, pixel_format, (width, height), stride)
    put_rgb(image, rgb, pixel_format, color_space=ColorSpace(encoding, full_range))
    np.testing.assert_array_equal(memory, expected)


@pytest.mark.parametrize(
    ("image_format", "shape"),
    [
        *(("NV12", (9, 8)), ("YUV420", (9, 8)), ("YUYV", (6, 8, 2))),
        *(("RGB", (6, 8, 3)), ("BGR", (6, 8, 3)), ("RGBX", (6, 8, 4)), ("BGRX", (6, 8, 4))),
    ],
)
def test_any_strides_are_put(image_format: str, shape: tuple[int, ...]) -> None:
    rgb = np.random.default_rng(1).integers(0, 256, (6, 8, 3), np.uint8)
    expected = np.full(shape, 7, np.uint8)
    put_rgb(expected, rgb, image_format)
    for source in (rgb[::-1].copy()[::-1], np.asfortranarray(rgb), rgb.repeat(2, 1)[:, ::2]):
        image = np.full(shape, 7, np.uint8)
        put_rgb(image, source, image_format)
        np.testing.assert_array_equal(image, expected)
    targets = [
        np.full(shape, 7, np.uint8)[::-1],
        np.full(shape, 7, np.uint8, order="F"),
        np.full((*shape[:-1], 2 * shape[-1]), 7, np.uint8)[..., ::-2],
    ]
    for target in targets:
        put_rgb(target, rgb, image_format)
        np.testing.assert_array_equal(target, expected)
    assert (targets[-1].base[..., ::2] == 7).all()


@given(
    pixel_format=st.sampled_from(PIXEL_FORMATS),
    width=st.integers(1, 20),
    height=st.integers(1, 12),
    padding=st.integers(0, 9),
    seed=st.integers(0, 1000),
)
def test_what_is_put_is_read_again(
    pixel_format: str, width: int, height: int, padding: int, seed: int
) -> None:
    channels = CHANNELS.get(pixel_format)
    if pixel_format == "YUYV":
        width += width % 2
    stride = a_stride(pixel_format, width, padding)
    memory = random_memory(pixel_format, (width, height), stride, seed)
    before = memory.copy()
    image = shown(memory, pixel_format, (width, height), stride)
    # One colour for all pixels that share Cb and Cr.
    blocks = np.random.default_rng(seed).integers(
        0, 256, ((height + 1) // 2, (width + 1) // 2, 3), np.uint8
    )
    rgb = blocks.repeat(2, axis=0).repeat(2, axis=1)[:height, :width]
    space = ColorSpace("Rec709", False)
    put_rgb(image, rgb, channels or pixel_format, color_space=space)
    again = to_rgb(image, channels or pixel_format, size=(width, height), color_space=space)
    if channels:
        np.testing.assert_array_equal(again, rgb)
        assert (image[..., 3:] == 255).all()
    else:
        assert np.abs(again.astype(int) - rgb).max() <= 2
    # What lies between the rows is not the picture's.
    seen = np.zeros(len(memory), bool)
    shown(seen.view(np.uint8), pixel_format, (width, height), stride)[...] = 1
    np.testing.assert_array_equal(memory[~seen], before[~seen])


@pytest.mark.parametrize(
    ("image_format", "shape", "rgb_shape", "message"),
    [
        ("GREY", (4, 4), (4, 4, 3), "image_format 'GREY'"),
        ("NV12", (7, 4), (4, 4, 3), "6 rows of at least 4 bytes, not 7 of 4"),
        ("NV12", (5, 5), (3, 5, 3), "5 rows of at least 6 bytes, not 5 of 5"),
        ("YUV420", (6, 2), (4, 4, 3), "6 rows of at least 4 bytes, not 6 of 2"),
        ("NV12", (6, 4, 1), (4, 4, 3), "2 dimensions"),
        ("YUYV", (4, 6, 2), (4, 4, 3), "6x4, what is to be put there 4x4"),
        ("YUYV", (4, 5, 2), (4, 5, 3), "even width"),
        ("YUYV", (4, 4, 3), (4, 4, 3), "even width"),
        ("RGB", (4, 5, 3), (4, 4, 3), "5x4, what is to be put there 4x4"),
        ("RGB", (4, 4, 3), (1, 1, 3), "4x4, what is to be put there 1x1"),
        ("RGBX", (4, 4, 3), (4, 4, 3), "a RGBX picture is uint8"),
        ("RGB", (4, 4, 3), (4, 4, 4), "an RGB picture has shape"),
        ("NV12", (6, 4), (4, 4), "3 dimensions"),
        ("NV12", (6, 4), (4, 0, 3), "empty"),
    ],
)
def test_pictures_that_cannot_be_put(
    image_format: str, shape: tuple[int, ...], rgb_shape: tuple[int, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        put_rgb(np.zeros(shape, np.uint8), np.ones(rgb_shape, np.uint8), image_format)


@pytest.mark.parametrize("image_format", ["NV12", "YUV420", "YUYV", "RGB", "BGRX"])
def test_memory_that_cannot_be_written_to(image_format: str) -> None:
    shape = {"YUYV": (4, 4, 2), "RGB": (4, 4, 3), "BGRX": (4, 4, 4)}.get(image_format, (6, 4))
    rgb = np.ones((4, 4, 3), np.uint8)
    image = np.zeros(shape, np.uint8)
    image.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        put_rgb(image, rgb, image_format)
    with pytest.raises(ValueError, match="uint8"):
        put_rgb(np.zeros(shape, np.int8), rgb, image_format)
    with pytest.raises(ValueError, match="uint8"):
        put_rgb(np.zeros(shape, np.uint8), rgb.astype(np.uint16), image_format)
    assert not image.any()


def test_an_unknown_encoding_is_not_put() -> None:
    image = np.zeros((3, 4), np.uint8)
    with pytest.raises(ValueError, match="Rec601"):
        put_rgb(image, np.ones((2, 4, 3), np.uint8), "NV12", color_space=ColorSpace("Rec2100"))
    assert not image.any()
