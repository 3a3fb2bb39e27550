"""The kind of a bank's ``filters``: entries that write a kernel out or name a family."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filterbank.bankfile.families import FAMILIES
from filterbank.bankfile.kernel import MAX_WEIGHTS, Kernel
from filterbank.bankfile.keys import Given, Key, object_schema, read_mapping
from filterbank.bankfile.kinds import NAME, Fraction, Name, Number, refuse
from filterbank.bankfile.layer_kinds import Numbers
from filterbank.bankfile.nodes import Mapping, Node, Scalar, Sequence, describe
from filterbank.bankfile.source import Faults, shorten

MAX_FILTERS = 65536

# What stands in an entry besides its kernel or family.
BESIDE_KEYS = (
    Key("name", Name(), "names the filter's map; unique in the bank"),
    Key("channels", Numbers(Number(), single=False), "spreads a plane over channels: one factor per channel"),
    Key("scale", Fraction(), "multiplies the weights; a number or a fraction like 1/8", default=1),
    Key("bias", Number(), "added to every output, in units of the normalised image", default=0),
)
KERNEL_KEY = Key("kernel", Kernel(), "the weights: F×F; a list is 1×F; C×F×F for depth", required=True)


@dataclass(frozen=True)
class Parameters:
    """The kind of a family's value: its parameters."""

    family: str

    @property
    def accepted(self) -> str:
        """What is accepted, in words."""
        names = [key.name for key in FAMILIES[self.family].parameters]
        return f"a mapping with {', '.join(names)}" if names else "{}"

    def read(self, node: Node, where: str, faults: Faults) -> dict[str, Any] | None:
        """Return the parameters that were given."""
        if not isinstance(node, Mapping):
            refuse(self, node, where, faults)
            return None
        before = len(faults)
        given = read_mapping(node, FAMILIES[self.family].parameters, where, faults)
        return {name: each.value for name, each in given.items()} if len(faults) == before else None

    def schema(self) -> dict[str, Any]:
        """Return the kind as JSON Schema."""
        return object_schema(FAMILIES[self.family].parameters)


FAMILY_KEYS = tuple(Key(name, Parameters(name), family.doc) for name, family in FAMILIES.items())
ENTRY_KEYS = (BESIDE_KEYS[0], Key("kernel", KERNEL_KEY.kind, KERNEL_KEY.doc), *BESIDE_KEYS[1:], *FAMILY_KEYS)


@dataclass(frozen=True)
class Entry:
    """One filter as written: weights (F, F) or (C, F, F) before channels, scale and all that follows."""

    name: str
    weights: NDArray[np.float64]
    channels: tuple[float, ...] | None
    scale: float
    bias: float
    at: int
    is_family: bool = False

    @property
    def where(self) -> str:
        """The filter, as messages name it."""
        return f"filter {self.name!r}"


@dataclass(frozen=True)
class Entries:
    """A list of filters."""

    @property
    def accepted(self) -> str:
        """What is accepted, in words."""
        return "a list of at least one filter, each a mapping with name and kernel, or a family"

    def read(self, node: Node, where: str, faults: Faults) -> list[Entry] | None:
        """Return the filters of all entries; a family's entry may give several."""
        if not isinstance(node, Sequence) or not node.items:
            hint = "put '- ' before it" if isinstance(node, Mapping) and node.entries else "add a filter"
            refuse(self, node, where, faults, hint=hint)
            return None
        before, entries, weights = len(faults), list[Entry](), 0
        for index, item in enumerate(node.items, 1):
            made = _read_entry(item, f"filter {index}", faults)
            entries += made
            weights += sum(entry.weights.size for entry in made)
            # A few lines of families or aliases can ask for more than any memory holds.
            if len(entries) > MAX_FILTERS or weights > MAX_WEIGHTS:
                accepted = f"accepted: at most {MAX_FILTERS:,} filters and {MAX_WEIGHTS:,} weights"
                faults.add(item.at, f"filter {index}", "found too large a bank", accepted, "split it")
                break
        _check_names(entries, faults)
        return entries if len(faults) == before else None

    def schema(self) -> dict[str, Any]:
        """Return the kind as JSON Schema."""
        name, *others = BESIDE_KEYS
        named = Key(name.name, name.kind, name.doc, required=True)
        rules = [object_schema((named, KERNEL_KEY, *others))]
        rules += [object_schema((*BESIDE_KEYS, replace(key, required=True))) for key in FAMILY_KEYS]
        return {"type": "array", "minItems": 1, "maxItems": MAX_FILTERS, "items": {"anyOf": rules}}


