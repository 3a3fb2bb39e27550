import itertools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filterbank import bankfile
from filterbank.errors import BankError
from filterbank.model import ACTIVATIONS


@pytest.fixture
def read(tmp_path):
    count = itertools.count()

    def read_text(text, suffix=".yaml"):
        path = tmp_path / f"bank{next(count)}{suffix}"
        path.write_text(text if isinstance(text, str) else json.dumps(text), encoding="utf-8")
        return bankfile.load(path)

    return read_text


ONE = "filters: [{name: a, kernel: [[1, 2], [3, 4]]}]\n"


def test_what_holds_when_nothing_is_said(read):
    bank = read(ONE)
    layer = bank.layer
    assert (bank.name, bank.input, bank.description, bank.source) == ("bank0", "gray", "", "")
    assert (layer.stride, layer.padding, layer.padding_mode, layer.padding_value) == (
        (1, 1),
        "same",
        "zeros",
        (0,),
    )
    assert (layer.dilation, layer.groups, layer.mean, layer.std) == ((1, 1), 1, (0,), (1,))
    assert str(layer.activation) == "identity"
    assert layer.biases.tolist() == [0]


def test_the_contracts_example(read):
    bank = read("""
name: edges
description: First derivatives of a grey image
source: "Sobel and Feldman 1968"
input: rgb
operation: correlation
stride: 1
padding: same
padding_mode: zeros
padding_value: 0
dilation: 1
groups: 1
activation: identity
normalize: none
mean: 0
std: 1
filters:
  - name: sobel_x
    kernel: [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]
    channels: [1, 1, 1]
    scale: 1/8
    bias: 0
  - name: warm
    kernel: [[1]]
    channels: [0.5, 0.4, 0.1]
""")
    assert bank.name == "edges"
    sobel = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]) / 8
    assert np.array_equal(bank.filters[0].weights, np.stack([sobel] * 3))
    assert bank.filters[1].weights.ravel().tolist() == [0.5, 0.4, 0.1]
    assert bank.layer.weights.shape == (2, 3, 3, 3)
    assert bank.layer.weights[1, :, 1, 1].tolist() == [0.5, 0.4, 0.1]


@pytest.mark.parametrize(
    ("spelled", "meant"),
    [
        *[("same", "same"), ("valid", "valid"), ("2", (2, 2, 2, 2)), ("[1, 2]", (1, 2, 1, 2))],
        *[("[1, 2, 3, 4]", (1, 2, 3, 4)), ("0", (0, 0, 0, 0)), ("1e1", (10, 10, 10, 10))],
    ],
)
def test_padding_in_five_spellings(read, spelled, meant):
    assert read(f"padding: {spelled}\n{ONE}").layer.padding == meant


@pytest.mark.parametrize("key", ["stride", "dilation"])
def test_steps_for_both_axes_or_each(read, key):
    assert getattr(read(f"{key}: 3\n{ONE}").layer, key) == (3, 3)
    assert getattr(read(f"{key}: [3, 2]\n{ONE}").layer, key) == (3, 2)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_with_and_without_parameters(read, name):
    usual = tuple(ACTIVATIONS[name].values())
    for spelled in (name, f"{{{name}: {{}}}}"):
        activation = read(f"activation: {spelled}\n{ONE}").layer.activation
        assert (activation.name, activation.parameters) == (name, usual)
    if usual:
        numbers = {key: 0.25 + index for index, key in enumerate(ACTIVATIONS[name])}
        activation = read(f"activation: {json.dumps({name: numbers})}\n{ONE}").layer.activation
        assert activation.parameters == tuple(numbers.values())


def test_some_parameters_leave_the_others_as_they_are(read):
    assert read(f"activation: {{clip: {{max: 6}}}}\n{ONE}").layer.activation.parameters == (0, 6)


