from __future__ import annotations

import threading
import time
import zlib

import numpy as np
import pytest

from filterbank.batch import pool
from filterbank.batch.pool import Crew, Stopped


@pytest.mark.parametrize(
    ("jobs", "count", "at_once", "threads"),
    [(1, 1, 1, 1), (1, 9, 1, 1), (4, 9, 4, 1), (4, 4, 4, 1), (4, 3, 1, 4), (4, 1, 1, 4), (4, 0, 1, 4)],
)
def test_images_or_threads_never_both(jobs: int, count: int, at_once: int, threads: int) -> None:
    with Crew(jobs, count) as crew:
        assert (crew.at_once, crew.threads) == (at_once, threads)
        assert crew.at_once == 1 or crew.threads == 1


@pytest.mark.parametrize("jobs", [1, 3])
def test_every_item_once_and_the_rest_waits_outside(jobs: int) -> None:
    drawn, running, most = [], 0, 0
    lock = threading.Lock()

    def items():
        for item in range(50):
            drawn.append(item)
            yield item

    def work(item: int) -> int:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.001 * (item % 3))
        with lock:
            running -= 1
        return item

    with Crew(jobs, 50) as crew:
        ended = []
        for item in crew.images(work, items()):
            ended.append(item)
            assert len(drawn) <= len(ended) + 2 * jobs
    assert sorted(ended) == list(range(50))
    assert most <= jobs


@pytest.mark.parametrize("count", [1, 50])
def test_maps_come_in_order(count: int) -> None:
    with Crew(4, count) as crew:
        assert list(crew.maps(lambda item: item * 2, iter(range(20)), 20)) == list(range(0, 40, 2))


def test_few_maps_share_the_threads_and_give_the_same_bytes() -> None:
    rows = np.random.default_rng(0).integers(0, 256, (900, 1000), np.uint8)
    streams, threads = [], set()

    def write(item: int) -> bytes:
        threads.add(threading.current_thread())
        with crew.deflate(rows, 1, False) as parts:
            return b"".join(parts)

    for jobs in (1, 2, 4):
        with Crew(jobs, 1) as crew:
            streams += crew.maps(write, range(1), 1)
    assert zlib.decompress(streams[0]).count(b"\0")
    assert streams[0] == streams[1] == streams[2]
    assert threads == {threading.current_thread()}  # only the bands are elsewhere: no pool waits for itself


def test_a_bug_in_a_worker_reaches_the_caller_and_ends_the_others() -> None:
    def work(item: int) -> None:
        if item == 3:
            raise ZeroDivisionError
        for _ in range(500):
            crew.check()
            time.sleep(0.001)

    began = time.monotonic()
    with pytest.raises(ZeroDivisionError), Crew(2, 100) as crew:
        for _ in crew.images(lambda item: work(item + 3), range(100)):
            pass
    assert time.monotonic() - began < 5


def test_nothing_is_written_any_more_once_a_map_failed() -> None:
    ended = []

    def write(item: int) -> None:
        if item == 0:
            raise OSError("full")
        time.sleep(0.05)
        ended.append(item)

    with Crew(3, 1) as crew:
        with pytest.raises(OSError, match="full"):
            list(crew.maps(write, range(10), 10))
        at_failure = list(ended)
        time.sleep(0.12)
        assert ended == at_failure


def test_check_tells_workers_that_the_run_is_over() -> None:
    with Crew(2, 2) as crew:
        crew.check()
    with pytest.raises(Stopped):
        crew.check()


def interrupt(crew: Crew, work) -> None:
    """Have Ctrl-C come while the first of many images are worked on."""
    with pytest.raises(KeyboardInterrupt), crew:
        for _ in crew.images(work, range(20)):
            raise KeyboardInterrupt


@pytest.mark.parametrize("jobs", [1, 2, 4])
def test_an_interrupted_run_whose_steps_are_short_is_not_stuck(jobs: int, monkeypatch) -> None:
    monkeypatch.setattr(pool, "GRACE", 60)
    calls: list[int] = []
    crew = Crew(jobs, 20, lambda: calls.append(1))
    begun = threading.Event()

    def work(number: int) -> int:
        if number:  # until the run is over
            begun.set()
            while True:
                crew.check()
                time.sleep(0.001)
        assert jobs == 1 or begun.wait()
        return number

    interrupt(crew, work)
    assert calls == []


def test_an_interrupted_run_is_stuck_where_a_step_does_not_end(monkeypatch) -> None:
    monkeypatch.setattr(pool, "GRACE", 0.01)
    goes_on = threading.Event()
    # A stuck run would end its process; here the step ends instead.
    crew = Crew(2, 20, goes_on.set)
    interrupt(crew, lambda number: number if number == 0 else goes_on.wait(60))
    assert goes_on.is_set()


def test_what_is_no_interrupt_waits(monkeypatch) -> None:
    monkeypatch.setattr(pool, "GRACE", 0)
    crew = Crew(2, 20, lambda: pytest.fail("not stuck"))
    with pytest.raises(KeyError), crew:
        for _ in crew.images(lambda number: time.sleep(0.01), range(20)):
            raise KeyError
