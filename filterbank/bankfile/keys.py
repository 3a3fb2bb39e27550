"""Keys of a mapping: one declaration read strictly, and turned into JSON Schema."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from filterbank.bankfile.kinds import Kind, nearest
from filterbank.bankfile.nodes import Mapping, Node, Scalar, describe
from filterbank.bankfile.source import Faults, shorten
from filterbank.record import record


@record(frozen=True)
class Key:
    """One key: its name, the kind of its value, what holds without it, and what it means."""

    name: str
    kind: Kind
    doc: str = ""
    default: Any = None
    required: bool = False


@record(frozen=True)
class Given:
    """A key's value as read, None where it was at fault, and the offsets of the value and the key."""

    value: Any
    at: int
    key_at: int


def join(where: str, name: str) -> str:
    """Return the place *name* inside *where*, as messages write it."""
    return f"{where}: {name}" if where else name


def read_mapping(
    node: Mapping,
    keys: Iterable[Key],
    where: str,
    faults: Faults,
    homes: dict[str, str] | None = None,
    listed: str = "",
) -> dict[str, Given]:
    """Return what *node* gives for each of the *keys*; anything else in it is a fault.

    *homes* says of keys that belong elsewhere what to do with them; *listed* are the keys as a message
    names them where they are too many.
    """
    known = {key.name: key for key in keys}
    given: dict[str, Given] = {}
    for key_node, value_node in node.entries:
        name = _key_name(key_node, where, faults)
        if name is None:
            continue
        if name in given:
            line, column = faults.source.place(given[name].key_at)
            found = f"key {name!r} is given twice, first at {line}:{column}"
            faults.add(key_node.at, where, found, "accepted: every key once", "remove one of them")
        elif name not in known:
            hint = (homes or {}).get(name) or nearest(name, list(known))
            found, accepted = (
                f"unknown key {shorten(name)}",
                f"accepted: {listed or ', '.join(known) or 'no keys'}",
            )
            faults.add(key_node.at, where, found, accepted, hint)
        else:
            value = known[name].kind.read(value_node, join(where, name), faults)
            given[name] = Given(value, value_node.at, key_node.at)
    for key in known.values():
        if key.required and key.name not in given:
            faults.add(
                node.at, where, f"key {key.name!r} is missing", f"accepted: {key.kind.accepted}", "add it"
            )
    return given


def _key_name(node: Node, where: str, faults: Faults) -> str | None:
    """Return the key that *node* writes, or None after adding a fault."""
    if not isinstance(node, Scalar):
        faults.add(node.at, where, f"{describe(node)} as a key", "accepted: words as keys")
        return None
    if node.text == "<<":
        found, hint = "found the merge key '<<'", "write the keys out"
        faults.add(node.at, where, found, "accepted: keys of YAML 1.2, which has no merging", hint)
        return None
    return node.text


def object_schema(keys: Iterable[Key]) -> dict[str, Any]:
    """Return the JSON Schema of a mapping with these *keys* and no others."""
    properties, required = {}, []
    for key in keys:
        properties[key.name] = key.kind.schema() | ({"description": key.doc} if key.doc else {})
        if key.default is not None:
            properties[key.name]["default"] = key.default
        if key.required:
            required.append(key.name)
    rule: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    return rule | ({"required": required} if required else {})
