"""The rows of a PNG as a small zlib stream: a filter chosen for each row, then libdeflate."""

from __future__ import annotations

import zlib

import imagecodecs
import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]

# Of libdeflate, whose 12 tries far harder: half a per cent smaller at five times the time.
_LEVEL = 9
_NONE, _SUB, _UP, _AVERAGE, _PAETH = range(5)  # PNG specification, third edition, section 9.2

# Bytes filtered at a time: what is tried for them stays in the cache.
_BAND = 1 << 18


def squeeze(rows: Bytes, bpp: int, swap: bool = False) -> bytes:
    r"""Return the zlib stream of *rows* (H, n) uint8, *bpp* bytes a pixel, as small as is reasonable.

    Every row takes the filter whose bytes are nearest to zero in sum, unless no filter at all makes the
    whole smaller, as for drawings. *swap* turns words with the low byte first round.

    >>> import zlib
    >>> zlib.decompress(squeeze(np.full((1, 3), 7, np.uint8), 1))
    b'\x01\x07\x00\x00'
    """
    rows = _swapped(rows) if swap else rows
    filtered = np.empty((len(rows), rows.shape[1] + 1), np.uint8)
    step = max(1, _BAND // rows.shape[1])
    above = np.zeros((1, rows.shape[1]), np.uint8)
    for top in range(0, len(rows), step):
        band = rows[top : top + step]
        _filter(band, np.concatenate([above, band[:-1]]), bpp, filtered[top : top + step])
        above = band[-1:]
    plain = np.concatenate([np.full((len(rows), 1), _NONE, np.uint8), rows], axis=1)
    streams = (imagecodecs.deflate_encode(each.tobytes(), _LEVEL) for each in (filtered, plain))
    return bytes(min(streams, key=len))


class RowSqueezer:
    r"""The zlib stream of *height* rows that come in bands, every row with the filter that suits it best.

    What only the whole would tell, whether no filter at all is better, is not asked.

    >>> import zlib
    >>> squeezer = RowSqueezer(2, 3, 1)
    >>> stream = squeezer.rows(np.full((1, 3), 7, np.uint8)) + squeezer.rows(np.full((1, 3), 7, np.uint8))
    >>> list(zlib.decompress(stream))
    [1, 7, 0, 0, 2, 0, 0, 0]
    """

    def __init__(self, height: int, n: int, bpp: int, swap: bool = False) -> None:
        self._left, self._bpp, self._swap = height, bpp, swap
        self._above = np.zeros((1, n), np.uint8)
        self._stream = zlib.compressobj(9)

    def rows(self, rows: Bytes) -> bytes:
        """Return what the stream goes on with, the next *rows* (h, n) being given; its end with the last."""
        rows = _swapped(rows) if self._swap else rows
        step = max(1, _BAND // rows.shape[1])
        parts = []
        for top in range(0, len(rows), step):
            band = rows[top : top + step]
            filtered = np.empty((len(band), rows.shape[1] + 1), np.uint8)
            _filter(band, np.concatenate([self._above, band[:-1]]), self._bpp, filtered)
            self._above = band[-1:].copy()
            parts.append(self._stream.compress(filtered.data))
        self._left -= len(rows)
        return b"".join(parts) + (b"" if self._left else self._stream.flush())


def _swapped(rows: Bytes) -> Bytes:
    """Return words with their other byte first."""
    return rows.reshape(len(rows), -1, 2)[:, :, ::-1].reshape(rows.shape)


def _filter(rows: Bytes, above: Bytes, bpp: int, out: Bytes) -> None:
    """Fill *out* (h, n + 1): for each row the filter that suits it best, and its bytes."""
    least = np.full(len(rows), np.iinfo(np.int64).max)
    for kind in (_SUB, _UP, _AVERAGE, _PAETH, _NONE):
        tried = rows - _predicted(kind, rows, above, bpp)
        size = np.abs(tried.view(np.int8).astype(np.int16)).sum(1, dtype=np.int64)
        better = size < least
        least[better] = size[better]
        out[better, 0], out[better, 1:] = kind, tried[better]


def _predicted(kind: int, rows: Bytes, above: Bytes, bpp: int) -> Bytes:
    if kind == _NONE:
        return np.zeros_like(rows)
    if kind == _UP:
        return above
    left = _shifted(rows, bpp)
    if kind == _SUB:
        return left
    a, b = left.astype(np.int16), above.astype(np.int16)
    if kind == _AVERAGE:
        return ((a + b) >> 1).astype(np.uint8)
    c = _shifted(above, bpp).astype(np.int16)
    to_left, to_above, to_corner = np.abs(b - c), np.abs(a - c), np.abs(a + b - 2 * c)
    nearest = np.where(to_above <= to_corner, above, c.astype(np.uint8))
    return np.where((to_left <= to_above) & (to_left <= to_corner), left, nearest)


def _shifted(rows: Bytes, bpp: int) -> Bytes:
    """Return the bytes one pixel before, zeros for the first one's."""
    out = np.zeros_like(rows)
    out[:, bpp:] = rows[:, :-bpp]
    return out
