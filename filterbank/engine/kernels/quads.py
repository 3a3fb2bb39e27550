"""The direct method for filters of small integers on bytes: exact sums, four rows of taps in one product.

``map[k,y,x] = a(b[k] + u[k] · Σ n[k,c,i,j] · byte[c, y·S + i·D − P_top, x + j·D − P_left])``, n being whole
numbers from −128 to 127 and u[k] what one of them stands for, divided by 255.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from filterbank.engine.kernels.bands import FILL, kernel_of
from filterbank.engine.kernels.border import reach
from filterbank.engine.kernels.layout import (
    BLOCK_COUNT,
    BLOCK_WORDS,
    BLOCKS,
    CHANNEL_STEP,
    CHANNELS,
    COLUMNS,
    ENDS,
    EXTENT_X,
    EXTENT_Y,
    FILTERS,
    FIRST,
    HEIGHT,
    LEFT,
    LINE_TABLE,
    MODE,
    OUT_WIDTH,
    PIXEL_STEP,
    ROW_STEP,
    SCRATCH,
    SCRATCH_LENGTH,
    SCRATCH_ROWS,
    SIZE,
    SOURCE,
    STATISTICS,
    STATISTICS_BYTES,
    STRIDE_Y,
    TAPS,
    TOP,
    VALUES,
    WEIGHTS,
    WIDTH,
)
from filterbank.engine.kernels.layout_quads import (
    DEEP,
    DILATION,
    RING,
    RING_LENGTH,
    RING_ROWS,
    STARTS,
    TAP_ROWS,
)
from filterbank.engine.kernels.line import prepare, row_of_tiles
from filterbank.engine.kernels.outputs import finished
from filterbank.engine.kernels.vector import INT, f32, helper, high, i64, low, u8
from filterbank.engine.kernels.vector_quads import byte_reader, quad_tiles, stack_rows
from filterbank.engine.kernels.vector_tiles import NARROW, WIDE

_read_1, _read_2, _read_3, _read_4 = map(byte_reader, (1, 2, 3, 4))


@helper(types.void(INT, INT, INT, INT))
def _read(source: int, step: int, line: int, count: int) -> None:
    """Copy *count* bytes, *step* apart."""
    done: int = 0
    if step == 1:
        done = _read_1(source, line, count)
    elif step == 2:
        done = _read_2(source, line, count)
    elif step == 3:
        done = _read_3(source, line, count)
    elif step == 4:
        done = _read_4(source, line, count)
    out, pixels = u8(line), u8(source)
    for i in range(done, count):
        out[i] = pixels[step * i]


@helper(types.void(INT, INT, INT, INT, INT))
def _fill_line(layer: int, channel: int, y: int, line: int, x: int) -> None:
    """Bytes that a strip at *x* sees of row *y*, counted from the image's own first one."""
    w, out = i64(layer), u8(line)
    count = low(w[COLUMNS], w[OUT_WIDTH] - x) + w[EXTENT_X] - 1
    start, width, step, mode = x - w[LEFT], w[WIDTH], w[PIXEL_STEP], w[MODE]
    border = np.uint8(f32(w[VALUES])[channel] * np.float32(255) + np.float32(0.5))
    row = reach(mode, y, w[HEIGHT])
    if row < 0:
        for i in range(count):
            out[i] = border
        return
    before = low(high(-start, 0), count)
    after = high(before, low(count, width - start))
    source = w[SOURCE] + channel * w[CHANNEL_STEP] + row * w[ROW_STEP]
    _read(source + (start + before) * step, step, line + before, after - before)
    for i in range(before):
        place = reach(mode, start + i, width)
        out[i] = border if place < 0 else u8(source + place * step)[0]
    for i in range(after, count):
        place = reach(mode, start + i, width)
        out[i] = border if place < 0 else u8(source + place * step)[0]


@helper(types.void(INT, INT, INT, INT, INT))
def _fill(layer: int, space: int, y: int, rows: int, x: int) -> None:
    """Fill scratch with the quads that *rows* rows of outputs from (*y*, *x*) see."""
    w = i64(layer)
    table, ring, d = i64(space + LINE_TABLE), w[RING_ROWS], w[DILATION]
    needed = (rows - 1) * w[STRIDE_Y] + w[EXTENT_Y]  # rows of bytes
    quads = (rows - 1) * w[STRIDE_Y] + w[TAP_ROWS]
    for channel in range(w[CHANNELS]):
        filled = 0
        for r in range(quads):
            end = low(r + (DEEP - 1) * d + 1, needed)
            for i in range(filled, end):
                line = space + w[RING] + w[RING_LENGTH] * (i % ring)
                _fill_line(layer, channel, y * w[STRIDE_Y] + i - w[TOP], line, x)
            filled = high(filled, end)
            for i in range(DEEP):
                # Below the last row that an output sees its weights are zero: any row will do.
                table[i] = space + w[RING] + w[RING_LENGTH] * (low(r + i * d, needed - 1) % ring)
            out = space + SCRATCH + 4 * w[SCRATCH_LENGTH] * (channel * w[SCRATCH_ROWS] + r)
            stack_rows(space + LINE_TABLE, out, w[RING_LENGTH] // 16 - 1)


def _summer(form: int) -> Any:
    """Return a helper filling one tile."""
    fill_tile = quad_tiles(form)

    @helper(types.void(*[INT] * 7))
    def sums(block: int, source: int, maps: int, distance: int, starts: int, carry: int, past: int) -> None:
        w = i64(block)
        fill_tile(w[SIZE], source, w[TAPS], w[WEIGHTS], i64(w[ENDS])[0], maps, distance, starts, past)

    return sums


@helper(INT(*[INT] * 7))
def _no_strip(block: int, source: int, maps: int, distance: int, starts: int, columns: int, past: int) -> int:
    return 0


_row = finished(row_of_tiles(_no_strip, _summer(WIDE), _summer(NARROW)))


@helper(FILL)
def _fill_band(layer: int, space: int, band: int, first: int, last: int) -> None:
    w = i64(layer)
    statistics = w[STATISTICS] + STATISTICS_BYTES * w[FILTERS] * band
    step, x = 4 * w[STRIDE_Y] * w[SCRATCH_LENGTH], 0
    while x < w[OUT_WIDTH]:
        columns = low(w[COLUMNS], w[OUT_WIDTH] - x)
        _fill(layer, space, first, last - first, x)
        prepare(layer, space)  # the tables served the filling
        for i in range(w[BLOCK_COUNT]):
            for r in range(last - first):
                source, block = space + SCRATCH + r * step, w[BLOCKS] + 8 * BLOCK_WORDS * i
                starts = w[STARTS] + 12 * i64(block)[FIRST]
                _row(layer, block, source, starts, first + r, x, columns, space, statistics)
        x += w[COLUMNS]


quads = kernel_of(_fill_band)
