"""What is said of images that failed: each by name, causes with their counts, and rates on a terminal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from running import filterbank, noise, save

from filterbank.batch.inputs import Source
from filterbank.batch.job import ImageFailed
from filterbank.cli import failures
from filterbank.cli.progress import Progress


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def told(*reasons: str) -> list[str]:
    failed = [ImageFailed(Source(f"{n}.png"), reason) for n, reason in enumerate(reasons)]
    return list(failures.lines(failed, "maps"))


def test_one_failure_is_one_line() -> None:
    assert told("cannot be read") == ["0.png: cannot be read"]
    assert told() == []
    assert told("a", "b") == ["0.png: a", "1.png: b"]


def test_causes_are_counted_the_commonest_first() -> None:
    full = "maps/{}/x.png: cannot be written: No space left on device"
    assert told(full.format(0), "found 3 channels", full.format(2), "found 4 channels", full.format(4)) == [
        *(f"{n}.png: {full.format(n)}" for n in (0, 2, 4)),
        "1.png: found 3 channels",
        "3.png: found 4 channels",
        "5 images failed:",
        "  3 × maps/0/x.png: cannot be written: No space left on device, such as 0.png",
        "  2 × found 3 channels, such as 1.png",
    ]


def test_rare_causes_are_counted_together() -> None:
    said = told("a", *(f"cause {chr(97 + n)}" for n in range(20)), "a")
    assert said[22] == "22 images failed:"
    assert len(said) == 22 + 1 + 12 + 1
    assert said[-1] == "  9 × 9 other causes"


def test_a_batch_ends_with_its_causes() -> None:
    save("in/good.png", noise(9, 9))
    for number in range(3):
        Path(f"in/bad{number}.png").write_bytes(b"no")
    Path("in/gone.png").symlink_to("nowhere")
    ended = filterbank("apply", "in", "-b", "sobel", "-o", "maps", code=1)
    lines = ended.err.splitlines()
    named = [line.split(":")[1] for line in lines[:4]]
    assert sorted(named[:3]) == [" in/bad0.png", " in/bad1.png", " in/bad2.png"]  # as they ended
    assert named[3] == " in/gone.png"
    assert lines[4] == "filterbank: 4 images failed:"
    assert lines[5].startswith("filterbank:   3 × ")
    assert lines[6] == "filterbank:   1 × cannot be read: No such file or directory"
    assert lines[7].startswith("filterbank: 1 image, 2 maps, 4 failed, ")


def test_json_comes_as_images_end() -> None:
    for name in ("a", "b"):
        save(f"{name}.png", noise(9, 9))
    code = (
        "import filterbank.batch.work as w, sys; real = w.decode\n"
        "w.decode = lambda *a: (sys.stdin.read() if a[1].path == 'b.png' else None, real(*a))[1]\n"
        "from filterbank.cli.main import main; main()"
    )
    command = [
        sys.executable,
        "-c",
        code,
        "apply",
        "a.png",
        "b.png",
        "-b",
        "sobel",
        "-o",
        "m",
        "--json",
        "-j1",
    ]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["input"] == "a.png"  # b waits for its standard input
        out, _ = process.communicate(b"")
    assert json.loads(out)["input"] == "b.png"


def test_names_between_nuls_and_of_any_bytes() -> None:
    names = ["two\nlines.png", os.fsdecode(b"\xff.png"), " blank .png"]
    for name in names:
        save("a.png", noise(9, 9))
        Path("a.png").rename(name)
    Path("list").write_bytes(b"\0".join(map(os.fsencode, names)) + b"\0")
    for source, given in (("list", b""), ("-", Path("list").read_bytes())):
        ended = filterbank(
            "apply", "--files-from", source, "-b", "sobel", "-o", f"m{source}", "--json", stdin=given
        )
        assert sorted(line["input"] for line in ended.json) == sorted(names)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([0.5] * 4, "4/100 images, 2.0 a second, about 48 s left"),
        ([0.001] * 40 + [30] * 3, "43/100 images, 30.0 s each, about 28 min 30 s left"),
        ([0.0099] * 50, "50/100 images, 101 a second, about 0 s left"),
        ([60.0] * 10, "10/100 images, 60.0 s each, about 1 h 30 min left"),
    ],
)
def test_the_rate_is_that_of_the_last_seconds(steps, expected: str, capsys, monkeypatch) -> None:
    clock = Clock()
    monkeypatch.setattr("time.monotonic", clock)
    monkeypatch.setenv("COLUMNS", "100")
    with Progress(100, enabled=True, pause=0) as progress:
        for step in steps:
            clock.now += step
            progress.advance()
        capsys_text = capsys.readouterr().err
    assert capsys_text.split("\r\x1b[K")[-1].partition(" ")[2] == expected
