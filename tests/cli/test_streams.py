"""Standard output that is full, closed or unread; names that are no UTF-8."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from running import files, filterbank, noise, save

COMMAND = [sys.executable, "-m", "filterbank"]


@pytest.fixture(autouse=True)
def here(here: Path) -> Path:
    save("in/a.png", noise(9, 9))
    save("in/b.png", noise(9, 9))
    return here


def ended(*arguments: str, **options) -> tuple[int, str]:
    done = subprocess.run([*COMMAND, *arguments], stderr=subprocess.PIPE, check=False, **options)
    return done.returncode, done.stderr.decode()


LOST = "filterbank: standard output: cannot be written: No space left on device\n"


@pytest.mark.parametrize("command", ["schema", "banks", "--help", "check sobel", "show sobel -o -"])
def test_a_full_standard_output_is_one_line(command: str) -> None:
    with Path("/dev/full").open("wb") as full:
        assert ended(*command.split(), stdout=full) == (1, LOST)


@pytest.mark.parametrize("what", ["-o maps --json", "-o - --filter sobel_x"])
def test_a_full_standard_output_is_no_images_fault(what: str) -> None:
    with Path("/dev/full").open("wb") as full:
        code, err = ended("apply", "in/a.png", "-b", "sobel", *what.split(), stdout=full)
    assert code == 1
    assert err.endswith(LOST)
    assert "in/a.png" not in err
    assert ("--resume" in err) == ("--json" in what)
    assert "failed" not in err


def test_a_closed_standard_output_is_told() -> None:
    run = ["sh", "-c", 'exec "$@" >&-', "sh", *COMMAND]
    done = subprocess.run([*run, "schema"], stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1
    assert done.stderr == b"filterbank: standard output: cannot be written: it is closed\n"
    # Nothing is printed there, so nothing is missed.
    done = subprocess.run(
        [*run, "apply", "in", "-b", "sobel", "-o", "m"], stderr=subprocess.PIPE, check=False
    )
    assert done.returncode == 0, done.stderr
    assert len(files(Path("m"))) == 4


def test_a_reader_that_has_gone_is_told_and_ends_the_run() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as pipe:
        code, err = ended("apply", "in", "-b", "sobel", "-o", "maps", "--json", "-j", "1", stdout=pipe)
    assert code == 1
    assert err.endswith("filterbank: standard output: its reader has gone; the rest was not written\n")
    assert "add --resume to go on" in err
    assert "Exception" not in err


def test_names_of_any_bytes_are_legible() -> None:
    odd = os.fsdecode(b"in/latin-\xfc.png")
    Path(odd).write_bytes(b"no image")
    bank = os.fsdecode(b"b\xe9.yaml")
    Path(bank).write_text("filters: []\n")
    err = filterbank("apply", odd, "-b", "sobel", "-o", "n", code=1).err
    assert err.startswith("filterbank: in/latin-\\xfc.png: ")
    assert filterbank("apply", odd, "-b", bank, "-o", "n", code=2).err.startswith(
        "filterbank: b\\xe9.yaml:1:"
    )
    assert (
        "bank 'gone-\\xe9.yaml': no such file"
        in filterbank("apply", odd, "-b", os.fsdecode(b"gone-\xe9.yaml"), "-o", "n", code=2).err
    )
    assert filterbank("check", bank, code=2).out.startswith(b"b\\xe9.yaml:1:")
    # Click's own messages pass by us; only the stream can help there.
    done = subprocess.run([*COMMAND, "schema", odd], stderr=subprocess.PIPE, check=False)
    assert b"unexpected extra argument (in/latin-\\xfc.png)" in done.stderr
