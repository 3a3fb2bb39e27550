"""Where a real process is the point: kill -9, Ctrl-C, pipes, a full disk, memory."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from running import PROGRAM, files, filterbank, manifest, noise

from filterbank.batch import claims

COMMAND = [sys.executable, "-c", PROGRAM]
BANKS = ["-b", "sobel", "-b", "kirsch"]


def start(*arguments: object, **options) -> subprocess.Popen:
    return subprocess.Popen([*COMMAND, *map(str, arguments)], stderr=subprocess.PIPE, **options)


def make_images(count: int = 12, size: int = 150) -> None:
    Path("in").mkdir()
    for number in range(count):
        Image.fromarray(noise(size, size, 3, seed=number)).save(f"in/{number}.png", compress_level=0)


def wait_for_maps(folder: Path, count: int, process: subprocess.Popen) -> None:
    while process.poll() is None and len(list(folder.rglob("*.png"))) < count:
        time.sleep(0.002)


def kept() -> set[str]:
    """The maps that an interrupted run stands by: where a step took too long, its claims name the others."""
    found = {name for name in files(Path("maps")) if not name.endswith(".filterbank-tmp")}
    return found - claims.made(Path("maps"))


def test_kill_leaves_only_whole_files_and_a_rerun_repairs_everything() -> None:
    make_images()
    filterbank("apply", "in", *BANKS, "-o", "whole")
    whole = files(Path("whole"))
    maps = Path("maps")
    killed = 0
    for count in (1, 20, 55, 90):
        with start("apply", "in", *BANKS, "-o", "maps", "--on-exists", "overwrite") as process:
            wait_for_maps(maps, count, process)
            time.sleep(0.01 * (count % 3))
            process.kill()
        killed += process.returncode == -signal.SIGKILL
        found = {name: data for name, data in files(maps).items() if not name.endswith(".filterbank-tmp")}
        assert found.items() <= whole.items()
        if (maps / "manifest.jsonl").exists():
            for line in (maps / "manifest.jsonl").read_bytes().split(b"\n")[:-1]:
                assert all(one["file"] in found for one in json.loads(line)["maps"])
    assert killed >= 3
    left = maps / "1" / "sobel" / ".00112233445566ff.filterbank-tmp"
    left.parent.mkdir(parents=True, exist_ok=True)
    left.write_bytes(b"left behind")
    filterbank("apply", "in", *BANKS, "-o", "maps", "--on-exists", "overwrite")
    assert files(maps) == whole
    assert manifest(maps)


@pytest.mark.parametrize("jobs", [1, 2, 50])
def test_ctrl_c_ends_promptly_with_whole_files_and_130(jobs: int) -> None:
    make_images(20)
    with start("apply", "in", *BANKS, "-o", "maps", "-j", jobs) as process:
        while process.poll() is None and not Path("maps/manifest.jsonl").exists():
            time.sleep(0.002)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()
    assert process.returncode == 130, err
    assert b"filterbank: interrupted" in err
    assert b"--resume" in err
    assert b"Traceback" not in err
    done = [one["file"] for line in manifest(Path("maps")) for one in line["maps"]]
    # An image is done or it is not: no half sets of maps either.
    assert kept() == set(done)
    assert 0 < len(done) < 20 * 10
    filterbank("apply", "in", *BANKS, "-o", "maps", "--on-exists", "skip")
    assert len(files(Path("maps"))) == 20 * 10


def test_ctrl_c_within_one_image() -> None:
    np.save("large.npy", np.random.default_rng(0).random((1500, 1500), np.float32))
    with start("apply", "large.npy", "-b", "laws-25", "-o", "maps", "-j", 2) as process:
        wait_for_maps(Path("maps"), 2, process)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()
    assert process.returncode == 130, err
    assert kept() == set()


def test_ctrl_c_does_not_wait_for_a_long_step() -> None:
    Path("in").mkdir()
    for number in range(2):
        Image.fromarray(noise(60, 60, seed=number)).save(f"in/{number}.png")
    long = "import filterbank.batch.work as w, time; real = w.manifest.append\n"
    long += "w.manifest.append = lambda *a, **k: (real(*a, **k), time.sleep(600))\n"
    command = [sys.executable, "-c", long + PROGRAM, "apply", "in", *BANKS, "-o", "maps", "-j", "2"]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        while process.poll() is None and len(manifest_lines()) < 4:
            time.sleep(0.002)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()
    assert process.returncode == 130, err
    assert err.decode().splitlines()[-1] == "filterbank: interrupted"
    assert b"add --resume to go on" in err
    assert b"Traceback" not in err
    filterbank("apply", "in", *BANKS, "-o", "maps", "--resume")
    filterbank("apply", "in", *BANKS, "-o", "whole")
    assert files(Path("maps")) == files(Path("whole"))


def manifest_lines() -> list[bytes]:
    path = Path("maps/manifest.jsonl")
    return path.read_bytes().splitlines() if path.exists() else []


def test_through_a_pipe() -> None:
    Image.fromarray(noise(20, 30)).save("one.png")
    arguments = ["apply", "-", "-b", "sobel", "--filter", "sobel_x", "-o", "-"]
    with (
        Path("one.png").open("rb") as image,
        start(*arguments, stdin=image, stdout=subprocess.PIPE) as process,
    ):
        out, err = process.communicate()
    assert process.returncode == 0, err
    assert out == filterbank(*arguments, stdin=Path("one.png").read_bytes()).out


@pytest.mark.parametrize("what", ["-o - -b identity --format npy", "-o m -b sobel --json"])
def test_a_reader_that_has_gone_is_no_traceback(what: str) -> None:
    Image.fromarray(noise(300, 300)).save("one.png")
    reader, writer = os.pipe()
    os.close(reader)
    with start("apply", "one.png", *what.split(), stdout=writer) as process:
        os.close(writer)
        _, err = process.communicate()
    assert process.returncode == 1
    assert b"Traceback" not in err
    assert b"Exception" not in err


@pytest.fixture
def full_disk():
    """Files may grow to 64 kB and no further."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    yield lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, hard))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize(
    "options", ["--format png", "--format npy", "--format tiff", "--stack --format tiff"]
)
def test_a_full_disk_is_that_images_failure_and_leaves_no_partial_file(full_disk, options: str) -> None:
    Path("in").mkdir()
    Image.fromarray(noise(40, 50)).save("in/small.png")
    Image.fromarray(noise(500, 500)).save("in/large.png")
    arguments = ["-b", "sobel", "-b", "identity", *options.split()]
    filterbank("apply", "in", *arguments, "-o", "whole")  # compiled before the disk is full
    full_disk()
    ended = filterbank("apply", "in", *arguments, "-o", "maps", code=1)
    assert "filterbank: in/large.png: maps/large" in ended.err
    assert re.search("cannot be written: (File too large|not all was written, the disk may)", ended.err)
    whole = {name: data for name, data in files(Path("whole")).items() if name.startswith("small")}
    assert files(Path("maps")) == whole
    assert {line["input"] for line in manifest(Path("maps"))} == {"in/small.png"}


