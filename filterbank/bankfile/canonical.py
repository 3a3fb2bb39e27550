"""The digest that names a bank's content everywhere."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filterbank.model import Bank, Layer


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
            # Adding 0.0 makes a negative zero a zero.
            [each.name, float(each.bias) + 0.0, each.weights.shape, _hashed(each.weights + 0.0)]
            for each in layer.filters
        ],
    }


def _hashed(weights: NDArray[np.float64]) -> str:
    """Return the SHA-256 of the weights' bits; as texts they would take longer than all other reading."""
    return hashlib.sha256(weights.astype("<f8").tobytes()).hexdigest()


def _per_channel(values: tuple[float, ...], channels: int) -> list[float]:
    spread = values * channels if len(values) == 1 else values
    return [float(value) + 0.0 for value in spread]
