"""``filterbank completion``: scripts that the shells take, and what they complete."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from running import filterbank

from filterbank.cli.main import COMMANDS


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts_are_taken_by_their_shell(shell: str, tmp_path: Path) -> None:
    script = filterbank("completion", shell).out.decode()
    assert "_FILTERBANK_COMPLETE" in script
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} here to read the script")
    path = tmp_path / "script"
    path.write_text(script)
    subprocess.run([shell, "-n", path], check=True)


def test_another_shell_is_refused() -> None:
    assert "'tcsh' is not one of 'bash', 'zsh', 'fish'" in filterbank("completion", "tcsh", code=2).err


def completed(*words: str) -> list[str]:
    """What is offered for the last of *words*, by the protocol of the scripts."""
    environment = {
        **os.environ,
        "_FILTERBANK_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(("filterbank", *words)),
        "COMP_CWORD": str(len(words)),
    }
    program = Path(sys.executable).parent / "filterbank"
    ended = subprocess.run([program], env=environment, capture_output=True, text=True, check=False)
    assert "Traceback" not in ended.stderr, ended.stderr
    return ended.stdout.split()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("",), [f"plain,{name}" for name in COMMANDS]),
        (("ap",), ["plain,apply"]),
        (("apply", "--on-e"), ["plain,--on-exists"]),
        (("apply", "--on-exists", "s"), ["plain,skip"]),
        (("apply", "-b", "ident"), ["plain,identity"]),
        (("apply", "-b", "no/such"), ["file,no/such"]),
        (("apply", "pict"), ["file,pict"]),
    ],
)
def test_offers(words: tuple[str, ...], offered: list[str]) -> None:
    assert completed(*words) == offered


def test_bash_itself_completes(tmp_path: Path) -> None:
    if shutil.which("bash") is None:
        pytest.skip("no bash")
    script = f"""
        PATH={Path(sys.executable).parent}:$PATH
        eval "$(filterbank completion bash)" 2>/dev/null
        COMP_WORDS=(filterbank apply --bank scha); COMP_CWORD=3
        _filterbank_completion filterbank
        echo "${{COMPREPLY[@]}}"
    """
    ended = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert ended.stdout == "scharr\n"
