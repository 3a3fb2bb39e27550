import math

import pytest
from bankfile.bad_banks import plain

from filterbank import bankfile
from filterbank.bankfile.nodes import Mapping, resolve
from filterbank.bankfile.reading import parse
from filterbank.bankfile.source import Source
from filterbank.errors import BankError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *[("1e-3", 0.001), ("1e5", 1e5), ("1E5", 1e5), (".5", 0.5), ("5.", 5.0), ("-.5e+1", -5.0), ("+1", 1)],
        *[("0o17", 15), ("0x1F", 31), ("010", 10), ("1_000", "1_000"), ("0b1", "0b1"), ("1:30", "1:30")],
        *[("yes", "yes"), ("no", "no"), ("on", "on"), ("off", "off"), ("y", "y"), ("NO", "NO")],
        *[("true", True), ("True", True), ("FALSE", False), ("tRue", "tRue")],
        *[("null", None), ("~", None), ("", None), ("Null", None), ("nUll", "nUll")],
        *[(".inf", math.inf), ("-.INF", -math.inf), ("inf", "inf"), ("nan", "nan"), ("1e999", math.inf)],
        *[
            ("2001-12-14", "2001-12-14"),
            ("1e", "1e"),
            ("e1", "e1"),
            ("--1", "--1"),
            ("0o8", "0o8"),
            (".", "."),
        ],
    ],
)
def test_plain_scalars_mean_what_yaml_1_2_says(text, value):
    found = resolve(text)
    assert found == value
    assert type(found) is type(value)
    assert math.isnan(resolve(".nan"))


def test_huge_integers_are_floats_and_never_fail():
    assert resolve("9" * 400) == math.inf
    assert resolve("9" * 5000) == math.inf
    assert resolve("0x" + "f" * 400) == math.inf
    assert resolve("1" + "0" * 20) == 1e20


def _read(name, text):
    return parse(Source(name, text))[0]


JSON = '{"a": [1, -2.5e-3, "x\\u00e9\\n", true, null, {}],\n\t"b": {"c": [[]]}}\n'


def test_json_is_read_alike_as_json_and_as_yaml():
    wanted = {"a": [1, -0.0025, "xé\n", True, None, {}], "b": {"c": [[]]}}
    assert plain(_read("bank.json", JSON)) == wanted
    assert plain(_read("bank.yaml", JSON.replace("\t", " ").replace('": ', '":'))) == wanted


@pytest.mark.parametrize("name", ["bank.json", "bank.yaml"])
def test_every_node_knows_its_place(name):
    text = '{"k": [10,\n  20, {"x": "y"}]}\n'
    source = Source(name, text)
    root, _ = parse(source)
    assert isinstance(root, Mapping)
    key, value = root.entries[0]
    inner = value.items[2]
    places = [source.place(node.at) for node in (root, key, value, *value.items, *inner.entries[0])]
    assert places == [(1, 1), (1, 2), (1, 7), (1, 8), (2, 3), (2, 7), (2, 8), (2, 13)]


@pytest.mark.parametrize(
    "text",
    [
        "[1,]",
        "[,]",
        "{,}",
        '{"a"}',
        '{"a":}',
        '{"a" 1}',
        "[1 2]",
        "01",
        "1.",
        ".5",
        "+1",
        "tru",
        "[",
        "]",
        "{]",
        '"a\nb"',
        '"\\x"',
        "[1}",
        '{"a":1,}',
        "{1:2}",
        "nullx",
        "1x",
        '"\\ud8"',
        "[1]]",
        "- 1",
        "",
        "'a'",
    ],
)
def test_what_is_no_json_is_refused(text):
    with pytest.raises(BankError, match=r"^bank\.json:[0-9]+:[0-9]+: (not JSON|found)"):
        _read("bank.json", text)


@pytest.mark.parametrize("text", ["1", "-0", "0.5e+10", '""', "[]", "{}", "true", " null ", '{"":[[],{}]}'])
def test_what_is_json_is_read(text):
    import json

    assert plain(_read("bank.json", text)) == json.loads(text)


def test_aliases_mean_the_same_value_again():
    root = _read("bank.yaml", "a: &x [1, 2]\nb: [*x, *x]\n")
    assert plain(root) == {"a": [1, 2], "b": [[1, 2], [1, 2]]}


def test_an_alias_bomb_is_refused_quickly():
    lines = ["a0: &a0 [" + ", ".join(["1"] * 9) + "]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 40)]
    with pytest.raises(BankError, match="found more than 4,000,000 values"):
        _read("bank.yaml", "\n".join(lines))


@pytest.mark.parametrize("name", ["bank.json", "bank.yaml"])
def test_nesting_without_end_is_refused(name):
    with pytest.raises(BankError, match="found more than 16 levels of nesting"):
        _read(name, "[" * 100_000)


def test_yaml_versions_and_documents():
    assert plain(_read("bank.yaml", "%YAML 1.2\n---\na: 1\n...\n")) == {"a": 1}
    with pytest.raises(BankError, match="found a second document"):
        _read("bank.yaml", "a: 1\n---\na: 1\n")


def test_a_large_bank_is_read_whole(tmp_path):
    row = "[" + ", ".join(["-0.12345678"] * 49) + "]"
    plane = "[" + ", ".join([row] * 49) + "]"
    path = tmp_path / "large.yaml"
    path.write_text(
        "input: 3\noperation: correlation\nfilters:\n"
        + "".join(f"  - {{name: f{n}, kernel: [{plane}, {plane}, {plane}]}}\n" for n in range(12))
    )
    bank = bankfile.load(path)
    assert bank.layer.weights.shape == (12, 3, 49, 49)
    assert (bank.layer.weights == -0.12345678).all()
