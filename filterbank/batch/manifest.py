"""manifest.jsonl: one line per image and bank, appended whole or not at all."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from filterbank.batch.atomic import sync_folder
from filterbank.errors import OutputError
from filterbank.record import record

# Where the end of a torn line is looked for, a step at a time, from the end of the file.
_STEP = 1 << 16


@record(frozen=True)
class MapRecord:
    """What the manifest says of one map.

    ``lo``, ``hi`` and ``zero`` are None in a float file, ``min``, ``max`` and ``mean`` without any
    finite value; ``clipped`` and ``negative`` are shares from 0 to 1. ``layer`` counts from 1, and is only
    told of where the maps of every layer are written.
    """

    filter: str
    file: str
    lo: float | None
    hi: float | None
    zero: int | None
    min: float | None
    max: float | None
    mean: float | None
    clipped: float
    negative: float
    method: str
    layer: int | None = None


@record(frozen=True)
class Record:
    """What the manifest says of one image and bank; the size and channels are the image's."""

    input: str
    sha256: str
    height: int
    width: int
    channels: int
    bank: str
    digest: str
    options: dict[str, Any]
    maps: tuple[MapRecord, ...]
    seconds: float

    def line(self) -> str:
        """Return the record as one line of plain ASCII JSON, without its end."""
        return json.dumps(_entries(self) | {"maps": [_entries(one) for one in self.maps]}, allow_nan=False)


def _entries(record: MapRecord | Record) -> dict[str, Any]:
    told = dict(vars(record))
    if told.get("layer", 1) is None:
        del told["layer"]
    return told


def append(path: Path, records: Iterable[Record], *, fsync: bool = False) -> None:
    """Append *records* to the manifest *path*, all or none, also beside other processes.

    A line that a killed run left torn is removed first.

    Raises
    ------
    OutputError
        The manifest cannot be written; it is as it was before.
    """
    data = b"".join(record.line().encode("ascii") + b"\n" for record in records)
    try:
        descriptor = open_locked(path)
        try:
            _append_whole(descriptor, data)
            if fsync:
                os.fsync(descriptor)
                sync_folder(path.parent)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror or error}") from error


def open_locked(path: Path, flags: int = os.O_CREAT) -> int:
    """Return the manifest *path*, open for appending and locked."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | flags, 0o666)
        with suppress(OSError):  # no locks on this file system; one append is one write all the same
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        # While it waited for the lock, a run that resumed may have put a shorter one in its place.
        if os.fstat(descriptor).st_nlink:
            return descriptor
        os.close(descriptor)


def _append_whole(descriptor: int, data: bytes) -> None:
    size = _mend(descriptor)
    try:
        written = os.write(descriptor, data)
        while written < len(data):
            written += os.write(descriptor, data[written:])
    except OSError:
        os.ftruncate(descriptor, size)
        raise


def _mend(descriptor: int) -> int:
    """Return the size of the file after its last line, if torn, was ended or removed."""
    size = os.fstat(descriptor).st_size
    if size == 0 or os.pread(descriptor, 1, size - 1) == b"\n":
        return size
    start = size
    tail = b""
    while start > 0 and b"\n" not in tail:
        start = max(start - _STEP, 0)
        tail = os.pread(descriptor, size - start, start)
    last = tail.rpartition(b"\n")[2]
    with suppress(ValueError):
        json.loads(last)
        return size + os.write(descriptor, b"\n")  # whole but for its end: somebody's editor
    os.ftruncate(descriptor, size - len(last))
    return size - len(last)
