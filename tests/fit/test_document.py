"""The worked examples of the document: its commands run, and say what it says."""

import re
import shlex
from pathlib import Path

import numpy as np
from running import filterbank

from filterbank import load_bank

ROOT = Path(__file__).resolve().parents[2]


def commands(text: str) -> list[tuple[list[str], str]]:
    """Every command of the console blocks, with what stands below it."""
    found = []
    for block in re.findall(r"^```console\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        for part in block.split("$ ")[1:]:
            line, _, said = part.partition("\n")
            found.append((shlex.split(line), said))
    return found


def test_the_examples_say_what_the_document_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sample_images").symlink_to(ROOT / "sample_images")
    listed = commands((ROOT / "docs" / "fitting.md").read_text("utf-8"))
    assert len(listed) == 8
    for (program, *words), said in listed:
        assert program == "filterbank"
        assert filterbank(*words).err == said
    blur = load_bank("blur.yaml").layer.weights[0, 0]
    gaussian = load_bank("gaussian").filters[0].weights[0]
    assert np.abs(blur - gaussian).max() < 0.0002
    assert round(gaussian.max(), 2) == 0.16
    for name in ("sharp.yaml", "clip.yaml"):
        found = load_bank(name).layer.weights[0, 0]
        assert np.abs(found - [[0, -1, 0], [-1, 5, -1], [0, -1, 0]]).max() < 1e-6
