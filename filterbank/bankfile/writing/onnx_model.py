"""A bank as an ONNX model: its layers as nodes, and what a graph has no place for as metadata."""

from __future__ import annotations

import json
from typing import Any

from filterbank.bankfile.weights.onnx_layers import META_KEY
from filterbank.bankfile.writing.onnx_nodes import Names, attributes, is_padded, layer_nodes, losses, opset
from filterbank.bankfile.writing.settings import beside_tensors, layer_name, with_layers
from filterbank.errors import RequestError
from filterbank.model import Bank, Layer

IR_VERSION = 9
# What the graph says; all else of a bank goes into the metadata.
_IN_GRAPH = ("stride", "padding", "dilation", "groups")


def to_onnx(bank: Bank) -> bytes:
    """Return *bank* as an ONNX model from ``image`` (N, C, H, W) to ``maps`` (N, K, H2, W2), float32.

    Raises
    ------
    RequestError
        Pads and Convs cannot do what the bank says, or the package onnx is missing.
    """
    layers = bank.stack.layers
    lost = [
        f"{said} of layer {number}" if len(layers) > 1 else said
        for number, layer in enumerate(layers, 1)
        for said in losses(layer)
    ]
    if lost:
        raise RequestError(
            f"bank {bank.name!r}: ONNX has no place for {', '.join(lost)}; "
            "accepted: what a Pad, a Conv and an activation do; "
            "convert to .yaml, .json, .npz or .safetensors, which hold everything"
        )
    try:
        model = _model(bank)
    except ImportError:
        raise RequestError(
            "onnx: the package that writes these files is missing; install it: pip install 'filterbank[onnx]'"
        ) from None
    encoded: bytes = model.SerializeToString(deterministic=True)
    return encoded


def _model(bank: Bank) -> Any:
    """Return the model: the nodes of every layer, one behind the other, and the metadata."""
    from onnx import TensorProto, helper  # noqa: PLC0415 - an extra

    layers = bank.stack.layers
    nodes, tensors, taken = list[Any](), list[Any](), "image"
    for number, layer in enumerate(layers, 1):
        module = layer_name(number, len(layers))
        given = "maps" if number == len(layers) else f"{module}.maps"
        own, needed = layer_nodes(layer, Names(module or bank.name, taken, given, module))
        nodes, tensors, taken = nodes + own, tensors + needed, given
    shapes: dict[str, list[str | int | None]] = {
        "image": ["N", bank.channels, "H", "W"],
        "maps": ["N", len(bank.filters), "H2", "W2"],
    }
    image, maps = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()
    )
    graph = helper.make_graph(nodes, bank.name, [image], [maps], tensors)
    version = helper.make_opsetid("", max(map(opset, layers)))
    model = helper.make_model(graph, opset_imports=[version], ir_version=IR_VERSION)
    model.producer_name = "filterbank"
    said = with_layers(bank, [_metadata(layer) for layer in layers])
    helper.set_model_props(model, {META_KEY: json.dumps(said, ensure_ascii=False)})
    return model


def _metadata(layer: Layer) -> dict[str, Any]:
    kept = {key: value for key, value in beside_tensors(layer).items() if key not in _IN_GRAPH}
    is_spelled_out = "pads" in attributes(layer) or is_padded(layer)
    return kept | ({"padding": "same"} if is_spelled_out and layer.padding == "same" else {})
