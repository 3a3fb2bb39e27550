"""Convolution by the Fourier transform, overlap-save: tiles that stay in a core's second-level cache.

A tile of the image is transformed once for all filters; two real filters are one complex one, so that one
inverse transform gives two maps. The order of the frequencies is left as the transform makes it (radix 4,
decimation in frequency, and back by decimation in time): image and filters have the same. Columns are
transformed in strips a cache line wide that stay in the first-level cache for all passes.
"""

from __future__ import annotations

from numba import types

from filterbank.engine.kernels.bands import FILL, kernel_of
from filterbank.engine.kernels.fill import fill_bounded
from filterbank.engine.kernels.layout import (
    BIASES,
    CHANNELS,
    FILTERS,
    LINES,
    OUT_HEIGHT,
    OUT_WIDTH,
    STATISTICS,
    STATISTICS_BYTES,
    STRANGERS,
    STRIDE_X,
    STRIDE_Y,
)
from filterbank.engine.kernels.layout_fft import (
    ROOTS,
    SPACE,
    SPECTRA,
    STEP_X,
    STEP_Y,
    TILE,
    TILES,
    TILES_ACROSS,
    TILES_BAND,
)
from filterbank.engine.kernels.outputs import deliver, expect
from filterbank.engine.kernels.vector import INT, f32, helper, i64, low
from filterbank.engine.kernels.vector_fft import (
    LINE,
    ROW,
    forward4,
    forward4_plain,
    forward8,
    give_line,
    inverse4,
    inverse4_plain,
    inverse8,
    multiply_row,
    swap_transposed,
    take_line,
)

# Bytes of the roots of one butterfly: 3 complex64.
_ROOTS = 24


