"""The command ``fit``: the bank that turns one image into another."""

from __future__ import annotations

import re
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from filterbank.cli import target
from filterbank.cli.options import OVERRIDES, GroupedCommand, complete_bank, not_empty, option
from filterbank.cli.options import size as number
from filterbank.errors import shown

_PAIRS, _LAYER, _FIT = "Pairs", "The layer", "The fit"
_STACK, _ALONE, _BANK = "Whole layers", "From images alone", "The bank"
_LONGEST = 3900  # characters of a bank's source


def _kernel(_context: click.Context, _parameter: click.Parameter, text: str | None) -> tuple[int, int] | None:
    """Return (rows, columns) of ``5``, ``7x3`` (W×H) or ``3,7`` (rows, columns)."""
    if text is None:
        return None
    written = text.strip().lower().replace("×", "x")
    if found := re.fullmatch(r"([0-9]{1,4})x([0-9]{1,4})", written):
        sizes = int(found[2]), int(found[1])
    elif found := re.fullmatch(r"\[?\s*([0-9]{1,4})\s*,\s*([0-9]{1,4})\s*\]?", written):
        sizes = int(found[1]), int(found[2])
    else:
        sizes = (int(written),) * 2 if re.fullmatch("[0-9]{1,4}", written) else (0, 0)
    if min(sizes) < 1:
        raise click.BadParameter(
            f"found {text!r}; accepted: a number such as 5, WIDTHxHEIGHT such as 7x3, or rows,columns such "
            "as 3,7"
        )
    return sizes


def _kind(_context: click.Context, parameter: click.Parameter, text: str | None) -> str | int | None:
    """Return what images are turned into, as ``input`` says it in a bank file."""
    if text is None:
        return None
    words = ("gray", "rgb", "rgba") + ("each",) * (parameter.name == "input_kind")
    if text in words:
        return text
    if re.fullmatch("[1-9][0-9]{0,4}", text):
        return int(text)
    hint = "; write gray" if text == "grey" else ""
    raise click.BadParameter(f"found {text!r}; accepted: {', '.join(words)}, or a number of channels{hint}")


def _layer(function: Any) -> Any:
    """Add the options that say what is known of the layer."""
    for key, text in reversed(OVERRIDES.items()):
        if key != "bias":
            flag = "--" + key.replace("_", "-")
            function = option(flag, key, metavar="VALUE", help=_SAID.get(key, text), group=_LAYER)(function)
    return function


_SAID = {
    "padding": "How the target's border was made: P, [rows, columns], [top, left, bottom, right], same or "
    "valid.  [default: not known; outputs that see beyond the image do not count]",
}


