"""A weights file as a whole bank: one layer of it, and the settings it carries."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filterbank.bankfile import json_text
from filterbank.bankfile.build import assemble
from filterbank.bankfile.entries import Written
from filterbank.bankfile.keys import Given, Key, read_mapping
from filterbank.bankfile.kinds import Integer, clean_name
from filterbank.bankfile.layer_kinds import Pair
from filterbank.bankfile.nodes import Mapping, Node, Sequence
from filterbank.bankfile.one_layer import Built
from filterbank.bankfile.schema import BANK_KEYS, MAX_STEP
from filterbank.bankfile.source import NOWHERE, Faults, Source
from filterbank.bankfile.weights.archive import Archive, RefusedError
from filterbank.bankfile.weights.layouts import to_oihw
from filterbank.bankfile.weights.named import (
    Found,
    Kernels,
    called_weights,
    names_or_numbers,
    only_weights,
    read_biases,
    written,
)
from filterbank.bankfile.weights.opening import open_archive
from filterbank.bankfile.weights_kinds import NameList
from filterbank.errors import BankError, Fault, shown


@dataclass(frozen=True)
class Sizes:
    """The kind of the filters' own sizes, where they differ: [rows, columns] of each."""

    @property
    def accepted(self) -> str:
        """What is accepted, in words."""
        return "a list of [rows, columns], one a filter"

    def read(self, node: Node, where: str, faults: Faults) -> list[tuple[int, int]] | None:
        """Return the sizes."""
        if not isinstance(node, Sequence):
            faults.add(node.at, where, "found no list", f"accepted: {self.accepted}")
            return None
        sizes = [_SIDES.read(item, where, faults) for item in node.items]
        return None if None in sizes else [size for size in sizes if size is not None]

    def schema(self) -> dict[str, Any]:
        """Return the kind as JSON Schema."""
        return {"type": "array", "items": _SIDES.schema()}


_SIDES = Pair(Integer(1, MAX_STEP))
# What a weights file says of itself: a bank's keys, and in place of filters their names and sizes.
CARRIED_KEYS = (
    *(key for key in BANK_KEYS if key.name not in ("filters", "weights", "layers", "operation", "normalize")),
    Key("names", NameList(), "the filters' names"),
    Key("sizes", Sizes(), "the filters' sizes, where they differ; each is centred in the tensor"),
)


def load_weights(path: Path, pick: str | None) -> tuple[Built, Source]:
    """Return the layer called *pick* of the weights file at *path*, or its only one, as a bank.

    Raises
    ------
    BankError
        The file cannot be read, holds several layers, or what it carries does not fit together.
    """
    label = shown(path) + (f"#{shown(pick)}" if pick else "")
    try:
        archive = open_archive(path)
        found = _layer_of(archive, pick)
    except RefusedError as error:
        raise BankError([Fault("", *error.said, path=label)]) from None
    stem = path.stem + (f"_{pick}" if pick else "")
    settings = {"name": clean_name(stem) or "bank"} | found.settings
    source = Source(label, json.dumps(settings), path.parent)
    try:
        return _built(found.layer, source), source
    except BankError as error:
        # The settings' text is no file, so that a line in it is no place.
        raise BankError([replace(fault, line=0, column=0) for fault in error.faults]) from None


def _layer_of(archive: Archive, pick: str | None) -> Found:
    if archive.path.suffix.lower() == ".onnx":
        from filterbank.bankfile.weights.onnx_layers import pick_layer  # noqa: PLC0415 - needs the extra

        return pick_layer(archive.path, pick)
    try:
        name = _tensor_name(archive, pick)
    except RefusedError as error:
        found, accepted, hint = error.said
        raise RefusedError(
            found, accepted, hint.replace("name one of", "write FILE#NAME with one of")
        ) from None
    weights = to_oihw(archive.read(name), None, name, archive.is_oihw(name))
    biases = read_biases(archive, name, None, len(weights))
    known = {key.name for key in CARRIED_KEYS}
    settings = {key: value for key, value in archive.meta.items() if key in known}
    if archive.path.suffix.lower() == ".npz":
        settings = dict(archive.meta)  # it is a bank's own text: whatever is unknown in it is a slip
    return Found(Kernels(weights, biases), settings)


def _tensor_name(archive: Archive, pick: str | None) -> str:
    """Return the tensor that *pick* names, with or without its ``.weight``, or the only one."""
    if pick is None:
        return "weight" if "weight" in archive.tensors else only_weights(archive)
    return called_weights(archive, pick)


def _built(layer: Kernels, source: Source) -> Built:
    """Return *layer* with the settings in the text of *source* as a bank."""
    faults = Faults(source)
    node = json_text.parse(faults)
    if not isinstance(node, Mapping):
        raise AssertionError
    given = read_mapping(node, CARRIED_KEYS, "", faults)
    names, sizes = (given.pop(key, None) for key in ("names", "sizes"))
    faults.raise_if_any()
    called = names.value if names else names_or_numbers(None, len(layer.weights))
    held = written(layer, called, "", names.at if names else NOWHERE, faults)
    if held is not None and sizes is not None:
        held = _cropped(held, sizes, faults)
    given["weights"] = Given(held, NOWHERE, NOWHERE)
    return assemble(given, faults)


def _cropped(held: Written, sizes: Given, faults: Faults) -> Written:
    """Return the filters in their own sizes, which were centred in the largest."""
    if len(sizes.value) != len(held.entries):
        found = f"found {len(sizes.value)} sizes for {len(held.entries)} filters"
        faults.add(sizes.at, "sizes", found, "accepted: a size for each filter")
        return held
    entries = []
    for entry, size in zip(held.entries, sizes.value, strict=True):
        own = _middle(entry.weights, size)
        if own is None or np.count_nonzero(own) != np.count_nonzero(entry.weights):
            said = "×".join(map(str, size))
            faults.add(sizes.at, "sizes", f"{entry.where} is not {said} with zeros around it")
            return held
        entries.append(replace(entry, weights=own))
    return replace(held, entries=entries)


def _middle(weights: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.float64] | None:
    """Return the middle of *weights* (C, F, F), the odd pixel gone bottom/right; None where too small."""
    before = [(whole - own) // 2 for whole, own in zip(weights.shape[1:], size, strict=True)]
    if min(before) < 0:
        return None
    return weights[:, before[0] : before[0] + size[0], before[1] : before[1] + size[1]]
