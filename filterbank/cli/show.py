"""The command ``show``: a bank's filters as a picture."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from filterbank.cli.options import complete_bank, not_empty
from filterbank.errors import RequestError, shown

if TYPE_CHECKING:
    from filterbank.model import Bank


@click.command("show", short_help="Draw a bank's filters as a picture worth printing.")
@click.argument("bank", metavar="BANK", shell_complete=complete_bank, callback=not_empty)
@click.option(
    "-o",
    "--out",
    required=True,
    metavar="FILE",
    callback=not_empty,
    help="The picture, a .png; or - for standard output.",
)
@click.option("--filter", "filters", multiple=True, metavar="GLOB", help="Only these filters; repeatable.")
@click.option(
    "--scale",
    type=click.Choice(("common", "filter")),
    default="common",
    show_default=True,
    help="What shares one colour scale: all filters, or each its own.",
)
@click.option(
    "--on-exists",
    type=click.Choice(("error", "skip", "overwrite")),
    default="error",
    show_default=True,
    help="What to do about a picture that is there already.",
)
@click.option("--quiet", is_flag=True, help="Print no summary.")
def command(bank: str, out: str, filters: tuple[str, ...], scale: str, on_exists: str, quiet: bool) -> None:
    """Draw the filters of BANK, a file or a shipped bank's name: blue below zero, red above.

    Small kernels show their weights as numbers; every filter has its name, and the sheet its scale.
    """
    path = None if out == "-" else _target(Path(out))
    # os.path.exists() raises nothing where a folder may not be entered; writing will tell.
    is_there = path is not None and os.path.exists(path)  # noqa: PTH110
    if is_there and on_exists != "overwrite":
        if on_exists == "skip":
            return
        raise RequestError(
            f"{shown(out)}: exists already; use --on-exists overwrite or skip, or another name"
        )

    import io
    import sys

    from filterbank import bankfile
    from filterbank.batch.atomic import write_whole
    from filterbank.report import write_sheet

    loaded = bankfile.load(bank)
    if filters:
        loaded = _only(loaded, set(bankfile.matching(loaded, filters)))
    # Drawn whole before the file is opened: Pillow seeks, which a pipe cannot.
    picture = io.BytesIO()
    write_sheet(loaded, picture, scale)
    if path is None:
        sys.stdout.buffer.write(picture.getvalue())
        sys.stdout.buffer.flush()
        return
    with write_whole(path) as stream:
        stream.write(picture.getvalue())
    if not quiet:
        count = len(loaded.filters)
        click.echo(
            f"filterbank: {shown(path)}: {count} filter{'s' * (count != 1)} of {loaded.name}", err=True
        )


def _target(path: Path) -> Path:
    """Return *path*, or raise RequestError where its name says that it is no PNG."""
    if path.suffix.lower() not in ("", ".png"):
        raise RequestError(f"-o {shown(path)}: found a name ending in {shown(path.suffix)}; accepted: .png")
    return path


def _only(bank: Bank, names: set[str]) -> Bank:
    """Return *bank* with only the filters of these *names*, each at its own size, to be drawn."""
    from filterbank.model import Stack

    layer = replace(bank.layer, filters=tuple(filter for filter in bank.filters if filter.name in names))
    return replace(bank, stack=Stack((*bank.stack.layers[:-1], layer)))
