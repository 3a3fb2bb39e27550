"""Cook-Toom (Winograd) convolution F(4, r): 4×4 outputs from n×n products, n = r + 3; phases, tap blocks.

For a row of tiles: the image's rows are split into columns x mod 4·S, so that every tile row is read at
stride one; tiles are transformed; at each of the n·n points a small matrix product sums over channels; its
results are transformed back and written.
"""

from __future__ import annotations

from collections.abc import Callable

from numba import types

from filterbank.engine.kernels.cooktoom import matrices
from filterbank.engine.kernels.layout_winograd import (
    ADVANCE,
    BIASES,
    BLOCKS,
    COLUMNS,
    COUNTS,
    EDGE,
    FILTERS,
    GROUP,
    HEIGHT,
    INPUT_STEP,
    INPUTS,
    LEFT,
    LENGTH,
    MAP_STEP,
    MAPS,
    OFFSETS,
    OUT_HEIGHT,
    OUT_WIDTH,
    PADDED,
    PHASES,
    PLANE_STEP,
    PLANES,
    PRODUCT_STEP,
    PRODUCTS,
    ROW_STEP,
    ROWS,
    SIZE,
    SOURCE,
    TABLE,
    TAPS,
    TILES,
    TOP,
    WEIGHTS,
    WIDTH,
)
from filterbank.engine.kernels.vector import INT, LANES, f32, helper, high, i64, low, tile
from filterbank.engine.kernels.vector_winograd import input_transform, output_transform, split_fours
from filterbank.engine.kernels.words import prefetch_write

_M = 4
# Tiles summed at once: as many as keep the sums in registers, and a single vector for the rest.
_VECTORS = 4 if LANES == 16 else 2
_SPAN = _VECTORS * LANES
_WIDE_6, _NARROW_6 = tile(6, _VECTORS), tile(6, 1)
_WIDE_4, _NARROW_4 = tile(4, _VECTORS), tile(4, 1)


