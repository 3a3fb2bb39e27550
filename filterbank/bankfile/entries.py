"""The kind of a bank's ``filters``: entries that write a kernel out or name a family."""

from __future__ import annotations

from dataclasses import replace
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
from filterbank.errors import RequestError
from filterbank.record import record

MAX_FILTERS = 65536

# What stands in an entry besides its kernel or family.
BESIDE_KEYS = (
    Key("name", Name(), "names the filter's map; unique in the bank"),
    Key("channels", Numbers(Number(), single=False), "spreads a plane over channels: one factor per channel"),
    Key("scale", Fraction(), "multiplies the weights; a number or a fraction like 1/8", default=1),
    Key("bias", Number(), "added to every output, in units of the normalised image", default=0),
)
KERNEL_KEY = Key("kernel", Kernel(), "the weights: F×F; a list is 1×F; C×F×F for depth", required=True)
_MAYBE_KERNEL = replace(KERNEL_KEY, required=False)


@record(frozen=True)
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
_A_FAMILY = "one family, as `filterbank generate` lists them"
_LISTED = f"name, kernel, channels, scale, bias and {_A_FAMILY}"
ENTRY_KEYS = (BESIDE_KEYS[0], _MAYBE_KERNEL, *BESIDE_KEYS[1:], *FAMILY_KEYS)


@record(frozen=True)
class Entry:
    """One filter as written: weights (F, F) or (C, F, F) before channels, scale and all that follows."""

    name: str
    where: str
    weights: NDArray[np.float64]
    channels: tuple[float, ...] | None
    scale: float
    bias: float
    at: int
    depth_at: int
    is_family: bool = False


@record(frozen=True)
class Written:
    """The filters that could be read, and how many they would be with those at fault; None for unknown."""

    entries: list[Entry]
    count: int | None


@record(frozen=True)
class Entries:
    """A list of filters."""

    @property
    def accepted(self) -> str:
        """What is accepted, in words."""
        return "a list of at least one filter, each a mapping with name and kernel, or a family"

    def read(self, node: Node, where: str, faults: Faults) -> Written | None:
        """Return the filters of all entries; a family's entry may give several.

        Entries at fault are left out, so that what is wrong with the others together is found too.
        """
        if not isinstance(node, Sequence) or not node.items:
            hint = "put '- ' before it" if isinstance(node, Mapping) and node.entries else "add a filter"
            refuse(self, node, where, faults, hint=hint)
            return None
        entries, weights = list[Entry](), 0
        count: int | None = 0
        names = Names(faults)
        for index, item in enumerate(node.items, 1):
            made = _read_entry(item, f"filter {index}", names, faults)
            entries += made
            own = len(made) or _count_unread(item)
            count = None if count is None or own is None else count + own
            weights += sum(entry.weights.size for entry in made)
            # A few lines of families or aliases can ask for more than any memory holds.
            if len(entries) > MAX_FILTERS or weights > MAX_WEIGHTS:
                accepted = f"accepted: at most {MAX_FILTERS:,} filters and {MAX_WEIGHTS:,} weights"
                faults.add(item.at, f"filter {index}", "found too large a bank", accepted, "split it")
                return Written(entries, None)
        return Written(entries, count)

    def schema(self) -> dict[str, Any]:
        """Return the kind as JSON Schema."""
        name, *others = BESIDE_KEYS
        named = Key(name.name, name.kind, name.doc, required=True)
        rules = [object_schema((named, KERNEL_KEY, *others))]
        rules += [object_schema((*BESIDE_KEYS, replace(key, required=True))) for key in FAMILY_KEYS]
        return {"type": "array", "minItems": 1, "maxItems": MAX_FILTERS, "items": {"anyOf": rules}}


