"""Stacks in bank files: layers one after another, and layers that stand in files of their own."""

import json
from dataclasses import replace

import jsonschema
import numpy as np
import pytest

from filterbank import bankfile
from filterbank.bankfile.layers import MAX_LAYERS
from filterbank.bankfile.writing import FORMATS, encode
from filterbank.errors import BankError, RequestError
from filterbank.model import Bank, Combination, Filter, Layer, Stack

EDGES = """
name: edges
activation: abs
filters: [{name: x, kernel: [-1, 0, 1]}, {name: y, kernel: [[-1], [0], [1]]}]
"""
SUM = """
input: 2
stride: 2
filters: [{name: sum, kernel: [[1]], channels: [1, 1]}]
"""


@pytest.fixture
def write(tmp_path):
    def write(name, text):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    return write


def faults(path):
    with pytest.raises(BankError) as caught:
        bankfile.load(path)
    return [str(fault).removeprefix(str(path.parent) + "/") for fault in caught.value.faults]


def test_layers_written_out(write):
    path = write(
        "net.yaml",
        """
        description: Strength of edges
        layers:
          - activation: abs
            filters: [{name: x, kernel: [-1, 0, 1]}, {name: y, kernel: [[-1], [0], [1]]}]
          - operation: convolution
            stride: 2
            filters: [{name: x, kernel: [[1, 2]], channels: [1, 10]}]
            combine: [{name: m, keep: x, window: 3}]
        """,
    )
    bank = bankfile.load(path)
    first, second = bank.stack.layers
    assert (bank.name, bank.description, bank.input, bank.channels) == ("net", "Strength of edges", "gray", 1)
    assert (first.names, str(first.activation), first.stride) == (("x", "y"), "abs", (1, 1))
    assert (second.names, second.maps, second.stride) == (("x",), ("m",), (2, 2))
    assert second.weights.tolist() == [[[[2, 1]], [[20, 10]]]]


def test_layers_of_other_files_and_of_shipped_banks(write):
    write("parts/edges.yaml", EDGES)
    write("parts/sum.yaml", SUM)
    write("parts/both.yaml", "layers: [{bank: edges.yaml}, {bank: sum.yaml}]")
    path = write("net.yaml", "layers: [{bank: identity}, {bank: parts/both.yaml}, {bank: parts/edges.yaml}]")
    layers = bankfile.load(path).stack.layers
    assert [layer.names for layer in layers] == [
        bankfile.load("identity").layer.names,
        ("x", "y"),
        ("sum",),
        ("x", "y"),
    ]


def test_layers_of_weights_files(write, tmp_path):
    np.savez(
        tmp_path / "net.npz", **{"one.weight": np.ones((2, 3, 1, 1)), "two.weight": np.ones((1, 2, 3, 3))}
    )
    path = write("net.yaml", "layers:\n- bank: net.npz#one\n- weights: {file: net.npz, tensor: two.weight}\n")
    bank = bankfile.load(path)
    assert ([layer.weights.shape for layer in bank.stack.layers], bank.input) == (
        [(2, 3, 1, 1), (1, 2, 3, 3)],
        "rgb",
    )


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("input: each\nlayers: [{bank: edges.yaml}, {bank: sum.yaml}]", "each"),
        ("layers: [{bank: each.yaml}]", "each"),
        ("input: gray\nlayers: [{bank: each.yaml}]", "gray"),
        ("layers: [{filters: [{name: a, kernel: [[[1]], [[1]], [[1]]]}]}]", "rgb"),
    ],
)
def test_the_input_is_that_of_the_first_layer(write, text, kind):
    write("edges.yaml", EDGES)
    write("sum.yaml", SUM)
    write("each.yaml", "input: each\n" + EDGES)
    assert bankfile.load(write("net.yaml", text)).input == kind


def test_one_layer_in_a_list_is_the_bank_without_one(write):
    inside = write("edges.yaml", EDGES)
    listed = write("net.yaml", "layers: [{bank: edges.yaml}]")
    assert bankfile.load(listed).digest == bankfile.load(inside).digest


def test_the_digest_is_of_all_layers(write):
    digests = set()
    for activation in ("abs", "relu"):
        write("edges.yaml", EDGES.replace("abs", activation))
        for stride in (1, 2):
            second = f"{{stride: {stride}, filters: [{{name: s, kernel: [[1]], channels: [1, 1]}}]}}"
            path = write("net.yaml", f"layers: [{{bank: edges.yaml}}, {second}]")
            digests.add(bankfile.load(path).digest)
    assert len(digests) == 4


def test_faults_of_another_file_stand_in_that_file_and_are_told_once(write):
    write("bad.yaml", "stride: 0\nfilters: [{name: a, kernel: [[x]]}]")
    path = write("net.yaml", "layers:\n- bank: bad.yaml\n- bank: bad.yaml\n- stride: -1\n  filters: []\n")
    assert faults(path) == [
        "bad.yaml:1:9: stride: found 0; accepted: a whole number 1 to 65535, or [rows, columns]",
        "bad.yaml:2:31: filter 'a': kernel, row 1, number 1: found the text 'x'; accepted: a finite number; "
        "write a number like 0.5 or 1e-3",
        "net.yaml:4:11: layer 3: stride: found -1; accepted: a whole number 1 to 65535, or [rows, columns]",
        "net.yaml:5:12: layer 3: filters: found an empty list; accepted: a list of at least one filter, "
        "each a mapping with name and kernel, or a family; add a filter",
    ]


