"""Walking a job: events as images end, memory that does not grow with the batch."""

from __future__ import annotations

import os
from collections.abc import Collection, Generator, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import Protocol

from filterbank.batch import work
from filterbank.batch.atomic import make_folder, mark_run, remove_all_leftovers, remove_leftovers
from filterbank.batch.inputs import Source
from filterbank.batch.job import Event, ImageFailed, ImageSkipped, Job
from filterbank.batch.pool import Crew
from filterbank.errors import OutputError, shown
from filterbank.imagefile import tone
from filterbank.imagefile.tone import Extremes


class Executor(Protocol):
    """Where images are worked on: several at once, each result yielded as it ends, in any order.

    Closing an iterator ends its work at the next step.
    """

    def extremes(
        self, sources: Collection[Source]
    ) -> Generator[tuple[Source, dict[str, Extremes] | ImageFailed], None, None]:
        """Yield the extremes of each image's maps for each resolved range; nothing is written."""

    def apply(
        self, sources: Collection[Source], shared: dict[str, Extremes] | None
    ) -> Generator[Event, None, None]:
        """Yield what became of each image; its files and its manifest lines are there by then."""


def run(job: Job) -> Generator[Event, None, None]:
    """Yield one event per image as it ends; its files and its manifest lines are there by then.

    A bad image is an event, not an exception. Closing the iterator ends all work at its next step.

    Raises
    ------
    OutputError
        The folder for maps cannot be made or written to.
    RequestError
        The cluster that was asked for cannot be used; nothing was written.
    """
    if job.stream is not None or not job.sources:
        yield from _events(job, Local(job))
        return
    with _executor(job) as executor, _opened_folder(job):
        try:
            yield from _events(job, executor)
        finally:
            if job.ledger is not None and job.remote is None:
                from filterbank.batch import ledger  # noqa: PLC0415

                with suppress(OutputError):  # a line too many is no wrong manifest: the last one counts
                    ledger.compact(job.manifest)


class Local:
    """Images by the threads of this process."""

    def __init__(self, job: Job) -> None:
        self._job = job

    def extremes(
        self, sources: Collection[Source]
    ) -> Generator[tuple[Source, dict[str, Extremes] | ImageFailed], None, None]:
        """Yield the extremes of each image's maps."""
        with Crew(self._job.jobs, len(sources)) as crew:
            yield from crew.images(lambda source: (source, work.extremes(self._job, source, crew)), sources)

    def apply(
        self, sources: Collection[Source], shared: dict[str, Extremes] | None
    ) -> Generator[Event, None, None]:
        """Yield what became of each image."""
        with Crew(self._job.jobs, len(sources)) as crew:
            yield from crew.images(partial(_apply, self._job, crew, shared), sources)


def _executor(job: Job) -> AbstractContextManager[Executor]:
    if job.cluster is None:
        return nullcontext(Local(job))
    from filterbank.batch import cluster  # noqa: PLC0415 - an extra

    return cluster.connected(job, job.cluster)


def _events(job: Job, executor: Executor) -> Generator[Event, None, None]:
    for number in sorted(job.done):
        yield ImageSkipped(job.sources[number])
    todo = {source: None for number, source in enumerate(job.sources) if number not in job.done}
    shared = None
    if todo and job.settings.range_over == "batch" and job.needs_extremes:
        shared = yield from _survey(job, todo, executor)
    with closing(executor.apply(todo, shared)) as events:
        for event in events:
            yield event
            if isinstance(event, ImageFailed) and job.settings.fail_fast:
                return


def _apply(job: Job, crew: Crew, shared: dict[str, Extremes] | None, source: Source) -> Event:
    crew.check()
    if job.ledger is not None:
        from filterbank.batch.resume import find_done  # noqa: PLC0415 - a short run imports little

        done = find_done(job, job.ledger, source, shared)
        if done is not None:
            return ImageSkipped(source, tuple(one for entry in done for one in entry.clipped))
    return work.apply(job, source, crew, shared)


def _survey(
    job: Job, todo: dict[Source, None], executor: Executor
) -> Generator[ImageFailed, None, dict[str, Extremes]]:
    """Return the extremes of the whole batch; bad images are yielded and taken out of *todo*.

    Images that are skipped count too: what is done later shares the scale of what was done before.
    """
    shared: dict[str, Extremes] = {}
    with closing(executor.extremes(job.sources)) as surveyed:
        for source, found in surveyed:
            if not isinstance(found, ImageFailed):
                for kind in found:
                    shared[kind] = tone.merge(shared.get(kind, tone.EMPTY), found[kind])
            elif source in todo:
                yield found
                del todo[source]
                if job.settings.fail_fast:
                    todo.clear()
                    break
    return shared


@contextmanager
def _opened_folder(job: Job) -> Iterator[None]:
    """Make the folder for maps and clear it of what killed runs left; take it away if it stays empty."""
    if job.remote is not None:
        with job.remote.opened():
            yield
        return
    out = Path(job.out)
    made = [folder for folder in (out, *out.parents) if not os.path.lexists(folder)]
    make_folder(out, fsync=job.settings.fsync)
    if not os.access(out, os.W_OK | os.X_OK):
        raise OutputError(f"{shown(out)}: may not be written to; choose another folder with -o")
    remove_all_leftovers(out)
    for folder in job.folders:
        remove_leftovers(Path(folder))
    try:
        with mark_run(out):
            yield
    finally:
        with suppress(OSError):
            for empty in made:
                empty.rmdir()
