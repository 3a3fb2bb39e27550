"""Rows as PNG filters them, the choice of the filter, and the counting of bytes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from filterbank.engine.kernels.vector import INT, helper, i64, low, u8
from filterbank.engine.kernels.vector_bytes import ADLER_BYTES, adler_sums
from filterbank.engine.kernels.words import leading_zeros, load64

NONE, SUB, UP = 0, 1, 2  # a row's filter, as PNG numbers them

COUNTS = 4 * 512 * 8  # bytes of four tables of counts

# The filter of a band is chosen by its rows 0, 32, 64, ...
_SAMPLE = 32

_MODULUS = 65521  # of the checksum's sums


@helper(types.void(*[INT] * 6))
def _filter_words(kind: int, row: int, above: int, n: int, bpp: int, out: int) -> None:
    """Filter a row of words, the bytes of each in reverse."""
    a, b, left, q = u8(row), u8(above), u8(row - bpp), u8(out)
    first = low(bpp, n) if kind == SUB else n if kind == NONE else 0
    for i in range(first >> 1):
        q[2 * i] = a[2 * i + 1]
        q[2 * i + 1] = a[2 * i]
    if kind == SUB:
        for i in range(first >> 1, n >> 1):
            q[2 * i] = np.uint8(a[2 * i + 1] - left[2 * i + 1])
            q[2 * i + 1] = np.uint8(a[2 * i] - left[2 * i])
    elif kind == UP:
        for i in range(n >> 1):
            q[2 * i] = np.uint8(a[2 * i + 1] - b[2 * i + 1])
            q[2 * i + 1] = np.uint8(a[2 * i] - b[2 * i])


@helper(INT(*[INT] * 7))
def filter_row(kind: int, row: int, above: int, n: int, bpp: int, swap: int, out: int) -> int:
    """Write a row of *n* bytes as PNG stores it: the filter's number, then what the filter leaves.

    With *swap* the row's samples are words with the low byte first, and every pair of bytes changes places.
    """
    u8(out)[0] = np.uint8(kind)
    if swap:
        _filter_words(kind, row, above, n, bpp, out + 1)
        return 0
    a, b, left, q = u8(row), u8(above), u8(row - bpp), u8(out + 1)
    if kind == NONE:
        for x in range(n):
            q[x] = a[x]
    elif kind == SUB:
        for x in range(low(bpp, n)):
            q[x] = a[x]
        for x in range(bpp, n):
            q[x] = np.uint8(a[x] - left[x])
    else:
        for x in range(n):
            q[x] = np.uint8(a[x] - b[x])
    return 0


@helper(INT(INT, INT, INT))
def count_word(word: int, times: int, tables: int) -> int:
    """Count a word's 8 bytes, each as *times*; neighbours go to four tables: equal ones need not wait."""
    t, w = i64(tables), np.uint64(word)
    t[np.int64(w & np.uint64(255))] += times
    t[512 + np.int64(w >> np.uint64(8) & np.uint64(255))] += times
    t[1024 + np.int64(w >> np.uint64(16) & np.uint64(255))] += times
    t[1536 + np.int64(w >> np.uint64(24) & np.uint64(255))] += times
    t[np.int64(w >> np.uint64(32) & np.uint64(255))] += times
    t[512 + np.int64(w >> np.uint64(40) & np.uint64(255))] += times
    t[1024 + np.int64(w >> np.uint64(48) & np.uint64(255))] += times
    t[1536 + np.int64(w >> np.uint64(56))] += times
    return 0


@helper(INT(*[INT] * 4))
def count_bytes(data: int, n: int, times: int, tables: int) -> int:
    """Count *n* bytes, each as *times*."""
    t, q = i64(tables), u8(data)
    whole = n & ~7
    for i in range(0, whole, 8):
        count_word(np.int64(load64(data + i)), times, tables)
    for i in range(whole, n):
        t[np.int64(q[i])] += times
    return 0


@helper(INT(INT))
def clear_tables(tables: int) -> Any:
    """Set the counts of all four tables to zero."""
    t = i64(tables)
    for i in range(2048):
        t[i] = 0
    return 0


@helper(INT(INT))
def sum_tables(tables: int) -> Any:
    """Add the four tables up into the first."""
    t = i64(tables)
    for i in range(512):
        t[i] += t[512 + i] + t[1024 + i] + t[1536 + i]
    return 0


@helper(INT(INT))
def _log2(x: int) -> Any:
    """Return 64 log2(x) for a positive *x* below 2**40, interpolated between powers of two."""
    whole = 63 - leading_zeros(np.uint64(x))
    return 64 * whole + ((x << 6) >> whole) - 64


@helper(INT(INT, INT))
def _entropy(counts: int, n: int) -> Any:
    """Return about 64 times the bits that *n* counted bytes take at best."""
    count = i64(counts)
    total = n * _log2(n)
    for i in range(256):
        if count[i] > 0:
            total -= count[i] * _log2(count[i])
    return total


@helper(INT(*[INT] * 9))
def choose_filter(
    rows: int, stride: int, n: int, bpp: int, swap: int, y0: int, y1: int, out: int, tables: int
) -> int:
    """Return the filter that leaves the least to code in the band's sampled rows; *out* is overwritten."""
    best, least = UP, np.int64(1) << 62
    for k in range(3):
        kind = UP - k  # Up first: it wins a tie, on flat maps above all
        clear_tables(tables)
        sampled = 0
        for y in range(y0 + (1 if y0 == 0 and y1 > 1 else 0), y1, _SAMPLE):
            above = rows + (y - 1) * stride if y > 0 else rows
            filter_row(kind if y > 0 or kind != UP else NONE, rows + y * stride, above, n, bpp, swap, out)
            count_bytes(out + 1, n, 1, tables)
            sampled += n
        sum_tables(tables)
        price = _entropy(tables, sampled)
        if price < least:
            best, least = kind, price
    return best


@helper(INT(INT, INT))
def adler32(data: int, n: int) -> Any:
    """Return the Adler-32 of *n* bytes: here, as vectors do it faster than a library byte by byte."""
    a: Any = 1
    b: Any = 0
    i = 0
    while i + 64 <= n:
        lines = low(ADLER_BYTES, n - i) >> 6
        total, weighted = adler_sums(data + i, lines)
        b = (b + 64 * lines * a + weighted) % _MODULUS
        a = (a + total) % _MODULUS
        i += 64 * lines
    while i < n:
        a += np.int64(u8(data)[i])
        b += a
        i += 1
    return b % _MODULUS << 16 | a % _MODULUS


@helper(INT(INT, INT, INT))
def join_adler32(first: int, second: int, length: int) -> Any:
    """Return the Adler-32 of two strings one after the other, from theirs and the second's *length*."""
    a, b = first & 0xFFFF, first >> 16
    b += (second >> 16) + length % _MODULUS * (a + _MODULUS - 1)
    a += (second & 0xFFFF) + _MODULUS - 1
    return b % _MODULUS << 16 | a % _MODULUS
