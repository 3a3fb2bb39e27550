"""The kind of a bank's ``combine``: maps made of the maps of filters, which are named by globs."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

from filterbank.bankfile.entries import Names
from filterbank.bankfile.keys import Key, join, object_schema, read_mapping
from filterbank.bankfile.kinds import Integer, Name, nearest, refuse
from filterbank.bankfile.nodes import Mapping, Node, Scalar, Sequence, describe
from filterbank.bankfile.source import Faults, shorten
from filterbank.model import COMBINATIONS, Combination
from filterbank.record import record

MAX_COMBINATIONS = 65536
MAX_WINDOW = 1023


@record(frozen=True)
class Globs:
    """Names of filters, or globs for several; one may stand without brackets."""

    @property
    def accepted(self) -> str:
        """What is accepted, in words."""
        return "a list of filters' names, * and ? standing for any characters"

    def read(self, node: Node, where: str, faults: Faults) -> list[tuple[str, int]] | None:
        """Return the globs, each with its place."""
        items = node.items if isinstance(node, Sequence) else [node]
        globs = []
        for item in items:
            if isinstance(item, Scalar) and isinstance(item.value, str) and item.value:
                globs.append((item.value, item.at))
            else:
                is_number = isinstance(item, Scalar) and type(item.value) in (int, float)
                refuse(self, item, where, faults, hint="put it in quotes" if is_number else "")
        if not items:
            refuse(self, node, where, faults, hint="name at least one")
        return globs if items and len(globs) == len(items) else None

    def schema(self) -> dict[str, Any]:
        """Return the kind as JSON Schema."""
        one = {"type": "string", "minLength": 1}
        return {"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]}


_DOCS = {
    "maximum": "the largest value at each place",
    "modulus": "the root of the sum of squares, as of an even and an odd filter",
    "sum": "the sum",
    "mean": "the mean",
    "keep": "one filter's map as it is",
}
COMBINATION_KEYS = (
    Key("name", Name(), "names the map; unique among the combinations", required=True),
    *(Key(name, Globs(), _DOCS[name]) for name in COMBINATIONS),
    Key(
        "window",
        Integer(1, MAX_WINDOW),
        "combine the sizes |r|, and average over so many rows and columns around each place",
    ),
)


@record(frozen=True)
class WrittenCombination:
    """A combination as written: its filters are known by globs."""

    name: str
    operation: str
    globs: tuple[tuple[str, int], ...]
    window: int | None
    where: str

    def resolve(self, names: list[str], faults: Faults) -> Combination | None:
        """Return the combination of those of the filters *names* that it means, in the bank's order.

        None after adding what is wrong to *faults*.
        """
        where, before = join(self.where, self.operation), len(faults)
        for glob, at in self.globs:
            if not any(fnmatchcase(name, glob) for name in names):
                shown = ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
                found, hint = f"{shorten(glob)} matches no filter", nearest(glob, names)
                faults.add(at, where, found, f"accepted: {shown}", hint)
        chosen = tuple(name for name in names if any(fnmatchcase(name, glob) for glob, _ in self.globs))
        if self.operation == "keep" and len(chosen) > 1:
            found = f"found {len(chosen)} filters, {chosen[0]} to {chosen[-1]}"
            hint = "keep each in an entry of its own, or use maximum, modulus, sum or mean"
            faults.add(self.globs[0][1], where, found, "accepted: one filter", hint)
        if len(faults) > before:
            return None
        return Combination(self.name, self.operation, chosen, self.window)


@record(frozen=True)
class Combinations:
    """A list of combinations."""

    @property
    def accepted(self) -> str:
        """What is accepted, in words."""
        return f"a list of mappings with name and one of {', '.join(COMBINATIONS)}"

    def read(self, node: Node, where: str, faults: Faults) -> tuple[WrittenCombination, ...] | None:
        """Return the combinations that could be read."""
        if not isinstance(node, Sequence) or not 0 < len(node.items) <= MAX_COMBINATIONS:
            refuse(self, node, where, faults)
            return None
        names = Names(faults)
        read = [_read(item, f"combine {index}", names, faults) for index, item in enumerate(node.items, 1)]
        return tuple(each for each in read if each is not None)

    def schema(self) -> dict[str, Any]:
        """Return the kind as JSON Schema."""
        name, *operations, window = COMBINATION_KEYS
        rules = [object_schema((name, replace(key, required=True), window)) for key in operations]
        items = {"anyOf": rules}
        return {"type": "array", "minItems": 1, "maxItems": MAX_COMBINATIONS, "items": items}


def _read(node: Node, where: str, names: Names, faults: Faults) -> WrittenCombination | None:
    """Return one combination, or None after adding what is wrong with it."""
    if not isinstance(node, Mapping):
        faults.add(node.at, where, describe(node), f"accepted: name and one of {', '.join(COMBINATIONS)}")
        return None
    for key, value in node.entries:
        if isinstance(key, Scalar) and key.text == "name" and isinstance(value, Scalar) and value.text:
            where = f"combine {shorten(value.text)}"
    before = len(faults)
    given = read_mapping(node, COMBINATION_KEYS, where, faults)
    operations = [name for name in given if name in COMBINATIONS]
    if given.get("name") and given["name"].value:
        names.take(given["name"].value, where, given["name"].at)
    accepted = f"accepted: one of {', '.join(COMBINATIONS)}"
    if len(operations) > 1:
        found = f"found {' and '.join(operations)} together"
        faults.add(given[operations[1]].key_at, where, found, accepted, "make them two entries")
    elif not operations and len(faults) == before:
        faults.add(node.at, where, "nothing says how maps are combined", accepted, "add one")
    if len(faults) > before:
        return None
    (operation,) = operations
    window = given["window"].value if "window" in given else None
    return WrittenCombination(given["name"].value, operation, tuple(given[operation].value), window, where)
