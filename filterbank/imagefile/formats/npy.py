"""NumPy's npy: (W,), (H, W) or (C, H, W) of plain numbers, in every order; never a pickle."""

from __future__ import annotations

import math
import warnings
from typing import Any, BinaryIO

import numpy as np

from filterbank.errors import ImageError
from filterbank.imagefile.array import is_signal, samples_of
from filterbank.imagefile.formats.boundary import decoding
from filterbank.imagefile.samples import ReadOptions, Samples, check_page, check_size

_KINDS = {"c": "complex numbers", "S": "texts", "U": "texts", "M": "dates", "m": "times"}


def count_pages(stream: BinaryIO) -> int:
    """Return 1."""
    return 1


def decode(stream: BinaryIO, options: ReadOptions) -> Samples:
    """Return the samples of an npy file.

    Raises
    ------
    ImageError
        The array is no image, too large, truncated or a pickle.
    """
    shape, is_fortran, dtype = checked_header(stream, options)
    size = math.prod(shape) * dtype.itemsize
    with decoding("npy"):
        array = np.frombuffer(stream.read(size), dtype).reshape(shape, order="F" if is_fortran else "C")
    return samples_of(array, options.layout)


def checked_header(stream: BinaryIO, options: ReadOptions) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Return (shape, whether the first index runs fastest, dtype); *stream* is left at the first number.

    Raises
    ------
    ImageError
        The array is no image, too large, truncated or a pickle.
    """
    check_page(options.page, 1)
    shape, is_fortran, dtype = _header(stream)
    _check(shape, dtype, options)
    size = math.prod(shape) * dtype.itemsize
    start = stream.tell()
    left = stream.seek(0, 2) - start
    if left < size:
        raise ImageError(
            f"is a truncated npy file: it has {left:,} bytes of numbers, its header says {size:,}"
        )
    stream.seek(start)
    return shape, is_fortran, dtype


def _header(stream: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Return (shape, whether the first index runs fastest, dtype)."""
    try:
        with decoding("npy"), warnings.catch_warnings():
            # Headers are parsed as Python, which warns of old or odd spellings.
            warnings.simplefilter("ignore")
            version = np.lib.format.read_magic(stream)
            if version == (1, 0):
                return np.lib.format.read_array_header_1_0(stream)
            # Version 3 is version 2 with names of fields in UTF-8, and fields are no image.
            if version in {(2, 0), (3, 0)}:
                return np.lib.format.read_array_header_2_0(stream)
    except ImageError as error:
        # NumPy reads headers as Python and says so in Python's words.
        raise ImageError("is a truncated or damaged npy file: its header cannot be read") from error
    raise ImageError(f"is an npy file of version {version[0]}.{version[1]}; accepted: 1.0, 2.0 and 3.0")


def _check(shape: tuple[int, ...], dtype: np.dtype[Any], options: ReadOptions) -> None:
    """Raise ImageError where the header says that this is no image, or one too large."""
    if dtype.hasobject:
        raise ImageError("holds Python objects, which are never unpickled; accepted: an array of numbers")
    if dtype.kind not in "buif":
        kind = _KINDS.get(dtype.kind, "records of several values")
        raise ImageError(f"holds {kind}; accepted: real numbers (integers, floats, booleans)")
    if any(length < 0 for length in shape):
        raise ImageError(f"is a damaged npy file: its shape is {shape}; accepted: lengths above 0")
    if not 1 <= len(shape) <= 3:
        raise ImageError(
            f"has {len(shape)} dimensions {shape}; accepted: (W,), (H, W) or (C, H, W); "
            "take one image or one page out of it"
        )
    planes = (1,) * (3 - len(shape)) + shape
    if len(shape) == 2 and is_signal(options.layout):
        planes = (shape[0], 1, shape[1]) if options.layout == "cw" else (shape[1], 1, shape[0])
    if len(shape) == 3 and options.layout == "hwc":
        planes = planes[2:] + planes[:2]
    check_size(planes[1], planes[2], planes[0], options.max_pixels)
