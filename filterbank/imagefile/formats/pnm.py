"""The Netpbm family, P1 to P7 and PFM: scaled by their own maximum, in ASCII and in binary."""

from __future__ import annotations

import re
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from filterbank.errors import ImageError
from filterbank.imagefile.samples import ReadOptions, Samples, check_page, check_size, interleaved, picture
from filterbank.record import record

_TOKEN = re.compile(rb"(?:\s|#[^\n]*\n)*([^\s#]+)")
_COMMENT = re.compile(rb"#[^\n]*")
_PAM_LINE = re.compile(rb"[ \t\r]*(?:#[^\n]*|(\w+)[ \t]*([^\n]*?))[ \t\r]*\n")
_DIGITS = re.compile(rb"[0-9]{1,9}")
_ALPHA = "_ALPHA"
_PAM_KINDS = {"BLACKANDWHITE": 1, "GRAYSCALE": 1, "RGB": 3}


@record(frozen=True)
class _Header:
    """What stands before the samples: sizes, the maximum (PFM: 0), and where the samples start."""

    magic: bytes
    width: int
    height: int
    channels: int
    top: int
    start: int
    order: str = ">"
    tuples: str = ""


def count_pages(stream: BinaryIO) -> int:
    """Return 1: pictures after the first are not read."""
    return 1


def decode(stream: BinaryIO, options: ReadOptions) -> Samples:
    """Return the samples of a PBM, PGM, PPM, PAM or PFM file.

    Raises
    ------
    ImageError
        The header is wrong, the picture too large, or samples are missing or above the maximum.
    """
    check_page(options.page, 1)
    header = _header(stream.read(65536))
    check_size(header.height, header.width, header.channels, options.max_pixels)
    stream.seek(header.start)
    data = stream.read()
    if header.magic in (b"PF", b"Pf"):
        return _floats(header, data)
    samples = {b"P1": _ascii_bits, b"P4": _packed_bits}.get(
        header.magic, _ascii if header.magic in (b"P2", b"P3") else _binary
    )(header, data)
    highest = int(samples.max())
    if highest > header.top:
        raise ImageError(f"is a damaged PNM file: sample {highest} is above its maximum {header.top}")
    array = samples.reshape(header.height, header.width, header.channels)
    depth = f"{header.top.bit_length()}-bit"
    if header.magic == b"P7" and header.tuples.removesuffix(_ALPHA) not in _PAM_KINDS:
        return Samples(interleaved(array), float(header.top), "channels", False, depth)
    return picture(array, float(header.top), depth)


def _header(head: bytes) -> _Header:
    if head.startswith(b"P7"):
        return _pam_header(head)
    magic, place, values = head[:2], 2, []
    for _ in range(2 if magic in (b"P1", b"P4") else 3):
        found = _TOKEN.match(head, place)
        if not found:
            raise ImageError("is a truncated PNM file: its header ends early")
        values.append(found[1])
        place = found.end()
    width, height = _number(values[0], "width"), _number(values[1], "height")
    channels = 3 if magic in (b"P3", b"P6", b"PF") else 1
    # One white space separates the header from binary samples; a carriage return may come before it in PFM.
    start = place + 1
    if magic in (b"PF", b"Pf"):
        start += head[place : place + 2] == b"\r\n"
        return _Header(magic, width, height, channels, 0, start, _order(values[2]))
    top = _top(values[2]) if len(values) == 3 else 1
    return _Header(magic, width, height, channels, top, start)


