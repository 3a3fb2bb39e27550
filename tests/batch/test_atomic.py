from __future__ import annotations

import os
import resource
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from filterbank.batch.atomic import mark_run, remove_all_leftovers, remove_leftovers, write_whole
from filterbank.errors import OutputError


def test_a_file_appears_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    with write_whole(path) as stream:
        stream.write(b"one")
        assert not path.exists()
        assert len(list(tmp_path.iterdir())) == 1
    assert path.read_bytes() == b"one"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_block_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError), write_whole(path) as stream:
        stream.write(b"new")
        _ = 1 / 0
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_mode_follows_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        with write_whole(tmp_path / "a", fsync=True) as stream:
            stream.write(b"x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640


def test_a_name_of_255_bytes_is_written(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 255)
    with write_whole(path) as stream:
        stream.write(b"x")
    assert path.read_bytes() == b"x"


@pytest.mark.parametrize("target", ["folder", "missing/file"])
def test_what_cannot_be_written_is_an_output_error(tmp_path: Path, target: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match="cannot be written"), write_whole(tmp_path / target) as stream:
        stream.write(b"x")
    assert [entry.name for entry in tmp_path.rglob("*")] == ["folder"]


def test_a_device_is_written_not_replaced() -> None:
    with write_whole(Path("/dev/null")) as stream:
        stream.write(b"x")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, hard))
    try:
        with (
            pytest.raises(OutputError, match=r"a\.bin: cannot be written"),
            write_whole(tmp_path / "a.bin") as f,
        ):
            f.write(bytes(1 << 20))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert list(tmp_path.iterdir()) == []


_HOLD = """
import sys
from pathlib import Path
from filterbank.batch.atomic import write_whole
with write_whole(Path(sys.argv[1])) as stream:
    stream.write(b"half")
    stream.flush()
    print("writing", flush=True)
    sys.stdin.read()
"""


def test_leftovers_of_dead_runs_go_and_those_of_live_runs_stay(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _HOLD, str(tmp_path / "a.bin")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"writing\n"
        assert remove_leftovers(tmp_path) == 0
        assert len(list(tmp_path.iterdir())) == 1
        process.kill()
    assert len(list(tmp_path.iterdir())) == 1
    (tmp_path / ".keep.filterbank-tmp").write_bytes(b"not ours")
    assert remove_leftovers(tmp_path) == 1
    assert [entry.name for entry in tmp_path.iterdir()] == [".keep.filterbank-tmp"]


def test_a_folder_that_is_not_there_has_no_leftovers(tmp_path: Path) -> None:
    assert remove_leftovers(tmp_path / "missing") == 0


_MARK = """
import sys
from pathlib import Path
from filterbank.batch.atomic import mark_run, write_whole
with mark_run(Path(sys.argv[1])), write_whole(Path(sys.argv[1], "deep/er/a.bin")):
    print("writing", flush=True)
    sys.stdin.read()
"""


def test_a_killed_runs_leftovers_are_found_however_deep(tmp_path: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "whole.bin").touch()
    command = [sys.executable, "-c", _MARK, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"writing\n"
        assert remove_all_leftovers(tmp_path) == 0
        process.kill()
    assert len(list(tmp_path.rglob("*.filterbank-tmp"))) == 2
    assert remove_all_leftovers(tmp_path) == 2
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["deep", "er", "whole.bin"]


def test_folders_are_not_searched_after_a_run_that_ended(tmp_path: Path, monkeypatch) -> None:
    with mark_run(tmp_path):
        assert len(list(tmp_path.iterdir())) == 1
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(os, "walk", lambda *_: pytest.fail("searched"))
    assert remove_all_leftovers(tmp_path) == 0


def test_a_folder_that_another_run_has_taken_away_is_made_again(tmp_path: Path) -> None:
    with mark_run(tmp_path / "gone"):
        assert len(list((tmp_path / "gone").iterdir())) == 1


def test_a_mark_that_cannot_be_made_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(OutputError, match="file: cannot be written to: Not a directory"),
        mark_run(tmp_path / "file"),
    ):
        pass
