"""The scripts of docs/scale.md, run as they stand there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import yaml
from running import files, filterbank, manifest, noise, save

PAGE = Path(__file__).parents[1] / "docs" / "scale.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Seven images, a list of them, and ``filterbank`` where a shell finds it."""
    monkeypatch.chdir(tmp_path)
    for number in range(7):
        save(f"scans/{number}.png", noise(20, 24, seed=number))
    Path("list.txt").write_text("".join(f"scans/{number}.png\n" for number in range(7)))
    command = tmp_path / "bin" / "filterbank"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m filterbank "$@"\n')
    command.chmod(0o755)
    filterbank("apply", "scans", "-b", "sobel", "-o", "alone")
    path = f"{command.parent}{os.pathsep}{os.environ['PATH']}"
    return os.environ | {"PATH": path, "LIST": "list.txt", "BANK": "sobel", "OUT": "maps"}


def is_whole() -> bool:
    names = Counter(line["input"] for line in manifest(Path("maps")))
    return files(Path("maps")) == files(Path("alone")) and names == {f"scans/{n}.png": 1 for n in range(7)}


def test_the_job_array(environment: dict[str, str]) -> None:
    script = blocks("bash")[0]
    assert script.startswith("#!/bin/bash\n#SBATCH --array=1-100\n")
    for task in (1, 2, 3, 2):  # one of them requeued
        task_of = {
            "SLURM_ARRAY_TASK_ID": str(task),
            "SLURM_ARRAY_TASK_COUNT": "3",
            "SLURM_CPUS_PER_TASK": "1",
        }
        subprocess.run(["bash", "-euc", script], env=environment | task_of, check=True)
        assert is_whole() == (task == 3 or len(files(Path("maps"))) == 14)
    assert is_whole()


def test_gnu_parallel(environment: dict[str, str]) -> None:
    script = blocks("bash")[1]
    if not shutil.which("parallel"):
        # What it would start for each line, one after another.
        script = re.sub(r'parallel -j "\$PARTS" (.*)', r"while read -r part; do \1; done", script)
        script = script.replace("{}", "$part")
    subprocess.run(["bash", "-euc", script], env=environment | {"PARTS": "2"}, check=True)
    assert is_whole()


def test_the_resource_of_kubernetes_is_yaml_with_a_command_for_each() -> None:
    (text,) = blocks("yaml")
    spec = yaml.safe_load(text)["spec"]
    commands = [spec[part]["spec"]["containers"][0]["args"][:2] for part in ("worker", "scheduler")]
    assert commands == [["dask", "worker"], ["dask", "scheduler"]]
