"""The walk over an image's bands of rows, the same for every method and any number of threads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import types

from filterbank.engine.kernels.layout import BAND_ROWS, OUT_HEIGHT
from filterbank.engine.kernels.vector import INT, add_shared, i64, load_shared, low

# How often a thread looks whether the others have ended: about as long as to be woken takes, 50 µs and more.
_LOOKS = 1 << 17


def kernel_of(fill: Any) -> Callable[[int, int, int, int], None]:
    """Return the kernel that has *fill* fill one band after the other.

    ``fill(layer, space, band, first, last)`` fills rows *first* … *last* − 1 of every map; *band* numbers
    them, for the statistics.
    """

    def kernel(layer: int, space: int, progress: int, bands: int) -> None:
        """Fill those of so many *bands* of every map that no other thread takes.

        The layer's words are in ``layout``, *space* is the thread's own work space. *progress* is two int64
        that all threads share, both 0 at first: how many bands are taken, and how many are filled. A thread
        that finds none to take stays a moment until the others have filled theirs.
        """
        words = i64(layer)
        band = add_shared(progress, 1)
        while band < bands:
            first = band * words[BAND_ROWS]
            fill(layer, space, band, first, low(first + words[BAND_ROWS], words[OUT_HEIGHT]))
            add_shared(progress + 8, 1)
            band = add_shared(progress, 1)
        looks = 0
        while looks < _LOOKS and load_shared(progress + 8) < bands:
            looks += 1

    return kernel


FILL = types.void(*[INT] * 5)
