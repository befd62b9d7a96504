"""The picture of the simulated scene: a quiet park with the figures in front of it."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from imx500_native.geometry import SENSOR_SIZE
from imx500_native.simulation import walking
from imx500_native.simulation.canvas import Canvas, Colour, Floats
from imx500_native.simulation.scene import HORIZON_Y, Box, Placed

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Sequence

    from imx500_native.geometry import Rect, Size
    from imx500_native.simulation.figures import Figure

Picture = NDArray[np.uint8]
ClassMap = NDArray[np.int16]
_Window = tuple[slice, slice]
Value = TypeVar("Value")


class _Hills(NamedTuple):
    """A row of hills: its height and the (reach, length, phase) of sine waves on top."""

    height: float
    waves: tuple[tuple[float, float, float], ...]
    colour: tuple[int, int, int]


_SPRITE_BYTES = 128 << 20
_BACKGROUND_BYTES = 96 << 20
_ROWS_AT_ONCE = 64

_SKY = ((0, (134, 180, 216)), (700, (182, 212, 230)), (1330, (244, 238, 222)))
_LAWN = ((1330, (172, 200, 136)), (1900, (146, 186, 116)), (3040, (112, 160, 92)))
_SUN = (3160.0, 800.0, 150.0)
_CLOUDS = (
    (620, 700, 330, 62), (500, 660, 170, 78), (720, 630, 190, 98),
    (2250, 560, 280, 48), (2180, 525, 150, 66), (2360, 515, 130, 58),
    (3560, 960, 260, 40), (3480, 935, 130, 52),
)  # fmt: skip
_HILLS = (
    _Hills(1150, ((90, 560, 0.6), (44, 231, 2.0)), (178, 202, 212)),
    _Hills(1235, ((62, 431, 2.2), (24, 173, 0.4)), (154, 188, 182)),
    _Hills(1290, ((26, 97, 1.0), (16, 41, 0.0), (22, 380, 4.0)), (124, 166, 136)),
)
_ROAD = (1660.0, 2130.0)
_ASPHALT, _KERB, _DASH = (176, 180, 190), (222, 220, 210), (232, 232, 228)


class Sprite(NamedTuple):
    """A figure in pixels: ``(picture * keep + colour) / 256`` lays it over a picture."""

    colour: NDArray[np.uint16]
    keep: NDArray[np.uint16]


_HALF_COVERED = 128


class Renderer:
    """Draws the scene; keeps backgrounds and figures that it has drawn before.

    Pictures are (height, width, 3) uint8 in RGB order and show a rectangle of the sensor's field,
    stretched to the picture's size. A figure's box is drawn to the nearest whole pixel on each
    side, so a box that was mapped exactly lies within half a pixel of it.
    """

    def __init__(self) -> None:
        self._backgrounds: _Cache[Picture] = _Cache(_BACKGROUND_BYTES)
        self._sprites: _Cache[Sprite] = _Cache(_SPRITE_BYTES)

    def background(self, window: Rect, size: Size) -> Picture:
        """Draw the scene without objects; read-only, as it is kept for later."""
        return self._backgrounds.get(
            (window, size), lambda: _paint_background(window, size), lambda picture: picture.nbytes
        )

    def picture(self, placed: Sequence[Placed], window: Rect, size: Size) -> Picture:
        """Draw the scene with its objects, farthest first in `placed`, into a new array."""
        picture = self.background(window, size).copy()
        for (colour, keep), (part, place) in self._sprites_of(placed, window, size):
            target = picture[place]
            mixed = target * keep[part]
            mixed += colour[part]
            mixed >>= 8
            target[...] = mixed
        return picture

    def class_map(self, placed: Sequence[Placed], window: Rect, size: Size) -> ClassMap:
        """Say which class each pixel of `picture` shows; -1 where there is no object."""
        classes = np.full((size[1], size[0]), -1, np.int16)
        for one in placed:
            for (_, keep), (part, place) in self._sprites_of([one], window, size):
                opaque = keep[..., 0][part] < _HALF_COVERED
                classes[place][opaque] = one.actor.class_id
        return classes

    def _sprites_of(
        self, placed: Sequence[Placed], window: Rect, size: Size
    ) -> Iterator[tuple[Sprite, tuple[_Window, _Window]]]:
        """List the figures that show, each with the part of it that does and where that goes."""
        if window[2] <= 0 or window[3] <= 0:
            return
        for one in placed:
            x0, y0, x1, y1 = figure_box(one, window, size)
            left, top, right, bottom = max(x0, 0), max(y0, 0), min(x1, size[0]), min(y1, size[1])
            if left >= right or top >= bottom:
                continue
            sprite = self._sprite(one, x1 - x0, y1 - y0)
            part = np.s_[top - y0 : bottom - y0, left - x0 : right - x0]
            yield sprite, (part, np.s_[top:bottom, left:right])

    def _sprite(self, one: Placed, width: int, height: int) -> Sprite:
        figure, colour = one.actor.figure, one.actor.colour
        # A walk has many sprites: to mirror one takes less than to keep twice as many.
        mirrored = one.looks_left and not figure.walks
        sprite = self._sprites.get(
            (figure, colour, one.phase, width, height, mirrored),
            lambda: _paint_sprite(figure, colour, one.phase, width, height, mirrored),
            lambda sprite: sprite.colour.nbytes + sprite.keep.nbytes,
        )
        if one.looks_left and figure.walks:
            return Sprite(_mirrored(sprite.colour), _mirrored(sprite.keep))
        return sprite


def figure_box(one: Placed, window: Rect, size: Size) -> tuple[int, int, int, int]:
    """Whole pixels (x0, y0, x1, y1) that a figure takes.

    Those of `pixel_box`; but a walking figure has one size in each stance, so that few sprites do,
    and its left and lower edges alone are the nearest pixels.
    """
    x0, y0, x1, y1 = pixel_box(one.box, window, size)
    if one.actor.figure.walks:
        x1 = x0 + max(round((one.box[2] - one.box[0]) * size[0] / window[2]), 1)
        y0 = y1 - max(round((one.box[3] - one.box[1]) * size[1] / window[3]), 1)
    return x0, y0, x1, y1


def pixel_box(box: Box, window: Rect, size: Size) -> tuple[int, int, int, int]:
    """Round a box of sensor pixels to whole pixels (x0, y0, x1, y1), at least one each way."""
    per_x, per_y = size[0] / window[2], size[1] / window[3]
    x0, y0 = round((box[0] - window[0]) * per_x), round((box[1] - window[1]) * per_y)
    x1, y1 = round((box[2] - window[0]) * per_x), round((box[3] - window[1]) * per_y)
    return x0, y0, max(x1, x0 + 1), max(y1, y0 + 1)


class _Cache(Generic[Value]):
    """What was made last, up to `limit` bytes; the newest stays whatever its size."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._bytes = 0
        self._kept: OrderedDict[Hashable, tuple[Value, int]] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], Value], weigh: Callable[[Value], int]) -> Value:
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key][0]
        value = make()
        weight = weigh(value)
        self._kept[key] = value, weight
        self._bytes += weight
        while self._bytes > self._limit and len(self._kept) > 1:
            _, (_, dropped) = self._kept.popitem(last=False)
            self._bytes -= dropped
        return value


