"""The digest that names a bank's content everywhere."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from filterbank.model import Bank, Filter, Layer


def digest(bank: Bank) -> str:
    """Return the SHA-256 of what *bank* computes, as 64 hexadecimal digits.

    It covers the input, every layer's settings, and the filters' names, weights and biases after all
    that is done to them on reading. Layout, comments, the bank's name and description do not count,
    and spellings of the same padding or mean are one.
    """
    content = {"input": bank.input, "layers": [_layer(layer) for layer in bank.stack.layers]}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _layer(layer: Layer) -> dict[str, Any]:
    constant = layer.padding_mode == "constant"
    return {
        "stride": layer.stride,
        "padding": layer.padding,
        "padding_mode": layer.padding_mode,
        "padding_value": _per_channel(layer.padding_value, layer.channels) if constant else None,
        "dilation": layer.dilation,
        "groups": layer.groups,
        "activation": [layer.activation.name, *map(float, layer.activation.parameters)],
        "mean": _per_channel(layer.mean, layer.channels),
        "std": _per_channel(layer.std, layer.channels),
        "filters": [
            [each.name, float(each.bias) + 0.0, each.weights.shape, _weights(each)] for each in layer.filters
        ],
    } | ({"combine": _combinations(layer)} if layer.combine else {})


def _weights(each: Filter) -> str:
    """Return the SHA-256 of a filter's weights; written out as text, large banks take half a second."""
    # Adding 0.0 makes a negative zero a zero.
    return hashlib.sha256((each.weights + 0.0).astype("<f8").tobytes()).hexdigest()


def _combinations(layer: Layer) -> list[Any]:
    """Return the combinations, each with its filters in the layer's order: another one changes no map."""
    place = {name: index for index, name in enumerate(layer.names)}
    return [
        [each.name, each.operation, sorted(each.filters, key=lambda name: place.get(name, -1)), each.window]
        for each in layer.combine
    ]


def _per_channel(values: tuple[float, ...], channels: int) -> list[float]:
    spread = values * channels if len(values) == 1 else values
    return [float(value) + 0.0 for value in spread]
