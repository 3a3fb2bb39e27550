"""A Dask scheduler and its workers as real processes on loopback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class DaskProcesses:
    """A scheduler that listens, and what was started beside it."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    address: str = ""
    _all: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start_scheduler(self) -> None:
        file = self.folder / "scheduler.json"
        self._start(
            "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", file
        )
        wait_until(file.exists)
        self.address = json.loads(file.read_text())["address"]

    def start_worker(self, *extra: object, **environment: str) -> subprocess.Popen[bytes]:
        """Start a worker of one thread, without a nanny unless *extra* asks for it."""
        usual = ("--host", "127.0.0.1", "--nthreads", "1", "--memory-limit", "0", "--no-dashboard")
        nanny = () if "--nanny" in extra else ("--no-nanny",)
        worker = self._start("worker", self.address, *usual, *nanny, *extra, **environment)
        self.workers.append(worker)
        return worker

    def wait_for_workers(self, count: int) -> None:
        from distributed import Client

        with Client(self.address, set_as_default=False) as client:
            client.wait_for_workers(count, timeout=60)

    def stop(self) -> None:
        for process in self._all:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # a nanny's worker, too
            process.wait()

    def _start(self, what: str, *arguments: object, **environment: str) -> subprocess.Popen[bytes]:
        log = (self.folder / f"{what}-{len(self._all)}.log").open("wb")
        process = subprocess.Popen(
            [sys.executable, "-m", "dask", what, *map(str, arguments)],
            cwd=self.folder,
            env=os.environ | self.environment | environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        log.close()
        self._all.append(process)
        return process


@contextmanager
def dask_processes(folder: Path, workers: int, **environment: str) -> Iterator[DaskProcesses]:
    """A scheduler and *workers*, all there; *folder* gets their logs and is where they work."""
    folder.mkdir(exist_ok=True)
    processes = DaskProcesses(folder, environment)
    try:
        processes.start_scheduler()
        for _ in range(workers):
            processes.start_worker()
        if workers:
            processes.wait_for_workers(workers)
        yield processes
    finally:
        processes.stop()


def wait_until(is_so: object, seconds: float = 60) -> None:
    """Wait until *is_so* returns true."""
    end = time.monotonic() + seconds
    while not is_so():  # type: ignore[operator]
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.02)
