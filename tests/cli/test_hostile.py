"""A world that does not hold still: images that vanish, links in loops, clocks that go back, odd names."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from running import files, filterbank, manifest, noise, save, without_seconds

COMMAND = [sys.executable, "-c"]
MAIN = "from filterbank.cli.main import main; main()"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(code: str, *arguments: str) -> subprocess.CompletedProcess:
    """Run the command line in a process of its own, after *code*."""
    return subprocess.run([*COMMAND, code + MAIN, *arguments], capture_output=True, text=True, check=False)


def test_an_image_that_vanishes_after_it_was_listed_fails_alone() -> None:
    for number in range(4):
        save(f"in/{number}.png", noise(20, 20, seed=number))
    code = (
        "import filterbank.batch.work as w, os; real = w.decode\n"
        "def decode(job, source):\n"
        "    found = real(job, source)\n"
        "    if source.path == 'in/0.png': os.unlink('in/2.png'); os.rename('in/3.png', 'elsewhere.png')\n"
        "    return found\n"
        "w.decode = decode\n"
    )
    ended = run(code, "apply", "in", "-b", "sobel", "-o", "maps", "-j", "1")
    assert ended.returncode == 1, ended.stderr
    for number in (2, 3):
        assert f"filterbank: in/{number}.png: cannot be read: No such file or directory" in ended.stderr
    assert {line["input"] for line in manifest(Path("maps"))} == {"in/0.png", "in/1.png"}
    assert len(files(Path("maps"))) == 4


def test_a_folder_of_maps_that_vanishes_is_the_failure_of_its_images() -> None:
    for number in range(3):
        save(f"in/{number}.png", noise(20, 20, seed=number))
    code = (
        "import filterbank.batch.work as w, shutil; real = w.decode\n"
        "def decode(job, source):\n"
        "    if source.path == 'in/1.png': shutil.rmtree('maps')\n"
        "    return real(job, source)\n"
        "w.decode = decode\n"
    )
    ended = run(code, "apply", "in", "-b", "sobel", "-o", "maps", "-j", "1")
    assert ended.returncode in (0, 1)
    assert "Traceback" not in ended.stderr
    filterbank("apply", "in", "-b", "sobel", "-o", "maps", "--resume")
    assert len(manifest(Path("maps"))) == 3
    assert len(files(Path("maps"))) == 6


def test_links_in_loops_are_searched_once() -> None:
    save("in/a/x.png", noise(9, 9))
    Path("in/a/up").symlink_to("..")
    Path("in/itself").symlink_to("itself")
    Path("in/b").symlink_to("c")
    Path("in/c").symlink_to("b")
    Path("in/round.png").symlink_to("round.png")
    ended = filterbank("apply", "in", "-b", "sobel", "-o", "maps", code=1)
    assert "filterbank: in/round.png: cannot be read: Too many levels of symbolic links" in ended.err
    assert [line["input"] for line in manifest(Path("maps"))] == ["in/a/x.png"]


def test_a_folder_for_maps_that_is_a_link_to_itself_is_refused() -> None:
    save("x.png", noise(9, 9))
    Path("maps").symlink_to("maps")
    ended = filterbank("apply", "x.png", "-b", "sobel", "-o", "maps", code=2)
    assert "filterbank: " in ended.err and "maps" in ended.err
    assert "Traceback" not in ended.err


def test_a_clock_that_goes_back_changes_nothing() -> None:
    for number in range(3):
        save(f"in/{number}.png", noise(20, 20, seed=number))
    filterbank("apply", "in", "-b", "sobel", "-o", "whole")
    back = "import time, itertools; past = itertools.count(2_000_000_000, -3600)\n"
    back += "time.time = lambda: float(next(past))\n"
    ended = run(back, "apply", "in/0.png", "-b", "sobel", "-o", "maps")
    assert ended.returncode == 0, ended.stderr
    for path in Path("maps").rglob("*.png"):  # of the future
        os.utime(path, (4_000_000_000, 4_000_000_000))
    os.utime("in/0.png", (1, 1))
    ended = run(back, "apply", "in", "-b", "sobel", "-o", "maps", "--resume", "--progress")
    assert ended.returncode == 0, ended.stderr
    assert "2 images, 4 maps, 1 skipped" in ended.stderr
    assert {line["input"] for line in manifest(Path("maps"))} == {f"in/{n}.png" for n in range(3)}
    assert files(Path("maps")) == {
        name.replace("in/", ""): data for name, data in files(Path("whole")).items()
    }


@pytest.mark.parametrize(
    "name", ["two\nlines.png", os.fsdecode(b"\xff\xfe.png"), " .png", "-x.png", "%s{dir}.png"]
)
@pytest.mark.parametrize("form", ["png", "tiff", "npy"])
def test_names_of_any_bytes_come_through(name: str, form: str) -> None:
    save("a.png", noise(9, 9))
    Path("in").mkdir()
    Path("a.png").rename(Path("in", name))
    arguments = ["apply", "in", "-b", "sobel", "--format", form, "-o", "maps"]
    ended = filterbank(*arguments, "--report", "--json")
    assert ended.json[0]["input"] == f"in/{name}"
    assert len(ended.err.splitlines()) == 1
    before = without_seconds("maps")
    assert filterbank(*arguments, "--resume", "--json").json == [{"input": f"in/{name}", "skipped": True}]
    assert without_seconds("maps") == before
    folder = Path("maps", name.removesuffix(".png"))
    assert sorted(path.name for path in folder.iterdir()) == [f"sobel_{a}.{form}" for a in ("x", "y")]
