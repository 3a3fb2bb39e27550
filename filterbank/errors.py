"""The family of errors a user can cause; each is also the fitting built-in error.

A message says where · what was found · what is accepted · what to do. The command line prints
it and exits; anything that is not of this family is a bug and keeps its traceback.
"""

from __future__ import annotations

import os
from dataclasses import dataclass


class FilterbankError(Exception):
    """Base of every error that input, not a bug, can cause."""


class RequestError(FilterbankError, ValueError):
    """What was asked for cannot be done: an option, a name, a clash. Nothing was written."""


class GeometryError(FilterbankError, ValueError):
    """A layer and an image that do not fit each other; concerns that image only."""


class ImageError(FilterbankError, ValueError):
    """One image that cannot be read or used: missing, corrupt, truncated, wrong channels."""


class OutputError(FilterbankError, OSError):
    """A file that cannot be written: full disk, read-only folder, existing file."""


def shown(path: str | os.PathLike[str]) -> str:
    r"""Return *path* as one printable line for a message, whatever bytes its name has.

    >>> shown("a b.png"), shown("two\nlines.png"), shown("latin-\udcfc.png")
    ('a b.png', 'two\\nlines.png', 'latin-\\xfc.png')
    """
    text = os.fspath(path)
    return text if text.isprintable() else "".join(map(_printable, text))


def _printable(character: str) -> str:
    if "\udc80" <= character <= "\udcff":  # how Python carries a byte that is no UTF-8
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character if character.isprintable() else ascii(character)[1:-1]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong (or, as a warning, doubtful) in a bank file.

    ``line`` and ``column`` count from 1; both are 0 where a fault has no place in the text.
    """

    where: str
    found: str
    accepted: str = ""
    hint: str = ""
    path: str = ""
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        """Return ``path:line:column: where: found; accepted; what to do`` without empty parts."""
        place = self.path + (f":{self.line}:{self.column}" if self.line else "")
        said = "; ".join(part for part in (self.found, self.accepted, self.hint) if part)
        return ": ".join(part for part in (place, self.where, said) if part)


class BankError(FilterbankError, ValueError):
    """A bank that cannot be used; carries every fault found, in the order of the file."""

    def __init__(self, faults: list[Fault] | tuple[Fault, ...]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))
