"""Reading and writing a large bank, 48 filters of 49×49×3, in every format.

    python benchmarks/banks.py [--rounds 5] [--json FILE]

The formats take turns in rotating order; times are medians, in milliseconds. ``yaml as it stands`` is YAML
without its rows taken out first. Every bank that is read is compared with the one that was written.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.measure import in_turn, machine
from filterbank import bankfile
from filterbank.bankfile import yaml_text
from filterbank.bankfile.writing import FORMATS, encode
from filterbank.model import Bank, Filter, Layer, Stack

WHOLE = "yaml as it stands"
LONG = yaml_text.LONG


def large_bank() -> Bank:
    """Return a bank of 345,744 weights that need all their digits."""
    weights = np.random.default_rng(0).normal(size=(48, 3, 49, 49))
    filters = tuple(Filter(f"f{index}", each) for index, each in enumerate(weights))
    return Bank("large", Stack((Layer(filters),)), "rgb")


def read(path: Path, bank: Bank) -> None:
    """Read the bank at *path*; it has to be *bank*."""
    assert np.array_equal(bankfile.load(path).layer.weights, bank.layer.weights)


def prepare(name: str) -> None:
    """Have YAML's rows taken out of the text, or not."""
    yaml_text.LONG = 2**62 if name == WHOLE else LONG


def main() -> None:
    """Print a table, and write it as JSON where asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    bank = large_bank()
    with tempfile.TemporaryDirectory() as folder:
        paths = {format: Path(folder, f"bank{endings[0]}") for format, endings in FORMATS.items()}
        for format, path in paths.items():
            path.write_bytes(encode(bank, format))
        sizes = {format: path.stat().st_size for format, path in paths.items()}
        runs = {format: partial(read, path, bank) for format, path in paths.items()}
        reading = in_turn(runs | {WHOLE: runs["yaml"]}, options.rounds, 60, prepare)
        prepare("")
        writing = in_turn({format: partial(encode, bank, format) for format in FORMATS}, options.rounds, 60)
    print(f"{'format':18} {'MB':>6} {'read ms':>9} {'write ms':>9}")
    for name, seconds in reading.items():
        written = f"{1e3 * writing[name]:9.1f}" if name in writing else ""
        print(f"{name:18} {sizes.get(name, sizes['yaml']) / 1e6:6.1f} {1e3 * seconds:9.1f} {written}")
    if options.json:
        found = {"machine": machine(1), "bytes": sizes, "read": reading, "write": writing}
        options.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
