"""NumPy's npy: (W,), (H, W) or (C, H, W) of plain numbers, in every order; never a pickle."""

from __future__ import annotations

import math
from typing import Any, BinaryIO

import numpy as np

from filterbank.errors import ImageError
from filterbank.imagefile.array import samples_of
from filterbank.imagefile.formats.boundary import decoding
from filterbank.imagefile.samples import ReadOptions, Samples, check_page, check_size


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
    check_page(options.page, 1)
    with decoding("npy"):
        shape, is_fortran, dtype = _header(stream)
    if dtype.hasobject:
        raise ImageError("holds Python objects, which are never unpickled; accepted: an array of numbers")
    # An array of the same kind without its memory: what is wrong with it is known before it is read.
    ghost = samples_of(np.broadcast_to(np.zeros((), dtype), shape), options.layout).array
    check_size(ghost.shape[1], ghost.shape[2], ghost.shape[0], options.max_pixels)
    count = math.prod(shape)
    data = stream.read(count * dtype.itemsize)
    if len(data) < count * dtype.itemsize:
        raise ImageError(
            f"is a truncated npy file: it has {len(data):,} bytes of numbers, "
            f"its header says {count * dtype.itemsize:,}"
        )
    array = np.frombuffer(data, dtype).reshape(shape, order="F" if is_fortran else "C")
    return samples_of(array, options.layout)


def _header(stream: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(stream)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(stream)
    if version not in {(2, 0), (3, 0)}:
        raise ImageError(f"is an npy file of version {version[0]}.{version[1]}; accepted: 1.0, 2.0 and 3.0")
    # Version 3 is version 2 with names of fields in UTF-8, and fields are no image.
    return np.lib.format.read_array_header_2_0(stream)