@pytest.mark.parametrize(
    ("scale", "factor"),
    [("1/8", 1 / 8), ("-1/8", -1 / 8), ("2", 2), ("0.5", 0.5), ("'3/4'", 0.75), ("+1 / 3", 1 / 3)],
)
def test_scale_is_a_number_or_a_fraction(read, scale, factor):
    weights = read(f"filters: [{{name: a, kernel: [[1, 2]], scale: {scale}}}]").filters[0].weights
    assert weights.tolist() == [[[1 * factor, 2 * factor]]]


def test_a_list_is_a_row_and_planes_have_depth(read):
    assert read("filters: [{name: a, kernel: [1, 2, 1]}]").filters[0].weights.shape == (1, 1, 3)
    bank = read("filters: [{name: a, kernel: [[[1, 2]], [[3, 4]]]}]")
    assert bank.filters[0].weights.tolist() == [[[1, 2]], [[3, 4]]]
    assert bank.input == 2


@pytest.mark.parametrize(
    ("depth", "groups", "kind"),
    [(1, 1, "gray"), (3, 1, "rgb"), (4, 1, "rgba"), (2, 1, 2), (5, 1, 5), (1, 3, "rgb")],
)
def test_input_follows_the_depth(read, depth, groups, kind):
    kernel = [[[1]]] * depth
    bank = read({"groups": groups, "filters": [{"name": f"f{n}", "kernel": kernel} for n in range(groups)]})
    assert (bank.input, bank.channels) == (kind, depth * groups)


def test_each_is_one_channel(read):
    bank = read(f"input: each\n{ONE}")
    assert (bank.input, bank.channels) == ("each", 1)


def test_convolution_turns_every_kernel_in_its_own_size(read):
    bank = read("""
operation: convolution
filters:
  - {name: a, kernel: [[1, 2], [3, 4]], bias: 7}
  - {name: b, kernel: [[1, 2, 3], [4, 5, 6], [7, 8, 9]]}
  - {name: c, kernel: [1, 2]}
""")
    assert bank.filters[0].weights.tolist() == [[[4, 3], [2, 1]]]
    assert bank.filters[0].bias == 7
    assert bank.filters[1].weights.tolist() == [[[9, 8, 7], [6, 5, 4], [3, 2, 1]]]
    # Centred in 3×3, the odd pixel at the bottom and right, whichever way the kernel was turned.
    assert bank.layer.weights[0, 0].tolist() == [[4, 3, 0], [2, 1, 0], [0, 0, 0]]
    assert bank.layer.weights[2, 0].tolist() == [[0, 0, 0], [2, 1, 0], [0, 0, 0]]


def test_convolution_turns_planes_but_not_their_order(read):
    bank = read("operation: convolution\nfilters: [{name: a, kernel: [[[1, 2]], [[3, 4]]]}]")
    assert bank.filters[0].weights.tolist() == [[[2, 1]], [[4, 3]]]


KERNELS = st.lists(
    st.lists(st.lists(st.integers(-9, 9), min_size=3, max_size=3), min_size=2, max_size=2),
    min_size=1,
    max_size=3,
).filter(lambda planes: abs(np.sum(planes)) >= 1 and np.ptp(planes) > 0)


@settings(deadline=None)
@given(kernel=KERNELS)
def test_normalize_against_its_definition(kernel, tmp_path_factory):
    path = tmp_path_factory.mktemp("banks") / "bank.json"
    f = np.array(kernel, float)
    definitions = {
        "none": f,
        "l1": f / np.abs(f).sum(),
        "l2": f / np.sqrt((f**2).sum()),
        "sum": f / f.sum(),
        "zero_mean_l1": (f - f.mean()) / np.abs(f - f.mean()).sum(),
    }
    for how, wanted in definitions.items():
        bank = {"normalize": how, "filters": [{"name": "a", "kernel": kernel}]}
        path.write_text(json.dumps(bank))
        assert np.abs(bankfile.load(path).filters[0].weights - wanted).max() <= 1e-14


