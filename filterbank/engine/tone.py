"""Arrays to and from the kernels of `kernels.tone`; what a scale means is decided elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Kernel = Callable[..., Any]

_BYTES, _WORDS, _BIG_WORDS = range(3)
_STATISTICS_WORDS, _STATE_WORDS = 5, 33
# Stands in for a span of zero: the constant itself gets code lo, all else is clipped to an end.
_TINY = float(np.finfo(np.float64).tiny)


class Measured(NamedTuple):
    """What `measure` found: of the finite values, and how many values are not finite."""

    minimum: float
    maximum: float
    total: float
    negative: int
    nonfinite: int


def to_codes(
    values: NDArray[np.float32],
    lo: float,
    hi: float,
    top: int,
    kernel: Kernel,
    zero: int | None = None,
    out: NDArray[Any] | None = None,
) -> tuple[NDArray[Any], int]:
    """Return the codes of *values* and how many were clipped, NaN among them.

    ``round((v - lo) / (hi - lo) * top)``; with *zero*, ``zero + round((top - zero) * v / hi)``; in float64,
    halves to even. NaN gets the code *zero*, or 0.

    Parameters
    ----------
    values : float32, C-contiguous, any shape
    top : 255 or 65535
    kernel : `kernels.tone.to_codes`, compiled
    out : uint8 or uint16 of the same shape, C-contiguous; dtype ``>u2`` for the high byte first

    Examples
    --------
    >>> import numba
    >>> from filterbank.engine.kernels import tone
    >>> to_codes(np.array([-1, 0, 0.5, 2], np.float32), 0, 1, 255, numba.njit(tone.to_codes))
    (array([  0,   0, 128, 255], dtype=uint8), 2)
    """
    if out is None:
        out = np.empty(values.shape, np.uint8 if top == 255 else np.uint16)
    kind = _BYTES if out.itemsize == 1 else _WORDS if out.dtype.isnative else _BIG_WORDS
    if zero is None:
        scale = np.array([lo, 1, hi - lo or _TINY, top, 0, 0, top, 0], np.float64)
    else:
        scale = np.array([0, top - zero, hi or _TINY, 1, zero, 2 * zero - top, top, zero], np.float64)
    clipped = kernel(values.ctypes.data, values.size, kind, scale.ctypes.data, out.ctypes.data)
    return out, int(clipped)


def measure(values: NDArray[np.float32], kernel: Kernel) -> Measured:
    """Return minimum, maximum and sum of the finite *values*, and counts of negative and not finite ones.

    *kernel* is `kernels.tone.statistics`, compiled; *values* are C-contiguous. Without a finite value the
    minimum is inf and the maximum -inf.

    >>> import numba
    >>> from filterbank.engine.kernels import tone
    >>> measure(np.array([-1, 0.5, 0.5, 1], np.float32), numba.njit(tone.statistics))
    Measured(minimum=-1.0, maximum=1.0, total=1.0, negative=1, nonfinite=0)
    """
    state, found = np.empty(_STATE_WORDS), np.empty(_STATISTICS_WORDS)
    kernel(values.ctypes.data, values.size, state.ctypes.data, found.ctypes.data)
    minimum, maximum, total, negative, nonfinite = found.tolist()
    return Measured(minimum, maximum, total, int(negative), int(nonfinite))
