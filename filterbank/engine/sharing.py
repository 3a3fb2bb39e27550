"""Threads that share the parts of one image."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import cache

_POOLS = threading.Lock()


@cache
def _pool(process: int, threads: int) -> ThreadPoolExecutor:
    """Return threads that wait for work: starting one takes as long as filtering a small image.

    A forked *process* has none of its parent's threads, so it gets its own.
    """
    return ThreadPoolExecutor(threads, "filterbank")


def share(count: int, threads: int, worker: Callable[[], Callable[[int], None]]) -> None:
    """Call, for each number below *count*, one of the functions that *worker* gives, one a thread.

    A worker is made in the calling thread, so that running out of memory is an error there. Which
    thread takes which number is left to chance; what is computed must not depend on it. The first
    error of any thread is raised when all have stopped.

    >>> found = []
    >>> share(3, 2, lambda: found.append)
    >>> sorted(found)
    [0, 1, 2]
    """
    todo = iter(range(count))  # a range's iterator hands out each number once, whoever asks
    errors: list[BaseException] = []

    def work(do: Callable[[int], None]) -> None:
        try:
            for number in todo:
                if errors:
                    return
                do(number)
        except BaseException as error:
            errors.append(error)

    own, *others = [worker() for _ in range(max(1, min(threads, count)))]
    helpers: list[Future[None]] = []
    if others:
        with _POOLS:
            pool = _pool(os.getpid(), threads - 1)
        helpers = [pool.submit(work, do) for do in others]
    work(own)
    # Those that have not begun, all numbers being taken, never need to.
    wait([helper for helper in helpers if not helper.cancel()])
    if errors:
        raise errors[0]
