"""The common case of a finished row in one pass: finite values, and 8-bit codes that float32 can decide.

What it cannot decide it leaves alone and says so; ``rows`` has the passes that take every case.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from filterbank.engine.kernels.layout import LOWEST, OFFSET, REST, SLOPE, TOP_CODE
from filterbank.engine.kernels.vector import FLOAT, INT, LANES, Vectors, cgutils, intrinsic

_F32, _F64 = ir.FloatType(), ir.DoubleType()
_I8, _I16, _I32, _I64 = map(ir.IntType, (8, 16, 32, 64))

# Values of which all codes or none are decided; the smaller is for the end of a row.
GROUP, SMALL = 64, 16
GROUPS = 32  # at most so many in one pass

# Added to a number this leaves the nearest integer, and in the last bits: none are left for a fraction.
_ROUND = 1.5 * 2.0**23

# A code's bits after the point, from a float of which they are the last, and that float's bits for code 0.
_FRACTION = 15
_FINE, _FINE_BITS = 2.0**23, 0x4B000000


def _pass(has_survey: bool, codes: type[_Codes] | None, group: int) -> Any:
    """Return an intrinsic updating statistics by *groups*·*group* floats and writing their 8-bit codes.

    It answers which groups' codes are open, one bit a group: a value lies so *near* to the middle
    between two codes that its rounding may matter, or is not finite. A survey answers −1 where a value
    is not, with statistics as they were and codes of no worth.
    """

    @intrinsic
    def quick(typing: Any, values: Any, groups: Any, state: Any, out: Any, scale: Any, near: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return _emit_pass(Vectors(builder, LANES), has_survey, codes, group, *arguments)

        return INT(INT, INT, INT, INT, INT, FLOAT), generate

    return quick


def _emit_pass(
    v: Vectors,
    has_survey: bool,
    kind: type[_Codes] | None,
    group: int,
    values: Any,
    groups: Any,
    state: Any,
    out: Any,
    scale: Any,
    near: Any,
) -> Any:
    b = v.builder
    survey = _Survey(v, state) if has_survey else None
    codes = kind(v, scale, near) if kind else None
    with cgutils.for_range(b, groups) as loop:
        source = v.at(values, b.mul(loop.index, _I64(4 * group)))
        line = [v.load(v.at(source, 4 * at)) for at in range(0, group, v.lanes)]
        if survey is not None:
            survey.add(line, source)
        if codes is not None:
            codes.write(line, source, v.at(out, b.mul(loop.index, _I64(group))), loop.index)
    is_known = survey.is_finite() if survey is not None else ir.IntType(1)(1)
    with b.if_then(is_known):
        for part in (survey, codes):
            if part is not None:
                part.keep(state)
    return b.select(is_known, b.load(codes.open) if codes is not None else _I64(0), _I64(-1))


class _Survey:
    """Statistics while they are in registers; sums in two times eight lanes whatever the processor."""

    def __init__(self, v: Vectors, state: Any) -> None:
        self.v, b = v, v.builder
        self.wide, self.whole = ir.VectorType(_F64, 8), ir.VectorType(_I32, v.lanes)
        every = ir.Constant(ir.VectorType(_I32, v.lanes), [i % 8 for i in range(v.lanes)])
        known = [b.fptrunc(self._load(state, i), ir.VectorType(_F32, 8)) for i in range(2)]
        self.ends = [v.variable(b.shuffle_vector(value, value, every)) for value in known]
        self.totals = [v.variable(ir.Constant(self.wide, [0.0] * 8)) for _ in range(2)]
        self.negatives = v.variable(ir.Constant(self.whole, [0] * v.lanes))

    def _load(self, state: Any, row: int) -> Any:
        return self.v.load(self.v.at(state, 64 * row), self.wide, 8)

    def add(self, line: list[Any], source: Any) -> None:
        v, b = self.v, self.v.builder
        zero = ir.Constant(v.type, [0.0] * v.lanes)
        for x in line:
            for slot, predicate in zip(self.ends, "<>", strict=True):
                best = b.load(slot)
                b.store(b.select(b.fcmp_ordered(predicate, x, best), x, best), slot)
            b.store(v.count(b.load(self.negatives), b.fcmp_ordered("<", x, zero)), self.negatives)
        for at in range(
            0, len(line) * v.lanes, 8
        ):  # loaded again: widening from memory is the cheaper instruction
            total = self.totals[at // 8 % 2]
            part = v.load(v.at(source, 4 * at), ir.VectorType(_F32, 8))
            b.store(b.fadd(b.load(total), b.fpext(part, self.wide)), total)

    def is_finite(self) -> Any:
        """Return whether all values were: whatever is not stays in a sum."""
        b = self.v.builder
        total = b.fadd(*(b.load(slot) for slot in self.totals))
        difference = b.fsub(total, total)
        return b.not_(self.v.is_any(b.fcmp_unordered("uno", difference, difference)))

    def keep(self, state: Any) -> None:
        v, b = self.v, self.v.builder
        for row, (slot, predicate) in enumerate(zip(self.ends, "<>", strict=True)):
            best, *others = self._eights(b.load(slot))
            for x in others:
                best = b.select(b.fcmp_ordered(predicate, x, best), x, best)
            v.store(b.fpext(best, self.wide), v.at(state, 64 * row), 8)
        total = b.fadd(*(b.load(slot) for slot in self.totals))
        v.store(b.fadd(self._load(state, 2), total), v.at(state, 128), 8)
        count = self._load(state, 3)
        for part in self._eights(b.load(self.negatives)):
            count = b.fadd(count, b.uitofp(part, self.wide))
        v.store(count, v.at(state, 192), 8)

    def _eights(self, value: Any) -> list[Any]:
        masks = ([*range(at, at + 8)] for at in range(0, self.v.lanes, 8))
        kind = ir.VectorType(_I32, 8)
        return [self.v.builder.shuffle_vector(value, value, ir.Constant(kind, mask)) for mask in masks]


class _Codes:
    """8-bit codes by way of float32: ``rint(v · slope + offset)``, where no rounding can matter."""

    def __init__(self, v: Vectors, scale: Any, near: Any) -> None:
        self.v, self.scale, b = v, scale, v.builder
        self.rounding = ir.Constant(v.type, [_ROUND] * v.lanes)
        self.slope, self.offset = map(self.constant, (SLOPE, OFFSET))
        self.lowest, self.top = (b.fadd(self.constant(place), self.rounding) for place in (LOWEST, TOP_CODE))
        self.whole = ir.VectorType(_I32, v.lanes)
        # As whole numbers floats without a sign keep their order, and NaN is the largest.
        self.limit = v.splat(b.bitcast(b.fsub(_F32(0.5), near), _I32), self.whole)
        self.zeros = self.start = ir.Constant(self.whole, [0] * v.lanes)
        self.clipped = v.variable(self.zeros)
        self.open = v.variable(_I64(0))

    def constant(self, place: int) -> Any:
        """Return one of the scale's numbers for float32."""
        return self.v.splat(self.v.load(self.v.at(self.scale, 6 * 8 + 4 * place), _F32))

    def write(self, line: list[Any], source: Any, out: Any, group: Any) -> None:
        v, b = self.v, self.v.builder
        farthest, changed = self.start, self.zeros
        for at, x in enumerate(line):
            code, off = self.decide(x)
            farthest = b.select(b.icmp_signed(">", off, farthest), off, farthest)
            before, after = (b.bitcast(each, self.whole) for each in (code, self.clip(code)))
            changed = b.or_(changed, b.xor(before, after))
            v.store(b.trunc(after, ir.VectorType(_I8, v.lanes)), v.at(out, v.lanes * at), 1)
        is_open = v.is_any(b.icmp_signed(">", farthest, self.limit))
        b.store(b.or_(b.load(self.open), b.shl(b.zext(is_open, _I64), group)), self.open)
        is_clipped = v.is_any(b.icmp_signed("!=", changed, self.zeros))
        with b.if_then(b.and_(is_clipped, b.not_(is_open))):
            self.count(source, len(line))

    def count(self, source: Any, vectors: int) -> None:
        """Count what is clipped of so many vectors: seldom any, so that no register keeps codes for it."""
        v, b = self.v, self.v.builder
        clipped = b.load(self.clipped)
        for at in range(vectors):
            code, _ = self.decide(v.load(v.at(source, 4 * v.lanes * at)))
            clipped = v.count(clipped, b.fcmp_unordered("!=", code, self.clip(code)))
        b.store(clipped, self.clipped)

    def clip(self, code: Any) -> Any:
        b = self.v.builder
        kept = b.select(b.fcmp_ordered(">", code, self.lowest), code, self.lowest)
        return b.select(b.fcmp_ordered("<", kept, self.top), kept, self.top)

    def decide(self, x: Any) -> tuple[Any, Any]:
        """Return codes, before they are clipped, plus _ROUND, and what passes the limit next to a tie."""
        v, b = self.v, self.v.builder
        exact = v.muladd(x, self.slope, self.offset)
        code = b.fadd(exact, self.rounding)
        off = b.fsub(exact, b.fsub(code, self.rounding))
        return code, b.bitcast(v.absolute(off), self.whole)

    def keep(self, state: Any) -> None:
        v, b = self.v, self.v.builder
        place, clipped = v.at(state, 64 * 5), b.load(self.clipped)
        with b.if_then(v.is_any(b.icmp_signed("!=", clipped, self.zeros))):
            misses = b.uitofp(v.across(clipped), _F64)
            v.store(b.fadd(v.load(place, _F64, 8), misses), place, 8)


