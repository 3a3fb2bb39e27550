import json

import pytest

from filterbank import bankfile

YAML = """
# a comment
name: one
filters:
  - name: a
    kernel: [[1, -0.0], [0.5, 1e-3]]
    scale: 1/8
"""
SAME = {
    "layout.yaml": "filters: [{scale: 0.125, name: a, kernel: [[1, 0], [.5, 0.001]]}]",
    "described.yaml": YAML.replace("one", "two") + "description: what else\nsource: here\n",
    "stated.yaml": YAML
    + "input: gray\nstride: [1, 1]\nmean: [0]\npadding_value: 9\nactivation: {identity: {}}\n",
    "turned.yaml": "operation: convolution\nfilters: [{name: a, kernel: [[1e-3, .5], [0, 1]], scale: 1/8}]",
    "bank.json": json.dumps({"filters": [{"name": "a", "kernel": [[1, 0], [0.5, 0.001]], "scale": "1/8"}]}),
}
OTHER = {
    "weight.yaml": YAML.replace("0.5", "0.6"),
    "name.yaml": YAML.replace("name: a", "name: b"),
    "bias.yaml": YAML + "    bias: 1\n",
    "mode.yaml": YAML + "padding_mode: reflect\n",
    "value.yaml": YAML + "padding_mode: constant\npadding_value: 9\n",
    "stride.yaml": YAML + "stride: 2\n",
    "padding.yaml": YAML + "padding: valid\n",
    "dilation.yaml": YAML + "dilation: 2\n",
    "activation.yaml": YAML + "activation: relu\n",
    "mean.yaml": YAML + "mean: 0.5\n",
    "std.yaml": YAML + "std: 0.5\n",
    "input.yaml": YAML + "input: each\n",
    "size.yaml": YAML.replace("[[1, -0.0], [0.5, 1e-3]]", "[[1, 0, 0], [0.5, 1e-3, 0]]"),
    "shape.yaml": YAML.replace("[[1, -0.0], [0.5, 1e-3]]", "[1, 0, 0.5, 1e-3]"),
}


@pytest.fixture
def digest_of(tmp_path):
    def digest(name, text):
        path = tmp_path / name
        path.write_text(text)
        return bankfile.load(path).digest

    return digest


def test_the_digest_is_of_the_content_alone(digest_of):
    first = digest_of("first.yaml", YAML)
    assert len(first) == 64
    assert int(first, 16)
    assert {name: digest_of(name, text) for name, text in SAME.items()} == dict.fromkeys(SAME, first)


def test_whatever_changes_a_map_changes_the_digest(digest_of):
    digests = [digest_of("first.yaml", YAML), *(digest_of(name, text) for name, text in OTHER.items())]
    assert len(set(digests)) == len(digests)


def test_the_digest_of_a_shipped_bank_is_its_function():
    bank = bankfile.load("sobel")
    assert bankfile.digest(bank) == bank.digest
