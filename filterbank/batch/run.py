"""Walking a job: events as images end, memory that does not grow with the batch."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import Protocol

from filterbank.batch import lock, work
from filterbank.batch.atomic import make_folder, mark_run, remove_all_leftovers, remove_leftovers
from filterbank.batch.inputs import Source
from filterbank.batch.job import Event, ImageFailed, ImageSkipped, Job, Notice
from filterbank.batch.pool import Crew
from filterbank.errors import OutputError, shown
from filterbank.imagefile import tone
from filterbank.imagefile.tone import Extremes


class Executor(Protocol):
    """Where images are worked on: several at once, each result yielded as it ends, in any order.

    Images are told by their numbers among the job's. Closing an iterator ends its work at the next step.
    """

    def extremes(self) -> Generator[tuple[int, dict[str, Extremes] | ImageFailed], None, None]:
        """Yield the extremes of every image's maps for each resolved range; nothing is written."""

    def apply(
        self, numbers: Sequence[int], shared: dict[str, Extremes] | None
    ) -> Generator[Event, None, None]:
        """Yield what became of each image; its files and its manifest lines are there by then."""


def run(job: Job, stuck: Callable[[], object] | None = None) -> Generator[Event, None, None]:
    """Yield one event per image as it ends; its files and its manifest lines are there by then.

    A bad image is an event, not an exception. Closing the iterator ends all work at its next step.
    Where Ctrl-C does and a step takes longer than a second, *stuck* is called, which may end the process:
    what then lies about is what `kill -9` leaves, and the next run's to clear away.

    Raises
    ------
    OutputError
        The folder for maps cannot be made or written to.
    RequestError
        Another run is writing to it, or the cluster that was asked for cannot be used.
    """
    if job.stream is not None or not job.sources:
        yield from _events(job, Local(job, stuck))
        return
    with _executor(job, stuck) as executor, _opened_folder(job) as has_locks:
        if not has_locks:
            yield Notice(f"{shown(job.out)}: no locks on this file system: another run here is not noticed")
        yield from _events(job, executor)
        if job.ledger is not None and job.remote is None:
            from filterbank.batch import ledger  # noqa: PLC0415

            with suppress(OutputError):  # a line too many is no wrong manifest: the last one counts
                ledger.compact(job.manifest)


class Local:
    """Images by the threads of this process."""

    def __init__(self, job: Job, stuck: Callable[[], object] | None = None) -> None:
        self._job, self._stuck = job, stuck

    def extremes(self) -> Generator[tuple[int, dict[str, Extremes] | ImageFailed], None, None]:
        """Yield the extremes of every image's maps."""
        sources = self._job.sources
        with Crew(self._job.jobs, len(sources), self._stuck) as crew:

            def measure(number: int) -> tuple[int, dict[str, Extremes] | ImageFailed]:
                return number, work.extremes(self._job, sources[number], crew)

            yield from crew.images(measure, range(len(sources)))

    def apply(
        self, numbers: Sequence[int], shared: dict[str, Extremes] | None
    ) -> Generator[Event, None, None]:
        """Yield what became of each image."""
        with Crew(self._job.jobs, len(numbers), self._stuck) as crew:
            sources = map(self._job.sources.__getitem__, numbers)
            yield from crew.images(partial(_apply, self._job, crew, shared), sources)


def _executor(job: Job, stuck: Callable[[], object] | None) -> AbstractContextManager[Executor]:
    if job.cluster is None:
        return nullcontext(Local(job, stuck))
    from filterbank.batch import cluster  # noqa: PLC0415 - an extra

    return cluster.connected(job, job.cluster)


def _events(job: Job, executor: Executor) -> Generator[Event, None, None]:
    for number in sorted(job.done):
        yield ImageSkipped(job.sources[number])
    todo = [number for number in range(len(job.sources)) if number not in job.done]
    shared = None
    if todo and job.settings.range_over == "batch" and job.needs_extremes:
        bad: set[int] = set()
        shared = yield from _survey(job, bad, executor)
        if bad and job.settings.fail_fast:
            return
        todo = [number for number in todo if number not in bad]
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


def _survey(job: Job, bad: set[int], executor: Executor) -> Generator[ImageFailed, None, dict[str, Extremes]]:
    """Return the extremes of the whole batch; bad images are yielded and their numbers added to *bad*.

    Images that are skipped count too: what is done later shares the scale of what was done before.
    """
    shared: dict[str, Extremes] = {}
    with closing(executor.extremes()) as surveyed:
        for number, found in surveyed:
            if not isinstance(found, ImageFailed):
                for kind in found:
                    shared[kind] = tone.merge(shared.get(kind, tone.EMPTY), found[kind])
            elif number not in job.done:
                yield found
                bad.add(number)
                if job.settings.fail_fast:
                    break
    return shared


@contextmanager
def _opened_folder(job: Job) -> Iterator[bool]:
    """Make the folder for maps, lock it, clear it of what killed runs left; take it away if it stays empty.

    The block is told whether it could be locked. In a store there is no folder, and nothing to lock.
    """
    if job.remote is not None:
        with job.remote.opened():
            yield True
        return
    out = Path(job.out)
    made = [folder for folder in (out, *out.parents) if not os.path.lexists(folder)]
    make_folder(out, fsync=job.settings.fsync)
    if not os.access(out, os.W_OK | os.X_OK):
        raise OutputError(f"{shown(out)}: may not be written to; choose another folder with -o")
    try:
        with lock.held(out, job.shard) as has_locks:
            remove_all_leftovers(out)
            for folder in job.folders:
                remove_leftovers(Path(folder))
            with mark_run(out):
                yield has_locks
    finally:
        with suppress(OSError):
            for empty in made:
                empty.rmdir()
