"""Kinds of values that stand for weights in another file, which is opened elsewhere."""

from __future__ import annotations

from typing import Any

from filterbank.bankfile.entries import Written
from filterbank.bankfile.keys import Key, object_schema, read_mapping
from filterbank.bankfile.kinds import Choice, Name, Text, refuse
from filterbank.bankfile.layer_kinds import LAYOUTS
from filterbank.bankfile.nodes import Mapping, Node, Sequence
from filterbank.bankfile.source import Faults
from filterbank.record import record


@record(frozen=True)
class NameList:
    """A list of names, no two alike but for case."""

    longest: int = 65536

    @property
    def accepted(self) -> str:
        """What is accepted, in words."""
        return "a list of unique names, one a filter"

    def read(self, node: Node, where: str, faults: Faults) -> list[str] | None:
        """Return the names."""
        if not isinstance(node, Sequence) or not 0 < len(node.items) <= self.longest:
            refuse(self, node, where, faults)
            return None
        before = len(faults)
        first: dict[str, int] = {}
        names = []
        for item in node.items:
            name = Name().read(item, where, faults)
            if name is None:
                continue
            if name.lower() in first:
                line, column = faults.source.place(first[name.lower()])
                found = f"the name {name!r} is taken, first at {line}:{column}"
                faults.add(item.at, where, found, "accepted: unique names", "rename one of them")
            first.setdefault(name.lower(), item.at)
            names.append(name)
        return names if len(faults) == before else None

    def schema(self) -> dict[str, Any]:
        """Return the kind as JSON Schema."""
        each = Name().schema()
        return {"type": "array", "items": each, "minItems": 1, "maxItems": self.longest, "uniqueItems": True}


WEIGHTS_KEYS = (
    Key(
        "file",
        Text(),
        "a .safetensors, .npz, .npy or .onnx; its path starts at the bank's own folder",
        required=True,
    ),
    Key("tensor", Text(), "the weights' name; without it the only tensor that can be weights"),
    Key("bias", Text(), "the biases' name, or none; without it the one beside the weights: x.weight, x.bias"),
    Key("layout", Choice(LAYOUTS), "the tensor's axes: O filters, I channels, H rows, W columns"),
    Key("names", NameList(), "the filters' names; without it f0, f1, …"),
)


@record(frozen=True)
class WeightsFile:
    """A mapping that names a file and a tensor in it."""

    @property
    def accepted(self) -> str:
        """What is accepted, in words."""
        return "a mapping with file, and where needed tensor, bias, layout and names"

    def read(self, node: Node, where: str, faults: Faults) -> Written | None:
        """Return the filters that the file holds."""
        if not isinstance(node, Mapping):
            refuse(self, node, where, faults, hint="write {file: FILE}")
            return None
        before = len(faults)
        given = read_mapping(node, WEIGHTS_KEYS, where, faults)
        if "file" not in given or given["file"].value is None:
            return None
        from filterbank.bankfile.weights.named import read_named  # noqa: PLC0415 - most banks have kernels

        return read_named(given, where, faults, is_sound=len(faults) == before)

    def schema(self) -> dict[str, Any]:
        """Return the kind as JSON Schema."""
        return object_schema(WEIGHTS_KEYS)
