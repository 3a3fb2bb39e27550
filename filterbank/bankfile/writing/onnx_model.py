"""A bank as an ONNX model: one Conv and its activation, computing in float32 as the engine does."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filterbank.bankfile.weights.onnx_activations import OPERATORS
from filterbank.bankfile.weights.onnx_layers import META_KEY, same_pads
from filterbank.bankfile.writing.settings import for_tensors, one_layer
from filterbank.errors import RequestError
from filterbank.model import Bank, Layer

OPSET, OPSET_OF_GELU, IR_VERSION = 17, 20, 9
_OPERATOR_OF = {name: (operator, parameters) for operator, (name, parameters) in OPERATORS.items()}
# What the graph says; all else of a bank goes into the metadata.
_IN_GRAPH = ("stride", "padding", "dilation", "groups")


def losses(layer: Layer) -> list[str]:
    """Return what *layer* has that a Conv and its activation cannot do.

    >>> from filterbank.bankfile import load, override
    >>> losses(override(load("sobel"), {"padding_mode": "reflect"}).layer)
    ['padding_mode: reflect']
    >>> losses(override(load("sobel"), {"padding": "valid"}).layer)
    []
    """
    lost = []
    is_padded = layer.padding not in ("valid", (0, 0, 0, 0))
    is_zero = layer.padding_mode == "zeros" or (
        layer.padding_mode == "constant" and not any(layer.padding_value)
    )
    if is_padded and not is_zero:
        lost.append(f"padding_mode: {layer.padding_mode}")
    if any(layer.mean):
        lost.append("mean")
    if any(value != 1 for value in layer.std):
        lost.append("std")
    if layer.combine:
        lost.append("combine")
    return lost


def to_onnx(bank: Bank) -> bytes:
    """Return *bank* as an ONNX model from ``image`` (N, C, H, W) to ``maps`` (N, K, H2, W2), float32.

    Raises
    ------
    RequestError
        A Conv cannot do what the bank says, or the package onnx is missing.
    """
    layer = one_layer(bank)
    lost = losses(layer)
    if lost:
        raise RequestError(
            f"bank {bank.name!r}: ONNX's Conv has no place for {', '.join(lost)}; "
            "accepted: zeros around the image as it is, and a map for each filter; "
            "convert to .yaml, .json, .npz or .safetensors, which hold everything"
        )
    try:
        model = _model(bank, layer)
    except ImportError:
        raise RequestError(
            "onnx: the package that writes these files is missing; install it: pip install 'filterbank[onnx]'"
        ) from None
    encoded: bytes = model.SerializeToString(deterministic=True)
    return encoded


def _model(bank: Bank, layer: Layer) -> Any:
    """Return the model: casts where weights need them, the Conv, its activation, and the metadata."""
    from onnx import TensorProto, helper, numpy_helper  # noqa: PLC0415 - an extra

    nodes, tensors = [], []
    for name, values in (("weight", layer.weights), ("bias", layer.biases)):
        stored, is_exact = _stored(values)
        tensors.append(numpy_helper.from_array(stored, name if is_exact else f"{name}_float64"))
        if not is_exact:
            # The model then holds every bit and rounds once, as it is loaded; runtimes fold the cast away.
            nodes.append(
                helper.make_node("Cast", [f"{name}_float64"], [name], f"{name}_cast", to=TensorProto.FLOAT)
            )
    steps = _activation(layer)
    last = "maps" if not steps else "sums"
    nodes.append(
        helper.make_node("Conv", ["image", "weight", "bias"], [last], bank.name, **_attributes(layer))
    )
    for operator, inputs, output, attributes in steps:
        nodes.append(helper.make_node(operator, inputs, [output], **attributes))
    if layer.activation.name == "clip":
        limits = zip(("min", "max"), layer.activation.parameters, strict=True)
        tensors += [numpy_helper.from_array(np.array(value, np.float32), name) for name, value in limits]
    shapes: dict[str, list[str | int | None]] = {
        "image": ["N", layer.channels, "H", "W"],
        "maps": ["N", len(layer.filters), "H2", "W2"],
    }
    image, maps = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()
    )
    graph = helper.make_graph(nodes, bank.name, [image], [maps], tensors)
    opset = OPSET_OF_GELU if layer.activation.name == "gelu" else OPSET
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=IR_VERSION)
    model.producer_name = "filterbank"
    helper.set_model_props(model, {META_KEY: json.dumps(_metadata(bank), ensure_ascii=False)})
    return model


def _stored(values: NDArray[np.float64]) -> tuple[NDArray[Any], bool]:
    """Return *values* in float32 where that is exact, else as they are, and whether it is."""
    single = values.astype(np.float32)
    is_exact = bool((single == values).all())
    return (single if is_exact else values), is_exact


def _metadata(bank: Bank) -> dict[str, Any]:
    said = for_tensors(bank)
    kept = {key: value for key, value in said.items() if key not in _IN_GRAPH}
    return kept | (
        {"padding": "same"} if "pads" in _attributes(bank.layer) and bank.layer.padding == "same" else {}
    )


def _attributes(layer: Layer) -> dict[str, Any]:
    """Return the attributes of the Conv."""
    said = {
        "kernel_shape": list(layer.kernel),
        "strides": list(layer.stride),
        "dilations": list(layer.dilation),
    }
    attributes: dict[str, Any] = said | {"group": layer.groups}
    pads = same_pads(layer.kernel, layer.stride, layer.dilation)
    if layer.padding == "valid":
        return attributes | {"auto_pad": "VALID"}
    if layer.padding != "same":
        return attributes | {"pads": list(layer.padding)}
    # onnxruntime refuses SAME_UPPER with a dilation; at stride 1 the same pads are known beforehand.
    return attributes | ({"pads": pads} if pads and layer.dilation != (1, 1) else {"auto_pad": "SAME_UPPER"})


def _activation(layer: Layer) -> list[tuple[str, list[str], str, dict[str, Any]]]:
    """Return the nodes from ``sums`` to ``maps``: operator, inputs, output, attributes."""
    name, parameters = layer.activation.name, layer.activation.parameters
    if name == "identity":
        return []
    if name == "square":
        return [("Mul", ["sums", "sums"], "maps", {})]
    if name == "silu":
        return [("Sigmoid", ["sums"], "gate", {}), ("Mul", ["sums", "gate"], "maps", {})]
    if name == "clip":
        return [("Clip", ["sums", "min", "max"], "maps", {})]
    if name == "gelu":
        return [("Gelu", ["sums"], "maps", {})]
    operator, attributes = _OPERATOR_OF[name]
    return [(operator, ["sums"], "maps", dict(zip(attributes, parameters, strict=True)))]
