"""The command ``convert`` and weights files as ``--bank``, as a user has them."""

import json

import numpy as np
import pytest
from running import filterbank, noise, save

from filterbank import bankfile

MAPS = ["one.yaml", "two.json", "three.npz", "four.safetensors", "five.onnx", "six.yml"]


def test_a_bank_goes_through_every_format(tmp_path, monkeypatch):
    pytest.importorskip("onnx")
    monkeypatch.chdir(tmp_path)
    bank = "name: mine\nstride: [2, 1]\npadding: [1, 0, 0, 2]\nactivation: {leaky_relu: {slope: 0.1}}\n"
    bank += "filters:\n- {name: a, kernel: [[1, -2], [0.1, 3]], scale: 1/3, bias: 0.7}\n"
    bank += "- {name: b, kernel: [1, 2, 3]}\n"
    (tmp_path / "zero.yaml").write_text(bank)
    for source, target in zip(["zero.yaml", *MAPS], MAPS, strict=False):
        ended = filterbank("convert", source, target)
        assert ended.err == f"filterbank: {target}: 2 filters of 2×3×1, bank mine\n"
        assert bankfile.load(target).digest == bankfile.load("zero.yaml").digest
    assert filterbank("convert", "six.yml", "-").out == (tmp_path / "six.yml").read_bytes()
    assert json.loads(filterbank("convert", "five.onnx", "-", "--to", "json").out)["stride"] == [2, 1]


def test_combined_maps_go_along_and_onnx_refuses_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for source, target in (("mr4", "a.npz"), ("a.npz", "b.safetensors"), ("b.safetensors", "c.yaml")):
        ended = filterbank("convert", source, target)
        assert ended.err == f"filterbank: {target}: 14 filters of 49×49×1, 4 maps, bank mr4\n"
    assert bankfile.load("c.yaml").digest == bankfile.load("mr4").digest
    ended = filterbank("convert", "c.yaml", "d.onnx", code=2)
    assert (
        "no place for combine; accepted: what a Pad, a Conv and an activation do; convert to .yaml"
        in ended.err
    )


def test_what_is_there_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    filterbank("convert", "[[1, 2]]", "a.yaml", "--quiet")
    before = (tmp_path / "a.yaml").read_bytes()
    assert b"name: a\n" in before
    ended = filterbank("convert", "[[3]]", "a.yaml", code=2)
    assert "a.yaml: exists already; use --on-exists overwrite or skip" in ended.err
    filterbank("convert", "[[3]]", "a.yaml", "--on-exists", "skip")
    assert (tmp_path / "a.yaml").read_bytes() == before
    filterbank("convert", "[[3]]", "a.yaml", "--on-exists", "overwrite")
    assert bankfile.load(tmp_path / "a.yaml").layer.weights.tolist() == [[[[3]]]]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("sobel", "a.txt"), "a.txt: found no known ending; accepted: .yaml, .yml, .json, .npz"),
        (("mr8", "a.onnx"), "bank 'mr8': ONNX has no place for combine; accepted: what a Pad"),
        (("sobel", "-", "--to", "npz"), "standard output takes texts; accepted: yaml, json; name a file"),
        (("sobl", "a.yaml"), "no such file and no shipped bank of that name"),
        (("net.pth", "a.yaml"), "a pickle, which can run any code"),
        (("[[1, 2], [3]]", "a.yaml"), "SRC:1:10: row 2 has 1 number"),
        (("sobel", "gone/a.yaml"), "gone/a.yaml"),
        (("", "a.yaml"), "found an empty text"),
    ],
)
def test_mistakes(tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    assert said in filterbank("convert", *arguments, code=2).err
    assert list(tmp_path.iterdir()) == []


def test_a_weights_file_is_a_bank(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pixels = save("in.png", noise(9, 12))
    weights = np.array([[[[0.0, 0.5, 0.25]]], [[[1, 0, 0]]]])
    np.savez("net.npz", **{"conv1.weight": weights, "fc.weight": np.ones((3, 3, 1, 1))})
    filterbank("apply", "in.png", "-b", "net.npz#conv1", "-o", "maps", "--format", "npy")
    found = np.load("maps/in/f0.npy")
    np.testing.assert_allclose(found[:, :-1], pixels[:, :-1] / 2 + pixels[:, 1:] / 4, rtol=1e-6)
    ended = filterbank("apply", "in.png", "-b", "net.npz", "-o", "more", code=2)
    assert "write FILE#NAME with one of 'conv1.weight' (float64 2×1×1×3), 'fc.weight'" in ended.err
    assert b"found a .pt file, a pickle" in filterbank("check", "net.pt", code=2).out
