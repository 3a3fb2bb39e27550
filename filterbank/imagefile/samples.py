"""What a decoder hands over: samples as stored, what they mean, and the limit on their number."""

from __future__ import annotations

from typing import Any, BinaryIO, Protocol

import numpy as np
from numpy.typing import NDArray

from filterbank.errors import ImageError
from filterbank.record import record

# Pillow's own limit: a quarter of a GiB of 24-bit pixels.
MAX_PIXELS = 178_956_970


@record(frozen=True)
class ReadOptions:
    """How a file is read: which page, how large at most, which axis order, turned or not.

    ``page`` counts from 0. ``layout`` is the order of a three-dimensional array's axes, ``chw``
    or ``hwc``, or of a signal's, ``cw`` or ``wc``. ``orient`` applies the EXIF orientation.
    """

    page: int = 0
    max_pixels: int = MAX_PIXELS
    layout: str = "chw"
    orient: bool = True


@record(frozen=True, eq=False)
class Samples:
    """Decoded samples (C, H, W) of any dtype, in any memory order, and what they mean.

    ``top`` is the sample value that becomes 1; 0 keeps values as stored. ``depth`` is ``8-bit``
    and the like for values with a top, else the name of the dtype. ``rate`` is the samples a second
    of a signal whose file says so.
    """

    array: NDArray[Any]
    top: float
    kind: str
    alpha: bool = False
    depth: str = ""
    orientation: int = 1
    format: str = ""
    rate: int | None = None


class Decoder(Protocol):
    """What every module of ``formats`` offers."""

    def decode(self, stream: BinaryIO, options: ReadOptions) -> Samples:
        """Return the samples of one page."""

    def count_pages(self, stream: BinaryIO) -> int:
        """Return how many pages the file has."""


def counted(number: int, noun: str) -> str:
    """Return ``1 channel`` or ``2 channels``."""
    return f"{number} {noun}" + ("s" if number != 1 else "")


def check_size(height: int, width: int, channels: int, limit: int) -> None:
    """Raise ImageError where an image has no pixels or more than *limit*; called before decoding.

    Above four channels, every four count as one pixel more: the limit is one on memory.
    """
    if height < 1 or width < 1 or channels < 1:
        raise ImageError(f"has no pixels: {width}×{height} with {counted(channels, 'channel')}")
    pixels = height * width * -(-channels // 4)
    if pixels > limit:
        raise ImageError(
            f"is {width}×{height} (W×H) with {counted(channels, 'channel')}, {pixels:,} pixels; "
            f"accepted: at most {limit:,}; allow more with --max-pixels {pixels}"
        )


def check_page(page: int, pages: int) -> None:
    """Raise ImageError where *page*, from 0, is none of *pages*."""
    if not 0 <= page < pages:
        has = "1 page, number 0" if pages == 1 else f"{pages} pages, numbers 0 to {pages - 1}"
        raise ImageError(f"has no page {page}; it has {has}")


def coded(array: NDArray[Any]) -> tuple[float, str]:
    """Return (top, depth) of an array by its dtype alone: 8, 16 and 1 bit have a top.

    >>> coded(np.zeros(1, np.uint8)), coded(np.zeros(1, np.int32)), coded(np.zeros(1, bool))
    ((255.0, '8-bit'), (0.0, 'int32'), (1.0, '1-bit'))
    """
    if array.dtype == np.bool_:
        return 1.0, "1-bit"
    if array.dtype.kind == "u" and array.dtype.itemsize <= 2:
        bits = 8 * array.dtype.itemsize
        return float(2**bits - 1), f"{bits}-bit"
    return 0.0, array.dtype.name


def interleaved(array: NDArray[Any]) -> NDArray[Any]:
    """Return (H, W) or (H, W, C) samples as a view (C, H, W)."""
    return array[np.newaxis] if array.ndim == 2 else array.transpose(2, 0, 1)


def picture(array: NDArray[Any], top: float, depth: str, orientation: int = 1, format: str = "") -> Samples:
    """Return Samples of a picture (H, W[, C]): 1 grey, 2 grey + alpha, 3 RGB, 4 RGB + alpha."""
    planes = interleaved(array)
    kind = "gray" if len(planes) <= 2 else "rgb"
    return Samples(planes, top, kind, len(planes) in (2, 4), depth, orientation, format)