class _PreciseCodes(_Codes):
    """The same with what the roundings of float32 leave carried along: nearly as good as float64.

    Filters of whole numbers have values half-way between two codes by the thousand, but for a rounding.
    """

    def __init__(self, v: Vectors, scale: Any, near: Any) -> None:
        super().__init__(v, scale, near)
        self.limit = v.splat(v.builder.neg(v.builder.bitcast(near, _I32)), self.whole)
        self.start = ir.Constant(self.whole, [-(2**31)] * v.lanes)
        self.slope_rest, self.offset_rest = (self.constant(place + REST) for place in (SLOPE, OFFSET))

    def decide(self, x: Any) -> tuple[Any, Any]:
        """Return codes, before they are clipped, plus _ROUND, and how near to a tie they lie: 0 is on it."""
        v, b = self.v, self.v.builder
        product = b.fmul(x, self.slope)
        rest = v.muladd(x, self.slope_rest, v.muladd(x, self.slope, b.fneg(product)))
        total = b.fadd(product, self.offset)
        added = b.fsub(total, product)
        lost = b.fadd(b.fsub(product, b.fsub(total, added)), b.fsub(self.offset, added))
        rest = b.fadd(rest, b.fadd(lost, self.offset_rest))
        code = b.fadd(total, self.rounding)
        off = b.fsub(total, b.fsub(code, self.rounding))
        half, one, zero = (ir.Constant(v.type, [value] * v.lanes) for value in (0.5, 1.0, 0.0))
        is_below = b.fcmp_ordered("<", off, zero)
        # Both of these are small where it matters, so that no digit of what is left gets lost.
        excess = b.fadd(b.fsub(v.absolute(off), half), b.select(is_below, b.fneg(rest), rest))
        step = b.select(is_below, b.fneg(one), one)
        code = b.fadd(code, b.select(b.fcmp_ordered(">", excess, zero), step, zero))
        is_number = b.fcmp_ordered("ord", excess, excess)
        distance = b.select(is_number, v.absolute(excess), zero)
        return code, b.neg(b.bitcast(distance, self.whole))


