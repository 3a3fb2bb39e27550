"""WAV: PCM of 8, 16, 24 and 32 bits and floats, any number of channels; a signal of one row."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from filterbank.errors import ImageError
from filterbank.imagefile.samples import ReadOptions, Samples, check_page, check_size

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_TO_THE_END = 0xFFFFFFFF  # the size that a writer says who could not go back to correct it
_KINDS = {(_PCM, 8), (_PCM, 16), (_PCM, 24), (_PCM, 32), (_FLOAT, 32), (_FLOAT, 64)}


def count_pages(stream: BinaryIO) -> int:
    """Return 1."""
    return 1


def decode(stream: BinaryIO, options: ReadOptions) -> Samples:
    """Return the samples of a WAV file: (C, 1, W), integers as shares of full scale, −1 to 1.

    Raises
    ------
    ImageError
        The file is truncated, compressed, or has no samples.
    """
    check_page(options.page, 1)
    form: bytes | None = None
    for name, size, data in chunks(stream.read()):
        if name == b"fmt ":
            form = data
        elif name == b"data":
            if form is None or len(form) < 16:
                raise ImageError("is a damaged WAV file: nothing says what its samples are")
            return _samples(form, size, data, options)
    raise ImageError("is a truncated or damaged WAV file: it has no samples")


def chunks(file: bytes, at: int = 12) -> Iterator[tuple[bytes, int, bytes]]:
    """Yield name, stated size and bytes of each chunk from byte *at* on; of the last, what there is of it."""
    while at + 8 <= len(file):
        name, size = struct.unpack_from("<4sI", file, at)
        at += 8
        yield name, size, file[at : at + size]
        at += size + size % 2


def _samples(form: bytes, size: int, data: bytes, options: ReadOptions) -> Samples:
    kind, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", form)
    if kind == _EXTENSIBLE and len(form) >= 26:
        (kind,) = struct.unpack_from("<H", form, 24)
    if (kind, bits) not in _KINDS or not channels:
        raise ImageError(
            f"is a WAV file of kind {kind} with {bits} bits and {channels} channels; "
            "accepted: PCM of 8, 16, 24 or 32 bits and floats of 32 or 64; convert it"
        )
    if len(data) < size != _TO_THE_END:
        raise ImageError(
            f"is a truncated WAV file: it has {len(data):,} bytes of samples, its header says {size:,}"
        )
    frame = channels * bits // 8
    frames = len(data) // frame
    check_size(1, frames, channels, options.max_pixels)
    values = _values(kind, bits, data[: frames * frame]).reshape(frames, channels)
    depth = f"float{bits}" if kind == _FLOAT else f"pcm{bits}"
    colour = "gray" if channels == 1 else "channels"
    return Samples(values.T[:, np.newaxis], 0.0, colour, False, depth, rate=rate or None)


def _values(kind: int, bits: int, data: bytes) -> NDArray[Any]:
    """Return the samples one after another."""
    if kind == _FLOAT:
        return np.frombuffer(data, f"<f{bits // 8}")
    if bits == 8:  # the one width without a sign
        return (np.frombuffer(data, np.uint8) - np.float32(128)) / np.float32(128)
    if bits == 24:
        # As the upper three bytes of 32 bits, the sign comes out right.
        wide = np.zeros((len(data) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        return wide.view("<i4")[:, 0] / 2.0**31
    return np.frombuffer(data, f"<i{bits // 8}") / 2.0 ** (bits - 1)
