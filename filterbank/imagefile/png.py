"""A thin PNG container: codes and text into a file, and the text out of one.

Written here because no writer at hand takes 16-bit colour and text chunks; the deflate itself is
zlib's, or the caller's. The same codes and text always give the same bytes.
"""

from __future__ import annotations

import struct
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from functools import lru_cache
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from filterbank.errors import ImageError

Parts = list[bytes | memoryview]  # of bytes, one after the other
# (bytes of the rows (H, n), bytes a pixel, whether they are words with the low byte first)
# -> the zlib stream of the filtered rows, for as long as a block lasts
Deflate = Callable[[NDArray[np.uint8], int, bool], AbstractContextManager[Parts]]
IS_LITTLE = sys.byteorder == "little"

SIGNATURE = b"\x89PNG\r\n\x1a\n"

# channels -> PNG colour type
_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}
_UP = 2

# Bytes of pixels filtered and deflated at a time.
_BAND = 1 << 20

# So much is rather copied than written in parts.
_JOINED = 1 << 20

# Text of a hostile file is not inflated beyond this.
_TEXT_LIMIT = 1 << 20


def write(
    pixels: NDArray[Any], text: Mapping[str, str], stream: BinaryIO, deflate: Deflate | None = None
) -> None:
    """Write *pixels* (H, W, channels), uint8 or uint16 with 1 to 4 channels, as one PNG file.

    *text* becomes one chunk an entry: tEXt where Latin-1 can spell it, else iTXt. *deflate* filters
    and compresses the rows; by default zlib does, after the Up filter.

    >>> import io
    >>> file = io.BytesIO()
    >>> write(np.zeros((2, 3, 1), np.uint8), {"Title": "nothing"}, file)
    >>> dict(texts(io.BytesIO(file.getvalue())))
    {'Title': 'nothing'}
    """
    if deflate is None:
        begin(stream, pixels.shape, pixels.dtype, text)
        for part in _deflate(_filtered(pixels)):
            write_chunk(stream, b"IDAT", part)
        end(stream)
        return
    height, _, channels = pixels.shape
    size = pixels.dtype.itemsize
    rows = np.ascontiguousarray(pixels).reshape(height, -1).view(np.uint8)
    head = _head(pixels.shape, pixels.dtype, text)
    with deflate(rows, channels * size, size > 1 and IS_LITTLE) as data:
        _write(stream, [*head, *_parts(b"IDAT", *data), *_parts(b"IEND")])


def begin(stream: BinaryIO, shape: tuple[int, ...], dtype: np.dtype[Any], text: Mapping[str, str]) -> None:
    """Write what stands before the pixels (H, W, channels): signature, header and *text*."""
    _write(stream, _head(shape, dtype, text))


def end(stream: BinaryIO, text: Mapping[str, str] | None = None) -> None:
    """Write what stands after the pixels: more *text*, and the end."""
    spelled = [_text_chunk(keyword, value) for keyword, value in (text or {}).items()]
    _write(stream, [*spelled, *_parts(b"IEND")])


def texts(stream: BinaryIO) -> Iterator[tuple[str, str]]:
    """Return the (keyword, text) pairs of a PNG file, its pixels unread.

    Raises
    ------
    ImageError
        The file ends early, or a chunk of text is damaged.
    """
    if stream.read(len(SIGNATURE)) != SIGNATURE:
        raise ImageError("not a PNG file")
    while True:
        head = stream.read(8)
        length, kind = struct.unpack(">I4s", head) if len(head) == 8 else (0, b"")
        if not kind or (kind == b"IEND" and len(stream.read(4)) < 4):
            raise ImageError("truncated: the file ends before its IEND chunk does")
        if kind == b"IEND":
            return
        if kind not in (b"tEXt", b"zTXt", b"iTXt"):
            stream.seek(length + 4, 1)
            continue
        if length > _TEXT_LIMIT:
            raise ImageError(f"damaged metadata: a text chunk of {length} bytes")
        body, check = stream.read(length), stream.read(4)
        if len(check) < 4 or zlib.crc32(kind + body) != int.from_bytes(check, "big"):
            raise ImageError(f"damaged metadata: the checksum of a {kind.decode()} chunk is wrong")
        yield _parse_text(kind, body)


