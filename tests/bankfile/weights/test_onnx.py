"""Models in ONNX become banks whose maps are the model's own, or say what stands in the way."""

import numpy as np
import pytest
from onnx_models import (
    FIRST,
    RNG,
    agree,
    applied,
    conv,
    helper,
    model,
    network,
    normalization,
    onnx,
    reference,
    runtime,
    tensor,
)

from filterbank import bankfile

W = RNG.normal(size=(4, 3, 5, 3)).astype("f4")
ODD = RNG.normal(size=(4, 3, 3, 3)).astype("f4")
BN, NORMALIZE = normalization(4)
LIMITS = [tensor("lo", -0.5), tensor("hi", 0.75)]


def padded(*inputs, rank=2, opset=20, tensors=(), own=None, **attributes):
    """Return a model of a Pad and a Conv behind it."""
    nodes = [
        helper.make_node("Pad", ["x", *inputs], ["a"], "pad", **attributes),
        helper.make_node("Conv", ["a", "w"], ["b"], "c", **(own or {})),
    ]
    weights = W if rank == 2 else W[..., 0]
    return model(nodes, [tensor("w", weights), *tensors], rank=rank, opset=opset)


PADS = tensor("p", [0, 0, 1, 2, 0, 0, 3, 0], np.int64)
OF_PLANES = [tensor("p", [1, 2, 3, 0], np.int64), tensor("axes", [-2, 3], np.int64)]
VALUE = tensor("v", 0.25)

MODELS = {
    "reflected": padded("p", mode="reflect", tensors=[PADS]),
    "at the edge, strided": padded("p", mode="edge", tensors=[PADS], own={"strides": [2, 1]}),
    "wrapped, by axes": padded("p", "", "axes", mode="wrap", tensors=OF_PLANES),
    "zeros before": padded("p", tensors=[PADS], own={"auto_pad": "VALID"}),
    "a value before": padded("p", "v", tensors=[PADS, VALUE]),
    "a value of old": padded(opset=10, pads=[0, 0, 1, 2, 0, 0, 3, 0], value=0.25, mode="constant"),
    "plain": conv(W),
    "no bias": conv(W, bias=False),
    "strided": conv(W, strides=[2, 3], pads=[1, 1, 1, 1]),
    "dilated": conv(W, dilations=[2, 3], pads=[4, 3, 4, 3]),
    "grouped": conv(RNG.normal(size=(6, 1, 3, 3)), group=3, pads=[1, 1, 1, 1]),
    "asymmetric": conv(W, pads=[0, 1, 2, 3], kernel_shape=[5, 3]),
    "same upper": conv(RNG.normal(size=(4, 3, 4, 4)), auto_pad="SAME_UPPER", strides=[2, 2]),
    "same upper, dilated": conv(ODD, auto_pad="SAME_UPPER", dilations=[2, 2]),
    "same lower, odd": conv(ODD, auto_pad="SAME_LOWER"),
    "valid": conv(W, auto_pad="VALID"),
    "normalized": conv(W, NORMALIZE, extra=BN),
    "normalized, no bias, relu": conv(W, NORMALIZE, ("Relu", [], {}), extra=BN, bias=False),
    "half": conv(W, dtype=np.float16),
    "leaky": conv(W, ("LeakyRelu", [], {"alpha": 0.1})),
    "clip": conv(W, ("Clip", ["lo", "hi"], {}), extra=LIMITS),
    "clip below": conv(W, ("Clip", ["lo"], {}), extra=LIMITS),
    "clip of old": conv(W, ("Clip", [], {"min": 0.0, "max": 6.0}), opset=10),
    "hard sigmoid": conv(W, ("HardSigmoid", [], {})),
    "elu": conv(W, ("Elu", [], {"alpha": 0.5})),
    **{name.lower(): conv(W, (name, [], {})) for name in ("Sigmoid", "Tanh", "Softplus", "Abs", "Gelu")},
}


def maps(proto, tmp_path, x, pick=""):
    path = tmp_path / "net.onnx"
    onnx.save(proto, path)
    return applied(f"{path}{pick}", x[0], tmp_path)


# What a witness does not run: the operators of old, a dilation with SAME_UPPER, half precision.
UNABLE = {reference: ("clip of old", "a value of old"), runtime: ("same upper, dilated", "half")}
WITNESSES = pytest.mark.parametrize("witness", UNABLE, ids=lambda witness: witness.__name__)


@WITNESSES
@pytest.mark.parametrize("name", MODELS)
def test_maps_are_those_of_the_model(name, witness, tmp_path):
    if name in UNABLE[witness]:
        pytest.skip("the witness does not run it")
    proto = MODELS[name]
    channels = proto.graph.input[0].type.tensor_type.shape.dim[1].dim_value
    is_half = name == "half"
    x = RNG.uniform(size=(1, channels, 17, 22)).astype(np.float16 if is_half else np.float32)
    ours = maps(proto, tmp_path, x.astype("f4"))
    bar = 2e-3 if is_half else 1e-5  # theirs is computed in half precision
    assert agree(ours, witness(proto, x), bar)


