"""A bank as tensors: weight (K, C/groups, F, F) and bias (K,) in float64, and its settings beside them.

A stack has them for every layer: layer1.weight, layer1.bias, layer2.weight and so on.
"""

from __future__ import annotations

import io
import json
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filterbank.bankfile.weights.safetensors import TEXTS
from filterbank.bankfile.writing.settings import beside_tensors, layer_name, with_layers
from filterbank.model import Bank


def to_npz(bank: Bank) -> bytes:
    """Return *bank* as npz: weights, biases, and the settings as a JSON text called meta."""
    stream = io.BytesIO()
    meta = np.array(json.dumps(_meta(bank), ensure_ascii=False))
    np.savez(stream, **_tensors(bank), meta=meta)  # type: ignore[arg-type]
    return stream.getvalue()


def to_safetensors(bank: Bank) -> bytes:
    """Return *bank* as safetensors, its settings as strings in the metadata."""
    tensors = {name: values.astype("<f8") for name, values in _tensors(bank).items()}
    header: dict[str, object] = {
        "__metadata__": {
            key: value if key in TEXTS else json.dumps(value, ensure_ascii=False)
            for key, value in _meta(bank).items()
        }
    }
    at = 0
    for name, values in tensors.items():
        header[name] = {"dtype": "F64", "shape": values.shape, "data_offsets": [at, at + values.nbytes]}
        at += values.nbytes
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # readers that map the file want the numbers aligned
    return b"".join([struct.pack("<Q", len(text)), text, *(values.tobytes() for values in tensors.values())])


def _tensors(bank: Bank) -> dict[str, NDArray[np.float64]]:
    """Return weights and biases of every layer by their names."""
    tensors, count = {}, len(bank.stack.layers)
    for number, layer in enumerate(bank.stack.layers, 1):
        module = layer_name(number, count)
        for name, values in (("weight", layer.weights), ("bias", layer.biases)):
            tensors[f"{module}.{name}".removeprefix(".")] = values
    return tensors


def _meta(bank: Bank) -> dict[str, Any]:
    return with_layers(bank, [beside_tensors(layer) for layer in bank.stack.layers])
