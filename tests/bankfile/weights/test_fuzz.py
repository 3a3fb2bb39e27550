"""Whatever the bytes, a weights file is a bank or a BankError, never anything else."""

import io
import json

import numpy as np
import pytest
from bankfile.weights.test_files import one
from hypothesis import given, settings
from hypothesis import strategies as st

from filterbank import bankfile
from filterbank.bankfile.writing import encode
from filterbank.errors import BankError
from filterbank.model import Bank, Filter, Layer, Stack

pytest.importorskip("onnx")

BANK = bankfile.override(bankfile.load("sobel"), {"padding_mode": "zeros", "activation": "relu"})
STORED = io.BytesIO()
np.save(STORED, BANK.layer.weights)
STACK = Bank("net", Stack((BANK.layer, Layer((Filter("s", np.ones((2, 1, 2))),)), BANK.layer)))
SEEDS = {format: encode(BANK, format) for format in ("npz", "safetensors", "onnx")} | {
    "npy": STORED.getvalue(),
    "stack.npz": encode(STACK, "npz"),
    "stack.safetensors": encode(STACK, "safetensors"),
    "stack.onnx": encode(STACK, "onnx"),
}


def read(data, format, folder):
    path = folder / f"bank.{format}"
    path.write_bytes(data)
    try:
        return bankfile.load(path)
    except BankError as error:
        assert str(error).startswith(str(path))
        return None


@pytest.mark.parametrize("format", SEEDS)
def test_the_seeds_are_read(format, tmp_path):
    bank = read(SEEDS[format], format, tmp_path)
    assert bank.layer.weights.shape == (2, 1, 3, 3)
    assert len(bank.stack.layers) == (3 if format.startswith("stack") else 1)


@pytest.mark.parametrize("format", SEEDS)
@settings(deadline=None, max_examples=300)
@given(data=st.data())
def test_mutated_files(format, data, tmp_path_factory):
    file = bytearray(SEEDS[format])
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(file)))
        end = start + data.draw(st.sampled_from([0, 1, 1, 1, 8, 200]))
        file[start:end] = data.draw(
            st.binary(max_size=3) | st.sampled_from([b"\xff" * 8, b"9", b"-", b"[", b"\0"])
        )
    read(bytes(file), format, tmp_path_factory.getbasetemp())


LAYERS = {f"layer{number}.weight": layer.weights for number, layer in enumerate(STACK.stack.layers, 1)}
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["relu", "clip", "min"]), inner)
    ),
    max_leaves=5,
)
KEYS = [
    *(
        "name",
        "stride",
        "padding",
        "activation",
        "names",
        "sizes",
        "filters",
        "weights",
        "input",
        "groups",
        "mean",
        "layers",
    )
]


@settings(deadline=None, max_examples=300)
@given(meta=st.dictionaries(st.sampled_from(KEYS), VALUES) | VALUES)
def test_any_meta(meta, tmp_path_factory):
    folder = tmp_path_factory.getbasetemp()
    stream = io.BytesIO()
    np.savez(stream, weight=BANK.layer.weights, meta=json.dumps(meta))
    read(stream.getvalue(), "npz", folder)
    np.savez(stream := io.BytesIO(), **LAYERS, meta=json.dumps({"layers": [meta, {}, meta]}))
    read(stream.getvalue(), "npz", folder)
    if isinstance(meta, dict):
        import onnx

        model = onnx.ModelProto.FromString(SEEDS["onnx"])
        del model.metadata_props[:]
        onnx.helper.set_model_props(model, {"filterbank": json.dumps(meta)})
        read(model.SerializeToString(), "onnx", folder)
        model = onnx.ModelProto.FromString(SEEDS["stack.onnx"])
        del model.metadata_props[:]
        onnx.helper.set_model_props(model, {"filterbank": json.dumps({"layers": [{}, meta, meta]} | meta)})
        read(model.SerializeToString(), "onnx", folder)


def test_a_crash_would_be_seen(tmp_path):
    with pytest.raises(AttributeError):
        read(one("F32", None), "safetensors", tmp_path)
