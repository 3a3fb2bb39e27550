from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from filterbank.batch import lock
from filterbank.errors import OutputError, RequestError

HOLD = """
import sys
from pathlib import Path
from filterbank.batch import lock
with lock.held(Path(sys.argv[1]), (int(sys.argv[2]), int(sys.argv[3])), clock=lambda: 0.0):
    print("held", flush=True)
    sys.stdin.read()
"""


def hold(out: Path, part: tuple[int, int] = lock.WHOLE) -> subprocess.Popen:
    """Return a process that has the lock of *out*."""
    command = [sys.executable, "-c", HOLD, str(out), *map(str, part)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=utc())
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    return process


def utc() -> dict[str, str]:
    return {**os.environ, "TZ": "UTC"}


@pytest.mark.parametrize(
    ("first", "second", "is_refused"),
    [
        (lock.WHOLE, lock.WHOLE, True),
        (lock.WHOLE, (1, 2), True),
        ((1, 2), lock.WHOLE, True),
        ((1, 2), (2, 2), False),
        ((1, 2), (3, 5), False),
    ],
)
def test_who_may_write_beside_whom(tmp_path: Path, first, second, is_refused: bool) -> None:
    with hold(tmp_path, first) as process:
        if is_refused:
            for ask in (lock.check, lock.held):
                with pytest.raises(RequestError) as refused:
                    entered(ask(tmp_path, second))
                shard = "" if first == lock.WHOLE else " (shard 1/2)"
                who = f"process {process.pid} on {os.uname().nodename}{shard}, since 19"
                assert f"--out {tmp_path}: another run is writing there: {who}" in str(refused.value)
                assert "wait for it or end it, give another folder, or cut" in str(refused.value)
        else:
            lock.check(tmp_path, second)
            with lock.held(tmp_path, second):
                pass
            assert (tmp_path / lock.NAME).exists()  # it is the other's still
        process.communicate()
    assert list(tmp_path.iterdir()) == []


def entered(block) -> None:
    if block is not None:
        with block:
            pass


def test_a_killed_run_lets_go_and_its_file_is_no_obstacle(tmp_path: Path) -> None:
    with hold(tmp_path) as process:
        process.send_signal(signal.SIGKILL)
    assert (tmp_path / lock.NAME).exists()
    lock.check(tmp_path)
    with lock.held(tmp_path):
        (line,) = (tmp_path / lock.NAME).read_bytes().splitlines()
        assert json.loads(line)["pid"] == os.getpid()
    assert list(tmp_path.iterdir()) == []


def test_shards_that_have_ended_are_not_told(tmp_path: Path) -> None:
    with hold(tmp_path, (1, 3)) as first, hold(tmp_path, (2, 3)) as second:
        first.kill()
        first.wait()
        with pytest.raises(RequestError) as refused:
            lock.check(tmp_path)
        assert "(shard 2/3)" in str(refused.value)
        assert "(shard 1/3)" not in str(refused.value)
        second.communicate()


@pytest.mark.parametrize("text", [b"", b"\xff", b"[1]\n", b"[" * 5000, b'{"pid": "x"}\n', b'{"pid": 1e99}'])
def test_whatever_stands_in_the_file_a_run_is_refused_or_not_by_the_lock(tmp_path: Path, text: bytes) -> None:
    (tmp_path / lock.NAME).write_bytes(text)
    lock.check(tmp_path)
    with hold(tmp_path) as process:
        (tmp_path / lock.NAME).write_bytes(text)
        with pytest.raises(RequestError, match="another run is writing there: one that has not said yet"):
            lock.check(tmp_path)
        process.communicate()


def test_without_locks_nobody_is_kept_out_and_the_run_is_told(tmp_path: Path, monkeypatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with lock.held(tmp_path) as first, lock.held(tmp_path) as second:
        assert (first, second) == (False, False)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_takes_no_file(tmp_path: Path) -> None:
    (tmp_path / lock.NAME).symlink_to("elsewhere")  # is not followed
    with pytest.raises(OutputError, match="cannot be written to"), lock.held(tmp_path):
        pass
    assert not (tmp_path / "elsewhere").exists()


def test_a_folder_that_has_just_gone_is_made_again(tmp_path: Path) -> None:
    with lock.held(tmp_path / "new"):
        assert (tmp_path / "new" / lock.NAME).exists()
