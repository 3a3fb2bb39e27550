"""A bank's settings as the keys of a bank file: those that are not what holds without them."""

from __future__ import annotations

import math
from typing import Any

from filterbank.model import ACTIVATIONS, Activation, Bank, Combination, Layer


def of_bank(bank: Bank) -> dict[str, Any]:
    """Return the keys that are not a layer's."""
    said: dict[str, Any] = {"name": bank.name, "description": bank.description, "source": bank.source}
    return {key: text for key, text in said.items() if text} | {"input": bank.input}


def of_layer(layer: Layer) -> dict[str, Any]:
    """Return the keys of a layer besides its filters."""
    usual = Layer(layer.filters)
    values = {
        "stride": _pair(layer.stride),
        "padding": layer.padding if isinstance(layer.padding, str) else list(layer.padding),
        "padding_mode": layer.padding_mode,
        "padding_value": _numbers(layer.padding_value),
        "dilation": _pair(layer.dilation),
        "groups": layer.groups,
        "activation": _activation(layer.activation),
        "mean": _numbers(layer.mean),
        "std": _numbers(layer.std),
        "combine": [_combination(each) for each in layer.combine],
    }
    return {key: value for key, value in values.items() if getattr(layer, key) != getattr(usual, key)}


def beside_tensors(layer: Layer) -> dict[str, Any]:
    """Return the keys of a layer besides its tensors: for its filters their names, and sizes that differ.

    >>> from filterbank.bankfile import load
    >>> beside_tensors(load("sobel").layer)
    {'padding_mode': 'replicate', 'names': ['sobel_x', 'sobel_y']}
    """
    said = of_layer(layer) | {"names": list(layer.names)}
    sizes = [list(each.weights.shape[1:]) for each in layer.filters]
    return said | ({"sizes": sizes} if any(size != list(layer.kernel) for size in sizes) else {})


def with_layers(bank: Bank, layers: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the keys of *bank* with those of its *layers*: under ``layers`` where they are several."""
    return of_bank(bank) | (layers[0] if len(layers) == 1 else {"layers": layers})


def layer_name(number: int, count: int) -> str:
    """Return what the tensors and the node of layer *number* of *count* are called; nothing for the only one.

    >>> layer_name(1, 1), layer_name(2, 3)
    ('', 'layer2')
    """
    return f"layer{number}" if count > 1 else ""


def plain(number: float) -> int | float:
    """Return *number* as an integer where that is shorter and the same 64 bits.

    >>> plain(2.0), plain(-0.0), plain(0.5)
    (2, -0.0, 0.5)
    """
    is_short = abs(number) < 1e15 and number == int(number) and (number != 0 or math.copysign(1, number) > 0)
    return int(number) if is_short else number


def _pair(values: tuple[int, int]) -> int | list[int]:
    return values[0] if values[0] == values[1] else list(values)


def _numbers(values: tuple[float, ...]) -> Any:
    return plain(values[0]) if len(values) == 1 else [plain(value) for value in values]


def _combination(each: Combination) -> dict[str, Any]:
    said = {"name": each.name, each.operation: list(each.filters)}
    return said | ({"window": each.window} if each.window else {})


def _activation(activation: Activation) -> Any:
    """Return an activation as a file spells it, its parameters where they are not the usual ones."""
    given = dict(zip(ACTIVATIONS[activation.name], activation.parameters, strict=True))
    if given == ACTIVATIONS[activation.name]:
        return activation.name
    return {activation.name: {key: plain(value) for key, value in given.items()}}
