"""JPEG: grey, colour and CMYK, with exactly the pixels that libjpeg-turbo gives."""

from __future__ import annotations

import re
import struct
from typing import BinaryIO

import imagecodecs
import numpy as np

from filterbank.errors import ImageError
from filterbank.imagefile.formats.boundary import decoding
from filterbank.imagefile.formats.exif import orientation
from filterbank.imagefile.samples import ReadOptions, Samples, check_page, check_size, picture
from filterbank.record import record

_BARE = {0x01, *range(0xD0, 0xD9)}  # markers without a length
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_SCAN, _END, _APP1 = 0xDA, 0xD9, 0xE1
# In entropy-coded data FF 00 is a byte and FF D0-D7 a restart; any other pair is the next marker.
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")


@record()
class _Header:
    width: int = 0
    height: int = 0
    bits: int = 0
    components: int = 0
    orientation: int = 1
    has_end: bool = False


def count_pages(stream: BinaryIO) -> int:
    """Return 1."""
    return 1


def decode(stream: BinaryIO, options: ReadOptions) -> Samples:
    """Return the samples of a JPEG file.

    Raises
    ------
    ImageError
        The file is too large, truncated or damaged.
    """
    check_page(options.page, 1)
    data = stream.read()
    header = _header(data)
    check_size(header.height, header.width, header.components, options.max_pixels)
    if header.bits == 8 and (header.components == 4 or not header.has_end):
        # imagecodecs fills what is missing with grey and says nothing; Pillow notices, and knows CMYK.
        from filterbank.imagefile.formats import pillow  # noqa: PLC0415 - half a decoder's time; for few files

        stream.seek(0)
        return pillow.decode(stream, options)
    with decoding("JPEG"):
        array = imagecodecs.jpeg8_decode(data)
    if header.bits != 8 and not header.has_end:
        raise ImageError(f"is a truncated JPEG file: it ends at byte {len(data)}, before its last marker")
    if array.shape[:2] != (header.height, header.width):
        raise ImageError("is a damaged JPEG file: its header and its pixels differ in size")
    top = float(2**header.bits - 1)
    return picture(np.asarray(array), top, f"{header.bits}-bit", header.orientation)


def _header(data: bytes) -> _Header:
    header, place = _Header(), 2
    while place + 4 <= len(data) or data[place : place + 2] == b"\xff\xd9":
        if data[place] != 0xFF:
            place += 1  # stray bytes between segments, which libjpeg skips too
            continue
        marker = data[place + 1]
        if marker == _END:
            header.has_end = True
            break
        if marker == 0xFF or marker in _BARE:
            place += 1 if marker == 0xFF else 2
            continue
        (length,) = struct.unpack_from(">H", data, place + 2)
        _note(header, marker, data[place + 4 : place + 2 + length])
        place += 2 + length
        if marker == _SCAN:
            found = _NEXT_MARKER.search(data, place)
            place = found.start() if found else len(data)
    if not header.components:
        raise ImageError("is a truncated or damaged JPEG file: it has no frame header")
    return header


def _note(header: _Header, marker: int, segment: bytes) -> None:
    if marker in _FRAMES and not header.components and len(segment) >= 6:
        header.bits, header.height, header.width, header.components = struct.unpack_from(">BHHB", segment)
    elif marker == _APP1 and segment.startswith(b"Exif\0\0") and header.orientation == 1:
        header.orientation = orientation(segment)
