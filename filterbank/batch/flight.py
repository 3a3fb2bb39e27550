"""Tasks on a cluster: a bounded number on their way, each result once, and what is said where workers die."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from functools import partial
from itertools import islice
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from distributed import Client, Future

Item = TypeVar("Item")

# Seconds: between two looks at a cluster, and how long it may be without any worker: where one makes
# machines as they are asked for, that takes minutes.
PAUSE, PATIENCE = 1.0, 300.0

# Tasks a thread: one in hand, the rest on their way, so that no worker waits for this process.
_AHEAD = 8


class Lost(Exception):  # noqa: N818 - it ends a run in order
    """The cluster can do no more, and why."""


class Unfit(Exception):  # noqa: N818 - raised by a task for the same end
    """A worker cannot work for the job at all, and why."""


class Bug(Exception):  # noqa: N818 - a mistake of this program, with its traceback
    """What a task raised against all expectation, as text: not every exception can be sent."""


class Killed:
    """What became of a task with which workers died, more often than the scheduler allows."""

    def __init__(self, deaths: int, worker: str) -> None:
        self._deaths, self._worker = deaths, worker

    def __str__(self) -> str:
        """Return the sentence that stands behind the image's name."""
        return (
            f"{self._deaths} workers died while they had it in hand, the last {self._worker}: it may need "
            "more memory than a worker has; their logs tell"
        )


class Flight(Generic[Item]):
    """Calls of *function* on workers: one an item, with what *arguments* gives for it.

    *check* is called now and then, and may raise.
    """

    def __init__(
        self,
        client: Client,
        function: Callable[..., Any],
        arguments: Callable[[Item], tuple[Any, ...]],
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self._client, self._function, self._arguments, self._check = client, function, arguments, check
        self._in_hand: dict[str, tuple[Item, Future]] = {}
        self._suspects: list[Item] = []
        self._ended = SimpleQueue[str]()
        self._polled: list[str] = []
        self._threads, self._looked, self._seen = 0, 0.0, time.monotonic()
        self._workers: set[str] = set()
        self.lost_workers = False

    @property
    def under_way(self) -> list[Item]:
        """The items that have been sent, and of which nothing is known yet."""
        return [*(item for item, _ in self._in_hand.values()), *self._suspects]

    def cancel(self) -> None:
        """Have what is waiting not begin."""
        with suppress(OSError, RuntimeError):  # the scheduler has gone
            self._client.cancel([future for _, future in self._in_hand.values()])

    def results(self, items: Iterable[Item]) -> Generator[tuple[Item, Any], None, None]:
        """Yield each item and what became of it, as it ends.

        Raises
        ------
        Lost
            Scheduler or workers have gone for good; nothing more will come.
        """
        for item, found in self._each(items):
            if isinstance(found, Killed):
                self._suspects.append(item)
            else:
                yield item, found
        # What was on a worker beside an item that kills it is blamed as well; alone, only the guilty is.
        while self._suspects:
            yield from self._each([self._suspects.pop(0)])

    def _each(self, items: Iterable[Item]) -> Iterator[tuple[Item, Any]]:
        todo = iter(items)
        while True:
            self._check()
            for item in islice(todo, self._room()):
                self._send(item)
            if not self._in_hand:
                return
            for key, found in self._fetch(self._drain()):
                yield self._in_hand.pop(key)[0], found

    def _send(self, item: Item) -> None:
        key = f"{self._function.__name__}-{uuid.uuid4().hex}"
        future = self._client.submit(self._function, *self._arguments(item), key=key)
        self._in_hand[key] = item, future
        self._await(future)

    def _await(self, future: Future) -> None:
        future.add_done_callback(lambda future: self._ended.put(future.key))

    def look(self) -> None:
        """Look at which workers there are."""
        threads: dict[str, int] = {}
        with suppress(OSError):
            threads = self._client.nthreads()
        self.lost_workers |= not threads.keys() >= self._workers
        self._workers, self._threads = set(threads), sum(threads.values())
        self._looked = time.monotonic()
        if self._threads:
            self._seen = self._looked

    def _room(self) -> int:
        """Return how many more tasks may be sent."""
        if time.monotonic() - self._looked >= PAUSE:
            self.look()
            if self._looked - self._seen >= PATIENCE:
                raise Lost(f"the cluster has had no worker for {PATIENCE:g} s; add --resume to go on")
        return max(0, _AHEAD * max(self._threads, 1) - len(self._in_hand))

    def _drain(self) -> dict[str, Future]:
        """Return the tasks that have ended, waiting a little for the first."""
        keys, self._polled = self._polled, []
        with suppress(Empty):
            keys.append(self._ended.get(timeout=PAUSE))
            while True:
                keys.append(self._ended.get_nowait())
        return {key: self._in_hand[key][1] for key in keys}

    def _fetch(self, ended: dict[str, Future]) -> Iterator[tuple[str, Any]]:
        """Yield what the tasks that have *ended* gave; those that have not after all are awaited again."""
        finished = {key: future for key, future in ended.items() if future.status == "finished"}
        gather = partial(self._client.gather, finished, errors="skip", asynchronous=True)
        found: dict[str, Any] = {}
        with suppress(TimeoutError, OSError):  # a worker died with results: others make them again
            found = self._client.sync(gather, callback_timeout=PAUSE) if finished else {}
        for key, future in ended.items():
            status = future.status
            if found.get(key) is not None:
                yield key, found[key]
            elif status in ("error", "cancelled"):
                yield key, _failure(future)
            elif status == "lost":  # made again, and no callback tells when
                self._polled.append(key)
            else:
                self._await(future)


def _failure(future: Future) -> Killed:
    from distributed import CancelledError, KilledWorker  # noqa: PLC0415 - an extra

    try:
        future.result(timeout=PAUSE)
    except KilledWorker as error:
        return Killed(error.allowed_failures + 1, error.last_worker.address)
    except Unfit as error:
        raise Lost(str(error)) from error
    except (CancelledError, TimeoutError) as error:
        raise Lost("the connection to the cluster's scheduler was lost; add --resume to go on") from error
    raise AssertionError(f"{future} has failed and has not")
