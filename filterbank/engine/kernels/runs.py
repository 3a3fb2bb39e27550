"""Runs of one byte as tokens, and the counting of all other bytes: a look at 64 bytes at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from filterbank.engine.kernels.huffman import distance_symbol, length_symbol
from filterbank.engine.kernels.rowfilter import COUNTS, count_bytes
from filterbank.engine.kernels.vector import INT, helper, high, i64, low, u8
from filterbank.engine.kernels.vector_bytes import outside, repeats
from filterbank.engine.kernels.words import load64, trailing_zeros

# A longer match does not fit its field in a token.
LONGEST_MATCH = 1 << 19

# From so many bytes on only an eighth of them are counted, as good as at random, for all.
_MANY = 1 << 15
_PART = 3  # as a power of two
_STIR = 0x9E3779B97F4A7C15

# What is rare: one byte of so many, as a power of two.
_RARE = 10
# Of values that were not seen, so many get a code all the same; the others are looked for.
_UNSEEN = 40


@helper(INT(INT))
def piece_of(length: int) -> Any:
    """Return how much of a match one symbol takes: 258 at most, and never so that 1 or 2 are left."""
    if length <= 258:
        return length
    return 258 if length >= 261 else 255


@helper(INT(*[INT] * 4))
def match_end(data: int, n: int, i: int, distance: int) -> Any:
    """Return where the match of the bytes from *i* with those *distance* before ends."""
    end = i
    last = low(n, i + LONGEST_MATCH)
    while end + 8 <= last:
        differ = load64(data + end) ^ load64(data + end - distance)
        if differ != np.uint64(0):
            return end + (trailing_zeros(differ) >> 3)
        end += 8
    q = u8(data)
    while end < last and q[end] == q[end - distance]:
        end += 1
    return end


@helper(INT(*[INT] * 4))
def _count_match(length: int, distance: int, counts: int, distance_counts: int) -> Any:
    """Count the symbols of a match."""
    symbol = distance_symbol(distance) & 31
    while length > 0:
        piece = piece_of(length)
        i64(counts)[length_symbol(piece) & 511] += 1
        i64(distance_counts)[symbol] += 1
        length -= piece
    return 0


@helper(INT(*[INT] * 7))
def add_match(
    tokens: int, found: int, before: int, length: int, distance: int, counts: int, distance_counts: int
) -> Any:
    """Write a match, so many bytes *before* it, as token number *found*, count it; return how many there are.

    A token is the bytes before the match << 36 | the match's length << 16 | its distance.
    """
    i64(tokens)[found] = before << 36 | length << 16 | distance
    _count_match(length, distance, counts, distance_counts)
    return found + 1


@helper(types.uint64(types.uint64))
def _eights(same: Any) -> Any:
    """Return the bits of *same* at which eight of them start."""
    same &= same >> np.uint64(1)
    same &= same >> np.uint64(2)
    return same & same >> np.uint64(4)


@helper(INT(*[INT] * 5))
def find_runs(data: int, n: int, tokens: int, counts: int, distance_counts: int) -> Any:
    """Write the runs of *n* bytes as tokens, count their symbols and all other bytes; return how many runs.

    A run is eight bytes or more that are all the one before them. Tokens are those of `add_match`. Of many
    bytes only some are counted, for all: what the counts are wrong by costs less than the counting.
    """
    t, q = i64(counts), u8(data)
    part = _PART if n >= _MANY else 0
    found, start, i = 0, 0, 1
    if n > 0:
        t[np.int64(q[0])] += 1
    while i + 8 <= n:
        if i + 64 <= n:
            run = _eights(repeats(data + i))
            # One that starts in the last bytes is seen whole at the next look.
            step = trailing_zeros(run) if run != np.uint64(0) else 56
            chance = np.uint64(i >> 9) * np.uint64(_STIR)
            if part == 0 or chance >> np.uint64(64 - _PART) == np.uint64(0):
                count_bytes(data + i, step, 1 << part, counts)
            i += step
            is_run = run != np.uint64(0)
        else:
            is_run = load64(data + i) == load64(data + i - 1)
            if not is_run:
                t[np.int64(q[i])] += 1 << part
                i += 1
        if is_run:
            end = match_end(data, n, i + 8, 1)
            found = add_match(tokens, found, i - start, end - i, 1, counts, distance_counts)
            i = start = end
    while i < n:
        t[np.int64(q[i])] += 1 << part
        i += 1
    return found


@helper(INT(INT))
def _usual(counts: int) -> Any:
    """Return n so that of the bytes counted hardly one was not among -n to n - 1."""
    t = i64(counts)
    outside, n = 0, 128
    for value in range(256):
        outside -= t[value] >> _RARE
    while n > 1 and outside + t[n - 1] + t[256 - n] <= 0:
        n -= 1
        outside += t[n] + t[255 - n]
    return n


@helper(INT(INT, INT))
def _assume(n: int, counts: int) -> Any:
    """Count once what was not counted among the bytes -n to n - 1, where few; return n, less where many."""
    t = i64(counts)
    unseen = 0
    for value in range(n):
        unseen += (1 if t[value] == 0 else 0) + (1 if t[255 - value] == 0 else 0)
    # Codes for all of them would be dear where many never occur: far from 0, or in a picture of few levels.
    while unseen > _UNSEEN:
        n -= 1
        unseen -= (1 if t[n] == 0 else 0) + (1 if t[255 - n] == 0 else 0)
    for value in range(n):
        t[value] = high(t[value], 1)
        t[255 - value] = high(t[255 - value], 1)
    return n


@helper(INT(*[INT] * 5))
def note_rare(data: int, n: int, tokens: int, found: int, counts: int) -> Any:
    """Count each byte once that is among *n*, outside of the runs *found*, but was not counted.

    None may be left without a code. After a filter most bytes are near 0, above or below; only where there
    are others is looked at closely.
    """
    t, q, token = i64(counts), u8(data), i64(tokens)
    u = u8(counts + COUNTS // 4)  # the second of the tables, which are summed in the first
    for value in range(256):
        u[value] = np.uint8(0)
    usual = _assume(_usual(counts), counts)
    i = 0
    for k in range(found + 1):
        end = i + (token[k] >> 36) if k < found else n
        while i < end:
            # What is seen of a run beyond the end does no harm.
            step = low(64, n - i)
            rare = outside(data + i, usual) if step == 64 else ~np.uint64(0) >> np.uint64(64 - step)
            while rare != np.uint64(0):
                u[np.int64(q[i + trailing_zeros(rare)])] = np.uint8(1)
                rare &= rare - np.uint64(1)
            i += step
        if k < found:
            i = end + (token[k] >> 16 & 0xFFFFF)
    for value in range(256):
        t[value] = high(t[value], np.int64(u[value]))
    return 0
