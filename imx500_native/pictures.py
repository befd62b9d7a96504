"""Pictures in the pixel formats that a camera delivers: their layout in memory, and as RGB."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from imx500_native import _pictures
from imx500_native.geometry import as_size

if TYPE_CHECKING:
    import numpy.typing as npt

    from imx500_native.geometry import Size

# libcamera names packed formats by a little-endian word, so its "RGB888" is B, G, R in memory.
_PACKED = {"RGB888": "BGR", "BGR888": "RGB", "XRGB8888": "BGRX", "XBGR8888": "RGBX"}
PIXEL_FORMATS = (*_PACKED, "NV12", "YUV420", "YUYV")
_IMAGE_FORMATS = (*_PACKED.values(), "NV12", "YUV420", "YUYV")


class ColorSpace(NamedTuple):
    """How Y'CbCr values stand for colours.

    Attributes
    ----------
    encoding : {"Rec601", "Rec709", "Rec2020"}
        Whose luma coefficients hold.
    full_range : bool
        True where all of 0 to 255 is used, False for 16 to 235 (chroma 16 to 240).
    """

    encoding: Literal["Rec601", "Rec709", "Rec2020"] = "Rec601"
    full_range: bool = True


class PictureLayout(NamedTuple):
    """Where the bytes of a picture lie in its buffer.

    Attributes
    ----------
    image_format : str
        The order in memory: the channels for packed RGB, else libcamera's name.
    shape, strides : tuple of int
        Of the uint8 array that shows the picture.
    plane_bytes : tuple of int
        How long each plane is; one follows the other.
    """

    image_format: str
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    plane_bytes: tuple[int, ...]

    def shown(self, memory: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Show the picture in a buffer.

        Parameters
        ----------
        memory : ndarray
            uint8, one-dimensional, contiguous: all planes.

        Returns
        -------
        ndarray
            On that memory, and writeable where it is.

        Raises
        ------
        TypeError
            If the buffer is too short.
        """
        return np.ndarray(self.shape, np.uint8, memory.data, strides=self.strides)


def picture_layout(pixel_format: str, size: Size, stride: int, frame_bytes: int) -> PictureLayout:
    """Describe a picture as libcamera configured it.

    Parameters
    ----------
    pixel_format : str
        libcamera's name, one of `PIXEL_FORMATS`.
    size : tuple of int
        (width, height) in pixels.
    stride : int
        Bytes from one row to the next, of the first plane.
    frame_bytes : int
        Bytes of all planes.

    Returns
    -------
    PictureLayout
        ``(height, width, 3 or 4)`` for packed RGB and ``(height, width, 2)`` for YUYV, where
        the second byte is Cb and Cr in turn. NV12 is ``(height + height / 2, width)``: the rows
        of Y', then rows of Cb and Cr in turn. YUV420 is ``(height + height / 2, stride)``: the
        rows of Y', then all rows of Cb, half as long, then those of Cr.

    Raises
    ------
    ValueError
        For another format, or numbers that contradict each other.
    """
    width, height = size
    chroma_rows = (height + 1) // 2
    even_width = width + width % 2
    if pixel_format in _PACKED or pixel_format == "YUYV":
        name = _PACKED.get(pixel_format, pixel_format)
        channels = 2 if name == "YUYV" else len(name)
        shape: tuple[int, ...] = (height, width, channels)
        layout = PictureLayout(name, shape, (stride, channels, 1), (frame_bytes,))
        needed = width * channels, stride * height
    elif pixel_format == "NV12":
        luma = stride * height
        planes: tuple[int, ...] = (luma, frame_bytes - luma)
        layout = PictureLayout("NV12", (height + chroma_rows, even_width), (stride, 1), planes)
        needed = even_width, stride * (height + chroma_rows)
    elif pixel_format == "YUV420":
        luma, chroma = stride * height, stride // 2 * chroma_rows
        planes = (luma, chroma, frame_bytes - luma - chroma)
        layout = PictureLayout("YUV420", (height + chroma_rows, stride), (stride, 1), planes)
        needed = even_width, stride * (height + chroma_rows)
    else:
        raise ValueError(f"pixel format {pixel_format!r} is not one of {', '.join(PIXEL_FORMATS)}")
    odd_rows = pixel_format == "YUV420" and stride % 2 == 1
    if stride < needed[0] or odd_rows or frame_bytes < needed[1] or width < 1 or height < 1:
        raise ValueError(
            f"a {width}x{height} {pixel_format} picture needs rows of {needed[0]} bytes and "
            f"{needed[1]} bytes in all, not {stride} and {frame_bytes}"
        )
    return layout


