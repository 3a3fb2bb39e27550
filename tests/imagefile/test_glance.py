from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from filterbank.errors import ImageError
from filterbank.imagefile import encode
from filterbank.imagefile.glance import glance
from filterbank.imagefile.maptext import MapText
from filterbank.imagefile.tone import Scale

TEXT = MapText("edge", "bank", "ab12", scale=Scale(-2, 2, 255, 128))
FLOAT = MapText("edge", "bank", "ab12")
PLANE = np.arange(24, dtype=np.float32).reshape(4, 6)


def write(path: Path) -> Path:
    with path.open("wb") as stream:
        if path.suffix == ".png":
            encode.write_png(PLANE.astype(np.uint8), TEXT, stream)
        elif path.suffix == ".tiff":
            with encode.TiffStack(stream, 2 * PLANE.nbytes) as stack:
                stack.write(PLANE, FLOAT)
                stack.write(PLANE, FLOAT)
        else:
            encode.write_npy(PLANE, stream)
    return path


@pytest.mark.parametrize(
    ("name", "count", "texts"), [("a.png", 1, [TEXT]), ("a.tiff", 2, [FLOAT] * 2), ("a.npy", 1, [])]
)
def test_a_whole_file(tmp_path: Path, name: str, count: int, texts: list[MapText]) -> None:
    seen = glance(write(tmp_path / name))
    assert (seen.format, seen.count, seen.sizes) == (name[2:], count, {(4, 6)})
    assert list(seen.texts) == texts


@pytest.mark.parametrize("name", ["a.png", "a.tiff", "a.npy"])
def test_every_shorter_file_is_found(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name)
    data = path.read_bytes()
    for length in range(len(data)):
        path.write_bytes(data[:length])
        if name == "a.tiff":
            with suppress(ImageError):
                assert glance(path).count < 2  # the first page is there
            continue
        with pytest.raises(ImageError):
            glance(path)


def test_an_npy_of_another_kind(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    for array in (PLANE.astype(np.float64), PLANE[0], np.asfortranarray(PLANE), np.array([None])):
        np.save(path, array)
        with pytest.raises(ImageError, match=r"no map of filterbank|damaged"):
            glance(path)
    np.save(path, np.zeros((3, 4, 6), np.float32))
    assert glance(path, stack=True).count == 3
    path.write_bytes(path.read_bytes() + b"more")
    with pytest.raises(ImageError, match="length"):
        glance(path)


def test_missing_or_strange(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="cannot be read: No such file"):
        glance(tmp_path / "no.png")
    (tmp_path / "a.png").write_text("mine")
    with pytest.raises(ImageError, match="no map"):
        glance(tmp_path / "a.png")
