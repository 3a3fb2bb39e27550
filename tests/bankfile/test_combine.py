"""``combine`` in a bank file: what it means, what is doubtful, what it changes."""

import pytest

from filterbank import bankfile
from filterbank.errors import RequestError
from filterbank.model import Bank, Combination, Filter, Layer, Output, Stack

BANK = """
operation: correlation
normalize: none
filters:
  - {name: edge_1, kernel: [-1, 0, 1]}
  - {name: edge_2, kernel: [-1, 0, 0, 0, 1]}
  - {name: blur, kernel: [1, 2, 1], scale: 1/4}
"""


@pytest.fixture
def load(tmp_path):
    def loaded(text, **changes):
        path = tmp_path / "bank.yaml"
        path.write_text(BANK + text)
        return bankfile.override(bankfile.load(path), changes)

    return loaded


def test_globs_become_names_in_the_banks_order(load):
    layer = load("""combine:
  - {name: a, maximum: [edge_2, "edge_?", edge_1]}
  - {name: b, keep: blur}
  - {name: edge_1, mean: "*", window: 3}
""").layer
    assert layer.combine == (
        Combination("a", "maximum", ("edge_1", "edge_2")),
        Combination("b", "keep", ("blur",)),
        Combination("edge_1", "mean", ("edge_1", "edge_2", "blur"), 3),
    )
    assert layer.maps == ("a", "b", "edge_1")
    assert layer.names == ("edge_1", "edge_2", "blur")


RANGES = [
    # combination, range without an activation, and with abs
    ("maximum: ['edge_*']", "signed", "positive"),
    ("maximum: ['*']", "clip", "positive"),
    ("modulus: ['edge_*']", "positive", "positive"),
    ("modulus: [blur]", "positive", "positive"),
    ("sum: ['edge_*']", "signed", "positive"),
    ("sum: ['*']", "clip", "clip"),
    ("mean: ['edge_*']", "signed", "positive"),
    ("mean: [blur]", "clip", "clip"),
    ("keep: blur", "clip", "clip"),
    ("keep: edge_1", "signed", "positive"),
    ("keep: edge_1, window: 3", "positive", "positive"),
    ("mean: ['*'], window: 3", "positive", "positive"),
]


@pytest.mark.parametrize(("made", "plain", "absolute"), RANGES)
def test_the_range_that_suits(made, plain, absolute, load):
    text = f"combine: [{{name: a, {made}}}]\n"
    assert load(text).layer.outputs == (Output("a", plain),)
    assert load(text, activation="abs").layer.outputs == (Output("a", absolute),)


def test_without_combinations_the_maps_are_the_filters(load):
    layer = load("").layer
    assert layer.outputs == (Output("edge_1", "signed"), Output("edge_2", "signed"), Output("blur", "clip"))


def test_the_digest_knows_combinations(load):
    texts = [
        "",
        "combine: [{name: a, maximum: [edge_1, edge_2]}]",
        "combine: [{name: b, maximum: [edge_1, edge_2]}]",
        "combine: [{name: a, sum: [edge_1, edge_2]}]",
        "combine: [{name: a, maximum: [edge_1, blur]}]",
        "combine: [{name: a, maximum: [edge_1, edge_2], window: 3}]",
    ]
    assert len({load(text).digest for text in texts}) == len(texts)
    assert load(texts[1]).digest == load("combine: [{name: a, maximum: ['edge_*']}]").digest


def test_select_takes_combinations_and_the_filters_they_need(load):
    bank = load("combine: [{name: a, maximum: ['edge_*']}, {name: b, keep: blur}]")
    chosen = bankfile.select(bank, ["b"])
    assert chosen.layer.maps == ("b",)
    assert chosen.layer.names == ("blur",)
    assert chosen.layer.kernel == bank.layer.kernel
    assert chosen.digest == bank.digest
    assert bankfile.select(bank, ["*"]).layer.maps == ("a", "b")
    both = load("combine: [{name: a, maximum: ['*']}, {name: b, sum: ['*']}]")
    assert bankfile.select(both, ["a"]).layer.maps == ("a",)
    with pytest.raises(RequestError, match="'edge_1' matches no filter of bank 'bank'; accepted: a, b;"):
        bankfile.select(bank, ["edge_1"])


def test_filters_of_no_entry_are_warned_of(tmp_path):
    path = tmp_path / "bank.yaml"
    path.write_text(BANK + "combine: [{name: a, keep: edge_1}]\n")
    (warning,) = bankfile.check(path).warnings
    assert str(warning) == (
        f"{path}:8:10: combine: 2 filters of no entry: edge_2, blur; "
        "pass their maps on with keep, or remove them"
    )


def test_the_order_of_the_names_changes_no_digest():
    filters = Filter("one", [[1.0]]), Filter("two", [[2.0]])
    banks = [
        Bank("a", Stack((Layer(filters, combine=(Combination("m", operation, names),)),)))
        for operation, names in (("sum", ("one", "two")), ("sum", ("two", "one")), ("mean", ("one", "two")))
    ]
    first, other, mean = map(bankfile.digest, banks)
    assert first == other != mean


def test_a_filter_twice_is_refused():
    with pytest.raises(RequestError, match="combine 'm': mean: found a filter twice; accepted: each once"):
        Combination("m", "mean", ("one", "two", "one"))


def test_a_stack_combines_at_its_end_only():
    combine = (Combination("a", "keep", ("one",)),)
    one = Layer((Filter("one", [[1.0]]),), combine=combine)
    assert Stack((Layer(one.filters), one)).layers[-1].maps == ("a",)
    with pytest.raises(RequestError, match="found combine in a layer before the last"):
        Stack((one, one))
