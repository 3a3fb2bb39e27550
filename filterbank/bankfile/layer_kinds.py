"""Kinds of values that a layer's keys have: pairs, padding, one number per channel, activations."""

from __future__ import annotations

from typing import Any

from filterbank.bankfile.keys import Key, join, object_schema, read_mapping
from filterbank.bankfile.kinds import Integer, Kind, Number, nearest, number_hint, refuse
from filterbank.bankfile.nodes import Mapping, Node, Scalar, Sequence, describe, resolve
from filterbank.bankfile.source import Faults
from filterbank.model import ACTIVATIONS, INPUT_CHANNELS, Activation
from filterbank.record import record

# O filters, I channels, H rows, W columns; a signal's filters are 1×F, a plane's have one channel.
LAYOUTS = ("OIHW", "HWIO", "OHWI", "OIW", "WIO", "OWI", "OHW", "HWO", "HW")


@record(frozen=True)
class Pair:
    """One whole number for both axes, or [rows, columns]."""

    each: Integer

    @property
    def accepted(self) -> str:
        """What is accepted, in words."""
        return f"{self.each.accepted}, or [rows, columns]"

    def read(self, node: Node, where: str, faults: Faults) -> tuple[int, int] | None:
        """Return (rows, columns)."""
        if not isinstance(node, Sequence):
            value = _read_part(self, self.each, node, where, faults)
            return None if value is None else (value, value)
        values = _read_parts(self, self.each, node, where, faults, (2,))
        return None if values is None else (values[0], values[1])

    def schema(self) -> dict[str, Any]:
        """Return the kind as JSON Schema."""
        return {"anyOf": [self.each.schema(), _array(self.each, 2)]}


@record(frozen=True)
class Sides:
    """Padding in its five spellings."""

    each: Integer

    @property
    def accepted(self) -> str:
        """What is accepted, in words."""
        return f"{self.each.accepted}, [rows, columns], [top, left, bottom, right], same or valid"

    def read(self, node: Node, where: str, faults: Faults) -> tuple[int, int, int, int] | str | None:
        """Return (top, left, bottom, right), or the word."""
        if isinstance(node, Scalar) and isinstance(node.value, str):
            if node.value in {"same", "valid"}:
                return node.value
            hint = number_hint(node) if type(resolve(node.value)) in (int, float) else ""
            refuse(self, node, where, faults, hint=hint or nearest(node.value, ("same", "valid")))
            return None
        if not isinstance(node, Sequence):
            value = _read_part(self, self.each, node, where, faults)
            return None if value is None else (value, value, value, value)
        values = _read_parts(self, self.each, node, where, faults, (2, 4))
        if values is None:
            return None
        rows, columns = values[:2]
        return (rows, columns, rows, columns) if len(values) == 2 else (rows, columns, values[2], values[3])

    def schema(self) -> dict[str, Any]:
        """Return the kind as JSON Schema."""
        words = {"enum": ["same", "valid"]}
        return {"anyOf": [words, self.each.schema(), _array(self.each, 2), _array(self.each, 4)]}


def _array(each: Integer, count: int) -> dict[str, Any]:
    return {"type": "array", "items": each.schema(), "minItems": count, "maxItems": count}


def _read_part(kind: Kind, each: Kind, node: Node, where: str, faults: Faults) -> Any:
    """Return one number, a fault naming all that *kind* accepts."""
    quiet = Faults(faults.source)
    value = each.read(node, where, quiet)
    if value is None:
        if isinstance(node, Scalar) and type(node.value) in (int, float):
            fault = quiet.listed()[0]
            refuse(kind, node, where, faults, fault.found, fault.hint)
        else:
            refuse(kind, node, where, faults, hint=number_hint(node) if isinstance(node, Scalar) else "")
    return value


def _read_parts(
    kind: Kind, each: Integer, node: Sequence, where: str, faults: Faults, counts: tuple[int, ...]
) -> list[int] | None:
    """Return as many whole numbers as one of *counts* says."""
    if len(node.items) not in counts:
        refuse(kind, node, where, faults)
        return None
    values = [_read_part(kind, each, item, where, faults) for item in node.items]
    return None if None in values else [value for value in values if value is not None]


