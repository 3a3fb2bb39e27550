"""From a row of sums to a row of a map: activation, statistics, codes, while it is in the nearest cache."""

from __future__ import annotations

from typing import Any

from numba import types

from filterbank.engine.kernels.activation import activate
from filterbank.engine.kernels.codes import finish, gather
from filterbank.engine.kernels.layout import (
    ACTIVATION,
    CHUNKS,
    CODES_8,
    CODES_16,
    FILTERS,
    FIRST,
    FLOATS,
    LINE_TABLE,
    MAP_STEP,
    MAPS,
    OUT_KIND,
    PARAMETERS,
    PAST,
    SCALE_BYTES,
    SCALES,
    SIZE,
    STATISTICS_BYTES,
    SURVEYED,
)
from filterbank.engine.kernels.line import to_line
from filterbank.engine.kernels.vector import INT, f32, helper, i64, low
from filterbank.engine.kernels.words import copy_past, prefetch


@helper(INT(INT, INT, INT))
def is_bare(layer: int, first: int, size: int) -> int:
    """Return whether the sums of neighbouring maps can leave past the caches just as they are.

    They are outputs, nothing is told of them, and their cache lines begin at the same columns.
    """
    words = i64(layer)
    maps, surveyed = i64(words[MAPS]), i64(words[SURVEYED])
    if words[PAST] == 0 or words[ACTIVATION] != 0:
        return 0
    for k in range(first, first + size):
        if surveyed[k] or (maps[k] - maps[first]) & 63:
            return 0
    return 1


@helper(types.void(INT, INT, INT, INT))
def _copy(line: int, out: int, first: int, last: int) -> None:
    values, to = f32(line), f32(out)
    for i in range(first, last):
        to[i] = values[i]


@helper(types.void(*[INT] * 6))
def expect(layer: int, index: int, y: int, rows: int, x: int, columns: int) -> None:
    """Ask for the memory of some rows of map *index* before they are written."""
    words = i64(layer)
    size = words[OUT_KIND]
    if words[PAST] == 0 and index < words[FILTERS]:
        for r in range(rows):
            start = i64(words[MAPS])[index] + (y + r) * words[MAP_STEP] + size * x
            for at in range(0, size * columns, 64):
                prefetch(start + at)


@helper(types.void(INT, INT, INT, INT, INT, INT, INT))
def finish_row(layer: int, line: int, y: int, x: int, columns: int, index: int, statistics: int) -> None:
    """From sums to outputs: activation, statistics, codes, while the line is in the nearest cache."""
    words = i64(layer)
    a, b = f32(words[PARAMETERS])[0], f32(words[PARAMETERS])[1]
    activate(line, columns, words[ACTIVATION], a, b)
    state, kind = statistics + STATISTICS_BYTES * index, words[OUT_KIND]
    surveyed = i64(words[SURVEYED])[index]
    if kind == CODES_8 or kind == CODES_16:
        out = i64(words[MAPS])[index] + y * words[MAP_STEP] + kind * x
        finish(line, columns, state, surveyed, out, kind, words[SCALES] + SCALE_BYTES * index)
    elif surveyed:
        gather(line, columns, state)


@helper(types.void(INT, INT, INT, INT, INT, INT, INT))
def deliver(layer: int, line: int, y: int, x: int, columns: int, index: int, statistics: int) -> None:
    """Finish *columns* sums of a line of their own and bring them to row *y* of map *index*."""
    words = i64(layer)
    finish_row(layer, line, y, x, columns, index, statistics)
    if words[OUT_KIND] == FLOATS:
        out = i64(words[MAPS])[index] + y * words[MAP_STEP] + 4 * x
        if words[PAST]:
            start = low(to_line(out), columns)
            lines = (columns - start) >> 4
            copy_past(line + 4 * start, out + 4 * start, lines)
            _copy(line, out, 0, start)
            _copy(line, out, start + 16 * lines, columns)
        else:
            _copy(line, out, 0, columns)


def finished(sum_row: Any) -> Any:
    """Return a helper that has *sum_row*, of ``line.row_of_tiles``, sum a row of a block, and finishes it."""

    @helper(types.void(*[INT] * 9))
    def row(
        layer: int,
        block: int,
        source: int,
        starts: int,
        y: int,
        x: int,
        columns: int,
        space: int,
        statistics: int,
    ) -> None:
        words, size, first = i64(layer), i64(block)[SIZE], i64(block)[FIRST]
        past = is_bare(layer, first, size) if i64(block)[CHUNKS] == 1 else 0
        lines, at = words[MAPS] + 8 * first, y * words[MAP_STEP] + 4 * x
        if words[OUT_KIND] != FLOATS:
            lines, at = space + LINE_TABLE, 0
        sum_row(block, source, lines, at, starts, columns, space, past)
        for k in range(size):
            finish_row(layer, i64(lines)[k] + at, y, x, columns, first + k, statistics)

    return row
