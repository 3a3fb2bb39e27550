"""Pixels of a row a fixed step apart, read and converted as vectors: LLVM leaves such loops as they are."""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from filterbank.engine.kernels.vector import INT, IS_FUSED, LANES, Vectors, cgutils, intrinsic

_F32, _I32, _I64 = ir.FloatType(), ir.IntType(32), ir.IntType(64)


def reader(size: int, step: int, near: float, rest: float) -> Any:
    """Return an intrinsic reading pixels of *size* bytes (4: float32), *step* pixels apart, as float32.

    It answers how many of *count* it has read: vectors that reach beyond the last pixel are left.
    Codes become code · near + code · rest, rounded once.
    """

    @intrinsic
    def read(typing: Any, source: Any, line: Any, count: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return _emit_reader(Vectors(builder, LANES), size, step, (near, rest), *arguments)

        return INT(INT, INT, INT), generate

    return read


def _emit_reader(
    v: Vectors, size: int, step: int, constants: tuple[float, float], source: Any, line: Any, count: Any
) -> Any:
    b = v.builder
    element = _F32 if size == 4 else ir.IntType(8 * size)
    every = ir.Constant(ir.VectorType(_I32, v.lanes), [step * i for i in range(v.lanes)])
    left = count if step == 1 else b.sub(count, _I64(1))
    vectors = b.select(b.icmp_signed(">", left, _I64(0)), b.sdiv(left, _I64(v.lanes)), _I64(0))
    with cgutils.for_range(b, vectors) as loop:
        place = v.at(source, b.mul(loop.index, _I64(size * step * v.lanes)))
        pixels = v.load(place, ir.VectorType(element, step * v.lanes), size)
        if step > 1:
            pixels = b.shuffle_vector(pixels, ir.Constant(pixels.type, ir.Undefined), every)
        value = pixels if size == 4 else _from_codes(v, pixels, *constants)
        v.store(value, v.at(line, b.mul(loop.index, _I64(4 * v.lanes))))
    return b.mul(vectors, _I64(v.lanes))


def _from_codes(v: Vectors, codes: Any, near: float, rest: float) -> Any:
    b = v.builder
    wide = b.zext(codes, ir.VectorType(_I32, v.lanes))
    if IS_FUSED:
        value = b.sitofp(wide, v.type)
        factors = (ir.Constant(v.type, [factor] * v.lanes) for factor in (near, rest))
        return v.muladd(value, next(factors), b.fmul(value, next(factors)))
    kind = ir.VectorType(ir.DoubleType(), v.lanes)
    product = b.fmul(b.sitofp(wide, kind), ir.Constant(kind, [near + rest] * v.lanes))
    return b.fptrunc(product, v.type)
