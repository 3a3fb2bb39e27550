"""What a job would do: names, sizes, plan and memory of each image; nothing is written."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np

from filterbank import engine
from filterbank.batch.inputs import Source
from filterbank.batch.job import ImageFailed, ImageSkipped, Job
from filterbank.batch.resume import find_done
from filterbank.batch.work import decode, failed, planned
from filterbank.engine import Plan
from filterbank.errors import FilterbankError
from filterbank.model import Bank, ImageInfo
from filterbank.record import record

_VALUE, _CODE = 4, 2  # bytes of a value and of a 16-bit code


@record(frozen=True)
class BankPreview:
    """One bank on one image: its plan and the files it would write."""

    bank: Bank
    plan: Plan
    files: tuple[str, ...]


@record(frozen=True)
class ImagePreview:
    """One image: what it is, what would become of it, and the bytes held while it does.

    Under a cap on memory ``rows`` are those of a band for each bank (or each layer that is written), 0 where
    the image is held whole, and ``whole`` are the bytes that this would take.
    """

    source: Source
    info: ImageInfo
    banks: tuple[BankPreview, ...]
    memory: int
    rows: tuple[int, ...] = ()
    whole: int = 0


def preview(job: Job) -> Iterator[ImagePreview | ImageFailed | ImageSkipped]:
    """Yield what would become of each image, in order; images are read but not filtered."""
    for number, source in enumerate(job.sources):
        if number in job.done or (job.ledger is not None and find_done(job, job.ledger, source)):
            yield ImageSkipped(source)
            continue
        try:
            yield _preview(job, source) if job.budget is None else _capped(job, source)
        except (FilterbankError, OSError, MemoryError) as error:
            yield failed(source, error)


def _capped(job: Job, source: Source) -> ImagePreview:
    """Return what would become of an image under a cap on memory; of its file a row is read."""
    from filterbank.batch.banded.source import preview as charted  # noqa: PLC0415 - runs with a cap alone

    course = charted(job, source, len(job.sources) - len(job.done))
    names = _names(job, source)
    banks, todos = [], iter(course.todos)
    for bank in job.banks:
        own = list(islice(todos, len(job.layers(bank))))
        if own:
            banks.append(BankPreview(bank, own[-1].plan, _files(job, bank, names)))
    return ImagePreview(source, course.info, tuple(banks), course.need, course.rows, course.whole)


def _names(job: Job, source: Source) -> Iterator[str]:
    return iter(["-"] if job.stream is not None else job.namer.paths(source))


def _files(job: Job, bank: Bank, names: Iterator[str]) -> tuple[str, ...]:
    """Return the files that *bank* would write, off the front of *names*."""
    written = job.layers(bank).values()
    count = len(written) if job.settings.stack else sum(len(layer.outputs) for layer in written)
    return tuple(islice(names, count))


def _preview(job: Job, source: Source) -> ImagePreview:
    image = decode(job, source).image
    names = _names(job, source)
    banks, memory = [], 0
    for bank in job.banks:
        todo = planned(job, bank, image)
        banks.append(BankPreview(bank, todo.plan, _files(job, bank, names)))
        output, groups = todo.plan.output, len(todo.groups)
        held = _VALUE + _CODE + engine.held(bank.layer)
        maps = groups * output.out_height * output.out_width * held
        own = [group.nbytes for group in todo.groups if not np.shares_memory(group, image.pixels)]
        memory = max(memory, sum(own) + groups * todo.plan.memory + maps)
    # Twice: while a file is decoded, its samples stand beside the pixels.
    return ImagePreview(source, image.info, tuple(banks), memory + 2 * image.pixels.nbytes)
