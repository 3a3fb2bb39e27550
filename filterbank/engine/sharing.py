"""Threads that share the parts of one image."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import cache
from typing import TypeVar

T = TypeVar("T")

_POOLS = threading.Lock()


@cache
def _pool(process: int, threads: int) -> ThreadPoolExecutor:
    """Return threads that wait for work: starting one takes as long as filtering a small image.

    A forked *process* has none of its parent's threads, so it gets its own.
    """
    return ThreadPoolExecutor(threads, "filterbank")


def together(
    do: Callable[[T], None], each: Sequence[T], threads: int, is_done: Callable[[], bool] = lambda: False
) -> None:
    """Call *do* with *each* of at most so many as *threads*: the first in this one, the others in helpers.

    Where *is_done* says so after the first, the others are not waited for: they have nothing left to do.
    """
    own, *others = each
    helpers: list[Future[None]] = []
    if others:
        with _POOLS:
            pool = _pool(os.getpid(), threads - 1)
        helpers = [pool.submit(do, one) for one in others]
    do(own)
    # Those that have not begun, all being done, never need to.
    begun = [helper for helper in helpers if not helper.cancel()]
    if begun and not is_done():
        wait(begun)


def share(count: int, threads: int, do: Callable[[int], None]) -> None:
    """Call *do* for each number below *count*, in so many threads.

    Which thread takes which number is left to chance; what is computed must not depend on it. The first
    error of any thread is raised when all have stopped.

    >>> found = []
    >>> share(3, 2, found.append)
    >>> sorted(found)
    [0, 1, 2]
    """
    todo = iter(range(count))  # a range's iterator hands out each number once, whoever asks
    errors: list[BaseException] = []

    def work(_: int) -> None:
        try:
            for number in todo:
                if errors:
                    return
                do(number)
        except BaseException as error:
            errors.append(error)

    together(work, range(max(1, min(threads, count))), threads)
    if errors:
        raise errors[0]
