"""Safetensors: eight bytes of length, a JSON header, and the tensors' bytes, in that order.

The format is <https://github.com/huggingface/safetensors>, version 0.8.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filterbank.bankfile.weights.archive import Archive, RefusedError, Tensor

# The limit of the format's own library.
MAX_HEADER = 100_000_000
# A header of a few bytes must not be able to ask for much; NumPy knows no bfloat16, whose bits are
# the upper half of a float32.
_TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}
_SIZES = {**{name: int(code[2]) for name, code in _TYPES.items()}, "I64": 8, "U64": 8, "I32": 4, "U32": 4}
_SIZES |= {"I16": 2, "U16": 2, "I8": 1, "U8": 1, "BOOL": 1, "F8_E4M3": 1, "F8_E5M2": 1, "C64": 8}
# In this file, texts; anything else is JSON inside a string, as the format has no other values.
TEXTS = ("name", "description", "source")


def open_archive(path: Path) -> Archive:
    """Return the safetensors file at *path*.

    Raises
    ------
    RefusedError
        Its header is cut short, no JSON, or does not fit the file.
    OSError
        It cannot be read.
    """
    size = path.stat().st_size
    with path.open("rb") as stream:
        start = stream.read(8)
        length = int.from_bytes(start, "little")
        if len(start) < 8 or length > size - 8:
            raise RefusedError(f"the header is cut short: the file has {size:,} bytes", "", "fetch it again")
        if length > MAX_HEADER:
            raise RefusedError(f"found a header of {length:,} bytes", f"accepted: at most {MAX_HEADER:,}")
        header = _header(stream.read(length))
    begin = 8 + length
    said = header.pop("__metadata__", {})
    places = {name: _place(name, entry, size - begin) for name, entry in header.items()}

    def values(name: str) -> NDArray[Any]:
        tensor, first = places[name]
        if tensor.dtype not in _TYPES:
            raise RefusedError(f"tensor {name!r} is {tensor}", f"accepted: {', '.join(_TYPES)}")
        with path.open("rb") as stream:
            stream.seek(begin + first)
            data = np.fromfile(stream, _TYPES[tensor.dtype], math.prod(tensor.shape))
        if data.size != math.prod(tensor.shape):
            raise RefusedError(f"tensor {name!r} is cut short", "", "fetch the file again")
        if tensor.dtype == "BF16":
            data = (data.astype("<u4") << 16).view("<f4")
        return data.reshape(tensor.shape)

    tensors = {name: tensor for name, (tensor, _) in places.items()}
    return Archive(path, tensors, values, _meta(said))


def _header(data: bytes) -> dict[str, Any]:
    try:
        header = json.loads(data)
    except (ValueError, RecursionError):
        raise RefusedError("the header is no JSON", "accepted: a safetensors file") from None
    if not isinstance(header, dict):
        raise RefusedError("the header is no JSON object", "accepted: a safetensors file")
    return header


def _place(name: str, entry: Any, room: int) -> tuple[Tensor, int]:
    """Return a tensor and where its bytes begin, after checking that they lie in the file."""
    entry = entry if isinstance(entry, dict) else {}
    dtype, shape, offsets = (entry.get(key) for key in ("dtype", "shape", "data_offsets"))
    if not isinstance(dtype, str) or not _are_counts(shape) or not _are_counts(offsets, 2):
        raise RefusedError(f"the header's entry of {name!r} is not one", "accepted: a safetensors file")
    first, last = offsets
    if not first <= last <= room:
        found = f"tensor {name!r} would lie at bytes {first:,} to {last:,} of {room:,}"
        raise RefusedError(found, "accepted: a whole file", "fetch it again")
    if dtype in _SIZES and math.prod(shape) * _SIZES[dtype] != last - first:
        found = f"tensor {name!r} is {Tensor(dtype, tuple(shape))} but has {last - first:,} bytes"
        raise RefusedError(found, "accepted: sizes that agree")
    return Tensor(dtype, tuple(shape)), first


def _are_counts(values: Any, length: int | None = None) -> bool:
    """Return whether *values* is a list of whole numbers from 0, as many as *length* says."""
    return (
        isinstance(values, list)
        and all(type(value) is int and 0 <= value < 2**63 for value in values)
        and length in (None, len(values))
        and len(values) <= 64
    )


def _meta(said: Any) -> dict[str, Any]:
    """Return the metadata with each value as what its string stands for."""
    if not isinstance(said, dict):
        return {}
    return {key: text if key in TEXTS else _value(text) for key, text in said.items()}


def _value(text: Any) -> Any:
    try:
        return json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return text
