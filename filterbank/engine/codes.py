"""Codes of maps whose values are there already."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from filterbank.engine.compiled import kernels
from filterbank.engine.direct import Statistics
from filterbank.engine.kernels import layout
from filterbank.engine.scales import prepared


def to_codes(values: NDArray[np.float32], scale: NDArray[np.float64]) -> tuple[NDArray[Any], int]:
    """Return the codes of *values*, uint8 or uint16, by a *scale* as `encode` has them, and how many clipped.

    >>> to_codes(np.array([0, 0.5, 2], np.float32), np.array([0, 1, 255, 0, 0, 255.0]))
    (array([  0, 128, 255], dtype=uint8), 1)
    """
    out = np.empty(values.shape, np.uint16 if scale[5] > 255 else np.uint8)
    values, row, state = np.ascontiguousarray(values), prepared(scale[None]), Statistics.room(1, 1)
    kernels().encode(
        values.ctypes.data,
        values.size,
        state.ctypes.data,
        out.ctypes.data,
        out.itemsize,
        row.ctypes.data,
    )
    return out, int(state[0, 0, layout.CLIPPED].sum())
