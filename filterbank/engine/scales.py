"""Scales of codes as kernels take them: the six numbers of the formula, and what float32 makes of them."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from filterbank.engine.kernels import layout

# What float32's roundings of a code's steps come to at most, with as much again to be sure.
_ULPS = 8 * 2.0**-24
_NEAREST = 0.01  # codes: beyond it float32 decides too little to be worth it


def prepared(scales: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (K, 6) float64, lo, span, factor, zero, lowest and top, as rows of ``layout.SCALE_BYTES``.

    >>> row = prepared(np.array([[0, 0.5, 255, 0, 0, 255.0]]))[0]
    >>> row[:6].tolist(), row[6:].view(np.float32)[[layout.SLOPE, layout.OFFSET]].tolist()
    ([0.0, 0.5, 255.0, 0.0, 0.0, 255.0], [510.0, 0.0])
    """
    return _prepared(np.asarray(scales, np.float64).tobytes())


@lru_cache(maxsize=32)
def _prepared(known: bytes) -> NDArray[np.float64]:
    """Return the rows of scales that images of a batch share: this takes as long as summing a small one."""
    scales = np.frombuffer(known).reshape(-1, 6)
    rows = np.zeros((len(scales), layout.SCALE_BYTES // 8))
    rows[:, :6] = scales
    lo, span, factor, zero, lowest, top = rows[:, :6].T
    with np.errstate(all="ignore"):
        slope = factor / span
        offset = zero - lo * slope
        near = ((np.abs(lo) / span + 1) * factor + zero) * _ULPS
        is_near = (span > 1e-30) & (span < 1e30) & (near < _NEAREST)
        quick = rows[:, 6:].view(np.float32)
        for place, values in ((layout.SLOPE, slope), (layout.OFFSET, offset)):
            quick[:, place] = values
            quick[:, place + layout.REST] = values - quick[:, place]
        quick[:, layout.LOWEST], quick[:, layout.TOP_CODE] = lowest, top
        quick[:, layout.NEAR] = np.where(is_near, near, 1)
    return rows
