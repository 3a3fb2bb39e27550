"""The separable method: sums across a row of pixels once, then sums down a ring of such rows.

``map[k,y,x] = a(b[k] + Σ_q Σ_i column[k,q,i] · across[q, y·S + i·D − P_top, x])``
``across[q,y,x] = Σ_j row[q,j] · image[c(q), y, x·S + j·D − P_left]``

Both sums are the tiles of the direct method. The ring keeps, in the nearest cache, the rows that one
row of outputs sees; where it begins moves on with the outputs, and with it the table of taps.
"""

from __future__ import annotations

from numba import types

from filterbank.engine.kernels.bands import FILL, kernel_of
from filterbank.engine.kernels.fill import fill
from filterbank.engine.kernels.layout import (
    BLOCK_COUNT,
    BLOCK_WORDS,
    BLOCKS,
    COLUMNS,
    FILTERS,
    FIRST,
    OUT_WIDTH,
    SCRATCH,
    SIZE,
    STATISTICS,
    STATISTICS_BYTES,
)
from filterbank.engine.kernels.layout_separable import (
    ACROSS,
    ACROSS_COUNT,
    DOWN,
    RING,
    RING_LENGTH,
    RING_ROWS,
    RING_TABLE,
    ROW_VECTORS,
    ZEROS,
)
from filterbank.engine.kernels.line import prepare
from filterbank.engine.kernels.outputs import expect
from filterbank.engine.kernels.tiles import row, sum_row
from filterbank.engine.kernels.vector import INT, helper, high, i64, low


@helper(types.void(INT, INT, INT, INT, INT))
def _across(layer: int, space: int, y: int, x: int, columns: int) -> None:
    """Sum row *y* of the padded image across, into its place in the ring."""
    words, table = i64(layer), space + i64(layer)[RING_TABLE]
    fill(layer, space + SCRATCH, y, x, 1, columns)
    for q in range(words[ROW_VECTORS]):
        place = q * words[RING_ROWS] + y % words[RING_ROWS]
        i64(table)[q] = space + words[RING] + 4 * words[RING_LENGTH] * place
    for i in range(words[ACROSS_COUNT]):
        block = words[ACROSS] + 8 * BLOCK_WORDS * i
        sum_row(block, space + SCRATCH, table + 8 * i64(block)[FIRST], 0, words[ZEROS], columns, space, 0)


@helper(types.void(INT, INT, INT, INT, INT, INT, INT))
def _strip(layer: int, space: int, first: int, last: int, x: int, columns: int, statistics: int) -> None:
    """Rows *first* … *last* − 1 of the outputs from column *x*."""
    words = i64(layer)
    ring, count = words[RING_ROWS], words[BLOCK_COUNT]
    filled = 0
    for y in range(first, last):
        top = y * words[DOWN]
        for seen in range(high(filled, top), top + ring):
            _across(layer, space, seen, x, columns)
        filled = top + ring
        for i in range(count):
            block = words[BLOCKS] + 8 * BLOCK_WORDS * (top % ring * count + i)
            for k in range(i64(block)[FIRST], i64(block)[FIRST] + i64(block)[SIZE]):
                expect(layer, k, y + 1, low(1, last - 1 - y), x, columns)
            row(layer, block, space + words[RING], y, x, columns, space, statistics)


@helper(FILL)
def _fill_band(layer: int, space: int, band: int, first: int, last: int) -> None:
    words = i64(layer)
    prepare(layer, space)
    statistics = words[STATISTICS] + STATISTICS_BYTES * words[FILTERS] * band
    x = 0
    while x < words[OUT_WIDTH]:
        _strip(layer, space, first, last, x, low(words[COLUMNS], words[OUT_WIDTH] - x), statistics)
        x += words[COLUMNS]


separable = kernel_of(_fill_band)
