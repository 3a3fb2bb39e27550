"""An image as far as memory allows it: whole, or by rows; and how its banks are applied to that."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from filterbank import engine, imagefile
from filterbank.batch import work
from filterbank.batch.banded import memory
from filterbank.batch.banded.memory import Banded
from filterbank.batch.budget import Budget, megabytes
from filterbank.batch.inputs import Source, is_url
from filterbank.batch.job import Job
from filterbank.batch.pool import Crew, images_at_once
from filterbank.errors import FilterbankError, ImageError
from filterbank.imagefile import encode
from filterbank.imagefile.pieces import Held, NotByRows, Pieces, Size, opened, size_of
from filterbank.model import Bank, Image, ImageInfo, Stack
from filterbank.record import record


@record(frozen=True, eq=False)
class Course:
    """How an image is to be filtered: its banks, and the memory that this takes.

    ``rows`` are the rows of a band for each of *todos*, 0 where the image is held whole and filtered at
    once; ``why`` says why its file cannot be read by rows, where it cannot.
    """

    info: ImageInfo
    todos: tuple[Banded, ...]
    rows: tuple[int, ...]
    need: int
    whole: int
    least: int
    why: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether the image is filtered as a whole."""
        return not any(self.rows)


@contextmanager
def entered(job: Job, source: Source, crew: Crew) -> Iterator[Course]:
    """Yield the course of an image whose memory is there, its file open; or say what is missing.

    Raises
    ------
    ImageError
        It cannot be read, or the cap is too small for it.
    """
    budget = _budget(job)
    with charted(job, source, crew.at_once, crew.threads) as course, ExitStack() as held:
        if course.need > budget.total:
            raise ImageError(_too_small(course, budget))
        held.enter_context(budget.taking(course.need, crew.check))
        if course.why and not course.is_whole:
            yield _decoded(job, source, course, crew.threads)
        else:
            yield course


def _decoded(job: Job, source: Source, course: Course, threads: int) -> Course:
    """Return *course* with the image itself, which its header only let expect: it may stand on its side."""
    pieces = Held(work.decode(job, source).image)
    todos = tuple(todo for bank in job.banks for todo in planned(job, bank, pieces))
    rows = [
        memory.most_rows(job.settings, todo, course.need, threads) or engine.bands.grain(todo.plan)
        for todo in todos
    ]
    return replace(course, info=pieces.info, todos=todos, rows=tuple(rows))


@contextmanager
def charted(job: Job, source: Source, at_once: int, threads: int) -> Iterator[Course]:
    """Yield the course of an image, its file open; no more of it is read than its header and a row."""
    with ExitStack() as closed:
        pieces, why = _opened(job, source, closed)
        if pieces is None:
            yield _held(job, source, why, at_once, threads)
        else:
            yield _by_rows(job, source, pieces, at_once, threads)


def _opened(job: Job, source: Source, closed: ExitStack) -> tuple[Pieces | None, str]:
    """Return the rows of an image, to be closed by *closed*; or None and why there are none."""
    reading = job.reading(source)
    try:
        is_file = source.data is None and not is_url(source.place or source.path)
        file = source.place or source.path if is_file else source.opened()
        return closed.enter_context(opened(file, reading)), ""
    except NotByRows as error:
        return None, str(error).removeprefix(f"{source.called}: ").removeprefix("image: ")


