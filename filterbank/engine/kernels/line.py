"""A row of outputs as tiles, the last of which overhangs; the work space's tables that this takes."""

from __future__ import annotations

from typing import Any

from numba import types

from filterbank.engine.kernels.layout import (
    CARRY,
    LINE_LENGTH,
    LINE_TABLE,
    LINES,
    SIZE,
    SPILL,
    SPILL_TABLE,
    WIDEST,
)
from filterbank.engine.kernels.vector import INT, f32, helper, i64, low
from filterbank.engine.kernels.vector_tiles import NARROW, WIDE, tile_width


@helper(INT(INT))
def to_line(address: int) -> int:
    """Return how many floats from an address the next cache line begins."""
    return (-address & 63) >> 2


def row_of_tiles(sum_strip: Any, sum_wide: Any, sum_narrow: Any) -> Any:
    """Return a helper filling a row: a strip, tiles of both kinds, and at its ends tiles in part.

    Where sums go *past* the caches strip and wide tiles begin where a cache line does.
    """

    @helper(types.void(*[INT] * 7))
    def part(block: int, source: int, maps: int, distance: int, starts: int, count: int, space: int) -> None:
        sum_narrow(block, source, space + SPILL_TABLE, 0, starts, space + CARRY, 0)
        for k in range(i64(block)[SIZE]):
            out, spill = f32(i64(maps)[k] + distance), f32(i64(space + SPILL_TABLE)[k])
            for i in range(count):
                out[i] = spill[i]

    @helper(types.void(*[INT] * 8))
    def row(
        block: int, source: int, maps: int, distance: int, starts: int, columns: int, space: int, past: int
    ) -> None:
        size, x = i64(block)[SIZE], 0
        wide, narrow = tile_width(size, WIDE), tile_width(size, NARROW)
        if past:
            x = low(to_line(i64(maps)[0] + distance), columns)
            if x:
                part(block, source, maps, distance, starts, x, space)
        x += sum_strip(block, source + 4 * x, maps, distance + 4 * x, starts, columns - x, past)
        while x + wide <= columns:
            sum_wide(block, source + 4 * x, maps, distance + 4 * x, starts, space + CARRY, past)
            x += wide
        while x + narrow <= columns:
            sum_narrow(block, source + 4 * x, maps, distance + 4 * x, starts, space + CARRY, 0)
            x += narrow
        if x < columns:
            part(block, source + 4 * x, maps, distance + 4 * x, starts, columns - x, space)

    return row


@helper(types.void(INT, INT))
def prepare(layer: int, space: int) -> None:
    """Set up a work space's tables of lines."""
    words = i64(layer)
    for k in range(6):
        i64(space + SPILL_TABLE)[k] = space + SPILL + 4 * WIDEST * k
        i64(space + LINE_TABLE)[k] = space + words[LINES] + 4 * words[LINE_LENGTH] * k