@record(frozen=True)
class Numbers:
    """A number, or a list with one per channel."""

    each: Number
    single: bool = True
    longest: int = 65536

    @property
    def accepted(self) -> str:
        """What is accepted, in words."""
        return f"{self.each.accepted}, or a list with one per channel" if self.single else "a list of numbers"

    def read(self, node: Node, where: str, faults: Faults) -> tuple[float, ...] | None:
        """Return the numbers; a single one as a tuple of one."""
        if isinstance(node, Sequence) and 0 < len(node.items) <= self.longest:
            values = [self.each.read(item, where, faults) for item in node.items]
            return None if None in values else tuple(value for value in values if value is not None)
        if self.single and isinstance(node, Scalar):
            value = _read_part(self, self.each, node, where, faults)
            return None if value is None else (value,)
        hint = ""
        if isinstance(node, Sequence) and len(node.items) > self.longest:
            hint = f"give at most {self.longest:,} numbers"
        refuse(self, node, where, faults, hint=hint)
        return None

    def schema(self) -> dict[str, Any]:
        """Return the kind as JSON Schema."""
        many = {"type": "array", "items": self.each.schema(), "minItems": 1, "maxItems": self.longest}
        return {"anyOf": [self.each.schema(), many]} if self.single else many


@record(frozen=True)
class InputKind:
    """What an image is turned into: a word, or the number of its own channels."""

    most: int = 65536

    @property
    def accepted(self) -> str:
        """What is accepted, in words."""
        return ", ".join(INPUT_CHANNELS) + f", or the number of channels 1 to {self.most}"

    def read(self, node: Node, where: str, faults: Faults) -> str | int | None:
        """Return the word or the number."""
        if isinstance(node, Scalar) and isinstance(node.value, str):
            if node.value in INPUT_CHANNELS:
                return node.value
            hint = nearest(node.value, tuple(INPUT_CHANNELS))
            refuse(self, node, where, faults, hint="write gray" if node.value == "grey" else hint)
            return None
        count: int | None = _read_part(self, Integer(1, self.most), node, where, faults)
        return count

    def schema(self) -> dict[str, Any]:
        """Return the kind as JSON Schema."""
        return {"anyOf": [{"enum": list(INPUT_CHANNELS)}, Integer(1, self.most).schema()]}


@record(frozen=True)
class ActivationKind:
    """An activation's name, or {name: {parameter: number}}."""

    @property
    def accepted(self) -> str:
        """What is accepted, in words."""
        return ", ".join(ACTIVATIONS) + ", or one with parameters like {leaky_relu: {slope: 0.1}}"

    def read(self, node: Node, where: str, faults: Faults) -> Activation | None:
        """Return the activation with its defaults filled in."""
        if isinstance(node, Scalar) and isinstance(node.value, str):
            return self._named(node, where, faults)
        if not isinstance(node, Mapping) or len(node.entries) != 1:
            refuse(self, node, where, faults)
            return None
        key, given = node.entries[0]
        activation = self._named(key, where, faults)
        if activation is None:
            return None
        where = join(where, activation.name)
        known = ACTIVATIONS[activation.name]
        if not isinstance(given, Mapping):
            accepted = f"accepted: a mapping with {', '.join(known)}" if known else "accepted: {}"
            faults.add(given.at, where, describe(given), accepted)
            return None
        before = len(faults)
        read = read_mapping(given, _parameters(activation.name), where, faults)
        if len(faults) > before:
            return None
        values = {name: read[name].value if name in read else usual for name, usual in known.items()}
        if activation.name == "clip" and values["min"] > values["max"]:
            found = f"min {values['min']:g} is above max {values['max']:g}"
            faults.add(given.at, where, found, "accepted: min at most max", "exchange them")
            return None
        return Activation(activation.name, tuple(values.values()))

    def _named(self, node: Node, where: str, faults: Faults) -> Activation | None:
        if isinstance(node, Scalar) and node.value in ACTIVATIONS:
            return Activation(str(node.value))
        hint = nearest(node.text, tuple(ACTIVATIONS)) if isinstance(node, Scalar) else ""
        refuse(self, node, where, faults, hint=hint)
        return None

    def schema(self) -> dict[str, Any]:
        """Return the kind as JSON Schema."""
        rules: list[dict[str, Any]] = [{"enum": list(ACTIVATIONS)}]
        for name in ACTIVATIONS:
            given = object_schema(_parameters(name))
            shape = {"type": "object", "properties": {name: given}, "required": [name]}
            rules.append(shape | {"additionalProperties": False})
        return {"anyOf": rules}


def _parameters(name: str) -> tuple[Key, ...]:
    """Return the parameters of activation *name* as keys."""
    return tuple(Key(each, Number(), default=usual) for each, usual in ACTIVATIONS[name].items())
