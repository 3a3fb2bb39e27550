"""Convolution by the Fourier transform, overlap-save: tiles that stay in a core's second-level cache.

A tile of the image is transformed once for all filters; two real filters are one complex one, so that one
inverse transform gives two maps. The order of the frequencies is left as the transform makes it (radix 4,
decimation in frequency, and back by decimation in time): image and filters have the same. Columns are
transformed in strips a cache line wide that stay in the first-level cache for all passes.
"""

from __future__ import annotations

from numba import types

from filterbank.engine.kernels.layout_fft import (
    BIASES,
    CHANNEL_STEP,
    CHANNELS,
    FILTERS,
    HEIGHT,
    LEFT,
    MAP_STEP,
    MAPS,
    OUT_HEIGHT,
    OUT_WIDTH,
    ROOTS,
    ROW_STEP,
    SOURCE,
    SPECTRA,
    STEP_X,
    STEP_Y,
    STRIDE_X,
    STRIDE_Y,
    TILE,
    TOP,
    WIDTH,
)
from filterbank.engine.kernels.vector import INT, f32, helper, high, i64, low
from filterbank.engine.kernels.vector_fft import (
    LINE,
    ROW,
    butterfly2,
    forward4,
    forward4_plain,
    inverse4,
    inverse4_plain,
    multiply_row,
    swap_transposed,
)

# Bytes of the roots of one butterfly: 3 complex64.
_ROOTS = 24


@helper(types.void(INT, INT, INT))
def _forward_strip(strip: int, size: int, roots: int) -> None:
    """Transform the columns of a strip."""
    n = size
    while n > 4:
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
            butterfly2(strip + 2 * i * ROW, ROW)


@helper(types.void(INT, INT, INT))
def _inverse_strip(strip: int, size: int, roots: int) -> None:
    """Undo `_forward_strip`, but for a factor of *size*."""
    n = size
    while n > 4:
        roots += _ROOTS * (n >> 2)
        n >>= 2
    for i in range(size // n):
        if n == 4:
            inverse4_plain(strip + 4 * i * ROW, ROW, roots)
        else:
            butterfly2(strip + 2 * i * ROW, ROW)
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


@helper(types.void(INT, INT, INT, INT, INT))
def _load_tile(words: int, channel: int, y: int, x: int, tile: int) -> None:
    """Write the image from pixel (*y*, *x*) on as a tile; zeros for the imaginary part and outside."""
    w = i64(words)
    size, width = w[TILE], w[WIDTH]
    lo = low(high(-x, 0), size)
    hi = high(low(width - x, size), lo)
    for r in range(size):
        inside = y + r >= 0 and y + r < w[HEIGHT]
        row = f32(w[SOURCE] + channel * w[CHANNEL_STEP] + (y + r) * w[ROW_STEP] + 4 * x)
        for s in range(size // LINE):
            line = f32(tile + (s * size + r) * ROW)
            start = s * LINE
            if inside and start >= lo and start + LINE <= hi:
                for i in range(LINE):
                    line[i] = row[start + i]
            else:
                for i in range(LINE):
                    line[i] = 0
                if inside:
                    for i in range(high(lo - start, 0), low(hi - start, LINE)):
                        line[i] = row[start + i]
            for i in range(LINE):
                line[LINE + i] = 0


@helper(types.void(INT, INT, INT, INT, INT))
def _store_map(words: int, filter: int, tile: int, y: int, x: int) -> None:
    """Write the outputs of a tile, real or imaginary part, that belong to the map and its stride."""
    w = i64(words)
    size, sy, sx = w[TILE], w[STRIDE_Y], w[STRIDE_X]
    bias = f32(w[BIASES])[filter]
    rows = low(w[STEP_Y] // sy, w[OUT_HEIGHT] - y // sy)
    columns = low(w[STEP_X] // sx, w[OUT_WIDTH] - x // sx)
    for r in range(rows):
        out = f32(i64(w[MAPS])[filter] + (y // sy + r) * w[MAP_STEP] + 4 * (x // sx))
        line = tile + r * sy * ROW
        if sx == 1:
            for s in range((columns + LINE - 1) // LINE):
                values = f32(line + s * size * ROW)
                start = s * LINE
                if start + LINE <= columns:
                    for i in range(LINE):
                        out[start + i] = values[i] + bias
                else:
                    for i in range(columns - start):
                        out[start + i] = values[i] + bias
        else:
            for i in range(columns):
                place = i * sx
                out[i] = f32(line + place // LINE * size * ROW)[place % LINE] + bias


def fft_tiles(words: int, first: int, last: int, space: int) -> None:
    """Compute the tiles *first* to *last*, counted along rows of tiles, of all maps.

    *words*: see `layout_fft`; *space*: `layout_fft.space_bytes`, aligned to 64 bytes.
    """
    w = i64(words)
    size, channels, roots, step = w[TILE], w[CHANNELS], w[ROOTS], 8 * w[TILE] * w[TILE]
    across = (w[OUT_WIDTH] * w[STRIDE_X] + w[STEP_X] - 1) // w[STEP_X]
    product = space + channels * step
    for t in range(first, last):
        y, x = t // across * w[STEP_Y], t % across * w[STEP_X]
        for c in range(channels):
            _load_tile(words, c, y - w[TOP], x - w[LEFT], space + c * step)
            _forward(space + c * step, size, roots)
        for k in range(0, w[FILTERS], 2):
            spectra = w[SPECTRA] + (k >> 1) * channels * step
            for s in range(size // LINE):
                strip = s * size * ROW
                for r in range(size):
                    place = strip + r * ROW
                    multiply_row(space + place, spectra + place, channels, step, product + place)
                _inverse_strip(product + strip, size, roots)
            _transpose(product, size, w[STEP_X])
            for s in range((w[STEP_X] + LINE - 1) // LINE):
                _inverse_strip(product + s * size * ROW, size, roots)
            _store_map(words, k, product, y, x)
            if k + 1 < w[FILTERS]:
                _store_map(words, k + 1, product + 4 * LINE, y, x)