def to_rgb(
    image: npt.NDArray[np.uint8],
    image_format: str,
    *,
    size: Size | None = None,
    color_space: ColorSpace | None = None,
) -> npt.NDArray[np.uint8]:
    """Turn a camera's picture into RGB.

    Parameters
    ----------
    image : ndarray
        uint8, any strides, of a shape as `picture_layout` says.
    image_format : str
        ``frame.image_format``: "RGB", "BGR", "RGBX", "BGRX", "NV12", "YUV420" or "YUYV".
    size : tuple of int, optional
        (width, height); needed where YUV420 has rows longer than the picture, or a picture of
        two planes an odd height.
    color_space : ColorSpace, optional
        Of a Y'CbCr picture; ITU-R BT.601 in full range, as in JPEG, where it is not given.

    Returns
    -------
    ndarray
        uint8, ``(height, width, 3)``, of its own memory. Each Cb and Cr counts for all pixels
        that share it.

    Raises
    ------
    ValueError
        If the format is unknown or `image` does not fit it; a `GeometryError` if `size` is no size.
    TypeError
        If `image` is no array.
    """
    space = ColorSpace() if color_space is None else color_space
    _check_array(image)
    if image_format in _PACKED.values():
        _check_packed(image, image_format)
        return _pictures.packed_to_rgb(image, image_format.startswith("BGR"))
    if image_format == "YUYV":
        return _pictures.yuyv_to_rgb(image, space.encoding, space.full_range)
    _check_known(image_format)
    if image.ndim != 2:
        raise ValueError(f"a {image_format} picture has two dimensions, not shape {image.shape}")
    rows, columns = image.shape
    if size is None:
        size = columns, rows * 2 // 3
    width, height = as_size(size, "the picture's size")
    convert = _pictures.nv12_to_rgb if image_format == "NV12" else _pictures.yuv420_to_rgb
    return convert(image, width, height, space.encoding, space.full_range)


def put_rgb(
    image: npt.NDArray[np.uint8],
    rgb: npt.NDArray[np.uint8],
    image_format: str,
    *,
    color_space: ColorSpace | None = None,
) -> None:
    """Write an RGB picture into the memory of a camera's: what `to_rgb` reads.

    Parameters
    ----------
    image : ndarray
        uint8, writeable, any strides, of a shape as `picture_layout` says for the size of `rgb`.
        What lies beside the picture, at the end of rows that are longer, stays as it is.
    rgb : ndarray
        uint8, ``(height, width, 3)``, in other memory than `image`.
    image_format : str
        As for `to_rgb`; a fourth channel becomes 255.
    color_space : ColorSpace, optional
        As for `to_rgb`.

    Raises
    ------
    ValueError
        If the format is unknown, `image` does not fit it or is read-only.
    TypeError
        If `image` or `rgb` is no array.

    Notes
    -----
    Y' is of each pixel, Cb and Cr of the mean of those that share them: two of YUYV, four of the
    others, of which fewer are left where a side is odd. Each is the exact value, rounded; halves go
    up, but to 255 at most. Integers are enough for that: the luma coefficients have four digits, so
    every value is a fraction whose denominator is known.
    """
    _check_array(image)
    _check_array(rgb)
    if image_format in _PACKED.values():
        _check_packed(image, image_format)
        _pictures.put_packed(image, rgb, image_format.startswith("BGR"))
        return
    _check_known(image_format)
    space = ColorSpace() if color_space is None else color_space
    put = {
        "NV12": _pictures.put_nv12,
        "YUV420": _pictures.put_yuv420,
        "YUYV": _pictures.put_yuyv,
    }[image_format]
    put(image, rgb, space.encoding, space.full_range)


def _check_array(image: object) -> None:
    if not isinstance(image, np.ndarray):
        raise TypeError(f"the picture must be an array of uint8, not {type(image).__name__}")


def _check_known(image_format: str) -> None:
    if image_format not in _IMAGE_FORMATS:
        raise ValueError(f"image_format {image_format!r} is not one of {', '.join(_IMAGE_FORMATS)}")


def _check_packed(image: npt.NDArray[np.uint8], image_format: str) -> None:
    channels = len(image_format)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != channels:
        raise ValueError(
            f"a {image_format} picture is uint8 of shape (height, width, {channels}), not "
            f"{image.dtype} {image.shape}"
        )
