"""A model that is a chain of layers is a stack; what keeps it from being one is told by name."""

import numpy as np
import pytest
from onnx_models import (
    RNG,
    agree,
    applied,
    helper,
    model,
    normalization,
    onnx,
    reference,
    runtime,
    tensor,
)

import filterbank
from filterbank import bankfile
from filterbank.errors import BankError

W1 = RNG.normal(size=(4, 3, 3, 3)).astype("f4")
W2 = RNG.normal(size=(4, 2, 3, 5)).astype("f4")
W3 = RNG.normal(size=(2, 4, 1, 1)).astype("f4")
BN, NORMALIZE = normalization(4)
TENSORS = [
    tensor("w1", W1),
    tensor("w2", W2),
    tensor("w3", W3),
    tensor("b", [0.5, -1]),
    tensor("p", [0, 0, 1, 2, 0, 0, 0, 2], np.int64),
    *BN,
]


def node(kind, inputs, output, **attributes):
    return helper.make_node(kind, inputs.split(), [output], f"{kind.lower()}_{output}", **attributes)


def chain(*extra, outputs=None):
    """Return three layers, each another: a normalized one, one behind a Pad, and one without activation."""
    nodes = [
        node("Conv", "x w1", "a", strides=[2, 1], pads=[1, 1, 1, 1]),
        helper.make_node("BatchNormalization", ["a", *NORMALIZE[1]], ["c"], "bn", **NORMALIZE[2]),
        node("Relu", "c", "d"),
        node("Dropout", "d", "e"),
        node("Pad", "e p", "f", mode="edge"),
        node("Conv", "f w2", "g", group=2, dilations=[1, 2], auto_pad="VALID"),
        node("Sigmoid", "g", "h"),
        node("Mul", "g h", "i"),
        node("Cast", "i", "j", to=1),
        node("Conv", "j w3 b", "k", auto_pad="SAME_UPPER"),
        node("Identity", "k", "l"),
        *extra,
    ]
    return model(nodes, TENSORS, outputs=outputs)


def saved(proto, tmp_path):
    path = tmp_path / "net.onnx"
    path.write_bytes(proto.SerializeToString())
    return path


def test_a_chain_is_a_stack(tmp_path):
    bank = bankfile.load(saved(chain(), tmp_path))
    told = [
        (each.weights.shape, each.stride, each.groups, str(each.activation)) for each in bank.stack.layers
    ]
    assert told == [
        ((4, 3, 3, 3), (2, 1), 1, "relu"),
        ((4, 2, 3, 5), (1, 1), 2, "silu"),
        ((2, 4, 1, 1), (1, 1), 1, "identity"),
    ]
    assert (bank.name, bank.input, bank.layer.biases.tolist()) == ("net", "rgb", [0.5, -1])
    assert bankfile.check(tmp_path / "net.onnx").warnings == ()


@pytest.mark.parametrize("witness", [reference, runtime], ids=["reference", "runtime"])
def test_maps_are_those_of_the_model(witness, tmp_path):
    x = RNG.uniform(size=(1, 3, 20, 31)).astype("f4")
    ours = applied(saved(chain(), tmp_path), x[0], tmp_path)
    assert agree(ours, witness(chain(), x))


def test_a_name_still_picks_one_layer(tmp_path):
    path = saved(chain(), tmp_path)
    layer = bankfile.load(f"{path}#w2").layer
    assert (layer.weights.tolist(), layer.padding_mode) == (W2.tolist(), "replicate")


def test_a_chain_stands_among_the_layers_of_a_bank(tmp_path):
    saved(chain(), tmp_path)
    (tmp_path / "bank.yaml").write_text(
        "layers:\n- filters:\n  - family: 1\n".replace(
            "family: 1", "{name: r, kernel: [[[1]], [[0]], [[0]]]}"
        )
        + "  - {name: g, kernel: [[[0]], [[1]], [[0]]]}\n  - {name: b, kernel: [[[0]], [[0]], [[1]]]}\n"
        "- bank: net.onnx\n"
    )
    x = RNG.uniform(size=(3, 12, 15)).astype("f4")
    assert len(bankfile.load(tmp_path / "bank.yaml").stack.layers) == 4
    ours = filterbank.apply(x, str(tmp_path / "bank.yaml"))
    assert agree(ours, filterbank.apply(x, str(tmp_path / "net.onnx")))


