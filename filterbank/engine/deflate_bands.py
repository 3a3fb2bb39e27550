"""A zlib stream of rows that come in bands: the bytes are those of the whole image's."""

from __future__ import annotations

import struct
import zlib

import numpy as np

from filterbank.engine.compiled import kernels
from filterbank.engine.deflate import (
    BAND,
    HEADER,
    ROW_LIMIT,
    Bytes,
    Scratch,
    combine_adler32,
    encode_bands,
    room,
    take,
)


class RowDeflater:
    r"""The zlib stream of a PNG of *height* rows of *n* bytes, *bpp* bytes a pixel.

    Rows are compressed some at a time, always the same ones together; the last few of a band wait for the
    next one. *swap* and *spare* are those of `deflate.compress`.

    >>> deflater = RowDeflater(2, 3, 1)
    >>> stream = deflater.rows(np.full((1, 3), 7, np.uint8)) + deflater.rows(np.full((1, 3), 7, np.uint8))
    >>> list(zlib.decompress(stream))
    [1, 7, 0, 0, 2, 0, 0, 0]
    """

    def __init__(
        self, height: int, n: int, bpp: int, swap: bool = False, spare: list[Scratch] | None = None
    ) -> None:
        self._height, self._n, self._bpp, self._swap = height, n, bpp, swap
        self._spare = [] if spare is None else spare
        self._step = min(height, max(1, BAND // (n + 1)))
        self._waiting = np.empty((0, n), np.uint8)  # the row above the next block, if any, and rows of it
        self._done = 0
        self._header = HEADER
        self._checksum = 1
        self._slow = zlib.compressobj(1) if n >= ROW_LIMIT else None  # with a header of its own

    def rows(self, rows: Bytes) -> bytes:
        """Return what the stream goes on with, the next *rows* (h, n) being given; its end with the last.

        Raises
        ------
        ValueError
            There are more rows than were told, or of another length.
        """
        if rows.shape[1] != self._n or self._done + self._kept + len(rows) > self._height:
            raise ValueError(f"rows: found {rows.shape} after {self._done + self._kept} of {self._height}")
        if self._slow is not None:
            return self._by_zlib(rows, self._slow)
        parts, self._header = [self._header], b""
        at = 0  # of rows: the first that is not yet in a block
        while len(rows) - at + self._kept >= (count := min(self._step, self._height - self._done)) > 0:
            if self._kept == 0 and (at > 0 or self._done == 0):
                parts.append(self._block(rows, at, count))
                at += count
            else:
                taken = count - self._kept
                above = len(self._waiting) - self._kept
                parts.append(
                    self._block(np.concatenate([self._waiting, rows[at : at + taken]]), above, count)
                )
                at += taken
            self._waiting = rows[at - 1 : at].copy() if at else self._waiting[-1:]
        self._waiting = np.concatenate([self._waiting, rows[at:]])
        if self._done == self._height:
            parts.append(struct.pack(">I", self._checksum))
        return b"".join(parts)

    @property
    def _kept(self) -> int:
        """How many rows wait for others, the row above them not counted."""
        return len(self._waiting) - (self._done > 0)

    def _block(self, rows: Bytes, first: int, count: int) -> bytes:
        """Return the code of *count* rows from the *first* on; the row above them stands there, too."""
        if rows.strides[1] != 1 or rows.strides[0] < 0:
            rows = np.ascontiguousarray(rows)
        memory = take(self._spare)
        memory.reserve(count * (self._n + 1), room(count * (self._n + 1)))
        self._done += count
        part, is_last = (first, first + count, count), self._done == self._height
        size, checksum = encode_bands(kernels().png_bands, rows, self._bpp, self._swap, part, is_last, memory)
        self._checksum = combine_adler32(self._checksum, checksum, count * (self._n + 1))
        code = memory.out[:size].tobytes()
        self._spare.append(memory)
        return code

    def _by_zlib(self, rows: Bytes, squeeze: zlib._Compress) -> bytes:
        """Return the code of unfiltered rows, too long for the kernel."""
        parts: list[bytes] = []
        for row in rows:
            parts += (
                squeeze.compress(b"\0"),
                squeeze.compress(row.view(np.uint16).byteswap() if self._swap else row),
            )
        self._done += len(rows)
        return b"".join(parts) + (squeeze.flush() if self._done == self._height else b"")
