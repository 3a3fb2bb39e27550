"""Rows of a PNG, filtered and deflated: `png_bands`.

A feature map is a photograph's relative: what its bytes have to give up is in the filter and in the Huffman
code, hardly in repeated strings. So runs of one byte, which flat areas are made of after filtering, are all
that is looked for, and a byte costs a few cycles; strings are searched where a trial says that they are many,
as in maps of drawings.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from filterbank.engine.kernels import huffman
from filterbank.engine.kernels.doubled import are_doubled, find_doubled
from filterbank.engine.kernels.huffman import BITS, DISTANCES, END, LITERALS, LONGEST, UINT, put
from filterbank.engine.kernels.rowfilter import (
    COUNTS,
    SUB,
    UP,
    adler32,
    choose_filter,
    clear_tables,
    filter_row,
    join_adler32,
    sum_tables,
)
from filterbank.engine.kernels.runs import find_runs, note_rare, piece_of
from filterbank.engine.kernels.strings import SEEN, find_strings, strings_gain
from filterbank.engine.kernels.vector import INT, helper, i32, i64, low, u8, u32
from filterbank.engine.kernels.words import load64, store64

# Where things lie in a band's scratch, in bytes.
_COUNTS = 0
_DISTANCE_COUNTS = _COUNTS + COUNTS
_LENGTHS = _DISTANCE_COUNTS + 256
_DISTANCE_LENGTHS = _LENGTHS + 2304
_CODES = _DISTANCE_LENGTHS + 256
_DISTANCE_CODES = _CODES + 2304
_FIXED = _DISTANCE_CODES + 256
_FIXED_DISTANCES = _FIXED + 2304
_SINGLES = _FIXED_DISTANCES + 256  # code and length of each literal in one word
_PAIRS = _SINGLES + 1024  # the same of every two
_HEAD = _PAIRS + (4 << 16)
_SEEN = _HEAD + huffman.HEAD_SCRATCH
WORK = _SEEN + SEEN

# A code lies in a word's low 26 bits, its length above.
_SIZE = 26
_CODE = (1 << _SIZE) - 1

# How matches are looked for.
_RUNS, _STRINGS, _DOUBLED = range(3)

# The parts of a band on which a search for strings is tried, how many bytes each, and what it must save
# there: a tenth.
_PLACES = 4
_TRIAL = 1 << 13
_WORTH = 10


@helper(INT(*[INT] * 6))
def _tokenise(data: int, n: int, row: int, how: int, tokens: int, work: int) -> Any:
    """Find the matches and make the codes; return how many matches."""
    counts, distance_counts = work + _COUNTS, work + _DISTANCE_COUNTS
    clear_tables(counts)
    for i in range(DISTANCES):
        i64(distance_counts)[i] = 0
    if how == _STRINGS:
        lengths = work + _LENGTHS
        found = find_strings(data, n, tokens, counts, distance_counts, work + _SEEN, lengths)
        sum_tables(counts)
    elif how == _DOUBLED:
        found = find_doubled(data, n, row, tokens, counts, distance_counts, work + _SEEN)
    else:
        found = find_runs(data, n, tokens, counts, distance_counts)
        sum_tables(counts)
        note_rare(data, n, tokens, found, counts)
    i64(counts)[END] = 1
    huffman.code_lengths(counts, LITERALS, LONGEST, work + _LENGTHS, work + _HEAD)
    huffman.code_lengths(distance_counts, DISTANCES, LONGEST, work + _DISTANCE_LENGTHS, work + _HEAD)
    if found == 0:
        i64(work + _DISTANCE_LENGTHS)[0] = 1  # a block without matches still names one distance
    return found


@helper(INT(*[INT] * 4))
def _search_pays(data: int, n: int, bits: int, work: int) -> Any:
    """Return 1 where a trial says that a search for strings makes the band clearly smaller."""
    # Strings are for drawings, which runs alone bring below 1¼ bits a byte; for others a short look will do.
    places, part = (_PLACES, _TRIAL) if 4 * bits < 5 * n else (1, _TRIAL >> 1)
    if n < places * part:
        places, part = 1, n
    gained = 0
    for i in range(places):
        at = data + (2 * i + 1) * (n - part) // (2 * places)
        gained += strings_gain(at, part, work + _SEEN, work + _LENGTHS)
    return 1 if gained * n * _WORTH > bits * part * places else 0


@helper(INT(*[INT] * 4))
def _pack_codes(lengths: int, codes: int, singles: int, pairs: int) -> Any:
    """Fill the tables of code | length << 26, of each byte and of each two: the first | the second << 8."""
    length, code, single = i64(lengths), i64(codes), i32(singles)
    for a in range(256):
        single[a] = np.int32(code[a] | length[a] << _SIZE)
    for b in range(256):
        if length[b] > 0:
            word, second, pair = single[b] & ~_CODE, code[b], i32(pairs + 1024 * b)
            for a in range(256):
                first = single[a]
                pair[a] = np.int32(first + word + (second << (first >> _SIZE & 31)))
    return 0


@helper(BITS(INT, INT, UINT, UINT, *[INT] * 5))
def _write_literals(
    out: int, at: Any, bits: Any, count: Any, data: int, start: int, end: int, singles: int, pairs: int
) -> tuple[Any, Any, Any]:
    """Write the codes of the bytes *start* to *end*, four at a time."""
    pair = u32(pairs)
    i = start
    while i + 4 <= end:
        four = np.int64(load64(data + i))
        a, b = np.uint64(pair[four & 0xFFFF]), np.uint64(pair[four >> 16 & 0xFFFF])
        size = a >> np.uint64(_SIZE)
        bits |= (a & np.uint64(_CODE) | (b & np.uint64(_CODE)) << size) << count
        count += size + (b >> np.uint64(_SIZE))
        store64(out + at, bits)
        whole = count >> np.uint64(3)
        at += np.int64(whole)
        bits >>= whole << np.uint64(3)
        count &= np.uint64(7)
        i += 4
    while i < end:
        word = np.int64(i32(singles)[np.int64(u8(data)[i])])
        at, bits, count = put(out, at, bits, count, word & _CODE, word >> _SIZE)
        i += 1
    return at, bits, count


@helper(BITS(INT, INT, UINT, UINT, *[INT] * 5))
def _write_match(
    out: int,
    at: Any,
    bits: Any,
    count: Any,
    token: int,
    lengths: int,
    codes: int,
    distance_lengths: int,
    distance_codes: int,
) -> tuple[Any, Any, Any]:
    """Write the match of a *token*, in pieces."""
    length, code = i64(lengths), i64(codes)
    rest = token >> 16 & 0xFFFFF
    far = huffman.distance_symbol(token & 0xFFFF)
    symbol = far & 31
    far_bits, far_size = i64(distance_codes)[symbol], i64(distance_lengths)[symbol]
    far_bits |= (far >> 5 & 0x7FFF) << far_size
    far_size += far >> 20
    while rest > 0:
        piece = piece_of(rest)
        near = huffman.length_symbol(piece)
        symbol = near & 511
        size = length[symbol]
        value = code[symbol] | (near >> 9 & 127) << size
        size += near >> 16
        at, bits, count = put(out, at, bits, count, value | far_bits << size, size + far_size)
        rest -= piece
    return at, bits, count


@helper(INT(*[INT] * 7))
def deflate_block(data: int, n: int, row: int, final: int, tokens: int, out: int, work: int) -> Any:
    """Write *n* bytes at *data* as one DEFLATE block that ends on a byte, and return how many it takes.

    The bytes are rows of *row*, each a filter's number and samples.
    A block that is not *final* is followed by an empty stored one, so that blocks made apart can be joined.
    """
    counts, lengths, codes = work + _COUNTS, work + _LENGTHS, work + _CODES
    singles, pairs = work + _SINGLES, work + _PAIRS
    distance_counts, distance_lengths = work + _DISTANCE_COUNTS, work + _DISTANCE_LENGTHS
    distance_codes, fixed, fixed_distances = work + _DISTANCE_CODES, work + _FIXED, work + _FIXED_DISTANCES
    found = _tokenise(data, n, row, _RUNS, tokens, work)
    text = huffman.cost(counts, lengths, LITERALS)
    if _search_pays(data, n, text, work):
        found = _tokenise(data, n, row, _STRINGS, tokens, work)
    elif 4 * text > 3 * n and row & 1 and are_doubled(data, n, row):  # below, runs are shorter
        found = _tokenise(data, n, row, _DOUBLED, tokens, work)
    huffman.fixed_lengths(fixed, fixed_distances)
    text = huffman.cost(counts, lengths, LITERALS)
    text += huffman.cost(distance_counts, distance_lengths, DISTANCES)
    plain = huffman.cost(counts, fixed, LITERALS)
    plain += huffman.cost(distance_counts, fixed_distances, DISTANCES)
    at, bits, count = huffman.write_head(
        out, 0, np.uint64(0), np.uint64(0), final, lengths, distance_lengths, text, plain, work + _HEAD
    )
    symbols = LITERALS
    if i64(work + _HEAD + huffman.HEAD_SCRATCH - 8)[0] == 1:
        lengths, distance_lengths, symbols = fixed, fixed_distances, LITERALS + 2
    huffman.assign_codes(lengths, symbols, codes, work + _HEAD)
    huffman.assign_codes(distance_lengths, DISTANCES, distance_codes, work + _HEAD)
    _pack_codes(lengths, codes, singles, pairs)
    length, code, token = i64(lengths), i64(codes), i64(tokens)
    i = 0
    for k in range(found):
        end = i + (token[k] >> 36)
        at, bits, count = _write_literals(out, at, bits, count, data, i, end, singles, pairs)
        at, bits, count = _write_match(
            out, at, bits, count, token[k], lengths, codes, distance_lengths, distance_codes
        )
        i = end + (token[k] >> 16 & 0xFFFFF)
    at, bits, count = _write_literals(out, at, bits, count, data, i, n, singles, pairs)
    at, bits, count = put(out, at, bits, count, code[END], length[END])
    if final == 0:
        at, bits, count = put(out, at, bits, count, 0, 3)
    if count > np.uint64(0):
        at += 1
    if final == 0:
        store64(out + at, np.uint64(0xFFFF0000))
        at += 4
    return at


def png_bands(
    rows: int,
    stride: int,
    n: int,
    bpp: int,
    swap: int,
    y0: int,
    y1: int,
    step: int,
    final: int,
    filtered: int,
    tokens: int,
    out: int,
    work: int,
) -> Any:
    """Filter rows y0..y1 of an image and deflate them, a block every *step*; return the bytes written.

    Parameters
    ----------
    rows, stride, n, bpp : address of row 0, bytes from row to row, bytes a row, bytes a pixel (1..8)
    swap : 1 for words with the low byte first, which are turned round on the way; else 0
    y0, y1 : the rows; the one before them is read, too
    step : rows of a band; the last one may have fewer
    final : 1 where row y1 - 1 is the image's last; each other block ends on a byte and can be joined
    filtered : room for step (n + 1) + 8 bytes
    tokens : room for 3 step (n + 1) + 16 bytes, aligned to 8
    out : room for 13/8 step (n + 1) + 1024 bytes a band
    work : room for WORK bytes, aligned to 8; its first word becomes the Adler-32 of the filtered bytes
    """
    size, checksum = 0, 1
    for band in range((y1 - y0 + step - 1) // step):
        first = y0 + band * step
        last = low(first + step, y1)
        kind = choose_filter(rows, stride, n, bpp, swap, first, last, filtered, work)
        for y in range(first, last):
            row, to = rows + y * stride, filtered + (y - first) * (n + 1)
            if y == 0:
                # There is no row above the first, so that Up would do nothing there.
                filter_row(SUB if kind == UP else kind, row, row, n, bpp, swap, to)
            else:
                filter_row(kind, row, row - stride, n, bpp, swap, to)
        length = (last - first) * (n + 1)
        # Looks for matches see a word beyond the end: what lies there must not depend on who had the memory.
        store64(filtered + length, np.uint64(0))
        is_final = final if last == y1 else 0
        size += deflate_block(filtered, length, n + 1, is_final, tokens, out + size, work)
        checksum = join_adler32(checksum, adler32(filtered, length), length)
    i64(work)[0] = checksum
    return size
