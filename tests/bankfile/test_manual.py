"""The banks of the manual, and the messages of docs/bank-format.md, are what the program reads and says."""

import re
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from filterbank import bankfile

PAGE = (Path(__file__).parents[2] / "docs" / "bank-format.md").read_text("utf-8")
FORMATS = (Path(__file__).parents[2] / "docs" / "formats.md").read_text("utf-8")
BANKS = re.findall(r"```(yaml|json)\n(.*?)```", PAGE + FORMATS, re.DOTALL)
LIMITS = {
    "file": ("source", "MAX_BYTES", 2**20),
    "values in it": ("nodes", "MAX_NODES", 1),
    "levels of nesting": ("nodes", "MAX_DEPTH", 1),
    "filters": ("entries", "MAX_FILTERS", 1),
    "weights of the bank": ("kernel", "MAX_WEIGHTS", 1),
    "rows or columns of a kernel": ("kernel", "MAX_SIDE", 1),
    "size of a family's filter": ("families.family", "MAX_SIZE", 1),
    "stride, dilation, padding, groups": ("schema", "MAX_STEP", 1),
}


@pytest.mark.parametrize(("kind", "text"), BANKS)
def test_examples_are_faultless_and_without_warnings(kind, text, tmp_path):
    path = tmp_path / f"bank.{kind}"
    path.write_text(text, encoding="utf-8")
    tensors = {
        "features.0.weight": np.ones((3, 3, 5, 5)),
        "features.0.bias": np.zeros(3),
        "fc": np.ones((2, 2, 1, 1)),
    }
    save_file(tensors, tmp_path / "net.safetensors")
    checked = bankfile.check(path)
    assert checked.faults == checked.warnings == ()
    assert len(BANKS) == 9


@pytest.mark.parametrize("what", LIMITS)
def test_limits_are_the_codes(what):
    from importlib import import_module

    module, name, unit = LIMITS[what]
    found = re.search(rf"^\| {re.escape(what)}[^|]*\| ([0-9,]+)( MB)? \|$", PAGE, re.MULTILINE)
    value = getattr(import_module(f"filterbank.bankfile.{module}"), name)
    assert int(found[1].replace(",", "")) * unit == value


def test_messages_are_said_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("edges.yaml").write_text(
        "name: edges\nstride: 0\npadding: same\nfilters:\n  - name: sobel-x\n    kernel:\n"
        "      - [-1, 0, 1]\n      - [-2, 0, 2]\n      - [-1, 0]\n    scale: 1/8\n"
        "  - name: b\n    kernal: [[1]]\n"
    )
    told = [str(fault) for fault in bankfile.check("edges.yaml").faults]
    shown = re.search(r"```text\n(.*?)\n```", PAGE, re.DOTALL)[1].splitlines()
    assert told[:2] == shown[:2]
    start, end = shown[2].split("…")
    assert told[2].startswith(start)
    assert told[2].endswith(end)
