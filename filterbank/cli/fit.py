"""The command ``fit``: the bank that turns one image into another."""

from __future__ import annotations

import re
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from filterbank.cli import target
from filterbank.cli.options import OVERRIDES, GroupedCommand, complete_bank, not_empty, option
from filterbank.cli.options import size as number
from filterbank.errors import RequestError, shown

if TYPE_CHECKING:
    from filterbank.batch.inputs import Source
    from filterbank.imagefile import ReadOptions
    from filterbank.model import Bank

_PAIRS, _LAYER, _FIT = "Pairs", "The layer", "The fit"
_ALONE, _BANK = "From images alone", "The bank"
_FLAGS = {"target_kind": "target-as"}
_LONGEST = 3900  # characters of a bank's source


def _kernel(_context: click.Context, _parameter: click.Parameter, text: str) -> tuple[int, int]:
    """Return (rows, columns) of ``5``, ``7x3`` (W×H) or ``3,7`` (rows, columns)."""
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
    required=True,
    metavar="F",
    callback=_kernel,
    group=_LAYER,
    help="Size of the filters: F, WIDTHxHEIGHT, or rows,columns.",
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
    help="What kmeans draws by.",
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
@option("--quiet", is_flag=True, help="Print no summary; warnings are still printed.")
def command(
    input: str,
    targets: tuple[str, ...],
    out: str,
    on_exists: str,
    quiet: bool,
    **given: Any,
) -> None:
    """Learn the filters that turn image A into image B, with the least squared error, as a bank file.

    With --learn, filters that the patches of A suggest by themselves.

    A and B are images or folders; of folders, files of the same name are pairs. The error is told where the
    filters were fitted, and for a fit without a tenth of the rows, on these rows.
    """
    import logging

    from filterbank.bankfile.kinds import clean_name
    from filterbank.bankfile.writing import FORMATS, encode, format_of

    # tifffile logs what it also raises.
    logging.getLogger("tifffile").setLevel(logging.CRITICAL)
    if bool(targets) == bool(given["learn"]):
        raise click.UsageError(
            "give --target B for the filters from A to B, or --learn for A alone: one of the two"
        )
    found = target.find(out, on_exists, tuple(ending for endings in FORMATS.values() for ending in endings))
    if found.is_skipped:
        return
    name = (clean_name(Path(out).stem) if found.path else "") or "fitted"
    bank, said = _from_pairs(input, targets, name, given) if targets else _from_patches(input, name, given)
    found.write(
        encode(replace(bank, source=bank.source or _typed()), format_of(out) if Path(out).suffix else "yaml")
    )
    if not quiet:
        click.echo(f"filterbank: {shown(found.path or name)}: {said}", err=True)


def _from_pairs(input: str, targets: tuple[str, ...], name: str, given: dict[str, Any]) -> tuple[Bank, str]:
    """Return the bank from *input* to *targets*, and its summary; what is doubtful is printed."""
    from filterbank import bankfile
    from filterbank.bankfile.kinds import clean_name
    from filterbank.fit import Settings, learn, told
    from filterbank.fit.pairing import match

    settings = Settings(
        kernel=given["size"],
        names=tuple(clean_name(Path(each).stem) or "filter" for each in targets),
        options=tuple((key, given[key]) for key in OVERRIDES if key != "bias" and given[key] is not None),
        bias=given["bias"],
        l2=given["l2"],
        ignore_clipped=given["ignore_clipped"],
        input=given["input_kind"],
        target=given["target_kind"],
        reading=_reading(given),
    )
    pairs = match(_files(input), [_files(each) for each in targets])
    fitted = learn(pairs, settings, name, bankfile.load(given["init"]) if given["init"] else None)
    for warning in told.warnings(fitted):
        click.echo(f"filterbank: warning: {warning}", err=True)
    summary = told.summary(fitted)
    return replace(fitted.bank, description=f"Fitted: {summary}; {told.trust(fitted)}"), summary


def _from_patches(input: str, name: str, given: dict[str, Any]) -> tuple[Bank, str]:
    """Return the bank that the patches of *input* suggest, and its summary."""
    from filterbank.fit.patches import PatchSettings, learn_patches

    idle = [
        key
        for key in (*OVERRIDES, "target_kind", "init", "l2", "ignore_clipped")
        if key != "bias" and given[key]
    ]
    if idle or not given["bias"]:
        flag = _FLAGS.get(idle[0], idle[0].replace("_", "-")) if idle else "no-bias"
        raise RequestError(f"--{flag}: has no effect with --learn; accepted: with --target; leave it out")
    settings = PatchSettings(
        given["learn"], given["size"], given["count"], given["seed"], given["input_kind"], _reading(given)
    )
    bank = learn_patches(list(_files(input).values()), settings, name)
    shape = "×".join(map(str, (*bank.layer.kernel, bank.channels)))
    count = len(bank.filters)
    return bank, f"{count} filter{'s' * (count != 1)} of {shape}: {bank.description}"


def _reading(given: dict[str, Any]) -> ReadOptions:
    from filterbank.imagefile import ReadOptions

    return ReadOptions(max_pixels=given["max_pixels"], layout=given["layout"], orient=not given["no_orient"])


def _files(place: str) -> dict[str, Path]:
    """Return the images at *place*, by their names below it without extension.

    Raises
    ------
    RequestError
        There are none, a folder cannot be read, or two share a name.
    """
    from filterbank.batch.inputs import STANDARD_INPUT, collect
    from filterbank.imagefile import IMAGE_EXTENSIONS

    if place == STANDARD_INPUT:
        raise RequestError("-: fit reads no standard input; accepted: files and folders")
    files: dict[str, Path] = {}
    for source in collect([place], extensions=IMAGE_EXTENSIONS):
        if source.fault:
            raise RequestError(f"{source.shown}: {source.fault}")
        other = files.setdefault(_name(source), Path(source.path))
        if other != Path(source.path):
            raise RequestError(
                f"{shown(other)} and {source.shown}: two images of one name; accepted: names that differ "
                "before the extension"
            )
    return files


def _name(source: Source) -> str:
    return str(Path(source.dir, source.stem))


def _typed() -> str:
    """Return the command as it was typed, for the bank to say where it comes from."""
    words = shlex.join(map(shown, sys.argv[1:]))
    return f"filterbank {words}"[:_LONGEST]
