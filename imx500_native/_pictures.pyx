"""A camera's pixel formats to and from RGB pictures."""

cimport numpy as cnp
from libc.stdint cimport uint8_t

from imx500_native.includes.pixel_formats cimport (
    IMX500_REC601,
    IMX500_REC709,
    IMX500_REC2020,
    imx500_packed_to_rgb,
    imx500_rgb_to_packed,
    imx500_rgb_to_ycbcr,
    imx500_rgb_weights,
    imx500_rgb_weights_init,
    imx500_ycbcr,
    imx500_ycbcr_encoding,
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


cdef cnp.ndarray checked(image, int dimensions):
    cdef cnp.ndarray picture = <cnp.ndarray?>image
    if cnp.PyArray_TYPE(picture) != cnp.NPY_UINT8 or picture.ndim != dimensions:
        raise ValueError(
            f"the picture must be uint8 with {dimensions} dimensions, not {image.dtype} "
            f"of shape {image.shape}"
        )
    if picture.size == 0:
        raise ValueError(f"the picture is empty: shape {image.shape}")
    return picture


cdef cnp.ndarray bytes_of(image, int dimensions):
    """The picture itself, or a copy where the bytes of a row do not lie side by side."""
    cdef cnp.ndarray source = checked(image, dimensions)
    if source.strides[dimensions - 1] != 1:
        source = cnp.PyArray_NewCopy(source, cnp.NPY_CORDER)
    return source


cdef cnp.ndarray rgb_of(rgb):
    """The picture itself, or a copy where the pixels of a row do not lie side by side."""
    cdef cnp.ndarray source = bytes_of(rgb, 3)
    if source.shape[2] != 3:
        raise ValueError(f"an RGB picture has shape (height, width, 3), not {rgb.shape}")
    if source.strides[1] != 3:
        source = cnp.PyArray_NewCopy(source, cnp.NPY_CORDER)
    return source


cdef cnp.ndarray writeable(image, int dimensions):
    cdef cnp.ndarray target = checked(image, dimensions)
    if not cnp.PyArray_ISWRITEABLE(target):
        raise ValueError("the picture's memory is read-only; pass an array that can be written to")
    return target


cdef int check_size(cnp.ndarray image, cnp.ndarray rgb) except -1:
    if image.shape[0] != rgb.shape[0] or image.shape[1] != rgb.shape[1]:
        raise ValueError(
            f"the picture is {image.shape[1]}x{image.shape[0]}, what is to be put there "
            f"{rgb.shape[1]}x{rgb.shape[0]}"
        )
    return 0


cdef imx500_ycbcr_encoding encoding_of(str name) except *:
    if name not in ENCODINGS:
        raise ValueError(f"encoding {name!r} is not one of {', '.join(ENCODINGS)}")
    return ENCODINGS[name]


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
    imx500_ycbcr_init(&matrix, encoding_of(encoding), full_range)
    cdef cnp.ndarray picture_rgb = new_picture(height, width)
    cdef uint8_t *rgb = <uint8_t *>cnp.PyArray_DATA(picture_rgb)
    with nogil:
        imx500_ycbcr_to_rgb(&matrix, picture, <size_t>width, <size_t>height, rgb)
    return picture_rgb


cdef int put(
    const imx500_ycbcr_picture *picture, cnp.ndarray source, str encoding, bint full_range
) except -1:
    cdef imx500_rgb_weights weights
    imx500_rgb_weights_init(&weights, encoding_of(encoding), full_range)
    cdef const uint8_t *rgb = <const uint8_t *>cnp.PyArray_DATA(source)
    cdef Py_ssize_t stride = source.strides[0]
    cdef size_t height = <size_t>source.shape[0]
    cdef size_t width = <size_t>source.shape[1]
    with nogil:
        imx500_rgb_to_ycbcr(&weights, rgb, stride, width, height, picture)
    return 0


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


cdef int find_nv12(
    cnp.ndarray image, Py_ssize_t width, Py_ssize_t height, imx500_ycbcr_picture *picture
) except -1:
    check_planes(image, width, height, "NV12")
    picture.luma = <uint8_t *>cnp.PyArray_DATA(image)
    picture.cb = picture.luma + height * image.strides[0]
    picture.cr = picture.cb + image.strides[1]
    picture.luma_stride = picture.chroma_stride = image.strides[0]
    picture.luma_step = image.strides[1]
    picture.chroma_step = 2 * image.strides[1]
    picture.chroma_row_shift = 1
    return 0


cdef int find_yuv420(
    cnp.ndarray image, Py_ssize_t width, Py_ssize_t height, imx500_ycbcr_picture *picture
) except -1:
    """Two chroma rows share a row of the array, so this one has to be contiguous."""
    check_planes(image, width, height, "YUV420")
    picture.luma = <uint8_t *>cnp.PyArray_DATA(image)
    picture.luma_stride = image.shape[1]
    picture.chroma_stride = image.shape[1] // 2
    picture.cb = picture.luma + height * picture.luma_stride
    picture.cr = picture.cb + (height + 1) // 2 * picture.chroma_stride
    picture.luma_step = picture.chroma_step = 1
    picture.chroma_row_shift = 1
    return 0


cdef int find_yuyv(cnp.ndarray image, imx500_ycbcr_picture *picture) except -1:
    if image.shape[2] != 2 or image.shape[1] % 2:
        raise ValueError(
            "a YUYV picture has shape (height, even width, 2), not "
            f"({image.shape[0]}, {image.shape[1]}, {image.shape[2]})"
        )
    picture.luma = <uint8_t *>cnp.PyArray_DATA(image)
    picture.cb = picture.luma + image.strides[2]
    picture.cr = picture.cb + image.strides[1]
    picture.luma_stride = picture.chroma_stride = image.strides[0]
    picture.luma_step = image.strides[1]
    picture.chroma_step = 2 * image.strides[1]
    picture.chroma_row_shift = 0
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
    cdef imx500_ycbcr_picture picture
    find_nv12(checked(image, 2), width, height, &picture)
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
    cdef cnp.ndarray source = cnp.PyArray_GETCONTIGUOUS(checked(image, 2))
    cdef imx500_ycbcr_picture picture
    find_yuv420(source, width, height, &picture)
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
    cdef cnp.ndarray source = checked(image, 3)
    cdef imx500_ycbcr_picture picture
    find_yuyv(source, &picture)
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


def put_nv12(image, rgb, str encoding, bint full_range):
    """Write RGB as what `nv12_to_rgb` reads.

    Parameters
    ----------
    image : ndarray
        uint8, writeable, shape ``(height + (height + 1) // 2, at least width)``.
    rgb : ndarray
        uint8, shape ``(height, width, 3)``.
    encoding, full_range
        As for `nv12_to_rgb`.

    Raises
    ------
    ValueError
        If one has another shape or dtype, `image` is read-only, or `encoding` is unknown.
    """
    cdef cnp.ndarray target = writeable(image, 2)
    cdef cnp.ndarray source = rgb_of(rgb)
    cdef imx500_ycbcr_picture picture
    find_nv12(target, source.shape[1], source.shape[0], &picture)
    put(&picture, source, encoding, full_range)


def put_yuv420(image, rgb, str encoding, bint full_range):
    """Write RGB as what `yuv420_to_rgb` reads.

    Parameters
    ----------
    image, rgb, encoding, full_range
        As for `put_nv12`.

    Raises
    ------
    ValueError
        If one has another shape or dtype, `image` is read-only, or `encoding` is unknown.
    """
    cdef cnp.ndarray target = writeable(image, 2)
    cdef cnp.ndarray source = rgb_of(rgb)
    # A copy of all of it, so that what is not written to stays.
    cdef cnp.ndarray planes = cnp.PyArray_GETCONTIGUOUS(target)
    cdef imx500_ycbcr_picture picture
    find_yuv420(planes, source.shape[1], source.shape[0], &picture)
    put(&picture, source, encoding, full_range)
    if planes is not target:
        cnp.PyArray_CopyInto(target, planes)


def put_yuyv(image, rgb, str encoding, bint full_range):
    """Write RGB as what `yuyv_to_rgb` reads.

    Parameters
    ----------
    image : ndarray
        uint8, writeable, shape ``(height, width, 2)``, `width` even.
    rgb, encoding, full_range
        As for `put_nv12`.

    Raises
    ------
    ValueError
        If one has another shape or dtype, `image` is read-only, or `encoding` is unknown.
    """
    cdef cnp.ndarray target = writeable(image, 3)
    cdef cnp.ndarray source = rgb_of(rgb)
    cdef imx500_ycbcr_picture picture
    find_yuyv(target, &picture)
    check_size(target, source)
    put(&picture, source, encoding, full_range)


def put_packed(image, rgb, bint bgr):
    """Write RGB as what `packed_to_rgb` reads; a fourth byte of a pixel becomes 255.

    Parameters
    ----------
    image : ndarray
        uint8, writeable, shape ``(height, width, 3 or 4)``.
    rgb : ndarray
        uint8, shape ``(height, width, 3)``.
    bgr : bool
        Whether `image` has B, G, R in memory.

    Raises
    ------
    ValueError
        If one has another shape or dtype, or `image` is read-only.
    """
    cdef cnp.ndarray target = writeable(image, 3)
    cdef cnp.ndarray source = rgb_of(rgb)
    if target.shape[2] not in (3, 4):
        raise ValueError(f"a packed picture has shape (height, width, 3 or 4), not {image.shape}")
    check_size(target, source)
    cdef cnp.ndarray packed = bytes_of(target, 3)
    cdef const uint8_t *colours = <const uint8_t *>cnp.PyArray_DATA(source)
    cdef uint8_t *pixels = <uint8_t *>cnp.PyArray_DATA(packed)
    cdef Py_ssize_t rgb_stride = source.strides[0]
    cdef Py_ssize_t stride = packed.strides[0]
    cdef Py_ssize_t step = packed.strides[1]
    cdef size_t height = <size_t>packed.shape[0]
    cdef size_t width = <size_t>packed.shape[1]
    cdef size_t channels = <size_t>packed.shape[2]
    with nogil:
        imx500_rgb_to_packed(
            colours, rgb_stride, bgr, width, height, pixels, stride, step, channels
        )
    if packed is not target:
        cnp.PyArray_CopyInto(target, packed)
