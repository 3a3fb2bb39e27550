"""The command ``show``: a bank's filters as a picture."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from filterbank.cli import target
from filterbank.cli.options import complete_bank, not_empty
from filterbank.errors import RequestError, shown

if TYPE_CHECKING:
    from filterbank.model import Bank


@click.command("show", short_help="Draw a bank's filters as a picture worth printing.")
@click.argument("bank", metavar="BANK", shell_complete=complete_bank, callback=not_empty)
@target.options("The picture, a .png")
@click.option(
    "--layer",
    "number",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="N",
    help="Which layer of a stack is drawn, from 1: the first sees the image, a later one the maps before it.",
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
    "--spectrum", is_flag=True, help="Draw how strongly the filters answer each frequency, in decibels."
)
@click.option("--quiet", is_flag=True, help="Print no summary.")
def command(
    bank: str,
    out: str,
    number: int,
    filters: tuple[str, ...],
    scale: str,
    spectrum: bool,
    on_exists: str,
    quiet: bool,
) -> None:
    """Draw the filters of BANK, a file or a shipped bank's name: blue below zero, red above.

    Small kernels show their weights as numbers; every filter has its name, and the sheet its scale. With
    --spectrum frequency zero is in the middle, and half a cycle a pixel at the sides.
    """
    found = target.find(out, on_exists, (".png",))
    if found.is_skipped:
        return

    import io

    from filterbank import bankfile
    from filterbank.report import write_sheet, write_spectra

    loaded = _layer(bankfile.load(bank), number)
    if filters:
        loaded = _only(loaded, set(bankfile.matching(loaded, filters)))
    # Drawn whole before the file is opened: Pillow seeks, which a pipe cannot.
    picture = io.BytesIO()
    (write_spectra if spectrum else write_sheet)(loaded, picture, scale)
    found.write(picture.getvalue())
    if found.path is not None and not quiet:
        count = len(loaded.filters)
        click.echo(f"filterbank: {shown(out)}: {count} filter{'s' * (count != 1)} of {loaded.name}", err=True)


def _layer(bank: Bank, number: int) -> Bank:
    """Return layer *number* of *bank* as a bank to be drawn."""
    layers = bank.stack.layers
    if number > len(layers):
        has = "one layer" if len(layers) == 1 else f"{len(layers)} layers"
        raise RequestError(f"--layer {number}: bank {bank.name!r} has {has}; accepted: 1 to {len(layers)}")
    from filterbank.report import one_layer

    return one_layer(bank, number)


def _only(bank: Bank, names: set[str]) -> Bank:
    """Return *bank* with only the filters of these *names*, each at its own size, to be drawn."""
    from filterbank.model import Stack

    filters = tuple(filter for filter in bank.filters if filter.name in names)
    layer = replace(bank.layer, filters=filters, combine=())
    return replace(bank, stack=Stack((layer,)))
