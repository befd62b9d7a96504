"""A camera's pixel formats as RGB pictures."""

cimport numpy as cnp
from libc.stdint cimport uint8_t

from imx500_native.includes.pixel_formats cimport (
    IMX500_REC601,
    IMX500_REC709,
    IMX500_REC2020,
    imx500_packed_to_rgb,
    imx500_ycbcr,
    imx500_ycbcr_init,
    imx500_ycbcr_picture,
    imx500_ycbcr_to_rgb,
)

cnp.import_array()

cdef dict ENCODINGS = {
    "Rec601": IMX500_REC601,
    "Rec709": IMX500_REC709,
    "Rec2020": IMX500_REC2020,
}


cdef cnp.ndarray bytes_of(image, int dimensions):
    """The picture itself, or a copy where the bytes of a row do not lie side by side."""
    cdef cnp.ndarray source = <cnp.ndarray?>image
    if cnp.PyArray_TYPE(source) != cnp.NPY_UINT8 or source.ndim != dimensions:
        raise ValueError(
            f"the picture must be uint8 with {dimensions} dimensions, not {image.dtype} "
            f"of shape {image.shape}"
        )
    if source.size == 0:
        raise ValueError(f"the picture is empty: shape {image.shape}")
    if source.strides[dimensions - 1] != 1:
        source = cnp.PyArray_NewCopy(source, cnp.NPY_CORDER)
    return source


cdef cnp.ndarray new_picture(cnp.npy_intp height, cnp.npy_intp width):
    cdef cnp.npy_intp[3] sizes
    sizes[0] = height
    sizes[1] = width
    sizes[2] = 3
    return cnp.PyArray_EMPTY(3, sizes, cnp.NPY_UINT8, 0)


cdef cnp.ndarray converted(
    const imx500_ycbcr_picture *picture, Py_ssize_t width, Py_ssize_t height, str encoding,
    bint full_range
):
    cdef imx500_ycbcr matrix
    if encoding not in ENCODINGS:
        raise ValueError(f"encoding {encoding!r} is not one of {', '.join(ENCODINGS)}")
    cdef cnp.ndarray picture_rgb = new_picture(height, width)
    cdef uint8_t *rgb = <uint8_t *>cnp.PyArray_DATA(picture_rgb)
    imx500_ycbcr_init(&matrix, ENCODINGS[encoding], full_range)
    with nogil:
        imx500_ycbcr_to_rgb(&matrix, picture, <size_t>width, <size_t>height, rgb)
    return picture_rgb


cdef int check_planes(
    cnp.ndarray source, Py_ssize_t width, Py_ssize_t height, str name
) except -1:
    cdef Py_ssize_t rows = height + (height + 1) // 2
    cdef Py_ssize_t columns = width + width % 2
    if width < 1 or height < 1 or source.shape[0] != rows or source.shape[1] < columns:
        raise ValueError(
            f"a {width}x{height} {name} picture has {rows} rows of at least {columns} bytes, not "
            f"{source.shape[0]} of {source.shape[1]}"
        )
    return 0


def nv12_to_rgb(image, Py_ssize_t width, Py_ssize_t height, str encoding, bint full_range):
    """Turn rows of Y', then rows of Cb and Cr in turn, into RGB.

    Parameters
    ----------
    image : ndarray
        uint8, shape ``(height + (height + 1) // 2, at least width)``.
    width, height : int
        Of the picture, in pixels.
    encoding : {"Rec601", "Rec709", "Rec2020"}
        Whose luma coefficients hold.
    full_range : bool
        Whether all of 0 to 255 is used.

    Returns
    -------
    ndarray
        uint8, shape ``(height, width, 3)``.

    Raises
    ------
    ValueError
        If `image` has another shape or dtype, or `encoding` is unknown.
    """
    cdef cnp.ndarray source = bytes_of(image, 2)
    cdef imx500_ycbcr_picture picture
    check_planes(source, width, height, "NV12")
    picture.luma = <const uint8_t *>cnp.PyArray_DATA(source)
    picture.cb = picture.luma + height * source.strides[0]
    picture.cr = picture.cb + 1
    picture.luma_stride = picture.chroma_stride = source.strides[0]
    picture.luma_step = 1
    picture.chroma_step = 2
    picture.chroma_row_shift = 1
    return converted(&picture, width, height, encoding, full_range)


