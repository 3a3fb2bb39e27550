"""What no layer can do is told by the node that does it, and hostile models end in one clear line."""

import os

import numpy as np
import pytest
from onnx_models import RNG, conv, helper, model, network, normalization, onnx, tensor

from filterbank import bankfile
from filterbank.errors import BankError

ODD = RNG.normal(size=(4, 3, 3, 3)).astype("f4")
BN, NORMALIZE = normalization(4)


def padded(pads=(0, 0, 1, 1, 0, 0, 1, 1), mode="reflect", dtype=np.int64, own=None, inputs=("x", "p")):
    nodes = [
        helper.make_node("Pad", inputs, ["a"], "pad1", mode=mode),
        helper.make_node("Conv", ["a", "w"], ["b"], "c", **(own or {})),
    ]
    return model(nodes, [tensor("p", pads, dtype), tensor("w", ODD), tensor("n", [np.nan])])


def made_weights():
    nodes = [helper.make_node("Sqrt", ["w"], ["v"], "root"), helper.make_node("Conv", ["x", "v"], ["b"], "c")]
    return model(nodes, [tensor("w", np.abs(ODD))])


def gelu_of_old():
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["y"], "c"),
        helper.make_node("Div", ["y", "r"], ["d"], "/div"),
    ]
    nodes += [helper.make_node("Erf", ["d"], ["e"]), helper.make_node("Mul", ["e", "y"], ["z"])]
    return model(nodes, [tensor("w", ODD), tensor("r", 2**0.5)])


def single(kind, **attributes):
    return model([helper.make_node(kind, ["x", "w"], ["y"], "n", **attributes)], [tensor("w", ODD)])


def short(operator, inputs, outputs=("y",)):
    return model(
        [helper.make_node("Conv", ["x", "w"], ["x1"]), helper.make_node(operator, inputs, outputs, "n")],
        [tensor("w", ODD)],
        outputs=["x1"],
    )


def with_tensor(change):
    proto = conv(ODD, bias=False)
    change(proto.graph.initializer[0])
    return proto


def external(location, **more):
    def change(stored):
        stored.ClearField("raw_data")
        stored.data_location = onnx.TensorProto.EXTERNAL
        for key, value in {"location": location, **more}.items():
            stored.external_data.add(key=key, value=str(value))

    return with_tensor(change)