def _pam_header(head: bytes) -> _Header:
    place, fields = 3, dict[str, bytes]()
    while found := _PAM_LINE.match(head, place):
        place = found.end()
        if found[1] == b"ENDHDR":
            break
        if found[1]:
            fields[found[1].decode("latin-1")] = found[2]
    else:
        raise ImageError("is a truncated PAM file: its header has no ENDHDR")
    width, height, channels = (
        _number(fields.get(name, b"nothing"), name) for name in ("WIDTH", "HEIGHT", "DEPTH")
    )
    tuples = fields.get("TUPLTYPE", b"").decode("latin-1")
    wanted = _PAM_KINDS.get(tuples.removesuffix(_ALPHA), channels - tuples.endswith(_ALPHA))
    if wanted + tuples.endswith(_ALPHA) != channels:
        raise ImageError(f"is a damaged PAM file: DEPTH {channels} does not fit TUPLTYPE {tuples}")
    return _Header(b"P7", width, height, channels, _top(fields.get("MAXVAL", b"nothing")), place, ">", tuples)


def _number(text: bytes, name: str) -> int:
    if not _DIGITS.fullmatch(text):
        accepted = "a whole number of at most 9 digits"
        raise ImageError(f"is a damaged PNM file: its {name} is {_quoted(text)}; accepted: {accepted}")
    return int(text)


def _quoted(text: bytes) -> str:
    start = text[:20].decode("latin-1")
    return repr(start + "…" if len(text) > 20 else start)


def _top(text: bytes) -> int:
    top = _number(text, "maximum")
    if not 1 <= top <= 65535:
        raise ImageError(f"is a damaged PNM file: its maximum is {top}; accepted: 1 to 65535")
    return top


def _order(text: bytes) -> str:
    """Return the byte order of a PFM file by the sign of its scale, whose size is a unit, no factor."""
    try:
        scale = float(text)
    except ValueError:
        scale = 0.0
    if not np.isfinite(scale) or scale == 0:
        raise ImageError(f"is a damaged PFM file: its scale is {_quoted(text)}; accepted: a number, not 0")
    return "<" if scale < 0 else ">"


def _enough(found: int, wanted: int, unit: str) -> None:
    if found < wanted:
        raise ImageError(
            f"is a truncated PNM file: it has {found:,} {unit} of pixels, its header says {wanted:,}"
        )


def _floats(header: _Header, data: bytes) -> Samples:
    count = header.width * header.height * header.channels
    _enough(len(data), 4 * count, "bytes")
    values = np.frombuffer(data, header.order + "f4", count)
    upright = values.reshape(header.height, header.width, header.channels)[::-1]
    return picture(upright, 0.0, "float32")


def _binary(header: _Header, data: bytes) -> NDArray[Any]:
    kind = np.dtype(">u2" if header.top > 255 else "u1")
    count = header.width * header.height * header.channels
    _enough(len(data), count * kind.itemsize, "bytes")
    return np.frombuffer(data, kind, count)


def _packed_bits(header: _Header, data: bytes) -> NDArray[Any]:
    row = -(-header.width // 8)
    _enough(len(data), row * header.height, "bytes")
    packed = np.frombuffer(data, np.uint8, row * header.height).reshape(header.height, row)
    return 1 - np.unpackbits(packed, axis=1, count=header.width)  # 1 is black


def _ascii_bits(header: _Header, data: bytes) -> NDArray[Any]:
    # Digits of a P1 need no space between them.
    digits = np.frombuffer(b"".join(_COMMENT.sub(b" ", data).split()), np.uint8)
    count = header.width * header.height
    _enough(len(digits), count, "digits")
    bits = digits[:count] - ord("0")
    if bits.max() > 1:
        raise ImageError("is a damaged PBM file: its pixels hold something else than 0 and 1")
    return 1 - bits


def _ascii(header: _Header, data: bytes) -> NDArray[Any]:
    words = _COMMENT.sub(b" ", data).split()
    count = header.width * header.height * header.channels
    _enough(len(words), count, "numbers")
    for word in words[:count]:
        if not _DIGITS.fullmatch(word):
            raise ImageError(
                f"is a damaged PNM file: found {_quoted(word)} among its samples; accepted: whole numbers"
            )
    return np.array(words[:count]).astype(np.int64)
