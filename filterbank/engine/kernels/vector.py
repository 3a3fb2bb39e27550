"""Where kernels emit LLVM: memory seen as vectors, and the tile of sums that stays in registers.

LLVM does not keep a block of accumulators in registers when it vectorises plain loops, so the
tile is written out as vectors of LANES floats. A width the processor does not have is legal all
the same: LLVM splits it (SSE, NEON). Everything here is inlined into the kernel that calls it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numba.core.cgutils
import numba.extending
from llvmlite import binding, ir
from numba import types

# Numba's own annotations know less than Numba.
njit: Any = numba.njit
config: Any = numba.config
cgutils: Any = numba.core.cgutils
intrinsic: Callable[[Callable[..., Any]], Any] = numba.extending.intrinsic

_F32, _I32, _I64 = ir.FloatType(), ir.IntType(32), ir.IntType(64)

INT, FLOAT = types.int64, types.float32


def host_features() -> str:
    """Return the processor features that Numba compiles for, as LLVM spells them."""
    return str(config.CPU_FEATURES or binding.get_host_cpu_features().flatten())


def host_cpu() -> str:
    """Return the processor that Numba compiles for, as LLVM names it."""
    return str(config.CPU_NAME or binding.get_host_cpu_name())


# Whether x·y + z is rounded once here.
IS_FUSED = "+fma" in host_features().split(",") or binding.get_default_triple().startswith(
    ("aarch64", "arm64")
)

# 32 registers of 16 floats, or 16 registers of 8; NEON's 32 registers of 4 hold as much as 16 of 8.
LANES = 16 if "+avx512f" in host_features().split(",") else 8

# Filters in a tile -> vectors of outputs in its wide and in its narrow form. Wide fills the
# registers; narrow, for the end of a row, keeps just enough sums in flight to hide an FMA's latency.
SHAPES = (
    {1: (8, 2), 2: (8, 2), 3: (7, 2), 4: (6, 2), 6: (4, 1)}
    if LANES == 16
    else {1: (8, 4), 2: (5, 3), 3: (4, 2), 4: (3, 1), 6: (2, 1)}
)


# Filters in a tile -> the two lengths of tap lists that are unrolled, `strip`.
UNROLLED = {1: (3, 5), 4: (9, 27)}


def helper(signature: Any, **options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Return a decorator that compiles a function for use inside kernels, once for *signature*.

    Allocation fails at compile time; nothing checks bounds; division by zero does not raise.
    """
    decorator: Callable[[Callable[..., Any]], Any] = njit(
        signature,
        boundscheck=False,
        error_model="numpy",
        _nrt=False,
        no_cpython_wrapper=True,
        no_cfunc_wrapper=True,
        **options,
    )
    return decorator