def test_a_circle_is_told_where_it_closes(write):
    write("b.yaml", "layers: [{bank: c.yaml}]")
    write("c.yaml", "layers:\n- bank: b.yaml\n")
    path = write("a.yaml", "layers: [{bank: b.yaml}]")
    assert faults(path) == [
        "c.yaml:2:9: layer 1: bank: found a circle: b.yaml → c.yaml → b.yaml; "
        "accepted: a bank that does not need this"
    ]


def test_a_link_that_leads_to_itself_is_told(write, tmp_path):
    (tmp_path / "loop.yaml").symlink_to("loop.yaml")
    with pytest.raises(RequestError, match=r"cannot be read|no such file"):
        bankfile.load(tmp_path / "loop.yaml")
    (fault,) = faults(write("net.yaml", "layers: [{bank: loop.yaml}]"))
    assert fault.startswith("net.yaml:1:17: layer 1: bank: ")
    assert "cannot be read" in fault or "no such file" in fault


def test_files_that_double_are_no_bomb(write):
    write("0.yaml", "layers: [{bank: identity}]")
    for number in range(1, 40):
        write(f"{number}.yaml", f"layers: [{{bank: {number - 1}.yaml}}, {{bank: {number - 1}.yaml}}]")
    (fault,) = faults(write("net.yaml", "layers: [{bank: 39.yaml}]"))
    assert fault == (
        "9.yaml:1:26: layer 2: found too large a stack; "
        "accepted: at most 256 layers and 16,777,216 weights; split it"
    )
    assert len(bankfile.load(write("net.yaml", "layers: [{bank: 8.yaml}]")).stack.layers) == MAX_LAYERS


def test_a_bank_that_combines_may_come_last_alone(write):
    write("m.yaml", EDGES + "combine: [{name: m, modulus: ['*']}]\n")
    assert bankfile.load(write("net.yaml", "layers: [{bank: identity}, {bank: m.yaml}]")).layer.maps == ("m",)
    fault, _ = faults(write("net.yaml", "layers: [{bank: m.yaml}, {bank: identity}]"))
    assert fault.startswith(
        "net.yaml:1:17: layer 1: bank: found a bank that combines, before the last; accept"
    )


def test_warnings_are_those_of_the_layers_written_here(write):
    write("edges.yaml", EDGES)
    path = write(
        "net.yaml",
        "layers:\n- bank: edges.yaml\n- filters:\n  - {name: a, kernel: [1, 2], channels: [1, 1]}\n",
    )
    (warning,) = bankfile.check(path).warnings
    assert str(warning).startswith(f"{path}:4:23: layer 2: filter 'a': the kernel is not symmetric")


def test_an_option_changes_no_stack(write):
    write("edges.yaml", EDGES)
    write("sum.yaml", SUM)
    bank = bankfile.load(write("net.yaml", "layers: [{bank: edges.yaml}, {bank: sum.yaml}]"))
    with pytest.raises(
        RequestError, match="--stride, --bias: bank 'net' is a stack of 2 layers; accepted: with"
    ):
        bankfile.override(bank, {"stride": "2", "bias": "1"})
    assert bankfile.override(bank, {}) is bank
    with pytest.raises(RequestError, match="'x' matches no filter of bank 'net'; accepted: sum"):
        bankfile.select(bank, ["x"])


def test_layers_that_do_not_fit_are_no_stack():
    two = Layer((Filter("a", [[1]]), Filter("b", [[1]])))
    with pytest.raises(RequestError, match="layer 1 gives 2 maps, layer 2 takes 1 channels"):
        Stack((two, two))


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_carries_a_stack_or_says_what_it_would_lose(format, tmp_path):
    deep = Layer(
        (Filter("long", np.arange(98).reshape(2, 7, 7) / 7, 0.5), Filter("b", np.ones((2, 1, 1)))),
        stride=(2, 1),
        combine=(Combination("m", "sum", ("long", "b")),),
    )
    bank = Bank(
        "net", Stack((Layer((Filter("a", [[1]]), Filter("b", [[1, 2]])), mean=(0.5,)), deep)), "each", "Two"
    )
    if format == "onnx":
        with pytest.raises(RequestError, match="no place for mean of layer 1, combine of layer 2; accepted"):
            encode(bank, format)
        bank = replace(
            bank, stack=Stack(tuple(replace(e, mean=(0.0,), combine=()) for e in bank.stack.layers))
        )
        deep = bank.layer
    path = tmp_path / f"x.{format}"
    path.write_bytes(encode(bank, format))
    again = bankfile.load(path)
    assert again.digest == bankfile.digest(bank)
    assert (again.name, again.description, again.input) == ("net", "Two", "each")
    changed = replace(bank, stack=Stack((*bank.stack.layers[:1], replace(deep, stride=(1, 2)))))
    assert again.digest != bankfile.digest(changed)
    assert bankfile.check(path).warnings == ()


@pytest.mark.parametrize(
    ("bank", "is_valid"),
    [
        ({"layers": [{"bank": "a.yaml"}, {"stride": 2, "filters": [{"name": "a", "kernel": [1]}]}]}, True),
        ({"name": "a", "input": "rgb", "layers": [{"weights": {"file": "a.npz"}}]}, True),
        ({"layers": []}, False),
        ({"layers": [{"bank": "a.yaml", "stride": 2}]}, False),
        ({"layers": [{"stride": 2}]}, False),
        ({"layers": [{"bank": "a"}], "stride": 2}, False),
        ({"layers": [{"bank": "a"}], "filters": [{"name": "a", "kernel": [1]}]}, False),
        ({"layers": [{"name": "a", "filters": [{"name": "a", "kernel": [1]}]}]}, False),
    ],
)
def test_the_schema_knows_layers(bank, is_valid):
    schema = jsonschema.Draft202012Validator(json.loads(json.dumps(bankfile.json_schema())))
    assert schema.is_valid(bank) == is_valid
