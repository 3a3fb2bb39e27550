"""Rows of numbers are read apart from the rest, and nobody can tell: the same trees, the same faults."""

import json

import pytest
from bankfile.bad_banks import PATHS
from hypothesis import given, settings
from hypothesis import strategies as st

from filterbank import bankfile
from filterbank.bankfile import json_text, yaml_text
from filterbank.bankfile.nodes import Row, Scalar, Sequence
from filterbank.bankfile.source import Faults, Source
from filterbank.errors import BankError

SEEDS = [bankfile.find(name).read_text("utf-8") for name in ("sobel", "opponent", "laws-25")]
SEEDS += [
    path.read_text("utf-8")
    for path in PATHS
    if path.suffix == ".yaml" and path.stem not in ("alias-bomb", "deep")
]
ODD = [
    "a: '[1, 2]'",
    'a: "x [1]"',
    "a: x [1, 2] y",
    "a: |\n  [1, 2]\n",
    "# [1, 2]\na: [1]",
    "[1, 2]: 3",
    "? [1]\n: [2]",
    "{[1]}",
    "[1][2]",
    "[1]2",
    "2[1]",
    "- [1]3\n- [2]",
    "[1] [2]",
    "[1]#x",
    "a: &x [1, 2]\nb: *x",
    "a: !t [1]",
    "- -[1]",
    "[1,2,]",
    "[,1]",
    "[1,,2]",
    "[1 2]",
    "[1,\n2]",
    "- [1,\n2]",
    "[+1, -.5, 1., 1e3, 1.e-3]",
    "[0x1, 010, 1_0]",
    "[1]\n---\n[2]",
    "a: [1]: 2",
    "[[1, 2], [3]]",
    "[1, .nan]",
    "\ue000",
    "a: [1]\nb: \ue0000\ue000",
    "- [1]\n- \ue000",
    "[" * 20 + "1" + "]" * 20,
    "[" * 16 + "1" + "]" * 16,
    "[" * 20 + "1]'" + "]" * 19,
    "[*a, [1]']",
    "[1]\n--- [[1]'",
    "é: [1]\nb: [x]",
    "a: [1]\r\nb: [2]\r\nb: @",
    "{a: [1], a: [2]}",
    "- [1, 2]: x",
    "- [1,\n2]: ",
]


PIECES = [
    "[1, 2]",
    "[",
    "]",
    ",",
    " ",
    "\n",
    "- ",
    "'",
    '"',
    "#",
    ": ",
    "x",
    "1",
    "&a ",
    "*a",
    "|\n",
    "{",
    "}",
]


def tree(node):
    """Return a tree of nodes as nested lists that can be compared."""
    if isinstance(node, Scalar):
        return [node.at, type(node.value).__name__, repr(node.value), node.text]
    if isinstance(node, Sequence):
        return [node.at, [tree(item) for item in node.items]]
    return [node.at, [(tree(key), tree(value)) for key, value in node.entries]]


def read(text, long, monkeypatch):
    """Return the tree or the faults of a text, its rows taken out from the length *long* on."""
    monkeypatch.setattr(yaml_text, "LONG", long)
    faults = Faults(Source("b.yaml", text))
    try:
        found = tree(yaml_text.parse(faults))
    except BankError as error:
        return [str(fault) for fault in error.faults]
    return found, [str(fault) for fault in faults.listed()]


@pytest.mark.parametrize("text", [*ODD, *SEEDS])
def test_trees_and_faults_are_the_same(text, monkeypatch):
    assert read(text, 0, monkeypatch) == read(text, 10**9, monkeypatch)


@settings(deadline=None, max_examples=300)
@given(data=st.data())
def test_so_are_those_of_any_text(data):
    text = data.draw(st.sampled_from([*SEEDS, *ODD]))
    pieces = st.sampled_from(
        [
            "[1, 2]",
            "[",
            "]",
            ",",
            " ",
            "\n",
            "- ",
            "'",
            '"',
            "#",
            ": ",
            "x",
            "1",
            "&a ",
            "*a",
            "|\n",
            "{",
            "}",
        ]
    )
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        text = text[:start] + data.draw(pieces) + text[start + data.draw(st.integers(0, 3)) :]
    with pytest.MonkeyPatch.context() as patch:
        assert read(text, 0, patch) == read(text, 10**9, patch)


def test_a_difference_would_be_seen():
    assert tree(Row(3, "[1, 2]")) == tree(Sequence(3, [Scalar(4, 1, "1"), Scalar(7, 2, "2")]))
    assert tree(Row(3, "[1, 2]")) != tree(Row(3, "[1,2]"))


def test_rows_are_taken_out_of_long_texts_alone():
    short, long = "a: [1, 2]\n", "a: [1, 2]\n" + "#" * yaml_text.LONG
    kinds = [type(yaml_text.parse(Faults(Source("b", text))).entries[0][1]) for text in (short, long)]
    assert kinds == [Sequence, Row]


def test_too_many_numbers_are_refused_by_their_count(monkeypatch):
    def fail(self):
        raise AssertionError("a number was read")

    monkeypatch.setattr(Row, "numbers", fail)
    row = "  - [" + ",".join(["1"] * 2000) + "]\n"
    text = "filters:\n- name: a\n  kernel:\n" + row * 3000
    with pytest.raises(BankError, match=r"b.yaml:2002:5: found more than 4,000,000 values"):
        yaml_text.parse(Faults(Source("b.yaml", text)))


VALUES = st.recursive(
    st.integers(-1000, 1000)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text("ab[1,] ", max_size=6),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("ab[1", max_size=3), inner, max_size=3)
    ),
    max_leaves=12,
)


@settings(deadline=None, max_examples=200)
@given(value=VALUES, indent=st.sampled_from([None, 1]))
def test_json_gives_the_tree_of_the_same_text_as_yaml(value, indent):
    text = json.dumps(value, indent=indent)
    found = json_text.parse(Faults(Source("b.json", text)))
    assert tree(found) == tree(yaml_text.parse(Faults(Source("b.yaml", text))))