def _by_rows(job: Job, source: Source, pieces: Pieces, at_once: int, threads: int) -> Course:
    """Return the course of an image whose rows can be read apart."""
    todos = tuple(todo for bank in job.banks for todo in planned(job, bank, pieces))
    info = pieces.info
    place = source.place or source.path
    is_file = source.data is None and not is_url(place) and not source.is_array
    file = Path(place).stat().st_size if is_file else 0
    reading = file + 2 * pieces.row * info.height
    course = _chosen(job, info, todos, reading, 0, at_once, threads)
    pixels = info.height * info.width * -(-info.channels // 4)
    is_beyond = pixels > job.reading(source).max_pixels and job.settings.format != "wav"
    if course.is_whole and is_beyond and job.budget is not None:
        return _in_bands(job, course, at_once, threads)
    return course


def planned(job: Job, bank: Bank, pieces: Pieces) -> Iterator[Banded]:
    """Yield how *bank* is applied to an image by rows, or each of its layers where all are written.

    Raises
    ------
    ImageError, GeometryError, RequestError
        The image does not suit the bank, or its maps not the format.
    """
    first, info = pieces.blank, pieces.info
    prepared = imagefile.prepare(first, bank.input, job.settings.linear)
    plan = engine.plan(bank.stack, (info.height, info.width), job.settings.method, job.machine)
    groups = len(prepared.pixels) if bank.input == "each" else 1
    alpha = prepared.alpha is not None
    if not job.settings.stack:
        encode.check_channels(job.settings.format, groups, alpha)
    # Twice what is stored: as it is read, and given its meaning.
    row = 2 * pieces.row
    if not np.shares_memory(prepared.pixels, first.pixels):
        row += prepared.pixels.nbytes + 3 * first.pixels.size * 8 * job.settings.linear
    if not work.is_by_layer(job, bank):
        yield Banded(bank, plan, pieces, groups, row, alpha)
        return
    for number, layer in enumerate(plan.layers, 1):
        before = engine.Plan(Stack(tuple(one.layer for one in plan.layers[:number])), plan.layers[:number])
        own = replace(bank, stack=Stack((layer.layer,)))
        yield Banded(own, before, pieces, groups, row, alpha, number)


def _chosen(
    job: Job,
    info: ImageInfo,
    todos: tuple[Banded, ...],
    reading: int,
    decoding: int,
    at_once: int,
    threads: int,
) -> Course:
    """Return the course that suits the memory: whole where that fits into a share of it, else in bands."""
    whole = max(memory.of_whole(job.settings, todo, reading, threads) for todo in todos)
    least = max(decoding, *(memory.least(job.settings, todo, threads) for todo in todos))
    budget = job.budget
    rows = (0,) * len(todos)
    course = Course(info, todos, rows, whole, whole, least)
    # A WAV holds signals, which have one row: there is nothing to cut.
    if budget is None or whole <= budget.total // at_once or job.settings.format == "wav":
        return course
    return _in_bands(job, course, at_once, threads)


def _in_bands(job: Job, course: Course, at_once: int, threads: int) -> Course:
    room = max(_budget(job).total // at_once, course.least)
    rows = tuple(memory.most_rows(job.settings, todo, room, threads) for todo in course.todos)
    needs = [memory.of_band(job.settings, *each, threads) for each in zip(course.todos, rows, strict=True)]
    return replace(course, rows=rows, need=max(course.least, *needs))


def _held(job: Job, source: Source, why: str, at_once: int, threads: int) -> Course:
    """Return the course of an image that has to be read whole, by what its header says."""
    with source.opened() as stream:
        size = size_of(stream)
    expected = Held(_expected(size))
    try:
        todos = tuple(todo for bank in job.banks for todo in planned(job, bank, expected))
    except FilterbankError:
        # Another image than its header lets expect: reading it will tell.
        need = size.reading + 4 * size.decoded * sum(len(bank.layer.outputs) for bank in job.banks)
        return Course(expected.info, (), (), need, need, need, why)
    return replace(_chosen(job, expected.info, todos, size.reading, size.reading, at_once, threads), why=why)


def _expected(size: Size) -> Image:
    """Return an image of the size that a header tells, its pixels one and the same."""
    channels = max(1, size.decoded // (size.height * size.width * size.sample)) if size.height else 1
    height, width = (size.height, size.width) if size.height else (1, max(1, size.decoded // size.sample))
    kinds = {1: ("gray", False), 2: ("gray", True), 3: ("rgb", False), 4: ("rgb", True)}
    kind, alpha = kinds.get(channels, ("channels", False))
    dtype = {1: np.uint8, 2: np.uint16}.get(size.sample, np.float32)
    pixels = np.broadcast_to(np.zeros((), dtype), (channels, height, width))
    return Image(pixels, ImageInfo(height, width, channels, kind, alpha))


def _too_small(course: Course, budget: Budget) -> str:
    how = f"to be read: it {course.why}" if course.why else "even in the smallest bands"
    together = max((todo.pieces.step for todo in course.todos), default=1)
    if together > 1:
        how += f", as {together:,} rows are stored together"
    cap = -(-(course.need + budget.own) // 1_000_000)
    return (
        f"needs {megabytes(course.need)} {how}; --max-memory {megabytes(budget.cap)} leaves "
        f"{megabytes(budget.total)} beside the program itself; accepted: --max-memory {cap}M or more"
        + ("; or make it a tiled TIFF or an npy, which is read by rows" if course.why else "")
    )


def _budget(job: Job) -> Budget:
    assert job.budget is not None
    return job.budget


def preview(job: Job, source: Source, waiting: int) -> Course:
    """Return the course of an image that would be one of so many *waiting*, without taking it.

    Raises
    ------
    ImageError
        It cannot be read, or the cap is too small for it.
    """
    at_once = images_at_once(job.jobs, waiting)
    with charted(job, source, at_once, job.jobs if at_once == 1 else 1) as course:
        if course.need > _budget(job).total:
            raise ImageError(_too_small(course, _budget(job)))
        return course
