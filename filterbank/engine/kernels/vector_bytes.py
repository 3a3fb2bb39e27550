"""64 bytes at once: those like the one before them, those far from zero, their checksum."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types

from filterbank.engine.kernels.vector import INT, Vectors, cgutils, intrinsic

_LINE = 64
_I32, _I64 = ir.IntType(32), ir.IntType(64)
_BYTES, _WORDS, _LONGS = (ir.VectorType(ir.IntType(bits), _LINE) for bits in (8, 16, 32))

# The bytes that `adler_sums` adds up: of one line more, the sums of sums would not fit into 16 bits.
ADLER_BYTES = 22 * _LINE
_pair: Any = types.UniTuple


@intrinsic
def repeats(typing: Any, address: Any) -> Any:
    """Return a bit for each of the 64 bytes at an address: whether it is the byte before it."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        v = Vectors(builder, _LINE)
        own, before = (v.load(v.at(arguments[0], shift), _BYTES, 1) for shift in (0, -1))
        return builder.bitcast(builder.icmp_unsigned("==", own, before), _I64)

    return types.uint64(INT), generate


@intrinsic
def outside(typing: Any, address: Any, usual: Any) -> Any:
    """Return a bit for each of the 64 bytes at an address: whether it is none of -usual … usual - 1.

    *usual* is 1 to 128.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        v = Vectors(builder, _LINE)
        address, usual = arguments
        near = v.splat(builder.trunc(usual, _BYTES.element), _BYTES)
        last = v.splat(
            builder.trunc(builder.sub(builder.shl(usual, _I64(1)), _I64(1)), _BYTES.element), _BYTES
        )
        shifted = builder.add(v.load(address, _BYTES, 1), near)
        return builder.bitcast(builder.icmp_unsigned(">", shifted, last), _I64)

    return types.uint64(INT, INT), generate


@intrinsic
def adler_sums(typing: Any, address: Any, lines: Any) -> Any:
    """Return the sum of 64·lines bytes, and that of each times its distance to the end.

    They may be ADLER_BYTES at most.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        v = Vectors(builder, _LINE)
        address, lines = arguments
        none = ir.Constant(_WORDS, [0] * _LINE)
        sums, sums_of_sums = v.variable(none), v.variable(none)
        with cgutils.for_range(builder, lines) as loop:
            line = v.load(v.at(address, builder.shl(loop.index, _I64(6))), _BYTES, 1)
            total = builder.add(builder.load(sums), builder.zext(line, _WORDS))
            builder.store(total, sums)
            builder.store(builder.add(builder.load(sums_of_sums), total), sums_of_sums)
        total, weighted = (builder.zext(builder.load(each), _LONGS) for each in (sums, sums_of_sums))
        columns = ir.Constant(_LONGS, list(range(_LINE)))
        late = v.across(builder.mul(total, columns))
        whole = builder.sub(builder.shl(v.across(weighted), _I32(6)), late)
        results = [builder.zext(each, _I64) for each in (v.across(total), whole)]
        return context.make_tuple(builder, signature.return_type, results)

    return _pair(INT, 2)(INT, INT), generate