@click.command("fit", cls=GroupedCommand, short_help="Learn the filters that turn one image into another.")
@option(
    "--input",
    "input",
    required=True,
    metavar="A",
    callback=not_empty,
    group=_PAIRS,
    help="The image before, or a folder of images.",
)
@option(
    "--target",
    "targets",
    multiple=True,
    metavar="B",
    callback=not_empty,
    group=_PAIRS,
    help="The image after, or a folder with the same names; repeatable, each channel is a filter.",
)
@option(
    "--as",
    "input_kind",
    metavar="KIND",
    callback=_kind,
    group=_PAIRS,
    help="What inputs are turned into: gray, rgb, rgba, each (all channels by one filter), or their number "
    "of channels.  [default: as the first is]",
)
@option(
    "--target-as",
    "target_kind",
    metavar="KIND",
    callback=_kind,
    group=_PAIRS,
    help="What targets are turned into: gray, rgb, rgba, or their number of channels.  "
    "[default: as the first is]",
)
@option(
    "--size",
    metavar="F",
    callback=_kernel,
    group=_LAYER,
    help="Size of the filters: F, WIDTHxHEIGHT, or rows,columns; needed without --layers.",
)
@_layer
@option(
    "--bias/--no-bias", default=True, show_default=True, group=_LAYER, help="Whether filters have a bias."
)
@option(
    "--l2",
    type=click.FloatRange(min=0),
    default=0.0,
    show_default=True,
    metavar="NUMBER",
    group=_FIT,
    help="Add NUMBER times the sum of squared weights to the mean squared error.",
)
@option(
    "--init",
    metavar="BANK",
    callback=not_empty,
    shell_complete=complete_bank,
    group=_FIT,
    help="With an activation, start from these filters.  [default: the best without it]",
)
@option(
    "--ignore-clipped",
    is_flag=True,
    group=_FIT,
    help="Leave out where a target stored as integers is 0 or 1.",
)
@option(
    "--layers",
    metavar="BANK",
    callback=not_empty,
    shell_complete=complete_bank,
    group=_STACK,
    help="Train all layers of this bank together, by backpropagation; its weights are the start.",
)
@option(
    "--random-start",
    is_flag=True,
    group=_STACK,
    help="Start from random weights instead, drawn by --seed.",
)
@option(
    "--steps",
    type=click.IntRange(1),
    metavar="N",
    group=_STACK,
    help="Take at most so many steps.  [default: 1000]",
)
@option(
    "--patience",
    type=click.IntRange(1),
    metavar="N",
    group=_STACK,
    help="Stop after so many steps without a gain on crops held out.  [default: 25]",
)
@option(
    "--batch",
    type=click.IntRange(1),
    metavar="N",
    group=_STACK,
    help="Crops of the first batch; whenever a batch gains no more, the next has twice as many.  "
    "[default: 16]",
)
@option(
    "--crop",
    type=click.IntRange(1, 4096),
    metavar="N",
    group=_STACK,
    help="Rows and columns of outputs in a crop.  [default: 64, fewer for small images]",
)
@option(
    "--learn",
    type=click.Choice(("pca", "zca", "kmeans")),
    group=_ALONE,
    help="Instead of --target: principal components of the patches of A, a filter a channel that whitens, or "
    "centroids of whitened patches.",
)
@option(
    "--count",
    type=click.IntRange(1, 4096),
    default=16,
    show_default=True,
    metavar="K",
    group=_ALONE,
    help="Filters of pca and kmeans.",
)
@option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    metavar="N",
    group=_ALONE,
    help="What kmeans, --random-start and batches draw by.",
)
@option(
    "-o",
    "--out",
    required=True,
    metavar="FILE",
    callback=not_empty,
    group=_BANK,
    help="The bank: .yaml, .json, .npz, .safetensors or .onnx; or - for YAML to standard output.",
)
@option(
    "--on-exists",
    type=click.Choice(("error", "skip", "overwrite")),
    default="error",
    show_default=True,
    group=_BANK,
    help="What to do about a file that is there already.",
)
@option(
    "--picture",
    metavar="FILE",
    callback=not_empty,
    group=_BANK,
    help="Draw the filters as well, a .png, as `filterbank show` does.",
)
@option(
    "--max-pixels",
    default="178956970",
    show_default=True,
    metavar="N",
    callback=number,
    group=_PAIRS,
    help="Refuse larger images.",
)
@option(
    "--layout",
    type=click.Choice(("chw", "hwc")),
    default="chw",
    show_default=True,
    group=_PAIRS,
    help="Order of an npy's axes: channels first or last.",
)
@option("--no-orient", is_flag=True, group=_PAIRS, help="Leave images as stored, whatever EXIF says.")
@option("--quiet", is_flag=True, help="Print no summary and no progress; warnings are still printed.")
def command(
    input: str,
    targets: tuple[str, ...],
    out: str,
    picture: str | None,
    on_exists: str,
    quiet: bool,
    **given: Any,
) -> None:
    """Learn the filters that turn image A into image B, with the least squared error, as a bank file.

    With --layers, all layers of a bank together; with --learn, filters that the patches of A suggest by
    themselves.

    A and B are images or folders; of folders, files of the same name are pairs. The error is told where the
    filters were fitted, and for a fit without a tenth of the rows, on these rows.
    """
    import logging

    from filterbank.bankfile import digest
    from filterbank.bankfile.kinds import clean_name
    from filterbank.bankfile.writing import FORMATS, encode, format_of
    from filterbank.cli import fitting

    # tifffile logs what it also raises.
    logging.getLogger("tifffile").setLevel(logging.CRITICAL)
    if bool(targets) == bool(given["learn"]):
        raise click.UsageError(
            "give --target B for the filters from A to B, or --learn for A alone: one of the two"
        )
    found = target.find(out, on_exists, tuple(ending for endings in FORMATS.values() for ending in endings))
    drawn = None if picture is None else target.find(picture, on_exists, (".png",))
    if found.is_skipped:
        return
    name = (clean_name(Path(out).stem) if found.path else "") or "fitted"
    form = format_of(out) if Path(out).suffix else "yaml"
    bank, said = fitting.fitted(input, targets, name, form, fitting.Line(enabled=not quiet), given)
    bank = replace(bank, source=bank.source or _typed())
    bank = replace(bank, digest=digest(bank))
    found.write(encode(bank, form))
    if drawn is not None and not drawn.is_skipped:
        fitting.draw(bank, drawn)
    if not quiet:
        click.echo(f"filterbank: {shown(found.path or name)}: {said}", err=True)


def _typed() -> str:
    """Return the command as it was typed, for the bank to say where it comes from."""
    words = shlex.join(map(shown, sys.argv[1:]))
    return f"filterbank {words}"[:_LONGEST]
