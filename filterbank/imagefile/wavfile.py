"""Maps of signals as WAV: float32 as they are, a channel for each of the signal's own, and what they are.

Floats need no scale, and hold what lies beyond −1 to 1; a program that plays them may clip it. The text that
other formats carry stands in a comment (``LIST INFO ICMT``) as JSON.
"""

from __future__ import annotations

import io
import struct
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from filterbank.errors import ImageError, RequestError
from filterbank.imagefile.formats import wav
from filterbank.imagefile.maptext import MapText, from_json, to_json
from filterbank.imagefile.samples import ReadOptions

Values = NDArray[np.float32]

# Where the signal's file names no rate: what most programs take for granted.
USUAL_RATE = 44_100

_FLOAT, _BYTES = 3, 4
_LIMIT = (1 << 32) - (1 << 16)  # lengths have 32 bits; other chunks need some room, too
_MOST_CHANNELS = (1 << 16) // _BYTES - 1  # so that a frame's bytes are a 16-bit number
_UNLIMITED = 1 << 62


def check(channels: int, rows: int) -> None:
    """Raise RequestError where a map of so many *channels* and *rows* is no signal.

    >>> check(1, 40)
    Traceback (most recent call last):
    filterbank.errors.RequestError: --format wav: a map of 40 rows; accepted: 1 row, that of a signal; ...
    """
    if rows != 1:
        raise RequestError(
            f"--format wav: a map of {rows} rows; accepted: 1 row, that of a signal; use --format tiff or npy"
        )
    if channels > _MOST_CHANNELS:
        raise RequestError(
            f"--format wav: a map of {channels:,} channels; accepted: at most {_MOST_CHANNELS:,}; use npy"
        )


def write_wav(values: Values, text: MapText, stream: BinaryIO, rate: int | None = None) -> None:
    r"""Write *values*, (1, W2) or (C, 1, W2) float32, at *rate* samples a second.

    Raises
    ------
    RequestError
        The map is no signal, or longer than a WAV can be.

    Examples
    --------
    >>> file = io.BytesIO()
    >>> write_wav(np.ones((1, 6), np.float32), MapText("blur"), file, 8000)
    >>> file.getvalue()[:4], file.getvalue()[-24:].hex()
    (b'RIFF', '0000803f0000803f0000803f0000803f0000803f0000803f')
    """
    planes = values[np.newaxis] if values.ndim == 2 else values
    check(len(planes), planes.shape[1])
    if planes.nbytes > _LIMIT:
        raise RequestError(
            f"--format wav: a map of {planes.nbytes:,} bytes; accepted: at most {_LIMIT:,}; use --format npy"
        )
    rate, channels, frames = rate or USUAL_RATE, len(planes), planes.shape[2]
    frame = channels * _BYTES
    speed = min(rate * frame, (1 << 32) - 1)
    comment = to_json(text).encode("ascii") + b"\0"
    chunks = (
        _chunk(b"fmt ", struct.pack("<HHIIHHH", _FLOAT, channels, rate, speed, frame, 8 * _BYTES, 0))
        + _chunk(b"fact", struct.pack("<I", frames))
        + _chunk(b"LIST", b"INFO" + _chunk(b"ICMT", comment))
    )
    size = len(chunks) + 4 + 8 + planes.nbytes
    stream.write(struct.pack("<4sI4s", b"RIFF", size, b"WAVE") + chunks)
    stream.write(struct.pack("<4sI", b"data", planes.nbytes))
    stream.write(np.ascontiguousarray(planes[:, 0].T, "<f4").data)


def read_wav(data: bytes) -> tuple[Values, MapText]:
    """Return the values (1, W) or (C, 1, W) of a WAV and its text, empty where it is another program's.

    Raises
    ------
    ImageError
        The file is damaged, or its comment is.
    """
    found = wav.decode(io.BytesIO(data), ReadOptions(max_pixels=_UNLIMITED))
    values = np.ascontiguousarray(found.array, np.float32)
    text = None
    for name, _, content in wav.chunks(data):
        if name == b"LIST" and content.startswith(b"INFO"):
            text = text or _commented(content)
    if text is not None and text.scale is not None:
        raise ImageError("is a WAV of codes; accepted: floats, as this program writes them")
    return values[0] if len(values) == 1 else values, text or MapText(software="")


def _commented(info: bytes) -> MapText | None:
    for name, _, content in wav.chunks(info, 4):
        if name == b"ICMT":
            return from_json(content.rstrip(b"\0").decode("ascii", "replace"))
    return None


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack("<4sI", name, len(content)) + content + b"\0" * (len(content) % 2)
