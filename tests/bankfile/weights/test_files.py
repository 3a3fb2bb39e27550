"""Weights files of every kind are read bit for bit, and hostile ones end in one clear message."""

import io
import json
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest

from filterbank import bankfile
from filterbank.bankfile.weights.archive import RefusedError
from filterbank.bankfile.weights.layouts import to_oihw
from filterbank.bankfile.weights.opening import open_archive
from filterbank.errors import BankError, RequestError

WEIGHTS = np.random.default_rng(5).normal(size=(4, 3, 5, 5))


def safetensors(entries, data=b"", metadata=None, length=None):
    """The bytes of a safetensors file, its header written by hand."""
    header = json.dumps(({"__metadata__": metadata} if metadata else {}) | entries).encode()
    return struct.pack("<Q", len(header) if length is None else length) + header + data


def one(dtype, array):
    """A file of one tensor called ``conv.weight``."""
    data = array.tobytes()
    entry = {"dtype": dtype, "shape": list(array.shape), "data_offsets": [0, len(data)]}
    return safetensors({"conv.weight": entry}, data)


def bfloat16(array):
    return (array.astype("<f4").view("<u4") >> 16).astype("<u2")


@pytest.mark.parametrize(
    ("dtype", "stored", "values"),
    [
        ("F64", WEIGHTS, WEIGHTS),
        ("F32", WEIGHTS.astype("<f4"), WEIGHTS.astype("<f4")),
        ("F16", WEIGHTS.astype("<f2"), WEIGHTS.astype("<f2")),
        ("BF16", bfloat16(WEIGHTS), (bfloat16(WEIGHTS).astype("<u4") << 16).view("<f4")),
    ],
)
def test_safetensors_of_every_type(tmp_path, dtype, stored, values):
    path = tmp_path / "net.safetensors"
    path.write_bytes(one(dtype, stored))
    assert np.array_equal(bankfile.load(path).layer.weights, values)


def test_bfloat16_by_hand():
    # 1.0 is 0x3F80, -2.5 is 0xC020.
    assert bfloat16(np.array([1.0, -2.5])).tolist() == [0x3F80, 0xC020]


def test_files_of_the_formats_own_library(tmp_path):
    library = pytest.importorskip("safetensors.numpy")
    path = tmp_path / "net.safetensors"
    bias = np.arange(4, dtype="f4")
    library.save_file(
        {"conv.weight": WEIGHTS, "conv.bias": bias}, path, {"stride": "[2, 1]", "activation": "relu"}
    )
    layer = bankfile.load(path).layer
    assert np.array_equal(layer.weights, WEIGHTS)
    assert np.array_equal(layer.biases, bias)
    assert (layer.stride, layer.activation.name) == ((2, 1), "relu")


def test_npz_and_npy(tmp_path):
    meta = {"name": "mine", "padding": 2, "names": ["a", "b", "c", "d"], "input": "rgb"}
    np.savez_compressed(tmp_path / "a.npz", weight=WEIGHTS, bias=np.arange(4), meta=json.dumps(meta))
    bank = bankfile.load(tmp_path / "a.npz")
    assert (bank.name, bank.layer.names, bank.layer.padding) == ("mine", ("a", "b", "c", "d"), (2, 2, 2, 2))
    assert np.array_equal(bank.layer.weights, WEIGHTS)
    assert bank.layer.biases.tolist() == [0, 1, 2, 3]
    np.save(tmp_path / "k.npy", np.asfortranarray(WEIGHTS))
    assert np.array_equal(bankfile.load(tmp_path / "k.npy").layer.weights, WEIGHTS)
    np.save(tmp_path / "plane.npy", [[1, 2], [3, 4]])
    assert bankfile.load(tmp_path / "plane.npy").layer.weights.tolist() == [[[[1, 2], [3, 4]]]]


