"""Values to the codes of a file, and a map's statistics: one pass each, at the speed of memory."""

from __future__ import annotations

import numpy as np
from numba import types

from filterbank.engine.kernels.vector import INT, extremes, f32, f64, helper, low, u8, u16
from filterbank.engine.kernels.words import prefetch_read

# A scale, as 8 float64: code = round((v - lo) * before / by * after) + zero, from lowest to highest.
(LO, BEFORE, BY, AFTER, ZERO, LOWEST, HIGHEST, NAN_CODE, SCALE_WORDS) = range(9)
# What the codes are: bytes, words, or words with the high byte first.
BYTES, WORDS, BIG_WORDS = range(3)
# What `statistics` writes, each as float64; the first four are of the finite values.
(MINIMUM, MAXIMUM, TOTAL, NEGATIVE, NONFINITE, STATISTICS_WORDS) = range(6)

# Added to and taken from a double below 2**51, it leaves the nearest integer, halves to even.
_ROUNDER = 1.5 * 2.0**52
_LANES = 8
_BLOCK = 1024


@helper(types.float64(types.float32, *[types.float64] * 7))
def _scaled(
    v: float, lo: float, before: float, by: float, after: float, zero: float, least: float, most: float
) -> float:
    """Return the code of a value as it is before clipping, but not further out than *least* and *most*.

    Float64 in the order of the formula: a shorter way would round some values otherwise. NaN stays NaN.
    """
    x = (v - lo) * before
    if by != 1.0:
        x = x / by
    x = x * after
    x = least if x < least else x
    x = most if x > most else x
    return ((x + _ROUNDER) - _ROUNDER) + zero


@helper(INT(types.float64, types.float64, types.float64, types.float64))
def _clipped(code: float, lowest: float, highest: float, nan_code: float) -> int:
    """Return the code within its bounds."""
    x = lowest if code < lowest else code
    x = highest if x > highest else x
    x = nan_code if code - code != 0.0 else x
    return np.int64(np.int32(x))


def to_codes(values: int, n: int, kind: int, scale: int, out: int) -> int:
    """Write the codes of *n* float32 at *values*; return how many were clipped, NaN among them.

    Parameters
    ----------
    kind : BYTES, WORDS or BIG_WORDS
    scale : address of SCALE_WORDS float64
    out : room for n codes
    """
    s, v, byte, word = f64(scale), f32(values), u8(out), u16(out)
    lo, before, by, after, zero = s[LO], s[BEFORE], s[BY], s[AFTER], s[ZERO]
    lowest, highest, nan_code = s[LOWEST], s[HIGHEST], s[NAN_CODE]
    # One code further out than the bounds: still seen as clipped, and small enough for the rounding.
    least, most = lowest - zero - 1.0, highest - zero + 1.0
    inside, start = 0, 0
    while start < n:
        # What comes next is asked for now: the sums are too long for the processor to look ahead itself.
        for i in range(_BLOCK >> 4):
            prefetch_read(values + 4 * (start + _BLOCK) + 64 * i)
        end = low(start + _BLOCK, n)
        if kind == BYTES:
            for i in range(start, end):
                x = _scaled(v[i], lo, before, by, after, zero, least, most)
                inside += 1 if x >= lowest and x <= highest else 0
                byte[i] = np.uint8(_clipped(x, lowest, highest, nan_code))
        elif kind == WORDS:
            for i in range(start, end):
                x = _scaled(v[i], lo, before, by, after, zero, least, most)
                inside += 1 if x >= lowest and x <= highest else 0
                word[i] = np.uint16(_clipped(x, lowest, highest, nan_code))
        else:
            for i in range(start, end):
                x = _scaled(v[i], lo, before, by, after, zero, least, most)
                inside += 1 if x >= lowest and x <= highest else 0
                code = _clipped(x, lowest, highest, nan_code)
                word[i] = np.uint16(code >> 8 | (code & 255) << 8)
        start = end
    return n - inside


@helper(types.void(INT, INT, INT, INT))
def _add(values: int, start: int, n: int, state: int) -> None:
    """Add the finite ones of the values from *start* to the lanes; count the others in the last word."""
    v, s = f32(values), f64(state)
    for i in range(start, n):
        lane = i & (_LANES - 1)
        x = np.float64(v[i])
        if x - x == 0.0:
            s[lane] = x if x < s[lane] else s[lane]
            s[_LANES + lane] = x if x > s[_LANES + lane] else s[_LANES + lane]
            s[2 * _LANES + lane] += x
            s[3 * _LANES + lane] += 1.0 if x < 0.0 else 0.0
        else:
            s[4 * _LANES] += 1.0


@helper(types.void(INT))
def _reset(state: int) -> None:
    s = f64(state)
    for i in range(_LANES):
        s[i], s[_LANES + i] = np.inf, -np.inf
        s[2 * _LANES + i] = s[3 * _LANES + i] = 0.0
    s[4 * _LANES] = 0.0


@helper(types.float64(INT))
def _sum_lanes(lanes: int) -> float:
    s = f64(lanes)
    total = 0.0
    for i in range(_LANES):
        total += s[i]
    return total


def statistics(values: int, n: int, state: int, out: int) -> None:
    """Write minimum, maximum, sum and negatives of the finite of *n* float32, and how many are not finite.

    The sum is of 8 sums, one for every eighth value, so that it is the same on every processor. Without a
    finite value the minimum is +inf and the maximum -inf.

    *state*: scratch, 33 float64; *out*: STATISTICS_WORDS float64.
    """
    s, result = f64(state), f64(out)
    _reset(state)
    whole = n & ~(_LANES - 1)
    if whole > 0:
        extremes(values, whole >> 3, state)
    _add(values, whole, n, state)
    total = _sum_lanes(state + 16 * _LANES)
    if total - total != 0.0 or s[4 * _LANES] > 0.0:
        # Something is not finite: once more, and with care.
        _reset(state)
        _add(values, 0, n, state)
        total = _sum_lanes(state + 16 * _LANES)
    lowest, highest = s[0], s[_LANES]
    for i in range(1, _LANES):
        lowest = s[i] if s[i] < lowest else lowest
        highest = s[_LANES + i] if s[_LANES + i] > highest else highest
    result[MINIMUM], result[MAXIMUM], result[TOTAL] = lowest, highest, total
    result[NEGATIVE] = _sum_lanes(state + 24 * _LANES)
    result[NONFINITE] = s[4 * _LANES]
