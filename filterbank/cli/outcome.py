"""What ``apply`` prints: one summary, bad images by name, JSON lines, or the preview of a dry run."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from contextlib import closing, nullcontext
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from filterbank import engine
from filterbank.batch import run as runs
from filterbank.batch.job import ImageDone, ImageFailed, ImageSkipped, Job, Notice
from filterbank.batch.pool import images_at_once
from filterbank.cli.request import Request
from filterbank.cli.streams import OutputLost
from filterbank.errors import shown
from filterbank.record import record

if TYPE_CHECKING:
    from filterbank.batch.preview import ImagePreview
    from filterbank.cli.progress import Progress
    from filterbank.model import Bank

EXIT_FAILED, EXIT_CLIPPED, EXIT_INTERRUPT = 1, 4, 130

_SHOWN = 20  # clipped maps that are named


@record()
class _Tally:
    """What has happened so far."""

    images: int = 0
    maps: int = 0
    skipped: int = 0
    failed: list[ImageFailed] = field(default_factory=list)
    clipped: int = 0
    examples: list[tuple[str, float]] = field(default_factory=list)  # of clipped maps

    def add(self, event: ImageDone | ImageFailed | ImageSkipped) -> None:
        if isinstance(event, ImageFailed):
            self.failed.append(event)
        elif isinstance(event, ImageSkipped):
            self.skipped += 1
            self._add_clipped(event.clipped)
        else:
            maps = [one for record in event.records for one in record.maps]
            self.images += 1
            self.maps += len(maps)
            self._add_clipped([(one.file, one.clipped) for one in maps if one.clipped])

    def _add_clipped(self, maps: Sequence[tuple[str, float]]) -> None:
        self.clipped += len(maps)
        self.examples += maps[: _SHOWN - len(self.examples)]


def run(job: Job, request: Request) -> int:
    """Run *job*, print what happens, and return the exit code."""
    began = time.monotonic()
    tally = _Tally()
    progress = _progress(job, request)

    def interrupted() -> None:
        _print_failures(tally.failed, job)
        if job.stream is None:
            _say(
                f"{_summary(tally, job, began)}; the rest was not done: add --resume to go on", request.quiet
            )

    def end_at_once() -> NoReturn:
        if progress:
            progress.clear()
        interrupted()
        click.echo("filterbank: interrupted", err=True)
        os._exit(EXIT_INTERRUPT)

    try:
        with progress or nullcontext(), closing(runs.run(job, end_at_once)) as events:
            for event in events:
                if progress and (request.as_json or isinstance(event, Notice)):
                    progress.clear()
                if isinstance(event, Notice):
                    _say(event.text, request.quiet)
                    continue
                tally.add(event)
                if request.as_json:
                    _print_json(event)
                if progress:
                    progress.advance()
    except (KeyboardInterrupt, OutputLost):
        interrupted()
        raise
    if request.report and Path(job.out).is_dir():
        from filterbank.cli import contact

        contact.write(job.out, job.banks)
    _print_failures(tally.failed, job)
    rest = len(job.sources) - tally.images - tally.skipped - len(tally.failed)
    why = " after the first bad one" if request.fail_fast else ""
    stopped = f", {rest} not done{why}" if rest else ""
    clipped = request.fail_on_clip and tally.clipped
    if clipped:
        _print_clipped(tally)
    _say(_summary(tally, job, began, stopped), request.quiet)
    return EXIT_FAILED if tally.failed else EXIT_CLIPPED if clipped else 0


def _progress(job: Job, request: Request) -> Progress | None:
    """Return the line that says how far the run is, where one is to be drawn."""
    drawn = request.progress if request.progress is not None else sys.stderr.isatty()
    if not drawn or request.quiet:
        return None
    from filterbank.cli.progress import Progress

    return Progress(len(job.sources), enabled=True)


def preview_only(job: Job, *, as_json: bool, quiet: bool) -> int:
    """Print what *job* would do, and return the exit code it would have as far as one can tell."""
    failed, images, maps, memory = [], 0, 0, 0
    from filterbank.batch.preview import ImagePreview, preview

    for event in preview(job):
        if isinstance(event, ImagePreview):
            images += 1
            maps += sum(_outputs(job, one.bank) for one in event.banks)
            memory = max(memory, event.memory)
            click.echo(json.dumps(_preview_json(job, event)) if as_json else _preview_text(job, event))
        elif isinstance(event, ImageFailed):
            failed.append(event)
            if as_json:
                _print_json(event)
        elif as_json:
            _print_json(event)
        else:
            click.echo(f"{event.source.shown}: skipped, its maps {'are done' if job.ledger else 'exist'}")
    _print_failures(failed, job)
    at_once = images_at_once(job.jobs, len(job.sources) - len(job.done))
    memory *= min(at_once, max(images, 1))
    under = ""
    if job.budget is not None:
        memory = min(memory, job.budget.total)
        under = f" beside {_bytes(job.budget.own)} of the program, under a cap of {_bytes(job.budget.cap)}"
    _say(
        f"{_count(images, 'image')}, {_count(maps, 'map')}{_failed(failed)}, "
        f"at most {_bytes(memory)} for images and maps at once{under}; dry run, nothing was written",
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


def _print_failures(failed: Sequence[ImageFailed], job: Job) -> None:
    if failed:
        from filterbank.cli import failures

        for line in failures.lines(failed, job.out):
            click.echo(f"filterbank: {line}", err=True)


def _print_clipped(tally: _Tally) -> None:
    for file, share in tally.examples:
        click.echo(f"filterbank: {shown(file)}: {100 * share:.3g} % of its pixels clipped", err=True)
    if tally.clipped > len(tally.examples):
        click.echo(f"filterbank: and {tally.clipped - len(tally.examples)} more clipped maps", err=True)


def _print_json(event: ImageDone | ImageFailed | ImageSkipped) -> None:
    if isinstance(event, ImageDone):
        lines = [record.line() for record in event.records]
    elif isinstance(event, ImageFailed):
        lines = [json.dumps({"input": event.source.path, "error": event.reason})]
    else:
        lines = [json.dumps({"input": event.source.path, "skipped": True})]
    for line in lines:
        click.echo(line)


def _preview_json(job: Job, event: ImagePreview) -> dict[str, Any]:
    info = event.info
    return {
        "input": event.source.path,
        "height": info.height,
        "width": info.width,
        "channels": info.channels,
        "memory": event.memory,
        **({"bands": list(event.rows), "memory_whole": event.whole} if job.budget is not None else {}),
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
        f"{_bytes(event.memory)}{_capped(event)}"
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


def _capped(event: ImagePreview) -> str:
    """Return how an image would be held under a cap on memory, empty without one."""
    if not event.whole:
        return ""
    if not any(event.rows):
        return " as a whole"
    rows = " and ".join(str(rows) for rows in dict.fromkeys(event.rows))
    return f" in bands of {rows} rows; held whole it would take {_bytes(event.whole)}"


def _bytes(number: int) -> str:
    size = float(number)
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} GB"
