"""From a row of values to what is kept of them: statistics, and codes of 8 or 16 bits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import types

from filterbank.engine.kernels.layout import CODES_8, CODES_16
from filterbank.engine.kernels.vector import INT, f32, f64, helper, low, survey, u8, u16

# A quotient by way of the reciprocal may round to the other code where it lies this near to a half.
_NEAR = 1e-6


@helper(types.void(INT, INT, INT))
def gather(line: int, count: int, state: int) -> None:
    """Update a map's statistics, lanes of five float64 as in ``vector.survey``, by *count* floats."""
    whole = count // 8
    survey(line, whole, state)
    v, s = f32(line), f64(state)
    for i in range(8 * whole, count):
        x = np.float64(v[i])
        if abs(x) < np.inf:
            s[0] = x if x < s[0] else s[0]
            s[8] = x if x > s[8] else s[8]
            s[16] += x
            s[24] += 1 if x < 0 else 0
        else:
            s[32] += 1


@helper(types.float64(types.float64))
def _even(x: Any) -> Any:
    """Return the nearest integer, halves to even, for |x| below 2**51; larger ones stay as they are."""
    magic = 6755399441055744.0  # 1.5 · 2**52: no bits are left for a fraction
    return (x + magic) - magic if abs(x) < 2251799813685248.0 else x


def _rounder(pointer: Any, code: Any) -> Callable[[int, int, int, int], int]:
    """Return a helper for one size of codes: how many of *count* values were clipped.

    ``code = zero + rint((v − lo) / span · factor)``, or ``zero + rint(v · factor / span)`` where there
    is a zero code: the order of the sums is the scale's own, in float64, so the codes are too.
    """

    @helper(INT(INT, INT, INT, INT))
    def encode(line: int, count: int, out: int, scale: int) -> int:
        v, q, s = f32(line), pointer(out), f64(scale)
        lo, span, factor, zero, lowest, top = s[0], s[1], s[2], s[3], s[4], s[5]
        slope = factor / span
        clipped, doubtful = 0, 0
        for i in range(count):
            x = (np.float64(v[i]) - lo) * slope
            rounded = _even(x)
            doubtful |= 1 if abs(abs(x - rounded) - 0.5) < _NEAR or x != x else 0  # noqa: PLR0124
            x = rounded + zero
            clipped += 0 if lowest <= x <= top else 1
            x = x if x > lowest else lowest
            q[i] = code(np.int32(x if x < top else top))
        if span == 1 and zero == 0:
            return clipped  # the quotient was exact
        if doubtful or not slope < np.inf:
            clipped = 0
            for i in range(count):
                x = np.float64(v[i])
                x = _even((x - lo) / span * factor if zero == 0 else x * factor / span) + zero
                clipped += 0 if lowest <= x <= top else 1
                x = x if x == x else zero  # noqa: PLR0124
                x = x if x > lowest else lowest
                q[i] = code(np.int32(x if x < top else top))
        return clipped

    encoder: Callable[[int, int, int, int], int] = encode
    return encoder


_encode_8, _encode_16 = _rounder(u8, np.uint8), _rounder(u16, np.uint16)


@helper(INT(INT, INT, INT, INT, INT))
def encode_line(line: int, count: int, out: int, kind: int, scale: int) -> int:
    """Write the codes of *count* floats to *out* and return how many were clipped."""
    if kind == CODES_8:
        return _encode_8(line, count, out, scale)
    if kind == CODES_16:
        return _encode_16(line, count, out, scale)
    return 0


def encode(values: int, count: int, out: int, kind: int, scale: int) -> int:
    """Write the codes of *count* float32 values; return how many were clipped. For maps already there."""
    clipped, done = 0, 0
    while done < count:
        part = low(1024, count - done)
        clipped += encode_line(values + 4 * done, part, out + kind * done, kind, scale)
        done += part
    return clipped


def measure(values: int, count: int, state: int) -> None:
    """Update a map's statistics by *count* float32 values; *state* as ``layout`` has it."""
    gather(values, count, state)