LAYOUTS = {
    "OIHW": (0, 1, 2, 3),
    "HWIO": (2, 3, 1, 0),
    "OHWI": (0, 2, 3, 1),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(layout):
    weights = np.arange(2 * 3 * 4 * 5.0).reshape(2, 3, 4, 5)
    assert np.array_equal(to_oihw(weights.transpose(LAYOUTS[layout]), layout, "w", False), weights)


@pytest.mark.parametrize(
    ("shape", "layout", "oihw"),
    [
        ((8, 2, 5), "OIW", (8, 2, 1, 5)),
        ((5, 2, 8), "WIO", (8, 2, 1, 5)),
        ((8, 3, 4), "OHW", (8, 1, 3, 4)),
        ((3, 4), "HW", (1, 1, 3, 4)),
        ((8, 1, 7, 7), None, (8, 1, 7, 7)),
        ((7, 7, 1, 8), None, (8, 1, 7, 7)),
        ((8, 7, 7, 1), None, (8, 1, 7, 7)),
    ],
)
def test_layouts_of_signals_and_planes_and_those_that_need_not_be_stated(shape, layout, oihw):
    assert to_oihw(np.zeros(shape), layout, "w", False).shape == oihw


@pytest.mark.parametrize(
    ("shape", "layout", "is_oihw", "said"),
    [
        ((16, 3, 3, 3), None, False, "could be OIHW or OHWI"),
        ((3, 3, 3, 3), None, False, "could be OIHW or HWIO or OHWI"),
        ((8, 3, 3), None, False, "could be OIW or WIO or OWI"),
        ((10, 512), None, True, "two axes, as of a fully connected layer"),
        ((3, 3, 3), "OIHW", False, "is 3×3×3, which is not OIHW; accepted: OIW"),
        ((7,), None, False, "accepted: four axes"),
        ((0, 1, 3, 3), None, True, "is 0×1×3×3"),
    ],
)
def test_layouts_are_not_guessed(shape, layout, is_oihw, said):
    with pytest.raises(RefusedError, match=said):
        to_oihw(np.zeros(shape), layout, "w", is_oihw)


def npy_header(text):
    padded = text.encode().ljust(118) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(padded)) + padded


def npz(members, method=zipfile.ZIP_DEFLATED):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as bundle:
        for name, data in members.items():
            bundle.writestr(name, data)
    return stream.getvalue()


def npy_of(array, **settings):
    stream = io.BytesIO()
    np.save(stream, array, **settings)
    return stream.getvalue()


