"""An image's rows as a zlib stream, the kind that a PNG holds: the driver of `kernels.deflate`."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filterbank.engine.compiled import kernels

Bytes = NDArray[np.uint8]
BandKernel = Callable[..., Any]
Parts = list[bytes | memoryview]  # of a stream, one after the other

# Filtered bytes of a band: they and their code stay in a core's second-level cache.
BAND = 1 << 18
# Bytes of the kernel's tables; said here too, as importing the kernel would import its compiler.
WORK = 1 << 19

# The kernel counts the bytes of a band, and so of a row, in 28 bits; zlib takes longer rows.
ROW_LIMIT = 1 << 27

HEADER = b"\x78\x01"  # deflate with a window of 32 KiB, fastest
_MODULUS = 65521


def compressed(
    rows: Bytes,
    bpp: int,
    swap: bool = False,
    spare: list[Scratch] | None = None,
    pool: Executor | None = None,
) -> AbstractContextManager[Parts]:
    r"""Have the zlib stream of a PNG's *rows* (H, n) uint8, *bpp* bytes a pixel, by the compiled kernel.

    Its parts may lie in memory that is used again when the block has ended.

    Parameters
    ----------
    rows, bpp, swap
        As `encoded` has them.
    spare
        Memory kept by the caller from image to image.
    pool
        Where given, its threads share the bands.

    Examples
    --------
    >>> import zlib
    >>> with compressed(np.full((1, 3), 7, np.uint8), 1) as parts:
    ...     zlib.decompress(b"".join(parts))
    b'\x01\x07\x00\x00'
    """
    return encoded(rows, bpp, kernels().png_bands, swap, spare, pool)


class Scratch:
    """The memory in which one thread encodes; it is kept from image to image, as fresh memory is slow."""

    def __init__(self) -> None:
        self.work = np.empty(WORK // 8, np.int64)
        self.filtered = self.out = np.empty(0, np.uint8)
        self.tokens = np.empty(0, np.int64)

    def reserve(self, band: int, total: int) -> None:
        """Make room for bands of *band* filtered bytes and the code of *total*."""
        if self.filtered.size < band + 8:
            self.filtered = np.empty(band + 8, np.uint8)
            self.tokens = np.empty(3 * band // 8 + 3, np.int64)
        if self.out.size < total:
            self.out = np.empty(total, np.uint8)


@contextmanager
def encoded(
    rows: Bytes,
    bpp: int,
    kernel: BandKernel,
    swap: bool = False,
    scratch: list[Scratch] | None = None,
    pool: Executor | None = None,
) -> Iterator[Parts]:
    """Have the zlib stream of the PNG-filtered *rows*, the content of a PNG's IDAT chunks, in parts.

    Parameters
    ----------
    rows : (H, n) uint8, the n bytes of a row side by side
    bpp : bytes a pixel, 1 to 8
    swap : whether these are words with the low byte first: a PNG has the high byte first
    kernel : `kernels.deflate.png_bands`, compiled
    scratch : memory that is not in use, kept by the caller between calls; grows by what is needed
    pool : where given, its threads encode the bands; the bytes are the same

    Examples
    --------
    >>> import numba, zlib
    >>> from filterbank.engine.kernels.deflate import png_bands
    >>> with encoded(np.full((2, 3), 7, np.uint8), 1, numba.njit(png_bands)) as parts:
    ...     list(zlib.decompress(b"".join(parts)))
    [1, 7, 0, 0, 2, 0, 0, 0]
    """
    if rows.strides[1] != 1 or rows.strides[0] < 0:
        rows = np.ascontiguousarray(rows)
    height, n = rows.shape
    if n >= ROW_LIMIT:
        yield [_by_zlib(rows, swap)]
        return
    step = min(height, max(1, BAND // (n + 1)))
    band_bytes = step * (n + 1)
    spare = [] if scratch is None else scratch

    starts = range(0, height, step)
    if pool is None or len(starts) == 1:
        memory = take(spare)
        memory.reserve(band_bytes, room(band_bytes) * len(starts))
        size, checksum = encode_bands(kernel, rows, bpp, swap, (0, height, step), True, memory)
        try:
            yield [HEADER, memory.out[:size].data, struct.pack(">I", checksum)]
        finally:
            spare.append(memory)
        return

    def encode(y: int) -> tuple[bytes, int, int]:
        end = min(y + step, height)
        memory = take(spare)
        memory.reserve(band_bytes, room(band_bytes))
        size, checksum = encode_bands(kernel, rows, bpp, swap, (y, end, step), end == height, memory)
        part = memory.out[:size].tobytes()
        spare.append(memory)
        return part, checksum, (end - y) * (n + 1)

    parts = list(pool.map(encode, starts))
    checksum = 1
    for _, part_sum, length in parts:
        checksum = combine_adler32(checksum, part_sum, length)
    yield [HEADER, *(part for part, _, _ in parts), struct.pack(">I", checksum)]


def encode_bands(
    kernel: BandKernel,
    rows: Bytes,
    bpp: int,
    swap: bool,
    part: tuple[int, int, int],
    is_last: bool,
    memory: Scratch,
) -> tuple[int, int]:
    """Encode a *part* of *rows*, from row to row in steps; return its size and the Adler-32 of what it holds.

    Other parameters are those of `encoded`; the code lies in ``memory.out``.
    """
    size = kernel(
        rows.ctypes.data,
        rows.strides[0],
        rows.shape[1],
        bpp,
        int(swap),
        *part,
        int(is_last),
        memory.filtered.ctypes.data,
        memory.tokens.ctypes.data,
        memory.out.ctypes.data,
        memory.work.ctypes.data,
    )
    return int(size), int(memory.work[0])


def _by_zlib(rows: Bytes, swap: bool) -> bytes:
    """Return the zlib stream of *rows*, unfiltered, a row at a time."""
    squeeze = zlib.compressobj(1)
    parts: list[bytes] = []
    for row in rows:
        parts += squeeze.compress(b"\0"), squeeze.compress(row.view(np.uint16).byteswap() if swap else row)
    return b"".join([*parts, squeeze.flush()])


def combine_adler32(first: int, second: int, length: int) -> int:
    """Return the Adler-32 of two strings one after the other, from theirs and the second's *length*.

    >>> import zlib
    >>> combine_adler32(zlib.adler32(b"feature "), zlib.adler32(b"map"), 3) == zlib.adler32(b"feature map")
    True
    """
    a = (first & 0xFFFF) + (second & 0xFFFF) - 1
    b = (first >> 16) + (second >> 16) + length * ((first & 0xFFFF) - 1)
    return (b % _MODULUS) << 16 | a % _MODULUS


def room(size: int) -> int:
    """Return how many bytes the code of *size* bytes may take: no byte's is longer than 13 bits."""
    return size + 5 * size // 8 + 1024


def take(spare: list[Scratch]) -> Scratch:
    """Return memory that is not in use; taking from a list is safe between threads."""
    try:
        return spare.pop()
    except IndexError:
        return Scratch()
