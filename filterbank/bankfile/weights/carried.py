"""What a weights file says of itself beside its tensors: a bank's keys, and its filters' names and sizes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filterbank.bankfile.entries import Written
from filterbank.bankfile.keys import Given, Key, object_schema, read_mapping
from filterbank.bankfile.kinds import Integer, refuse
from filterbank.bankfile.layer_kinds import Pair
from filterbank.bankfile.nodes import Mapping, Node, Sequence
from filterbank.bankfile.schema import BANK_KEYS, MAX_STEP, OWN_KEYS
from filterbank.bankfile.source import NOWHERE, Faults
from filterbank.bankfile.weights.named import Kernels, names_or_numbers, written
from filterbank.bankfile.weights_kinds import NameList
from filterbank.record import record


@record(frozen=True)
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
_LAYER_KEYS = (
    *(key for key in OWN_KEYS if key.name not in ("filters", "weights", "operation", "normalize")),
    Key("names", NameList(), "the filters' names"),
    Key("sizes", Sizes(), "the filters' sizes, where they differ; each is centred in the tensor"),
)
_OF_BANK = tuple(key for key in BANK_KEYS if key.name in ("name", "description", "source", "input"))


@record(frozen=True)
class CarriedLayers:
    """The kind of a stack's ``layers``: the settings of each, its weights being tensors."""

    @property
    def accepted(self) -> str:
        """What is accepted, in words."""
        return "a list of layers' settings"

    def read(self, node: Node, where: str, faults: Faults) -> list[dict[str, Given]] | None:
        """Return the keys of each layer."""
        if not isinstance(node, Sequence):
            refuse(self, node, where, faults)
            return None
        layers = []
        for number, item in enumerate(node.items, 1):
            inside = faults.inside(f"layer {number}")
            if isinstance(item, Mapping):
                layers.append(read_mapping(item, _LAYER_KEYS, "", inside))
            else:
                refuse(self, item, "", inside)
        return layers

    def schema(self) -> dict[str, Any]:
        """Return the kind as JSON Schema."""
        return {"type": "array", "items": object_schema(_LAYER_KEYS)}


# What a file of one layer says of itself, and what one of a stack.
CARRIED_KEYS = (*_OF_BANK, *_LAYER_KEYS)
STACK_KEYS = (*_OF_BANK, Key("layers", CarriedLayers(), "the layers' settings"))


def layer_of(kernels: Kernels, given: dict[str, Given], faults: Faults) -> dict[str, Given]:
    """Return the keys *given* of a layer, with its *kernels* under ``weights`` for names and sizes."""
    names, sizes = given.get("names"), given.get("sizes")
    called = names.value if names and names.value else names_or_numbers(None, len(kernels.weights))
    held = written(kernels, called, "", names.at if names else NOWHERE, faults)
    if held is not None and sizes is not None and sizes.value is not None:
        held = _cropped(held, sizes, faults)
    kept = {key: each for key, each in given.items() if key not in ("names", "sizes")}
    return kept | {"weights": Given(held, NOWHERE, NOWHERE)}


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
