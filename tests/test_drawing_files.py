"""Pictures in files."""

from __future__ import annotations

import errno
import os
from types import SimpleNamespace

import numpy as np
import pytest
from drawn import picture

from imx500_native.drawing import files, save_picture
from imx500_native.errors import DrawingError

Image = pytest.importorskip("PIL.Image", reason="needs Pillow: pip install pillow")


@pytest.fixture
def colourful():
    rng = np.random.default_rng(1)
    return rng.integers(0, 255, (24, 32, 4), np.uint8)


@pytest.mark.parametrize(
    ("image_format", "channels", "order"),
    [
        ("RGB", 3, (0, 1, 2)),
        ("BGR", 3, (2, 1, 0)),
        ("BGR", 4, (2, 1, 0)),
        ("BGRA", 4, (2, 1, 0, 3)),
        ("RGBA", 4, (0, 1, 2, 3)),
    ],
)
def test_a_png_holds_every_pixel(tmp_path, colourful, image_format, channels, order):
    path = tmp_path / "Picture.PNG"
    save_picture(path, colourful[..., :channels], image_format)
    with Image.open(path) as read:
        assert read.format == "PNG"
        assert np.array_equal(np.asarray(read), colourful[..., list(order)])
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg"])
def test_a_jpeg_is_close(tmp_path, suffix):
    image = picture(channels=4)
    image[..., 2] = 200
    path = tmp_path / f"a{suffix}"
    save_picture(str(path), image, "BGRA", quality=95)
    with Image.open(path) as read:
        assert read.format == "JPEG"
        assert np.abs(np.asarray(read).astype(int) - (200, 120, 120)).max() <= 3


def test_a_file_is_replaced(tmp_path):
    path = tmp_path / "a.png"
    path.write_text("old")
    save_picture(path, picture())
    with Image.open(path) as read:
        assert read.size == (320, 240)


@pytest.mark.parametrize("name", ["a.gif", "a", "png"])
def test_unknown_suffixes_are_named(tmp_path, name):
    with pytest.raises(DrawingError, match=r"\.png, \.jpg or \.jpeg"):
        save_picture(tmp_path / name, picture())
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    path.write_text("old")

    def fsync(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files, "os", SimpleNamespace(fsync=fsync, PathLike=os.PathLike))
    with pytest.raises(OSError, match="No space left"):
        save_picture(path, picture())
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_directory_is_an_os_error(tmp_path):
    path = tmp_path / "no" / "a.png"
    with pytest.raises(FileNotFoundError) as caught:
        save_picture(path, picture())
    assert caught.value.filename == str(path)


def test_a_file_in_the_way_is_named(tmp_path):
    (tmp_path / "a.png").mkdir()
    (tmp_path / "b").write_text("")
    for path, kind in (
        (tmp_path / "a.png", IsADirectoryError),
        (tmp_path / "b" / "a.png", NotADirectoryError),
    ):
        with pytest.raises(kind) as caught:
            save_picture(path, picture())
        assert caught.value.filename == str(path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "b"]


def test_the_name_comes_first(tmp_path):
    with pytest.raises(DrawingError, match=r"name and then the picture, got ndarray"):
        save_picture(picture(), tmp_path / "a.png")
