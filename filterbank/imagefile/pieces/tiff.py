"""Rows of a TIFF page: only the strips or tiles that hold them are read and decoded."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, BinaryIO

import numpy as np
import tifffile
from numpy.typing import NDArray

from filterbank.errors import ImageError
from filterbank.imagefile.formats import tiff
from filterbank.imagefile.formats.boundary import decoding
from filterbank.imagefile.pieces.rows import NotByRows, Store, nbytes
from filterbank.imagefile.samples import ReadOptions, Samples, check_page, check_size

_STRIP_OFFSETS = 273
_JPEGS = {6, 7, 34892, 33007}  # whose tables stand apart from their segments


@contextmanager
def opened(stream: BinaryIO, options: ReadOptions) -> Iterator[Store]:
    """Yield the rows of one page of a TIFF file.

    Raises
    ------
    NotByRows
        The page is one JPEG.
    ImageError
        There is no such page, or it is truncated, damaged or no picture.
    """
    size = stream.seek(0, 2)
    stream.seek(0)
    with decoding("TIFF"):
        file = tifffile.TiffFile(stream)
    with file:
        with decoding("TIFF"):
            check_page(options.page, len(file.pages))
            page = tiff.whole_page(file, options.page)
            check_size(page.imagelength, page.imagewidth, page.samplesperpixel, sys.maxsize)
            tiff.check_layout(page, size)
        if page.jpegheader is not None and _STRIP_OFFSETS in page.tags and page.is_tiled:
            raise NotByRows("is a TIFF file whose page is one JPEG")
        yield _Rows(page)


class _Rows:
    """The rows of a page. The strip, or row of tiles, that was decoded last is kept for the next band."""

    def __init__(self, page: tifffile.TiffPage) -> None:
        self._page = page
        self._planes, _, self.height, self._width, self._samples = page.shaped
        self._dtype: np.dtype[Any] = np.dtype(page.dtype)
        self.orientation = tiff.orientation(page)
        self._is_plain = page.is_contiguous and page.predictor == 1 and page.fillorder == 1
        self.step = (
            1 if self._is_plain else min(page.tilelength if page.is_tiled else page.rowsperstrip, self.height)
        )
        self._across = -(-self._width // page.tilewidth) if page.is_tiled else 1
        self._kept: tuple[int, NDArray[Any]] | None = None

    @property
    def held(self) -> int:
        """Bytes of the strip or row of tiles that is kept, and of one while it is decoded."""
        page = self._page
        if self._is_plain:
            return 0
        kept = nbytes(self._planes, self.step, self._width, self._samples, dtype=self._dtype)
        # The one before is let go when the next is whole.
        return 2 * kept + 2 * kept // (self._across * self._planes) + 2 * max(page.databytecounts)

    def samples(self, first: int, last: int) -> Samples:
        """Return rows *first* … *last* − 1 as they are stored."""
        with decoding("TIFF"):
            return self._meant(self._read(first, last) if self._is_plain else self._decoded(first, last))

    def blank(self) -> Samples:
        """Return a row of zeros."""
        with decoding("TIFF"):
            return self._meant(np.zeros((self._planes, 1, self._width, self._samples), self._dtype))

    def _meant(self, stored: NDArray[Any]) -> Samples:
        planes = stored[..., 0] if self._samples == 1 else stored[0].transpose(2, 0, 1)
        return replace(tiff.meaning(self._page, planes), orientation=self.orientation)

    def _room(self, rows: int, dtype: np.dtype[Any]) -> NDArray[Any]:
        return np.empty((self._planes, rows, self._width, self._samples), dtype)

    def _read(self, first: int, last: int) -> NDArray[Any]:
        """Return rows that stand in the file as they are."""
        page = self._page
        stored = self._room(last - first, self._dtype.newbyteorder(page.parent.byteorder))
        plane = stored[0].nbytes // (last - first)
        for number, rows in enumerate(stored):
            page.parent.filehandle.seek(page.dataoffsets[0] + (number * self.height + first) * plane)
            if page.parent.filehandle.readinto(rows.data.cast("B")) != rows.nbytes:
                raise ImageError("is a truncated TIFF file: it has become shorter while it was read")
        return stored.astype(self._dtype, copy=False)

    def _decoded(self, first: int, last: int) -> NDArray[Any]:
        """Return rows out of the segments that hold them."""
        out = self._room(last - first, self._dtype)
        for number in range(first // self.step, -(-last // self.step)):
            top = number * self.step
            low, high = max(first, top), min(last, top + self.step)
            out[:, low - first : high - first] = self._segments(number)[:, low - top : high - top]
        return out

    def _segments(self, number: int) -> NDArray[Any]:
        """Return the *number*-th strip or row of tiles, (planes, rows, W, samples)."""
        if self._kept is not None and self._kept[0] == number:
            return self._kept[1]
        page, handle = self._page, self._page.parent.filehandle
        top = number * self.step
        rows = self._room(min(self.step, self.height - top), self._dtype)
        how = (
            {"jpegtables": page.jpegtables, "jpegheader": page.jpegheader}
            if page.compression in _JPEGS
            else {}
        )
        down, across = -(-self.height // self.step), self._across
        places = [
            (plane * down + number) * across + i for plane in range(self._planes) for i in range(across)
        ]
        for place in places:
            handle.seek(page.dataoffsets[place])
            data = handle.read(page.databytecounts[place]) if page.databytecounts[place] else None
            segment, (plane, _, _, left, _), shape = page.decode(data, place, **how)
            part = rows[plane, : shape[1], left : left + shape[2]]
            part[:] = page.nodata if segment is None else segment[0, : part.shape[0], : part.shape[1]]
        self._kept = number, rows
        return rows
