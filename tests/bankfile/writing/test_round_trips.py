"""A bank that is written and read again is the same, bit for bit and setting for setting, or is refused."""

import json
from dataclasses import fields, replace

import numpy as np
import pytest
from bankfile.any_banks import SETTINGS, again, banks, differences
from hypothesis import given, settings

from filterbank import bankfile
from filterbank.bankfile.writing import FORMATS, encode, format_of
from filterbank.errors import RequestError
from filterbank.model import (
    Activation,
    Bank,
    Combination,
    Filter,
    Layer,
    Stack,
)


def test_everything_that_a_bank_has_is_compared():
    """A field that is added to the model has to be written too, or to be refused by name."""
    assert {each.name for each in fields(Layer)} == {"filters", *SETTINGS}
    assert {each.name for each in fields(Bank)} == {
        "name",
        "description",
        "source",
        "input",
        "stack",
        "digest",
    }
    assert {each.name for each in fields(Filter)} == {"name", "weights", "bias"}
    assert {each.name for each in fields(Combination)} == {"name", "operation", "filters", "window"}


@pytest.mark.parametrize("format", ["yaml", "json", "npz", "safetensors"])
@settings(deadline=None, max_examples=150)
@given(bank=banks())
def test_every_bank_survives(format, bank, tmp_path_factory):
    read = again(bank, format, tmp_path_factory.getbasetemp())
    assert differences(bank, read) == []
    assert read.digest == bankfile.digest(bank)


@settings(deadline=None, max_examples=150)
@given(bank=banks(plain=True))
def test_what_a_conv_can_do_survives_as_onnx(bank, tmp_path_factory):
    pytest.importorskip("onnx")
    read = again(bank, "onnx", tmp_path_factory.getbasetemp())
    assert differences(bank, read) == []
    assert read.digest == bankfile.digest(bank)


@pytest.mark.parametrize("name", bankfile.shipped())
@pytest.mark.parametrize("format", FORMATS)
def test_shipped_banks_survive(name, format, tmp_path):
    bank = bankfile.load(name)
    if format == "onnx":  # which has no place for other values around the image
        pytest.importorskip("onnx")
        bank = replace(bank, stack=Stack((replace(bank.layer, combine=()),)))
    read = again(bank, format, tmp_path)
    assert differences(bank, read) == []


def test_a_difference_is_seen():
    bank = bankfile.load("sobel")
    one = bank.filters[0]
    changed = [
        replace(bank, name="x"),
        replace(bank, stack=Stack((replace(bank.layer, stride=(1, 2)),))),
        replace(bank, stack=Stack((replace(bank.layer, combine=(Combination("x", "keep", ("sobel_x",)),)),))),
        replace(bank, stack=Stack((replace(bank.layer, filters=(replace(one, bias=1.0), bank.filters[1])),))),
        replace(
            bank,
            stack=Stack(
                (
                    replace(
                        bank.layer, filters=(replace(one, weights=one.weights * (1 + 2e-16)), bank.filters[1])
                    ),
                )
            ),
        ),
    ]
    assert [differences(bank, other) for other in changed] == [
        ["name"],
        ["stride"],
        ["combine"],
        ["sobel_x"],
        ["sobel_x"],
    ]


def layer_of(**changes):
    bank = bankfile.load("sobel")
    return replace(bank, stack=Stack((replace(bank.layer, **{"padding_mode": "zeros"} | changes),)))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"padding_mode": "symmetric"}, "has no place for padding_mode: symmetric; accepted"),
        (
            {"padding_mode": "reflect", "stride": (1, 2)},
            "no place for padding: same with a stride and padding_mode: reflect; accepted",
        ),
        ({"mean": (0.5,), "std": (2.0,)}, "no place for mean, std; accepted"),
        ({"combine": (Combination("x", "keep", ("sobel_x",)),)}, "no place for combine; accepted"),
    ],
)
def test_what_onnx_cannot_hold_is_refused_by_name(changes, said):
    with pytest.raises(RequestError, match=said):
        encode(layer_of(**changes), "onnx")


def test_what_onnx_need_not_do_is_kept(tmp_path):
    pytest.importorskip("onnx")
    bank = layer_of(padding_mode="symmetric", padding="valid", mean=(0.0,), std=(1.0,))
    assert again(bank, "onnx", tmp_path).layer.padding_mode == "symmetric"


def test_a_value_for_each_channel_is_not_for_onnx():
    planes = Layer((Filter("a", np.ones((2, 3, 3))),), padding_mode="constant", padding_value=(1.0, 2.0))
    with pytest.raises(RequestError, match="no place for padding_value: one per channel; accepted"):
        encode(Bank("two", Stack((planes,)), 2), "onnx")


def test_a_pad_that_was_changed_since_is_read_as_it_is(tmp_path):
    onnx = pytest.importorskip("onnx")
    model = onnx.ModelProto.FromString(encode(layer_of(padding_mode="reflect", padding=(1, 2, 3, 4)), "onnx"))
    model.graph.node[0].attribute[0].s = b"edge"
    (tmp_path / "net.onnx").write_bytes(model.SerializeToString())
    read = bankfile.load(tmp_path / "net.onnx").layer
    assert (read.padding_mode, read.padding) == ("replicate", (1, 2, 3, 4))


def test_a_model_that_was_changed_since_is_read_as_it_is(tmp_path):
    onnx = pytest.importorskip("onnx")
    model = onnx.ModelProto.FromString(encode(layer_of(activation=Activation("leaky_relu", (0.1,))), "onnx"))
    (alpha,) = model.graph.node[-1].attribute
    alpha.f = 0.3
    (tmp_path / "net.onnx").write_bytes(model.SerializeToString())
    assert bankfile.load(tmp_path / "net.onnx").layer.activation.parameters == (0.3,)


def test_yaml_is_compact(tmp_path):
    text = encode(bankfile.load("sobel"), "yaml").decode()
    assert "  - {name: sobel_x, kernel: [[-0.125, 0, 0.125], [-0.25, 0, 0.25], [-0.125, 0, 0.125]]}\n" in text
    wide = Bank("wide", Stack((Layer((Filter("a", np.full((3, 2, 9), 1 / 3)),)),)), "rgb")
    lines = encode(wide, "yaml").decode().splitlines()
    row = "[" + ", ".join(["0.3333333333333333"] * 9) + "]"
    assert lines[-8:] == ["  - name: a", "    kernel:", *[f"      - - {row}", f"        - {row}"] * 3]
    pair = Combination("size", "modulus", ("sobel_x", "sobel_y"), 3)
    lines = encode(layer_of(combine=(pair,)), "yaml").decode().splitlines()
    assert lines[-2:] == ["combine:", "  - {name: size, modulus: [sobel_x, sobel_y], window: 3}"]
    data = json.loads(encode(wide, "json"))
    assert data["filters"] == [{"name": "a", "kernel": wide.filters[0].weights.tolist()}]


def test_a_text_that_could_not_be_read_again_is_refused():
    bank = Bank("big", Stack((Layer((Filter("a", np.zeros((1, 2001, 2001))),)),)))
    for format in ("yaml", "json"):
        with pytest.raises(RequestError, match="too large for a text; accepted: at most 4,000,000 values"):
            encode(bank, format)
    assert len(encode(bank, "npz")) > 2001**2 * 8


def test_formats_by_ending():
    assert [format_of(name) for name in ("a.YML", "a.b.npz", "a.safetensors")] == [
        "yaml",
        "npz",
        "safetensors",
    ]
    with pytest.raises(RequestError, match=r"a.txt: found no known ending; accepted: .yaml, .yml, .json"):
        format_of("a.txt")
