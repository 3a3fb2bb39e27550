"""YAML text to nodes: libyaml's events with the scalars of YAML 1.2, not PyYAML's of 1.1."""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import Any, NoReturn

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from filterbank.bankfile.nodes import MAX_DEPTH, MAX_NODES, Mapping, Node, Row, Scalar, Sequence, resolve
from filterbank.bankfile.source import NOWHERE, Faults, shorten
from filterbank.errors import BankError

# The pure Python parser is the same language at a thirtieth of the speed.
_Parser: Any = getattr(yaml, "CLoader", yaml.Loader)


# Texts from this length on have their rows of numbers taken out before they are parsed.
LONG = 2**14
# It stands for a row, a character that no bank has a use for.
_MARK = "\ue000"
_NUMBER = r"[-+]?+(?:\.[0-9]++|[0-9]++(?:\.[0-9]*+)?+)(?:[eE][-+]?+[0-9]++)?+"
_BLANK = r"[ \t\r\n]*+"
_ROW = re.compile(rf"\[{_BLANK}{_NUMBER}(?:{_BLANK},{_BLANK}{_NUMBER})*+{_BLANK}\]")
_MARKED = re.compile(f"{_MARK}([0-9]+){_MARK}")


class _OddError(Exception):
    """The text has to be read whole: it is refused, or a mark stands where no row is, inside a text, say."""


class _Shortened:
    """A text with a mark for every row of numbers, and the way back to its own offsets."""

    def __init__(self, text: str, *, is_whole: bool = False) -> None:
        self.rows: list[Row] = []
        self.places: list[int] = []  # of the marks, in the shortened text
        self.removed = [0]  # characters taken out before each of them and behind the last
        is_whole = is_whole or len(text) < LONG or _MARK in text
        self.text = text if is_whole else _ROW.sub(self._marked, text)

    def _marked(self, found: re.Match[str]) -> str:
        mark = f"{_MARK}{len(self.rows)}{_MARK}"
        self.rows.append(Row(found.start(), found[0]))
        self.places.append(found.start() - self.removed[-1])
        self.removed.append(self.removed[-1] + len(found[0]) - len(mark))
        return mark

    def origin(self, at: int) -> int:
        """Return the offset in the whole text of what stands *at* this one in the shortened."""
        return at + self.removed[bisect_left(self.places, at)]

    def row(self, text: str, *, is_plain: bool) -> Row | None:
        """Return the row that a scalar stands for, None where it is one of its own."""
        if not self.rows or _MARK not in text:
            return None
        found = _MARKED.fullmatch(text)
        if found is None or not is_plain:
            raise _OddError
        return self.rows[int(found[1])]


class _Composer:
    """Builds the tree from events without recursion, so that no nesting can exhaust the stack."""

    def __init__(self, faults: Faults, shortened: _Shortened) -> None:
        self.faults = faults
        self.shortened = shortened
        self.root: Node | None = None
        self.count = 0
        # Open containers: node, anchor, nodes counted before it, and a mapping's waiting key.
        self.open: list[tuple[Sequence | Mapping, str | None, int]] = []
        self.keys: list[Node | None] = []
        self.anchors: dict[str, tuple[Node, int] | None] = {}

    def refuse(self, at: int, found: str, accepted: str = "", hint: str = "") -> NoReturn:
        if self.shortened.rows:
            raise _OddError  # reading the whole text ahead, libyaml may meet another fault first
        self.faults.add(at, "", found, accepted, hint)
        raise BankError(self.faults.listed())

    def at(self, event: Any) -> int:
        return self.shortened.origin(event.start_mark.index)

    def take(self, event: Any) -> None:
        kind = type(event)
        if kind is ScalarEvent:
            self.scalar(event)
        elif kind is SequenceStartEvent or kind is MappingStartEvent:
            self.start(event, Sequence if kind is SequenceStartEvent else Mapping)
        elif kind is SequenceEndEvent or kind is MappingEndEvent:
            node, anchor, before = self.open.pop()
            self.keys.pop()
            if anchor is not None:
                self.anchors[anchor] = node, self.count - before
            self.place(node)
        elif kind is AliasEvent:
            self.alias(event)
        elif kind is DocumentStartEvent and self.root is not None:
            found, accepted = "found a second document", "accepted: one bank a file"
            self.refuse(self.at(event), found, accepted, "remove what follows '---' or split the file")

    def counted(self, at: int, nodes: int) -> None:
        self.count += nodes
        if self.count > MAX_NODES:
            found = f"found more than {MAX_NODES:,} values, aliases counted wherever they are used"
            # At once: so many values that are read a second time take seconds.
            self.faults.add(at, "", found, "", "use fewer aliases or split the bank into several")
            raise BankError(self.faults.listed())

    def checked_tag(self, event: Any) -> None:
        if event.tag is not None:
            written = event.tag.replace("tag:yaml.org,2002:", "!!")
            tag, accepted = shorten(written, 40), "accepted: values without tags"
            self.faults.add(self.at(event), "", f"found the tag {tag}", accepted, "remove the tag")

    def scalar(self, event: Any) -> None:
        text, at = event.value, self.at(event)
        plain = event.style is None or event.style == ""
        row = self.shortened.row(text, is_plain=plain)
        node = row or Scalar(at, resolve(text) if plain else text, text)
        self.checked_tag(event)
        nodes = 1 if row is None else 1 + len(row)
        if row is not None:
            self.check_depth(at)
            if at != row.at:  # an anchor or a tag stands before it
                raise _OddError
        self.counted(at, nodes)
        if event.anchor is not None:
            self.anchors[event.anchor] = node, nodes
        self.place(node)

    def start(self, event: Any, kind: type[Sequence] | type[Mapping]) -> None:
        at = self.at(event)
        self.checked_tag(event)
        self.check_depth(at)
        before = self.count
        self.counted(at, 1)
        if event.anchor is not None:
            self.anchors[event.anchor] = None
        self.open.append((kind(at), event.anchor, before))
        self.keys.append(None)

    def check_depth(self, at: int) -> None:
        if len(self.open) >= MAX_DEPTH:
            self.refuse(at, f"found more than {MAX_DEPTH} levels of nesting", "", "a bank needs at most 6")

    def alias(self, event: Any) -> None:
        at, name = self.at(event), event.anchor
        found = self.anchors.get(name)
        if found is None:
            what = "inside its own anchor" if name in self.anchors else "without an anchor before it"
            self.refuse(at, f"found the alias {shorten('*' + name, 40)} {what}", "", "write the value out")
        node, nodes = found
        self.counted(at, nodes)
        self.place(node)

    def place(self, node: Node) -> None:
        if not self.open:
            self.root = node
            return
        parent = self.open[-1][0]
        if isinstance(parent, Sequence):
            parent.items.append(node)
            return
        key = self.keys[-1]
        if key is None:
            if isinstance(node, Row):
                raise _OddError  # no bank has lists for keys, and YAML none of several lines
            self.keys[-1] = node
        else:
            parent.entries.append((key, node))
            self.keys[-1] = None


