"""What a manifest shows as done, and its lines without those that later ones replace."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filterbank.batch import manifest
from filterbank.batch.atomic import write_whole
from filterbank.errors import OutputError, shown
from filterbank.geometry import Pair

Scales = tuple[tuple[float | None, float | None], ...]


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True, eq=False)
class Ledger:
    """The entries of a manifest by the files that they name; of two that name a file, the later one."""

    entries: dict[str, Entry] = field(default_factory=dict)

    def find(self, files: Iterable[str]) -> Entry | None:
        """Return the entry that names just these *files*, in order; None where a later one names any."""
        wanted = tuple(dict.fromkeys(files))
        found = self.entries.get(wanted[0])
        if found is None or found.files != wanted:
            return None
        return found if all(self.entries[file] is found for file in wanted) else None


def read(path: Path) -> Ledger:
    """Return the ledger of the manifest *path*, empty where there is none; strange lines are passed over.

    Raises
    ------
    OutputError
        It is there and cannot be read.
    """
    ledger = Ledger()
    for line in _lines(path):
        entry = _entry(line)
        if entry is not None:
            ledger.entries.update(dict.fromkeys(entry.files, entry))
    return ledger


def latest(path: Path) -> list[dict[str, Any]]:
    """Return the lines of the manifest *path* as JSON, without those that later ones replace.

    Raises
    ------
    OutputError
        It is there and cannot be read.
    """
    replaced = _replaced(path)
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
            replaced = _replaced(path)
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


def _replaced(path: Path) -> set[int]:
    """Return the numbers of the lines all of whose files later lines name."""
    last: dict[str, int] = {}
    own: dict[int, int] = {}  # line -> how many files it is the last to name
    for number, line in enumerate(_lines(path)):
        entry = _entry(line)
        if entry is None:
            continue
        own[number] = 0
        for file in dict.fromkeys(entry.files):
            if file in last:
                own[last[file]] -= 1
            last[file] = number
            own[number] += 1
    return {number for number, count in own.items() if count == 0}


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
