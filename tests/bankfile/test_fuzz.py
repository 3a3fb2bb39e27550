"""Whatever the text, the reader gives a bank or a BankError with a place, never anything else."""

import pytest
from bankfile.bad_banks import PATHS
from hypothesis import given, settings
from hypothesis import strategies as st

from filterbank import bankfile
from filterbank.bankfile.build import build
from filterbank.bankfile.reading import parse
from filterbank.bankfile.source import Source, decode
from filterbank.errors import BankError

SEEDS = [bankfile.find(name).read_text("utf-8") for name in ("sobel", "opponent", "gaussian", "laws-energy")]
SEEDS += [path.read_text("utf-8") for path in PATHS if path.stem not in {"total-weights", "alias-bomb"}]
PIECES = [
    *"[]{}:,-#&*!|>'\"%@`\\\t\n \r~?",
    "\n  - ",
    ": ",
    "1e999",
    ".nan",
    "true",
    "null",
    "<<",
    "---\n",
    "é",
    "\0",
]
PIECES += ["&a ", "*a", "!!str ", "\x85", "\u2028", "\ufeff", "kernel", "name", "stride", "1/0", "0x", "-"]


def read(text, name="bank.yaml"):
    """Return the bank of a text; any error but BankError goes through and fails the test."""
    try:
        return build(*parse(Source(name, text))).bank
    except BankError as error:
        assert error.faults
        assert all(str(fault).startswith(name) for fault in error.faults)
        lines = text.count("\n") + text.count("\r") + 1
        assert all(0 <= fault.line <= lines for fault in error.faults)
        return None


def test_the_seeds_are_read():
    assert [read(seed) is not None for seed in SEEDS[:4]] == [True] * 4


@settings(deadline=None, max_examples=150)
@given(text=st.text(max_size=200), name=st.sampled_from(["bank.yaml", "bank.json"]))
def test_any_text(text, name):
    read(text, name)


@settings(deadline=None, max_examples=200)
@given(
    text=st.lists(st.sampled_from(PIECES), max_size=30).map("".join),
    name=st.sampled_from(["b.yaml", "b.json"]),
)
def test_any_punctuation(text, name):
    read(text, name)


@settings(deadline=None, max_examples=300)
@given(data=st.data())
def test_mutated_banks(data):
    text = data.draw(st.sampled_from(SEEDS))
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = min(len(text), start + data.draw(st.integers(0, 6)))
        text = text[:start] + data.draw(st.sampled_from(PIECES)) + text[end:]
    read(text, data.draw(st.sampled_from(["bank.yaml", "bank.json"])))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["kernel", "name", "box"]), inner)
    ),
    max_leaves=8,
)


@settings(deadline=None, max_examples=200)
@given(data=st.data())
def test_any_value_for_any_key(data):
    import json

    keys = [key.name for key in bankfile.schema.BANK_KEYS]
    bank = data.draw(st.dictionaries(st.sampled_from(keys), VALUES))
    bank.setdefault(
        "filters", [{"name": "a", "kernel": [[1]], **data.draw(st.dictionaries(st.just("bias"), VALUES))}]
    )
    text = json.dumps(bank)
    found = read(text, "bank.json")
    assert found is None or found.layer.filters


@settings(deadline=None, max_examples=100)
@given(data=st.binary(max_size=60))
def test_any_bytes(data):
    try:
        assert isinstance(decode(data, "bank.yaml"), str)
    except BankError as error:
        assert str(error).startswith("bank.yaml")


def test_a_crash_would_be_seen():
    with pytest.raises(TypeError):
        read(None)