class _QuickCodes(_Codes):
    """Codes with 15 bits of fraction, where no value is clipped or next to a tie; else as by `_Codes`.

    One multiply-add puts all of a code into a float's last bits: 2**23 + (code + ½ + margin) · 2**15.
    Next to a tie the bits after the point are 2 · margin at most.
    """

    def __init__(self, v: Vectors, scale: Any, near: Any) -> None:
        super().__init__(v, scale, near)
        b = v.builder
        margin = b.fadd(near, _F32(2.0**-_FRACTION))  # for two roundings to the last bit
        unit = ir.Constant(v.type, [2.0**_FRACTION] * v.lanes)
        shift = b.fadd(self.offset, v.splat(b.fadd(margin, _F32(0.5))))
        self.fine_slope = b.fmul(self.slope, unit)
        self.fine_offset = v.muladd(shift, unit, ir.Constant(v.type, [_FINE] * v.lanes))
        lowest, top = (
            b.fptosi(v.load(v.at(scale, 6 * 8 + 4 * place), _F32), _I32) for place in (LOWEST, TOP_CODE)
        )
        # The last bits that are a code's own, and, of their double, the first: next to a tie is too low.
        beyond = b.shl(b.add(top, _I32(1)), _I32(_FRACTION))
        self.last = v.splat(b.add(beyond, _I32(_FINE_BITS - 1)), self.whole)
        doubled = b.add(b.shl(lowest, _I32(16)), _I32(2 * _FINE_BITS - 2**32))
        tie = b.fptosi(b.fmul(margin, _F32(4 * 2.0**_FRACTION)), _I32)
        self.words = ir.VectorType(_I16, 2 * v.lanes)
        self.first = b.bitcast(v.splat(b.or_(doubled, b.add(tie, _I32(1))), self.whole), self.words)

    def write(self, line: list[Any], source: Any, out: Any, group: Any) -> None:
        v, b = self.v, self.v.builder
        least = ir.Constant(self.words, [0xFFFF] * 2 * v.lanes)
        most, doubled = self.zeros, []
        for x in line:
            bits = b.bitcast(v.muladd(x, self.fine_slope, self.fine_offset), self.whole)
            most = b.select(b.icmp_unsigned(">", bits, most), bits, most)
            # Twice as much has the fraction in its low word, and the code in its high one.
            doubled.append(b.add(bits, bits))
            halves = b.bitcast(doubled[-1], self.words)
            least = b.select(b.icmp_unsigned("<", halves, least), halves, least)
        self._store(doubled, out)
        is_low = v.is_any(b.icmp_unsigned("<", least, self.first))
        is_high = v.is_any(b.icmp_unsigned(">", most, self.last))
        with b.if_then(b.or_(is_low, is_high)):
            super().write(line, source, out, group)

    def _store(self, doubled: list[Any], out: Any) -> None:
        """Write the third bytes of vectors: four of them share one until their bytes change places."""
        v, b = self.v, self.v.builder
        if len(doubled) % 4:
            for at, each in enumerate(doubled):
                code = b.lshr(each, ir.Constant(self.whole, [16] * v.lanes))
                v.store(b.trunc(code, ir.VectorType(_I8, v.lanes)), v.at(out, v.lanes * at), 1)
            return
        order = [4 * i + part for part in range(4) for i in range(v.lanes)]
        kind = ir.VectorType(_I8, 4 * v.lanes)
        for at in range(0, len(doubled), 4):
            shared = self.zeros
            for part, (each, step) in enumerate(zip(doubled[at : at + 4], (-16, -8, 0, 8), strict=True)):
                by = ir.Constant(self.whole, [abs(step)] * v.lanes)
                moved = b.lshr(each, by) if step < 0 else b.shl(each, by)
                mask = ir.Constant(self.whole, [0xFF << 8 * part] * v.lanes)
                shared = b.or_(shared, b.and_(moved, mask))
            mixed = b.bitcast(shared, kind)
            mask = ir.Constant(ir.VectorType(_I32, 4 * v.lanes), order)
            v.store(b.shuffle_vector(mixed, mixed, mask), v.at(out, v.lanes * at), 1)


def passes(group: int) -> tuple[Any, Any, Any, Any]:
    """Return the passes by *group* values: a survey, codes, both, and codes told more precisely."""
    kinds = (True, None), (False, _QuickCodes), (True, _QuickCodes), (False, _PreciseCodes)
    survey, codes, both, precise = (_pass(has_survey, kind, group) for has_survey, kind in kinds)
    return survey, codes, both, precise
