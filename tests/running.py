"""The command line inside this process, as a shell would see it, and what its tests share."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import numpy as np
from PIL import Image
from scipy import ndimage

from filterbank.cli.main import main

SOBEL_X = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]) / 8
# The program as a process of its own. A shell that runs the tests in its background makes children ignore
# Ctrl-C: undo that first.
PROGRAM = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from filterbank.cli.main import main
main()
"""

LUMA = np.array([0.299, 0.587, 0.114])


@dataclass(frozen=True)
class Ended:
    code: int
    out: bytes
    err: str

    @property
    def json(self) -> list:
        return [json.loads(line) for line in self.out.decode().splitlines()]

    def __str__(self) -> str:
        return f"exit {self.code}\n{self.out[:500]!r}\n{self.err}"


def filterbank(*arguments: object, stdin: bytes = b"", code: int = 0) -> Ended:
    """Run ``filterbank ARGUMENTS`` and require its exit code."""
    out, err = io.BytesIO(), io.BytesIO()
    with (
        mock.patch.object(sys, "argv", ["filterbank", *map(str, arguments)]),
        mock.patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin))),
        mock.patch.object(sys, "stdout", io.TextIOWrapper(out, "utf-8", write_through=True)),
        mock.patch.object(
            sys, "stderr", io.TextIOWrapper(err, "utf-8", "backslashreplace", write_through=True)
        ),
    ):
        try:
            main()
        except SystemExit as end:
            ended = Ended(int(end.code or 0), out.getvalue(), err.getvalue().decode())
    assert ended.code == code, str(ended)
    return ended


def files(folder: Path) -> dict[str, bytes]:
    """Every file below *folder* but the manifest (it holds seconds): relative name -> bytes."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "manifest.jsonl"
    }


def manifest(folder: Path) -> list[dict]:
    """The manifest's lines, strictly read: NaN and Infinity are refused."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} in a manifest")

    text = (folder / "manifest.jsonl").read_text("ascii")
    assert text.endswith("\n")
    return [json.loads(line, parse_constant=refuse) for line in text.splitlines()]


def without_seconds(folder: Path | str) -> list[dict]:
    """The manifest's lines in a fixed order, but for the time they took."""
    lines = [
        {key: value for key, value in line.items() if key != "seconds"} for line in manifest(Path(folder))
    ]
    return sorted(lines, key=lambda line: json.dumps(line, sort_keys=True))


def noise(height: int, width: int, channels: int = 0, seed: int = 0) -> np.ndarray:
    """8-bit noise, (H,W) or (H,W,C)."""
    shape = (height, width, channels) if channels else (height, width)
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def save(path: str, pixels: np.ndarray) -> np.ndarray:
    """Save 8-bit pixels with Pillow and return them as floats in [0,1]."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return pixels / 255


def bank(path: str, text: str) -> str:
    Path(path).write_text(text)
    return path


BOX = "input: {input}\nfilters:\n- {{name: box, kernel: [[1,1,1],[1,1,1],[1,1,1]], scale: 1/9}}\n"
PAIR = "filters:\n- {name: blur, kernel: [[1, 3, 1]], scale: 1/5}\n- {name: dx, kernel: [[-1, 0, 1]]}\n"


def sobel_x(grey: np.ndarray) -> np.ndarray:
    return ndimage.correlate(grey, SOBEL_X, mode="nearest")


def signed_codes(values: np.ndarray, top: int = 255) -> np.ndarray:
    """The contract's formula: 128 + round(127·v/m), 32768 + round(32767·v/m)."""
    zero = (top + 1) // 2
    return zero + np.rint((top - zero) * values / np.abs(values).max())


def assert_codes(path: Path | str, expected: np.ndarray) -> None:
    """Codes may differ by one where float32 and float64 round to either side of a half."""
    found = np.asarray(Image.open(path)).astype(int)
    assert found.shape == expected.shape
    apart = np.abs(found - expected)
    assert apart.max() <= 1
    assert (apart == 0).mean() > 0.99
