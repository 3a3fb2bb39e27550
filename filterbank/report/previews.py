"""Pictures inside a page: filters as cells, files as they are, and small ones of what no browser draws."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from filterbank import imagefile
from filterbank.errors import FilterbankError
from filterbank.imagefile import ReadOptions
from filterbank.imagefile.read_map import read_maps
from filterbank.model import Filter
from filterbank.record import record
from filterbank.report.colours import signed_colours

_SIDE = 160  # pixels
_PLANES = 4
_HEAD = 1 << 16  # bytes of a file that tell of its colours


@record(frozen=True)
class Picture:
    """A picture as a page has it: ``src`` is empty where there is none.

    A code c of 255 means ``at`` + ``step``·c where those are known, and only about so where ``is_near``;
    a pixel of the picture stands for ``every`` × ``every`` of the file.
    """

    src: str = ""
    at: float | None = None
    step: float | None = None
    every: int = 1
    is_near: bool = False


NONE = Picture()


def kernel_picture(filter: Filter, m: float) -> str:
    """Return *filter* as a picture for a page, a pixel a weight, its channels side by side; ±m full colour.

    >>> kernel_picture(Filter("edge", [[-1, 0, 1]]), 1.0)[:22]
    'data:image/png;base64,'
    """
    planes = [signed_colours(plane, m) for plane in filter.weights[:_PLANES]]
    gap = np.zeros((planes[0].shape[0], 1, 3), np.uint8) + 128
    joined = [part for plane in planes for part in (gap, plane)][1:]
    return _uri(np.concatenate(joined, axis=1))


def file_source(path: Path, kind: str) -> str:
    """Return the file *path*, a picture of *kind*, as a page holds it; empty where it cannot be read."""
    try:
        return _source(path.read_bytes(), kind)
    except OSError:
        return ""


def codes_are(path: Path, kind: str) -> str:
    """Return whether the codes that a browser reads of a picture are ``exact``, ``near`` or ``other``.

    A browser applies colour profiles, which this program does not; it has 8 bits, and decodes what is no
    PNG, or has transparency, nearly as we do.
    """
    try:
        with path.open("rb") as stream:
            head = stream.read(_HEAD)
    except OSError:
        return "other"
    if any(mark in head for mark in (b"iCCP", b"gAMA", b"ICC_PROFILE", b"ICCP")) and b"sRGB" not in head:
        return "other"
    opaque_8_bits = head[24:25] != b"\x10" and head[25:26] in {b"\0", b"\2", b"\3"} and b"tRNS" not in head
    return "exact" if kind == "png" and opaque_8_bits else "near"


def image_picture(path: str, options: dict[str, Any]) -> Picture:
    """Return the image *path*, read as the manifest's *options* say, small; none where it cannot be read."""
    page, layout, orient = (options.get(key) for key in ("page", "layout", "orient"))
    try:
        reading = ReadOptions(page=page or 0, layout=layout or "chw", orient=orient is not False)
        pixels, every = _small(imagefile.read(path, reading).pixels)
    except (FilterbankError, OSError, MemoryError, TypeError):
        return NONE
    values = pixels[: 3 if len(pixels) >= 3 else 1].astype(np.float64)
    if pixels.dtype.kind == "u":
        values /= np.iinfo(pixels.dtype).max
    inside = np.isfinite(values)
    lowest, highest = (float(f(values[inside])) if inside.any() else 0.0 for f in (np.min, np.max))
    return _grey(values, min(lowest, 0.0), max(highest, 1.0), every)


def map_picture(path: Path, index: int) -> Picture:
    """Return map *index* of the file *path*, small, signed about grey 128; none where it cannot be read."""
    try:
        maps = read_maps(path)
    except (FilterbankError, OSError, MemoryError):
        return NONE
    values = maps[index][0] if index < len(maps) else maps[0][0]
    if len(maps) == 1 and index and index < len(values):
        values = values[index]  # of an npy with a map a plane
    values = values.reshape(-1, *values.shape[-2:])
    values, every = _small(values[: 3 if len(values) >= 3 else 1])
    values = values.astype(np.float64)
    inside = values[np.isfinite(values)]
    lowest, highest = (float(inside.min()), float(inside.max())) if inside.size else (0.0, 0.0)
    if lowest < 0:
        highest = max(-lowest, highest)
        lowest = -highest
    return _grey(values, lowest, highest, every)


def _small(planes: NDArray[Any]) -> tuple[NDArray[Any], int]:
    """Return *planes* (C, H, W) with every n-th pixel, so that no side is longer than a preview's, and n."""
    every = max(-(-max(planes.shape[1:]) // _SIDE), 1)
    return planes[:, ::every, ::every], every


def _grey(values: NDArray[np.floating], lowest: float, highest: float, every: int) -> Picture:
    """Return *values* (1 or 3, H, W) as a picture, *lowest* black and *highest* white."""
    share = (values - lowest) / ((highest - lowest) or 1.0)
    codes = np.rint(255 * np.clip(np.nan_to_num(share), 0, 1)).astype(np.uint8)
    src = _uri(codes[0] if len(codes) == 1 else np.moveaxis(codes, 0, 2))
    return Picture(src, lowest, (highest - lowest) / 255, every, is_near=True)


def _uri(pixels: NDArray[np.uint8]) -> str:
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(stream, "PNG", optimize=True)
    return _source(stream.getvalue(), "png")


def _source(data: bytes, kind: str) -> str:
    return f"data:image/{kind};base64," + base64.b64encode(data).decode("ascii")
