"""The command ``apply``: images and banks in, one map per filter out."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from filterbank.cli.options import (
    GroupedCommand,
    complete_bank,
    not_empty,
    option,
    overrides,
    page,
    shard,
    size,
)

if TYPE_CHECKING:
    from filterbank.batch.decoded import Ahead

FORMATS = ("png", "png16", "tiff", "npy", "csv", "wav")
COMPRESSIONS = ("fast", "small")
METHODS = ("auto", "direct", "separable", "winograd", "fft")

# Completed as a path, but not judged here: an image that may not be read is that image's failure.
_PATH = click.Path(readable=False)

_BANKS, _MAPS, _READING, _RUN, _SAYING = "Banks", "Maps", "How images are read", "The run", "What is printed"


@click.command(cls=GroupedCommand, short_help="Apply banks to images: one map per image and filter.")
@click.argument("images", nargs=-1, metavar="IMAGE...", type=_PATH, callback=not_empty)
@option(
    "-b",
    "--bank",
    "references",
    multiple=True,
    required=True,
    metavar="BANK",
    callback=not_empty,
    shell_complete=complete_bank,
    group=_BANKS,
    help="A bank or weights file (net.onnx#conv1) or a shipped bank; repeatable: maps stand side by side.",
)
@option("--filter", "filters", multiple=True, metavar="GLOB", group=_BANKS, help="Only these; repeatable.")
@overrides
@option(
    "-o",
    "--out",
    required=True,
    metavar="FOLDER",
    type=_PATH,
    callback=not_empty,
    group=_MAPS,
    help="Folder for the maps, created; or - for one map to standard output.",
)
@option(
    "--name",
    "template",
    metavar="TEMPLATE",
    callback=not_empty,
    group=_MAPS,
    help="The files' names, of {dir} {stem} {name} {bank} {filter} {index} {layer} {ext}; {index} counts "
    "the filters from 0, {layer} the layers from 1.  "
    "[default: {dir}/{stem}/{filter}.{ext}; with several banks {dir}/{stem}/{bank}/{filter}.{ext}; "
    "with --all-layers {layer}/ before {filter}]",
)
@option(
    "--format",
    type=click.Choice(FORMATS),
    default="png",
    show_default=True,
    group=_MAPS,
    help="8-bit codes, 16-bit codes, or the exact float32 values; csv has a line a row, wav is for signals.",
)
@option(
    "--compress",
    type=click.Choice(COMPRESSIONS),
    default="fast",
    show_default=True,
    group=_MAPS,
    help="How PNG files are compressed. small takes a hundred times as long, for files that are about a "
    "tenth smaller, of drawings a quarter.",
)
@option(
    "--stack",
    is_flag=True,
    group=_MAPS,
    help="One file per image: a TIFF with a page per filter, a (K,H2,W2) npy, or a WAV with a channel "
    "per filter.",
)
@option(
    "--all-layers",
    is_flag=True,
    group=_MAPS,
    help="Write the maps of every layer of a stack, not those of the last alone.",
)
@option(
    "--range",
    "range_text",
    default="auto",
    show_default=True,
    metavar="RANGE",
    group=_MAPS,
    help="What is black and white: auto, clip (0:1), signed (-m:m), minmax or LO:HI.",
)
@option(
    "--range-over",
    type=click.Choice(("map", "image", "batch")),
    default="map",
    show_default=True,
    group=_MAPS,
    help="What shares one scale; maps of different kinds never do.",
)
@option(
    "--on-exists",
    type=click.Choice(("error", "skip", "overwrite")),
    default="error",
    show_default=True,
    group=_MAPS,
    help="What to do where a map is there already. skip: leave maps that exist alone, write the missing "
    "ones. error is found out before any work.",
)
@option(
    "--files-from",
    metavar="FILE",
    type=_PATH,
    callback=not_empty,
    group=_READING,
    help="More images, one a line or with NUL between them; - for standard input. Names are taken as they "
    "are, globs are not expanded.",
)
@option(
    "--page",
    callback=page,
    default="0",
    show_default=True,
    metavar="N|all",
    group=_READING,
    help="Page of a file with several, from 0; all makes an image of each, named STEM-N.",
)
@option(
    "--max-pixels",
    callback=size,
    default="178956970",
    show_default=True,
    metavar="N",
    group=_READING,
    help="Refuse larger images, unless they are read by rows under --max-memory; 500k, 20M and 1G are "
    "numbers, too.",
)
@option(
    "--layout",
    type=click.Choice(("chw", "hwc", "cw", "wc")),
    default="chw",
    show_default=True,
    group=_READING,
    help="Order of an npy's axes: channels first or last; cw and wc for signals, whose rows or columns are "
    "channels, in csv and tsv too.",
)
@option(
    "--linear",
    is_flag=True,
    group=_READING,
    help="Decode sRGB to linear light first, and encode maps that are pictures back.",
)
@option("--no-orient", is_flag=True, group=_READING, help="Leave images as stored, whatever EXIF says.")
@option(
    "--method",
    type=click.Choice(METHODS),
    default="auto",
    show_default=True,
    group=_RUN,
    help="How the maps are computed; never changes them.",
)
@option(
    "-j", "--jobs", type=click.IntRange(min=1), metavar="N", group=_RUN, help="Workers.  [default: all cores]"
)
@option(
    "--cluster",
    metavar="ADDRESS",
    callback=not_empty,
    group=_RUN,
    help="Have images done by the workers of a Dask cluster, such as tcp://host:8786; local or local:N "
    "starts N processes here. Needs the extra cluster.",
)
@option(
    "--max-memory",
    callback=size,
    metavar="BYTES",
    group=_RUN,
    help="Cap on the resident memory of the whole run, e.g. 2G: larger images are filtered in bands of rows, "
    "and read so where their format allows it (TIFF, npy, zarr).  [default: none]",
)
@option(
    "--resume",
    is_flag=True,
    group=_RUN,
    help="Go on with a batch: skip images whose maps the manifest and the files show as done with the same "
    "bytes, bank and options; do the rest, replacing what is stale.",
)
@option(
    "--shard",
    callback=shard,
    default="1/1",
    metavar="I/N",
    group=_RUN,
    help="Only the I-th of N equal parts of the images, from 1, for job arrays; all may share FOLDER.",
)
@option(
    "--fail-fast",
    is_flag=True,
    group=_RUN,
    help="Stop at the first bad image instead of reporting it and going on.",
)
@option("--fail-on-clip", is_flag=True, group=_RUN, help="Exit 4 when any pixel was clipped.")
@option(
    "--fsync",
    is_flag=True,
    group=_RUN,
    help="Wait until each file is on the disk: survives a power cut.",
)
@option("--report", is_flag=True, group=_RUN, help="Write FOLDER/index.html, the contact sheet.")
@option("--dry-run", is_flag=True, group=_RUN, help="Print names, sizes, plan and memory; write nothing.")
@option(
    "--json",
    "as_json",
    is_flag=True,
    group=_SAYING,
    help="Print one JSON object per image and bank, as the manifest has it, as images end.",
)
@option("--quiet", is_flag=True, group=_SAYING, help="No summary, no progress; bad images are still named.")
@option(
    "--progress/--no-progress",
    default=None,
    group=_SAYING,
    help="Draw a progress bar.  [default: on a terminal]",
)
@click.pass_context
def command(context: click.Context, /, **given: Any) -> None:
    """Apply banks of filters to every IMAGE and write one map per filter.

    An IMAGE is a file, a folder (with all below it), a quoted glob such as 'scans/**/*.tif', or - for
    standard input. Bad images are named at the end and the others go on.

    Exit codes: 0 done, 1 some images failed, 2 the request was wrong and nothing was written,
    4 a pixel was clipped and --fail-on-clip given, 130 interrupted.
    """
    ahead = _ahead(given)

    from dataclasses import replace

    from filterbank.cli import outcome
    from filterbank.cli.request import Request

    request = Request(**given)
    job = replace(request.job(), ahead=ahead)
    if request.dry_run:
        context.exit(outcome.preview_only(job, as_json=request.as_json, quiet=request.quiet))
    context.exit(outcome.run(job, request))


def _ahead(given: dict[str, Any]) -> Ahead | None:
    """Start to decode the image where there is but one file; None for anything else."""
    images = given["images"]
    if (
        len(images) != 1
        or given["files_from"]
        or given["page"] is None
        or given["on_exists"] == "skip"
        or given["resume"]
        or given["cluster"]
        or given["max_memory"]
    ):
        return None
    if not os.path.isfile(images[0]):  # noqa: PTH113 - raises nothing where a folder may not be entered
        return None
    from filterbank.batch.decoded import Ahead
    from filterbank.batch.inputs import Source
    from filterbank.imagefile import ReadOptions

    reading = ReadOptions(given["page"], given["max_pixels"], given["layout"], not given["no_orient"])
    return Ahead(Source(images[0]), reading)
