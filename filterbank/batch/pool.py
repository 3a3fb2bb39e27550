"""The one owner of parallelism: several images at once, or several threads on one image, never both."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager
from dataclasses import field
from itertools import islice
from queue import SimpleQueue
from types import TracebackType
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from filterbank import engine
from filterbank.engine.deflate import Parts, Scratch
from filterbank.record import record

# Seconds that an interrupted run waits for its images to come to their next step.
GRACE = 1.0

Item = TypeVar("Item")
Result = TypeVar("Result")


class Stopped(Exception):  # noqa: N818 - it is no error
    """The run is over: raised in a worker between two steps of its image."""


def images_at_once(jobs: int, count: int) -> int:
    """Return how many of *count* images are worked on at once: one a worker, or one by all.

    >>> images_at_once(4, 60), images_at_once(4, 2)
    (4, 1)
    """
    return jobs if count >= jobs else 1


@record()
class Crew:
    """Workers for *count* images.

    With at least as many images as *jobs*, each worker takes whole images, one thread each. With
    fewer, images come one after another and share all threads: the rows of a map while it is
    computed, and while they are encoded one map each, or the rows of one where maps are few.

    Where a run is interrupted and images do not come to their next step in time, ``stuck`` is called: a
    thread cannot be ended, but its process can. Without it they are waited for.
    """

    jobs: int
    count: int
    stuck: Callable[[], object] | None = None
    _stop: threading.Event = field(default_factory=threading.Event)
    _scratch: list[Scratch] = field(default_factory=list)
    _waiting: list[Future[Any]] = field(default_factory=list)
    _images: ThreadPoolExecutor = field(init=False)
    _encoders: ThreadPoolExecutor | None = field(init=False, default=None)
    _shares_maps: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        self._images = ThreadPoolExecutor(self.at_once)
        if self.at_once < self.jobs:
            self._encoders = ThreadPoolExecutor(self.jobs)

    @property
    def at_once(self) -> int:
        """How many images are worked on at once."""
        return images_at_once(self.jobs, self.count)

    @property
    def threads(self) -> int:
        """How many threads share one image."""
        return self.jobs if self.at_once == 1 else 1

    def __enter__(self) -> Crew:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End all work at its next step and wait for that."""
        self.stop()
        if self.stuck and kind is KeyboardInterrupt:
            self._images.shutdown(wait=False, cancel_futures=True)
            # wait() would wait for those that were cancelled before they began, too.
            if wait([each for each in self._waiting if not each.cancelled()], GRACE).not_done:
                self.stuck()
        self._images.shutdown(wait=True, cancel_futures=True)
        if self._encoders is not None:
            self._encoders.shutdown(wait=True, cancel_futures=True)

    def deflate(self, rows: NDArray[np.uint8], bpp: int, swap: bool) -> AbstractContextManager[Parts]:
        """Have the zlib stream of a PNG's rows; the workers' memory for it is kept from map to map."""
        pool = self._encoders if self._shares_maps else None
        return engine.compressed(rows, bpp, swap, self._scratch, pool)

    def stop(self) -> None:
        """Have all work end at its next step."""
        self._stop.set()

    def check(self) -> None:
        """Raise Stopped when the run is over; workers call it between steps."""
        if self._stop.is_set():
            raise Stopped

    def images(self, work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Yield ``work(item)`` of each item as it ends; what is waiting never grows with the batch."""
        return _as_they_end(self._images, work, items, 2 * self.at_once, self._waiting)

    def maps(self, work: Callable[[Item], Result], items: Iterable[Item], count: int) -> Iterator[Result]:
        """Yield ``work(item)`` of each of *count* items in order; *items* is drawn from as there is room."""
        self._shares_maps = self._encoders is not None and count < self.jobs
        if self._encoders is None or self._shares_maps:
            return map(work, items)
        return _in_order(self._encoders, work, items, self.jobs + 1)


def _as_they_end(
    pool: Executor,
    work: Callable[[Item], Result],
    items: Iterable[Item],
    room: int,
    waiting: list[Future[Result]],
) -> Iterator[Result]:
    # Not wait(), which asks every future for each that ends.
    ended: SimpleQueue[Future[Result]] = SimpleQueue()

    def begin(item: Item) -> None:
        waiting.append(pool.submit(work, item))
        waiting[-1].add_done_callback(ended.put)

    source = iter(items)
    for item in islice(source, room):
        begin(item)
    while waiting:
        future = ended.get()
        waiting.remove(future)
        yield future.result()
        for item in islice(source, 1):
            begin(item)


def _in_order(
    pool: Executor, work: Callable[[Item], Result], items: Iterable[Item], room: int
) -> Iterator[Result]:
    waiting: list[Future[Result]] = []
    try:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) >= room:
                yield waiting.pop(0).result()
        while waiting:
            yield waiting.pop(0).result()
    finally:
        # After a failure nothing may still be written when the caller cleans up.
        for future in waiting:
            future.cancel()
        wait(waiting)
