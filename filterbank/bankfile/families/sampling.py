"""Where families are sampled: grids around the middle, how far they reach, and names from numbers."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from filterbank.bankfile.families.family import MAX_SIZE
from filterbank.bankfile.kernel import MAX_WEIGHTS
from filterbank.errors import RequestError

Weights = NDArray[np.float64]
Named = list[tuple[str, Weights]]


def axis(size: int) -> Weights:
    """Return the places of *size* pixels in a row, counted from the middle; an even row has none there.

    >>> axis(3).tolist(), axis(2).tolist()
    ([-1.0, 0.0, 1.0], [-0.5, 0.5])
    """
    return np.arange(size, dtype=np.float64) - (size - 1) / 2


def grid(size: int) -> tuple[Weights, Weights]:
    """Return (x, y) of size×size pixels from the middle: x grows to the right, y downwards.

    >>> x, y = grid(3)
    >>> x[0].tolist(), y[:, 0].tolist()
    ([-1.0, 0.0, 1.0], [-1.0, 0.0, 1.0])
    """
    t = axis(size)
    return np.broadcast_to(t, (size, size)), np.broadcast_to(t[:, None], (size, size))


def turned(x: Weights, y: Weights, degrees: float) -> tuple[Weights, Weights]:
    """Return the places along and across a direction *degrees* from the right towards the bottom.

    ``along = x·cos θ + y·sin θ``, ``across = −x·sin θ + y·cos θ``.
    """
    turn = math.radians(degrees % 360)
    cosine, sine = math.cos(turn), math.sin(turn)
    return x * cosine + y * sine, y * cosine - x * sine


def reaching(reach: float, size: int | None = None, count: int = 1) -> int:
    """Return *size*, or without one the odd size that reaches *reach* pixels to every side.

    Raises
    ------
    RequestError
        It is beyond MAX_SIZE, or *count* such filters have more weights than a bank may.

    Examples
    --------
    >>> reaching(2.5), reaching(2.5, size=9)
    (7, 9)
    """
    found = 2 * math.ceil(reach) + 1 if size is None else size
    if found > MAX_SIZE:
        raise RequestError(
            f"found a filter of {found:,} rows and columns; accepted: at most {MAX_SIZE:,}; give a size"
        )
    if count * found**2 > MAX_WEIGHTS:
        raise RequestError(
            f"found {count:,} filters of {found}×{found}; accepted: at most {MAX_WEIGHTS:,} weights; "
            "use fewer or smaller ones"
        )
    return found


def directions(count: int, first: float = 0.0) -> list[float]:
    """Return *count* directions in degrees that divide the half turn evenly, from *first* on.

    >>> directions(3)
    [0.0, 60.0, 120.0]
    """
    return [first + index * 180 / count for index in range(count)]


def angle_name(degrees: float) -> str:
    """Return a direction as names have it, three digits before the point.

    >>> angle_name(30), angle_name(22.5), angle_name(-45)
    ('030', '022.5', '315')
    """
    whole, dot, rest = f"{degrees % 360:.5g}".partition(".")
    return whole.zfill(3) + dot + rest


def number_name(value: float) -> str:
    """Return a number as names have it.

    >>> number_name(8.0), number_name(2**0.5)
    ('8', '1.41')
    """
    return f"{round(value, 2):.6g}"


def zero_mean_l1(weights: Weights) -> Weights:
    """Return *weights* less their mean, divided by the sum of their sizes: Σw = 0 and Σ|w| = 1.

    >>> zero_mean_l1(np.array([0.0, 1.0, 5.0])).tolist()
    [-0.33..., -0.16..., 0.5]
    """
    centred = weights - math.fsum(weights.ravel()) / weights.size
    scaled: Weights = centred / math.fsum(np.abs(centred).ravel())
    return scaled