def _read_entry(node: Node, where: str, names: Names, faults: Faults) -> list[Entry]:
    """Return the filters of one entry; none where its weights are at fault."""
    if not isinstance(node, Mapping):
        faults.add(node.at, where, describe(node), "accepted: a mapping with name and kernel, or a family")
        return []
    where = _named_place(node, where)
    before = len(faults)
    given = read_mapping(node, ENTRY_KEYS, where, faults, _HOMES, _LISTED)
    makers = [name for name in given if name == "kernel" or name in FAMILIES]
    if makers[:1] == ["kernel"] and "name" not in given:
        accepted = f"accepted: {Name().accepted}"
        faults.add(node.at, where, "key 'name' is missing", accepted, "add it; the map is named after it")
    if len(makers) == 1:
        return _make(given, makers[0], where, names, faults)
    found = f"found {' and '.join(makers)} together" if makers else "neither kernel nor family"
    accepted = f"accepted: a kernel or {_A_FAMILY}"
    if makers:
        faults.add(given[makers[1]].key_at, where, found, accepted, "make them two entries")
    elif len(faults) == before:
        # An unknown key is then most likely the misspelt one.
        faults.add(node.at, where, found, accepted, "add a kernel")
    return []


def _count_unread(node: Node) -> int | None:
    """Return how many filters an entry at fault is meant to be: one, unless it may name a family of many."""
    values = [value for _, value in node.entries] if isinstance(node, Mapping) else [node]
    return None if any(isinstance(value, Mapping) for value in values) else 1


def _make(given: dict[str, Given], maker: str, where: str, names: Names, faults: Faults) -> list[Entry]:
    """Return the filters of an entry with one kernel or family."""
    name, channels = given.get("name"), given.get("channels")
    made = given[maker].value
    if maker == "kernel" or made is None:
        filters = [(name.value or "" if name else "", made)]
    else:
        try:
            filters = FAMILIES[maker].filters(made)
        except RequestError as error:
            faults.add(given[maker].at, where, f"{maker}: {error}")
            return []
        if name is not None:
            label = name.value or ""
            single = len(filters) == 1
            filters = [(label if single or not label else f"{label}_{own}", each) for own, each in filters]
    for label, _ in filters:
        names.take(label, where, name.at if name else given[maker].at)
    if made is None or (channels is not None and channels.value is None):
        return []
    if channels is not None and any(weights.ndim == 3 for _, weights in filters):
        found, hint = "channels with a kernel that has planes already", "remove channels or write one plane"
        faults.add(channels.at, where, found, "accepted: channels with one plane of rows", hint)
        return []
    scale, bias = (given[key].value if key in given else None for key in ("scale", "bias"))
    at = given[maker].at
    return [
        Entry(
            name=label,
            where=f"filter {label!r}" if label else where,
            weights=weights,
            channels=channels.value if channels else None,
            scale=1.0 if scale is None else scale,
            bias=bias or 0.0,
            at=at,
            depth_at=channels.at if channels else at,
            is_family=maker != "kernel",
        )
        for label, weights in filters
    ]


def _named_place(node: Mapping, where: str) -> str:
    """Return the entry's place by its name, where it has one."""
    for key, value in node.entries:
        if isinstance(key, Scalar) and key.text == "name" and isinstance(value, Scalar):
            return f"filter {shorten(value.text)}" if value.text else where
    return where


class Names:
    """The names taken so far, and where."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self.first: dict[str, tuple[str, int]] = {}

    def take(self, name: str, where: str, at: int) -> None:
        """Note a filter's name; a fault where it is no name, or taken, or taken but for case."""
        if not name:
            return
        if not NAME.fullmatch(name):
            accepted = f"accepted: {Name().accepted}"
            self.faults.add(at, where, f"found the name {shorten(name)}", accepted, "shorten it")
            return
        if name.lower() not in self.first:
            self.first[name.lower()] = name, at
            return
        other, place = self.first[name.lower()]
        line, column = self.faults.source.place(place)
        same = "is taken" if other == name else f"differs only by case from {other!r}"
        found = f"the name {name!r} {same}, first at {line}:{column}"
        self.faults.add(at, where, found, "accepted: unique names", "rename one of them")


# Keys of the bank that were written in a filter; the filters know nothing of the bank's own table.
_HOMES = dict.fromkeys(
    (
        *("input", "operation", "stride", "padding", "padding_mode", "padding_value", "dilation"),
        *("groups", "activation", "normalize", "mean", "std", "combine"),
    ),
    "it belongs to the bank, beside filters",
)
