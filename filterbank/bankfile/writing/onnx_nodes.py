"""A layer as ONNX nodes: a Pad where zeros will not do, a Conv and its activation, all in float32."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from filterbank.bankfile.weights.onnx_activations import OPERATORS
from filterbank.bankfile.weights.onnx_padding import MODES, same_pads
from filterbank.model import Layer
from filterbank.record import record

OPSET, OPSET_OF_WRAP, OPSET_OF_GELU = 17, 19, 20
_OPERATOR_OF = {name: (operator, parameters) for operator, (name, parameters) in OPERATORS.items()}


def losses(layer: Layer) -> list[str]:
    """Return what *layer* has that a Pad, a Conv and its activation cannot do.

    >>> from filterbank.bankfile import load, override
    >>> losses(override(load("sobel"), {"padding_mode": "symmetric"}).layer)
    ['padding_mode: symmetric']
    >>> losses(override(load("sobel"), {"padding_mode": "reflect"}).layer)
    []
    """
    lost = []
    if is_padded(layer):
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


def opset(layer: Layer) -> int:
    """Return the oldest version of the operators that *layer* needs."""
    newer = {"gelu": OPSET_OF_GELU}.get(layer.activation.name, OPSET)
    return max(newer, OPSET_OF_WRAP if layer.padding_mode == "circular" else OPSET)


@record(frozen=True)
class Names:
    """What a layer's nodes and values are called: all of them after its *module*, where it has one."""

    node: str
    taken: str
    given: str
    module: str = ""

    def __call__(self, name: str) -> str:
        """Return the name of a value of this layer alone."""
        return f"{self.module}.{name}".removeprefix(".")


def layer_nodes(layer: Layer, names: Names) -> tuple[list[Any], list[Any]]:
    """Return the nodes from ``names.taken`` to ``names.given``, and the tensors they need."""
    from onnx import TensorProto, helper, numpy_helper  # noqa: PLC0415 - an extra

    nodes, tensors = [], []
    for name, values in ((names("weight"), layer.weights), (names("bias"), layer.biases)):
        stored, is_exact = _stored(values)
        tensors.append(numpy_helper.from_array(stored, name if is_exact else f"{name}_float64"))
        if not is_exact:
            # The model then holds every bit and rounds once, as it is loaded; runtimes fold the cast away.
            nodes.append(
                helper.make_node("Cast", [f"{name}_float64"], [name], f"{name}_cast", to=TensorProto.FLOAT)
            )
    taken = names.taken
    if is_padded(layer):
        node, padding = _pad(layer, names)
        nodes.append(node)
        tensors += padding
        taken = node.output[0]
    steps = _activation(layer, names)
    sums = names("sums") if steps else names.given
    inputs = [taken, names("weight"), names("bias")]
    nodes.append(helper.make_node("Conv", inputs, [sums], names.node, **attributes(layer)))
    for operator, inputs, output, given in steps:
        nodes.append(helper.make_node(operator, inputs, [output], **given))
    if layer.activation.name == "clip":
        limits = zip((names("min"), names("max")), layer.activation.parameters, strict=True)
        tensors += [numpy_helper.from_array(np.array(value, np.float32), name) for name, value in limits]
    return nodes, tensors


def _stored(values: NDArray[np.float64]) -> tuple[NDArray[Any], bool]:
    """Return *values* in float32 where that is exact, else as they are, and whether it is."""
    single = values.astype(np.float32)
    is_exact = bool((single == values).all())
    return (single if is_exact else values), is_exact


def is_padded(layer: Layer) -> bool:
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


def _pad(layer: Layer, names: Names) -> tuple[Any, list[Any]]:
    """Return the node that pads what the layer takes, and its tensors."""
    from onnx import helper, numpy_helper  # noqa: PLC0415 - an extra

    top, left, bottom, right = _sides(layer) or []
    values = {names("pads"): np.array([0, 0, top, left, 0, 0, bottom, right], np.int64)}
    if layer.padding_mode == "constant":
        values[names("padding_value")] = np.array(layer.padding_value[0], np.float32)
    inputs, mode = [names.taken, *values], MODES[layer.padding_mode]
    node = helper.make_node("Pad", inputs, [names("padded")], names("pad"), mode=mode)
    return node, [numpy_helper.from_array(value, name) for name, value in values.items()]


def attributes(layer: Layer) -> dict[str, Any]:
    """Return the attributes of the Conv."""
    said = {
        "kernel_shape": list(layer.kernel),
        "strides": list(layer.stride),
        "dilations": list(layer.dilation),
    }
    found: dict[str, Any] = said | {"group": layer.groups}
    pads = same_pads(layer.kernel, layer.stride, layer.dilation)
    if layer.padding == "valid" or is_padded(layer):
        return found | {"auto_pad": "VALID"}
    if layer.padding != "same":
        return found | {"pads": list(layer.padding)}
    # onnxruntime refuses SAME_UPPER with a dilation; at stride 1 the same pads are known beforehand.
    return found | ({"pads": pads} if pads and layer.dilation != (1, 1) else {"auto_pad": "SAME_UPPER"})


def _activation(layer: Layer, names: Names) -> list[tuple[str, list[str], str, dict[str, Any]]]:
    """Return the nodes from the sums to what the layer gives: operator, inputs, output, attributes."""
    sums, maps = names("sums"), names.given
    name, parameters = layer.activation.name, layer.activation.parameters
    if name == "identity":
        return []
    if name == "square":
        return [("Mul", [sums, sums], maps, {})]
    if name == "silu":
        return [("Sigmoid", [sums], names("gate"), {}), ("Mul", [sums, names("gate")], maps, {})]
    if name == "clip":
        return [("Clip", [sums, names("min"), names("max")], maps, {})]
    if name == "gelu":
        return [("Gelu", [sums], maps, {})]
    operator, attributes = _OPERATOR_OF[name]
    return [(operator, [sums], maps, dict(zip(attributes, parameters, strict=True)))]
