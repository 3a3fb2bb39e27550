"""The key ``weights`` of a bank file: what it reads, and its faults beside all others."""

import jsonschema
import numpy as np
import pytest

from filterbank import bankfile

W = np.random.default_rng(6).normal(size=(2, 3, 3, 3))


@pytest.fixture
def check(tmp_path):
    (tmp_path / "banks").mkdir()
    np.savez(tmp_path / "net.npz", **{"c.weight": W, "c.bias": [1, 2], "d.weight": W[:, :1], "other": [3, 4]})
    np.save(tmp_path / "banks" / "hwio.npy", W.transpose(2, 3, 1, 0))

    def check(text):
        path = tmp_path / "banks" / "bank.yaml"
        path.write_text(text)
        checked = bankfile.check(path)
        return checked.bank, [
            str(fault).removeprefix(f"{path}:") for fault in checked.faults + checked.warnings
        ]

    return check


def test_the_path_starts_at_the_banks_folder_and_settings_are_the_banks(check):
    bank, said = check("stride: 2\nactivation: relu\nweights: {file: ../net.npz, tensor: c.weight}\n")
    assert said == []
    assert np.array_equal(bank.layer.weights, W)
    assert (bank.name, bank.input, bank.layer.stride, bank.layer.names) == (
        "bank",
        "rgb",
        (2, 2),
        ("f0", "f1"),
    )
    assert bank.layer.biases.tolist() == [1, 2]


def test_a_module_stands_for_its_weights(check):
    bank, _ = check("weights: {file: ../net.npz, tensor: c}\n")
    assert np.array_equal(bank.layer.weights, W)


@pytest.mark.parametrize(
    ("more", "biases"), [("", [1, 2]), (", bias: none", [0, 0]), (", bias: other", [3, 4])]
)
def test_biases(check, more, biases):
    bank, _ = check(f"weights: {{file: ../net.npz, tensor: c.weight{more}}}\n")
    assert bank.layer.biases.tolist() == biases


def test_layout_names_and_what_every_filter_goes_through(check):
    text = "operation: convolution\nnormalize: l1\nweights: {file: hwio.npy, layout: HWIO, names: [a, b]}\n"
    bank, said = check(text)
    assert said == []
    assert bank.layer.names == ("a", "b")
    expected = W[:, :, ::-1, ::-1] / np.abs(W).sum((1, 2, 3), keepdims=True)
    np.testing.assert_allclose(bank.layer.weights, expected, rtol=1e-14)


def test_combine_takes_the_names_of_the_file_or_of_names(check):
    text = "weights: {{file: ../net.npz, tensor: c.weight{}}}\ncombine:\n  - {{name: m, maximum: [{}]}}\n"
    bank, said = check(text.format("", "f0, f1"))
    assert said == []
    assert (bank.layer.maps, bank.layer.combine[0].filters) == (("m",), ("f0", "f1"))
    _, said = check(text.format(", names: [a, b]", "f0"))
    assert said == ["3:25: combine 'm': maximum: 'f0' matches no filter; accepted: a, b"]
    _, said = check("normalize: none\n" + text.format(", names: [a, b]", "b"))
    assert said == ["4:3: combine: 1 filter of no entry: a; pass their maps on with keep, or remove them"]


def test_groups(check):
    bank, _ = check("groups: 2\nweights: {file: ../net.npz, tensor: d.weight}\n")
    assert (bank.input, bank.layer.channels) == (2, 2)


CASES = {
    "weights: 7": ["1:10: weights: found 7; accepted: a mapping with file"],
    "weights: {}": ["1:10: weights: key 'file' is missing"],
    "weights: {file: gone.npz}": ["1:17: weights: file 'gone.npz': there is no file"],
    "weights: {file: a.pth}": ["1:17: weights: file 'a.pth': found a .pth file, a pickle"],
    "weights: {file: bank.yaml}": ["1:17: weights: file 'bank.yaml': found a file ending in '.yaml'"],
    "weights: {file: ../net.npz}": [
        "1:17: weights: tensor: found 2 tensors; accepted: one named; name one of 'c.w"
    ],
    "weights: {file: ../net.npz, tensor: c.wieght}": ["1:37: weights: tensor: found no tensor 'c.wieght'"],
    "weights: {file: ../net.npz, tensor: c.weight, bias: d.weight}": [
        "1:53: weights: bias: tensor 'd.weight' is 2×1×3"
    ],
    "weights: {file: ../net.npz, tensor: c.weight, layout: OIW}": [
        "1:55: weights: layout: tensor 'c.weight' is 2×3×3×3"
    ],
    "weights: {file: hwio.npy}": ["1:17: weights: tensor: tensor 'hwio' is 3×3×3×2, which could be HWIO"],
    "weights: {file: ../net.npz, tensor: c.weight, names: [a, A]}": [
        "1:58: weights: names: the name 'A' is taken"
    ],
    "weights: {file: ../net.npz, tensor: c.weight, names: [a]}": [
        "1:54: weights: names: found 1 names for 2 filters"
    ],
    "input: gray\nweights: {file: ../net.npz, tensor: c.weight}": ["2:17: weights: found a depth of 3"],
    "stride: 0\nweights: {file: gone.npz, tensr: a}\nfilters: [{name: a, kernel: [[x]]}]": [
        "1:9: stride: found 0",
        "2:17: weights: file 'gone.npz': there is no file",
        "2:27: weights: unknown key 'tensr'",
        "3:1: found filters and weights together; accepted: one of the two",
        "3:31: filter 'a': kernel, row 1, number 1: found the text 'x'",
    ],
}


@pytest.mark.parametrize("text", CASES)
def test_faults_stand_at_their_place_beside_the_others(check, text):
    _, said = check(text + "\n")
    assert len(said) == len(CASES[text])
    for found, expected in zip(said, CASES[text], strict=True):
        assert found.startswith(expected)


def test_the_schema_knows_the_key():
    schema = jsonschema.Draft202012Validator(bankfile.json_schema())
    assert schema.is_valid({"weights": {"file": "a.npz", "layout": "HWIO", "names": ["a"]}})
    assert not schema.is_valid({"weights": {"tensor": "a"}})
    assert not schema.is_valid({"weights": {"file": "a.npz"}, "filters": [{"name": "a", "kernel": [1]}]})
