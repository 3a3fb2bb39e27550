"""PNG in every depth: 16 bits stay 16, a palette becomes RGB, a transparent colour becomes alpha."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

import imagecodecs
import numpy as np

from filterbank.errors import ImageError
from filterbank.imagefile.formats.boundary import decoding
from filterbank.imagefile.formats.exif import orientation
from filterbank.imagefile.samples import ReadOptions, Samples, check_page, check_size, picture

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_DECODED = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
_PALETTE = 3
_CHANNELS = {0: 1, 2: 3, _PALETTE: 3, 4: 2, 6: 4}


def count_pages(stream: BinaryIO) -> int:
    """Return 1: of an animation, the still image is the picture."""
    return 1


def decode(stream: BinaryIO, options: ReadOptions) -> Samples:
    """Return the samples of a PNG file.

    Raises
    ------
    ImageError
        The file is too large, truncated or damaged.
    """
    check_page(options.page, 1)
    width, height, bits, colour = _header(stream.read(33))
    check_size(height, width, _CHANNELS.get(colour, 4) + _has_transparent_colour(stream), options.max_pixels)
    stream.seek(0)
    chunks = list(_chunks(stream.read()))
    # Without their other chunks files decode alike, and libpng has no profile to complain of on stderr.
    kept = b"".join([_SIGNATURE, *(whole for kind, _, whole in chunks if kind in _DECODED)])
    with decoding("PNG"):
        array = imagecodecs.png_decode(kept)
    if array.shape[:2] != (height, width):
        raise ImageError("is a damaged PNG file: its header and its pixels differ in size")
    turn = next((orientation(bytes(data)) for kind, data, _ in chunks if kind == b"eXIf"), 1)
    top = 65535.0 if array.dtype == np.uint16 else 255.0  # 1, 2 and 4 bits arrive stretched to 8
    depth = 8 if colour == _PALETTE else bits
    return picture(array, top, f"{depth}-bit", turn)


def _header(head: bytes) -> tuple[int, int, int, int]:
    if len(head) < 33 or head[12:16] != b"IHDR":
        raise ImageError("is a truncated or damaged PNG file: it has no header")
    width, height, bits, colour = struct.unpack_from(">IIBB", head, 16)
    return width, height, bits, colour


def _has_transparent_colour(stream: BinaryIO) -> bool:
    """Return whether a chunk before the pixels makes a colour transparent, which gives an alpha channel."""
    while len(head := stream.read(8)) == 8 and head[4:] != b"IDAT":
        if head[4:] == b"tRNS":
            return True
        stream.seek(int.from_bytes(head[:4]) + 4, 1)
    return False


def _chunks(data: bytes) -> Iterator[tuple[bytes, memoryview, memoryview]]:
    """Yield (type, content, whole chunk) up to IEND; damage in a chunk that is not decoded is passed over."""
    view, place = memoryview(data), len(_SIGNATURE)
    while place + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, place)
        kind, end = data[place + 4 : place + 8], place + 12 + length
        if end > len(data):
            break
        content = view[place + 8 : end - 4]
        (checksum,) = struct.unpack_from(">I", data, end - 4)
        if kind in _DECODED and zlib.crc32(view[place + 4 : end - 4]) != checksum:
            raise ImageError(f"is a damaged PNG file: checksum of chunk {kind.decode()} at byte {place}")
        yield kind, content, view[place:end]
        if kind == b"IEND":
            return
        place = end
    raise ImageError(f"is a truncated PNG file: it ends at byte {len(data)}, before its last chunk")
