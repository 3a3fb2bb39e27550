"""The tree a bank file's text is read into; every node knows its offset in the text."""

from __future__ import annotations

import re
from dataclasses import field
from itertools import islice

from filterbank.bankfile.source import shorten
from filterbank.record import record

# The deepest thing in a bank is a number in filters > entry > kernel > plane > row.
MAX_DEPTH = 16
# Nodes with every alias counted as often as it is used; ten times a bank of 48 filters of 49×49×3.
MAX_NODES = 4_000_000

Value = None | bool | int | float | str


@record()
class Scalar:
    """One value and the text it was written as."""

    at: int
    value: Value
    text: str


@record()
class Sequence:
    """A list of nodes."""

    at: int
    items: list[Node] = field(default_factory=list)


class Row(Sequence):
    """A list of plain numbers as it is written, its nodes made when somebody asks for them.

    A large bank is rows of numbers: a node for each would take most of the time it takes to read it.
    """

    __slots__ = ("_made", "text")

    def __init__(self, at: int, text: str) -> None:
        self.at, self.text = at, text
        self._made: list[Node] | None = None

    @property
    def items(self) -> list[Node]:  # type: ignore[override]
        """The numbers as nodes."""
        if self._made is None:
            found = _PART.finditer(self.text)
            self._made = [Scalar(self.at + each.start(), resolve(each[0]), each[0]) for each in found]
        return self._made

    def __len__(self) -> int:
        return self.text.count(",") + 1

    def offset(self, index: int) -> int:
        """Return the offset in the text of the number *index*, from 0."""
        return self.at + next(islice(_PART.finditer(self.text), index, None)).start()

    def numbers(self) -> list[float]:
        """Return the numbers.

        >>> Row(0, "[1, -.5, 1e3]").numbers()
        [1.0, -0.5, 1000.0]
        """
        return list(map(float, self.text[1:-1].split(",")))


@record()
class Mapping:
    """Pairs of nodes in file order; repeated keys are still there, to be found as faults."""

    at: int
    entries: list[tuple[Node, Node]] = field(default_factory=list)


Node = Scalar | Sequence | Mapping

_INTEGER = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_PART = re.compile(r"[^][, \t\r\n]+")
_WORDS: dict[str, Value] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
# Longer integers are read as floats: exact to 53 bits like every weight, and int() refuses 4300 digits.
_LONGEST_INTEGER = 18


def resolve(text: str) -> Value:
    """Return what a plain scalar means in the core schema of YAML 1.2.

    >>> resolve("1e-3"), resolve("yes"), resolve("0o17"), resolve("010"), resolve("true"), resolve("~")
    (0.001, 'yes', 15, 10, True, None)
    """
    if _FLOAT.fullmatch(text):
        if len(text) <= _LONGEST_INTEGER and _INTEGER.fullmatch(text):
            return int(text)
        return float(text)
    if text in _WORDS:
        return _WORDS[text]
    if _BASED.fullmatch(text):
        number = int(text, 0)
        return number if number.bit_length() <= 64 else float("inf")
    return text


def describe(node: Node) -> str:
    """Return what *node* is, in the words of a message.

    >>> describe(Scalar(0, True, "yes")), describe(Scalar(0, "a", "a")), describe(Sequence(0, []))
    ('found yes (a boolean)', "found the text 'a'", 'found an empty list')
    """
    if isinstance(node, Sequence):
        return f"found a list of {len(node.items)}" if node.items else "found an empty list"
    if isinstance(node, Mapping):
        keys = ", ".join(shorten(key.text, 20) for key, _ in node.entries[:3] if isinstance(key, Scalar))
        more = ", …" if len(node.entries) > 3 else ""
        return f"found a mapping with {keys}{more}" if keys else "found an empty mapping"
    if node.value is None:
        return f"found {node.text or 'nothing'}" + (" (null)" if node.text.lower() != "null" else "")
    if isinstance(node.value, bool):
        return f"found {node.text} (a boolean)"
    if isinstance(node.value, str):
        return f"found the text {shorten(node.value)}"
    return f"found {shorten(node.text)[1:-1]}"