REFUSED = {
    "short conv": (short("Conv", ["x1"]), "", "Conv 'n' has too few inputs or outputs"),
    "short normalization": (
        short("BatchNormalization", ["x1", "w"]),
        "",
        "Normalization 'n' has too few inputs",
    ),
    "short greater": (short("Greater", ["x1"]), "", "Greater 'n' has too few inputs"),
    "no output": (short("Relu", ["x1"], []), "", "Relu 'n' has too few inputs or outputs"),
    "several": (
        network(),
        "",
        r"found 2 layers and MaxPool '/pool', PRelu '/act', Flatten '/flat'; accepted: Convs in a chain, "
        r"each with .*; or one named; write FILE#NAME with one of '/conv1/Conv' "
        r"\(conv1.weight 4×3×3×3\), '/conv2/Conv' \(conv2.weight 2×4×3×3\)",
    ),
    "no such": (
        network(),
        "#conv3",
        r"found no layer 'conv3'; accepted: '/conv1/Conv' .*; did you mean 'conv2'\?",
    ),
    "unknown activation": (
        network(),
        "#conv2",
        "the activation PRelu '/act' follows; accepted: Relu, LeakyRelu",
    ),
    "two pads": (
        padded(own={"pads": [1, 1, 1, 1]}),
        "",
        "Pad 'pad1' and Conv 'c' both pad; accepted: one of",
    ),
    "mode of a pad": (padded(mode="mirror"), "#c", "Pad 'pad1' has mode mirror; accepted: constant, reflect"),
    "pads of channels": (
        padded((0, 1, 0, 0, 0, 1, 0, 0)),
        "",
        "the padding of Pad 'pad1' is .*; accepted: numbers from",
    ),
    "pads that cut": (padded((0, 0, -1, 0, 0, 0, 0, 0)), "", "accepted: numbers from 0, of rows and columns"),
    "too few pads": (padded((1, 1, 1, 1)), "", "has 4 numbers for 4 axes; accepted: two for each"),
    "pads of floats": (
        padded(dtype=np.float32),
        "",
        "the padding of Pad 'pad1' is no tensor of whole numbers",
    ),
    "no pads": (padded(inputs=("x",)), "", "Pad 'pad1' says no pads"),
    "computed pads": (padded(inputs=("x", "x")), "", "the padding of Pad 'pad1' is an input of the model"),
    "a value of NaN": (
        padded(mode="constant", inputs=("x", "p", "n")),
        "",
        "the value of Pad 'pad1' is no single finite number",
    ),
    "made weights": (
        made_weights(),
        "#c",
        "the weight of Conv 'c' is made by Sqrt 'root'; accepted: a tensor stored",
    ),
    "gelu of old": (
        gelu_of_old(),
        "#c",
        "an activation that is written out follows, beginning with Div '/div'",
    ),
    "no conv": (single("ConvTranspose"), "", "found no Conv, but ConvTranspose"),
    "foreign conv": (single("Conv", domain="com.microsoft"), "", "found no Conv, but Conv"),
    "same lower": (
        conv(ODD, auto_pad="SAME_LOWER", strides=[2, 2]),
        "",
        "has auto_pad SAME_LOWER, with an odd pixel or a stride",
    ),
    "same lower, even": (
        conv(RNG.normal(size=(1, 3, 2, 2)), auto_pad="SAME_LOWER"),
        "",
        "has auto_pad SAME_LOWER",
    ),
    "auto pad": (conv(ODD, auto_pad="WRAP"), "", "has auto_pad WRAP; accepted: NOTSET, SAME_UPPER, VALID"),
    "negative pads": (conv(ODD, pads=[-1, 0, 0, 0]), "", r"pads of Conv 'conv1' are \[-1, 0, 0, 0\]"),
    "two numbers of pads": (conv(ODD, pads=[1, 1]), "", "accepted: 4 numbers from 0"),
    "strides": (conv(ODD, strides=[2]), "", r"strides of Conv 'conv1' are \[2\]; accepted: 2 numbers"),
    "stride 0": (conv(ODD, strides=[0, 1]), "", "stride: found 0; accepted: a whole number 1 to 65535"),
    "kernel shape": (conv(ODD, kernel_shape=[5, 5]), "", r"says \[5, 5\], its weight has \[3, 3\]"),
    "groups": (conv(ODD, group=3), "", "groups: found 3 with 4 filters"),
    "volume": (conv(RNG.normal(size=(2, 1, 3, 3, 3))), "", "is 2×1×3×3×3; accepted: K×C×F×F"),
    "tanh gelu": (
        conv(ODD, ("Gelu", [], {"approximate": "tanh"})),
        "",
        "the activation Gelu 'node0' follows",
    ),
    "training": (
        conv(ODD, ("BatchNormalization", NORMALIZE[1], {"training_mode": 1}), extra=BN),
        "",
        "is in training",
    ),
    "negative variance": (
        conv(
            ODD, ("BatchNormalization", [*NORMALIZE[1][:3], "neg"], {}), extra=[*BN, tensor("neg", [-1] * 4)]
        ),
        "",
        "a variance of BatchNormalization 'node0' is negative",
    ),
    "normalization of another size": (
        conv(ODD, ("BatchNormalization", [*NORMALIZE[1][:3], "one"], {}), extra=[*BN, tensor("one", [1])]),
        "",
        "var of BatchNormalization 'node0' is 1; accepted: 4 numbers",
    ),
    "nan": (conv(np.full_like(ODD, np.nan)), "", "hold NaN or infinity"),
    "integers": (
        conv(ODD, dtype=np.int32),
        "",
        "is no tensor of floats; accepted: FLOAT, FLOAT16, BFLOAT16, DOUBLE",
    ),
    "lying size": (
        with_tensor(lambda stored: stored.dims.__setitem__(0, 9)),
        "",
        "has 108 numbers, its shape says 243",
    ),
    "gigantic": (
        with_tensor(lambda stored: stored.dims.__setitem__(0, 2**40)),
        "",
        "accepted: at most 16,777,216 weights",
    ),
    "negative size": (with_tensor(lambda stored: stored.dims.__setitem__(0, -4)), "", "is -4×3×3×3"),
    "cut bytes": (
        with_tensor(lambda stored: setattr(stored, "raw_data", stored.raw_data[:-1])),
        "",
        "has 0 numbers",
    ),
    "external above": (
        external("../secret.bin"),
        "",
        "is kept in '../secret.bin', outside the model's folder",
    ),
    "external absolute": (external("/etc/hostname"), "", "outside the model's folder"),
    "external nowhere": (external(""), "", "is kept in '', outside the model's folder"),
    "external link": (external("link.bin"), "", "is kept in 'link.bin', outside the model's folder"),
    "external gone": (external("gone.bin"), "", "which is no file"),
    "external device": (external("pipe"), "", "which is no file"),
    "external short": (external("short.bin"), "", "has 2 numbers, its shape says 108"),
    "external lying": (
        external("short.bin", length=4),
        "",
        "has a place in 'short.bin' that does not fit its shape",
    ),
    "external odd": (external("short.bin", offset="x"), "", "does not fit its shape"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_layer_can_do_is_told(name, tmp_path):
    proto, pick, said = REFUSED[name]
    folder = tmp_path / "net"
    folder.mkdir()
    (tmp_path / "secret.bin").write_bytes(ODD.tobytes())
    (folder / "link.bin").symlink_to(tmp_path / "secret.bin")
    (folder / "short.bin").write_bytes(bytes(8))
    os.mkfifo(folder / "pipe")
    path = folder / "net.onnx"
    path.write_bytes(proto.SerializeToString())
    with pytest.raises(BankError, match=said):
        bankfile.load(f"{path}{pick}")


def test_external_data_in_the_models_folder_is_read(tmp_path):
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "w.bin").write_bytes(bytes(16) + ODD.tobytes())
    onnx_path = tmp_path / "net.onnx"
    onnx_path.write_bytes(external("weights/w.bin", offset=16, length=ODD.nbytes).SerializeToString())
    assert np.array_equal(bankfile.load(onnx_path).layer.weights, ODD)


@pytest.mark.parametrize(
    "data", [b"", b"hello, this is no model", bytes(1000), b"\x08\x07\x3a\xff\xff\xff\x7f"]
)
def test_files_that_are_no_model(data, tmp_path):
    path = tmp_path / "net.onnx"
    path.write_bytes(data)
    with pytest.raises(BankError, match=r"found no graph|is no whole ONNX model"):
        bankfile.load(path)


def test_without_the_package_the_message_names_the_extra(tmp_path, monkeypatch):
    onnx.save(conv(ODD), tmp_path / "net.onnx")
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(
        BankError, match=r"the package onnx is missing.*; install it: pip install 'filterbank\[onnx\]'"
    ):
        bankfile.load(tmp_path / "net.onnx")
