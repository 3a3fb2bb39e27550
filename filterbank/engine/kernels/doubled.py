"""Samples whose two bytes are alike, as 8 bits in 16 give them: repeats of two samples or more, as tokens.

A Huffman code knows nothing of the byte before and pays for each sample twice. A match of two samples that
were seen lately pays once: four bytes of a photograph's differences are found again within some hundred.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from filterbank.engine.kernels.runs import add_match, match_end
from filterbank.engine.kernels.strings import TABLE_BITS, WINDOW, clear, look_up
from filterbank.engine.kernels.vector import INT, helper, high, i64, low, u8
from filterbank.engine.kernels.words import load64

_TWO, _THREE = 4, 6  # bytes of so many samples

# Half of the table of strings is for places of two samples, half for those of three.
_BITS = TABLE_BITS - 1
# Of a longer match only the first bytes are remembered: a flat area need not be noted sample by sample.
_NOTED = 32

_tuple: Any = types.UniTuple
_FOUND = _tuple(INT, 2)


@helper(INT(INT, INT, INT))
def are_doubled(data: int, n: int, row: int) -> Any:
    """Return 1 where *n* bytes are rows of *row*, each a filter's byte and then pairs of equal ones."""
    q = u8(data)
    for y in range(n // row):
        i, end = y * row + 1, (y + 1) * row
        while i + 8 <= end:
            word = load64(data + i)
            if (word ^ word >> np.uint64(8)) & np.uint64(0x00FF00FF00FF00FF) != np.uint64(0):
                return 0
            i += 8
        while i < end:
            if q[i] != q[i + 1]:
                return 0
            i += 2
    return 1


@helper(INT(*[INT] * 4))
def _length(data: int, end: int, i: int, before: int) -> Any:
    """Return how many bytes from *i* to *end*, in whole samples, are those from *before* on."""
    if before <= high(0, i - WINDOW):
        return 0
    return match_end(data, end, i, i - before) - i & ~1


@helper(_FOUND(INT, INT, INT, types.uint64, INT, INT))
def _find(data: int, end: int, i: int, word: Any, threes: int, twos: int) -> tuple[Any, Any]:
    """Return where the bytes from *i*, of which *word* is the first, were before, and how many; 0 if none."""
    if word == np.uint64(u8(data)[i]) * np.uint64(0x0101010101010101):
        # Of a run the first sample is written, even where it was seen elsewhere.
        length = match_end(data, end, i, 1) - i & ~1
        return i - 1, length if length >= _TWO else 0
    three, two = look_up(word, _THREE, i, threes, _BITS), look_up(word, _TWO, i, twos, _BITS)
    length = _length(data, end, i, three)
    if length >= _THREE:
        return three, length
    length = _length(data, end, i, two)
    return two, length if length >= _TWO else 0


@helper(INT(*[INT] * 7))
def find_doubled(
    data: int, n: int, row: int, tokens: int, counts: int, distance_counts: int, places: int
) -> int:
    """Write the matches of *n* bytes as tokens, count their symbols and all other bytes; return how many.

    `are_doubled` is true of the bytes. Tokens are those of `add_match`; *places* has room for SEEN bytes.
    """
    t, q = i64(counts), u8(data)
    threes, twos = places, places + (4 << _BITS)
    clear(places)
    found, done = 0, 0
    for y in range(n // row):
        i, end = y * row + 1, (y + 1) * row
        t[np.int64(q[i - 1])] += 1
        while i + 8 <= end:
            word = load64(data + i)
            before, length = _find(data, end, i, word, threes, twos)
            if length == 0:
                t[np.int64(q[i])] += 2
                i += 2
            else:
                found = add_match(tokens, found, i - done, length, i - before, counts, distance_counts)
                for j in range(i + 2, i + low(length, _NOTED), 2):
                    word = load64(data + j)
                    look_up(word, _THREE, j, threes, _BITS)
                    look_up(word, _TWO, j, twos, _BITS)
                i += length
                done = i
        while i < end:
            t[np.int64(q[i])] += 1
            i += 1
    return found
