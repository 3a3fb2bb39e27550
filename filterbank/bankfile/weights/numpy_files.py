"""NumPy's npy and npz: arrays whose headers are believed only as far as the file bears them out."""

from __future__ import annotations

import json
import math
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tokenize import TokenError
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from filterbank.bankfile.weights.archive import MAX_TEXT, Archive, RefusedError, Tensor, check_dimensions

MAX_MEMBERS = 100_000
_MAX_HEADER = 10_000
_Opener = Callable[[], Any]


def open_archive(path: Path) -> Archive:
    """Return the npy or npz file at *path*; an npy's one tensor is named after its file.

    Raises
    ------
    RefusedError
        It is neither, or its headers do not fit it.
    OSError
        It cannot be read.
    """
    if path.suffix.lower() == ".npy":
        return _archive(path, {path.stem: lambda: path.open("rb")}, path.stat().st_size)
    with _zip_faults():
        bundle = zipfile.ZipFile(path)
        members = [each for each in bundle.infolist() if each.filename.endswith(".npy")]
    if len(members) > MAX_MEMBERS:
        raise RefusedError(f"found {len(members):,} arrays", f"accepted: at most {MAX_MEMBERS:,}")

    for each in members:
        # The others expand a few bytes without bound before the first of them can be counted.
        if each.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise RefusedError(
                f"array {each.filename!r} is compressed by method {each.compress_type}",
                "accepted: stored or deflated",
                "save it with numpy.savez_compressed",
            )

    def opener(member: zipfile.ZipInfo) -> _Opener:
        return lambda: bundle.open(member)

    # Two members of one name are one array to NumPy as well: the last.
    return _archive(path, {each.filename[:-4]: opener(each) for each in members}, None)


def _archive(path: Path, openers: dict[str, _Opener], size: int | None) -> Archive:
    tensors, types = {}, {}
    for name, opener in openers.items():
        with _zip_faults(), opener() as stream:
            shape, _, types[name] = _header(stream, name)
            tensors[name] = Tensor(types[name].name, shape)
            wanted = math.prod(shape) * types[name].itemsize
            if size is not None and size - stream.tell() != wanted:
                found = f"the array is {tensors[name]} but has {size - stream.tell():,} bytes"
                raise RefusedError(found, f"accepted: {wanted:,} bytes", "save it again")

    def values(name: str) -> NDArray[Any]:
        if types[name].kind not in "iuf" or types[name].itemsize > 8:
            raise RefusedError(f"tensor {name!r} is {tensors[name]}", "accepted: floats or whole numbers")
        with _zip_faults(), openers[name]() as stream:
            return _array(stream, name)

    meta = {}
    if "meta" in tensors and types["meta"].kind == "U":
        with _zip_faults(), openers["meta"]() as stream:
            meta = _meta(stream, tensors["meta"], types["meta"])
        del tensors["meta"]
    return Archive(path, tensors, values, meta)


def _header(stream: IO[bytes], name: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Return shape, order and type of the npy that *stream* begins."""
    try:
        version = npy.read_magic(stream)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of a header that Python 2 wrote
            shape, is_fortran, dtype = read(stream, max_header_size=_MAX_HEADER)
    except (ValueError, TypeError, SyntaxError, TokenError, RecursionError, MemoryError):
        raise RefusedError(
            f"array {name!r} has no header of an npy", "accepted: numpy.save's files"
        ) from None
    if dtype.hasobject or dtype.names:
        found = f"array {name!r} holds {'Python objects' if dtype.hasobject else 'records'}, not numbers"
        raise RefusedError(found, "accepted: arrays of numbers", "save it with allow_pickle=False")
    if any(length < 0 for length in shape):
        raise RefusedError(f"array {name!r} has the shape {shape}", "accepted: lengths from 0")
    check_dimensions(f"array {name!r}", shape)
    return shape, is_fortran, dtype


def _array(stream: IO[bytes], name: str) -> NDArray[Any]:
    """Return the numbers of an npy whose size was found acceptable."""
    shape, is_fortran, dtype = _header(stream, name)
    count = math.prod(shape)
    data = stream.read(count * dtype.itemsize)
    if len(data) != count * dtype.itemsize or stream.read(1):
        found = f"array {name!r} does not have the {count * dtype.itemsize:,} bytes its header says"
        raise RefusedError(found, "", "save it again")
    return np.frombuffer(data, dtype).reshape(shape, order="F" if is_fortran else "C")


def _meta(stream: IO[bytes], tensor: Tensor, dtype: np.dtype[Any]) -> dict[str, Any]:
    """Return the JSON object in a text array of one item."""
    if tensor.shape not in ((), (1,)) or dtype.itemsize > MAX_TEXT:
        raise RefusedError(f"meta is {tensor}", f"accepted: one text of at most {MAX_TEXT // 4:,} characters")
    try:
        meta = json.loads(str(_array(stream, "meta").reshape(())))
    except (ValueError, RecursionError):
        raise RefusedError("meta is no JSON", "accepted: a JSON object with keys of a bank") from None
    if not isinstance(meta, dict):
        raise RefusedError("meta is no JSON object", "accepted: a JSON object with keys of a bank")
    return meta


@contextmanager
def _zip_faults() -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        # A member that is encrypted is a RuntimeError to zipfile.
        raise RefusedError(f"is no whole npz ({error})", "accepted: numpy.savez's files") from None
