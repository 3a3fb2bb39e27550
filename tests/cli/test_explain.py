"""``filterbank explain`` through the runner: text, JSON, one output's sum, and refusals."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

import filterbank
from filterbank.cli.main import cli


def explain(*arguments, code=0):
    result = CliRunner().invoke(cli, ["explain", *map(str, arguments)])
    assert result.exit_code == code, result.output
    return result.output


@pytest.fixture
def gray(tmp_path):
    image = np.random.default_rng(0).random((6, 9)).astype(np.float32)
    np.save(tmp_path / "gray.npy", image)
    return tmp_path / "gray.npy", image


def test_the_digest_is_the_banks_whatever_is_chosen():
    digest = filterbank.load_bank("sobel").digest
    assert f"digest           {digest}\n" in explain("sobel", "--size", "9x9")
    assert json.loads(explain("sobel", "--size", "9x9", "--filter", "*_x", "--json"))["digest"] == digest


def test_text_tells_shapes_and_counts():
    text = explain("sobel", "--size", "640x480")
    assert "640×480×1  (W1×H1×C)" in text
    assert "640×480×2  (W2×H2×K)" in text
    assert "W2 = ⌊(640 + 1 + 1 − 1·(3−1) − 1)/1⌋ + 1 = 640" in text
    assert "18 = 2·1·3·3; fully connected 188,743,680,000" in text
    assert "sobel_x       6  direct: " in text


def test_json_has_the_contracts_keys():
    told = json.loads(explain("sobel", "--size", "64x48", "--json"))
    assert told["input"] == {"height": 48, "width": 64, "channels": 1}
    assert told["output"] == {"height": 48, "width": 64, "channels": 2}
    assert told["fully_connected"] == {"weights": 48 * 64 * 48 * 64 * 2, "biases": 48 * 64 * 2}
    assert {"weights", "biases", "receptive_field", "multiply_adds", "memory", "filters"} <= told.keys()
    assert [set(entry) >= {"name", "method", "reason"} for entry in told["filters"]] == [True, True]


def test_sum_at_a_place_is_the_maps_pixel(gray):
    path, image = gray
    maps = filterbank.apply(image, "sobel")
    told = json.loads(explain("sobel", "--image", path, "--at", "8,2", "--filter", "sobel_y", "--json"))["at"]
    assert told["filter"] == "sobel_y"
    assert told["value"] == pytest.approx(float(maps[1, 2, 8]), abs=1e-6)
    assert sum(term["product"] for term in told["terms"]) == pytest.approx(told["sum"])
    assert sum(term["padding"] for term in told["terms"]) == 3


def test_sum_as_text_ends_with_bias_sum_and_activation(gray):
    lines = explain("sobel", "--image", gray[0], "--at", "0,0", "--filter", "sobel_x").splitlines()
    assert lines[0] == "sobel_x at x 0, y 0"
    assert len(lines) == 2 + 9 + 3
    assert lines[2].endswith("padding")
    assert [line.split()[0] for line in lines[-3:]] == ["bias", "sum", "identity"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "give --size WxH or --image FILE"),
        (("--size", "640"), "found '640'; accepted: WIDTHxHEIGHT"),
        (("--size", "0x480"), "found '0x480'"),
        (("--size", "9x9", "--at", "1,1"), "--at needs --image"),
        (("--size", "9x9", "--at", "1"), "found '1'; accepted: X,Y"),
    ],
)
def test_bad_requests_are_usage_errors(arguments, message):
    assert message in explain("sobel", *arguments, code=2)


def test_place_outside_the_map_says_what_is_inside(gray, capsys):
    result = CliRunner().invoke(cli, ["explain", "sobel", "--image", str(gray[0]), "--at", "9,0"])
    assert "X from 0 to 8, Y from 0 to 5" in str(result.exception)
