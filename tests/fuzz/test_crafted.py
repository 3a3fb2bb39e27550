"""Inputs that no chance finds: thousands of digits, sizes that overflow, names that no file has."""

from __future__ import annotations

import pytest
from fuzz.targets import SOBEL, TARGETS

from filterbank import bankfile
from filterbank.bankfile.writing import encode

LONG = b"9" * 5000  # more digits than int() takes
MATRIX = b"\x04%YAML:1.0\n---\ne: !!opencv-matrix\n"
ONE = b"\nfilters: [{name: a, kernel: [[1]]}]"
SOUND = b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x01\0" + b"\xff" * 12 + b"\x10\0data\xff\xff\xff\xff"

CASES = {
    "words": [LONG, LONG + b"x" + LONG, LONG + b"/1", LONG + b":" + LONG, "\u0663x\u0663".encode(), b"4\x1d"],
    "foreign": [
        MATRIX + b"   rows: " + LONG + b"\n   cols: 2\n   dt: f\n   data: [ 1., 2. ]\n",
        MATRIX + b"   rows: 1\n   cols: 2\n   dt: " + LONG + b"f\n   data: [ 1., 2. ]\n",
        MATRIX + b"   sizes: [ 4294967296, 4294967296, 2, 1 ]\n   dt: f\n   data: [ ]\n",
        MATRIX + b"   sizes: [ 536870912, 536870912, 64, 1 ]\n   dt: f\n   data: [ 1., 2. ]\n",
        b"\x06" + LONG + b"x" + LONG + b": 1,2",
        b"\x06TITLE x\nMATRIX " + LONG + b"\n1 1\n",
        b"\x06TITLE x\nMATRIX 999999999999999\n1 1\n",
        b"\x02" + LONG + b" " + LONG + b"\n1 2\n",
    ],
    "argument": [b"[[" + LONG + b"]]", b"(" + LONG + b";1)", b"[" * 300_000, b"(" + b";1" * 100_000 + b")"],
    "yaml": [
        b"filters: [{name: a, kernel: [[1/" + b"0" * 5000 + b"1]]}]",
        b"filters: [{name: a, kernel: [[0x" + LONG + b"]]}]",
        b"stride: " + LONG + ONE,
        b'weights: {file: "a\\0b.npz", tensor: x}',
        b'weights: {file: "' + b"a/" * 5000 + b'b.npz", tensor: x}',
        b'layers: [{bank: "a\\0b.yaml"}]',
        b"filters: [{gabor: {size: 999999999999}}]",
        b"filters: [{gabor: {size: 31, orientations: 1000000000}}]",
        b"filters: [{gaussian: {sigma: 1e300}}]",
        b"filters: [{random: {size: 9999, filters: 99999}}]",
    ],
    "json": [b'{"stride":' + LONG + b',"filters":[{"name":"a","kernel":[[1]]}]}', b"[" * 300_000],
    "override": [b"padding=" + LONG, b"padding=[1," + LONG + b"]", b"dilation=99999999999999999999"],
    "image-pgm": [b"P5 " + LONG + b" 3 255\n", b"P2 3 1 255\n1 " + LONG + b" 2"],
    "image-csv": [LONG + b",1\n", b"1," * 100_000],
    "image-wav": [SOUND],
    "template": [b"{dir}/" + LONG, b"{stem.__class__}", b"{0}", b"{stem!r:>99999999999}", b"{stem:{ext}}"],
}


@pytest.mark.parametrize(("name", "data"), [(name, data) for name, all_ in CASES.items() for data in all_])
def test_crafted(name: str, data: bytes) -> None:
    TARGETS[name](data)


@pytest.mark.parametrize("location", ["a\0b", "/etc/passwd", "../x", ""])
def test_tensors_of_a_model_that_lie_nowhere_near_it(location: str) -> None:
    onnx = pytest.importorskip("onnx")
    plain = bankfile.override(SOBEL, {"padding_mode": "zeros"})
    model = onnx.ModelProto.FromString(encode(plain, "onnx"))
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    TARGETS["onnx"](model.SerializeToString())
