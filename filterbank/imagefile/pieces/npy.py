"""Rows of an npy: where they stand follows from its header.

They are read, not mapped: the pages of a mapped file count as memory of the process until the system takes
them back.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from filterbank.errors import ImageError
from filterbank.imagefile.array import is_signal, samples_of
from filterbank.imagefile.formats import npy
from filterbank.imagefile.pieces.rows import NotByRows, Store
from filterbank.imagefile.samples import ReadOptions, Samples
from filterbank.record import record


@record(frozen=True)
class _Rows:
    """The rows of an npy whose last index runs fastest."""

    stream: BinaryIO
    start: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    layout: str
    orientation: int = 1
    step: int = 1
    held: int = 0

    @property
    def height(self) -> int:
        """How many rows there are."""
        return self.shape[0 if self._is_one else 1]

    @property
    def _is_one(self) -> bool:
        """Whether the rows of all channels stand together."""
        return len(self.shape) == 2 or self.layout == "hwc"

    def samples(self, first: int, last: int) -> Samples:
        """Return rows *first* … *last* − 1."""
        if self._is_one:
            row = first if len(self.shape) == 2 else first * self.shape[1]
            array = self._read(row, (last - first, *self.shape[1:]))
            return samples_of(array, self.layout)
        channels, height, width = self.shape
        array = np.empty((channels, last - first, width), self.dtype)
        for c in range(channels):
            array[c] = self._read(c * height + first, (last - first, width))
        return samples_of(array, self.layout)

    def blank(self) -> Samples:
        """Return a row of zeros."""
        lengths = (1, *self.shape[1:]) if self._is_one else (self.shape[0], 1, self.shape[2])
        return samples_of(np.zeros(lengths, self.dtype), self.layout)

    def _read(self, row: int, shape: tuple[int, ...]) -> NDArray[Any]:
        """Return numbers from the *row*-th one of the length of the last axis on."""
        array = np.empty(shape, self.dtype)
        self.stream.seek(self.start + row * shape[-1] * self.dtype.itemsize)
        if self.stream.readinto(array.data.cast("B")) != array.nbytes:  # type: ignore[attr-defined]
            raise ImageError("is a truncated npy file: it has become shorter while it was read")
        return array


@contextmanager
def opened(stream: BinaryIO, options: ReadOptions) -> Iterator[Store]:
    """Yield the rows of an npy file.

    Raises
    ------
    NotByRows
        Its first index runs fastest, or it is a signal.
    ImageError
        The array is no image, truncated or a pickle.
    """
    shape, is_fortran, dtype = npy.checked_header(stream, replace(options, max_pixels=sys.maxsize))
    if is_signal(options.layout) or len(shape) == 1:
        raise NotByRows("is a signal: it has one row")
    if is_fortran:
        raise NotByRows("is an npy whose first index runs fastest: its rows are scattered over the file")
    yield _Rows(stream, stream.tell(), shape, dtype, options.layout)
