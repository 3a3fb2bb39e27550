"""From a row of values to what is kept of them: statistics, and codes of 8 or 16 bits."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from filterbank.engine.kernels.layout import CLIPPED, CODES_8, CODES_16, NEAR, STATISTICS_BYTES
from filterbank.engine.kernels.quick import GROUP, GROUPS, SMALL, passes
from filterbank.engine.kernels.rows import careful_survey, coder
from filterbank.engine.kernels.vector import INT, IS_FUSED, f32, f64, helper, low, u8, u16
from filterbank.engine.kernels.words import trailing_zeros

# What roundings that are carried along come to at most, for the largest codes that float32 may tell at all.
_PRECISE = np.float32(2.0**-30)


@helper(types.void(INT, INT, INT))
def _gather_all(line: int, count: int, state: int) -> None:
    whole = count // 8
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


def _gatherer(group: int) -> Any:
    """Return a helper that surveys as many of *count* floats as are whole groups; it tells how many."""
    survey, _, _, _ = passes(group)

    @helper(INT(INT, INT, INT))
    def gather_groups(line: int, count: int, state: int) -> int:
        groups = count // group
        if groups and survey(line, groups, state, 0, 0, np.float32(0)) < 0:
            _gather_all(line, group * groups, state)
        return group * groups

    return gather_groups


_gather_groups, _gather_small = _gatherer(GROUP), _gatherer(SMALL)


@helper(types.void(INT, INT, INT))
def gather(line: int, count: int, state: int) -> None:
    """Update a map's statistics, lanes of five float64 as in ``rows``, by *count* floats."""
    done: int = _gather_groups(line, count, state)
    done += _gather_small(line + 4 * done, count - done, state)
    _gather_all(line + 4 * done, count - done, state)


@helper(types.float64(types.float64))
def _even(x: Any) -> Any:
    """Return the nearest integer, halves to even, for |x| below 2**51; larger ones stay as they are."""
    rounding = 6755399441055744.0  # 1.5 · 2**52: no bits are left for a fraction
    return (x + rounding) - rounding if abs(x) < 2251799813685248.0 else x


def _encoder(pointer: Any, bits: int, code: Any) -> Any:
    """Return a helper for one size of codes: how many of *count* values were clipped.

    The order of the sums is the scale's own, in float64, so the codes are those of its formula.
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
        whole = count // 8
        clipped: int = coded(line, whole, out, scale)
        clipped += one_by_one(line, 8 * whole, count, out, scale)
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


def _finisher(group: int) -> Any:
    """Return a helper that finishes as many of *count* floats as are whole groups; it tells how many.

    Float32 decides all but a few groups of values, and with its roundings nearly all of these.
    """
    _, quick_codes, quick_both, precise_codes = passes(group)

    @helper(INT(INT, INT, INT, INT, INT, INT, types.float32))
    def finish_groups(
        line: int, count: int, state: int, surveyed: int, out: int, scale: int, near: Any
    ) -> int:
        clipped = f64(state + STATISTICS_BYTES // 6 * CLIPPED)
        done = 0
        while count - done >= group:
            groups = low(GROUPS, (count - done) // group)
            values, codes = line + 4 * done, out + done
            left: int = 0
            if surveyed:
                left = quick_both(values, groups, state, codes, scale, near)
            else:
                left = quick_codes(values, groups, state, codes, scale, near)
            if left < 0:
                _gather_all(values, group * groups, state)
                clipped[0] += _encode_8(values, group * groups, codes, scale)
            else:
                while left:
                    at = group * trailing_zeros(np.uint64(left))
                    # What a product's rounding leaves is told by a fused multiply-add only.
                    is_open: int = 1
                    if IS_FUSED:
                        is_open = precise_codes(values + 4 * at, 1, state, codes + at, scale, _PRECISE)
                    if is_open:
                        clipped[0] += _encode_8(values + 4 * at, group, codes + at, scale)
                    left &= left - 1
            done += group * groups
        return done

    return finish_groups


_finish_groups, _finish_small = _finisher(GROUP), _finisher(SMALL)


@helper(types.void(INT, INT, INT, INT, INT, INT, INT))
def finish(line: int, count: int, state: int, surveyed: int, out: int, kind: int, scale: int) -> None:
    """Write the codes of *count* floats to *out* and count what is clipped; update statistics where asked."""
    clipped = f64(state + STATISTICS_BYTES // 6 * CLIPPED)
    near, done = f32(scale + 6 * 8)[NEAR], 0
    if kind == CODES_8 and near < 1:
        done = _finish_groups(line, count, state, surveyed, out, scale, near)
        done += _finish_small(line + 4 * done, count - done, state, surveyed, out + done, scale, near)
    if surveyed:
        gather(line + 4 * done, count - done, state)
    clipped[0] += encode_line(line + 4 * done, count - done, out + kind * done, kind, scale)


def encode(values: int, count: int, state: int, out: int, kind: int, scale: int) -> None:
    """Do for *count* float32 values, a map already there, what `finish` does for a line; no statistics."""
    finish(values, count, state, 0, out, kind, scale)
