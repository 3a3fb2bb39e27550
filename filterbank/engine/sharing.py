"""Threads that share the parts of one image."""

from __future__ import annotations

import threading
from collections.abc import Callable


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

    workers = [worker() for _ in range(max(1, min(threads, count)))]
    helpers = [threading.Thread(target=work, args=(do,)) for do in workers[1:]]
    for helper in helpers:
        helper.start()
    work(workers[0])
    for helper in helpers:
        helper.join()
    if errors:
        raise errors[0]
