"""The command ``convert``: a bank from one format into another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from filterbank.cli import target
from filterbank.cli.options import complete_bank, not_empty
from filterbank.cli.wording import shape
from filterbank.errors import RequestError, shown

if TYPE_CHECKING:
    from filterbank.model import Bank

# As the modules that read and write them name them; a help page imports neither.
FROM = ("opencv", "libvips", "imagemagick", "grass", "csv", "inline")
TO = ("yaml", "json", "npz", "safetensors", "onnx")


@click.command("convert", short_help="Turn a bank, or another program's kernel, into another format.")
@click.argument("source", metavar="SRC", shell_complete=complete_bank, callback=not_empty)
@click.argument("out", metavar="DST", callback=not_empty)
@click.option("--from", "from_", type=click.Choice(FROM), help="What SRC is.  [default: found out]")
@click.option("--to", type=click.Choice(TO), help="What DST becomes.  [default: by its ending; yaml for -]")
@click.option(
    "--operation",
    type=click.Choice(("correlation", "convolution")),
    default="correlation",
    show_default=True,
    help="What the other program does with its kernel; convolution turns it by 180°.",
)
@click.option(
    "--on-exists",
    type=click.Choice(("error", "skip", "overwrite")),
    default="error",
    show_default=True,
    help="What to do when DST is there already.",
)
@click.option("--quiet", is_flag=True, help="Print no summary.")
def command(
    source: str, out: str, from_: str | None, to: str | None, operation: str, on_exists: str, quiet: bool
) -> None:
    """Write the bank SRC as DST, every weight bit for bit and every setting with it.

    SRC is a bank file, a shipped bank's name, a weights file (net.onnx#conv1 for one layer of several),
    a kernel file of OpenCV, libvips, ImageMagick or GRASS, a CSV or TSV, or a kernel itself:
    '[[1, 2], [3, 4]]', '(1,2;3,4)', '3x3: 0,1,0 1,-4,1 0,1,0'.

    DST ends in .yaml, .json, .npz, .safetensors or .onnx, or is - for standard output. What a format
    cannot hold is an error (exit 2) that names it.
    """
    format = _format(out, to)
    found = target.find(out, on_exists)
    if found.is_skipped:
        return

    from filterbank.bankfile.foreign.reading import read_any
    from filterbank.bankfile.kinds import clean_name
    from filterbank.bankfile.writing import encode

    bank = read_any(source, from_, operation, clean_name(Path(out).stem) or "kernel")
    found.write(encode(bank, format))
    if found.path is not None and not quiet:
        click.echo(f"filterbank: {shown(out)}: {_summary(bank)}", err=True)


def _format(out: str, to: str | None) -> str:
    """Return the format of the file *out*.

    Raises
    ------
    RequestError
        It has none, or is bytes for a stream of text.
    """
    from filterbank.bankfile.writing import TEXTS, format_of

    if out != "-":
        return to or format_of(out)
    if to not in (None, *TEXTS):
        raise RequestError(
            f"--to {to}: standard output takes texts; accepted: {', '.join(TEXTS)}; name a file"
        )
    return to or TEXTS[0]


def _summary(bank: Bank) -> str:
    layer = bank.layer
    if len(bank.stack.layers) > 1:
        return f"{shape(bank)}, bank {bank.name}"
    count, maps, size = len(bank.filters), len(layer.maps), "×".join(map(str, (*layer.kernel, bank.channels)))
    made = f", {maps} map{'s' * (maps > 1)}" if layer.combine else ""
    return f"{count} filter{'s' * (count > 1)} of {size}{made}, bank {bank.name}"
