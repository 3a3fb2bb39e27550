"""The walk over an image's bands of rows, the same for every method."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import types

from filterbank.engine.kernels.layout import BAND_ROWS, OUT_HEIGHT
from filterbank.engine.kernels.vector import INT, i64, low


def kernel_of(fill: Any) -> Callable[[int, int, int, int], None]:
    """Return the kernel that has *fill* fill one band after the other.

    ``fill(layer, space, band, first, last)`` fills rows *first* … *last* − 1 of every map; *band* numbers
    them, for the statistics.
    """

    def kernel(layer: int, space: int, start: int, stop: int) -> None:
        """Fill bands *start* … *stop* − 1 of every map; the layer's words are in ``layout``.

        *space* is the thread's own work space.
        """
        words = i64(layer)
        for band in range(start, stop):
            first = band * words[BAND_ROWS]
            fill(layer, space, band, first, low(first + words[BAND_ROWS], words[OUT_HEIGHT]))

    return kernel


FILL = types.void(*[INT] * 5)
