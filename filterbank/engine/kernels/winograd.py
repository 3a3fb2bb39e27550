"""Cook-Toom (Winograd) convolution F(4, r): 4×4 outputs from n×n products, n = r + 3; phases, tap blocks.

For a block of tiles: the image's rows are split into columns x mod 4·S, so that every tile row is read at
stride one; tiles are transformed; at each of the n·n points a small matrix product sums over the inputs; its
results are transformed back to lines, which are finished as those of all methods are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import types

from filterbank.engine.kernels.bands import FILL, kernel_of
from filterbank.engine.kernels.cooktoom import matrices
from filterbank.engine.kernels.fill import ask, fill_bounded
from filterbank.engine.kernels.layout import (
    BIASES,
    CARRY,
    CHANNELS,
    COLUMNS,
    FILTERS,
    LEFT,
    LINE_LENGTH,
    LINES,
    MAP_STEP,
    OUT_KIND,
    OUT_WIDTH,
    SCRATCH,
    SCRATCH_LENGTH,
    SCRATCH_ROWS,
    SPILL_TABLE,
    STATISTICS,
    STATISTICS_BYTES,
    STRANGERS,
    STRIDE_X,
    STRIDE_Y,
    TOP,
)
from filterbank.engine.kernels.layout_winograd import (
    ADVANCE,
    COUNTS,
    GROUP,
    HELD,
    INPUT_STEP,
    INPUTS,
    OFFSETS,
    PADDED,
    PHASES,
    PIXELS,
    POINT_TAPS,
    POINT_WEIGHTS,
    PRODUCT_STEP,
    PRODUCTS,
    SPLIT,
    SUMMED,
    TILE_ROWS,
    TILES,
)
from filterbank.engine.kernels.outputs import deliver, expect
from filterbank.engine.kernels.vector import INT, LANES, f32, helper, i64, low
from filterbank.engine.kernels.vector_tiles import strip, tile
from filterbank.engine.kernels.vector_winograd import input_transform, output_transform, split_fours

_M = 4
# Tiles summed at once: as many as keep the sums in registers, and two vectors or one for the rest.
_SPAN, _HALF = 3 * LANES, 2 * LANES


def _eight(vectors: int) -> Any:
    """Return what sums eight filters: together where 32 registers hold that, else by halves."""
    if LANES == 16:
        return tile(8, vectors)
    half = tile(4, vectors, among=8)

    @helper(types.void(*[INT] * 7))
    def both(source: int, taps: int, weights: int, count: int, maps: int, distance: int, start: int) -> None:
        half(source, taps, weights, count, maps, distance, start)
        half(source, taps, weights + 4 * 4, count, maps + 4 * 8, distance, start)

    return both


_WIDE_8, _HALF_8, _NARROW_8 = _eight(3), _eight(2), _eight(1)
_WIDE_4, _HALF_4, _NARROW_4 = tile(4, 3), tile(4, 2), tile(4, 1)
# The three inputs of a colour image are written out: a call for so few would cost more than they do.
_FEW = 3
_FEW_4 = strip(4, 3, _FEW)


@helper(INT(INT, INT, INT, INT, INT))
def _fill(layer: int, y: int, x: int, rows: int, space: int) -> int:
    """Fill scratch with what *rows* rows of tiles from output (*y*, *x*) see; 1 where all of it is finite."""
    w = i64(layer)
    split, length, line = w[SPLIT], w[SCRATCH_LENGTH], space + w[PIXELS]
    first, left = y * w[STRIDE_Y], x * w[STRIDE_X]
    finite = 1
    for channel in range(w[CHANNELS]):
        for r in range((rows - 1) * w[ADVANCE] + w[TILE_ROWS]):
            # The same row of the next plane: to begin one takes longest.
            if channel + 1 < w[CHANNELS]:
                ask(layer, channel + 1, first + r - w[TOP], left - w[LEFT], split * length)
            finite &= fill_bounded(layer, channel, first + r, left, line, split * length)
            out = space + SCRATCH + 4 * split * length * (channel * w[SCRATCH_ROWS] + r)
            for i in range(0, length, 8):
                for q in range(0, split, _M):
                    split_fours(line + 4 * (i * split + q), 4 * split, out + 4 * (q * length + i), 4 * length)
    return finite


@helper(types.void(INT, INT, INT, INT, INT, INT))
def _sum_point(layer: int, point: int, first: int, filters: int, used: int, space: int) -> None:
    """Sum over the inputs at one point, for *filters* from *first* on and the *used* tiles of a block."""
    w = i64(layer)
    count, taps, tiles = i64(w[COUNTS])[point], i64(w[POINT_TAPS])[point], w[TILES]
    inputs = space + w[INPUTS] + point * w[INPUT_STEP]
    table, zeros = space + SPILL_TABLE, space + CARRY
    k = 0
    while k < filters:
        size = low(w[SUMMED], filters - k)
        weights = i64(w[POINT_WEIGHTS])[point] + (first + k) * count * 4
        out = point * w[PRODUCT_STEP] + k * tiles * 4
        x: int = 0
        if size == 4 and count == _FEW:
            x = _FEW_4(inputs, taps, weights, used, table, out, zeros)
        while x < used:
            source, place, left = inputs + 4 * x, out + 4 * x, used - x
            if left >= _SPAN and left != 2 * _HALF:
                if size == 8:
                    _WIDE_8(source, taps, weights, count, table, place, zeros)
                else:
                    _WIDE_4(source, taps, weights, count, table, place, zeros)
                x += _SPAN
            elif left >= _HALF:
                if size == 8:
                    _HALF_8(source, taps, weights, count, table, place, zeros)
                else:
                    _HALF_4(source, taps, weights, count, table, place, zeros)
                x += _HALF
            else:
                if size == 8:
                    _NARROW_8(source, taps, weights, count, table, place, zeros)
                else:
                    _NARROW_4(source, taps, weights, count, table, place, zeros)
                x += LANES
        k += size


@helper(types.void(INT, INT))
def _prepare(layer: int, space: int) -> None:
    """Set up what the tiles take for maps and biases: rows of products, and zeros."""
    table, zeros = i64(space + SPILL_TABLE), f32(space + CARRY)
    for i in range(8):
        table[i] = space + i64(layer)[PRODUCTS] + 4 * i * i64(layer)[TILES]
        zeros[i] = 0


def _reader(r: int) -> Any:
    """Return a helper for the way in to F(4, r)."""
    points = (_M + r - 1) ** 2
    transform_inputs = input_transform(matrices(_M, r)[2])

    @helper(types.void(INT, INT, INT, INT))
    def read(layer: int, row: int, used: int, space: int) -> None:
        """Transform all inputs of the *used* tiles of a block, *row* rows of tiles down in scratch."""
        w = i64(layer)
        tiles, phases, line = w[TILES], w[PHASES], 4 * w[SPLIT] * w[SCRATCH_LENGTH]
        for channel in range(w[CHANNELS]):
            corner = space + SCRATCH + line * (channel * w[SCRATCH_ROWS] + row * w[ADVANCE])
            for phase in range(phases):
                out = space + w[INPUTS] + 4 * tiles * (channel * phases + phase)
                for t in range(0, used, LANES):
                    transform_inputs(
                        corner + 4 * t, w[OFFSETS] + 8 * points * phase, out + 4 * t, w[INPUT_STEP]
                    )

    return read


def _writer(r: int) -> Any:
    """Return a helper for the way out of F(4, r)."""
    transform_outputs = output_transform(matrices(_M, r)[0])

    @helper(types.void(INT, INT, INT, INT, INT, INT, INT, INT))
    def write(
        layer: int, first: int, filters: int, y: int, rows: int, x: int, space: int, statistics: int
    ) -> None:
        """Transform the products of some filters back, into *rows* rows of their maps."""
        w = i64(layer)
        tiles, lines, length = w[TILES], space + w[LINES], 4 * w[LINE_LENGTH]
        columns = low(w[COLUMNS], w[OUT_WIDTH] - x)
        # Rows that follow each other in a map are one line, which begins and ends amid a cache line once.
        joined = rows if w[MAP_STEP] == w[OUT_KIND] * columns else 1
        if joined > 1:
            length = 4 * columns
        for k in range(low(filters, w[FILTERS] - first)):
            bias = f32(w[BIASES])[first + k]
            expect(layer, first + k + 1, y, rows, x, columns)
            # From right to left, as what a row's last vector writes beyond it lies in the next row's first.
            t = (columns - 1) // (_M * LANES) * LANES
            while t >= 0:
                products = space + w[PRODUCTS] + 4 * (k * tiles + t)
                transform_outputs(products, w[PRODUCT_STEP], lines + 4 * _M * t, length, bias)
                t -= LANES
            j: int = 0
            while j < rows:
                deliver(layer, lines + j * length, y + j, x, joined * columns, first + k, statistics)
                j += joined

    return write


def _kernel(r: int) -> Callable[[int, int, int, int], None]:
    """Return the kernel of F(4, r)."""
    points = (_M + r - 1) ** 2
    read, write = _reader(r), _writer(r)

    @helper(types.void(INT, INT, INT, INT, INT, INT, INT))
    def row_of_tiles(layer: int, y: int, rows: int, x: int, row: int, space: int, statistics: int) -> None:
        """Do a block of tiles whose pixels are in scratch."""
        w = i64(layer)
        columns = low(w[COLUMNS], w[OUT_WIDTH] - x)
        used = (columns + _M * LANES - 1) // (_M * LANES) * LANES
        read(layer, row, used, space)
        k = 0
        while k < w[PADDED]:
            filters = low(w[GROUP], w[PADDED] - k)
            for point in range(points):
                _sum_point(layer, point, k, filters, used, space)
            write(layer, k, filters, y, rows, x, space, statistics)
            k += filters

    @helper(FILL)
    def fill_band(layer: int, space: int, band: int, first: int, last: int) -> None:
        w = i64(layer)
        _prepare(layer, space)
        statistics = w[STATISTICS] + STATISTICS_BYTES * w[FILTERS] * band
        finite, x = 1, 0
        while x < w[OUT_WIDTH]:
            y = first
            while y < last:
                held = low(w[HELD], (last - y + _M - 1) // _M)
                finite &= _fill(layer, y, x, held, space)
                for row in range(held):
                    at = y + _M * row
                    row_of_tiles(layer, at, low(_M, last - at), x, row, space, statistics)
                y += _M * held
            x += w[COLUMNS]
        if finite == 0:
            i64(w[STRANGERS])[band] = 1

    return kernel_of(fill_band)


winograd_43, winograd_44, winograd_45 = map(_kernel, (3, 4, 5))
