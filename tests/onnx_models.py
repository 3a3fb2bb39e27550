"""ONNX models for tests, and what others say of their maps."""

from __future__ import annotations

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402
from onnx.reference import ReferenceEvaluator  # noqa: E402
from running import filterbank  # noqa: E402

RNG = np.random.default_rng(11)
FLOAT = TensorProto.FLOAT


def tensor(name, values, dtype=np.float32):
    return numpy_helper.from_array(np.asarray(values, dtype), name)


def model(nodes, tensors, channels=3, rank=2, opset=20, kind=FLOAT, outputs=None):
    """Return a model of these nodes from ``x`` to the last node's output."""
    shape = [1, channels, *["h", "w"][:rank]]
    given = helper.make_tensor_value_info("x", kind, shape)
    made = [helper.make_tensor_value_info(name, kind, None) for name in outputs or [nodes[-1].output[0]]]
    graph = helper.make_graph(nodes, "net", [given], made, tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)


def conv(
    weights, *followers, bias=True, name="conv1", dtype=np.float32, rank=2, opset=20, extra=(), **attributes
):
    """Return a model of one Conv and what follows it; *followers* are (operator, inputs, attributes)."""
    channels = weights.shape[1] * attributes.get("group", 1)
    tensors = [tensor(f"{name}.weight", weights, dtype), *extra]
    if bias:
        tensors.append(tensor(f"{name}.bias", np.arange(len(weights)) / 8, dtype))
    inputs = ["x", f"{name}.weight"] + [f"{name}.bias"] * bias
    nodes = [helper.make_node("Conv", inputs, ["y0"], name, **attributes)]
    for index, (operator, inputs, given) in enumerate(followers):
        node = helper.make_node(operator, [f"y{index}", *inputs], [f"y{index + 1}"], f"node{index}", **given)
        nodes.append(node)
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    return model(nodes, tensors, channels, rank, opset, kind)


def normalization(count):
    """Return the four tensors of a BatchNormalization and its follower."""
    values = RNG.normal(size=(4, count))
    values[3] = np.abs(values[3]) + 0.1
    names = [f"bn.{word}" for word in ("weight", "bias", "mean", "var")]
    return [tensor(*each) for each in zip(names, values, strict=True)], (
        "BatchNormalization",
        names,
        {"epsilon": 1e-3},
    )


FIRST = RNG.normal(size=(4, 3, 3, 3)).astype("f4")


def network():
    """Two layers with a pooling between them and a fully connected layer at the end."""
    nodes = [
        helper.make_node(
            "Conv", ["x", "conv1.weight", "conv1.bias"], ["a"], "/conv1/Conv", pads=[1, 1, 1, 1]
        ),
        helper.make_node("Relu", ["a"], ["b"], "/relu"),
        helper.make_node("MaxPool", ["b"], ["c"], "/pool", kernel_shape=[2, 2]),
        helper.make_node("Conv", ["c", "conv2.weight"], ["d"], "/conv2/Conv"),
        helper.make_node("PRelu", ["d", "slope"], ["e"], "/act"),
        helper.make_node("Flatten", ["e"], ["f"], "/flat"),
    ]
    tensors = [tensor("conv1.weight", FIRST), tensor("conv1.bias", [1, 2, 3, 4]), tensor("slope", [0.2])]
    return model(nodes, [*tensors, tensor("conv2.weight", RNG.normal(size=(2, 4, 3, 3)))])


def reference(proto, x):
    """Return what ONNX's own evaluator says, written in NumPy."""
    return ReferenceEvaluator(proto).run(None, {proto.graph.input[0].name: x})[0][0]


def runtime(proto, x):
    """Return what onnxruntime says; the test is skipped where it is not installed."""
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {proto.graph.input[0].name: x})[0][0]


def applied(bank, x, folder):
    """Return the maps of *x* (C, H, W) by the command ``filterbank apply``, exact."""
    np.save(folder / "x.npy", x)
    filterbank(
        *("apply", folder / "x.npy", "-b", bank, "-o", folder / "maps"),
        *("--format", "npy", "--stack", "--name", "x.npy", "--on-exists", "overwrite"),
    )
    return np.load(folder / "maps" / "x.npy")


def agree(ours, theirs, bar=1e-5):
    """Return whether two stacks of maps are one to within *bar* of the largest value."""
    return ours.shape == theirs.shape and bool(
        np.abs(ours - theirs).max() <= bar * max(1.0, np.abs(theirs).max())
    )
