"""JPEG 2000, kept at its own depth: Pillow reduces 16-bit colour to 8."""

from __future__ import annotations

import struct
from typing import BinaryIO

import imagecodecs
import numpy as np

from filterbank.errors import ImageError
from filterbank.imagefile.formats import pillow
from filterbank.imagefile.formats.boundary import decoding
from filterbank.imagefile.samples import ReadOptions, Samples, check_page, check_size, coded, picture

_SIZE_MARKER = b"\xff\x4f\xff\x51"


def count_pages(stream: BinaryIO) -> int:
    """Return 1."""
    return 1


def decode(stream: BinaryIO, options: ReadOptions) -> Samples:
    """Return the samples of a JPEG 2000 file or codestream.

    Raises
    ------
    ImageError
        The file is too large, truncated or damaged.
    """
    check_page(options.page, 1)
    data = stream.read()
    place = data.find(_SIZE_MARKER)
    if place < 0 or len(data) < place + 43:
        raise ImageError("is a truncated or damaged JPEG 2000 file: it has no codestream")
    right, bottom, left, top_edge = struct.unpack_from(">4I", data, place + 8)
    (channels,) = struct.unpack_from(">H", data, place + 40)
    check_size(bottom - top_edge, right - left, channels, options.max_pixels)
    bits = 1 + (data[place + 42] & 127)
    if bits <= 8:
        stream.seek(0)
        return pillow.decode(stream, options)  # which knows palettes and YCC
    with decoding("JPEG 2000"):
        array = np.asarray(imagecodecs.jpeg2k_decode(data))
    if array.ndim not in (2, 3):
        raise ImageError(f"is a JPEG 2000 file of {array.ndim} dimensions; accepted: 2, and channels")
    if bits > 16 or array.dtype != np.uint16 or array.shape[2:] > (4,):
        top, depth = coded(array)
        planes = array[np.newaxis] if array.ndim == 2 else array.transpose(2, 0, 1)
        return Samples(planes, top, "gray" if len(planes) == 1 else "channels", False, depth)
    return picture(array, float(2**bits - 1), f"{bits}-bit")