def yuv420_to_rgb(image, Py_ssize_t width, Py_ssize_t height, str encoding, bint full_range):
    """Turn rows of Y', then half rows of Cb, then half rows of Cr, into RGB.

    Parameters
    ----------
    image : ndarray
        uint8, shape ``(height + (height + 1) // 2, at least width)``.
    width, height, encoding, full_range
        As for `nv12_to_rgb`.

    Returns
    -------
    ndarray
        uint8, shape ``(height, width, 3)``.

    Raises
    ------
    ValueError
        If `image` has another shape or dtype, or `encoding` is unknown.
    """
    cdef cnp.ndarray source = bytes_of(image, 2)
    cdef imx500_ycbcr_picture picture
    check_planes(source, width, height, "YUV420")
    # Two chroma rows share a row of the array, so its rows have to follow each other.
    if source.strides[0] != source.shape[1]:
        source = cnp.PyArray_NewCopy(source, cnp.NPY_CORDER)
    picture.luma = <const uint8_t *>cnp.PyArray_DATA(source)
    picture.luma_stride = source.shape[1]
    picture.chroma_stride = source.shape[1] // 2
    picture.cb = picture.luma + height * picture.luma_stride
    picture.cr = picture.cb + (height + 1) // 2 * picture.chroma_stride
    picture.luma_step = picture.chroma_step = 1
    picture.chroma_row_shift = 1
    return converted(&picture, width, height, encoding, full_range)


def yuyv_to_rgb(image, str encoding, bint full_range):
    """Turn Y' Cb Y' Cr for each two pixels into RGB.

    Parameters
    ----------
    image : ndarray
        uint8, shape ``(height, width, 2)``, `width` even.
    encoding, full_range
        As for `nv12_to_rgb`.

    Returns
    -------
    ndarray
        uint8, shape ``(height, width, 3)``.

    Raises
    ------
    ValueError
        If `image` has another shape or dtype, or `encoding` is unknown.
    """
    cdef cnp.ndarray source = bytes_of(image, 3)
    cdef imx500_ycbcr_picture picture
    if source.shape[2] != 2 or source.shape[1] % 2:
        raise ValueError(f"a YUYV picture has shape (height, even width, 2), not {image.shape}")
    if source.strides[1] != 2:
        source = cnp.PyArray_NewCopy(source, cnp.NPY_CORDER)
    picture.luma = <const uint8_t *>cnp.PyArray_DATA(source)
    picture.cb = picture.luma + 1
    picture.cr = picture.luma + 3
    picture.luma_stride = picture.chroma_stride = source.strides[0]
    picture.luma_step = 2
    picture.chroma_step = 4
    picture.chroma_row_shift = 0
    return converted(&picture, source.shape[1], source.shape[0], encoding, full_range)


def packed_to_rgb(image, bint bgr):
    """Keep the first three bytes of each pixel, as R, G, B.

    Parameters
    ----------
    image : ndarray
        uint8, shape ``(height, width, 3 or 4)``.
    bgr : bool
        Whether they are B, G, R in memory.

    Returns
    -------
    ndarray
        uint8, shape ``(height, width, 3)``.

    Raises
    ------
    ValueError
        If `image` has another shape or dtype.
    """
    cdef cnp.ndarray source = bytes_of(image, 3)
    if source.shape[2] not in (3, 4):
        raise ValueError(f"a packed picture has shape (height, width, 3 or 4), not {image.shape}")
    cdef size_t height = <size_t>source.shape[0]
    cdef size_t width = <size_t>source.shape[1]
    cdef cnp.ndarray picture = new_picture(source.shape[0], source.shape[1])
    cdef const uint8_t *pixels = <const uint8_t *>cnp.PyArray_DATA(source)
    cdef uint8_t *rgb = <uint8_t *>cnp.PyArray_DATA(picture)
    cdef Py_ssize_t stride = source.strides[0]
    cdef Py_ssize_t step = source.strides[1]
    with nogil:
        imx500_packed_to_rgb(pixels, stride, step, bgr, width, height, rgb)
    return picture
