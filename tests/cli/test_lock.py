"""Two runs into one folder at once, as real processes."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from running import files, filterbank, noise, save

from filterbank.batch import claims, lock

COMMAND = [sys.executable, "-c", "from filterbank.cli.main import main; main()"]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for number in range(3):
        save(f"in/{number}.png", noise(20, 20, seed=number))
    return tmp_path


@contextmanager
def running(*extra: str) -> Iterator[subprocess.Popen]:
    """A run into ``maps`` that stays at its last image until it is killed."""
    arguments = ["apply", "in", "-b", "sobel", "-o", "maps", "-j", "1", *extra]
    stop = "import filterbank.batch.work as w, time; real = w.write_maps\n"
    stop += "w.write_maps = lambda *a: time.sleep(600) if a[1].path == 'in/2.png' else real(*a)\n"
    process = subprocess.Popen([*COMMAND[:2], stop + COMMAND[2], *arguments], stderr=subprocess.PIPE)
    while process.poll() is None and "2/sobel_x.png" not in claims.made(Path("maps")):
        time.sleep(0.002)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()


@pytest.mark.parametrize("extra", [(), ("--resume",), ("--on-exists", "overwrite"), ("--shard", "2/2")])
def test_the_second_run_is_refused_and_after_a_kill_goes_on(extra: tuple[str, ...]) -> None:
    with running() as first:
        before = files(Path("maps"))
        ended = filterbank("apply", "in", "-b", "sobel", "-o", "maps", *extra, code=2)
        assert f"filterbank: --out maps: another run is writing there: process {first.pid} on " in ended.err
        assert ended.err.count("\n") == 1
        assert files(Path("maps")) == before
        filterbank("apply", "in", "-b", "sobel", "-o", "elsewhere")
        filterbank("apply", "in", "-b", "sobel", "-o", "maps", "--dry-run", "--resume")
    filterbank("apply", "in", "-b", "sobel", "-o", "maps", "--resume")
    assert files(Path("maps")) == files(Path("elsewhere"))


def test_a_whole_run_waits_for_shards_and_shards_do_not() -> None:
    with running("--shard", "2/2"):
        filterbank("apply", "in", "-b", "sobel", "-o", "maps", "--shard", "1/2", "--resume")
        ended = filterbank("apply", "in", "-b", "sobel", "-o", "maps", "--resume", code=2)
        assert "(shard 2/2), since " in ended.err
        assert "--shard I/N" in ended.err


def test_where_there_are_no_locks_the_run_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("fcntl.flock", refuse)
    ended = filterbank("apply", "in", "-b", "sobel", "-o", "maps", "--json")
    assert "filterbank: maps: no locks on this file system: another run here is not noticed\n" in ended.err
    assert len(ended.json) == 3
    assert not Path("maps", lock.NAME).exists()