def _read_entry(node: Node, where: str, faults: Faults) -> list[Entry]:
    """Return the filters of one entry; none where it is at fault."""
    if not isinstance(node, Mapping):
        faults.add(node.at, where, describe(node), "accepted: a mapping with name and kernel, or a family")
        return []
    where = _named_place(node, where)
    before = len(faults)
    given = read_mapping(node, ENTRY_KEYS, where, faults, _HOMES)
    makers = [name for name in given if name == "kernel" or name in FAMILIES]
    if len(makers) != 1:
        found = f"found {' and '.join(makers)} together" if makers else "neither kernel nor family"
        accepted = f"accepted: one of kernel, {', '.join(FAMILIES)}"
        at = given[makers[1]].key_at if makers else node.at
        if makers or len(faults) == before:
            faults.add(at, where, found, accepted, "make them two entries" if makers else "add a kernel")
    elif makers == ["kernel"] and "name" not in given:
        accepted = f"accepted: {Name().accepted}"
        faults.add(node.at, where, "key 'name' is missing", accepted, "add it; the map is named after it")
    return _make(given, makers[0], where, faults) if len(faults) == before else []


def _make(given: dict[str, Given], maker: str, where: str, faults: Faults) -> list[Entry]:
    """Return the filters of a faultless entry."""
    name, at = given.get("name"), given[maker].at
    channels, scale, bias = (
        given[key].value if key in given else None for key in ("channels", "scale", "bias")
    )
    rest = channels, 1.0 if scale is None else scale, bias or 0.0
    if maker == "kernel":
        weights: NDArray[np.float64] = given[maker].value
        if channels is not None and weights.ndim == 3:
            found, hint = (
                "channels with a kernel that has planes already",
                "remove channels or write one plane",
            )
            faults.add(given["channels"].at, where, found, "accepted: channels with one plane of rows", hint)
            return []
        return [Entry(name.value if name else "", weights, *rest, at)]
    made = FAMILIES[maker].filters(maker, given[maker].value)
    entries = []
    for own, weights in made:
        label = own if name is None else name.value if len(made) == 1 else f"{name.value}_{own}"
        if not NAME.fullmatch(label):
            found, accepted = f"the name {shorten(label)} that it makes", f"accepted: {Name().accepted}"
            faults.add(name.at if name else at, where, found, accepted, "give it a shorter name")
            return []
        entries.append(Entry(label, weights, *rest, at, is_family=True))
    return entries


def _named_place(node: Mapping, where: str) -> str:
    """Return the entry's place by its name, where it has one."""
    for key, value in node.entries:
        if isinstance(key, Scalar) and key.text == "name" and isinstance(value, Scalar):
            return f"filter {shorten(value.text)}" if value.text else where
    return where


def _check_names(entries: list[Entry], faults: Faults) -> None:
    """Add a fault for every name that an earlier filter has, or has but for case."""
    first: dict[str, Entry] = {}
    for entry in entries:
        other = first.setdefault(entry.name.lower(), entry)
        if other is entry:
            continue
        line, column = faults.source.place(other.at)
        same = "is taken" if other.name == entry.name else f"differs only by case from {other.name!r}"
        found = f"the name {same} (filter at {line}:{column})"
        faults.add(entry.at, entry.where, found, "accepted: unique names", "rename one of them")


_HOMES = {
    **dict.fromkeys(
        ("input", "operation", "stride", "padding", "padding_mode", "padding_value", "dilation", "groups"),
        "it belongs to the bank, beside filters",
    ),
    **dict.fromkeys(("activation", "normalize", "mean", "std"), "it belongs to the bank, beside filters"),
}
