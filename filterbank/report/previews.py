"""Small pictures inside a page: filters as cells, and what a browser cannot draw by itself."""

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
from filterbank.report.colours import signed_colours

_SIDE = 160  # pixels
_PLANES = 4


def kernel_picture(filter: Filter, m: float) -> str:
    """Return *filter* as a picture for a page, a pixel a weight, its channels side by side; ±m full colour.

    >>> kernel_picture(Filter("edge", [[-1, 0, 1]]), 1.0)[:22]
    'data:image/png;base64,'
    """
    planes = [signed_colours(plane, m) for plane in filter.weights[:_PLANES]]
    gap = np.zeros((planes[0].shape[0], 1, 3), np.uint8) + 128
    joined = [part for plane in planes for part in (gap, plane)][1:]
    return _uri(np.concatenate(joined, axis=1))


def image_picture(path: str, options: dict[str, Any]) -> str:
    """Return the image *path*, read as the manifest's *options* say, small; empty where it cannot be read."""
    page, layout, orient = (options.get(key) for key in ("page", "layout", "orient"))
    try:
        reading = ReadOptions(page=page or 0, layout=layout or "chw", orient=orient is not False)
        pixels = _small(imagefile.read(path, reading).pixels)
    except (FilterbankError, OSError, MemoryError, TypeError):
        return ""
    values = pixels[: 3 if len(pixels) >= 3 else 1].astype(np.float64)
    if pixels.dtype.kind == "u":
        return _grey(values, 0.0, float(np.iinfo(pixels.dtype).max))
    inside = np.isfinite(values)
    lowest, highest = (float(f(values[inside])) if inside.any() else 0.0 for f in (np.min, np.max))
    return _grey(values, min(lowest, 0.0), max(highest, 1.0))


def map_picture(path: Path, index: int) -> str:
    """Return map *index* of the file *path*, small, signed about grey 128; empty where it cannot be read."""
    try:
        maps = read_maps(path)
    except (FilterbankError, OSError, MemoryError):
        return ""
    values = maps[index][0] if index < len(maps) else maps[0][0]
    if len(maps) == 1 and index and index < len(values):
        values = values[index]  # of an npy with a map a plane
    values = values.reshape(-1, *values.shape[-2:])
    values = _small(values[: 3 if len(values) >= 3 else 1]).astype(np.float64)
    inside = values[np.isfinite(values)]
    lowest, highest = (float(inside.min()), float(inside.max())) if inside.size else (0.0, 0.0)
    if lowest < 0:
        highest = max(-lowest, highest)
        lowest = -highest
    return _grey(values, lowest, highest)


def _small(planes: NDArray[Any]) -> NDArray[Any]:
    """Return *planes* (C, H, W) with every n-th pixel, so that no side is longer than a preview's."""
    step = max(-(-max(planes.shape[1:]) // _SIDE), 1)
    return planes[:, ::step, ::step]


def _grey(values: NDArray[np.floating], lowest: float, highest: float) -> str:
    """Return *values* (1 or 3, H, W) as a picture, *lowest* black and *highest* white."""
    share = (values - lowest) / ((highest - lowest) or 1.0)
    codes = np.rint(255 * np.clip(np.nan_to_num(share), 0, 1)).astype(np.uint8)
    return _uri(codes[0] if len(codes) == 1 else np.moveaxis(codes, 0, 2))


def _uri(pixels: NDArray[np.uint8]) -> str:
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(stream, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode("ascii")
