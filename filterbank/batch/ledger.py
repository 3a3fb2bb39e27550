"""What a manifest shows as done, and its lines without those that later ones replace."""

from __future__ import annotations

import json
import os
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from filterbank.batch import manifest
from filterbank.batch.atomic import write_whole
from filterbank.errors import OutputError, shown
from filterbank.geometry import Pair
from filterbank.record import record

Scales = tuple[tuple[float | None, float | None], ...]


@record(frozen=True)
class Entry:
    """What one line tells of an image and a bank.

    ``size`` is the image's, (H, W); ``clipped`` are the maps with clipped pixels, and their share.
    """

    sha256: str
    digest: str
    options: dict[str, Any]
    size: Pair
    files: tuple[str, ...]
    filters: tuple[str, ...]
    scales: Scales
    clipped: tuple[tuple[str, float], ...] = ()


@record(frozen=True, eq=False)
class Ledger:
    """The lines of a manifest by the files that they name; of two that name a file, the later one.

    Lines stay in the file until they are asked for: only where each stands is kept. ``claimed`` are files
    that are the batch's own without a line.
    """

    index: _Index
    stream: BinaryIO | None = None
    claimed: frozenset[str] = frozenset()

    def find(self, files: Iterable[str]) -> Entry | None:
        """Return the entry that names just these *files*, in order, unless a later one or a claim does."""
        wanted = tuple(dict.fromkeys(files))
        if not self.claimed.isdisjoint(wanted):
            return None
        numbers = {self.index.find(file) for file in wanted}
        entry = self._entry(numbers.pop()) if len(numbers) == 1 else None
        return entry if entry is not None and entry.files == wanted else None

    def __contains__(self, file: object) -> bool:
        """Return whether *file* is the batch's own, by a line or by a claim."""
        if file in self.claimed:
            return True
        entry = self._entry(self.index.find(str(file)))
        return entry is not None and file in entry.files

    def __bool__(self) -> bool:
        """Return whether any file is."""
        return bool(self.claimed or self.index.keys.size)

    def _entry(self, number: int | None) -> Entry | None:
        if number is None or self.stream is None:
            return None
        start, end = self.index.ends[number : number + 2].tolist()
        return _entry(os.pread(self.stream.fileno(), end - start, start))


@record(frozen=True, eq=False)
class _Index:
    """Where the lines of a manifest end, and which is the last to name each file.

    ``keys`` are the sorted hashes of the files, ``last`` the numbers of their lines; ``ends`` begins with 0.
    ``replaced`` are the lines all of whose files later ones name.
    """

    ends: NDArray[np.int64]
    keys: NDArray[np.int64]
    last: NDArray[np.int64]
    replaced: frozenset[int]

    def find(self, file: str) -> int | None:
        """Return the number of the last line that names *file*, perhaps that of another one."""
        key = hash(file)
        at = int(np.searchsorted(self.keys, key))
        return int(self.last[at]) if at < self.keys.size and self.keys[at] == key else None


def _read_index(lines: Iterable[bytes]) -> _Index:
    ends, keys, owners = array("q", [0]), array("q"), array("q")
    for number, line in enumerate(lines):
        ends.append(ends[-1] + len(line))
        entry = _entry(line)
        if entry is not None:
            keys.extend(map(hash, entry.files))
            owners.extend([number] * len(entry.files))
    hashes, numbers = np.array(keys, np.int64), np.array(owners, np.int64)
    order = np.argsort(hashes, kind="stable")  # and of equal files the last one last
    hashes, sorted_numbers = hashes[order], numbers[order]
    is_last = np.append(hashes[1:] != hashes[:-1], np.ones(min(hashes.size, 1), bool))
    last = sorted_numbers[is_last]
    replaced = np.setdiff1d(numbers, last)
    return _Index(np.array(ends, np.int64), hashes[is_last], last, frozenset(replaced.tolist()))


def read(path: Path, claimed: Iterable[str] = ()) -> Ledger:
    """Return the ledger of the manifest *path*, empty where there is none; strange lines are passed over.

    Raises
    ------
    OutputError
        It is there and cannot be read.
    """
    try:
        stream = path.open("rb")
    except FileNotFoundError:
        return Ledger(_read_index(()), None, frozenset(claimed))
    except OSError as error:
        raise OutputError(f"{shown(path)}: cannot be read: {error.strerror or error}") from error
    # Kept open: a run beside this one may put another manifest in its place.
    return Ledger(_read_index(stream), stream, frozenset(claimed))


def latest(path: Path) -> list[dict[str, Any]]:
    """Return the lines of the manifest *path* as JSON, without those that later ones replace.

    Raises
    ------
    OutputError
        It is there and cannot be read.
    """
    replaced = _read_index(_lines(path)).replaced
    numbered = enumerate(_lines(path))
    return [json.loads(line) for number, line in numbered if number not in replaced and _entry(line)]


def compact(path: Path) -> None:
    """Take those lines out of the manifest *path* all of whose files later lines name again.

    Appended lines of other processes are not lost: they wait for the lock, and then see that the file
    is another one.

    Raises
    ------
    OutputError
        The manifest cannot be written; it is as it was before.
    """
    try:
        held = manifest.open_locked(path, 0)
        try:
            replaced = _read_index(_lines(path)).replaced
            if replaced:
                with write_whole(path) as stream:
                    kept = (line for number, line in enumerate(_lines(path)) if number not in replaced)
                    stream.writelines(kept)
        finally:
            os.close(held)
    except FileNotFoundError:
        return
    except OSError as error:
        raise OutputError(f"{shown(path)}: cannot be written: {error.strerror or error}") from error


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as stream:
            yield from stream
    except FileNotFoundError:
        return
    except OSError as error:
        raise OutputError(f"{shown(path)}: cannot be read: {error.strerror or error}") from error


def _entry(line: bytes) -> Entry | None:
    """Return what *line* tells; None where it is no line of ours."""
    try:
        found = json.loads(line)
        maps = found["maps"]
        entry = Entry(
            sha256=found["sha256"],
            digest=found["digest"],
            options=found["options"],
            size=(found["height"], found["width"]),
            files=tuple(dict.fromkeys(one["file"] for one in maps)),
            filters=tuple(one["filter"] for one in maps),
            scales=tuple((one["lo"], one["hi"]) for one in maps),
            clipped=tuple((one["file"], float(one["clipped"])) for one in maps if one["clipped"]),
        )
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return entry if entry.files and all(isinstance(file, str) for file in entry.files) else None
