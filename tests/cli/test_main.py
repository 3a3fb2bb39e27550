"""The group of commands: help, exit codes, and that a mistake is no traceback."""

from __future__ import annotations

import re

import pytest
from running import filterbank

from filterbank import __version__
from filterbank.cli import main as module
from filterbank.cli.apply import FORMATS, METHODS
from filterbank.cli.main import COMMANDS
from filterbank.cli.progress import Progress


def test_help_names_every_command() -> None:
    text = filterbank("--help").out.decode()
    assert all(f"\n  {name} " in text for name in COMMANDS)


def test_version() -> None:
    assert filterbank("--version").out.decode().split()[-1] == __version__


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_help_page_of_its_own(name: str) -> None:
    text = filterbank(name, "--help").out.decode()
    assert text.startswith(f"Usage: filterbank {name} ")
    assert "--help" in text


def test_an_unknown_command_is_exit_2() -> None:
    assert "No such command 'aply'" in filterbank("aply", code=2).err


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (KeyboardInterrupt(), 130, "filterbank: interrupted"),
        (module.FilterbankError("asked too much"), 2, "filterbank: asked too much"),
    ],
)
def test_errors_become_exit_codes(monkeypatch, error: BaseException, code: int, message: str) -> None:
    def fail(**_options) -> None:
        raise error

    monkeypatch.setattr(module.cli, "main", fail)
    ended = filterbank("apply", code=code)
    assert ended.err.strip().splitlines()[-1] == message


def test_a_bug_keeps_its_traceback(monkeypatch) -> None:
    monkeypatch.setattr(module.cli, "main", lambda **_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        filterbank("apply")


def test_the_options_offer_what_there_is() -> None:
    from filterbank.engine import METHODS as known
    from filterbank.imagefile.encode import EXTENSIONS

    assert tuple(known) == METHODS
    assert tuple(EXTENSIONS) == FORMATS


def test_apply_groups_its_options() -> None:
    text = filterbank("apply", "--help").out.decode()
    titles = [line for line in text.splitlines() if line.endswith(":") and not line.startswith(" ")]
    assert titles == [
        "Banks:",
        "Instead of the bank's:",
        "Maps:",
        "How images are read:",
        "The run:",
        "What is printed:",
        "Other:",
    ]


def test_progress_counts_and_goes_away(capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with Progress(4, enabled=True, pause=0) as progress:
        for _ in range(3):
            progress.advance()
    err = capsys.readouterr().err
    assert "···· 0/4 images" in err
    assert re.search("███████████████····· 3/4 images, [0-9]+ a second, about 0 s left", err)
    assert err.endswith("\r\x1b[K")
    with Progress(4, enabled=False) as progress:
        progress.advance()
    assert capsys.readouterr().err == ""