@helper(types.void(INT, INT, INT))
def _forward_strip(strip: int, size: int, roots: int) -> None:
    """Transform the columns of a strip."""
    n = size
    while n > 8:
        quarter = n >> 2
        for j in range(quarter):
            first = strip + j * ROW
            for _ in range(size // n):
                forward4(first, quarter * ROW, roots)
                first += n * ROW
            roots += _ROOTS
        n = quarter
    for i in range(size // n):
        if n == 4:
            forward4_plain(strip + 4 * i * ROW, ROW, roots)
        else:
            forward8(strip + 8 * i * ROW)


@helper(types.void(INT, INT, INT))
def _inverse_strip(strip: int, size: int, roots: int) -> None:
    """Undo `_forward_strip`, but for a factor of *size*."""
    n = size
    while n > 8:
        roots += _ROOTS * (n >> 2)
        n >>= 2
    for i in range(size // n):
        if n == 4:
            inverse4_plain(strip + 4 * i * ROW, ROW, roots)
        else:
            inverse8(strip + 8 * i * ROW)
    while n < size:
        n, quarter = 4 * n, n
        roots -= _ROOTS * quarter
        for j in range(quarter):
            first = strip + j * ROW
            for _ in range(size // n):
                inverse4(first, quarter * ROW, roots + _ROOTS * j)
                first += n * ROW


@helper(types.void(INT, INT, INT))
def _transpose(tile: int, size: int, columns: int) -> None:
    """Transpose a tile in place; only its first *columns* are right afterwards."""
    for i in range((columns + 7) >> 3):
        for j in range(i, size >> 3):
            p = tile + ((j >> 1) * size + 8 * i) * ROW + (j & 1) * 32
            q = tile + ((i >> 1) * size + 8 * j) * ROW + (i & 1) * 32
            swap_transposed(p, q, ROW)
            swap_transposed(p + 4 * LINE, q + 4 * LINE, ROW)


@helper(types.void(INT, INT, INT))
def _forward(tile: int, size: int, roots: int) -> None:
    for s in range(size // LINE):
        _forward_strip(tile + s * size * ROW, size, roots)
    _transpose(tile, size, size)
    for s in range(size // LINE):
        _forward_strip(tile + s * size * ROW, size, roots)


def fft_forward(tile: int, size: int, roots: int) -> None:
    """Replace a tile by its spectrum, in the order and the transposed place that `fft_tiles` expects."""
    _forward(tile, size, roots)


@helper(INT(INT, INT, INT, INT, INT, INT))
def _load_tile(layer: int, channel: int, y: int, x: int, tile: int, line: int) -> int:
    """Write the padded image from (*y*, *x*) on as the real part of a tile; 1 where all of it is finite."""
    size, finite = i64(layer)[TILE], 1
    for r in range(size):
        finite &= fill_bounded(layer, channel, y + r, x, line, size)
        for s in range(size // LINE):
            take_line(line + 4 * LINE * s, tile + (s * size + r) * ROW)
    return finite


@helper(types.void(INT, INT, INT, INT, INT, INT, INT))
def _store_map(layer: int, filter: int, tile: int, y: int, x: int, line: int, statistics: int) -> None:
    """Finish the outputs of a tile, real or imaginary part, that belong to the map and its stride."""
    w = i64(layer)
    size, sy, sx = w[TILE], w[STRIDE_Y], w[STRIDE_X]
    bias, out = f32(w[BIASES])[filter], f32(line)
    rows = low(w[STEP_Y] // sy, w[OUT_HEIGHT] - y // sy)
    columns = low(w[STEP_X] // sx, w[OUT_WIDTH] - x // sx)
    for r in range(rows):
        source, place = tile + r * sy * ROW, y // sy + r
        if sx == 1:
            for s in range((columns + LINE - 1) // LINE):
                give_line(source + s * size * ROW, bias, line + 4 * LINE * s)
        else:
            for i in range(columns):
                out[i] = f32(source + i * sx // LINE * size * ROW)[i * sx % LINE] + bias
        deliver(layer, line, place, x // sx, columns, filter, statistics)


@helper(types.void(*[INT] * 6))
def _expect_part(layer: int, filter: int, y: int, x: int, part: int, parts: int) -> None:
    """Ask for a part of the memory that a tile's outputs go to, while the tile is transformed."""
    w = i64(layer)
    top, left = y // w[STRIDE_Y], x // w[STRIDE_X]
    rows = low(w[STEP_Y] // w[STRIDE_Y], w[OUT_HEIGHT] - top)
    columns = low(w[STEP_X] // w[STRIDE_X], w[OUT_WIDTH] - left)
    first = rows * part // parts
    expect(layer, filter, top + first, rows * (part + 1) // parts - first, left, columns)


@helper(INT(INT, INT, INT, INT))
def _tile(layer: int, number: int, space: int, statistics: int) -> int:
    """Compute one tile of all maps; 1 where its pixels are finite."""
    w = i64(layer)
    size, channels, roots, step = w[TILE], w[CHANNELS], w[ROOTS], 8 * w[TILE] * w[TILE]
    tiles, line = space + w[SPACE], space + w[LINES]
    product, finite = tiles + channels * step, 1
    y, x = number // w[TILES_ACROSS] * w[STEP_Y], number % w[TILES_ACROSS] * w[STEP_X]
    for c in range(channels):
        finite &= _load_tile(layer, c, y, x, tiles + c * step, line)
        _forward(tiles + c * step, size, roots)
    for k in range(0, w[FILTERS], 2):
        spectra = w[SPECTRA] + (k >> 1) * channels * step
        for s in range(size // LINE):
            strip = s * size * ROW
            for r in range(size):
                place = strip + r * ROW
                multiply_row(tiles + place, spectra + place, channels, step, product + place)
            _inverse_strip(product + strip, size, roots)
        _transpose(product, size, w[STEP_X])
        strips = (w[STEP_X] + LINE - 1) // LINE
        for s in range(strips):
            for filter in range(k, k + 2):
                _expect_part(layer, filter, y, x, s, strips)
            _inverse_strip(product + s * size * ROW, size, roots)
        _store_map(layer, k, product, y, x, line, statistics)
        if k + 1 < w[FILTERS]:
            _store_map(layer, k + 1, product + 4 * LINE, y, x, line, statistics)
    return finite


@helper(FILL)
def _fill_band(layer: int, space: int, band: int, first: int, last: int) -> None:
    """Fill a band's tiles, counted along rows of tiles, in every map; *first* and *last* tell nothing."""
    w = i64(layer)
    statistics = w[STATISTICS] + STATISTICS_BYTES * w[FILTERS] * band
    start, finite = band * w[TILES_BAND], 1
    for number in range(start, low(start + w[TILES_BAND], w[TILES])):
        finite &= _tile(layer, number, space, statistics)
    if finite == 0:
        i64(w[STRANGERS])[band] = 1


fft_tiles = kernel_of(_fill_band)
