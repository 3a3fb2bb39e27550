"""The kind of a bank's ``layers``: a stack, each entry a layer written out or a bank file."""

from __future__ import annotations

from typing import Any

from filterbank.bankfile.entries import Written
from filterbank.bankfile.kernel import MAX_WEIGHTS
from filterbank.bankfile.keys import Given, Key, object_schema, read_mapping
from filterbank.bankfile.kinds import Text, refuse
from filterbank.bankfile.nodes import Mapping, Node, Sequence, describe
from filterbank.bankfile.one_layer import Built
from filterbank.bankfile.source import Faults
from filterbank.record import record

MAX_LAYERS = 256

# Either of them makes an entry a layer.
MAKERS = ("filters", "weights")
BANK_KEY = Key(
    "bank", Text(), "a bank file whose layers stand here; its path starts at this bank's own folder"
)
# Keys of the whole bank that were written in a layer.
_HOMES = dict.fromkeys(
    ("name", "description", "source", "input"), "it belongs to the bank, beside layers"
) | {"layers": "layers do not nest; write them one after another, or say bank: FILE"}


@record(frozen=True)
class WrittenLayer:
    """One entry as written: a layer's keys, or the bank that was read for it."""

    number: int
    at: int
    given: dict[str, Given]
    built: Built | None = None


@record(frozen=True)
class Layers:
    """A list of layers, each with some of *keys*, or a bank file."""

    keys: tuple[Key, ...]

    @property
    def accepted(self) -> str:
        """What is accepted, in words."""
        return "a list of layers, each a mapping with filters or weights, or {bank: FILE}"

    def read(self, node: Node, where: str, faults: Faults) -> tuple[WrittenLayer | None, ...] | None:
        """Return the layers; None in place of one that is not to be understood."""
        if not isinstance(node, Sequence) or not node.items:
            refuse(self, node, where, faults)
            return None
        layers: list[WrittenLayer | None] = []
        count = weights = 0
        for number, item in enumerate(node.items, 1):
            layer = self._read(number, item, faults.inside(f"layer {number}"))
            layers.append(layer)
            own = _sizes(layer)
            count, weights = count + len(own), weights + sum(own)
            # A few lines of families, or of files that name each other, can ask for more than any memory.
            if count > MAX_LAYERS or weights > MAX_WEIGHTS:
                accepted = f"accepted: at most {MAX_LAYERS} layers and {MAX_WEIGHTS:,} weights"
                faults.add(item.at, f"layer {number}", "found too large a stack", accepted, "split it")
                return None
        return tuple(layers)

    def _read(self, number: int, node: Node, faults: Faults) -> WrittenLayer | None:
        if not isinstance(node, Mapping):
            faults.add(node.at, "", describe(node), "accepted: a mapping with filters or weights, or bank")
            return None
        given = read_mapping(node, (*self.keys, BANK_KEY), "", faults, _HOMES)
        if "bank" not in given:
            check_makers(node, given, faults)
            return WrittenLayer(number, node.at, given)
        others = [name for name in given if name != "bank"]
        if others:
            found, hint = f"found {others[0]} beside bank", "change it in that file, or write the layer out"
            faults.add(given[others[0]].key_at, "", found, "accepted: bank alone", hint)
        if given["bank"].value is None:
            return None
        built: Built | None = faults.source.refer(given["bank"].value, given["bank"].at, faults)
        return None if built is None else WrittenLayer(number, given["bank"].at, given, built)

    def schema(self) -> dict[str, Any]:
        """Return the kind as JSON Schema."""
        layer = object_schema(self.keys) | {"oneOf": [{"required": [name]} for name in MAKERS]}
        bank = object_schema((Key(BANK_KEY.name, BANK_KEY.kind, BANK_KEY.doc, required=True),))
        return {"type": "array", "minItems": 1, "maxItems": MAX_LAYERS, "items": {"anyOf": [layer, bank]}}


def check_makers(node: Mapping, given: dict[str, Given], faults: Faults) -> None:
    """Add a fault where a layer has no filters, or both written ones and those of a file."""
    if all(name in given for name in MAKERS):
        found, accepted = "found filters and weights together", "accepted: one of the two"
        at = max(given[name].key_at for name in MAKERS)
        faults.add(at, "", found, accepted, "remove one of them, or make them two banks")
    elif not any(name in given for name in MAKERS):
        accepted = "accepted: a list of at least one filter, each a mapping with name and kernel, or a family"
        faults.add(node.at, "", "key 'filters' is missing", accepted, "add it")


def _sizes(layer: WrittenLayer | None) -> list[int]:
    """Return the weights of each layer that an entry stands for."""
    if layer is None:
        return [0]
    if layer.built is not None:
        return [each.weights.size for each in layer.built.bank.stack.layers]
    written = [layer.given[name].value for name in MAKERS if name in layer.given]
    return [
        sum(entry.weights.size for each in written if isinstance(each, Written) for entry in each.entries)
    ]
