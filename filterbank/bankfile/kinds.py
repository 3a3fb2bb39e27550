"""Kinds of values a key can have: each reads a node strictly and describes itself as JSON Schema.

Every kind is read by the same code for files and for options, and both the messages and the JSON
Schema come out of the same limits. ``read`` returns None where it added a fault.
"""

from __future__ import annotations

import math
import re
from typing import Any, Protocol

from filterbank.bankfile.nodes import Node, Scalar, describe, resolve
from filterbank.bankfile.source import Faults
from filterbank.record import record

NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}")
# Maps are computed in float32, where a larger number would be infinite.
LARGEST = (2 - 2.0**-23) * 2.0**127
# Python's $ matches before a last line break as well.
_END = r"(?!\n)$"
_FRACTION = re.compile(r"([-+]?[0-9]{1,15}) ?/ ?(0{0,99}[1-9][0-9]{0,14})")


class Kind(Protocol):
    """What a value may be."""

    @property
    def accepted(self) -> str:
        """What is accepted, in words."""

    def read(self, node: Node, where: str, faults: Faults) -> Any:
        """Return the value *node* stands for, or None after adding what is wrong to *faults*."""

    def schema(self) -> dict[str, Any]:
        """Return the kind as JSON Schema."""


def refuse(kind: Kind, node: Node, where: str, faults: Faults, found: str = "", hint: str = "") -> None:
    """Add the fault that *node* is not of this *kind*."""
    faults.add(node.at, where, found or describe(node), f"accepted: {kind.accepted}", hint)


def nearest(word: str, known: tuple[str, ...] | list[str]) -> str:
    """Return ``did you mean 'x'?`` for the nearest of the *known* words, or nothing."""
    from difflib import get_close_matches  # noqa: PLC0415

    plain = word.lower().replace("-", "_")[:64]
    close = get_close_matches(plain, [each.lower() for each in known], 1, 0.66)
    return next((f"did you mean {each!r}?" for each in known if close and each.lower() == close[0]), "")


@record(frozen=True)
class Number:
    """A finite number within limits, float32's where there are no others."""

    low: float = -LARGEST
    high: float = LARGEST
    above: float = -math.inf

    @property
    def accepted(self) -> str:
        """What is accepted, in words."""
        if self.above > -math.inf:
            return f"a number above {self.above:g}" + (f", at most {self.high:g}" if self.is_bounded else "")
        if self.low > -LARGEST:
            return f"a number {self.low:g} to {self.high:g}" if self.is_bounded else f"at least {self.low:g}"
        return "a finite number"

    @property
    def is_bounded(self) -> bool:
        """Whether there is a largest number."""
        return self.high < LARGEST

    def read(self, node: Node, where: str, faults: Faults) -> float | None:
        """Return the number."""
        if isinstance(node, Scalar) and type(node.value) in (int, float):
            value = float(node.value)  # type: ignore[arg-type]
            if math.isfinite(value) and self.low <= value <= self.high and value > self.above:
                return value
            if LARGEST < abs(value) < math.inf:
                refuse_large(self, node, where, faults)
            else:
                refuse(self, node, where, faults)
        else:
            refuse(self, node, where, faults, hint=number_hint(node))
        return None

    def schema(self) -> dict[str, Any]:
        """Return the kind as JSON Schema."""
        limits = {"minimum": self.low, "maximum": self.high, "exclusiveMinimum": self.above}
        return {"type": "number"} | {key: plain(x) for key, x in limits.items() if math.isfinite(x)}


def refuse_large(kind: Kind, node: Node, where: str, faults: Faults) -> None:
    """Add the fault that *node* is a number that float32 does not hold."""
    hint = f"use at most {LARGEST:.1e}, float32's largest"
    refuse(kind, node, where, faults, f"{describe(node)}, beyond float32", hint)


def number_hint(node: Node) -> str:
    """Return what to do about *node* where a number is wanted."""
    if not isinstance(node, Scalar) or not isinstance(node.value, str):
        return "write a number" if isinstance(node, Scalar) else ""
    text = node.value.strip()
    if type(resolve(text)) in (int, float):
        return "remove the quotes"
    if _FRACTION.fullmatch(text):
        return "write it as a decimal, or put the fraction into `scale` of the filter"
    if re.fullmatch(r"[-+]?[0-9]+,[0-9]+", text):
        return "write the decimal point as '.'"
    return "write a number like 0.5 or 1e-3"


def plain(number: float) -> int | float:
    """Return *number* as an integer where it is a short one, for JSON."""
    return int(number) if float(number).is_integer() and abs(number) < 1e15 else number


@record(frozen=True)
class Integer:
    """A whole number within limits."""

    low: int
    high: int
    odd: bool = False

    @property
    def accepted(self) -> str:
        """What is accepted, in words."""
        if self.odd and self.high == self.low + 2:
            return f"{self.low} or {self.high}"
        return f"{'an odd' if self.odd else 'a'} whole number {self.low} to {self.high}"

    def read(self, node: Node, where: str, faults: Faults) -> int | None:
        """Return the whole number; 2.0 is one."""
        if isinstance(node, Scalar) and type(node.value) in (int, float):
            value = float(node.value)  # type: ignore[arg-type]
            fits = value.is_integer() and self.low <= value <= self.high
            if fits and not (self.odd and value % 2 == 0):
                return int(value)
            refuse(self, node, where, faults)
        else:
            refuse(self, node, where, faults, hint=number_hint(node))
        return None

    def schema(self) -> dict[str, Any]:
        """Return the kind as JSON Schema."""
        rule: dict[str, Any] = {"type": "integer", "minimum": self.low, "maximum": self.high}
        return rule | ({"not": {"multipleOf": 2}} if self.odd else {})


