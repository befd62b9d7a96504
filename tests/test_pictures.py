"""imx500_native.pictures against one-pixel-at-a-time references."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles.picture_oracle import LUMA, exact_rgb, yuv444

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
        stride = 2 * width + padding
    else:
        stride = width + width % 2 + padding
        stride += stride % 2
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
    stride = len(channels) * width + padding
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
    kr, kb = LUMA[encoding]
    black, white, reach = (0, 255, 255) if full_range else (16, 219, 224)
    for (red, green, blue), got in zip(colours.tolist(), picture.reshape(-1, 4), strict=True):
        luma = kr * red + (1 - kr - kb) * green + kb * blue
        cb, cr = (blue - luma) / (2 * (1 - kb)), (red - luma) / (2 * (1 - kr))
        exact = (black + luma * white / 255, 128 + cb * reach / 255, 128 + cr * reach / 255)
        for value, ideal in zip(got[[0, 1, 3]].tolist(), exact, strict=True):
            assert abs(value - min(ideal, 255)) <= 0.501


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
    if channels:
        stride = len(channels) * width + padding
    elif pixel_format == "YUYV":
        width += width % 2
        stride = 2 * width + padding
    else:
        stride = width + width % 2 + padding
        stride += stride % 2
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
    if pixel_format != "YUV420":
        # What lies between the rows is not the picture's.
        seen = np.zeros(len(memory), bool)
        shown(seen.view(np.uint8), pixel_format, (width, height), stride)[...] = 1
        np.testing.assert_array_equal(memory[~seen], before[~seen])


def test_pictures_that_cannot_be_put() -> None:
    rgb = np.zeros((4, 4, 3), np.uint8)
    with pytest.raises(ValueError, match="image_format 'GREY'"):
        put_rgb(np.zeros((4, 4), np.uint8), rgb, "GREY")
    for image_format, shape in (("NV12", (7, 4)), ("YUYV", (4, 6, 2)), ("RGB", (4, 5, 3))):
        with pytest.raises(ValueError, match="shape"):
            put_rgb(np.zeros(shape, np.uint8), rgb, image_format)
