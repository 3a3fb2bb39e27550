"""A stack that is written and read again is the same in every layer, and its model gives its maps."""

from dataclasses import replace

import numpy as np
import pytest
from bankfile.any_banks import again, banks, differences
from hypothesis import given, settings
from onnx_models import RNG, agree, onnx, reference, runtime

import filterbank
from filterbank import bankfile
from filterbank.bankfile.writing import encode
from filterbank.errors import BankError, RequestError
from filterbank.model import Activation, Bank, Filter, Layer, Stack


@pytest.mark.parametrize("format", ["yaml", "json", "npz", "safetensors"])
@settings(deadline=None, max_examples=60)
@given(bank=banks(most=3))
def test_every_stack_survives(format, bank, tmp_path_factory):
    read = again(bank, format, tmp_path_factory.getbasetemp())
    assert differences(bank, read) == []
    assert read.digest == bankfile.digest(bank)


@settings(deadline=None, max_examples=100)
@given(bank=banks(plain=True, most=3))
def test_what_convs_can_do_survives_as_onnx(bank, tmp_path_factory):
    read = again(bank, "onnx", tmp_path_factory.getbasetemp())
    assert differences(bank, read) == []
    assert read.digest == bankfile.digest(bank)


def stack(**changes):
    """Return three layers of 2, 3, 4 and 2 channels; *changes* are of the one in the middle."""
    shapes = ((3, 2, 5, 5), (4, 3, 3, 4), (2, 4, 1, 1))
    made = [
        Layer(tuple(Filter(f"f{k}", weights, k / 3) for k, weights in enumerate(RNG.normal(size=shape) / 5)))
        for shape in shapes
    ]
    made[0] = replace(made[0], stride=(2, 1), activation=Activation("gelu"))
    made[1] = replace(made[1], **{"dilation": (2, 1), "activation": Activation("silu")} | changes)
    made[2] = replace(made[2], activation=Activation("clip", (-0.5, 0.7)))
    return Bank("net", Stack(tuple(made)), 2)


CASES = {
    "zeros": {},
    "circular": {"padding_mode": "circular"},
    "constant": {"padding_mode": "constant", "padding_value": (0.3,), "padding": (1, 2, 0, 1)},
    "reflect": {"padding_mode": "reflect", "activation": Activation("clip", (0, 2))},
    "strided": {"stride": (2, 2), "dilation": (1, 1), "activation": Activation("square")},
}


@pytest.mark.parametrize("witness", [reference, runtime], ids=["reference", "runtime"])
@pytest.mark.parametrize("case", CASES)
def test_maps_of_the_model_are_those_of_the_stack(case, witness, tmp_path):
    bank = stack(**CASES[case])
    model = onnx.ModelProto.FromString(encode(bank, "onnx"))
    onnx.checker.check_model(model, full_check=True)
    x = RNG.uniform(size=(1, 2, 21, 18)).astype("f4")
    ours = filterbank.apply(x[0], bank)
    assert agree(ours, witness(model, x))
    assert np.array_equal(ours, filterbank.apply(x[0], again(bank, "onnx", tmp_path)))


def test_a_round_trip_by_every_format_keeps_each_bit(tmp_path):
    first = bank = stack()
    for format in ("onnx", "npz", "onnx", "safetensors", "json", "onnx", "yaml"):
        bank = again(bank, format, tmp_path)
    assert differences(first, bank) == []


@pytest.mark.parametrize("format", ["npz", "safetensors", "onnx"])
def test_a_name_picks_one_layer(format, tmp_path):
    bank = stack(activation=Activation("leaky_relu", (0.1,)), padding=(1, 2, 3, 4))
    again(bank, format, tmp_path)
    layer = bankfile.load(f"{tmp_path}/other.{format}#layer2").layer
    assert layer.weights.tobytes() == bank.stack.layers[1].weights.tobytes()
    assert (str(layer.activation), layer.dilation, layer.padding) == (
        "leaky_relu(slope 0.1)",
        (2, 1),
        (1, 2, 3, 4),
    )
    assert layer.names == bank.stack.layers[1].names
    assert np.array_equal(layer.biases, bank.stack.layers[1].biases)