def test_the_comparison_can_fail():
    maps = np.ones((2, 3, 3), "f4")
    wrong = maps.copy()
    wrong[1, 2, 2] += 1e-4
    assert agree(maps, maps)
    assert not agree(maps, wrong)
    assert not agree(maps, maps[:1])


@WITNESSES
def test_a_signal_is_padded_at_its_ends(witness, tmp_path):
    proto = padded("p", rank=1, mode="edge", tensors=[tensor("p", [0, 0, 3, 0, 0, 1], np.int64)])
    x = RNG.uniform(size=(1, 3, 40)).astype("f4")
    ours = maps(proto, tmp_path, x[:, :, None])
    assert agree(ours[:, 0], witness(proto, x))


@WITNESSES
def test_a_signal_is_an_image_of_one_row(witness, tmp_path):
    proto = conv(RNG.normal(size=(5, 2, 7)), rank=1, strides=[2], pads=[3, 1], dilations=[2])
    x = RNG.uniform(size=(1, 2, 40)).astype("f4")
    ours = maps(proto, tmp_path, x[:, :, None])
    assert ours.shape[1] == 1
    assert agree(ours[:, 0], witness(proto, x))


def test_the_weights_of_half_precision_are_exact(tmp_path):
    onnx.save(MODELS["half"], tmp_path / "net.onnx")
    assert np.array_equal(bankfile.load(tmp_path / "net.onnx").layer.weights, W.astype("f2"))


@WITNESSES
def test_half_precision_is_of_the_weights_alone(witness, tmp_path):
    """Sums are computed in float32, as a runtime does whose model was cast."""
    x = RNG.uniform(size=(1, 3, 17, 22)).astype("f4")
    onnx.save(conv(W, bias=False, dtype=np.float16), tmp_path / "net.onnx")
    single = conv(W.astype("f2").astype("f4"), bias=False)
    assert agree(applied(tmp_path / "net.onnx", x[0], tmp_path), witness(single, x))


def test_batch_normalization_by_hand(tmp_path):
    values = {"g": 3.0, "beta": 0.5, "m": 2.0, "v": 4.0}
    node = ("BatchNormalization", list(values), {"epsilon": 0.0})
    proto = conv(
        np.full((1, 1, 1, 1), 8.0), node, extra=[tensor(name, [value]) for name, value in values.items()]
    )
    onnx.save(proto, tmp_path / "net.onnx")
    layer = bankfile.load(tmp_path / "net.onnx").layer
    assert layer.weights.tolist() == [[[[8 * 3 / 2]]]]
    assert layer.biases.tolist() == [(0 - 2) * 3 / 2 + 0.5]


def product(kind):
    nodes = [helper.make_node("Conv", ["x", "w"], ["y"], "c")]
    if kind == "silu":
        nodes += [helper.make_node("Sigmoid", ["y"], ["s"]), helper.make_node("Mul", ["s", "y"], ["z"])]
    elif kind == "softplus":
        nodes += [helper.make_node("Softplus", ["y"], ["s"]), helper.make_node("Greater", ["y", "20"], ["g"])]
        nodes += [helper.make_node("Where", ["g", "y", "s"], ["z"])]
    else:
        nodes += [helper.make_node("Mul", ["y", "y"], ["z"])]
    return model(nodes, [tensor("w", W), tensor("20", 20)])


@pytest.mark.parametrize("kind", ["silu", "square", "softplus"])
def test_activations_that_are_written_out(kind, tmp_path):
    x = RNG.uniform(size=(1, 3, 12, 12)).astype("f4")
    assert agree(maps(product(kind), tmp_path, x), reference(product(kind), x))
    assert bankfile.load(tmp_path / "net.onnx").layer.activation.name == kind


@pytest.mark.parametrize("pick", ["/conv1/Conv", "conv1", "conv1.weight", "a"])
def test_a_name_picks_one_layer_of_a_network(pick, tmp_path):
    onnx.save(network(), tmp_path / "net.onnx")
    bank = bankfile.load(f"{tmp_path}/net.onnx#{pick}")
    assert np.array_equal(bank.layer.weights, FIRST)
    assert (bank.layer.activation.name, bank.layer.padding, bank.input) == ("relu", (1, 1, 1, 1), "rgb")
    assert bank.layer.names == ("f0", "f1", "f2", "f3")


def test_weights_of_a_model_in_a_bank_file(tmp_path):
    onnx.save(network(), tmp_path / "net.onnx")
    (tmp_path / "bank.yaml").write_text("stride: 2\nweights: {file: net.onnx, tensor: conv1.weight}\n")
    layer = bankfile.load(tmp_path / "bank.yaml").layer
    assert np.array_equal(layer.weights, FIRST)
    assert (layer.biases.tolist(), layer.stride) == ([1, 2, 3, 4], (2, 2))
