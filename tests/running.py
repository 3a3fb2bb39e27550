"""The command line inside this process, streams and exit code as a shell would see them."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import numpy as np

from filterbank.cli.main import main


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


def noise(height: int, width: int, channels: int = 0, seed: int = 0) -> np.ndarray:
    """8-bit noise, (H,W) or (H,W,C)."""
    shape = (height, width, channels) if channels else (height, width)
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
