"""What a short run imports is a budget: a module too many costs every user of every image."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

# Runs the program and prints what was imported, whatever way it ends.
_LISTED = """
import os, sys

def listed(code):
    print(*sorted(sys.modules))
    sys.stdout.flush()
    leave(code)

leave, os._exit = os._exit, listed
from filterbank.cli.main import process
process()
"""

# Of other formats, other commands, other platforms, or a heavier way to do what is done.
FORBIDDEN = {
    "numba", "llvmlite", "PIL", "tifffile", "yaml", "jsonschema", "scipy", "importlib.metadata",
    "secrets", "hmac", "random", "tempfile", "shutil", "bz2", "lzma", "subprocess", "multiprocessing",
    "asyncio", "socket", "ssl", "email", "http", "xml", "csv", "unittest", "numpy.testing", "numpy.ma",
    "filterbank.batch.preview", "filterbank.report", "filterbank.api", "filterbank.bankfile.yaml_text",
    "filterbank.imagefile.formats.pillow", "filterbank.imagefile.formats.tiff",
    "filterbank.imagefile.read_map", "onnx", "google.protobuf", "ml_dtypes", "safetensors", "zipfile",
    "fractions", "decimal",
    "filterbank.bankfile.foreign", "filterbank.bankfile.generated", "filterbank.bankfile.weights",
    "filterbank.bankfile.writing", "filterbank.bankfile.families.sampling",
}  # fmt: skip
# 338 as this is written, three quarters of them Python's own and NumPy's.
LIMIT = 340

DECODERS = {"grey.png": "imagecodecs._png", "colour.jpg": "imagecodecs._jpeg8"}


def imported(arguments: list[str], folder: Path) -> set[str]:
    """The modules that ``filterbank ARGUMENTS`` has imported when it is done."""
    environment = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    ended = subprocess.run(
        [sys.executable, "-c", _LISTED, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return set(ended.stdout.split())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A grey PNG, a colour JPEG, and one bank in two languages."""
    folder = tmp_path_factory.mktemp("startup")
    pixels = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    Image.fromarray(pixels[..., 0]).save(folder / "grey.png")
    Image.fromarray(pixels).save(folder / "colour.jpg")
    bank = {"filters": [{"name": "dx", "kernel": [[-1, 0, 1]]}]}
    (folder / "bank.json").write_text(json.dumps(bank))
    (folder / "bank.yaml").write_text("filters:\n- {name: dx, kernel: [[-1, 0, 1]]}\n")
    # Compiles the kernels where this machine has none yet.
    imported(["apply", "grey.png", "-b", "bank.json", "-o", "first", "--quiet"], folder)
    return folder


@pytest.mark.parametrize("image", DECODERS)
def test_one_image_and_a_json_bank(folder: Path, image: str) -> None:
    found = imported(["apply", image, "-b", "bank.json", "-o", f"maps-{image}", "--quiet"], folder)
    assert (folder / f"maps-{image}" / Path(image).stem / "dx.png").exists()
    assert found & FORBIDDEN == set()
    assert len(found) <= LIMIT, sorted(found)
    decoders = {name for name in found if name.startswith("imagecodecs._")}
    assert {name for name in decoders if "shared" not in name} == {DECODERS[image]}


def test_a_batch_costs_no_more(folder: Path) -> None:
    (folder / "many").mkdir()
    for number in range(60):
        shutil.copy(folder / "grey.png", folder / "many" / f"{number}.png")
    found = imported(["apply", "many", "-b", "bank.json", "-o", "maps-of-many", "-j", "2"], folder)
    assert (folder / "maps-of-many" / "59" / "dx.png").exists()
    assert found & FORBIDDEN == set()


def test_a_yaml_bank_costs_the_yaml_parser_alone(folder: Path) -> None:
    found = imported(["apply", "grey.png", "-b", "bank.yaml", "-o", "yaml", "--quiet"], folder)
    assert "yaml" in found
    assert found & FORBIDDEN == {"yaml", "filterbank.bankfile.yaml_text"}


def test_a_family_costs_its_own_module_alone(folder: Path) -> None:
    (folder / "box.json").write_text('{"filters": [{"box": {"size": 3}}]}')
    ninths = {"name": "box", "kernel": [[1] * 3] * 3, "scale": "1/9"}
    (folder / "ninths.json").write_text(json.dumps({"filters": [ninths]}))
    plain, family = (
        imported(["apply", "grey.png", "-b", f"{name}.json", "-o", f"{name}-maps", "--quiet"], folder)
        for name in ("ninths", "box")
    )
    more = {name for name in family - plain if name.startswith("filterbank")}
    assert more == {"filterbank.bankfile.families.classic"}


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["apply", "--help"]], ids=" ".join)
def test_help_imports_neither_numpy_nor_numba(folder: Path, arguments: list[str]) -> None:
    found = imported(arguments, folder)
    assert found & {"numpy", "numba", "imagecodecs"} == set()


def test_a_module_too_many_is_noticed(folder: Path) -> None:
    found = imported(["apply", "grey.png", "-b", "bank.json", "-o", "dry", "--dry-run", "--quiet"], folder)
    assert found & FORBIDDEN == {"filterbank.batch.preview"}