def test_the_weights_of_one_layer_are_taken_with_their_biases(tmp_path):
    """They stand behind a cast, as float32 does not hold them."""
    bank = stack()
    again(bank, "onnx", tmp_path)
    (tmp_path / "one.yaml").write_text("weights: {file: other.onnx, tensor: layer2.weight}")
    layer = bankfile.load(tmp_path / "one.yaml").layer
    assert np.array_equal(layer.weights, bank.stack.layers[1].weights)
    assert np.array_equal(layer.biases, bank.stack.layers[1].biases)
    (tmp_path / "one.yaml").write_text("weights: {file: other.onnx}")
    with pytest.raises(BankError, match=r"name one of 'layer1.weight' \(DOUBLE 3×2×5×5\), 'layer2.weight' "):
        bankfile.load(tmp_path / "one.yaml")


def test_what_is_lost_is_told_by_layer():
    bank = stack(mean=(0.5,), std=(2.0,), padding_mode="symmetric")
    with pytest.raises(RequestError) as caught:
        encode(bank, "onnx")
    assert "no place for padding_mode: symmetric of layer 2, mean of layer 2, std of layer 2; acc" in str(
        caught.value
    )


def test_a_model_whose_layers_changed_since_is_read_as_it_is(tmp_path):
    model = onnx.ModelProto.FromString(encode(stack(), "onnx"))
    *_, last = (node for node in model.graph.node if node.op_type == "Conv")
    while model.graph.node[-1].name != last.name:
        del model.graph.node[-1]
    del model.graph.node[-1]
    del model.graph.output[:]
    model.graph.output.add().name = last.input[0]
    (tmp_path / "net.onnx").write_bytes(model.SerializeToString())
    bank = bankfile.load(tmp_path / "net.onnx")
    assert [layer.names for layer in bank.stack.layers] == [("f0", "f1", "f2"), ("f0", "f1", "f2", "f3")]
    assert bank.layer.weights.tobytes() == stack_weights(model, "layer2.weight")


def stack_weights(model, name):
    (found,) = (each for each in model.graph.initializer if each.name.startswith(name))
    return found.raw_data


def test_the_layers_of_another_programs_metadata_are_its_own(tmp_path):
    safetensors = pytest.importorskip("safetensors.numpy")
    path = tmp_path / "net.safetensors"
    weights = np.ones((1, 1, 3, 3), "f4")
    safetensors.save_file({"conv1.weight": weights}, path, {"layers": "12", "format": "pt", "stride": "2"})
    layer = bankfile.load(path).layer
    assert (layer.weights.shape, layer.stride) == ((1, 1, 3, 3), (2, 2))


@pytest.mark.parametrize(
    ("meta", "said"),
    [
        ('{"layers": 3}', "layers are no list of settings"),
        ('{"layers": [1, 2]}', "layers are no list of settings"),
        ('{"layers": [{}]}', "found layers with 1 entries; accepted: at least 2"),
        ('{"layers": [{}, {}]}', "found no tensor 'layer2.weight'; accepted: 'layer1.weight'"),
        ('{"layers": [{"stride": 0}, {}]}', "found no tensor 'layer2.weight'"),
        ('{"stride": 2, "layers": [{}, {}]}', "found no tensor 'layer2.weight'"),
    ],
)
def test_layers_that_are_none(meta, said, tmp_path):
    np.savez(tmp_path / "net.npz", **{"layer1.weight": np.ones((1, 1, 3, 3)), "meta": np.array(meta)})
    with pytest.raises(BankError, match=said):
        bankfile.load(tmp_path / "net.npz")


@pytest.mark.parametrize(
    ("meta", "said"),
    [
        ('{"layers": [{"stride": 0}, {"strid": 1}]}', "layer 1: stride: found 0; accepted: a whole number"),
        ('{"layers": [{}, {"strid": 1}]}', "layer 2: .*unknown key 'strid'.*did you mean 'stride'"),
        ('{"stride": 2, "layers": [{}, {}]}', "unknown key 'stride'"),
        ('{"layers": [{}, {"names": ["a", "b"]}]}', "layer 2: names: found 2 names for 1 filters"),
        ('{"layers": [{"sizes": [[1, 1]]}, {}]}', "layer 1: sizes: .* is not 1×1 with zeros around it"),
    ],
)
def test_faults_are_those_of_their_layer(meta, said, tmp_path):
    tensors = {f"layer{n}.weight": np.ones((1, 1, 3, 3)) for n in (1, 2)}
    np.savez(tmp_path / "net.npz", **tensors, meta=np.array(meta))
    with pytest.raises(BankError, match=said):
        bankfile.load(tmp_path / "net.npz")
