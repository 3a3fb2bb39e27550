"""The structure of a matrix as a picture: each entry a point, in the colour of its weight."""

from __future__ import annotations

import colorsys
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from filterbank.geometry import Pair

_SIDE = 1600  # pixels of the longer side, where a point has one or more
_TURN = 0.618033988749895  # of the circle of hues: however many there are, neighbours stay apart


def draw_structure(
    shape: Pair, indptr: NDArray[Any], indices: NDArray[Any], weight: NDArray[np.int32]
) -> Image.Image:
    """Return an RGB picture of a matrix in compressed rows: equal *weight* numbers have equal colours.

    Small matrices get squares of several pixels; of large ones, the entries of a pixel are averaged.

    >>> picture = draw_structure((2, 3), np.array([0, 1, 2]), np.array([0, 1]), np.array([7, 7]))
    >>> picture.size, picture.getpixel((0, 0)) == picture.getpixel((600, 600)), picture.getpixel((1598, 0))
    ((1599, 1066), True, (255, 255, 255))
    """
    rows, columns = shape
    longest = max(shape)
    height, width = (-(-length * min(_SIDE, longest) // longest) for length in shape)
    row = np.repeat(np.arange(rows), np.diff(indptr))
    point = (row * height // rows) * width + indices.astype(np.int64) * width // columns
    counts = np.bincount(point, minlength=height * width)
    colours = _colours(int(weight.max(initial=0)) + 1)[weight]
    picture = np.full((height * width, 3), 255, np.uint8)
    filled = counts > 0
    for channel in range(3):
        sums = np.bincount(point, colours[:, channel], minlength=height * width)
        picture[filled, channel] = np.rint(sums[filled] / counts[filled])
    side = max(1, _SIDE // longest)
    enlarged = picture.reshape(height, width, 3).repeat(side, axis=0).repeat(side, axis=1)
    return Image.fromarray(enlarged)


def _colours(count: int) -> NDArray[np.uint8]:
    """Return *count* colours (count, 3) of different hue and depth."""
    made = [colorsys.hls_to_rgb(n * _TURN % 1, 0.42 + 0.16 * (n % 2), 0.75) for n in range(min(count, 1024))]
    colours: NDArray[np.uint8] = np.rint(255 * np.array(made)).astype(np.uint8)
    return np.resize(colours, (count, 3))
