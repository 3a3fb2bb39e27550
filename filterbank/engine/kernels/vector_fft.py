"""The vectors of the Fourier transform: butterflies on rows of a strip, products of spectra, 8×8 transposes.

A strip is LINE floats wide; its rows hold LINE real parts and then as many imaginary ones.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types

from filterbank.engine.kernels.vector import FLOAT, INT, LANES, Vectors, cgutils, intrinsic

LINE = 16  # floats: a cache line
ROW = 2 * 4 * LINE  # bytes of a strip's row

_F32, _I32, _I64 = ir.FloatType(), ir.IntType(32), ir.IntType(64)
_Complex = tuple[Any, Any]

_HALF = 0.5**0.5


def _times(v: Vectors, a: _Complex, w: _Complex) -> _Complex:
    b = v.builder
    real = v.muladd(a[0], w[0], b.fneg(b.fmul(a[1], w[1])))
    return real, v.muladd(a[0], w[1], b.fmul(a[1], w[0]))


def _times_conjugate(v: Vectors, a: _Complex, w: _Complex) -> _Complex:
    b = v.builder
    imaginary = v.muladd(a[1], w[0], b.fneg(b.fmul(a[0], w[1])))
    return v.muladd(a[0], w[0], b.fmul(a[1], w[1])), imaginary


def _plus(v: Vectors, a: _Complex, c: _Complex) -> _Complex:
    return v.builder.fadd(a[0], c[0]), v.builder.fadd(a[1], c[1])


def _minus(v: Vectors, a: _Complex, c: _Complex) -> _Complex:
    return v.builder.fsub(a[0], c[0]), v.builder.fsub(a[1], c[1])


def _radix4(v: Vectors, x: list[_Complex], inverse: bool) -> list[_Complex]:
    """Return the transform of four: outputs 0, 1, 2, 3 in natural order."""
    even, odd = _plus(v, x[0], x[2]), _plus(v, x[1], x[3])
    low, high = _minus(v, x[0], x[2]), _minus(v, x[1], x[3])
    # high times -i (forward) or +i (inverse) is a swap and a sign, taken into the additions.
    b = v.builder
    plus = b.fsub(low[0], high[1]), b.fadd(low[1], high[0])
    minus = b.fadd(low[0], high[1]), b.fsub(low[1], high[0])
    second, fourth = (plus, minus) if inverse else (minus, plus)
    return [_plus(v, even, odd), second, _minus(v, even, odd), fourth]


def _load(v: Vectors, address: Any, part: int) -> _Complex:
    return v.load(v.at(address, 4 * part)), v.load(v.at(address, 4 * (LINE + part)))


def _store(v: Vectors, value: _Complex, address: Any, part: int) -> None:
    v.store(value[0], v.at(address, 4 * part))
    v.store(value[1], v.at(address, 4 * (LINE + part)))


def _emit_butterfly(v: Vectors, inverse: bool, twisted: bool, row: Any, distance: Any, roots: Any) -> None:
    twice = v.at(distance, distance)
    rows = [row, v.at(row, distance), v.at(row, twice), v.at(v.at(row, twice), distance)]
    w: list[_Complex] = []
    if twisted:
        numbers = [v.splat(v.load(v.at(roots, 4 * i), _F32)) for i in range(6)]
        w = [(numbers[2 * i], numbers[2 * i + 1]) for i in range(3)]
    for part in range(0, LINE, v.lanes):
        x = [_load(v, address, part) for address in rows]
        if inverse and twisted:
            x = [x[0], *(_times_conjugate(v, a, root) for a, root in zip(x[1:], w, strict=True))]
        y = _radix4(v, x, inverse)
        if twisted and not inverse:
            y = [y[0], *(_times(v, a, root) for a, root in zip(y[1:], w, strict=True))]
        for value, address in zip(y, rows, strict=True):
            _store(v, value, address, part)


def _butterfly(inverse: bool, twisted: bool) -> Any:
    """Return an intrinsic: rows at *row* and 1, 2, 3 *distance* further become their transform.

    Forward, outputs 1, 2, 3 are multiplied by the three roots at *roots* (6 float32); inverse, the inputs
    by their conjugates. Not *twisted*: all roots are 1, and *roots* is not read.
    """

    @intrinsic
    def butterfly(typing: Any, row: Any, distance: Any, roots: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            _emit_butterfly(Vectors(builder, LANES), inverse, twisted, *arguments)
            return context.get_dummy_value()

        return types.void(INT, INT, INT), generate

    return butterfly


forward4, forward4_plain = _butterfly(False, True), _butterfly(False, False)
inverse4, inverse4_plain = _butterfly(True, True), _butterfly(True, False)


def _emit_eight(v: Vectors, inverse: bool, row: Any) -> None:
    turns = [
        (ir.Constant(v.type, [real] * v.lanes), ir.Constant(v.type, [imaginary] * v.lanes))
        for real, imaginary in ((_HALF, -_HALF), (0.0, -1.0), (-_HALF, -_HALF))
    ]
    rows = [v.at(row, ROW * i) for i in range(8)]
    for part in range(0, LINE, v.lanes):
        x = [_load(v, address, part) for address in rows]
        if inverse:
            x = _pairs(v, x)
            odd = [x[1], *(_times_conjugate(v, a, turn) for a, turn in zip(x[3::2], turns, strict=True))]
            first, second = _radix4(v, x[::2], inverse), _radix4(v, odd, inverse)
            y = [value for both in zip(first, second, strict=True) for value in both]
        else:
            first, second = _radix4(v, x[::2], inverse), _radix4(v, x[1::2], inverse)
            odd = [second[0], *(_times(v, a, turn) for a, turn in zip(second[1:], turns, strict=True))]
            y = _pairs(v, [value for both in zip(first, odd, strict=True) for value in both])
        for value, address in zip(y, rows, strict=True):
            _store(v, value, address, part)


def _pairs(v: Vectors, x: list[_Complex]) -> list[_Complex]:
    """Return sum and difference of every two neighbours."""
    return [both(v, x[i], x[i + 1]) for i in range(0, len(x), 2) for both in (_plus, _minus)]


def _eight(inverse: bool) -> Any:
    """Return an intrinsic: eight neighbouring rows become their transform, its roots written out."""

    @intrinsic
    def eight(typing: Any, row: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            _emit_eight(Vectors(builder, LANES), inverse, *arguments)
            return context.get_dummy_value()

        return types.void(INT), generate

    return eight


forward8, inverse8 = _eight(False), _eight(True)


@intrinsic
def multiply_row(typing: Any, x: Any, w: Any, channels: Any, step: Any, out: Any) -> Any:
    """Write the sum over channels of the products of a row at *x* and one at *w*, *step* bytes a channel."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        v = Vectors(builder, LANES)
        x, w, channels, step, out = arguments
        zero = ir.Constant(v.type, [0.0] * v.lanes)
        parts = range(0, LINE, v.lanes)
        sums = {part: (v.variable(zero), v.variable(zero)) for part in parts}
        with cgutils.for_range(builder, channels) as loop:
            offset = builder.mul(loop.index, step)
            for part in parts:
                a, c = _load(v, v.at(x, offset), part), _load(v, v.at(w, offset), part)
                real, imaginary = (builder.load(slot) for slot in sums[part])
                real = v.muladd(a[0], c[0], v.muladd(builder.fneg(a[1]), c[1], real))
                imaginary = v.muladd(a[0], c[1], v.muladd(a[1], c[0], imaginary))
                builder.store(real, sums[part][0])
                builder.store(imaginary, sums[part][1])
        for part in parts:
            _store(v, (builder.load(sums[part][0]), builder.load(sums[part][1])), out, part)
        return context.get_dummy_value()

    return types.void(*[INT] * 5), generate