@helper(types.void(INT, INT, INT, INT))
def _split_row(row: int, words: int, out: int, inside: int) -> None:
    """Split one row of the image into its columns, with zeros left and right, or zeros only."""
    w = i64(words)
    columns, length, left, width = w[COLUMNS], w[LENGTH], w[LEFT], w[WIDTH]
    first = low((left + columns - 1) // columns, length)
    last = high(first, low(length, (width + left) // columns))
    if inside == 0:
        first = last = 0
    whole = first + (last - first & ~7)
    for i in range(first, whole, 8):
        for q in range(0, columns, _M):
            split_fours(
                row + 4 * (i * columns + q - left), 4 * columns, out + 4 * (q * length + i), 4 * length
            )
    source = f32(row)
    for q in range(columns):
        line = f32(out + 4 * q * length)
        for i in range(first):
            x = i * columns + q - left
            line[i] = source[x] if inside and x >= 0 and x < width else 0
        for i in range(whole, length):
            x = i * columns + q - left
            line[i] = source[x] if inside and x >= 0 and x < width else 0


@helper(types.void(INT, INT, INT, INT))
def _fill(words: int, y: int, first: int, scratch: int) -> None:
    """Fill the scratch's rows from *first* on with the image's from *y* + *first* on."""
    w = i64(words)
    step = 4 * w[COLUMNS] * w[LENGTH]
    for plane in range(w[PLANES]):
        for r in range(first, w[ROWS]):
            at = y + r - w[TOP]
            row = w[SOURCE] + plane * w[PLANE_STEP] + at * w[ROW_STEP]
            inside = 1 if at >= 0 and at < w[HEIGHT] else 0
            _split_row(row, words, scratch + (plane * w[ROWS] + r) * step, inside)


@helper(types.void(INT, INT))
def _keep(words: int, scratch: int) -> None:
    """Move the rows that the next row of tiles reads as well to the scratch's start."""
    w = i64(words)
    size = w[COLUMNS] * w[LENGTH]
    for plane in range(w[PLANES]):
        start = scratch + plane * w[ROWS] * size * 4
        to, source = f32(start), f32(start + w[ADVANCE] * size * 4)
        for i in range((w[ROWS] - w[ADVANCE]) * size):
            to[i] = source[i]


@helper(types.void(INT, INT, INT, INT, INT, INT))
def _sum_point(words: int, point: int, first: int, filters: int, space: int, tiles: int) -> None:
    """Sum over channels at one point, for *filters* from *first* on and a block of tiles."""
    w = i64(words)
    count, taps = i64(w[COUNTS])[point], i64(w[TAPS])[point]
    inputs = space + w[INPUTS] + point * w[INPUT_STEP]
    table, zeros = space + w[TABLE], space + w[TABLE] + 48
    size = w[SIZE]
    k = 0
    while k < filters:
        weights = i64(w[WEIGHTS])[point] + (first + k) * count * 4
        out = point * w[PRODUCT_STEP] + k * tiles * 4
        x = 0
        while x < tiles:
            source, place = inputs + 4 * x, out + 4 * x
            if x + _SPAN <= tiles:
                if size == 6:
                    _WIDE_6(source, taps, weights, count, table, place, zeros)
                else:
                    _WIDE_4(source, taps, weights, count, table, place, zeros)
                x += _SPAN
            else:
                if size == 6:
                    _NARROW_6(source, taps, weights, count, table, place, zeros)
                else:
                    _NARROW_4(source, taps, weights, count, table, place, zeros)
                x += LANES
        k += size


@helper(types.void(INT, INT, INT, INT, INT))
def _ask_for_lines(words: int, first: int, last: int, y: int, x: int) -> None:
    """Ask for the memory where the outputs of a block of tiles will go, in maps *first* to *last*."""
    w = i64(words)
    rows = low(_M, w[OUT_HEIGHT] - y)
    width = 4 * low(_M * w[TILES], w[OUT_WIDTH] - x)
    for k in range(first, low(last, w[FILTERS])):
        for j in range(rows):
            row = i64(w[MAPS])[k] + (y + j) * w[MAP_STEP] + 4 * x
            for line in range((width + 63) >> 6):
                prefetch_write(row + 64 * line)


@helper(types.void(INT, INT, INT, INT, INT))
def _copy_edge(edge: int, words: int, filter: int, y: int, x: int) -> None:
    """Copy from the edge's 4 rows what lies inside the map."""
    w = i64(words)
    for j in range(low(_M, w[OUT_HEIGHT] - y)):
        source = f32(edge + 4 * _M * LANES * j)
        out = f32(i64(w[MAPS])[filter] + (y + j) * w[MAP_STEP] + 4 * x)
        for i in range(low(_M * LANES, w[OUT_WIDTH] - x)):
            out[i] = source[i]


def _kernel(r: int) -> Callable[[int, int, int, int], None]:
    """Return the kernel of F(4, r)."""
    outputs, _, inputs = matrices(_M, r)
    points = (_M + r - 1) ** 2
    transform_inputs, transform_outputs = input_transform(inputs), output_transform(outputs)

    @helper(types.void(INT, INT, INT))
    def read(words: int, block: int, space: int) -> None:
        """Transform all channels of a block of tiles."""
        w = i64(words)
        tiles, phases = w[TILES], w[PHASES]
        for plane in range(w[PLANES]):
            corner = space + 4 * (plane * w[ROWS] * w[COLUMNS] * w[LENGTH] + block * tiles)
            for phase in range(phases):
                out = space + w[INPUTS] + 4 * tiles * (plane * phases + phase)
                for t in range(0, tiles, LANES):
                    transform_inputs(
                        corner + 4 * t, w[OFFSETS] + 8 * points * phase, out + 4 * t, w[INPUT_STEP]
                    )

    @helper(types.void(INT, INT, INT, INT, INT, INT))
    def write(words: int, first: int, filters: int, y: int, x: int, space: int) -> None:
        """Transform the products of some filters back, into their maps."""
        w = i64(words)
        tiles, edge = w[TILES], space + w[EDGE]
        for k in range(low(filters, w[FILTERS] - first)):
            bias = f32(w[BIASES])[first + k]
            out = i64(w[MAPS])[first + k] + y * w[MAP_STEP]
            for t in range(0, tiles, LANES):
                products = space + w[PRODUCTS] + 4 * (k * tiles + t)
                column = x + _M * t
                if column < w[OUT_WIDTH]:
                    if y + _M <= w[OUT_HEIGHT] and column + _M * LANES <= w[OUT_WIDTH]:
                        transform_outputs(products, w[PRODUCT_STEP], out + 4 * column, w[MAP_STEP], bias)
                    else:
                        transform_outputs(products, w[PRODUCT_STEP], edge, 4 * _M * LANES, bias)
                        _copy_edge(edge, words, first + k, y, column)

    def kernel(words: int, first: int, last: int, space: int) -> None:
        """Compute rows of tiles *first* to *last* of all maps, 4 rows of outputs each.

        *words*: see `layout_winograd`; *space*: as large as its words say, aligned to 64 bytes.
        """
        w = i64(words)
        tiles, group = w[TILES], w[GROUP]
        table, zeros = i64(space + w[TABLE]), f32(space + w[TABLE] + 48)
        for i in range(6):
            table[i] = space + w[PRODUCTS] + 4 * i * tiles
            zeros[i] = 0
        for row in range(first, last):
            done = 0
            if row > first:
                done = high(w[ROWS] - w[ADVANCE], 0)
                _keep(words, space)
            _fill(words, row * w[ADVANCE], done, space)
            for block in range(w[BLOCKS]):
                x = _M * tiles * block
                read(words, block, space)
                k = 0
                while k < w[PADDED]:
                    filters = low(group, w[PADDED] - k)
                    for point in range(points):
                        start, end = point * filters // points, (point + 1) * filters // points
                        _ask_for_lines(words, k + start, k + end, _M * row, x)
                        _sum_point(words, point, k, filters, space, tiles)
                    write(words, k, filters, _M * row, x, space)
                    k += filters

    return kernel


winograd_43, winograd_44, winograd_45 = map(_kernel, (3, 4, 5))
