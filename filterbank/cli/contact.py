"""The contact page beside the maps: refused in time where it would replace a stranger, written whole."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from filterbank.batch import ledger
from filterbank.batch.atomic import write_whole
from filterbank.batch.inputs import natural
from filterbank.batch.names import INDEX, MANIFEST
from filterbank.errors import RequestError, shown
from filterbank.model import Bank

_MARK = b'<meta name="generator" content="filterbank contact sheet'


def check(out: str) -> None:
    """Raise RequestError where the page would replace a file that is not such a page."""
    path = Path(out, INDEX)
    try:
        with path.open("rb") as stream:
            is_ours = _MARK in stream.read(1000)
    except FileNotFoundError:
        return
    except OSError as error:
        raise RequestError(f"{shown(path)}: cannot be read: {error.strerror or error}") from error
    if not is_ours:
        raise RequestError(
            f"{shown(path)}: is there and is no contact sheet; rename it, or choose another folder"
        )


def write(out: str, banks: Sequence[Bank] = ()) -> None:
    """Write the page of the maps in *out*, from its manifest; the filters of *banks* are drawn in it.

    Raises
    ------
    OutputError
        It cannot be written, or the manifest not be read.
    """
    from filterbank.report.contact import draw_contact

    lines = ledger.latest(Path(out, MANIFEST))
    lines.sort(key=lambda line: natural(str(line.get("input"))))
    with write_whole(Path(out, INDEX)) as stream:
        for part in draw_contact(lines, Path(out), banks):
            stream.write(part.encode("utf-8"))
