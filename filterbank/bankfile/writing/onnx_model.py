"""A bank as an ONNX model: a Pad where zeros will not do, a Conv and its activation, all in float32."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filterbank.bankfile.weights.onnx_activations import OPERATORS
from filterbank.bankfile.weights.onnx_layers import META_KEY
from filterbank.bankfile.weights.onnx_padding import MODES, same_pads
from filterbank.bankfile.writing.settings import for_tensors, one_layer
from filterbank.errors import RequestError
from filterbank.model import Bank, Layer

OPSET, OPSET_OF_WRAP, OPSET_OF_GELU, IR_VERSION = 17, 19, 20, 9
_OPERATOR_OF = {name: (operator, parameters) for operator, (name, parameters) in OPERATORS.items()}
# What the graph says; all else of a bank goes into the metadata.
_IN_GRAPH = ("stride", "padding", "dilation", "groups")


def losses(layer: Layer) -> list[str]:
    """Return what *layer* has that a Pad, a Conv and its activation cannot do.

    >>> from filterbank.bankfile import load, override
    >>> losses(override(load("sobel"), {"padding_mode": "symmetric"}).layer)
    ['padding_mode: symmetric']
    >>> losses(override(load("sobel"), {"padding_mode": "reflect"}).layer)
    []
    """
    lost = []
    if _is_padded(layer):
        values = set(layer.padding_value)
        if layer.padding_mode not in MODES:
            lost.append(f"padding_mode: {layer.padding_mode}")
        elif layer.padding_mode == "constant" and len(values) > 1:
            lost.append("padding_value: one per channel")
        if _sides(layer) is None:
            lost.append(f"padding: same with a stride and padding_mode: {layer.padding_mode}")
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
        A Pad and a Conv cannot do what the bank says, or the package onnx is missing.
    """
    layer = one_layer(bank)
    lost = losses(layer)
    if lost:
        raise RequestError(
            f"bank {bank.name!r}: ONNX has no place for {', '.join(lost)}; "
            "accepted: what a Pad, a Conv and an activation do; "
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
    """Return the model: casts and a Pad where needed, the Conv, its activation, and the metadata."""
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
    if _is_padded(layer):
        node, padding = _pad(layer)
        nodes.append(node)
        tensors += padding
    steps = _activation(layer)
    last = "maps" if not steps else "sums"
    taken = ["padded" if _is_padded(layer) else "image", "weight", "bias"]
    nodes.append(helper.make_node("Conv", taken, [last], bank.name, **_attributes(layer)))
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
    opset = max(
        OPSET_OF_GELU if layer.activation.name == "gelu" else OPSET,
        OPSET_OF_WRAP if layer.padding_mode == "circular" else OPSET,
    )
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
    is_spelled_out = "pads" in _attributes(bank.layer) or _is_padded(bank.layer)
    return kept | ({"padding": "same"} if is_spelled_out and bank.layer.padding == "same" else {})


def _is_padded(layer: Layer) -> bool:
    """Return whether there is anything around the image but the zeros of a Conv."""
    is_zero = layer.padding_mode == "zeros" or (
        layer.padding_mode == "constant" and not any(layer.padding_value)
    )
    return layer.padding not in ("valid", (0, 0, 0, 0)) and not is_zero


def _sides(layer: Layer) -> list[int] | None:
    """Return [top, left, bottom, right]; None where they depend on the image."""
    if layer.padding == "same":
        return same_pads(layer.kernel, layer.stride, layer.dilation)
    return [0, 0, 0, 0] if isinstance(layer.padding, str) else list(layer.padding)


def _pad(layer: Layer) -> tuple[Any, list[Any]]:
    """Return the node from ``image`` to ``padded``, and its tensors."""
    from onnx import helper, numpy_helper  # noqa: PLC0415 - an extra

    top, left, bottom, right = _sides(layer) or []
    values = {"pads": np.array([0, 0, top, left, 0, 0, bottom, right], np.int64)}
    if layer.padding_mode == "constant":
        values["padding_value"] = np.array(layer.padding_value[0], np.float32)
    node = helper.make_node("Pad", ["image", *values], ["padded"], "pad", mode=MODES[layer.padding_mode])
    return node, [numpy_helper.from_array(value, name) for name, value in values.items()]


def _attributes(layer: Layer) -> dict[str, Any]:
    """Return the attributes of the Conv."""
    said = {
        "kernel_shape": list(layer.kernel),
        "strides": list(layer.stride),
        "dilations": list(layer.dilation),
    }
    attributes: dict[str, Any] = said | {"group": layer.groups}
    pads = same_pads(layer.kernel, layer.stride, layer.dilation)
    if layer.padding == "valid" or _is_padded(layer):
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
