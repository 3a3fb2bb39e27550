"""Weights as a reader writes them: small whole numbers and one factor, or short decimals."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

_LARGEST_DENOMINATOR = 1024
_LARGEST_NUMERATOR = 999
MINUS = "\N{MINUS SIGN}"
TIMES = "\N{MULTIPLICATION SIGN}"


def spell(weights: NDArray[np.float64]) -> tuple[list[str], str]:
    """Return the *weights*, of any shape, one text each in C order, and the factor before them all.

    The factor is empty for whole numbers and for weights that no small denominator makes whole.

    >>> spell(np.array([[-0.125, 0.0, 0.25]]))
    (['−1', '0', '2'], '1/8')
    >>> spell(np.array([0.7071067811865476, -1.0]))
    (['0.71', '−1'], '')
    """
    flat = weights.ravel()
    denominator = _common_denominator(flat)
    if denominator is None:
        # As many decimals as give the largest weight three digits; smaller ones need no more.
        decimals = max(2 - math.floor(math.log10(float(np.abs(flat).max()))), 0)
        return [number(round(value, decimals)) for value in flat.tolist()], ""
    whole = [number(float(value)) for value in np.rint(flat * denominator)]
    return whole, f"1/{denominator}" if denominator > 1 else ""


def number(value: float) -> str:
    """Return *value* with three significant digits and a true minus sign.

    >>> number(-0.0625), number(0), number(1234.5), number(1e-9)
    ('−0.0625', '0', '1234', '1e-09')
    """
    text = f"{value:.0f}" if abs(value) >= 1000 and abs(value) < 1e6 else f"{value + 0.0:.3g}"
    return MINUS + text[1:] if text.startswith("-") else text


def _common_denominator(flat: NDArray[np.float64]) -> int | None:
    """Return the smallest number that makes all weights whole, or None."""
    largest = float(np.abs(flat).max(initial=0.0))
    for denominator in range(1, _LARGEST_DENOMINATOR + 1):
        scaled = flat * denominator
        if denominator > 1 and largest * denominator > _LARGEST_NUMERATOR + 0.5:
            return None
        # Fractions such as 1/3 were rounded to float64 once, and perhaps normalised since.
        if np.abs(scaled - np.rint(scaled)).max(initial=0.0) < 1e-9:
            return denominator
    return None
