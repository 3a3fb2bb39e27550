"""JSON text to the same nodes as YAML, so that repeated keys and places survive."""

from __future__ import annotations

import json
import re
from itertools import islice
from typing import NoReturn

from filterbank.bankfile.nodes import MAX_DEPTH, MAX_NODES, Mapping, Node, Row, Scalar, Sequence, resolve
from filterbank.bankfile.source import Faults, shorten
from filterbank.errors import BankError

_SPACE = re.compile(r"[ \t\n\r]*")
# NaN and Infinity are no JSON, but many writers write them: read, they are refused as numbers.
_NUMBER = r"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][-+]?[0-9]++)?+"
_TOKEN = re.compile(
    rf"""[ \t\n\r]*(?:
      (?P<row>\[[ \t\n\r]*+{_NUMBER}(?:[ \t\n\r]*+,[ \t\n\r]*+{_NUMBER})*+[ \t\n\r]*+\])
    | (?P<mark>[\[\]{{}},:])
    | (?P<number>{_NUMBER})(?![\w.+-])
    | (?P<string>"[^"\\\x00-\x1f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{{4}})[^"\\\x00-\x1f]*)*")
    | (?P<word>true|false|null|NaN|-?Infinity)(?!\w)
    )""",
    re.VERBOSE,
)
_WORDS = {
    "true": True,
    "false": False,
    "null": None,
    "NaN": float("nan"),
    "Infinity": float("inf"),
    "-Infinity": float("-inf"),
}
# Strings are matched so that a comma in one is no separator.
_STRING_OR_COMMA = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|,', re.DOTALL)
_CLOSING = {Sequence: "]", Mapping: "}"}


class _Parser:
    """A parser with its own stack: what may follow is one of a few words."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self.text = faults.source.text
        self.open: list[Sequence | Mapping] = []
        self.keys: list[Scalar] = []
        self.root: Node | None = None
        self.expect = "a value"
        self.count = 0

    def refuse(self, at: int, found: str, accepted: str = "", hint: str = "") -> NoReturn:
        self.faults.add(at, "", found, accepted, hint)
        raise BankError(self.faults.listed())

    def check_count(self) -> None:
        """Refuse a text of too many values before any is read, which would take seconds and memory."""
        if self.text.count(",") < MAX_NODES:
            return
        commas = (found.start() for found in _STRING_OR_COMMA.finditer(self.text) if found[0] == ",")
        at = next(islice(commas, MAX_NODES - 1, None), None)
        if at is not None:
            self.refuse_count(at)

    def refuse_count(self, at: int) -> NoReturn:
        self.refuse(at, f"found more than {MAX_NODES:,} values", "", "split the bank into several")

    def run(self) -> Node:
        self.check_count()
        at = 0
        while self.root is None or self.open:
            token = _TOKEN.match(self.text, at)
            if token is None:
                self.refuse_text(at)
            at = token.end()
            if token.lastgroup == "mark":
                self.mark(token["mark"], at - 1)
                self.count += token["mark"] in "[{"
            elif token.lastgroup == "row":
                self.row(Row(token.start("row"), token["row"]))
            else:
                self.scalar(token)
                self.count += 1
            if self.count > MAX_NODES:
                self.refuse_count(token.start(token.lastgroup or 0))
        rest = self.skip_space(at)
        if rest < len(self.text):
            found = f"found {shorten(self.text[rest : rest + 20], 20)} after the bank's end"
            self.refuse(rest, found, "accepted: one JSON value a file", "remove what follows")
        return self.root

    def skip_space(self, at: int) -> int:
        space = _SPACE.match(self.text, at)
        return space.end() if space else at

    def scalar(self, token: re.Match[str]) -> None:
        kind, text = token.lastgroup or "", token[token.lastgroup or 0]
        at = token.start(kind)
        if kind == "string":
            value = json.loads(text) if "\\" in text else text[1:-1]
            node = Scalar(at, value, value)
            if self.expect.startswith("a key"):
                self.keys.append(node)
                self.expect = "':'"
                return
        else:
            node = Scalar(at, resolve(text) if kind == "number" else _WORDS[text], text)
        if not self.expect.startswith("a value"):
            self.refuse_unexpected(at, text)
        self.place(node)

    def row(self, row: Row) -> None:
        if not self.expect.startswith("a value"):
            self.refuse_unexpected(row.at, "[")
        self.check_depth(row.at)
        self.place(row)
        self.count += 1 + len(row)
        if self.count > MAX_NODES:
            over = min(self.count - MAX_NODES, len(row))
            self.refuse_count(row.offset(len(row) - over))

    def check_depth(self, at: int) -> None:
        if len(self.open) >= MAX_DEPTH:
            self.refuse(at, f"found more than {MAX_DEPTH} levels of nesting", "", "a bank needs at most 6")

    def mark(self, mark: str, at: int) -> None:
        if mark in "[{" and self.expect.startswith("a value"):
            self.check_depth(at)
            self.open.append(Sequence(at) if mark == "[" else Mapping(at))
            self.expect = "a value or ']'" if mark == "[" else "a key in quotes or '}'"
        elif mark == ":" and self.expect == "':'":
            self.expect = "a value"
        elif mark == "," and self.expect.startswith("','"):
            self.expect = "a value" if isinstance(self.open[-1], Sequence) else "a key in quotes"
        elif mark in "]}" and self.open and f"'{mark}'" in self.expect:
            self.place(self.open.pop())
        else:
            self.refuse_unexpected(at, mark)

    def place(self, node: Node) -> None:
        if not self.open:
            self.root = node
            return
        parent = self.open[-1]
        if isinstance(parent, Sequence):
            parent.items.append(node)
        else:
            parent.entries.append((self.keys.pop(), node))
        self.expect = f"',' or '{_CLOSING[type(parent)]}'"

    def refuse_unexpected(self, at: int, text: str) -> NoReturn:
        before = self.text[:at].rstrip()
        hint = "remove the comma before it" if text in "]}" and before.endswith(",") else ""
        if "','" in self.expect:
            hint = "a comma or closing bracket is missing before it"
        self.refuse(at, f"not JSON: found {shorten(text, 30)}", f"accepted: {self.expect}", hint)

    def refuse_text(self, at: int) -> NoReturn:
        at = self.skip_space(at)
        rest = self.text[at : at + 20].splitlines()
        if not rest:
            hint = "close every bracket and quote"
            self.refuse(at, "not JSON: found the end of the file", f"accepted: {self.expect}", hint)
        hint = ""
        if rest[0].startswith(("//", "/*", "#")):
            hint = "JSON has no comments; name the file .yaml to have them"
        elif rest[0].startswith("'"):
            hint = "use double quotes"
        elif rest[0].startswith('"'):
            hint = "close the quote on the same line; escape \\ as \\\\"
        elif re.match(r"[-+.]?[0-9.]", rest[0]):
            hint = "write numbers like 0.5, -1 or 1e-3"
        self.refuse(at, f"not JSON: found {shorten(rest[0], 30)}", f"accepted: {self.expect}", hint)


def parse(faults: Faults) -> Node:
    """Return the tree of the JSON value in the collector's source.

    Raises
    ------
    BankError
        It is no JSON or breaks a limit.
    """
    return _Parser(faults).run()
