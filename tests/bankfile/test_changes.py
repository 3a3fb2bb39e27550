import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import correlate

import filterbank
from filterbank import bankfile
from filterbank.errors import RequestError
from filterbank.model import Bank, Filter, Layer, Stack

SOBEL = bankfile.load("sobel")


@pytest.mark.parametrize(
    ("option", "text", "attribute", "value"),
    [
        ("stride", "2", "stride", (2, 2)),
        ("stride", "[2, 3]", "stride", (2, 3)),
        ("stride", "2,3", "stride", (2, 3)),
        ("padding", "same", "padding", "same"),
        ("padding", "valid", "padding", "valid"),
        ("padding", "1", "padding", (1, 1, 1, 1)),
        ("padding", "1, 2", "padding", (1, 2, 1, 2)),
        ("padding", "[1,2,3,4]", "padding", (1, 2, 3, 4)),
        ("padding_mode", "reflect", "padding_mode", "reflect"),
        ("padding-mode", "circular", "padding_mode", "circular"),
        ("dilation", "3", "dilation", (3, 3)),
    ],
)
def test_options_are_spelled_as_in_a_file(option, text, attribute, value):
    changed = bankfile.override(SOBEL, {option: text})
    assert getattr(changed.layer, attribute) == value
    assert changed.digest == SOBEL.digest  # of what was read; the manifest tells the options
    assert (bankfile.digest(changed) == SOBEL.digest) == (getattr(SOBEL.layer, attribute) == value)


@pytest.mark.parametrize(
    ("text", "name", "parameters"),
    [
        ("relu", "relu", ()),
        ("leaky_relu", "leaky_relu", (0.01,)),
        ("{leaky_relu: {slope: 0.1}}", "leaky_relu", (0.1,)),
        ("{clip: {min: -1, max: 1}}", "clip", (-1, 1)),
        ('{"elu": {"alpha": 2}}', "elu", (2,)),
    ],
)
def test_activations(text, name, parameters):
    activation = bankfile.override(SOBEL, {"activation": text}).layer.activation
    assert (activation.name, activation.parameters) == (name, parameters)


def test_biases_for_all_or_each():
    assert bankfile.override(SOBEL, {"bias": "0.5"}).layer.biases.tolist() == [0.5, 0.5]
    assert bankfile.override(SOBEL, {"bias": "1,-2"}).layer.biases.tolist() == [1, -2]
    assert bankfile.override(SOBEL, {"bias": "-1e-3"}).layer.biases.tolist() == [-0.001, -0.001]


def test_padding_values():
    changed = bankfile.override(SOBEL, {"padding_mode": "constant", "padding_value": "0.5"})
    assert changed.layer.padding_value == (0.5,)
    colours = bankfile.override(
        bankfile.load("opponent"), {"padding_mode": "constant", "padding_value": "1,2,3"}
    )
    assert colours.layer.padding_value == (1, 2, 3)


def test_nothing_said_changes_nothing():
    assert bankfile.override(SOBEL, {}) is SOBEL


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"stride": "0"}, "--stride: found 0; accepted: a whole number 1 to 65535, or [rows, columns]"),
        ({"stride": "two"}, "--stride: found the text 'two'; accepted: a whole number"),
        ({"stride": ""}, "--stride: found"),
        ({"stride": "[1"}, "--stride: found '[1', not YAML"),
        ({"stride": "true"}, "--stride: found true (a boolean)"),
        ({"padding": "sme"}, "did you mean 'same'?"),
        (
            {"padding": "1,2,3"},
            "--padding: found a list of 3; accepted: a whole number 0 to 65535, [rows, columns]",
        ),
        (
            {"padding_mode": "mirror"},
            "--padding-mode: found the text 'mirror'; accepted: zeros, constant, reflect",
        ),
        (
            {"padding_mode": "constant", "padding_value": "1,2"},
            "--padding-value: found 2 numbers, the bank has 1",
        ),
        ({"padding_value": "1"}, "--padding-value: has no effect with padding mode replicate"),
        ({"activation": "rel"}, "--activation: found the text 'rel'; accepted: identity, relu"),
        ({"activation": "{leaky_relu: {slop: 1}}"}, "--activation: leaky_relu: unknown key 'slop'"),
        ({"bias": "1,2,3"}, "--bias: found 3 numbers, the bank has 2 filters; accepted: one number or 2"),
        (
            {"bias": "x"},
            "--bias: found the text 'x'; accepted: a finite number, or a list with one per filter",
        ),
        ({"bias": "1/8"}, "or a list with one per filter; write 0.125"),
        ({"bias": "1/0"}, "--bias: found the text '1/0'"),
        ({"bias": ".nan"}, "--bias: found .nan"),
        ({"colour": "1"}, "--colour: no such override"),
    ],
)
def test_what_is_wrong_names_the_option(options, said):
    with pytest.raises(RequestError) as caught:
        bankfile.override(SOBEL, options)
    assert said in str(caught.value)
    assert str(caught.value).startswith(f"--{list(options)[-1].replace('_', '-')}:")