def test_a_full_device_behind_standard_output() -> None:
    Image.fromarray(noise(20, 30)).save("one.png")
    arguments = ["apply", "one.png", "-b", "identity", "-o", "-"]
    with Path("/dev/full").open("wb") as full, start(*arguments, stdout=full) as process:
        _, err = process.communicate()
    assert process.returncode == 1
    assert b"No space left on device" in err
    assert b"Traceback" not in err


def test_a_folder_that_cannot_be_made() -> None:
    Image.fromarray(noise(20, 30)).save("one.png")
    ended = filterbank("apply", "one.png", "-b", "sobel", "-o", "/proc/maps", code=2)
    assert "filterbank: /proc/maps: folder cannot be made: " in ended.err


def test_a_folder_that_may_not_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    Image.fromarray(noise(20, 30)).save("one.png")
    Path("maps").mkdir(mode=0o555)
    if os.geteuid() == 0:  # root may write anywhere
        monkeypatch.setattr(os, "access", lambda *_: False)
    ended = filterbank("apply", "one.png", "-b", "sobel", "-o", "maps", code=2)
    assert "maps: may not be written to; choose another folder with -o" in ended.err


@pytest.mark.parametrize("page", [["--help"], ["--version"], ["apply", "--help"], ["completion", "bash"]])
def test_help_imports_neither_numpy_nor_numba(page: list[str]) -> None:
    code = (
        "import sys; from filterbank.cli.main import main\n"
        f"sys.argv = ['filterbank', *{page!r}]\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "print(sorted({'numpy', 'numba', 'PIL', 'tifffile', 'yaml'} & sys.modules.keys()), file=sys.stderr)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout
    assert ended.stderr.splitlines()[-1] == "[]"


PEAK = """
import resource, sys
from filterbank.cli.main import main
try: main()
except SystemExit as end: assert not end.code, end.code
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_memory_does_not_grow_with_the_batch() -> None:
    make_images(4, 400)
    for number in range(4, 40):
        Path(f"in/{number}.png").symlink_to("0.png")

    def peak(pattern: str) -> float:
        arguments = ["apply", pattern, "-b", "sobel", "-o", f"maps{len(pattern)}", "-j", "2"]
        ended = subprocess.run(
            [sys.executable, "-c", PEAK, *arguments], capture_output=True, text=True, check=True
        )
        return int(ended.stdout) / 1024

    assert peak("in/*.png") < peak("in/[0-3].png") + 20
