"""The sums of products of a fit by lags: nearly all of them are shifted copies of a few.

Over all outputs, two taps a and b of a filter meet the pairs of pixels whose distance is that from a to b.
Two taps and the same two moved by a row differ by what enters and leaves at the borders alone,

    G[a + 1, b + 1] = G[a, b] − (outputs of the first row) + (those of a row after the last),

likewise for columns. So only pairs of which one tap lies in the first row and one in the first column are
summed over the image: F·(2F − 1) instead of F⁴ pairs. Every term is a product of float64 numbers as they are;
nothing is approximated.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from filterbank.geometry import Pair, extent
from filterbank.model import floats
from filterbank.record import record

Floats = NDArray[np.float64]

# Numbers that stay in the cache between being copied and being multiplied, and rows converted at once.
_BAND, _ROWS = 1 << 18, 64
# Longer rows are taken in parts, for the sake of memory.
_COLUMNS = 1 << 13


@record(frozen=True)
class Window:
    """What one output sees: rows and columns of the filter, its dilation, and how many channels."""

    kernel: Pair
    dilation: Pair
    channels: int

    @property
    def inputs(self) -> int:
        """M, the taps of all channels."""
        return self.channels * self.kernel[0] * self.kernel[1]


def sums(pixels: NDArray[Any], targets: NDArray[Any], window: Window, origin: Floats) -> Floats:
    """Return the sums of products (M + 1 + K, M + 1 + K) over all outputs, as ``Moments`` has them.

    Parameters
    ----------
    pixels
        (C, Hp, Wp), codes or float32: outputs are at all valid positions, at stride 1.
    targets
        (K, H2, W2) of these outputs.
    origin
        (M + 1 + K,): what is taken off; the same for all taps of a channel.
    """
    M, taps = window.inputs, window.kernel[0] * window.kernel[1]
    mean = np.ascontiguousarray(origin[:M:taps]), np.ascontiguousarray(origin[M + 1 :])
    found = np.zeros((M + 1 + len(targets),) * 2)
    beyond = extent(window.kernel[1], window.dilation[1]) - 1
    for left in range(0, targets.shape[2], _COLUMNS):
        some = targets[:, :, left : left + _COLUMNS]
        seen = pixels[:, :, left : left + some.shape[2] + beyond]
        base, cross, own = _summed(seen, some, window, mean)
        found[:M, :M] += _spread(base, seen, some.shape[1:], window, mean[0]).reshape(M, M)
        found[:M, M:] += cross
        found[M:, M:] += own
    found[M:, :M] = found[:M, M:].T
    return found


def _summed(
    pixels: NDArray[Any], targets: NDArray[Any], window: Window, mean: tuple[Floats, Floats]
) -> tuple[Floats, Floats, Floats]:
    """Return the sums over the image: of lags (C, Fh, C, 2·Fw − 1), taps with a one and targets, and these.

    Lag e stands at place Fw − 1 + e: for e ≥ 0 it is tap (s, 0) with (0, e), else tap (s, −e) with (0, 0).
    """
    (Fh, Fw), (down, across), C = window.kernel, window.dilation, window.channels
    height, width = targets.shape[1:]
    K, wide, lags = len(targets) + 1, pixels.shape[2], 2 * Fw - 1
    rows = max(1, min(_ROWS, height, _BAND // ((C * (Fh + lags) + K * Fw) * wide)))
    seen = np.empty((C, Fh, rows, wide))
    # What is never written stays zero: there is no output.
    shifted, met = np.zeros((C, lags, rows, wide)), np.zeros((K, Fw, rows, wide))
    base, cross, own = np.zeros((C * Fh, C * lags)), np.zeros((C * Fh, K * Fw)), np.zeros((K, K))
    for start in range(0, height, _ROWS):
        count = min(_ROWS, height - start)
        block = _centred(pixels[:, start : start + count + (Fh - 1) * down], mean[0])
        values = np.concatenate(
            [np.ones((1, count, width)), _centred(targets[:, start : start + count], mean[1])]
        )
        for first in range(0, count, rows):
            n = min(rows, count - first)
            for s in range(Fh):
                seen[:, s, :n] = block[:, first + s * down : first + s * down + n]
            for e in range(1 - Fw, Fw):
                source, place = max(e, 0) * across, max(-e, 0) * across
                shifted[:, Fw - 1 + e, :n, place : place + width] = block[
                    :, first : first + n, source : source + width
                ]
            for j in range(Fw):
                met[:, j, :n, j * across : j * across + width] = values[:, first : first + n]
            left = seen[:, :, :n].reshape(C * Fh, -1)
            base += left @ shifted[:, :, :n].reshape(C * lags, -1).T
            cross += left @ met[:, :, :n].reshape(K * Fw, -1).T
            flat = values[:, first : first + n].reshape(K, -1)
            own += flat @ flat.T
    by_tap = cross.reshape(C, Fh, K, Fw).transpose(0, 1, 3, 2).reshape(window.inputs, K)
    return base.reshape(C, Fh, C, lags), by_tap, own


def _spread(base: Floats, pixels: NDArray[Any], size: Pair, window: Window, mean: Floats) -> Floats:
    """Return the sums of all pairs of taps (C, Fh, Fw, C, Fh, Fw) from those that *base* has."""
    (Fh, Fw), (down, across), C = window.kernel, window.dilation, window.channels
    found = np.empty((C, Fh, Fw) * 2)
    for e in range(Fw):
        found[:, :, 0, :, 0, e] = base[..., Fw - 1 + e]
        found[:, :, e, :, 0, 0] = base[..., Fw - 1 - e]
    if Fw > 1:
        sides = (pixels[:, :, : (Fw - 1) * across], pixels[:, :, size[1] :])
        leaves, enters = (_every_pair(_centred(each, mean), (Fh, Fw - 1), window.dilation) for each in sides)
        enters -= leaves
        for j in range(Fw - 1):
            for i in range(Fw - 1):
                found[:, :, j + 1, :, 0, i + 1] = found[:, :, j, :, 0, i] + enters[:, :, j, :, 0, i]
    if Fh > 1:
        sides = (pixels[:, : (Fh - 1) * down], pixels[:, size[0] :])
        leaves, enters = (_every_pair(_centred(each, mean), (Fh - 1, Fw), window.dilation) for each in sides)
        enters -= leaves
        for j in range(Fh - 1):
            for i in range(j + 1):
                found[:, j + 1, :, :, i + 1] = found[:, j, :, :, i] + enters[:, j, :, :, i]
    for j in range(Fh):
        for i in range(j):
            found[:, i, :, :, j] = found[:, j, :, :, i].transpose(2, 3, 0, 1)
    return found


def _every_pair(planes: Floats, kernel: Pair, dilation: Pair) -> Floats:
    """Return the sums of all pairs of taps (C, Fh, Fw, C, Fh, Fw) over the valid outputs of *planes*."""
    spans = tuple(extent(f, d) for f, d in zip(kernel, dilation, strict=True))
    views = sliding_window_view(planes, spans, axis=(1, 2))[..., :: dilation[0], :: dilation[1]]
    C, height, width = views.shape[:3]
    count = C * kernel[0] * kernel[1]
    total = np.zeros((count, count))
    rows = max(1, _BAND // (count * width))
    for start in range(0, height, rows):
        columns = views[:, start : start + rows].transpose(0, 3, 4, 1, 2).reshape(count, -1)
        total += columns @ columns.T
    return total.reshape((C, *kernel) * 2)


def _centred(values: NDArray[Any], mean: Floats) -> Floats:
    """Return *values* (C, H, W) as float64, less their *mean* (C,)."""
    return np.subtract(floats(values), mean[:, np.newaxis, np.newaxis], dtype=np.float64)
