"""Bytes that images share: never more than there are, first come first served, nobody waits for ever."""

from __future__ import annotations

import threading
import time

import pytest

from filterbank.batch.budget import Budget, megabytes, resident
from filterbank.batch.pool import Stopped
from filterbank.errors import RequestError


def test_never_more_than_there_is() -> None:
    budget = Budget(1000 + (16 << 20), own=0)
    most, now, lock = [0], [0], threading.Lock()

    def image(nbytes: int) -> None:
        with budget.taking(nbytes):
            with lock:
                now[0] += nbytes
                most[0] = max(most[0], now[0])
            time.sleep(0.002)
            with lock:
                now[0] -= nbytes

    share = budget.total // 10
    threads = [threading.Thread(target=image, args=(share * (1 + k % 7),)) for k in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 0 < most[0] <= budget.total
    assert budget.left == budget.total


def test_first_come_first_served() -> None:
    budget = Budget(100 << 20, own=0)
    order: list[str] = []
    held = budget.taking(60 << 20)
    held.__enter__()

    def wait_for(name: str, nbytes: int) -> threading.Thread:
        def run() -> None:
            with budget.taking(nbytes):
                order.append(name)

        thread = threading.Thread(target=run)
        thread.start()
        while len(budget._queue) < len(waiting) + 1:
            time.sleep(0.001)
        return thread

    waiting: list[threading.Thread] = []
    for name, nbytes in (("large", 90 << 20), ("small", 1 << 20)):
        waiting.append(wait_for(name, nbytes))
    assert order == []  # the small one would fit, but would keep the large one waiting
    held.__exit__(None, None, None)
    for thread in waiting:
        thread.join()
    assert order == ["large", "small"]


def test_more_than_all_is_all() -> None:
    budget = Budget(100 << 20, own=20 << 20)
    with budget.taking(1 << 40):
        assert budget.left == 0
    assert budget.left == 80 << 20


def test_who_waits_is_told_that_the_run_is_over() -> None:
    budget = Budget(100 << 20, own=0)

    def over() -> None:
        raise Stopped

    with budget.taking(100 << 20):
        with pytest.raises(Stopped), budget.taking(1, over):
            pass
        assert not budget._queue
    with budget.taking(100 << 20, over):
        pass


def test_an_error_gives_the_bytes_back() -> None:
    budget = Budget(100 << 20, own=0)
    with pytest.raises(ZeroDivisionError), budget.taking(50 << 20):
        _ = 1 / 0
    assert budget.left == budget.total


def test_the_program_itself_is_measured() -> None:
    budget = Budget(64 << 30)
    assert resident() < budget.own < resident() + (64 << 20)
    with pytest.raises(RequestError, match=r"the program alone takes [\d.]+ [MG]B; accepted: at least \d+M"):
        _ = Budget(1 << 20).own


@pytest.mark.parametrize(("nbytes", "told"), [(1, "1 MB"), (999_000_000, "999 MB"), (36e9, "36 GB")])
def test_megabytes(nbytes: int, told: str) -> None:
    assert megabytes(nbytes) == told
