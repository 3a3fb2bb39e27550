"""The command ``matrix``: a layer as the fully connected matrix it is."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import click

from filterbank.cli import target
from filterbank.cli.options import complete_bank, not_empty, size, width_height
from filterbank.errors import RequestError, shown

if TYPE_CHECKING:
    from filterbank.model import Bank, Layer


@click.command("matrix", short_help="Write a layer as the fully connected matrix it is.")
@click.argument("bank", metavar="BANK", shell_complete=complete_bank, callback=not_empty)
@click.option(
    "--size",
    "image_size",
    callback=width_height,
    required=True,
    metavar="WxH",
    help="Width and height of the image.",
)
@target.options("The matrix, a .npz as scipy.sparse.load_npz reads it")
@click.option("--bias", metavar="FILE", callback=not_empty, help="Write the biases, a .npy with one a row.")
@click.option(
    "--picture",
    metavar="FILE",
    callback=not_empty,
    help="Draw the matrix, a .png: entries that share a weight share a colour.",
)
@click.option(
    "--max-entries",
    callback=size,
    default="50M",
    show_default=True,
    metavar="N",
    help="Refuse larger matrices; 500k, 20M and 1G are numbers, too.",
)
@click.option("--quiet", is_flag=True, help="Print no summary.")
def command(
    bank: str,
    image_size: tuple[int, int],
    out: str,
    on_exists: str,
    bias: str | None,
    picture: str | None,
    max_entries: int,
    quiet: bool,
) -> None:
    """Write the layer of BANK, on images of a given size, as a sparse matrix M.

    With the image x in the order channel, row, column, and the biases b, M x + b are all maps one after
    another, before the activation. A convolutional layer is a fully connected one with most weights zero
    and the others shared.
    """
    found = target.find(out, on_exists, (".npz",))
    beside = [
        None if name is None else target.find(name, on_exists, (ending,))
        for name, ending in ((bias, ".npy"), (picture, ".png"))
    ]

    import numpy as np

    from filterbank import bankfile, matrix

    layer = _one_layer(bankfile.load(bank))
    made = matrix.build(layer, image_size, max_entries)
    bias_target, picture_target = beside
    if not found.is_skipped:
        stream = io.BytesIO()
        made.save(stream)
        found.write(stream.getvalue())
    if bias_target is not None and not bias_target.is_skipped:
        stream = io.BytesIO()
        np.save(stream, made.bias)
        bias_target.write(stream.getvalue())
    if picture_target is not None and not picture_target.is_skipped:
        from filterbank.report import draw_structure

        stream = io.BytesIO()
        draw_structure(made.shape, made.indptr, made.indices, made.weight).save(stream, "png")
        picture_target.write(stream.getvalue())
    if not quiet:
        rows, columns = made.shape
        count, share = len(made.data), len(made.data) / (rows * columns)
        said = f"{rows:,} × {columns:,}, {count:,} entries ({share:.3g} of all)"
        weights = np.count_nonzero(layer.weights)
        click.echo(f"filterbank: {shown(out)}: {said} of {weights:,} weights", err=True)


def _one_layer(bank: Bank) -> Layer:
    count = len(bank.stack.layers)
    if count > 1:
        raise RequestError(
            f"bank {bank.name!r}: found a stack of {count} layers, which is no matrix where activations "
            "stand between them; accepted: one layer; write that layer as a bank of its own"
        )
    return bank.layer
