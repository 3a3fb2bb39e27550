"""From a row of values to what is kept of them: statistics, and codes of 8 or 16 bits."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from filterbank.engine.kernels.activation import activate
from filterbank.engine.kernels.layout import CODES_8, CODES_16
from filterbank.engine.kernels.rows import careful_survey, coder, quick_codes, quick_survey
from filterbank.engine.kernels.vector import INT, f32, f64, helper, low, u8, u16

# float32 decides a code where it is not this near to the middle between two; the roundings of its
# three steps and of lo must come to less.
_NEAR = 5e-4
_ULPS = 4 * 2.0**-24


@helper(types.void(INT, INT, INT))
def gather(line: int, count: int, state: int) -> None:
    """Update a map's statistics, lanes of five float64 as in ``rows``, by *count* floats."""
    whole = count // 8
    if not quick_survey(line, whole, state):
        careful_survey(line, whole, state)
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
    rounding = 6755399441055744.0  # 1.5 · 2**52: no bits are left for a fraction
    return (x + rounding) - rounding if abs(x) < 2251799813685248.0 else x


def _encoder(pointer: Any, bits: int, code: Any) -> Any:
    """Return a helper for one size of codes: how many of *count* values were clipped.

    The order of the sums is the scale's own, in float64, so the codes are those of its formula. For
    8 bits float32 decides wherever it can: all but one value in a thousand.
    """
    coded = coder(bits)

    @helper(INT(INT, INT, INT, INT, INT))
    def one_by_one(line: int, start: int, count: int, out: int, scale: int) -> int:
        v, q, s = f32(line), pointer(out), f64(scale)
        lo, span, factor, zero, lowest, top = s[0], s[1], s[2], s[3], s[4], s[5]
        clipped = 0
        for i in range(start, count):
            x = np.float64(v[i])
            x = _even((x - lo) / span * factor if zero == 0 else x * factor / span) + zero
            clipped += 0 if lowest <= x <= top else 1
            x = x if x == x else zero  # noqa: PLR0124 - NaN
            x = x if x > lowest else lowest
            q[i] = code(np.int32(x if x < top else top))
        return clipped

    @helper(INT(INT, INT, INT, INT))
    def encode(line: int, count: int, out: int, scale: int) -> int:
        s = f64(scale)
        clipped: int = 0
        at = 0
        if bits == 8 and (abs(s[0]) + s[1]) * s[2] * _ULPS < _NEAR / 2 * s[1]:
            while at + 32 <= count:
                misses = quick_codes(line + 4 * at, out + at, scale, np.float32(_NEAR))
                clipped += misses if misses >= 0 else coded(line + 4 * at, 4, out + at, scale)
                at += 32
        whole = (count - at) // 8
        clipped += coded(line + 4 * at, whole, out + at * bits // 8, scale)
        clipped += one_by_one(line, at + 8 * whole, count, out, scale)
        return clipped

    return encode


_encode_8, _encode_16 = _encoder(u8, 8, np.uint8), _encoder(u16, 16, np.uint16)


@helper(INT(INT, INT, INT, INT, INT))
def encode_line(line: int, count: int, out: int, kind: int, scale: int) -> int:
    """Write the codes of *count* floats to *out* and return how many were clipped."""
    clipped: int = 0
    if kind == CODES_8:
        clipped = _encode_8(line, count, out, scale)
    elif kind == CODES_16:
        clipped = _encode_16(line, count, out, scale)
    return clipped


def encode(values: int, count: int, out: int, kind: int, scale: int) -> int:
    """Write the codes of *count* float32 values; return how many were clipped. For maps already there."""
    clipped: int = 0
    done = 0
    while done < count:
        part = low(1024, count - done)
        clipped += encode_line(values + 4 * done, part, out + kind * done, kind, scale)
        done += part
    return clipped


def finish(values: int, count: int, activation: int, a: Any, b: Any, state: int) -> None:
    """Replace *count* sums by their activation and update their map's statistics, as ``layout`` has them."""
    done = 0
    while done < count:
        part = low(2048, count - done)
        activate(values + 4 * done, part, activation, a, b)
        gather(values + 4 * done, part, state)
        done += part
