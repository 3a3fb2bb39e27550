"""Images in hand: while maps of one are written, a small file names those that were not there before.

It goes when the image has ended, well or badly. Where a run was killed it stays, and a run that
resumes knows by it which maps without a line in the manifest are its own, and which images may be half
of one run and half of another.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from filterbank.batch.atomic import sync_folder
from filterbank.errors import OutputError, shown

_CLAIM = re.compile(r"\.[0-9a-f]{16}\.claim\.filterbank-tmp")


@contextmanager
def claimed(out: str | Path, names: Sequence[str], *, fsync: bool = False) -> Iterator[None]:
    """Keep a claim on the maps *names* of one image, relative to *out*, while the block runs.

    Raises
    ------
    OutputError
        *out* cannot be written to.
    """
    claim(out, names, fsync=fsync)
    try:
        yield
    finally:
        release(out, names)


def claim(out: str | Path, names: Sequence[str], *, fsync: bool = False) -> None:
    """Put a claim on the maps *names* of one image, relative to *out*, until it is released.

    Raises
    ------
    OutputError
        *out* cannot be written to.
    """
    path = os.path.join(out, name_of(names))
    absent = [name for name in names if not os.path.lexists(os.path.join(out, name))]
    try:
        # Appended: the claim of a killed run on the same image still says what that one made.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        try:
            os.write(descriptor, json.dumps(absent).encode("ascii") + b"\n")
            if fsync:
                os.fsync(descriptor)
                sync_folder(out)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise OutputError(f"{shown(out)}: cannot be written to: {error.strerror or error}") from error


def release(out: str | Path, names: Sequence[str]) -> None:
    """Take the claim on the maps *names* of one image away: it has ended."""
    with suppress(OSError):
        os.unlink(os.path.join(out, name_of(names)))


def undo(out: Path, names: Sequence[str]) -> bool:
    """Remove those maps *names* of one image that were not there before its claim; nobody may be making them.

    The claim goes, too, and that is returned, unless maps were there: these may be of two runs.
    """
    path = out / name_of(names)
    absent = _read(path)
    for name in absent:
        with suppress(OSError):
            (out / name).unlink()
    if not absent >= set(names):
        return not path.exists()
    release(out, names)
    return True


def name_of(names: Sequence[str]) -> str:
    """Return the name of the claim on the maps *names* of one image.

    >>> name_of(["cat/sobel_x.png", "cat/sobel_y.png"])
    '.1d044de4e2de3c26.claim.filterbank-tmp'
    """
    return f".{hashlib.sha256(os.fsencode(names[0])).hexdigest()[:16]}.claim.filterbank-tmp"


def pending(out: Path) -> frozenset[str]:
    """Return the names of the claims in *out*: of live runs, and of killed ones."""
    with suppress(OSError), os.scandir(out) as entries:
        return frozenset(entry.name for entry in entries if _CLAIM.fullmatch(entry.name))
    return frozenset()


def made(out: Path) -> set[str]:
    """Return the maps that the claims in *out* name, relative to it: what runs were making there."""
    found: set[str] = set()
    for name in pending(out):
        found |= _read(out / name)
    return found


def _read(claim: Path) -> set[str]:
    found: set[str] = set()
    with suppress(OSError):
        for line in claim.read_bytes().splitlines():
            with suppress(ValueError, TypeError, RecursionError):  # torn: nothing was made yet under it
                found.update(str(each) for each in json.loads(line))
    return found