def _pointer(element: Any) -> Any:
    """Return an intrinsic that sees an address as a C pointer: ``p[i]`` without bounds or wrap-around."""

    @intrinsic
    def view(typing: Any, address: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

        pointer: Any = types.CPointer
        return pointer(element)(INT), generate

    return view


u8, u16, i32, i64 = map(_pointer, (types.uint8, types.uint16, types.int32, types.int64))
f32, f64 = map(_pointer, (types.float32, types.float64))


def _pick(predicate: str) -> Any:
    """Return an intrinsic for the smaller or larger of two: one instruction, and loops vectorise."""

    @intrinsic
    def pick(typing: Any, x: Any, y: Any) -> Any:
        kind = FLOAT if x == FLOAT else INT

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            compare = builder.fcmp_ordered if kind == FLOAT else builder.icmp_signed
            return builder.select(compare(predicate, *arguments), *arguments)

        return kind(kind, kind), generate

    return pick


low, high = _pick("<"), _pick(">")


@intrinsic
def muladd(typing: Any, x: Any, y: Any, z: Any) -> Any:
    """Return x·y + z in float32, rounded once where the processor can."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(_F32, [_F32] * 3)
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.fmuladd.f32")
        return builder.call(function, arguments)

    return FLOAT(FLOAT, FLOAT, FLOAT), generate


@intrinsic
def from_bits(typing: Any, bits: Any) -> Any:
    """Return the float32 whose bits are *bits* (int32)."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], _F32)

    return FLOAT(types.int32), generate


class Vectors:
    """A builder with the few operations on vectors of floats that the kernels need."""

    def __init__(self, builder: Any, lanes: int) -> None:
        self.builder = builder
        self.lanes = lanes
        self.type = ir.VectorType(_F32, lanes)

    def at(self, address: Any, distance: Any) -> Any:
        """Return the address so many bytes on."""
        distance = _I64(distance) if isinstance(distance, int) else distance
        return self.builder.add(address, distance)

    def load(self, address: Any, kind: Any = None, align: int = 4) -> Any:
        """Return the vector, or what else *kind* says, at an address."""
        pointer = self.builder.inttoptr(address, ir.PointerType())
        return self.builder.load(pointer, align=align, typ=kind or self.type)

    def store(self, value: Any, address: Any, align: int = 4) -> None:
        """Store a vector at an address."""
        self.builder.store(value, self.builder.inttoptr(address, ir.PointerType()), align=align)

    def splat(self, scalar: Any, kind: Any = None) -> Any:
        """Return a vector of one value."""
        kind = kind or self.type
        one = self.builder.insert_element(ir.Constant(kind, ir.Undefined), scalar, _I32(0))
        mask = ir.Constant(ir.VectorType(_I32, kind.count), [0] * kind.count)
        return self.builder.shuffle_vector(one, ir.Constant(kind, ir.Undefined), mask)

    def muladd(self, x: Any, y: Any, z: Any) -> Any:
        """Return x·y + z, rounded once where the processor can."""
        kind = ir.FunctionType(self.type, [self.type] * 3)
        name = f"llvm.fmuladd.v{self.lanes}f32"
        return self.builder.call(cgutils.get_or_insert_function(self.builder.module, kind, name), (x, y, z))

    def absolute(self, x: Any) -> Any:
        """Return |x|."""
        kind = ir.FunctionType(self.type, [self.type])
        name = f"llvm.fabs.v{self.lanes}f32"
        return self.builder.call(cgutils.get_or_insert_function(self.builder.module, kind, name), (x,))

    def across(self, value: Any) -> Any:
        """Return the sum of a vector of int32."""
        name = f"llvm.vector.reduce.add.v{value.type.count}i32"
        kind = ir.FunctionType(_I32, [value.type])
        return self.builder.call(cgutils.get_or_insert_function(self.builder.module, kind, name), (value,))

    def count(self, total: Any, flags: Any) -> Any:
        """Return a vector of int32, one more where a flag is true."""
        one = ir.Constant(total.type, [1] * total.type.count)
        return self.builder.select(flags, self.builder.add(total, one), total)

    def is_any(self, flags: Any) -> Any:
        """Return whether one of a vector of truth values is true."""
        bits = ir.IntType(flags.type.count)
        return self.builder.icmp_unsigned("!=", self.builder.bitcast(flags, bits), bits(0))

    def variable(self, value: Any) -> Any:
        """Return a stack slot holding *value*; LLVM turns it into a register."""
        return cgutils.alloca_once_value(self.builder, value)


def tile(filters: int, vectors: int, compensated: bool = False) -> Any:
    """Return an intrinsic summing taps for *filters* maps at *vectors*·LANES neighbouring outputs.

    ``sum[k][x] = start[k] + Σ_t weights[t][k] · source[taps[t] + x]``, kept in registers.
    Its arguments are int64: the address of the first pixel, of the taps (T int64 byte distances),
    of the weights (T, filters) float32, the count T, the address of a table of *filters* map
    addresses and the byte distance from them to the first output; last ``start``, the address of
    *filters* biases.

    *compensated* adds the sums of one more chunk of taps to outputs already there, by Kahan's
    method: ``start`` is then the address of the carries (filters, vectors·LANES), zero at first.
    """

    @intrinsic
    def sums(
        typing: Any, source: Any, taps: Any, weights: Any, count: Any, maps: Any, distance: Any, start: Any
    ) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            _emit_tile(Vectors(builder, LANES), filters, vectors, compensated, arguments)
            return context.get_dummy_value()

        return types.void(*[INT] * 7), generate

    return sums


def strip(filters: int, vectors: int, taps: int) -> Any:
    """Return an intrinsic doing the work of `tile` for as many tiles as fit into a row: a few taps unrolled.

    The sums are the same. Instead of the count of taps it takes how many outputs the row has, and it
    answers how many are done.
    """

    @intrinsic
    def sums(
        typing: Any,
        source: Any,
        places: Any,
        weights: Any,
        columns: Any,
        maps: Any,
        distance: Any,
        start: Any,
    ) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return _emit_strip(Vectors(builder, LANES), filters, vectors, taps, arguments)

        return INT(*[INT] * 7), generate

    return sums


def _emit_strip(v: Vectors, filters: int, vectors: int, taps: int, arguments: Any) -> Any:
    source, places, weights, columns, maps, distance, start = arguments
    b, width = v.builder, vectors * v.lanes

    def weight(t: int, k: int) -> Any:
        return v.splat(v.load(v.at(weights, 4 * (t * filters + k)), _F32))

    offsets = [v.at(source, v.load(v.at(places, 8 * t), _I64, 8)) for t in range(taps)]
    lines = [v.at(v.load(v.at(maps, 8 * k), _I64, 8), distance) for k in range(filters)]
    biases = [v.splat(v.load(v.at(start, 4 * k), _F32)) for k in range(filters)]
    are_kept = filters * taps <= 8
    kept = [weight(t, k) for t in range(taps) for k in range(filters)] if are_kept else []
    tiles = b.sdiv(columns, _I64(width))
    with cgutils.for_range(b, tiles) as loop:
        at = b.mul(loop.index, _I64(4 * width))
        sums = [[bias] * vectors for bias in biases]
        for t in range(taps):
            place = v.at(offsets[t], at)
            pixels = [v.load(v.at(place, 4 * v.lanes * j)) for j in range(vectors)]
            for k in range(filters):
                factor = kept[t * filters + k] if are_kept else weight(t, k)
                sums[k] = [
                    v.muladd(factor, pixel, total) for pixel, total in zip(pixels, sums[k], strict=True)
                ]
        for k in range(filters):
            for j in range(vectors):
                v.store(sums[k][j], v.at(v.at(lines[k], at), 4 * v.lanes * j))
    return b.mul(tiles, _I64(width))


def _emit_tile(v: Vectors, filters: int, vectors: int, compensated: bool, arguments: Any) -> None:
    source, taps, weights, count, maps, distance, start = arguments
    cells = [(k, j) for k in range(filters) for j in range(vectors)]
    if compensated:
        starts = [ir.Constant(v.type, [0.0] * v.lanes)] * filters
    else:
        starts = [v.splat(v.load(v.at(start, 4 * k), _F32)) for k in range(filters)]
    sums = {(k, j): v.variable(starts[k]) for k, j in cells}
    with cgutils.for_range(v.builder, count) as loop:
        tap = v.load(v.at(taps, v.builder.shl(loop.index, _I64(3))), _I64, 8)
        place = v.at(source, tap)
        column = v.at(weights, v.builder.mul(loop.index, _I64(4 * filters)))
        pixels = [v.load(v.at(place, 4 * v.lanes * j)) for j in range(vectors)]
        for k in range(filters):
            weight = v.splat(v.load(v.at(column, 4 * k), _F32))
            for j in range(vectors):
                v.builder.store(v.muladd(weight, pixels[j], v.builder.load(sums[k, j])), sums[k, j])
    lines = [v.at(v.load(v.at(maps, 8 * k), _I64, 8), distance) for k in range(filters)]
    for k, j in cells:
        value, place = v.builder.load(sums[k, j]), v.at(lines[k], 4 * v.lanes * j)
        if compensated:
            value = _add_compensated(v, value, place, v.at(start, 4 * v.lanes * (k * vectors + j)))
        v.store(value, place)


def _add_compensated(v: Vectors, value: Any, place: Any, carry: Any) -> Any:
    """Return what lies at *place* plus *value* and the carry; leave what was rounded away as the carry."""
    before = v.load(place)
    term = v.builder.fadd(value, v.load(carry))
    after = v.builder.fadd(before, term)
    v.store(v.builder.fsub(term, v.builder.fsub(after, before)), carry)
    return after
