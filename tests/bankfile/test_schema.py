import json

import jsonschema
import pytest
import yaml
from bankfile.bad_banks import BEYOND_SCHEMA, PATHS, SYNTAX, plain

from filterbank import bankfile
from filterbank.bankfile.keys import Key, object_schema
from filterbank.bankfile.reading import parse
from filterbank.bankfile.schema import BANK_KEYS
from filterbank.bankfile.source import Source

SCHEMA = bankfile.json_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def test_the_schema_is_one_and_is_plain_json():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert json.loads(json.dumps(SCHEMA, allow_nan=False)) == SCHEMA


@pytest.mark.parametrize("name", bankfile.shipped())
def test_shipped_banks_are_valid(name):
    VALIDATOR.validate(yaml.safe_load(bankfile.find(name).read_text("utf-8")))


@pytest.mark.parametrize(
    "path", [path for path in PATHS if path.stem not in SYNTAX], ids=lambda path: path.name
)
def test_bad_banks_are_rejected_where_a_schema_can(path):
    node, _ = parse(Source(path.name, path.read_text("utf-8")))
    assert VALIDATOR.is_valid(plain(node)) == (path.stem in BEYOND_SCHEMA)


GOOD = {"filters": [{"name": "a", "kernel": [[1]]}]}


@pytest.mark.parametrize(
    "more",
    [
        *[{"padding": value} for value in ("same", "valid", 0, 3, [1, 2], [1, 2, 3, 4])],
        *[{"stride": value} for value in (1, 2.0, [1, 2])],
        *[
            {"activation": value}
            for value in ("relu", {"relu": {}}, {"clip": {"max": 2}}, {"elu": {"alpha": 1}})
        ],
        *[{"input": value} for value in ("gray", "each", 1)],
        *[
            {"filters": [{"name": "a", "kernel": [1, 2], "scale": s}]}
            for s in (1, "1/8", "-1/8", "+1 / 08", 0)
        ],
        *[{"mean": value} for value in (0, [0.5], 3.4028234e38)],
        {"filters": [{"gaussian": {"sigma": 1}}, {"name": "l", "laws": {"size": 3}, "scale": "1/2"}]},
    ],
)
def test_schema_and_reader_accept_the_same(more, tmp_path):
    path = tmp_path / "bank.json"
    path.write_text(json.dumps(GOOD | more))
    assert bankfile.check(path).faults == ()
    VALIDATOR.validate(GOOD | more)


@pytest.mark.parametrize(
    "more",
    [
        *[{"padding": value} for value in ("sam", -1, [1], [1, 2, 3], 1.5, True, None, "1")],
        *[{"stride": value} for value in (0, [1, 0], "2", [])],
        *[
            {"activation": value}
            for value in ("none", {}, {"relu": None}, {"relu": {}, "abs": {}}, {"elu": {"a": 1}})
        ],
        *[{"input": value} for value in ("grey", 0, 1.5)],
        *[
            {"filters": [{"name": "a", "kernel": [1, 2], "scale": s}]}
            for s in ("1/0", "x", None, "1/-8", "0.5/2", "1/2\n")
        ],
        *[
            {"filters": value}
            for value in ([], {}, [{}], [{"kernel": [[1]]}], [{"name": "a"}], [{"name": "a", "box": 3}])
        ],
        *[{"std": value} for value in (0, [1, 0], -1)],
        *[{"name": value} for value in ("a b", ".a", "", "x" * 65, 7, "a\n", "\na")],
        *[{key: 1e39} for key in ("mean", "std", "padding_value")],
        *[{"filters": [{"name": "a", "kernel": [1, 2], key: 1e39}]} for key in ("bias", "scale")],
        *[{"filters": [{"name": "a", "kernel": kernel}]} for kernel in ([[1e300]], [-1e39])],
        *[{"nme": "a"}, {"weights": {"file": "a.npz"}}, {"layers": []}],
    ],
)
def test_schema_and_reader_refuse_the_same(more, tmp_path):
    path = tmp_path / "bank.json"
    path.write_text(json.dumps(GOOD | more))
    assert bankfile.check(path).faults != ()
    assert not VALIDATOR.is_valid(GOOD | more)


def test_every_key_is_explained_once():
    names = [key.name for key in BANK_KEYS]
    assert len(set(names)) == len(names)
    assert all(key.doc for key in BANK_KEYS)
    tables = bankfile.key_tables()
    assert all(f"| `{name}` |" in tables for name in names)


def test_a_key_that_is_added_reaches_the_schema():
    kind = BANK_KEYS[0].kind
    assert "more" in object_schema((*BANK_KEYS, Key("more", kind)))["properties"]