@pytest.mark.parametrize("factor", [1e-300, 1e37])
def test_normalize_survives_tiny_and_huge_weights(read, factor):
    for how, wanted in (("l1", [0.25, 0.75]), ("l2", [1 / 10**0.5, 3 / 10**0.5]), ("sum", [0.25, 0.75])):
        bank = read(f"normalize: {how}\nfilters: [{{name: a, kernel: [{factor}, {3 * factor}]}}]")
        assert np.allclose(bank.filters[0].weights.ravel(), wanted, rtol=1e-14)


def test_scale_comes_before_normalize(read):
    bank = read("normalize: l1\nfilters: [{name: a, kernel: [1, 3], scale: -5}]")
    assert bank.filters[0].weights.ravel().tolist() == [-0.25, -0.75]


def test_lists_per_channel(read):
    bank = read("""
input: rgb
mean: [0.5, 0.4, 0.3]
std: [0.1, 0.2, 0.3]
padding_mode: constant
padding_value: [1, 2, 3]
filters: [{name: a, kernel: [[1]], channels: [1, 1, 1]}]
""")
    assert bank.layer.mean == (0.5, 0.4, 0.3)
    assert bank.layer.std == (0.1, 0.2, 0.3)
    assert bank.layer.padding_value == (1, 2, 3)


def test_a_family_may_stand_beside_kernels(read):
    bank = read("""
filters:
  - gaussian: {sigma: 1.5}
  - {name: soft, gaussian: {sigma: 1, size: 3}, scale: 2, bias: 0.5, channels: [1]}
  - {name: t, laws: {size: 3, normalize: none}}
  - {name: a, kernel: [[1]]}
""")
    laws = [f"t_{down}3{along}3" for down in "LES" for along in "LES"]
    assert bank.layer.names == ("gaussian_sigma1.5", "soft", *laws, "a")
    assert bank.filters[0].weights.shape == (1, 11, 11)
    assert abs(bank.filters[1].weights.sum() - 2) < 1e-12
    assert bank.filters[1].bias == 0.5


@pytest.mark.parametrize("stem", ["my bank", ".hidden", "ünï", "a" * 100, "edges.v2"])
def test_the_name_without_one_is_the_stem_made_safe(tmp_path, stem):
    path = tmp_path / f"{stem}.yaml"
    path.write_text(ONE)
    name = bankfile.load(path).name
    assert 1 <= len(name) <= 64
    assert name == {"my bank": "my_bank", ".hidden": "hidden", "ünï": "n", "edges.v2": "edges.v2"}.get(
        stem, "a" * 64
    )


def test_semantic_faults_are_told_together_with_plain_ones(read):
    with pytest.raises(BankError) as caught:
        read("""std: 0
mean: [1, 2]
groups: 3
filters:
  - {name: a, kernel: [[1, 2], [3]]}
  - {name: a, kernel: [[1]], bias: true}
  - {name: b, kernel: [[[1]], [[2]]]}
""")
    said = [(fault.line, fault.where) for fault in caught.value.faults]
    assert said == [
        (1, "std"),
        (2, "mean"),
        (5, "filter 'a': kernel"),
        (6, "filter 'a'"),
        (6, "filter 'a': bias"),
        (7, "filter 'b'"),
    ]


def test_the_same_entry_by_alias_is_a_name_taken(read):
    with pytest.raises(BankError, match="the name 'a' is taken"):
        read("filters:\n  - &a {name: a, kernel: [[1]]}\n  - *a\n")


def test_the_smallest_sizes_of_sampled_families_can_be_read(read):
    bank = read(
        "filters: [{name: a, gaussian: {sigma: 0.001}}, {name: b, motion: {length: 0.1, angle: -30}}]"
    )
    assert np.isfinite(bank.layer.weights).all()
    assert np.allclose(bank.layer.weights.sum(axis=(1, 2, 3)), 1)