def write_chunk(stream: BinaryIO, kind: bytes, body: bytes) -> None:
    """Write one chunk."""
    _write(stream, _parts(kind, body))


def _write(stream: BinaryIO, parts: Parts) -> None:
    """Write *parts* one after the other; if large, not joined, which would copy the pixels."""
    stream.writelines([b"".join(parts)] if sum(map(len, parts)) <= _JOINED else parts)


def _head(shape: tuple[int, ...], dtype: np.dtype[Any], text: Mapping[str, str]) -> Parts:
    height, width, channels = shape
    header = struct.pack(">IIBBBBB", width, height, 8 * dtype.itemsize, _COLOUR_TYPES[channels], 0, 0, 0)
    spelled = (_text_chunk(keyword, value) for keyword, value in text.items())
    return [SIGNATURE, *_parts(b"IHDR", header), *spelled]


def _parts(kind: bytes, *body: bytes | memoryview) -> Parts:
    """Return a chunk: its length, *kind*, what is in it and its checksum."""
    check = zlib.crc32(kind)
    for part in body:
        check = zlib.crc32(part, check)
    return [struct.pack(">I", sum(map(len, body))), kind, *body, struct.pack(">I", check)]


@lru_cache(maxsize=256)
def _text_chunk(keyword: str, value: str) -> bytes:
    """Return the chunk for one text; most of a map's are those of the image before."""
    key = keyword.encode("latin-1")
    # Chunks end their keyword with a null, so a text cannot hold one.
    value = value.replace("\0", "\ufffd")
    try:
        return b"".join(_parts(b"tEXt", key + b"\0" + value.encode("latin-1")))
    except UnicodeEncodeError:
        return b"".join(_parts(b"iTXt", key + b"\0\0\0\0\0" + value.encode("utf-8", "replace")))


def _parse_text(kind: bytes, body: bytes) -> tuple[str, str]:
    """Return the (keyword, text) of one chunk's body."""
    key, _, rest = body.partition(b"\0")
    compressed, charset = False, "latin-1"
    if kind == b"zTXt":
        compressed, rest = True, rest[1:]
    elif kind == b"iTXt":
        compressed, charset = rest[:1] == b"\1", "utf-8"
        rest = rest[2:].partition(b"\0")[2].partition(b"\0")[2]
    if compressed:
        try:
            rest = zlib.decompressobj().decompress(rest, _TEXT_LIMIT)
        except zlib.error as error:
            raise ImageError(f"damaged metadata: a compressed text chunk: {error}") from None
    return key.decode("latin-1"), rest.decode(charset, "replace")


def _filtered(pixels: NDArray[Any]) -> Iterator[bytes]:
    """Return bands of rows as PNG wants them: big-endian, each row minus the one above."""
    height, width, channels = pixels.shape
    step = width * channels * pixels.dtype.itemsize
    rows = max(_BAND // step, 1)
    above = np.zeros(step, np.uint8)
    for top in range(0, height, rows):
        raw = _bytes(pixels[top : top + rows])
        out = np.empty((len(raw), step + 1), np.uint8)
        out[:, 0] = _UP
        np.subtract(raw[0], above, out=out[0, 1:])
        np.subtract(raw[1:], raw[:-1], out=out[1:, 1:])
        above = raw[-1]
        yield out.tobytes()


def _bytes(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """Return the bytes (H, n) of each row, samples of 16 bits with their high byte first."""
    ordered = np.ascontiguousarray(pixels, pixels.dtype.newbyteorder(">"))
    return ordered.reshape(len(pixels), -1).view(np.uint8)


def _deflate(bands: Iterator[bytes]) -> Iterator[bytes]:
    """Return the bands as the parts of one zlib stream, at its fastest level."""
    squeeze = zlib.compressobj(1)
    for band in bands:
        if part := squeeze.compress(band):
            yield part
    yield squeeze.flush()
