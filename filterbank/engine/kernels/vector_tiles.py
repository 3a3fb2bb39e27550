"""The tile of sums that stays in registers, for blocks of any size.

LLVM does not keep a block of accumulators in registers when it vectorises plain loops, so the tile is written
out as vectors of LANES floats.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from llvmlite import ir
from numba import types

from filterbank.engine.kernels.vector import INT, LANES, Vectors, cgutils, intrinsic

_F32, _I64 = ir.FloatType(), ir.IntType(64)

# 32 registers of 16 floats, or 16 registers of 8; NEON's 32 registers of 4 hold as much as 16 of 8.
# Filters in a tile -> vectors of outputs in its wide and in its narrow form. Wide fills the
# registers; narrow, for the end of a row, keeps just enough sums in flight to hide an FMA's latency.
SHAPES = (
    {1: (8, 2), 2: (8, 2), 3: (7, 2), 4: (6, 2), 6: (4, 1)}
    if LANES == 16
    else {1: (8, 4), 2: (5, 3), 3: (4, 2), 4: (3, 1), 6: (2, 1)}
)
WIDE, NARROW = 0, 1

# Filters in a tile -> the two lengths of tap lists that are unrolled, `strip`.
UNROLLED = {1: (3, 5), 4: (9, 27)}
_TAPS = 1 << 6  # more than any of them


def tile(filters: int, vectors: int, among: int | None = None) -> Any:
    """Return an intrinsic summing taps for *filters* maps at *vectors*·LANES neighbouring outputs.

    ``sum[k][x] = start[k] + Σ_t weights[t][k] · source[taps[t] + x]``, kept in registers.
    Its arguments are int64: the address of the first pixel, of the taps (T int64 byte distances),
    of the weights (T, filters) float32, the count T, the address of a table of *filters* map
    addresses and the byte distance from them to the first output; last ``start``, the address of
    *filters* biases. The weights may lie *among* those of more filters: (T, among).
    """

    @intrinsic
    def sums(
        typing: Any, source: Any, taps: Any, weights: Any, count: Any, maps: Any, distance: Any, start: Any
    ) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            _emit_tile(Vectors(builder, LANES), filters, vectors, arguments, among=among)
            return context.get_dummy_value()

        return types.void(*[INT] * 7), generate

    return sums


def tiles(sizes: Iterable[int], emit: Callable[[Any, int, list[Any]], None]) -> Any:
    """Return an intrinsic like `tile` that takes a block's size first, one of *sizes*, which *emit* writes.

    Its last argument says whether sums go past the caches; the first of each map then begins a cache line.
    The helpers around it then serve blocks of every size; compiled for each, they would take most of the
    time that a first run waits.
    """

    @intrinsic
    def sums(
        typing: Any,
        size: Any,
        source: Any,
        taps: Any,
        weights: Any,
        count: Any,
        maps: Any,
        distance: Any,
        start: Any,
        past: Any,
    ) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            size, *others = arguments
            _switch(builder, size, {each: partial(emit, builder, each, others) for each in sizes})
            return context.get_dummy_value()

        return types.void(*[INT] * 9), generate

    return sums


def block_tiles(form: int, compensated: bool = False) -> Any:
    """Return the intrinsic of all sizes' tiles of a *form*, WIDE or NARROW.

    *compensated* adds the sums of one more chunk of taps to outputs already there, by Kahan's method:
    ``start`` is then the address of the carries (filters, vectors·LANES), zero at first.
    """

    def emit(builder: Any, size: int, arguments: list[Any]) -> None:
        *others, past = arguments
        v, vectors = Vectors(builder, LANES), SHAPES[size][form]
        if compensated:
            _emit_tile(v, size, vectors, others, compensated=True)
        else:
            _emit_tile(v, size, vectors, others, past)

    return tiles(SHAPES, emit)


def _switch(builder: Any, number: Any, cases: Mapping[int, Callable[[], Any]]) -> None:
    """Write what a case writes for that *number*, nothing for others."""
    end = builder.append_basic_block("end")
    switch = builder.switch(number, end)
    for each, emit in cases.items():
        block = builder.append_basic_block(f"case{each}")
        switch.add_case(_I64(each), block)
        builder.position_at_end(block)
        emit()
        builder.branch(end)
    builder.position_at_end(end)


@intrinsic
def tile_width(typing: Any, size: Any, form: Any) -> Any:
    """Return how many outputs a tile of *size* filters and a *form*, WIDE or NARROW, has."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        size, form = arguments
        is_wide = builder.icmp_signed("==", form, _I64(WIDE))
        width: Any = _I64(0)
        for each, vectors in SHAPES.items():
            own = builder.select(is_wide, *(_I64(LANES * count) for count in vectors))
            width = builder.select(builder.icmp_signed("==", size, _I64(each)), own, width)
        return width

    return INT(INT, INT), generate


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