@intrinsic
def take_line(typing: Any, source: Any, row: Any) -> Any:
    """Make a strip's row of LINE real floats at *source*, the imaginary parts zero."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        v = Vectors(builder, LANES)
        source, row = arguments
        zero = ir.Constant(v.type, [0.0] * v.lanes)
        for part in range(0, LINE, v.lanes):
            _store(v, (v.load(v.at(source, 4 * part)), zero), row, part)
        return context.get_dummy_value()

    return types.void(INT, INT), generate


@intrinsic
def give_line(typing: Any, values: Any, bias: Any, out: Any) -> Any:
    """Write LINE floats of one part of a strip's row, plus a bias."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        v = Vectors(builder, LANES)
        values, bias, out = arguments
        biases = v.splat(bias)
        for part in range(0, LINE, v.lanes):
            v.store(builder.fadd(v.load(v.at(values, 4 * part)), biases), v.at(out, 4 * part))
        return context.get_dummy_value()

    return types.void(INT, FLOAT, INT), generate


def transpose8(v: Vectors, rows: list[Any]) -> list[Any]:
    """Return eight vectors of eight, transposed."""

    def shuffle(x: Any, y: Any, places: list[int]) -> Any:
        return v.builder.shuffle_vector(x, y, ir.Constant(ir.VectorType(_I32, 8), places))

    low, high = [0, 8, 1, 9, 4, 12, 5, 13], [2, 10, 3, 11, 6, 14, 7, 15]
    pairs = [shuffle(rows[i], rows[i + 1], part) for i in range(0, 8, 2) for part in (low, high)]
    low, high = [0, 1, 8, 9, 4, 5, 12, 13], [2, 3, 10, 11, 6, 7, 14, 15]
    fours = [
        shuffle(pairs[g + i], pairs[g + i + 2], part) for g in (0, 4) for i in (0, 1) for part in (low, high)
    ]
    low, high = [0, 1, 2, 3, 8, 9, 10, 11], [4, 5, 6, 7, 12, 13, 14, 15]
    return [shuffle(fours[i], fours[i + 4], part) for part in (low, high) for i in range(4)]


@intrinsic
def swap_transposed(typing: Any, p: Any, q: Any, step: Any) -> Any:
    """Exchange two 8×8 blocks whose rows are *step* bytes apart, each transposed; they may be the same."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        v = Vectors(builder, 8)
        p, q, step = arguments
        rows = [[v.at(block, builder.mul(step, _I64(i))) for i in range(8)] for block in (p, q)]
        first, second = ([v.load(address) for address in block] for block in rows)
        for block, addresses in ((first, rows[1]), (second, rows[0])):
            for value, address in zip(transpose8(v, block), addresses, strict=True):
                v.store(value, address)
        return context.get_dummy_value()

    return types.void(INT, INT, INT), generate
