"""Passes over a row of values that take every case: statistics and codes in float64; see also ``quick``.

Sums have eight lanes whatever the processor, so that they are rounded the same everywhere.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types

from filterbank.engine.kernels.vector import INT, Vectors, cgutils, intrinsic

_F64, _I32, _I64 = ir.DoubleType(), ir.IntType(32), ir.IntType(64)


@intrinsic
def careful_survey(typing: Any, values: Any, count: Any, state: Any) -> Any:
    """Update statistics (5 × 8 float64 at *state*) by *count*·8 floats.

    The five are minimum, maximum, sum, count of negatives, and count of values that are not
    finite, which the others leave out.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _emit_survey(Vectors(builder, 8), *arguments)
        return context.get_dummy_value()

    return types.void(INT, INT, INT), generate


def _emit_survey(v: Vectors, values: Any, count: Any, state: Any) -> None:
    b, wide, whole = v.builder, ir.VectorType(_F64, 8), ir.VectorType(_I32, 8)
    places = [v.at(state, 64 * i) for i in range(5)]
    known = [v.load(place, wide, 8) for place in places]
    lowest, highest = (v.variable(b.fptrunc(value, v.type)) for value in known[:2])
    total = v.variable(known[2])
    negatives, strangers = (v.variable(ir.Constant(whole, [0] * 8)) for _ in range(2))
    zero, infinite = (ir.Constant(v.type, [value] * 8) for value in (0.0, float("inf")))
    with cgutils.for_range(b, count) as loop:
        x = v.load(v.at(values, b.shl(loop.index, _I64(5))))
        strange = b.fcmp_unordered(">=", v.absolute(x), infinite)
        b.store(b.sub(b.load(strangers), b.sext(strange, whole)), strangers)
        for slot, predicate in ((lowest, "<"), (highest, ">")):
            best = b.load(slot)
            kept = b.select(b.fcmp_ordered(predicate, x, best), x, best)
            b.store(b.select(strange, best, kept), slot)
        x = b.select(strange, zero, x)
        b.store(b.fadd(b.load(total), b.fpext(x, wide)), total)
        b.store(b.sub(b.load(negatives), b.sext(b.fcmp_ordered("<", x, zero), whole)), negatives)
    for slot, place in zip((lowest, highest), places, strict=False):
        v.store(b.fpext(b.load(slot), wide), place, 8)
    v.store(b.load(total), places[2], 8)
    for slot, before, place in zip((negatives, strangers), known[3:], places[3:], strict=True):
        v.store(b.fadd(before, b.uitofp(b.load(slot), wide)), place, 8)


# Added to and taken from a number this leaves the nearest integer, halves to even: no bits are
# left for a fraction.
_ROUND_64 = 1.5 * 2.0**52


def coder(bits: int) -> Any:
    """Return an intrinsic writing codes of so many *bits* for *count*·8 floats: how many were clipped.

    The scale (6 float64) is lo, span, factor, zero, lowest and top; ``code = rint((v − lo) / span ·
    factor)``, or with a zero code ``zero + rint(v · factor / span)``. NaN gets the zero code.
    """

    @intrinsic
    def codes(typing: Any, values: Any, count: Any, out: Any, scale: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return _emit_codes(Vectors(builder, 8), bits, *arguments)

        return INT(INT, INT, INT, INT), generate

    return codes


def _emit_codes(v: Vectors, bits: int, values: Any, count: Any, out: Any, scale: Any) -> Any:
    b, wide, whole = v.builder, ir.VectorType(_F64, 8), ir.VectorType(_I32, 8)
    words = [v.load(v.at(scale, 8 * i), _F64, 8) for i in range(6)]
    is_centred = b.fcmp_ordered("!=", words[3], _F64(0))
    # Products by one are exact: so either order of the two steps is one piece of code.
    first = v.splat(b.select(is_centred, words[2], _F64(1)), wide)
    last = v.splat(b.select(is_centred, _F64(1), words[2]), wide)
    lo, span, zero, lowest, top = (v.splat(words[i], wide) for i in (0, 1, 3, 4, 5))
    rounding = ir.Constant(wide, [_ROUND_64] * 8)
    clipped = v.variable(ir.Constant(whole, [0] * 8))
    with cgutils.for_range(b, count) as loop:
        x = b.fpext(v.load(v.at(values, b.shl(loop.index, _I64(5)))), wide)
        x = b.fmul(b.fdiv(b.fmul(b.fsub(x, lo), first), span), last)
        x = b.fadd(b.fsub(b.fadd(x, rounding), rounding), zero)
        strange = b.fcmp_unordered("uno", x, x)
        b.store(b.sub(b.load(clipped), b.sext(strange, whole)), clipped)
        x = b.select(strange, zero, x)
        _store_codes(v, x, lowest, top, v.at(out, b.mul(loop.index, _I64(bits))), bits, clipped)
    return b.zext(v.across(b.load(clipped)), _I64)


def _store_codes(v: Vectors, codes: Any, lowest: Any, top: Any, place: Any, bits: int, clipped: Any) -> None:
    """Store *codes* kept within their ends, and count those that were not; NaN is the lowest."""
    b, whole = v.builder, ir.VectorType(_I32, v.lanes)
    kept = b.select(b.fcmp_ordered(">", codes, lowest), codes, lowest)
    kept = b.select(b.fcmp_ordered("<", kept, top), kept, top)
    is_other = b.fcmp_unordered("!=", kept, codes)
    b.store(b.sub(b.load(clipped), b.sext(is_other, whole)), clipped)
    v.store(b.trunc(b.fptosi(kept, whole), ir.VectorType(ir.IntType(bits), v.lanes)), place, bits // 8)
