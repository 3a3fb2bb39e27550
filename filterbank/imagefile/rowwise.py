"""Maps into files band by band, for maps that are never whole: one writer a format.

The files hold the same pixels and say the same of themselves as those of `encode`. How many values were
clipped is known only at the end: a PNG says it after its pixels, a TIFF in place of blanks.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, BinaryIO, Protocol

import numpy as np
from numpy.typing import NDArray

from filterbank.imagefile import png
from filterbank.imagefile.encode import (
    Values,
    check_channels,
    interleave,
    needs_bigtiff,
    page_options,
    write_csv,
)
from filterbank.imagefile.maptext import PREFIX, MapText, to_fields, to_json

_CLIPPED = "clipped"


class Deflater(Protocol):
    """What compresses the rows of one PNG, as they come."""

    def rows(self, rows: NDArray[np.uint8]) -> bytes:
        """Return what the zlib stream goes on with; its end with the last row."""


class MakeDeflater(Protocol):
    """What makes a `Deflater` of *height* rows of *n* bytes, *bpp* bytes a pixel, words swapped or not."""

    def __call__(self, height: int, n: int, bpp: int, swap: bool) -> Deflater:
        """Return the deflater."""


class RowFile(Protocol):
    """A file of one map, or of several of one size, that takes them band by band."""

    def write(self, index: int, first: int, planes: NDArray[Any], alpha: Values | None) -> None:
        """Write rows of the *index*-th map from *first* on: (h, W2), or (C, h, W2), with their alpha."""

    def end(self, clipped: Sequence[int]) -> None:
        """Write what was not known before: how many values of each map were clipped."""


class PngRows:
    """A PNG of one map, *shape* (C, H2, W2) with alpha counted as a channel; rows come from top to bottom."""

    def __init__(
        self,
        stream: BinaryIO,
        shape: tuple[int, int, int],
        dtype: np.dtype[Any],
        text: MapText,
        deflater: MakeDeflater,
    ) -> None:
        channels, height, width = shape
        check_channels("png" if dtype == np.uint8 else "png16", channels - text.alpha, text.alpha)
        fields = to_fields(text)
        del fields[_CLIPPED]
        chunks = {"Software": fields.pop("software")} | {PREFIX + name: fields[name] for name in fields}
        png.begin(stream, (height, width, channels), dtype, chunks)
        size = dtype.itemsize
        self._stream = stream
        self._deflater = deflater(
            height, width * channels * size, channels * size, size > 1 and png.IS_LITTLE
        )

    def write(self, index: int, first: int, planes: NDArray[Any], alpha: Values | None) -> None:
        """Write the next rows."""
        pixels, _ = interleave(planes, MapText(), alpha)
        rows = np.ascontiguousarray(pixels).reshape(len(pixels), -1).view(np.uint8)
        if code := self._deflater.rows(rows):
            png.write_chunk(self._stream, b"IDAT", code)

    def end(self, clipped: Sequence[int]) -> None:
        """Write what was not known before, and the end."""
        png.end(self._stream, {PREFIX + _CLIPPED: str(clipped[0])})


class NpyRows:
    """An npy of *shape* (..., H2, W2), float32: one map, or K of them; a real file, written in any order."""

    def __init__(self, stream: BinaryIO, shape: tuple[int, ...]) -> None:
        header = {"descr": "<f4", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(stream, header)
        stream.flush()
        self._file, self._start = stream.fileno(), stream.tell()
        self._height, self._width = shape[-2:]
        os.ftruncate(self._file, self._start + 4 * int(np.prod(shape, dtype=object)))

    def write(self, index: int, first: int, planes: NDArray[Any], alpha: Values | None) -> None:
        """Write rows of the *index*-th map."""
        every = [*(planes[np.newaxis] if planes.ndim == 2 else planes), *([] if alpha is None else [alpha])]
        for number, plane in enumerate(every, index * len(every)):
            row = number * self._height + first
            _write_at(self._file, np.ascontiguousarray(plane, "<f4"), self._start + 4 * row * self._width)

    def end(self, clipped: Sequence[int]) -> None:
        """Do nothing: an npy carries no text."""


class TiffRows:
    """A TIFF of a page for each of *texts*, of *shape* (C, H2, W2); a real file, written in any order."""

    def __init__(
        self, stream: BinaryIO, shape: tuple[int, int, int], dtype: np.dtype[Any], texts: Sequence[MapText]
    ) -> None:
        import tifffile  # noqa: PLC0415 - only runs that write TIFF pay for it

        channels, height, width = shape
        self._stream, self._texts = stream, texts
        self._row = width * channels * dtype.itemsize
        self._dtype = dtype.newbyteorder("<")
        self._places: list[int] = []
        big = needs_bigtiff(len(texts) * height * self._row)
        with tifffile.TiffWriter(stream, bigtiff=big, byteorder="<") as writer:
            for text in texts:
                # Room for the largest count there can be.
                description = to_json(replace(text, clipped=channels * height * width))
                place: Any = writer.write(
                    None,
                    shape=(height, width, channels) if channels > 1 else (height, width),
                    dtype=dtype,
                    description=description,
                    returnoffset=True,
                    **page_options(channels, text),
                )
                self._places.append(place[0])
        stream.flush()

    def write(self, index: int, first: int, planes: NDArray[Any], alpha: Values | None) -> None:
        """Write rows of the *index*-th map."""
        pixels, _ = interleave(planes, MapText(), alpha)
        place = self._places[index] + first * self._row
        _write_at(self._stream.fileno(), np.ascontiguousarray(pixels, self._dtype), place)

    def end(self, clipped: Sequence[int]) -> None:
        """Write each page's description again, with what is known now."""
        import tifffile  # noqa: PLC0415

        self._stream.seek(0)
        with tifffile.TiffFile(self._stream) as file:
            pages: list[Any] = list(file.pages)
            places = [(page.aspage().tags[270].valueoffset, page.aspage().tags[270].count) for page in pages]
        for (offset, count), text, number in zip(places, self._texts, clipped, strict=True):
            line = to_json(replace(text, clipped=number)).encode("ascii")
            self._stream.seek(offset)
            self._stream.write(line.ljust(count - 1) + b"\0")


class CsvRows:
    """A csv of one map; rows come from top to bottom."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def write(self, index: int, first: int, planes: NDArray[Any], alpha: Values | None) -> None:
        """Write the next rows."""
        write_csv(planes, self._stream)

    def end(self, clipped: Sequence[int]) -> None:
        """Do nothing: a csv carries no text."""


def _write_at(file: int, rows: NDArray[Any], place: int) -> None:
    """Write *rows* at *place*; several threads may write to one file."""
    data = rows.data.cast("B")
    while data:
        written = os.pwrite(file, data, place)
        data, place = data[written:], place + written
