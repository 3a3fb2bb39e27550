"""Folders that may not be entered or read: a message and the right exit code, never a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from running import bank, noise, save

# Root enters every folder; without these two capabilities it keeps to the modes as everybody does.
DROP = """
import ctypes, os, sys
for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
    ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP, from the next program on
os.execv(sys.executable, [sys.executable, "-c", sys.argv[1]])
"""
RUN = """
import json, os, sys
from running import filterbank
if not os.access("locked", os.X_OK):
    for arguments, code in json.load(sys.stdin):
        ended = filterbank(*arguments, code=code)
        print(json.dumps([ended.out.decode(), ended.err]))
"""


@pytest.fixture(autouse=True)
def here(here: Path):
    save("locked/a.png", noise(5, 5))
    save("in/a.png", noise(5, 5))
    save("in/sub/b.png", noise(5, 5))
    save("in/listed/c.png", noise(5, 5))
    bank("locked/b.yaml", "filters: [{name: one, kernel: [[1]]}]\n")
    shut = {"locked": 0, "in/sub": 0, "in/listed": 0o444}
    for folder, mode in shut.items():
        Path(folder).chmod(mode)
    yield here
    for folder in shut:
        Path(folder).chmod(0o755)


def told(*commands: tuple[str, int]) -> list[tuple[str, str]]:
    """Run commands, each with its exit code, without the right to enter; output and messages of each."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    ended = subprocess.run(
        [sys.executable, "-c", DROP, RUN],
        input=json.dumps([(text.split(), code) for text, code in commands]),
        capture_output=True, text=True, check=False, env=environment,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    lines = [tuple(json.loads(line)) for line in ended.stdout.splitlines()]
    if not lines:
        pytest.skip("this user enters every folder")
    assert all("Traceback" not in err for _, err in lines)
    return lines


def test_outputs_in_a_locked_folder_are_exit_2() -> None:
    apply, show, decode, explicit = told(
        ("apply in/a.png -b sobel -o locked/xx", 2),
        ("show sobel -o locked/x.png", 2),
        ("decode in/a.png -o locked/x", 2),
        ("decode in/a.png -o locked", 1),
    )
    assert "locked/xx: a folder on the way may not be entered: Permission denied; choose another" in apply[1]
    assert "locked/x.png: cannot be written: Permission denied" in show[1]
    assert "locked/x: folder cannot be made: Permission denied" in decode[1]
    assert "in/a.png: no map of filterbank" in explicit[1]


def test_an_image_in_a_locked_folder_fails_alone() -> None:
    apply, decode, only = told(
        ("apply locked/z.png in/a.png -b sobel -o maps", 1),
        ("decode locked/a.png", 1),
        ("apply locked/*.png -b sobel -o other", 2),
    )
    assert "filterbank: locked/z.png: cannot be read: Permission denied\n" in apply[1]
    assert "1 image, 2 maps, 1 failed" in apply[1]
    assert "locked/a.png: cannot be read: Permission denied" in decode[1]
    assert "locked: folder cannot be read: Permission denied; no images found elsewhere" in only[1]


def test_a_bank_in_a_locked_folder_is_not_missing() -> None:
    apply, check = told(("apply in/a.png -b locked/b.yaml -o maps", 2), ("check locked/b.yaml", 2))
    assert "locked/b.yaml: cannot be read (Permission denied); accepted: a readable bank file" in apply[1]
    assert "locked/b.yaml: cannot be read (Permission denied)" in check[0]
    assert "no such file" not in apply[1] + check[0]


def test_a_folder_that_cannot_be_searched_is_one_failure() -> None:
    ((out, err),) = told(("apply in -b sobel -o maps --json", 1))
    lines = [json.loads(line) for line in out.splitlines()]
    assert {line["input"]: line.get("error") for line in lines} == {
        "in/a.png": None,
        "in/sub": "folder cannot be read: Permission denied",
        "in/listed/c.png": "cannot be read: Permission denied",
    }
    assert "1 image, 2 maps, 2 failed" in err
