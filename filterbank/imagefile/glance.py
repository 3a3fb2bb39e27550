"""What a map's file says of itself and whether it is all there, its pixels unread."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from filterbank.errors import ImageError
from filterbank.geometry import Pair
from filterbank.imagefile import maptext, png
from filterbank.imagefile.formats.boundary import decoding
from filterbank.imagefile.maptext import MapText
from filterbank.record import record

_NPY = b"\x93NUMPY"
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


@record(frozen=True)
class Glance:
    """A whole file of *count* maps; ``texts`` are what it says of them, nothing where it is an npy."""

    format: str
    count: int
    sizes: frozenset[Pair]
    texts: tuple[MapText, ...] = ()


def glance(path: Path, *, stack: bool = False) -> Glance:
    """Return what the map *path* says of itself; *stack* says that an npy's first axis counts maps.

    A PNG is walked chunk by chunk to its end, a TIFF page by page, an npy has its length compared with
    its shape. Bytes that changed in place among the pixels are not found.

    Raises
    ------
    ImageError
        There is no such file, it is cut short, or it is no map.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "map.npy"
    >>> np.save(path, np.zeros((2, 4, 6), np.float32))
    >>> glance(path, stack=True).count, glance(path).count
    (2, 1)
    """
    try:
        with path.open("rb") as stream:
            return glance_at(stream, path.suffix, stack=stack)
    except OSError as error:
        raise ImageError(f"cannot be read: {error.strerror or error}") from error


def glance_at(stream: BinaryIO, suffix: str, *, stack: bool = False) -> Glance:
    """Return what the map in *stream*, of a file whose name ends in *suffix*, says of itself.

    Raises
    ------
    ImageError
        It is cut short, or it is no map.
    """
    head = stream.read(len(png.SIGNATURE))
    size = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    if head == png.SIGNATURE:
        return _png(stream)
    if head.startswith(_TIFF):
        return _tiff(stream, size)
    if head.startswith(_NPY):
        return _npy(stream, size, stack)
    if suffix == ".csv":
        return _csv(stream)
    raise ImageError("no map of filterbank")


def _png(stream: BinaryIO) -> Glance:
    fields = {keyword.removeprefix(maptext.PREFIX): value for keyword, value in png.texts(stream)}
    fields["software"] = fields.pop("Software", "")
    stream.seek(16)
    width, height = struct.unpack(">II", stream.read(8))
    return Glance("png", 1, frozenset({(height, width)}), (maptext.from_fields(fields),))


def _tiff(stream: BinaryIO, size: int) -> Glance:
    import tifffile  # noqa: PLC0415 - only runs over TIFF files pay for it

    texts, sizes = [], set()
    with decoding("TIFF"), tifffile.TiffFile(stream) as file:
        page: Any
        for page in file.pages:
            ends = [offset + n for offset, n in zip(page.dataoffsets, page.databytecounts, strict=True)]
            if not ends or max(ends) > size:
                raise ImageError("truncated: a page's pixels lie beyond the end of the file")
            texts.append(maptext.from_json(page.description) or MapText())
            sizes.add((page.imagelength, page.imagewidth))
    if not texts:
        raise ImageError("truncated: it has no pages")
    return Glance("tiff", len(texts), frozenset(sizes), tuple(texts))


def _csv(stream: BinaryIO) -> Glance:
    rows, columns, line = 0, set(), b"\n"
    for line in stream:
        rows += 1
        columns.add(line.count(b",") + 1)
    if not line.endswith(b"\n") or len(columns) != 1:
        raise ImageError("truncated: its rows are not all there")
    return Glance("csv", 1, frozenset({(rows, columns.pop())}))


def _npy(stream: BinaryIO, size: int, stack: bool) -> Glance:
    with decoding("npy"):
        version = np.lib.format.read_magic(stream)
        if version != (1, 0):
            raise ImageError("no map of filterbank: another version of npy")
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
    if dtype != np.float32 or fortran or len(shape) < 2 + stack:
        raise ImageError(f"no map of filterbank: an npy of {dtype}, {shape}")
    if size - stream.tell() != dtype.itemsize * int(np.prod(shape, dtype=object)):
        raise ImageError("truncated: the file's length is not that of its shape")
    return Glance("npy", shape[0] if stack else 1, frozenset({(shape[-2], shape[-1])}))
