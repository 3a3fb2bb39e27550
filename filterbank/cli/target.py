"""The one file that a command writes: found out before the work, written whole."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from filterbank.cli.options import not_empty
from filterbank.errors import RequestError, shown
from filterbank.record import record

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


@record(frozen=True)
class Target:
    """Where a result goes; ``path`` is None for standard output."""

    path: Path | None
    is_skipped: bool = False

    def write(self, data: bytes) -> None:
        """Write *data*, whole or not at all."""
        from filterbank.batch.atomic import write_whole

        if self.path is None:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
            return
        with write_whole(self.path) as stream:
            stream.write(data)


def find(out: str, on_exists: str, endings: tuple[str, ...] = ()) -> Target:
    """Return the target that ``-o`` names.

    Raises
    ------
    RequestError
        Its name has another ending than *endings*, where there are any, or it exists and *on_exists* is
        ``error``.
    """
    if out == "-":
        return Target(None)
    path = Path(out)
    if endings and path.suffix.lower() not in ("", *endings):
        accepted = " or ".join(endings)
        raise RequestError(
            f"-o {shown(path)}: found a name ending in {shown(path.suffix)}; accepted: {accepted}"
        )
    # os.path.exists() raises nothing where a folder may not be entered; writing will tell.
    is_there = os.path.exists(path)  # noqa: PTH110
    if is_there and on_exists == "error":
        raise RequestError(
            f"{shown(out)}: exists already; use --on-exists overwrite or skip, or another name"
        )
    return Target(path, is_skipped=is_there and on_exists == "skip")


def options(what: str) -> Callable[[Decorated], Decorated]:
    """Return the decorator of ``-o`` and ``--on-exists``; *what* is written, as the help says it."""

    def add(function: Decorated) -> Decorated:
        on_exists = click.option(
            "--on-exists",
            type=click.Choice(("error", "skip", "overwrite")),
            default="error",
            show_default=True,
            help="What to do about a file that is there already.",
        )
        out = click.option(
            "-o",
            "--out",
            required=True,
            metavar="FILE",
            callback=not_empty,
            help=f"{what}; or - for standard output.",
        )
        return out(on_exists(function))

    return add
