"""The direct method: every output's sum of taps, a register tile of filters and outputs at a time.

``map[k,y,x] = a(b[k] + Σ w[k,c,i,j] · image[c, y·S + i·D − P_top, x·S + j·D − P_left])``

The taps of a block of filters are a table of byte distances into scratch, so one kernel serves
every size, depth, dilation, stride and sparse filter. Each output is summed in the same order
whatever tile it falls into: results do not depend on threads, bands or tiles.
"""

from __future__ import annotations

from typing import Any

from numba import types

from filterbank.engine.kernels.bands import FILL, kernel_of
from filterbank.engine.kernels.fill import fill
from filterbank.engine.kernels.layout import (
    BIASES,
    BLOCK_COUNT,
    BLOCK_WORDS,
    BLOCKS,
    CHANNELS,
    CHUNKS,
    COLUMNS,
    ENDS,
    EXACT_BLOCKS,
    EXACT_COUNT,
    EXTENT_Y,
    FILTERS,
    FIRST,
    MIX_COUNT,
    MIX_STARTS,
    MIX_TABLE,
    MIXES,
    OUT_WIDTH,
    ROWS_FIRST,
    SCRATCH,
    SCRATCH_LENGTH,
    SCRATCH_ROWS,
    SIZE,
    STATISTICS,
    STATISTICS_BYTES,
    STRIDE_X,
    STRIDE_Y,
    TAPS,
    WEIGHTS,
)
from filterbank.engine.kernels.line import prepare, row_of_tiles
from filterbank.engine.kernels.outputs import finished
from filterbank.engine.kernels.vector import INT, f32, helper, i64, low
from filterbank.engine.kernels.vector_tiles import NARROW, WIDE, block_strip, block_tiles, tile_width


def _summer(form: int) -> Any:
    """Return a helper filling one tile: the first chunk of taps with the biases, then the others."""
    first, more = block_tiles(form), block_tiles(form, compensated=True)

    @helper(types.void(*[INT] * 7))
    def sums(block: int, source: int, maps: int, distance: int, biases: int, carry: int, past: int) -> None:
        words = i64(block)
        size, taps, weights, ends = words[SIZE], words[TAPS], words[WEIGHTS], i64(words[ENDS])
        first(size, source, taps, weights, ends[0], maps, distance, biases, past)
        if words[CHUNKS] > 1:
            carries = f32(carry)
            for i in range(size * tile_width(size, form)):
                carries[i] = 0
            for chunk in range(1, words[CHUNKS]):
                start = ends[chunk - 1]
                count = ends[chunk] - start
                table, column = taps + 8 * start, weights + 4 * size * start
                more(size, source, table, column, count, maps, distance, carry, 0)

    return sums


@helper(INT(*[INT] * 7))
def _strip(block: int, source: int, maps: int, distance: int, biases: int, columns: int, past: int) -> int:
    """Sum a row of a block that has few taps as far as there are whole tiles; tell how far."""
    own = i64(block)
    count = i64(own[ENDS])[0] if own[CHUNKS] == 1 else 0
    done: int = block_strip(
        own[SIZE], count, source, own[TAPS], own[WEIGHTS], columns, maps, distance, biases, past
    )
    return done


# One row of one block, from scratch to sums so many bytes from each of the maps.
sum_row = row_of_tiles(_strip, _summer(WIDE), _summer(NARROW))


_finished_row = finished(sum_row)


@helper(types.void(*[INT] * 8))
def row(
    layer: int, block: int, source: int, y: int, x: int, columns: int, space: int, statistics: int
) -> None:
    """One row of one block, from scratch to finished outputs."""
    biases = i64(layer)[BIASES] + 4 * i64(block)[FIRST]
    _finished_row(layer, block, source, biases, y, x, columns, space, statistics)


@helper(types.void(INT, INT, INT))
def _mix(layer: int, space: int, rows: int) -> None:
    """Sum channels into the planes after theirs, for what so many rows of outputs see."""
    words = i64(layer)
    scratch, table = space + SCRATCH, space + MIX_TABLE
    line = words[STRIDE_X] * words[SCRATCH_LENGTH]
    count = ((rows - 1) * words[STRIDE_Y] + words[EXTENT_Y]) * line
    for i in range(words[MIX_COUNT]):
        block = words[MIXES] + 8 * BLOCK_WORDS * i
        for k in range(i64(block)[SIZE]):
            plane = words[CHANNELS] + i64(block)[FIRST] + k
            i64(table)[k] = scratch + 4 * plane * words[SCRATCH_ROWS] * line
        sum_row(block, scratch, table, 0, words[MIX_STARTS], count, space, 0)


@helper(types.void(INT, INT, INT, INT, INT, INT, INT))
def _block_of_outputs(
    layer: int, space: int, y: int, rows: int, x: int, columns: int, statistics: int
) -> None:
    words = i64(layer)
    finite = fill(layer, space + SCRATCH, y, x, rows, columns)
    _mix(layer, space, rows)
    blocks = words[BLOCKS] if finite else words[EXACT_BLOCKS]
    count = words[BLOCK_COUNT] if finite else words[EXACT_COUNT]
    step = 4 * words[STRIDE_Y] * words[STRIDE_X] * words[SCRATCH_LENGTH]
    if words[ROWS_FIRST]:
        for r in range(rows):
            for i in range(count):
                source, block = space + SCRATCH + r * step, blocks + 8 * BLOCK_WORDS * i
                row(layer, block, source, y + r, x, columns, space, statistics)
    else:
        for i in range(count):
            for r in range(rows):
                source, block = space + SCRATCH + r * step, blocks + 8 * BLOCK_WORDS * i
                row(layer, block, source, y + r, x, columns, space, statistics)


@helper(FILL)
def _fill_band(layer: int, space: int, band: int, first: int, last: int) -> None:
    words = i64(layer)
    prepare(layer, space)
    statistics = words[STATISTICS] + STATISTICS_BYTES * words[FILTERS] * band
    x = 0
    while x < words[OUT_WIDTH]:
        columns = low(words[COLUMNS], words[OUT_WIDTH] - x)
        _block_of_outputs(layer, space, first, last - first, x, columns, statistics)
        x += words[COLUMNS]


direct = kernel_of(_fill_band)