def parse(faults: Faults) -> Node:
    """Return the tree of the one YAML document in the collector's source.

    Raises
    ------
    BankError
        It is no YAML, has several documents, or breaks a limit.
    """
    text = faults.source.text
    shortened = _Shortened(text)
    if shortened.rows:
        try:
            return _composed(_Composer(faults, shortened))
        except (_OddError, yaml.YAMLError):
            pass  # read as it stands, whatever is wrong is found at its place
    composer = _Composer(faults, _Shortened(text, is_whole=True))
    try:
        return _composed(composer)
    except yaml.MarkedYAMLError as error:
        _refuse_syntax(composer, error)
    except yaml.reader.ReaderError as error:
        _refuse_character(composer, text)
        raise AssertionError from error


def _composed(composer: _Composer) -> Node:
    """Return the tree of the composer's text."""
    parser = _Parser(composer.shortened.text)
    try:
        while (event := parser.get_event()) is not None:
            composer.take(event)
    finally:
        parser.dispose()
    if composer.root is None:
        composer.refuse(NOWHERE, "found no content", "accepted: a mapping with at least the key filters")
    return composer.root


def _refuse_character(composer: _Composer, text: str) -> NoReturn:
    """Report the first character that YAML does not allow."""
    for at, character in enumerate(text):
        code = ord(character)
        allowed = character in "\t\n\r\x85" or 0x20 <= code <= 0x7E or code >= 0xA0
        if not allowed or code in (0xFFFE, 0xFFFF):
            found = f"found the control character U+{code:04X}"
            composer.refuse(at, found, "accepted: printable text", "remove it")
    composer.refuse(NOWHERE, "found a character that YAML does not allow", "accepted: printable text")


def _refuse_syntax(composer: _Composer, error: Any) -> NoReturn:
    """Report libyaml's error at its place, in words of a bank's author."""
    text = composer.faults.source.text
    mark = error.problem_mark or error.context_mark
    at = min(mark.index, len(text)) if mark is not None else NOWHERE
    if text[at : at + 1] == "\t" and at >= 0:
        composer.refuse(at, "found a tab", "accepted: spaces before a key or value", "replace tabs by spaces")
    problem = error.problem or "no YAML"
    if "nesting depth" in problem:  # libyaml has a limit of its own, and meets it reading ahead
        composer.refuse(at, f"found more than {MAX_DEPTH} levels of nesting", "", "a bank needs at most 6")
    context = f" {error.context}" if error.context else ""
    composer.refuse(at, f"not YAML: {problem}{context}", "", _syntax_hint(text, at, problem))


def _syntax_hint(text: str, at: int, problem: str) -> str:
    """Return what most often is behind one of libyaml's messages."""
    if text.startswith("%YAML:"):
        return "this is an OpenCV file, not a bank; `filterbank convert` makes it one"
    if "end" in problem or at >= len(text.rstrip()):
        return "close every bracket and quote"
    if "mapping values are not allowed" in problem:
        return "indent keys of one mapping alike; quote a text that holds ': '"
    if "cannot start any token" in problem:
        return f"quote a text that starts with {text[at : at + 1]!r}"
    return "look at the brackets, commas and indentation just before this place"
