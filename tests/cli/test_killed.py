"""kill -9 at twenty random moments: the batch that is resumed ends as one that was never disturbed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image
from running import files, filterbank, noise, without_seconds

from filterbank.batch import lock

IMAGES = int(os.environ.get("FILTERBANK_KILLED", "60"))
KILLS = 20
COMMAND = [sys.executable, "-c", "from filterbank.cli.main import main; main()"]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1])
def test_killed_at_twenty_moments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    monkeypatch.chdir(tmp_path)
    for number in range(IMAGES):
        path = Path(f"in/{number % 7}/{number}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noise(200, 150 + number % 40, 3, seed=number)).save(path, compress_level=1)
    arguments = ["apply", "in", "-b", "sobel", "-b", "kirsch", "-j", "2"]
    began = time.monotonic()
    filterbank(*arguments, "-o", "whole")
    taken = time.monotonic() - began
    chance = random.Random(seed)
    killed = 0
    while killed < KILLS:
        process = subprocess.Popen(
            [*COMMAND, *arguments, "-o", "maps", "--resume"], stderr=subprocess.PIPE, text=True
        )
        # Not counted from the start of Python: that would be most of the moments.
        while process.poll() is None and not Path("maps", lock.NAME).exists():
            time.sleep(0.001)
        time.sleep(chance.uniform(0, 1.8 * taken / KILLS))
        process.kill()
        _, said = process.communicate()
        assert process.returncode in (0, -signal.SIGKILL), said
        if process.returncode == 0:  # all is done: what is left of the kills begins anew
            for path in chance.sample(sorted(Path("maps").rglob("*.png")), IMAGES):
                path.unlink()
        else:
            killed += 1
    filterbank(*arguments, "-o", "maps", "--resume")
    assert files(Path("maps")) == files(Path("whole"))  # no temporary files either
    lines = without_seconds("maps")
    assert lines == without_seconds("whole")
    assert len({(line["input"], line["bank"]) for line in lines}) == len(lines) == 2 * IMAGES
