"""The command ``decode``: maps back into the floats they stand for."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from filterbank.cli.options import not_empty
from filterbank.errors import FilterbankError, RequestError, shown

if TYPE_CHECKING:
    from filterbank.imagefile.maptext import MapText
    from filterbank.imagefile.read_map import Values

FORMATS = ("npy", "tiff")


@click.command("decode", short_help="Turn maps back into floats.")
@click.argument(
    "maps", nargs=-1, required=True, metavar="MAP...", type=click.Path(readable=False), callback=not_empty
)
@click.option(
    "-o",
    "--out",
    metavar="FOLDER",
    type=click.Path(readable=False),
    callback=not_empty,
    help="Folder for the floats, created.  [default: beside each map]",
)
@click.option(
    "--format", type=click.Choice(FORMATS), default="npy", show_default=True, help="Format of the floats."
)
@click.option(
    "--on-exists",
    type=click.Choice(("error", "skip", "overwrite")),
    default="error",
    show_default=True,
    help="What to do about a file that is there already; error is found out before any work.",
)
@click.option("--quiet", is_flag=True, help="Print no summary.")
@click.pass_context
def command(
    context: click.Context, maps: tuple[str, ...], out: str | None, format: str, on_exists: str, quiet: bool
) -> None:
    """Write the values of every MAP as float32, by the scale that the map's file carries.

    A MAP is a png, png16 or tiff written by apply; float files are copied as they are. A map that cannot
    be read is named at the end, and the rest goes on (exit 1).
    """
    from filterbank.batch.atomic import make_folder

    # tifffile logs what it also raises.
    logging.getLogger("tifffile").setLevel(logging.CRITICAL)
    folder = None if out is None else Path(out)
    targets = _targets(tuple(map(Path, maps)), folder, format)
    # os.path.exists() raises nothing where a folder may not be entered; writing will tell.
    existing = {target for target in targets.values() if os.path.exists(target)}  # noqa: PTH110
    if existing and on_exists == "error":
        raise RequestError(_exists_message(sorted(existing)))
    if folder is not None:
        make_folder(folder)
    failures = []
    skipped = 0
    for source, target in targets.items():
        if target in existing and on_exists == "skip":
            skipped += 1
            continue
        try:
            _decode(source, target, format)
        except FilterbankError as error:
            failures.append(str(error))
    for message in failures:
        click.echo(f"filterbank: {message}", err=True)
    if not quiet:
        done = len(targets) - len(failures) - skipped
        click.echo(_summary(done, skipped, len(failures)), err=True)
    if failures:
        context.exit(1)


def _targets(maps: tuple[Path, ...], out: Path | None, format: str) -> dict[Path, Path]:
    """Return map -> the file for its floats, or raise RequestError where two would share one."""
    targets: dict[Path, Path] = {}
    taken: dict[str, Path] = {_real(source): source for source in maps}
    for source in dict.fromkeys(maps):
        target = (out or source.parent) / f"{source.stem}.{format}"
        other = taken.setdefault(_real(target), source)
        if _real(target) == _real(source):
            raise RequestError(f"{shown(source)}: its floats would replace it; use -o with another folder")
        if other != source:
            raise RequestError(
                f"{shown(source)} and {shown(other)} would share the file {shown(target)}; "
                "accepted: one map a file; decode them in two runs with different folders"
            )
        targets[source] = target
    return targets


def _real(path: Path) -> str:
    return os.path.realpath(path)  # unlike path.resolve() it raises nothing


def _exists_message(existing: list[Path]) -> str:
    more = f" and {len(existing) - 1} more" if len(existing) > 1 else ""
    return f"{shown(existing[0])}{more} exists already; use --on-exists skip or overwrite, or another folder"


def _decode(source: Path, target: Path, format: str) -> None:
    """Write the floats of one file of maps; several pages become one stack again."""
    from filterbank.batch.atomic import write_whole
    from filterbank.imagefile.encode import TiffStack, write_npy
    from filterbank.imagefile.read_map import read_maps

    maps = read_maps(source)
    with write_whole(target) as stream:
        if format == "npy":
            write_npy(_stacked(maps, source), stream)
        else:
            with TiffStack(stream, sum(values.nbytes for values, _ in maps)) as stack:
                for values, text in maps:
                    for page in values if values.ndim == 4 else (values,):
                        stack.write(*_split_alpha(page, text))


def _stacked(maps: list[tuple[Values, MapText]], source: Path) -> Values:
    """Return one map as it is, several as one array with the maps in front."""
    import numpy as np

    from filterbank.errors import ImageError

    if len(maps) == 1:
        return maps[0][0]
    if len({values.shape for values, _ in maps}) > 1:
        raise ImageError(f"{shown(source)}: pages of several sizes do not fit one npy; use --format tiff")
    return np.stack([values for values, _ in maps])


def _split_alpha(values: Values, text: MapText) -> tuple[Values, MapText, Values | None]:
    """Return a map, its text without the scale (its values are floats now), and its alpha."""
    from dataclasses import replace

    text = replace(text, scale=None)
    return (values[:-1], text, values[-1]) if text.alpha else (values, text, None)


def _summary(done: int, skipped: int, failed: int) -> str:
    """Return the line that ends a run."""
    parts = [f"{done} {'map' if done == 1 else 'maps'} decoded"]
    parts += [f"{skipped} skipped"] * (skipped > 0) + [f"{failed} failed"] * (failed > 0)
    return "filterbank: " + ", ".join(parts)