HUGE = "{'descr': '<f8', 'fortran_order': False, 'shape': (100000, 100000, 3, 3)}"
ENTRY = {"dtype": "F32", "shape": [1, 1, 1, 1], "data_offsets": [0, 4]}
ONES = (1,) * 66
HOSTILE = {
    "deep-shape.safetensors": (
        safetensors({"weight": ENTRY | {"shape": list(ONES)}}, b"0000"),
        "entry of 'weight' is not one",
    ),
    "deep-shape.npz": (
        npz({"weight.npy": npy_header(f"{{'descr': '<f8', 'fortran_order': False, 'shape': {ONES}}}")}),
        "has 66 dimensions; accepted: at most 32",
    ),
    "empty.safetensors": (b"", "the header is cut short: the file has 0 bytes"),
    "short.safetensors": (safetensors({"weight": ENTRY}, b"0000")[:20], "the header is cut short"),
    "long.safetensors": (safetensors({}, length=2**60), "the header is cut short"),
    "text.safetensors": (struct.pack("<Q", 5) + b"hello", "the header is no JSON"),
    "list.safetensors": (struct.pack("<Q", 2) + b"[]", "no JSON object"),
    "deep.safetensors": (struct.pack("<Q", 200_000) + b"[" * 200_000, "the header is no JSON"),
    "entry.safetensors": (safetensors({"weight": 7}), "the header's entry of 'weight' is not one"),
    "shape.safetensors": (
        safetensors({"w": ENTRY | {"shape": [-1, True]}}, b"0000"),
        "entry of 'w' is not one",
    ),
    "beyond.safetensors": (
        safetensors({"w": ENTRY | {"data_offsets": [0, 400]}}, b"0000"),
        "at bytes 0 to 400 of 4",
    ),
    "lie.safetensors": (
        safetensors({"w": ENTRY | {"shape": [9, 9, 9, 9]}}, b"0000"),
        "F32 9×9×9×9 but has 4 bytes",
    ),
    "gigantic.safetensors": (
        safetensors({"w": {"dtype": "F4", "shape": [2**31, 2**31, 3, 3], "data_offsets": [0, 0]}}),
        "accepted: at most 16,777,216 weights",
    ),
    "int.safetensors": (
        one("I32", np.ones((1, 1, 3, 3), "i4")),
        "is I32 1×1×3×3; accepted: F64, F32, F16, BF16",
    ),
    "nan.safetensors": (one("F32", np.full((1, 1, 3, 3), np.nan, "f4")), "holds NaN or infinity"),
    "inf.safetensors": (one("F64", np.full((1, 1, 3, 3), np.inf)), "holds NaN or infinity"),
    "large.safetensors": (one("F64", np.full((1, 1, 3, 3), 1e300)), "beyond float32"),
    "empty.npy": (b"", "has no header of an npy"),
    "magic.npy": (b"\x93NUMPX\x01\x00", "has no header of an npy"),
    "header.npy": (npy_header("{'descr': __import__('os')}"), "has no header of an npy"),
    "gigantic.npy": (npy_header(HUGE), "but has 0 bytes"),
    "cut.npy": (npy_of(WEIGHTS)[:-8], "is float64 4×3×5×5 but has 2,392 bytes; accepted: 2,400 bytes"),
    "objects.npy": (npy_of(np.array([{}, {}]), allow_pickle=True), "holds Python objects, not numbers"),
    "records.npy": (npy_of(np.zeros((3, 3), "f4,i4")), "holds records, not numbers"),
    "complex.npy": (
        npy_of(np.zeros((3, 3), complex)),
        "is complex128 3×3; accepted: floats or whole numbers",
    ),
    "text.npz": (b"hello", "is no whole npz"),
    "cut.npz": (npz({"weight.npy": npy_of(WEIGHTS)})[:-30], "is no whole npz"),
    "gigantic.npz": (npz({"weight.npy": npy_header(HUGE)}), "accepted: at most 16,777,216 weights"),
    "bomb.npz": (
        npz(
            {"weight.npy": npy_header(HUGE.replace("(100000, 100000, 3, 3)", "(1, 1, 3, 3)")) + bytes(10**8)}
        ),
        "does not have the 72 bytes its header says",
    ),
    "meta-bomb.npz": (
        npz(
            {
                "meta.npy": npy_header("{'descr': '<U250000000', 'fortran_order': False, 'shape': ()}")
                + bytes(10**8)
            }
        ),
        "accepted: one text of at most",
    ),
    "short.npz": (npz({"weight.npy": npy_of(WEIGHTS)[:-8]}), "does not have the 2,400 bytes its header says"),
    "lzma.npz": (npz({"weight.npy": npy_of(WEIGHTS)}, zipfile.ZIP_LZMA), "is compressed by method 14"),
    "objects.npz": (npz({"weight.npy": npy_of(np.array([{}]), allow_pickle=True)}), "holds Python objects"),
    "none.npz": (npz({"notes.txt": b"hello"}), "found no tensor that can be weights"),
    "meta.npz": (npz({"weight.npy": npy_of(WEIGHTS), "meta.npy": npy_of("{")}), "meta is no JSON"),
    "unknown.npz": (
        npz({"weight.npy": npy_of(WEIGHTS), "meta.npy": npy_of('{"strid": 2, "padding": -1}')}),
        r"unknown key 'strid'; accepted: .*did you mean 'stride'\?\n.*: padding: found -1",
    ),
    "net.pt": (b"PK", r"(?s)a pickle.*torch.load\('net.pt', weights_only=True\).*'net.safetensors'"),
    "net.bin": (b"PK", "a pickle"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_end_in_a_message_and_little_memory(tmp_path, name):
    data, said = HOSTILE[name]
    path = tmp_path / name
    path.write_bytes(data)
    tracemalloc.start()
    try:
        with pytest.raises(BankError, match=said) as caught:
            bankfile.load(path)
        assert tracemalloc.get_traced_memory()[1] < 40e6
    finally:
        tracemalloc.stop()
    assert str(caught.value).startswith(str(path))


def test_what_is_no_file(tmp_path):
    for name, said in (("gone.npz", "there is no file"), ("folder.npz", "found a folder")):
        (tmp_path / "folder.npz").mkdir(exist_ok=True)
        with pytest.raises(BankError, match=said):
            bankfile.load(tmp_path / name)
    with pytest.raises(RequestError):
        bankfile.load(tmp_path / "weights.dat")
    with pytest.raises(RefusedError, match="found a file ending in"):
        open_archive(tmp_path / "weights.dat")


def test_a_name_picks_one_of_several(tmp_path):
    path = tmp_path / "net.npz"
    np.savez(
        path, **{"a.weight": WEIGHTS, "a.bias": np.ones(4), "b.weight": WEIGHTS * 2, "fc": np.ones((3, 5))}
    )
    assert bankfile.load(f"{path}#a").layer.biases.tolist() == [1] * 4
    bank = bankfile.load(f"{path}#b.weight")
    assert (bank.name, bank.layer.weights[0, 0, 0, 0]) == ("net_b.weight", WEIGHTS[0, 0, 0, 0] * 2)
    for pick, said in {
        "": r"found 2 tensors; .* write FILE#NAME with one of 'a.weight' \(float64 4×3×5×5\), 'b.weight'",
        "#c": "found no tensor 'c'; accepted: 'a.weight' .*, 'a.bias' ",
        "#a.wieght": r"did you mean 'a.weight'\?",
    }.items():
        with pytest.raises(BankError, match=said):
            bankfile.load(f"{path}{pick}")


def test_a_file_whose_name_holds_the_mark_is_a_file(tmp_path):
    np.savez(tmp_path / "net.npz#1.npz", weight=WEIGHTS)
    assert bankfile.load(tmp_path / "net.npz#1.npz").name == "net.npz_1"
