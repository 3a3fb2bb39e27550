"""The text of a bank file, places in it, and the faults found there."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Callable, Iterable
from copy import copy
from dataclasses import field
from functools import cached_property
from pathlib import Path
from typing import Any

from filterbank.errors import BankError, Fault, RequestError, shown
from filterbank.record import record

# A bank of 48 filters of 49×49×3 in full precision is 7 MB of text.
MAX_BYTES = 64 * 2**20
# A file that is wrong throughout would otherwise answer with a line for every number.
MAX_FAULTS = 1000

NOWHERE = -1


def _refers_to_nothing(text: str, at: int, faults: Faults) -> None:
    """Note that *text* names a bank where no other can be read."""
    faults.add(at, "bank", f"found {shorten(text)}", "accepted: banks of other files inside a file alone")


@record(frozen=True)
class Source:
    """A decoded text, the path it is named by in messages, and the folder that paths in it start at.

    ``refer`` returns the bank that a text at an offset of this one means, None where there is none and
    that was noted among the faults.
    """

    path: str
    text: str
    folder: Path = field(default_factory=Path)
    refer: Callable[[str, int, Faults], Any] = field(default=_refers_to_nothing, compare=False, repr=False)

    @cached_property
    def _starts(self) -> list[int]:
        starts, at = [0], 0
        for line in self.text.splitlines(keepends=True):
            at += len(line)
            # splitlines also breaks at form feeds and the like, which no editor counts as a line.
            if line[-1] in "\r\n":
                starts.append(at)
        return starts

    def place(self, at: int) -> tuple[int, int]:
        r"""Return line and column, both from 1, of the character at offset *at*; (0, 0) for nowhere.

        >>> Source("bank.yaml", "name: a\nstride: 0\n").place(16)
        (2, 9)
        """
        if at < 0:
            return 0, 0
        line = bisect_right(self._starts, at)
        return line, at - self._starts[line - 1] + 1

    def fault(self, at: int, where: str, found: str, accepted: str = "", hint: str = "") -> Fault:
        """Return a Fault placed at offset *at* of this text."""
        line, column = self.place(at)
        return Fault(where, found, accepted, hint, self.path, line, column)


class Faults:
    """Collects what is wrong in one source, to be told all at once and in file order."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._found: dict[Fault, int] = {}
        self._left_out: list[Fault] = []
        self._where = ""

    def inside(self, where: str) -> Faults:
        """Return a collector into this one whose places begin with *where*."""
        part = copy(self)
        part._where = self._placed(where)
        return part

    def add(self, at: int, where: str, found: str, accepted: str = "", hint: str = "") -> None:
        """Note one fault at offset *at*; the same fault at the same place counts once."""
        self._add(at, self.source.fault(at, self._placed(where), found, accepted, hint))

    def include(self, at: int, others: Iterable[Fault]) -> None:
        """Note the faults of another file, which is named at offset *at*."""
        for fault in others:
            self._add(at, fault)

    def _add(self, at: int, fault: Fault) -> None:
        if len(self._found) >= MAX_FAULTS:
            self._left_out.append(fault)
        else:
            self._found.setdefault(fault, at)

    def _placed(self, where: str) -> str:
        return ": ".join(part for part in (self._where, where) if part)

    def __bool__(self) -> bool:
        return bool(self._found)

    def __len__(self) -> int:
        return len(self._found) + len(self._left_out)

    def listed(self) -> tuple[Fault, ...]:
        """Return the faults in the order of the file."""
        faults = sorted(self._found, key=self._found.__getitem__)
        if self._left_out:
            faults.append(
                Fault("", f"and {len(self._left_out)} more faults of this kind", path=self.source.path)
            )
        return tuple(faults)

    def raise_if_any(self) -> None:
        """Raise BankError with all that was found, if anything was."""
        if self._found:
            raise BankError(self.listed())


def shorten(text: str, width: int = 60) -> str:
    """Return *text* as it is quoted in a message: one line, printable, cut in the middle.

    >>> shorten("a" * 10, 7)
    "'aa…aa'"
    """
    if len(text) > width:
        half = (width - 3) // 2
        text = text[:half] + "…" + text[-half:]
    return repr(text)


def read_source(
    path: str | os.PathLike[str], refer: Callable[[str, int, Faults], Any] = _refers_to_nothing
) -> Source:
    """Return the text of the file at *path*, which may *refer* to other banks.

    Raises
    ------
    RequestError
        There is no such file, or it is a folder or cannot be opened.
    BankError
        It is no UTF-8 text, empty, or larger than MAX_BYTES.
    """
    name = shown(path)
    try:
        with Path(path).open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except IsADirectoryError:
        raise RequestError(
            f"{name}: found a folder; accepted: a bank file; name one file inside it"
        ) from None
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise RequestError(f"{name}: cannot be read ({reason}); accepted: a readable bank file") from None
    return Source(name, decode(data, name), Path(path).parent, refer)


_BOMS = (
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)


def decode(data: bytes, path: str) -> str:
    """Return *data* as text; a UTF-8 byte-order mark is taken off.

    Raises
    ------
    BankError
        The data are too many, empty, binary or not UTF-8.
    """

    def refuse(found: str, accepted: str = "accepted: UTF-8 text", hint: str = "") -> BankError:
        return BankError([Fault("", found, accepted, hint, path)])

    if len(data) > MAX_BYTES:
        limit = f"accepted: at most {MAX_BYTES // 2**20} MB of text"
        raise refuse("found a larger file", limit, "write fewer digits or split the bank into several")
    for mark, name in _BOMS:
        if data.startswith(mark):
            raise refuse(f"found {name} text", hint="save the file as UTF-8")
    if b"\0" in data:
        if data[1:2] == b"\0" or data[:1] == b"\0":
            raise refuse("found UTF-16 text or binary data", hint="save the file as UTF-8")
        raise refuse("found binary data", hint="a bank is written as YAML or JSON")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig")
        source = Source(path, before)
        found = f"found byte 0x{data[error.start]:02x}, which is not UTF-8"
        fault = source.fault(len(before), "", found, "accepted: UTF-8 text", "save the file as UTF-8")
        raise BankError([fault]) from None
    if not text.strip():
        raise refuse("found an empty file", "accepted: a mapping with at least the key filters")
    return text