@settings(deadline=None)
@given(text=st.text(max_size=30))
def test_any_text_is_read_or_refused(text):
    for name in ("stride", "padding", "activation", "bias"):
        try:
            bankfile.override(SOBEL, {name: text})
        except RequestError as error:
            assert str(error).startswith(f"--{name}:")


def test_select_keeps_the_banks_order():
    bank = bankfile.load("kirsch")
    chosen = bankfile.select(bank, ["*_27?", "kirsch_0*"])
    assert chosen.layer.names == ("kirsch_000", "kirsch_045", "kirsch_090", "kirsch_270")
    assert chosen.digest == bank.digest != bankfile.digest(chosen)
    assert bankfile.select(bank, ["*"]) is bank
    assert bankfile.select(bank, []) is bank


MIXED = """
operation: correlation
{more}
filters:
  - {{name: small, kernel: [[2]], bias: 1}}
  - {{name: wide, kernel: [1, 2, 3]}}
  - {{name: big, kernel: [[1, 2, 3], [4, 5, 6], [7, 8, 9]]}}
"""


@pytest.mark.parametrize(
    "more", ["stride: 2", "padding: 0", "padding: valid", "dilation: 2", "stride: [2, 3]"]
)
@pytest.mark.parametrize("names", [["small"], ["wide"], ["small", "wide"], ["small", "big"], ["big"]])
def test_a_filter_chosen_alone_gives_the_map_it_gives_beside_others(tmp_path, more, names):
    path = tmp_path / "bank.yaml"
    path.write_text(MIXED.format(more=more))
    bank = bankfile.load(path)
    chosen = bankfile.select(bank, names)
    assert chosen.layer.geometry((7, 8)).padding == bank.layer.geometry((7, 8)).padding
    keep = [bank.layer.names.index(name) for name in names]
    assert np.array_equal(chosen.layer.weights, bank.layer.weights[keep])
    image = np.random.default_rng(1).normal(size=(7, 8)).astype(np.float32)
    assert np.array_equal(filterbank.apply(image, chosen), filterbank.apply(image, bank)[keep])


def test_matching_gives_names_in_the_banks_order():
    assert bankfile.matching(SOBEL, ["*_y", "*_x"]) == ["sobel_x", "sobel_y"]
    assert bankfile.matching(SOBEL, []) == ["sobel_x", "sobel_y"]
    with pytest.raises(RequestError, match="--filter: 'y' matches no filter of bank 'sobel'"):
        bankfile.matching(SOBEL, ["y"])


def test_select_says_what_there_is():
    with pytest.raises(RequestError) as caught:
        bankfile.select(SOBEL, ["sobel_x", "Sobel_y"])
    assert "--filter: 'Sobel_y' matches no filter of bank 'sobel'; accepted: sobel_x, sobel_y" in str(
        caught.value
    )


def test_select_of_groups_computes_the_same_maps(tmp_path):
    path = tmp_path / "bank.yaml"
    kernels = [[[[k, 1], [2, -k]], [[0, k], [1, 1]]] for k in range(1, 5)]
    filters = "".join(
        f"  - {{name: f{k}, kernel: {kernel}, bias: {k}}}\n" for k, kernel in enumerate(kernels)
    )
    path.write_text("groups: 2\ninput: 4\noperation: correlation\nfilters:\n" + filters)
    bank = bankfile.load(path)
    image = np.random.default_rng(0).normal(size=(4, 5, 6))
    whole = correlate(image, bank.layer.weights, bank.layer.biases, groups=2)
    chosen = bankfile.select(bank, ["f1", "f3"]).layer
    maps = correlate(image, chosen.weights, chosen.biases, groups=chosen.groups)
    assert (chosen.channels, chosen.groups) == (4, 2)
    assert np.array_equal(maps, whole[[1, 3]])
    assert not np.array_equal(maps, whole[[1, 2]])
    for names, index in (
        (["f1"], [1]),
        (["f3"], [3]),
        (["f0", "f1", "f2"], [0, 1, 2]),
        (["f2", "f3"], [2, 3]),
    ):
        some = bankfile.select(bank, names).layer
        assert (some.channels, some.groups) == (4, 1)
        maps = correlate(image, some.weights, some.biases)
        assert np.abs(maps - whole[index]).max() <= 1e-12


def test_groups_that_cannot_be_undone_are_refused():
    filters = tuple(Filter(f"f{n}", np.ones((1, 1, 1))) for n in range(8192))
    bank = Bank("many", Stack((Layer(filters, groups=8192),)), input=8192)
    assert bankfile.select(bank, ["f0"]).channels == 8192
    with pytest.raises(
        RequestError, match="--filter: found 66,191,360 weights without groups; accepted: at most"
    ):
        bankfile.select(bank, ["f[1-8]*"])
