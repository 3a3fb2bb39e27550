"""Sums of products of bytes that stay in registers, and the words of four bytes that they take.

Processors with VNNI multiply four pairs of bytes and add them up in one instruction; others do so in two
halves of two pairs of 16-bit numbers. Both are exact.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types

from filterbank.engine.kernels.layout_quads import FORMS
from filterbank.engine.kernels.vector import INT, IS_FUSED, LANES, Vectors, cgutils, host_features, intrinsic
from filterbank.engine.kernels.vector_tiles import SHAPES, leave, tiles

_F32, _F64 = ir.FloatType(), ir.DoubleType()
_I8, _I16, _I32, _I64 = (ir.IntType(bits) for bits in (8, 16, 32, 64))

_FEATURES = set(host_features().split(","))
HAS_DOT = bool(_FEATURES & {"+avx512vnni", "+avxvnni"}) and (LANES == 16 or "+avxvnni" in _FEATURES)


# Filters in a block: those of more would not leave their sums in registers.
SIZES = (1, 2, 3, 4)


def quad_tiles(form: int) -> Any:
    """Return an intrinsic like `vector_tiles.block_tiles` for words of four bytes and weights that are whole.

    Its last argument is the address of (size, 3) float32: the factor that makes a filter's sum its output,
    what float32 leaves of it, and the bias.
    """

    def emit(builder: Any, size: int, arguments: list[Any]) -> None:
        _emit_tile(Vectors(builder, LANES), size, SHAPES[size][form], arguments)

    return tiles(SIZES, emit)


def _emit_tile(v: Vectors, filters: int, vectors: int, arguments: list[Any]) -> None:
    source, taps, weights, count, maps, distance, starts, past = arguments
    b, words = v.builder, ir.VectorType(_I32, v.lanes)
    cells = [(k, j) for k in range(filters) for j in range(vectors)]
    sums = {cell: v.variable(ir.Constant(words, [0] * v.lanes)) for cell in cells}
    with cgutils.for_range(b, count) as loop:
        place = v.at(source, v.load(v.at(taps, b.shl(loop.index, _I64(3))), _I64, 8))
        column = v.at(weights, b.mul(loop.index, _I64(4 * FORMS * filters)))
        quads = [_parts(v, v.load(v.at(place, 4 * v.lanes * j), words)) for j in range(vectors)]
        for k in range(filters):
            forms = [
                v.splat(v.load(v.at(column, 4 * (form * filters + k)), _I32), words) for form in range(FORMS)
            ]
            for j in range(vectors):
                b.store(_dot(v, b.load(sums[k, j]), quads[j], forms), sums[k, j])
    lines = [v.at(v.load(v.at(maps, 8 * k), _I64, 8), distance) for k in range(filters)]
    values = []
    for k in range(filters):
        constants = [v.load(v.at(starts, 12 * k + at), _F32) for at in (0, 4, 8)]
        values += [
            (_value(v, b.load(sums[k, j]), *constants), v.at(lines[k], 4 * v.lanes * j))
            for j in range(vectors)
        ]
    leave(v, values, past)


def _value(v: Vectors, total: Any, factor: Any, rest: Any, bias: Any) -> Any:
    """Return the outputs of sums; without a fused multiply-add it takes float64 to round them once."""
    b = v.builder
    if IS_FUSED:
        value = b.sitofp(total, v.type)
        return v.muladd(value, v.splat(factor), v.muladd(value, v.splat(rest), v.splat(bias)))
    wide = ir.VectorType(_F64, v.lanes)
    whole = b.fadd(b.fpext(factor, _F64), b.fpext(rest, _F64))
    product = b.fmul(b.sitofp(total, wide), v.splat(whole, wide))
    return b.fptrunc(b.fadd(product, v.splat(b.fpext(bias, _F64), wide)), v.type)


def _parts(v: Vectors, quads: Any) -> list[Any]:
    """Return what products are made of: the words themselves, or their even and their odd bytes."""
    if HAS_DOT:
        return [quads]
    b = v.builder
    evens = ir.Constant(quads.type, [0x00FF00FF] * v.lanes)
    shifted = b.lshr(quads, ir.Constant(quads.type, [8] * v.lanes))
    return [b.and_(quads, evens), b.and_(shifted, evens)]


def _dot(v: Vectors, total: Any, parts: list[Any], forms: list[Any]) -> Any:
    """Return *total* plus the sum of four products in every lane."""
    b = v.builder
    if HAS_DOT:
        name = f"llvm.x86.avx512.vpdpbusd.{32 * v.lanes}"
        kind = ir.FunctionType(total.type, [total.type] * 3)
        return b.call(cgutils.get_or_insert_function(b.module, kind, name), (total, parts[0], forms[0]))
    for pixels, weights in zip(parts, forms[1:], strict=True):
        total = b.add(total, _pairs(v, pixels, weights))
    return total


def _pairs(v: Vectors, pixels: Any, weights: Any) -> Any:
    """Return in every lane the sum of two products of 16-bit numbers: LLVM knows the instruction by this."""
    b, n = v.builder, 2 * v.lanes
    halves, wide = ir.VectorType(_I16, n), ir.VectorType(_I32, n)
    products = b.mul(*(b.sext(b.bitcast(x, halves), wide) for x in (pixels, weights)))
    even, odd = (ir.Constant(ir.VectorType(_I32, v.lanes), [*range(at, n, 2)]) for at in (0, 1))
    return b.add(*(b.shuffle_vector(products, products, places) for places in (even, odd)))


def byte_reader(step: int) -> Any:
    """Return an intrinsic copying bytes *step* apart; it answers how many of *count* it has copied."""

    @intrinsic
    def read(typing: Any, source: Any, line: Any, count: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return _emit_reader(Vectors(builder, 16), step, *arguments)

        return INT(INT, INT, INT), generate

    return read


def _emit_reader(v: Vectors, step: int, source: Any, line: Any, count: Any) -> Any:
    b, n = v.builder, v.lanes
    every = ir.Constant(ir.VectorType(_I32, n), [step * i for i in range(n)])
    left = count if step == 1 else b.sub(count, _I64(1))  # the last load must not reach beyond the row
    vectors = b.select(b.icmp_signed(">", left, _I64(0)), b.sdiv(left, _I64(n)), _I64(0))
    with cgutils.for_range(b, vectors) as loop:
        place = v.at(source, b.mul(loop.index, _I64(step * n)))
        pixels = v.load(place, ir.VectorType(_I8, step * n), 1)
        if step > 1:
            pixels = b.shuffle_vector(pixels, ir.Constant(pixels.type, ir.Undefined), every)
        v.store(pixels, v.at(line, b.mul(loop.index, _I64(n))), 1)
    return b.mul(vectors, _I64(n))


@intrinsic
def stack_rows(typing: Any, rows: Any, out: Any, count: Any) -> Any:
    """Write *count*·16 words made of a byte of each of four rows, whose addresses lie at *rows*."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        v = Vectors(builder, 16)
        rows, out, count = arguments
        lines = [v.load(v.at(rows, 8 * i), _I64, 8) for i in range(4)]
        with cgutils.for_range(builder, count) as loop:
            at = builder.shl(loop.index, _I64(4))
            a, b, c, d = (v.load(v.at(line, at), ir.VectorType(_I8, 16), 1) for line in lines)
            words = _zip(
                builder,
                *(builder.bitcast(_zip(builder, *two), ir.VectorType(_I16, 16)) for two in ((a, b), (c, d))),
            )
            v.store(words, v.at(out, builder.shl(at, _I64(2))))
        return context.get_dummy_value()

    return types.void(INT, INT, INT), generate


def _zip(b: Any, x: Any, y: Any) -> Any:
    """Return x0 y0 x1 y1 ..."""
    n = x.type.count
    places = [place for i in range(n) for place in (i, n + i)]
    return b.shuffle_vector(x, y, ir.Constant(ir.VectorType(_I32, 2 * n), places))
