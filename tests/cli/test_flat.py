"""Memory by the length of a batch, of processes of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from running import noise, save

PEAK = """
import resource, sys
from filterbank.cli.main import main
try: main()
except SystemExit as end: assert not end.code, end.code
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
FEW, MANY = 500, 6000
BASE, EACH = 8 * 1024, 0.8  # kilobytes: what two equal runs may differ by, and what an image may cost


def peak(count: int, *extra: str) -> int:
    """Return the peak in kilobytes of a run on *count* images whose names come from a list."""
    Path("list").write_text("".join(f"in/image-{number:06d}.png\n" for number in range(count)))
    arguments = ["apply", "--files-from", "list", "-b", "sobel", "-o", f"maps{count}", "-j", "2", *extra]
    ended = subprocess.run(
        [sys.executable, "-c", PEAK, *arguments], capture_output=True, text=True, check=True
    )
    return int(ended.stdout)


@pytest.mark.slow
def test_memory_grows_by_names_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    save("in/image-000000.png", noise(4, 4))
    for number in range(1, MANY):
        Path(f"in/image-{number:06d}.png").hardlink_to("in/image-000000.png")
    for extra in ((), ("--resume",)):
        assert peak(MANY, *extra) < peak(FEW, *extra) + BASE + EACH * (MANY - FEW)
        for count in (FEW, MANY):
            assert len(Path(f"maps{count}/manifest.jsonl").read_bytes().splitlines()) == count
