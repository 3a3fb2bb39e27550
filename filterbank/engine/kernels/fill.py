"""From a source to scratch: converted to float32, normalised, padded, its columns split by stride.

This is where padding happens, and the only place: the sums that follow see valid positions only.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from filterbank.engine.kernels.border import CONSTANT, reach
from filterbank.engine.kernels.layout import (
    CHANNEL_STEP,
    CHANNELS,
    EXACT_BLOCKS,
    EXTENT_X,
    EXTENT_Y,
    HEIGHT,
    KIND,
    LEFT,
    MODE,
    NORMALISE,
    OUT_HEIGHT,
    OUT_WIDTH,
    PIXEL_STEP,
    ROW_STEP,
    SCRATCH_LENGTH,
    SCRATCH_ROWS,
    SOURCE,
    STRIDE_X,
    STRIDE_Y,
    TOP,
    VALUES,
    WIDTH,
)
from filterbank.engine.kernels.pixels import reader
from filterbank.engine.kernels.vector import (
    FLOAT,
    INT,
    IS_FUSED,
    f32,
    f64,
    helper,
    high,
    i32,
    i64,
    low,
    muladd,
    u8,
    u16,
)
from filterbank.engine.kernels.words import prefetch

_LARGEST = 0x7F7FFFFF  # bits of the largest finite float32


def _reader(pointer: Any, size: int, reciprocal: float) -> Any:
    """Return a helper copying *count* pixels *step* elements apart as float32, codes divided by their top.

    Two products and one rounding, or a product in float64, give the same float32 as the division for
    every code at a fraction of its cost; *reciprocal* 0 stands for values that are floats already.
    """
    near = np.float32(reciprocal)
    rest = np.float32(reciprocal - float(near))
    is_code = reciprocal != 0

    @helper(FLOAT(INT))
    def value(address: int) -> Any:
        if is_code:
            if IS_FUSED:
                code = np.float32(pointer(address)[0])
                return muladd(code, near, code * rest)
            return np.float32(np.float64(pointer(address)[0]) * reciprocal)
        return pointer(address)[0]

    ones, twos, threes, fours = (reader(size, step, float(near), float(rest)) for step in (1, 2, 3, 4))

    @helper(types.void(INT, INT, INT, INT))
    def read(source: int, step: int, line: int, count: int) -> None:
        done: int = 0
        if step == 1:
            done = ones(source, line, count)
        elif step == 2:
            done = twos(source, line, count)
        elif step == 3:
            done = threes(source, line, count)
        elif step == 4:
            done = fours(source, line, count)
        out = f32(line)
        for i in range(done, count):
            out[i] = value(source + step * size * i)

    return read


_read_float, _read_u8, _read_u16 = (
    _reader(f32, 4, 0.0),
    _reader(u8, 1, 1 / 255),
    _reader(u16, 2, 1 / 65535),
)


@helper(types.void(INT, INT, INT, INT, INT))
def _read(kind: int, source: int, step: int, line: int, count: int) -> None:
    if kind == 0:
        _read_float(source, step // 4, line, count)
    elif kind == 1:
        _read_u8(source, step, line, count)
    else:
        _read_u16(source, step // 2, line, count)


@helper(types.void(INT, FLOAT, INT))
def _set(line: int, value: Any, count: int) -> None:
    out = f32(line)
    for i in range(count):
        out[i] = value


@helper(types.void(INT, INT, INT))
def _normalise(line: int, count: int, constants: int) -> None:
    """(x − mean)/std in float64, rounded once: a mean near the pixels would otherwise cost digits."""
    out = f32(line)
    mean, std = f64(constants)[0], f64(constants)[1]
    for i in range(count):
        out[i] = np.float32((np.float64(out[i]) - mean) / std)


@helper(INT(INT, INT))
def is_finite(line: int, count: int) -> int:
    """Return 1 where all *count* floats are finite."""
    bits = i32(line)
    largest = np.int32(0)
    for i in range(count):
        magnitude = np.int32(bits[i] & 0x7FFFFFFF)
        largest = magnitude if magnitude > largest else largest
    return 1 if largest <= _LARGEST else 0


@helper(types.void(INT, INT, INT, INT, INT, INT, INT))
def fill_line(layer: int, channel: int, y: int, start: int, stride: int, line: int, count: int) -> None:
    """One line of scratch: *count* pixels of the padded image's row *y* from column *start*, *stride* apart.

    Rows and columns are counted from the image's own first ones.
    """
    words = i64(layer)
    mode, width, kind = words[MODE], words[WIDTH], words[KIND]
    row = reach(mode, y, words[HEIGHT])
    if row < 0:
        _set(line, f32(words[VALUES])[channel], count)
        return
    before = 0 if start >= 0 else low(count, (-start + stride - 1) // stride)
    after = high(before, low(count, (width - 1 - start) // stride + 1)) if start < width else before
    source = words[SOURCE] + channel * words[CHANNEL_STEP] + row * words[ROW_STEP]
    pixel = words[PIXEL_STEP]
    _read(kind, source + (start + before * stride) * pixel, stride * pixel, line + 4 * before, after - before)
    if mode > CONSTANT:
        for i in range(before):
            _read(kind, source + reach(mode, start + i * stride, width) * pixel, pixel, line + 4 * i, 1)
        for i in range(after, count):
            _read(kind, source + reach(mode, start + i * stride, width) * pixel, pixel, line + 4 * i, 1)
    if words[NORMALISE]:
        _normalise(line, count, words[NORMALISE] + 16 * channel)
    if mode <= CONSTANT:
        border = f32(words[VALUES])[channel]
        _set(line, border, before)
        _set(line + 4 * after, border, count - after)


@helper(types.void(INT, INT, INT, INT, INT))
def ask(layer: int, channel: int, y: int, x: int, count: int) -> None:
    """Ask for *count* pixels of row *y* from column *x* before they are read."""
    words = i64(layer)
    first, last = high(x, 0), low(x + count, words[WIDTH])
    # Pixels of all channels lie side by side in an interleaved image.
    is_plane = words[CHANNEL_STEP] > words[ROW_STEP]
    if 0 <= y < words[HEIGHT] and (is_plane or channel == 0):
        start = (
            words[SOURCE] + channel * words[CHANNEL_STEP] + y * words[ROW_STEP] + first * words[PIXEL_STEP]
        )
        for at in range(0, (last - first) * words[PIXEL_STEP], 64):
            prefetch(start + at)


@helper(INT(INT, INT, INT, INT, INT, INT))
def fill(layer: int, scratch: int, y: int, x: int, rows: int, columns: int) -> int:
    """Fill scratch with what *rows*×*columns* outputs from (*y*, *x*) see; 1 where all of it is finite.

    Only asked where it matters: without exact blocks the answer is always 1.
    """
    words = i64(layer)
    stride, length = words[STRIDE_X], words[SCRATCH_LENGTH]
    height = (rows - 1) * words[STRIDE_Y] + words[EXTENT_Y]
    width = (columns - 1) * stride + words[EXTENT_X]
    left, check = x * stride - words[LEFT], words[EXACT_BLOCKS] != 0
    finite = 1
    for r in range(height):
        if r % words[STRIDE_Y] >= words[EXTENT_Y]:
            continue  # between two rows of outputs: neither sees it
        row = y * words[STRIDE_Y] + r - words[TOP]
        for c in range(words[CHANNELS]):
            ask(layer, c, row + 1, left, width)
            for phase in range(low(stride, width)):
                line = scratch + 4 * length * ((c * words[SCRATCH_ROWS] + r) * stride + phase)
                count = (width - phase + stride - 1) // stride
                fill_line(layer, c, row, left + phase, stride, line, count)
                if check:
                    finite &= is_finite(line, count)
    return finite


@helper(INT(INT, INT, INT, INT, INT, INT))
def fill_bounded(layer: int, channel: int, y: int, x: int, line: int, count: int) -> int:
    """Fill *count* floats from row *y* and column *x* of the padded image; 1 where they are finite.

    What no output sees, below and right of the last one's pixels, is zero.
    """
    words = i64(layer)
    high_end = (words[OUT_HEIGHT] - 1) * words[STRIDE_Y] + words[EXTENT_Y]
    wide_end = (words[OUT_WIDTH] - 1) * words[STRIDE_X] + words[EXTENT_X]
    seen = high(low(wide_end - x, count), 0) if y < high_end else 0
    fill_line(layer, channel, y - words[TOP], x - words[LEFT], 1, line, seen)
    _set(line + 4 * seen, np.float32(0), count - seen)
    finite: int = is_finite(line, seen)
    return finite
