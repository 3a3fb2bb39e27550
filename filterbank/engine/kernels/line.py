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
from filterbank.engine.kernels.vector import INT, f32, helper, i64
from filterbank.engine.kernels.vector_tiles import NARROW, WIDE, tile_width


def row_of_tiles(sum_wide: Any, sum_narrow: Any) -> Any:
    """Return a helper filling a row from output *x* on with tiles of both kinds, the last one in part."""

    @helper(types.void(INT, INT, INT, INT, INT, INT, INT, INT))
    def tiles(
        block: int, source: int, maps: int, distance: int, starts: int, columns: int, space: int, x: int
    ) -> None:
        size = i64(block)[SIZE]
        wide, narrow = tile_width(size, WIDE), tile_width(size, NARROW)
        while x + wide <= columns:
            sum_wide(block, source + 4 * x, maps, distance + 4 * x, starts, space + CARRY)
            x += wide
        while x + narrow <= columns:
            sum_narrow(block, source + 4 * x, maps, distance + 4 * x, starts, space + CARRY)
            x += narrow
        if x < columns:
            sum_narrow(block, source + 4 * x, space + SPILL_TABLE, 0, starts, space + CARRY)
            for k in range(size):
                out, spill = f32(i64(maps)[k] + distance + 4 * x), f32(i64(space + SPILL_TABLE)[k])
                for i in range(columns - x):
                    out[i] = spill[i]

    return tiles


@helper(types.void(INT, INT))
def prepare(layer: int, space: int) -> None:
    """Set up a work space's tables of lines."""
    words = i64(layer)
    for k in range(6):
        i64(space + SPILL_TABLE)[k] = space + SPILL + 4 * WIDEST * k
        i64(space + LINE_TABLE)[k] = space + words[LINES] + 4 * words[LINE_LENGTH] * k
