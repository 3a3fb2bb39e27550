"""Strings that repeat in a band's bytes, as tokens, with the runs among them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from filterbank.engine.kernels.rowfilter import count_word
from filterbank.engine.kernels.runs import add_match, match_end
from filterbank.engine.kernels.vector import INT, helper, high, i32, i64, low, u8
from filterbank.engine.kernels.words import leading_zeros, load64

# Shorter matches hardly save anything, and in a photograph's map they are many, all by chance.
SHORTEST = 5

TABLE_BITS = 14  # the search remembers as many places: 64 KiB
SEEN = 4 << TABLE_BITS  # bytes of that table
WINDOW = 1 << 15  # so far back a match may lie

# In bits: a match's two symbols without what is extra to the distance, and a run as the bytes' codes see it.
_MATCH_BITS = 11
_RUN_BITS = 6
# Looks without a find, as a power of two, after which another byte is skipped between looks.
_PATIENCE = 7


@helper(INT(*[INT] * 5))
def _gain(data: int, i: int, end: int, distance: int, lengths: int) -> Any:
    """Return about how many bits a match saves against codes of these *lengths* and runs."""
    q, length = u8(data), i64(lengths)
    price = _MATCH_BITS + 64 - leading_zeros(np.uint64(distance))
    saved = -price * ((end - i + 257) // 258)
    last = low(end, i + 64)
    while i < last:
        if load64(data + i) == load64(data + i - 1):
            run = match_end(data, end, i, 1) - i
            saved += _RUN_BITS + (run >> 7)
            i += run
        else:
            saved += length[np.int64(q[i])]
            i += 1
    return saved


@helper(INT(types.uint64, INT, INT, INT, INT))
def look_up(word: Any, size: int, i: int, table: int, bits: int) -> Any:
    """Return where bytes like *word*'s first *size* were last, 0 if never; note that they are at *i*.

    The *table* remembers 1 << *bits* places.
    """
    seen = i32(table)
    key = (word << np.uint64(64 - 8 * size)) * np.uint64(0x9E3779B97F4A7C15)
    place = np.int64(key >> np.uint64(64 - bits))
    before = np.int64(seen[place])
    seen[place] = np.int32(i)
    return before


@helper(types.boolean(types.uint64, types.uint64))
def _agree(a: Any, b: Any) -> Any:
    """Return whether the first SHORTEST bytes of two words are the same."""
    return (a ^ b) << np.uint64(64 - 8 * SHORTEST) == np.uint64(0)


@helper(INT(INT, INT))
def _step(missed: int, differ: int) -> Any:
    """Return how far to go on after so many looks in vain: the longer nothing is found, the farther.

    *differ* is a word xor the one a byte before it: a run that may start inside is seen whole next.
    """
    step = low(8, 1 + (missed >> _PATIENCE))
    same = leading_zeros(np.uint64(differ)) >> 3
    return low(step, 8 - same) if same >= 3 else step


@helper(INT(INT))
def clear(table: int) -> Any:
    """Forget all SEEN bytes of places."""
    for i in range(1 << TABLE_BITS):
        i32(table)[i] = 0
    return 0


@helper(INT(*[INT] * 4))
def strings_gain(data: int, n: int, table: int, lengths: int) -> Any:
    """Return about how many bits `find_strings` would save on *n* bytes."""
    clear(table)
    missed, gained = 0, 0
    i = 1
    while i + 8 <= n:
        w = load64(data + i)
        differ = w ^ load64(data + i - 1)
        if differ == np.uint64(0):
            i = match_end(data, n, i + 8, 1)
            missed = 0
        else:
            end, gain = i, 0
            before = look_up(w, SHORTEST, i, table, TABLE_BITS)
            if before > 0 and _agree(w, load64(data + before)):
                end = match_end(data, n, i, i - before)
                gain = _gain(data, i, end, i - before, lengths)
            if gain > 0:
                gained += gain
                i = end
                missed = 0
            else:
                missed += 1
                i += _step(missed, np.int64(differ))
    return gained


@helper(INT(*[INT] * 7))
def find_strings(
    data: int, n: int, tokens: int, counts: int, distance_counts: int, table: int, lengths: int
) -> int:
    """Write the matches of *n* bytes as tokens, count their symbols and all other bytes; return how many.

    Strings seen before are taken where they are worth it by the code *lengths* of bytes, and runs always.
    Tokens are those of `add_match`.
    """
    t, q = i64(counts), u8(data)
    clear(table)
    found, start, missed = 0, 0, 0
    i = 1
    if n > 0:
        t[np.int64(q[0])] += 1
    while i + 8 <= n:
        w = load64(data + i)
        distance, end = 0, 0
        differ = w ^ load64(data + i - 1)
        if differ == np.uint64(0):
            distance = 1
            end = match_end(data, n, i + 8, 1)
        else:
            before = look_up(w, SHORTEST, i, table, TABLE_BITS)
            if before > high(0, i - WINDOW) and _agree(w, load64(data + before)):
                end = match_end(data, n, i, i - before)
                if _gain(data, i, end, i - before, lengths) > 0:
                    distance = i - before
        if distance > 0:
            found = add_match(tokens, found, i - start, end - i, distance, counts, distance_counts)
            i = start = end
            missed = 0
        else:
            missed += 1
            step = _step(missed, np.int64(differ))
            if step == 8:
                count_word(np.int64(w), 1, counts)
            else:
                for j in range(step):
                    t[np.int64(q[i + j])] += 1
            i += step
    while i < n:
        t[np.int64(q[i])] += 1
        i += 1
    return found
