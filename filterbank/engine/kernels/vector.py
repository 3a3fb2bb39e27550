"""Where kernels emit LLVM: memory by its address, single instructions, vectors of LANES floats.

A width the processor does not have is legal all the same: LLVM splits it (SSE, NEON). Everything here is
inlined into the kernel that calls it.
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

LANES = 16 if "+avx512f" in host_features().split(",") else 8


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


u8, u16, u32, i32, i64 = map(_pointer, (types.uint8, types.uint16, types.uint32, types.int32, types.int64))
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


@intrinsic
def add_shared(typing: Any, address: Any, amount: Any) -> Any:
    """Add to the int64 at *address*, which threads share, in one step; return what was there before."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address, amount = arguments
        return builder.atomic_rmw("add", builder.inttoptr(address, _I64.as_pointer()), amount, "seq_cst")

    return INT(INT, INT), generate


@intrinsic
def load_shared(typing: Any, address: Any) -> Any:
    """Return the int64 at *address* as another thread has left it."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load_atomic(builder.inttoptr(arguments[0], _I64.as_pointer()), "seq_cst", 8)

    return INT(INT), generate


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

    def store_past(self, value: Any, address: Any) -> None:
        """Store a vector past the caches, at an address that is a multiple of its size."""
        pointer = self.builder.inttoptr(address, ir.PointerType())
        store = self.builder.store(value, pointer, align=4 * self.lanes)
        store.set_metadata("nontemporal", self.builder.module.add_metadata([_I32(1)]))

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
