"""What ``apply`` prints: one summary, bad images by name, JSON lines, or the preview of a dry run."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from filterbank import engine
from filterbank.batch import run as runs
from filterbank.batch.job import Event, ImageDone, ImageFailed, ImageSkipped, Job
from filterbank.batch.pool import images_at_once
from filterbank.cli.progress import Progress
from filterbank.cli.request import Request
from filterbank.cli.streams import OutputLost
from filterbank.errors import shown

if TYPE_CHECKING:
    from filterbank.batch.preview import ImagePreview
    from filterbank.model import Bank

EXIT_FAILED, EXIT_CLIPPED = 1, 4

_SHOWN = 20  # clipped maps that are named


@dataclass(slots=True)
class _Tally:
    """What has happened so far."""

    images: int = 0
    maps: int = 0
    skipped: int = 0
    failed: list[ImageFailed] = field(default_factory=list)
    clipped: list[tuple[str, float]] = field(default_factory=list)

    def add(self, event: Event) -> None:
        if isinstance(event, ImageFailed):
            self.failed.append(event)
        elif isinstance(event, ImageSkipped):
            self.skipped += 1
            self.clipped += event.clipped
        else:
            maps = [one for record in event.records for one in record.maps]
            self.images += 1
            self.maps += len(maps)
            self.clipped += [(one.file, one.clipped) for one in maps if one.clipped]


def run(job: Job, request: Request) -> int:
    """Run *job*, print what happens, and return the exit code."""
    began = time.monotonic()
    tally = _Tally()
    drawn = request.progress if request.progress is not None else sys.stderr.isatty()
    progress = Progress(len(job.sources), enabled=drawn and not request.quiet)
    try:
        with progress, closing(runs.run(job)) as events:
            for event in events:
                tally.add(event)
                if request.as_json:
                    progress.clear()
                    _print_json(event)
                progress.advance()
    except (KeyboardInterrupt, OutputLost):
        _print_failures(tally.failed)
        if job.stream is None:
            _say(
                f"{_summary(tally, job, began)}; the rest was not done: add --resume to go on",
                request.quiet,
            )
        raise
    if request.report and Path(job.out).is_dir():
        from filterbank.cli import contact

        contact.write(job.out, job.banks)
    _print_failures(tally.failed)
    rest = len(job.sources) - tally.images - tally.skipped - len(tally.failed)
    why = " after the first bad one" if request.fail_fast else ""
    stopped = f", {rest} not done{why}" if rest else ""
    clipped = request.fail_on_clip and tally.clipped
    if clipped:
        _print_clipped(tally.clipped)
    _say(_summary(tally, job, began, stopped), request.quiet)
    return EXIT_FAILED if tally.failed else EXIT_CLIPPED if clipped else 0


def preview_only(job: Job, *, as_json: bool, quiet: bool) -> int:
    """Print what *job* would do, and return the exit code it would have as far as one can tell."""
    failed, images, maps, memory = [], 0, 0, 0
    from filterbank.batch.preview import ImagePreview, preview

    for event in preview(job):
        if isinstance(event, ImagePreview):
            images += 1
            maps += sum(_outputs(job, one.bank) for one in event.banks)
            memory = max(memory, event.memory)
            click.echo(json.dumps(_preview_json(event)) if as_json else _preview_text(job, event))
        elif isinstance(event, ImageFailed):
            failed.append(event)
            if as_json:
                _print_json(event)
        elif as_json:
            _print_json(event)
        else:
            click.echo(f"{event.source.shown}: skipped, its maps {'are done' if job.ledger else 'exist'}")
    _print_failures(failed)
    at_once = images_at_once(job.jobs, len(job.sources) - len(job.done))
    _say(
        f"{_count(images, 'image')}, {_count(maps, 'map')}{_failed(failed)}, "
        f"at most {_bytes(memory * min(at_once, max(images, 1)))} for images and maps at once; "
        "dry run, nothing was written",
        quiet,
    )
    return EXIT_FAILED if failed else 0


def _outputs(job: Job, bank: Bank) -> int:
    """Return how many maps are written of an image by *bank*."""
    return sum(len(layer.outputs) for layer in job.layers(bank).values())


def _say(text: str, quiet: bool) -> None:
    if not quiet:
        click.echo(f"filterbank: {text}", err=True)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _failed(failed: Sequence[ImageFailed]) -> str:
    return f", {len(failed)} failed" if failed else ""


def _summary(tally: _Tally, job: Job, began: float, stopped: str = "") -> str:
    done = f"{_count(tally.images, 'image')}, {_count(tally.maps, 'map')}"
    skipped = f", {tally.skipped} skipped" if tally.skipped else ""
    where = "standard output" if job.stream is not None else shown(job.out)
    return f"{done}{skipped}{_failed(tally.failed)}{stopped}, {time.monotonic() - began:.1f} s → {where}"


def _print_failures(failed: Sequence[ImageFailed]) -> None:
    for event in failed:
        click.echo(f"filterbank: {event.source.shown}: {event.reason}", err=True)


def _print_clipped(clipped: Sequence[tuple[str, float]]) -> None:
    for file, share in clipped[:_SHOWN]:
        click.echo(f"filterbank: {shown(file)}: {100 * share:.3g} % of its pixels clipped", err=True)
    if len(clipped) > _SHOWN:
        click.echo(f"filterbank: and {len(clipped) - _SHOWN} more clipped maps", err=True)


def _print_json(event: Event) -> None:
    if isinstance(event, ImageDone):
        lines = [record.line() for record in event.records]
    elif isinstance(event, ImageFailed):
        lines = [json.dumps({"input": event.source.path, "error": event.reason})]
    else:
        lines = [json.dumps({"input": event.source.path, "skipped": True})]
    for line in lines:
        click.echo(line)


def _preview_json(event: ImagePreview) -> dict[str, Any]:
    info = event.info
    return {
        "input": event.source.path,
        "height": info.height,
        "width": info.width,
        "channels": info.channels,
        "memory": event.memory,
        "banks": [
            {
                "bank": one.bank.name,
                "digest": one.bank.digest,
                "height": one.plan.output.out_height,
                "width": one.plan.output.out_width,
                "files": list(one.files),
                "methods": list(engine.methods(one.plan)),
            }
            for one in event.banks
        ],
    }


def _preview_text(job: Job, event: ImagePreview) -> str:
    info = event.info
    lines = [
        f"{event.source.shown}: {info.width}×{info.height} (W×H), {_count(info.channels, 'channel')}, "
        f"{_bytes(event.memory)}"
    ]
    for one in event.banks:
        output = one.plan.output
        methods = ", ".join(dict.fromkeys(one.plan.methods))
        size = f"{output.out_width}×{output.out_height}"
        maps = _count(_outputs(job, one.bank), "map")
        of = "down to" if len(job.layers(one.bank)) > 1 else "of"
        lines.append(f"  {one.bank.name}: {maps} {of} {size}, {methods}")
        lines += [f"    {shown(file)}" for file in one.files]
    return "\n".join(lines)


def _bytes(number: int) -> str:
    size = float(number)
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} GB"