@intrinsic
def block_strip(
    typing: Any,
    size: Any,
    count: Any,
    source: Any,
    places: Any,
    weights: Any,
    columns: Any,
    maps: Any,
    distance: Any,
    start: Any,
    past: Any,
) -> Any:
    """Do the work of `strip` for a block's *size* and its *count* of taps, if there is one; none else.

    *past* is that of `tiles`.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        size, count, *others, past = arguments
        v = Vectors(builder, LANES)
        done = v.variable(_I64(0))

        def emit(filters: int, taps: int, is_past: bool) -> None:
            builder.store(_emit_strip(v, filters, SHAPES[filters][0], taps, others, is_past), done)

        number = builder.add(builder.mul(size, _I64(2 * _TAPS)), builder.add(count, count))
        number = builder.or_(number, builder.zext(builder.icmp_unsigned("!=", past, _I64(0)), _I64))
        cases = {
            2 * (_TAPS * filters + taps) + is_past: partial(emit, filters, taps, is_past)
            for filters, counts in UNROLLED.items()
            for taps in counts
            for is_past in (False, True)
        }
        is_few = builder.icmp_unsigned("<", count, _I64(_TAPS))
        _switch(builder, builder.select(is_few, number, _I64(0)), cases)
        return builder.load(done)

    return INT(*[INT] * 10), generate


def leave(v: Vectors, values: list[tuple[Any, Any]], past: Any) -> None:
    """Store vectors at their addresses, past the caches where *past*, None or a number, is not 0."""
    if past is None:
        for value, place in values:
            v.store(value, place)
        return
    with v.builder.if_else(v.builder.icmp_unsigned("!=", past, _I64(0))) as (far, near):
        with far:
            for value, place in values:
                v.store_past(value, place)
        with near:
            for value, place in values:
                v.store(value, place)


def _emit_strip(
    v: Vectors, filters: int, vectors: int, taps: int, arguments: Any, is_past: bool = False
) -> Any:
    source, offsets, weights, columns, maps, distance, start = arguments
    b, width = v.builder, vectors * v.lanes

    def weight(t: int, k: int) -> Any:
        return v.splat(v.load(v.at(weights, 4 * (t * filters + k)), _F32))

    pixels_at = [v.at(source, v.load(v.at(offsets, 8 * t), _I64, 8)) for t in range(taps)]
    lines = [v.at(v.load(v.at(maps, 8 * k), _I64, 8), distance) for k in range(filters)]
    biases = [v.splat(v.load(v.at(start, 4 * k), _F32)) for k in range(filters)]
    are_kept = filters * taps <= 8
    kept = [weight(t, k) for t in range(taps) for k in range(filters)] if are_kept else []
    tiles = b.sdiv(columns, _I64(width))
    with cgutils.for_range(b, tiles) as loop:
        at = b.mul(loop.index, _I64(4 * width))
        sums = [[bias] * vectors for bias in biases]
        for t in range(taps):
            place = v.at(pixels_at[t], at)
            pixels = [v.load(v.at(place, 4 * v.lanes * j)) for j in range(vectors)]
            for k in range(filters):
                factor = kept[t * filters + k] if are_kept else weight(t, k)
                sums[k] = [
                    v.muladd(factor, pixel, total) for pixel, total in zip(pixels, sums[k], strict=True)
                ]
        places = [v.at(line, at) for line in lines]
        cells = [(k, j) for k in range(filters) for j in range(vectors)]
        for k, j in cells:
            (v.store_past if is_past else v.store)(sums[k][j], v.at(places[k], 4 * v.lanes * j))
    return b.mul(tiles, _I64(width))


def _emit_tile(
    v: Vectors,
    filters: int,
    vectors: int,
    arguments: Any,
    past: Any = None,
    compensated: bool = False,
    among: int | None = None,
) -> None:
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
        column = v.at(weights, v.builder.mul(loop.index, _I64(4 * (among or filters))))
        pixels = [v.load(v.at(place, 4 * v.lanes * j)) for j in range(vectors)]
        for k in range(filters):
            weight = v.splat(v.load(v.at(column, 4 * k), _F32))
            for j in range(vectors):
                v.builder.store(v.muladd(weight, pixels[j], v.builder.load(sums[k, j])), sums[k, j])
    lines = [v.at(v.load(v.at(maps, 8 * k), _I64, 8), distance) for k in range(filters)]
    values = []
    for k, j in cells:
        value, place = v.builder.load(sums[k, j]), v.at(lines[k], 4 * v.lanes * j)
        if compensated:
            value = _add_compensated(v, value, place, v.at(start, 4 * v.lanes * (k * vectors + j)))
        values.append((value, place))
    leave(v, values, past)


def _add_compensated(v: Vectors, value: Any, place: Any, carry: Any) -> Any:
    """Return what lies at *place* plus *value* and the carry; leave what was rounded away as the carry."""
    before = v.load(place)
    term = v.builder.fadd(value, v.load(carry))
    after = v.builder.fadd(before, term)
    v.store(v.builder.fsub(term, v.builder.fsub(after, before)), carry)
    return after