def _paint_sprite(
    figure: Figure, colour: Colour, phase: int, width: int, height: int, looks_left: bool
) -> Sprite:
    if figure.walks:
        stance = walking.stance(phase)
        canvas = Canvas(width, height, stance.aspect)
        stance.paint(canvas, colour)
    else:
        canvas = Canvas(width, height, figure.aspect)
        figure.paint(canvas, colour)
    # Coverage in 256ths keeps opaque and see-through pixels exact and every sum within 16 bits.
    keep = np.rint(256 - canvas.coverage * 256)
    own = np.minimum(np.rint(canvas.colour * 256), 255 * (256 - keep))
    keep = np.broadcast_to(keep, own.shape)
    sprite = Sprite(own.astype(np.uint16, order="C"), keep.astype(np.uint16, order="C"))
    return Sprite(_mirrored(sprite.colour), _mirrored(sprite.keep)) if looks_left else sprite


def _mirrored(pixels: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Mirror left and right; contiguous, as adding a view would take several times as long."""
    # Whole pixels move at once, not channel by channel.
    whole = pixels.view(np.dtype((np.void, 6)))
    return np.ascontiguousarray(whole[:, ::-1]).view(np.uint16)


def _paint_background(window: Rect, size: Size) -> Picture:
    width, height = size
    picture = np.zeros((height, width, 3), np.uint8)
    if window[2] > 0 and window[3] > 0:
        per_x, per_y = np.float32(window[2] / width), np.float32(window[3] / height)
        x = window[0] + (np.arange(width, dtype=np.float32) + np.float32(0.5)) * per_x
        y = window[1] + (np.arange(height, dtype=np.float32) + np.float32(0.5)) * per_y
        hills = [_hill_tops(x, hills) for hills in _HILLS]
        for start in range(0, height, _ROWS_AT_ONCE):
            rows = y[start : start + _ROWS_AT_ONCE]
            picture[start : start + _ROWS_AT_ONCE] = np.rint(_paint_rows(x, rows, per_y, hills))
        # A window may hang over the sensor's edge, where there is nothing to see.
        picture[:, x > SENSOR_SIZE[0]] = 0
        picture[y > SENSOR_SIZE[1]] = 0
    picture.flags.writeable = False
    return picture


def _paint_rows(x: Floats, rows: Floats, pixel: np.float32, hills: list[Floats]) -> Floats:
    """Rows of the background at heights `rows`; `pixel` is the size of one, in sensor pixels."""
    y = rows[:, np.newaxis]
    part = np.repeat(_gradient(rows, _SKY)[:, np.newaxis], len(x), axis=1)
    if rows[0] < HORIZON_Y:
        sun_x, sun_y, radius = _SUN
        away = np.hypot(x - np.float32(sun_x), y - np.float32(sun_y))
        _lay(part, np.float32(0.55) * np.exp(-np.square(away / np.float32(620))), (255, 244, 214))
        _lay(part, _edge(radius - away, pixel), (255, 250, 232))
        for u, v, ru, rv in _CLOUDS:
            if v - rv <= rows[-1] and rows[0] <= v + rv:
                length = np.hypot((x - np.float32(u)) / ru, (y - np.float32(v)) / rv)
                cloud = np.minimum((1 - length) * np.float32(rv / 40), 1)
                _lay(part, np.float32(0.8) * np.maximum(cloud, 0), (252, 252, 250))
        for top, (_, _, colour) in zip(hills, _HILLS, strict=True):
            if rows[-1] > top.min() - pixel:
                _lay(part, _edge(y - top, pixel), colour)
    if rows[-1] > HORIZON_Y - pixel:
        ground = np.repeat(_gradient(rows, _LAWN)[:, np.newaxis], len(x), axis=1)
        # Mown stripes run towards the horizon's middle, as they would in perspective.
        stripe = (x - 2028) / np.maximum(y - np.float32(HORIZON_Y - 260), 1)
        ground *= (1 + np.float32(0.018) * np.sign(np.sin(stripe * np.float32(7.0))))[..., None]
        _pave(ground, x, y, pixel)
        cover = _edge(y - np.float32(HORIZON_Y), pixel)[..., np.newaxis]
        part += (ground - part) * cover
    return part


def _pave(ground: Floats, x: Floats, y: Floats, pixel: np.float32) -> None:
    """Lay the road across the lawn."""
    far, near = _ROAD
    if y[-1, 0] < far - 60 or y[0, 0] > near + 60:
        return
    for low, high, colour in (
        (far - 16, near + 34, _KERB),
        (far, near, _ASPHALT),
    ):
        cover = np.minimum(_edge(y - np.float32(low), pixel), _edge(np.float32(high) - y, pixel))
        _lay(ground, np.broadcast_to(cover, ground.shape[:2]), colour)
    middle = np.float32(far + 0.42 * (near - far))
    lengthwise = np.float32(120) - np.abs(np.mod(x, np.float32(480)) - 240)
    dash = np.minimum(_edge(np.float32(9) - np.abs(y - middle), pixel), _edge(lengthwise, pixel))
    _lay(ground, dash, _DASH)


def _lay(part: Floats, cover: Floats, colour: tuple[int, int, int]) -> None:
    part += (np.asarray(colour, np.float32) - part) * cover[..., np.newaxis]


def _edge(inside: Floats, pixel: np.float32) -> Floats:
    """Coverage of pixels whose centres lie `inside` sensor pixels within an edge."""
    return np.asarray(np.clip(inside / pixel + np.float32(0.5), 0, 1), np.float32)


def _gradient(rows: Floats, stops: Sequence[tuple[int, tuple[int, int, int]]]) -> Floats:
    """Colours (rows, 3) at heights `rows` between the given stops."""
    heights = [stop[0] for stop in stops]
    channels = [
        np.interp(rows, heights, [stop[1][channel] for stop in stops]) for channel in range(3)
    ]
    return np.stack(channels, axis=-1).astype(np.float32)


def _hill_tops(x: Floats, hills: _Hills) -> Floats:
    top = np.full_like(x, hills.height)
    for reach, length, phase in hills.waves:
        top -= np.float32(reach) * np.sin(x / np.float32(length) + np.float32(phase))
    return top