@pytest.mark.parametrize("witness", [reference, runtime], ids=["reference", "runtime"])
def test_a_chain_over_signals(witness, tmp_path):
    one, two = (RNG.normal(size=shape).astype("f4") for shape in ((5, 2, 7), (3, 5, 4)))
    nodes = [
        node("Conv", "x u", "a", strides=[2], pads=[3, 1]),
        node("Tanh", "a", "b"),
        node("Conv", "b v", "c", dilations=[2]),
        node("LeakyRelu", "c", "d", alpha=0.2),
    ]
    proto = model(nodes, [tensor("u", one), tensor("v", two)], channels=2, rank=1)
    x = RNG.uniform(size=(1, 2, 50)).astype("f4")
    ours = applied(saved(proto, tmp_path), x[0][:, None], tmp_path)
    assert agree(ours[:, 0], witness(proto, x))


def branched(*nodes, outputs=None):
    return model(list(nodes), TENSORS, outputs=outputs)


WAY = r"accepted: Convs in a chain, each with .*; or one named; write FILE#NAME with one of 'conv_a'"
REFUSED = {
    "pooling": (
        branched(
            node("Conv", "x w1", "a"),
            node("MaxPool", "a", "b", kernel_shape=[2, 2]),
            node("Conv", "b w3", "c"),
        ),
        r"found 2 layers and MaxPool 'maxpool_b'; " + WAY,
    ),
    "a second activation": (
        branched(
            node("Conv", "x w1", "a"),
            node("Relu", "a", "b"),
            node("Tanh", "b", "c"),
            node("Conv", "c w3", "d"),
        ),
        r"found 2 layers and Tanh 'tanh_c'; " + WAY,
    ),
    "side by side": (
        branched(node("Conv", "x w1", "a"), node("Conv", "x w1", "b"), outputs=["a", "b"]),
        r"found 2 layers, but Conv 'conv_b' does not take what Conv 'conv_a' gives; " + WAY,
    ),
    "a sum around": (
        branched(node("Conv", "x w1", "a"), node("Conv", "a w3", "b"), node("Add", "a b", "c")),
        r"found 2 layers and Add 'add_c'",
    ),
    "an output between": (
        branched(node("Conv", "x w1", "a"), node("Conv", "a w3", "b"), outputs=["a", "b"]),
        r"found 2 layers, but what Conv 'conv_b' gives is not the only output of the model",
    ),
    "an integer": (
        branched(node("Conv", "x w1", "a"), node("Cast", "a", "b", to=3), node("Conv", "b w3", "c")),
        r"found 2 layers and Cast 'cast_b'",
    ),
    "an unknown activation": (
        branched(node("Conv", "x w1", "a"), node("Selu", "a", "b"), node("Conv", "b w3", "c")),
        r"found 2 layers and Selu 'selu_b'",
    ),
    "channels": (
        branched(node("Conv", "x w1", "a"), node("Conv", "a w1", "b")),
        r"layer 2: .*channels",
    ),
    "a layer's own fault": (
        branched(node("Conv", "x w1", "a"), node("Conv", "a w3", "b", auto_pad="SAME_LOWER", strides=[2, 2])),
        r"Conv 'conv_b' has auto_pad SAME_LOWER",
    ),
    "too many": (
        branched(
            node("Conv", "x one", "a0"),
            *(node("Conv", f"a{n} one", f"a{n + 1}") for n in range(256)),
        ),
        r"found too large a stack; accepted: at most 256 layers and 16,777,216 weights; write FILE#NAME",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_chain_is_told(name, tmp_path):
    proto, said = REFUSED[name]
    if name == "too many":
        proto.graph.initializer.append(tensor("one", [[[[1]]]]))
    with pytest.raises(BankError, match=said):
        bankfile.load(saved(proto, tmp_path))


def test_two_inputs_are_no_chain(tmp_path):
    proto = chain()
    proto.graph.input.append(helper.make_tensor_value_info("mask", onnx.TensorProto.FLOAT, [1]))
    with pytest.raises(BankError, match="does not take the only input of the model, 'x', 'mask'; accepted"):
        bankfile.load(saved(proto, tmp_path))
