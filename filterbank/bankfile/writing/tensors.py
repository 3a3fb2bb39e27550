"""A bank as tensors: weight (K, C/groups, F, F) and bias (K,) in float64, and its settings beside them."""

from __future__ import annotations

import io
import json
import struct

import numpy as np

from filterbank.bankfile.weights.safetensors import TEXTS
from filterbank.bankfile.writing.settings import for_tensors, one_layer
from filterbank.model import Bank


def to_npz(bank: Bank) -> bytes:
    """Return *bank* as npz: weight, bias, and the settings as a JSON text called meta."""
    layer = one_layer(bank)
    stream = io.BytesIO()
    meta = np.array(json.dumps(for_tensors(bank), ensure_ascii=False))
    np.savez(stream, weight=layer.weights, bias=layer.biases, meta=meta)
    return stream.getvalue()


def to_safetensors(bank: Bank) -> bytes:
    """Return *bank* as safetensors, its settings as strings in the metadata."""
    layer = one_layer(bank)
    tensors = {"weight": layer.weights.astype("<f8"), "bias": layer.biases.astype("<f8")}
    said = for_tensors(bank)
    header: dict[str, object] = {
        "__metadata__": {
            key: value if key in TEXTS else json.dumps(value, ensure_ascii=False)
            for key, value in said.items()
        }
    }
    at = 0
    for name, values in tensors.items():
        header[name] = {"dtype": "F64", "shape": values.shape, "data_offsets": [at, at + values.nbytes]}
        at += values.nbytes
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # readers that map the file want the numbers aligned
    return b"".join([struct.pack("<Q", len(text)), text, *(values.tobytes() for values in tensors.values())])
