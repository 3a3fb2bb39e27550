"""The shape of the project: short modules, docstrings, nothing of one machine in tracked files."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LONGEST = 400
MADE = {"maps", "build", "dist", "__pycache__"}

# Put together at run time, so that this file does not contain what it forbids.
FOLDERS = ("work", "tmp", "home", "root", "Users", "opt", "mnt")
PLACES = re.compile(r"(?<![\w.$}\])~*-])/(?:" + "|".join(FOLDERS) + r")/\w")
REGISTRIES = re.compile(
    "|".join(("pypi" + r"\.org", "python" + "hosted", "index" + "-url", "artif" + "actory"))
)


def is_made(path: Path) -> bool:
    """Return whether *path* lies in a folder that a tool has made, as .gitignore says."""
    return any(part in MADE or (part.startswith(".") and part != ".ci") for part in path.parts[:-1])


def tracked() -> list[Path]:
    """Return the files under version control, or all there are where there is no git."""
    asked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if asked.returncode == 0 and asked.stdout:
        paths = [ROOT / name for name in asked.stdout.split("\0") if name]
    else:
        paths = [path for path in ROOT.rglob("*") if not is_made(path.relative_to(ROOT))]
    return sorted(path for path in paths if path.is_file())


def text_of(path: Path) -> str | None:
    """Return the file's text, or None where it holds bytes that are no text."""
    data = path.read_bytes()
    if b"\0" in data:
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def offences(text: str) -> list[str]:
    """Return the lines that name a place of one machine or a package registry."""
    return [line.strip() for line in text.splitlines() if PLACES.search(line) or REGISTRIES.search(line)]


PYTHON = [path for path in tracked() if path.suffix == ".py"]
PACKAGE = [path for path in PYTHON if path.is_relative_to(ROOT / "filterbank")]


def test_there_is_something_to_look_at() -> None:
    assert len(PACKAGE) > 5
    assert ROOT / "README.md" in tracked()


def test_modules_are_short() -> None:
    long = {str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines()) for path in PYTHON}
    assert {name: lines for name, lines in long.items() if lines > LONGEST} == {}


def test_modules_of_the_package_say_what_they_are() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in PACKAGE
        if not (ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "").strip()
    ]
    assert silent == []


def test_no_module_is_a_drawer_for_everything() -> None:
    drawers = {"utils", "util", "helpers", "helper", "misc", "common", "manager"}
    assert [str(path) for path in PACKAGE if path.stem in drawers] == []


def test_tracked_files_name_no_place_of_one_machine() -> None:
    found = {}
    for path in tracked():
        text = text_of(path)
        if text and (lines := offences(text)):
            found[str(path.relative_to(ROOT))] = lines
    assert found == {}


@pytest.mark.parametrize(
    ("line", "is_offence"),
    [
        ("see /" + "work/main for more", True),
        ('path = "/' + 'home/ann/x.png"', True),
        ("pip install --index" + "-url somewhere", True),
        ("#!/usr/bin/env bash", False),
        ("exec </dev/null", False),
        ("a folder called benchmarks/" + "work/x", False),
        ('"$work/' + 'tmp/x"', False),
    ],
)
def test_the_search_for_places_can_fail(line: str, is_offence: bool) -> None:
    assert bool(offences(line)) is is_offence


def test_the_check_script_is_executable() -> None:
    script = ROOT / ".ci" / "run"
    if script.exists():  # not in a source distribution
        assert script.stat().st_mode & 0o100
