"""Huffman codes for DEFLATE: lengths from counts, codes from lengths, and the head of a block.

All functions are helpers of `deflate`; tables are int64 words at addresses the caller owns.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from filterbank.engine.kernels.vector import INT, helper, i64, low, u8
from filterbank.engine.kernels.words import leading_zeros, store64

LITERALS, DISTANCES, ORDERS = 286, 30, 19
LONGEST = 13  # bits of a code: of two literals code and length then fit into 32 bits
END = 256  # the symbol that ends a block

# Where the next byte goes, bits not yet written, how many these are.
UINT = types.uint64
_tuple: Any = types.Tuple
BITS = _tuple((INT, UINT, UINT))

# Scratch of `code_lengths` and `write_head`, in bytes.
LENGTHS_SCRATCH = 8 * (8 * LITERALS + 64)
HEAD_SCRATCH = 8192 + LENGTHS_SCRATCH


@helper(BITS(INT, INT, UINT, UINT, INT, INT))
def put(out: int, at: Any, bits: Any, count: Any, value: int, size: int) -> tuple[Any, Any, Any]:
    """Append the *size* low bits of *value*, at most 56; up to 8 bytes past the end are overwritten."""
    bits |= np.uint64(value) << count
    count += np.uint64(size)
    store64(out + at, bits)
    whole = count >> np.uint64(3)
    return at + np.int64(whole), bits >> (whole << np.uint64(3)), count & np.uint64(7)


@helper(INT(INT, INT))
def _sort(keys: int, n: int) -> int:
    """Sort *n* words upwards: Shell's method, as nothing may be allocated."""
    key = i64(keys)
    gap = 57
    while gap > 0:
        for i in range(gap, n):
            value = key[i]
            j = i
            while j >= gap and key[j - gap] > value:
                key[j] = key[j - gap]
                j -= gap
            key[j] = value
        gap = 23 if gap == 57 else 10 if gap == 23 else 4 if gap == 10 else 1 if gap == 4 else 0
    return 0


@helper(INT(*[INT] * 5))
def _tree(keys: int, used: int, longest: int, number: int, scratch: int) -> int:
    """Fill *number*: how many of the *used* sorted symbols get a code of 1..longest bits."""
    key, numbers = i64(keys), i64(number)
    weight, parent, depth = i64(scratch), i64(scratch + 16 * used), i64(scratch + 32 * used)
    for i in range(used):
        weight[i] = key[i] >> 9
    # Two queues, leaves and inner nodes, both sorted by weight: no heap is needed.
    leaf, inner, node = 0, used, used
    while node < 2 * used - 1:
        total = 0
        for _ in range(2):
            if leaf < used and (inner >= node or weight[leaf] <= weight[inner]):
                child = leaf
                leaf += 1
            else:
                child = inner
                inner += 1
            total += weight[child]
            parent[child] = node
        weight[node] = total
        node += 1
    for i in range(longest + 1):
        numbers[i] = 0
    depth[2 * used - 2] = 0
    room = 1 << longest
    for j in range(2 * used - 2):
        i = 2 * used - 3 - j
        depth[i] = depth[parent[i]] + 1
        if i < used:
            bits = low(depth[i], longest)
            numbers[bits] += 1
            room -= 1 << (longest - bits)
    # Cutting codes short overdraws the room that prefixes have; lengthening another pays one unit back.
    while room < 0:
        bits = longest - 1
        while numbers[bits] == 0:
            bits -= 1
        numbers[bits] -= 1
        numbers[bits + 1] += 2
        numbers[longest] -= 1
        room += 1
    return 0


@helper(INT(*[INT] * 5))
def code_lengths(counts: int, n: int, longest: int, lengths: int, scratch: int) -> Any:
    """Fill the *lengths* of *n* symbols' Huffman codes, at most *longest* bits each; 0 for an unused symbol.

    Returns how many symbols are used. One used symbol gets one bit.
    """
    count, length, key = i64(counts), i64(lengths), i64(scratch)
    used = 0
    for i in range(n):
        length[i] = 0
        if count[i] > 0:
            key[used] = count[i] << 9 | i
            used += 1
    if used < 2:
        if used == 1:
            length[key[0] & 511] = 1
        return used
    _sort(scratch, used)
    number = scratch + 8 * n
    _tree(scratch, used, longest, number, number + 64 * 8)
    # The rarest symbols take the longest codes.
    at = 0
    for j in range(longest):
        bits = longest - j
        for _ in range(i64(number)[bits]):
            length[key[at] & 511] = bits
            at += 1
    return used


@helper(INT(*[INT] * 4))
def assign_codes(lengths: int, n: int, codes: int, scratch: int) -> Any:
    """Fill the canonical *codes* of *n* symbols from their *lengths*, bits in the order of writing."""
    length, code = i64(lengths), i64(codes)
    number, following = i64(scratch), i64(scratch + 17 * 8)
    for b in range(17):
        number[b] = 0
    for i in range(n):
        number[length[i]] += 1
    number[0] = 0
    value = 0
    following[0] = 0
    for b in range(1, 17):
        value = (value + number[b - 1]) << 1
        following[b] = value
    for i in range(n):
        bits = length[i]
        code[i] = 0
        if bits > 0:
            value = following[bits]
            following[bits] += 1
            mirrored = 0
            for _ in range(bits):
                mirrored = mirrored << 1 | value & 1
                value >>= 1
            code[i] = mirrored
    return 0


