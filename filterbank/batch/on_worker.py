"""What a worker of a cluster does: images of a job that it has been told once."""

from __future__ import annotations

import asyncio
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from distributed import Worker, get_worker
from distributed.diagnostics.plugin import WorkerPlugin

from filterbank import __version__
from filterbank.batch import work
from filterbank.batch.flight import Bug, Unfit
from filterbank.batch.inputs import Source
from filterbank.batch.job import ImageDone, ImageFailed, ImageSkipped, Job
from filterbank.batch.maps import Written
from filterbank.batch.pool import Crew, Stopped
from filterbank.batch.resume import Excerpt, find_done
from filterbank.errors import OutputError
from filterbank.imagefile.tone import Extremes

Ended = ImageDone | ImageFailed | ImageSkipped

_STEP = 0.02  # seconds between two looks at whether work has ended


class Room(WorkerPlugin):  # type: ignore[misc]  # an extra, not followed
    """A job on a worker: what its images share, and the memory that goes from image to image."""

    def __init__(self, job: Job, version: str) -> None:
        self._job, self._version = job, version

    def setup(self, worker: Worker) -> None:
        """Be ready for images."""
        self._crew = Crew(jobs=1, count=1)
        self._lock, self._busy = threading.Lock(), 0
        self._unfit = ""
        if self._version != __version__:
            self._unfit = (
                f"worker {worker.address} has filterbank {__version__}, not {self._version} as the others"
            )

    async def teardown(self, worker: Worker) -> None:
        """End the images in hand at their next step, and wait for that: nothing writes after it."""
        self._crew.stop()
        while self._busy:
            await asyncio.sleep(_STEP)

    def extremes(self, source: Source) -> dict[str, Extremes] | ImageFailed:
        """Return the extremes of *source*'s maps."""
        with self._in_hand():
            return work.extremes(self._job, source, self._crew)

    def apply(
        self, source: Source, shared: dict[str, Extremes] | None, known: Excerpt | None
    ) -> tuple[Ended, list[Written]]:
        """Write the maps of *source* unless it is done by what is *known*.

        Its claim stays until its lines are in the manifest: whoever writes them takes it away.
        """
        with self._in_hand():
            done = None if known is None else find_done(self._job, known, source, shared)
            if done is not None:
                return ImageSkipped(source, tuple(one for entry in done for one in entry.clipped)), []
            if source.fault:
                return work.write_maps(self._job, source, self._crew, shared)
            try:
                work.claim(self._job, source)
                return work.write_maps(self._job, source, self._crew, shared)
            except OutputError as error:
                return work.failed(source, error), []
            except Stopped:
                work.release(self._job, source)
                raise

    @contextmanager
    def _in_hand(self) -> Iterator[None]:
        if self._unfit:
            raise Unfit(self._unfit)
        with self._lock:
            self._busy += 1
        try:
            self._crew.check()
            yield
        except Stopped:
            raise
        except Exception as error:
            raise Bug("".join(traceback.format_exception(error))) from None
        finally:
            with self._lock:
                self._busy -= 1


def extremes(run: str, source: Source) -> dict[str, Extremes] | ImageFailed:
    """Return the extremes of *source*'s maps by the job of *run*."""
    return _room(run).extremes(source)


def apply(
    run: str, source: Source, shared: dict[str, Extremes] | None, known: Excerpt | None
) -> tuple[Ended, list[Written]]:
    """Write the maps of *source* by the job of *run*; return what became of it, and what was written."""
    event, written = _room(run).apply(source, shared, known)
    return replace(event, source=Source("")), written  # who asked knows which


def _room(run: str) -> Room:
    worker = get_worker()
    room = worker.plugins.get(run)
    if not isinstance(room, Room):
        raise Unfit(f"worker {worker.address} has not been told of the job")
    return room