@record(frozen=True)
class Fraction:
    """A number, or a fraction written as text: 1/8, -1/8."""

    @property
    def accepted(self) -> str:
        """What is accepted, in words."""
        return "a finite number or a fraction of whole numbers like 1/8"

    def read(self, node: Node, where: str, faults: Faults) -> float | None:
        """Return the number or the fraction's value."""
        if isinstance(node, Scalar) and isinstance(node.value, str):
            parts = _FRACTION.fullmatch(node.value)
            if parts:
                return int(parts[1]) / int(parts[2])
            if re.fullmatch(r"[-+]?[0-9.]+ ?/ ?[-+]?0+(\.0*)?", node.value):
                found = f"found {node.value}, a division by zero"
                refuse(self, node, where, faults, found, "write a denominator that is not 0")
                return None
            hint = "remove the quotes" if type(resolve(node.value)) in (int, float) else ""
            refuse(self, node, where, faults, hint=hint)
            return None
        if isinstance(node, Scalar) and type(node.value) in (int, float):
            value = float(node.value)  # type: ignore[arg-type]
            if abs(value) <= LARGEST:
                return value
            if math.isfinite(value):
                refuse_large(self, node, where, faults)
                return None
        refuse(self, node, where, faults)
        return None

    def schema(self) -> dict[str, Any]:
        """Return the kind as JSON Schema."""
        text = {"type": "string", "pattern": f"^(?:{_FRACTION.pattern}){_END}"}
        return {"anyOf": [Number().schema(), text]}


@record(frozen=True)
class Text:
    """Any printable text."""

    longest: int = 4000

    @property
    def accepted(self) -> str:
        """What is accepted, in words."""
        return f"a text of at most {self.longest} characters"

    def read(self, node: Node, where: str, faults: Faults) -> str | None:
        """Return the text without blanks around it."""
        if not isinstance(node, Scalar) or not isinstance(node.value, str):
            is_number = isinstance(node, Scalar) and type(node.value) in (int, float)
            refuse(self, node, where, faults, hint="put it in quotes" if is_number else "")
            return None
        # Escape codes in a description would reach the terminal of whoever lists the bank.
        odd = next((each for each in node.value if not each.isprintable() and each not in "\n\t"), "")
        if odd:
            refuse(self, node, where, faults, f"found the character {odd!r}", "remove it")
            return None
        if len(node.value) > self.longest:
            refuse(self, node, where, faults, f"found {len(node.value)} characters")
            return None
        return node.value.strip()

    def schema(self) -> dict[str, Any]:
        """Return the kind as JSON Schema."""
        return {"type": "string", "maxLength": self.longest}


@record(frozen=True)
class Name:
    """A name that is safe as part of a file's name."""

    @property
    def accepted(self) -> str:
        """What is accepted, in words."""
        return "1 to 64 of A-Z a-z 0-9 . _ -, not starting with a dot"

    def read(self, node: Node, where: str, faults: Faults) -> str | None:
        """Return the name."""
        if isinstance(node, Scalar) and isinstance(node.value, str):
            if NAME.fullmatch(node.value):
                return node.value
            better = clean_name(node.value)
            refuse(self, node, where, faults, hint=f"write {better}" if better else "give it a name")
            return None
        hint = (
            f"put it in quotes: '{node.text}'" if isinstance(node, Scalar) and node.value is not None else ""
        )
        refuse(self, node, where, faults, hint=hint)
        return None

    def schema(self) -> dict[str, Any]:
        """Return the kind as JSON Schema."""
        return {"type": "string", "pattern": f"^{NAME.pattern}{_END}"}


def clean_name(text: str) -> str:
    """Return the allowed name nearest to *text*; empty where nothing of it can stay.

    >>> clean_name(".my edges (new)")
    'my_edges_new'
    """
    return re.sub(r"[^A-Za-z0-9._-]+", "_", text).strip("._")[:64]


@record(frozen=True)
class Choice:
    """One of several words."""

    words: tuple[str, ...]

    @property
    def accepted(self) -> str:
        """What is accepted, in words."""
        return ", ".join(self.words[:-1]) + f" or {self.words[-1]}"

    def read(self, node: Node, where: str, faults: Faults) -> str | None:
        """Return the word."""
        if isinstance(node, Scalar) and isinstance(node.value, str):
            if node.value in self.words:
                return node.value
            refuse(self, node, where, faults, hint=nearest(node.value, self.words))
            return None
        refuse(self, node, where, faults)
        return None

    def schema(self) -> dict[str, Any]:
        """Return the kind as JSON Schema."""
        return {"enum": list(self.words)}