@helper(INT(INT))
def length_symbol(length: int) -> Any:
    """Return the symbol of a *length* of 3..258 | its extra bits << 9 | how many these are << 16."""
    if length == 258:
        return 285
    x = length - 3
    if x < 8:
        return 257 + x
    extra = 61 - leading_zeros(np.uint64(x))
    return 257 + 4 * extra + (x >> extra) | (x & ((1 << extra) - 1)) << 9 | extra << 16


@helper(INT(INT))
def distance_symbol(distance: int) -> Any:
    """Return the symbol of a *distance* of 1..32768 | its extra bits << 5 | how many these are << 20."""
    x = distance - 1
    if x < 4:
        return x
    extra = 62 - leading_zeros(np.uint64(x))
    return 2 * extra + (x >> extra) | (x & ((1 << extra) - 1)) << 5 | extra << 20


@helper(INT(INT))
def _order(i: int) -> int:
    """Return whose length is at place *i* of a head: 16 17 18 0 8 7 9 6 10 5 11 4 12 3 13 2 14 1 15."""
    if i < 3:
        return 16 + i
    if i == 3:
        return 0
    return 8 + ((i - 3) >> 1) * (1 if i & 1 == 0 else -1)


@helper(INT(*[INT] * 5))
def _pack_lengths(lengths: int, n: int, symbols: int, extras: int, counts: int) -> int:
    """Write *n* code *lengths*, repeats folded (16, 17, 18), and count the symbols; return how many."""
    length, symbol, extra, count = i64(lengths), u8(symbols), u8(extras), i64(counts)
    for i in range(ORDERS):
        count[i] = 0
    at, i = 0, 0
    while i < n:
        value = length[i]
        run = 1
        while i + run < n and length[i + run] == value:
            run += 1
        i += run
        if value > 0:
            symbol[at] = np.uint8(value)
            count[value] += 1
            at += 1
            run -= 1
        while run > 0:
            if value == 0 and run > 10:
                kind, step, first = 18, low(run, 138), 11
            elif value == 0 and run > 2:
                kind, step, first = 17, run, 3
            elif value > 0 and run > 2:
                kind, step, first = 16, low(run, 6), 3
            else:
                kind, step, first = value, 1, 1
            symbol[at] = np.uint8(kind)
            extra[at] = np.uint8(step - first)
            count[kind] += 1
            at += 1
            run -= step
    return at


@helper(INT(INT, INT, INT))
def cost(counts: int, lengths: int, n: int) -> int:
    """Return how many bits *n* symbols with these *counts* and code *lengths* take."""
    count, length = i64(counts), i64(lengths)
    total = 0
    for i in range(n):
        total += count[i] * length[i]
    return total


@helper(BITS(INT, INT, UINT, UINT, *[INT] * 6))
def write_head(
    out: int,
    at: Any,
    bits: Any,
    count: Any,
    final: int,
    literals: int,
    distances: int,
    text_bits: int,
    fixed_bits: int,
    scratch: int,
) -> tuple[Any, Any, Any]:
    """Write the head of a block, with the codes' lengths or a word that they are the fixed ones.

    The fixed codes are taken where *fixed_bits* are no more than *text_bits* and the dynamic head together;
    the last word of *scratch* says which: 1 for fixed.
    """
    symbols, extras = scratch, scratch + 512
    counts, lengths, codes = scratch + 1024, scratch + 1280, scratch + 1536
    every, spare = scratch + 2048, scratch + 8192
    literal, distance, all_lengths = i64(literals), i64(distances), i64(every)
    nliteral, ndistance = LITERALS, DISTANCES
    while nliteral > END + 1 and literal[nliteral - 1] == 0:
        nliteral -= 1
    while ndistance > 1 and distance[ndistance - 1] == 0:
        ndistance -= 1
    for i in range(nliteral):
        all_lengths[i] = literal[i]
    for i in range(ndistance):
        all_lengths[nliteral + i] = distance[i]
    packed = _pack_lengths(every, nliteral + ndistance, symbols, extras, counts)
    code_lengths(counts, ORDERS, 7, lengths, spare)
    assign_codes(lengths, ORDERS, codes, spare)
    symbol, extra, length, code, number = u8(symbols), u8(extras), i64(lengths), i64(codes), i64(counts)
    orders = ORDERS
    while orders > 4 and length[_order(orders - 1)] == 0:
        orders -= 1
    head_bits = 14 + 3 * orders + cost(counts, lengths, ORDERS)
    head_bits += 2 * number[16] + 3 * number[17] + 7 * number[18]
    fixed = 1 if fixed_bits <= text_bits + head_bits else 0
    i64(scratch + HEAD_SCRATCH - 8)[0] = fixed
    at, bits, count = put(out, at, bits, count, final | (1 if fixed else 2) << 1, 3)
    if fixed:
        return at, bits, count
    head = nliteral - 257 | (ndistance - 1) << 5 | (orders - 4) << 10
    at, bits, count = put(out, at, bits, count, head, 14)
    for i in range(orders):
        at, bits, count = put(out, at, bits, count, length[_order(i)], 3)
    for i in range(packed):
        kind = np.int64(symbol[i])
        at, bits, count = put(out, at, bits, count, code[kind], length[kind])
        if kind >= 16:
            size = 2 if kind == 16 else 3 if kind == 17 else 7
            at, bits, count = put(out, at, bits, count, np.int64(extra[i]), size)
    return at, bits, count


@helper(INT(INT, INT))
def fixed_lengths(literals: int, distances: int) -> int:
    """Fill the code lengths of DEFLATE's fixed codes: 288 literals, 30 distances."""
    literal, distance = i64(literals), i64(distances)
    for i in range(288):
        literal[i] = 8 if i < 144 or i > 279 else 9 if i < 256 else 7
    for i in range(DISTANCES):
        distance[i] = 5
    return 0
