"""How large an image is that has to be read whole, before it is: from its header."""

from __future__ import annotations

import os
from contextlib import suppress
from importlib import import_module
from typing import Any, BinaryIO

from filterbank.errors import ImageError
from filterbank.imagefile import source as files
from filterbank.record import record

# Bytes of numbers, and of all that is held while they are parsed, for a byte of a table's text.
_PARSED, _PARSING = 4, 16
_WIDE = {"I": 4, "F": 4}  # Pillow's modes of 32 bits


@record(frozen=True)
class Size:
    """What an image takes: its bytes once decoded, and the most that are held until then.

    ``sample`` are the bytes of one number; ``height`` and ``width`` are 0 where only the decoder would tell.
    """

    height: int
    width: int
    sample: int
    decoded: int
    reading: int


def size_of(source: files.Source) -> Size:
    """Return what reading *source* as a whole takes; no pixel is decoded.

    Raises
    ------
    ImageError
        The source is missing, or no image.

    Examples
    --------
    >>> size_of(b"P5 40 30 255 " + bytes(1200))
    Size(height=30, width=40, sample=1, decoded=1200, reading=3613)
    """
    with files.opened(source) as (stream, name):
        format = files.decoder(stream, name)[0]
        length = stream.seek(0, os.SEEK_END)
        stream.seek(0)
        if format == "tiff":
            return _tiff(stream, length)
        found = None if format in ("npy", "table", "wav") else _picture(stream)
        if found is not None:
            height, width, channels, sample = found
            decoded = height * width * channels * sample
            return Size(height, width, sample, decoded, length + 2 * decoded)
        if format == "table":
            return Size(0, 0, 4, _PARSED * length, _PARSING * length)
        return Size(0, 0, 4, 4 * length, 9 * length)


def _tiff(stream: BinaryIO, length: int) -> Size:
    import tifffile  # noqa: PLC0415 - for TIFF files alone

    with (
        import_module("filterbank.imagefile.formats.boundary").decoding("TIFF"),
        tifffile.TiffFile(stream) as file,
    ):
        page: Any = file.pages[0]
        decoded = page.nbytes
        sample = page.dtype.itemsize if page.dtype is not None else 1
        return Size(page.imagelength, page.imagewidth, sample, decoded, length + 2 * decoded)


def _picture(stream: BinaryIO) -> tuple[int, int, int, int] | None:
    """Return height, width, channels and bytes a sample of what Pillow can open; None of the rest."""
    pillow = import_module("filterbank.imagefile.formats.pillow")
    with suppress(ImageError), pillow.opened(stream) as image:
        wide = _WIDE.get(image.mode, 2 if "16" in image.mode or _is_deep(image) else 1)
        return image.height, image.width, 3 if image.mode == "P" else len(image.getbands()), wide
    return None


def _is_deep(image: Any) -> bool:
    """Return whether a colour picture has 16 bits a sample, which Pillow opens as 8, or may have."""
    told = image.tile[0][3] if image.tile else ""
    if isinstance(told, tuple) and image.format == "PPM":
        return bool(told[1] > 255)
    return image.format == "JPEG2000" or "16" in str(told)
