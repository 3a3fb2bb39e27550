"""Single instructions for kernels: unaligned words, the zeros at their ends, asking for memory ahead."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types

from filterbank.engine.kernels.vector import INT, Vectors, cgutils, intrinsic


@intrinsic
def load64(typingctx: Any, address: Any) -> Any:
    """Return the 8 bytes at any address, the first one lowest."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        word = builder.load(builder.inttoptr(args[0], ir.IntType(64).as_pointer()))
        word.align = 1
        return word

    return types.uint64(types.int64), generate


@intrinsic
def store64(typingctx: Any, address: Any, word: Any) -> Any:
    """Write 8 bytes to any address, the lowest one first."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        store = builder.store(args[1], builder.inttoptr(args[0], ir.IntType(64).as_pointer()))
        store.align = 1
        return context.get_dummy_value()

    return types.void(types.int64, types.uint64), generate


def _count(name: str) -> Any:
    @intrinsic
    def count(typingctx: Any, word: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            kind = ir.FunctionType(ir.IntType(64), [ir.IntType(64), ir.IntType(1)])
            function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.{name}.i64")
            return builder.call(function, [args[0], ir.IntType(1)(0)])

        return types.int64(types.uint64), generate

    return count


# Of a uint64; 64 for zero.
leading_zeros = _count("ctlz")
trailing_zeros = _count("cttz")


@intrinsic
def prefetch(typingctx: Any, address: Any) -> Any:
    """Ask for the cache line at an address, which need not be readable, in the second level.

    There many can be awaited at once, also to be written: no other processor has them.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer, i32 = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [pointer, i32, i32, i32])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(function, [builder.inttoptr(args[0], pointer), i32(0), i32(2), i32(1)])
        return context.get_dummy_value()

    return types.void(types.int64), generate


@intrinsic
def copy_past(typingctx: Any, source: Any, out: Any, count: Any) -> Any:
    """Copy *count* lines of 16 floats from any address to the start of a cache line, past the caches."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        v = Vectors(builder, 16)
        source, out, count = args
        with cgutils.for_range(builder, count) as loop:
            at = builder.shl(loop.index, ir.IntType(64)(6))
            v.store_past(v.load(v.at(source, at)), v.at(out, at))
        return context.get_dummy_value()

    return types.void(INT, INT, INT), generate
