"""``filterbank explain`` through the runner: text, JSON, one output's sum, and refusals."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

import filterbank
from filterbank.cli.explain import _filter_lines
from filterbank.cli.main import cli


def explain(*arguments, code=0):
    result = CliRunner().invoke(cli, ["explain", *map(str, arguments)])
    assert result.exit_code == code, result.output
    # Errors go to the other stream; so does the notice of kernels that are compiled now.
    return result.output if code else result.stdout


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
    assert (
        "fully connected 188,743,680,000, of which 188,740,004,792 zero (99.9981 %) and 3,675,208 tied"
        in text
    )
    assert "sobel_x       6  direct: " in text


def test_json_has_the_contracts_keys():
    told = json.loads(explain("sobel", "--size", "64x48", "--json"))
    assert told["input"] == {"height": 48, "width": 64, "channels": 1}
    assert told["output"] == {"height": 48, "width": 64, "channels": 2}
    dense = told["fully_connected"]
    assert (dense["weights"], dense["biases"]) == (48 * 64 * 48 * 64 * 2, 48 * 64 * 2)
    # A tap to one side meets no pixel in one row or column of outputs.
    met = 2 * 63 * (47 + 48 + 47) + 2 * 47 * (63 + 64 + 63)
    assert (dense["zero"], dense["tied"]) == (dense["weights"] - met, met)
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


def strict(text):
    def refuse(word):
        raise AssertionError(f"{word} is no JSON")

    return json.loads(text, parse_constant=refuse)


MIXED = """
input: {input}
stride: 2
groups: {groups}
filters:
  - {{name: small, kernel: {small}}}
  - {{name: big, kernel: {big}}}
"""


def mixed(folder, input="gray", groups=1, planes=1):
    big = [[[1, 2, 3], [4, 5, 6], [7, 8, 9]]] * planes
    text = MIXED.format(input=input, groups=groups, small=[[[2]]] * planes, big=big)
    (folder / "mixed.yaml").write_text(text)
    return folder / "mixed.yaml"


def test_choosing_filters_changes_only_which_are_listed(tmp_path):
    bank = mixed(tmp_path)
    whole = strict(explain(bank, "--size", "9x6", "--json"))
    some = strict(explain(bank, "--size", "9x6", "--filter", "s*", "--json"))
    assert [entry["name"] for entry in some["filters"]] == ["small"]
    assert some | {"filters": whole["filters"]} == whole
    assert whole["kernel"] == [3, 3]
    text = explain(bank, "--size", "9x6", "--filter", "small")
    assert "3×3 rows × columns" in text
    assert "big" not in text


@pytest.mark.parametrize("name", ["small", "big"])
def test_sum_of_a_chosen_filter_is_the_whole_banks_pixel(tmp_path, gray, name):
    path, image = gray
    bank = mixed(tmp_path)
    expected = filterbank.apply(image, str(bank))[["small", "big"].index(name), 1, 2]
    told = strict(explain(bank, "--image", path, "--at", "2,1", "--filter", name, "--json"))["at"]
    assert told["value"] == pytest.approx(float(expected), abs=1e-5)
    assert len(told["terms"]) == 9


def test_sum_of_a_filter_in_a_group_names_the_groups_channels(tmp_path):
    image = np.random.default_rng(3).random((4, 6, 9)).astype(np.float32)
    np.save(tmp_path / "image.npy", image)
    bank = mixed(tmp_path, input=4, groups=2, planes=2)
    at = ("--at", "1,2", "--filter", "big", "--json")
    told = strict(explain(bank, "--image", tmp_path / "image.npy", *at))
    assert told["groups"] == 2
    assert {term["channel"] for term in told["at"]["terms"]} == {2, 3}
    assert told["at"]["value"] == pytest.approx(float(filterbank.apply(image, str(bank))[1, 2, 1]), rel=1e-5)


def test_sums_of_every_channel_say_which_it_is(tmp_path):
    image = np.random.default_rng(2).random((3, 6, 9)).astype(np.float32)
    np.save(tmp_path / "colour.npy", image)
    bank = mixed(tmp_path, input="each")
    arguments = (bank, "--image", tmp_path / "colour.npy", "--at", "2,1", "--filter", "big")
    maps = filterbank.apply(image, str(bank))
    blocks = strict(explain(*arguments, "--json"))["at"]
    assert [block["channel"] for block in blocks] == [0, 1, 2]
    assert [block["value"] for block in blocks] == pytest.approx(maps[1, :, 1, 2].tolist(), rel=1e-5)
    titles = [line for line in explain(*arguments).splitlines() if " at x " in line]
    assert titles == [f"big at x 2, y 1, channel {channel} of 3" for channel in (1, 2, 3)]


def test_what_is_not_finite_is_null_in_json_and_a_word_in_text(tmp_path):
    image = np.zeros((5, 5), np.float32)
    image[2, 2], image[2, 3] = np.nan, np.inf
    np.save(tmp_path / "holes.npy", image)
    (tmp_path / "mean.yaml").write_text(
        "filters: [{name: mean, kernel: [[1, 1, 1], [1, 1, 1], [1, 1, 1]]}]\n"
    )
    for x, word in ((1, "nan"), (4, "inf")):
        arguments = (tmp_path / "mean.yaml", "--image", tmp_path / "holes.npy", "--at", f"{x},2")
        told = strict(explain(*arguments, "--json"))["at"]
        assert [told["sum"], told["value"]] == [None, None]
        assert [term["pixel"] for term in told["terms"]].count(None) == 1
        assert [term["product"] for term in told["terms"]].count(None) == 1
        assert explain(*arguments).splitlines()[-2].split() == ["sum", word]


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


def test_run_adds_measured_times():
    told = json.loads(explain("laws-25", "--size", "64x48", "--run", "--json"))["measured"]
    assert told.keys() == {"plan", "direct", "separable", "winograd", "fft"}
    assert all(ms > 0 for ms in told.values())
    assert " ms, one thread" in explain("sobel", "--size", "64x48", "--run")


def test_a_reason_that_filters_share_stands_once():
    lines = explain("lms", "--size", "64x48").splitlines()
    told = json.loads(explain("lms", "--size", "64x48", "--json"))["filters"]
    assert len(told) == 48
    assert all(each["reason"] for each in told)
    reasons = {f"{each['method']}: {each['reason']}" for each in told}
    text = "\n".join(lines)
    assert [text.count(reason) for reason in reasons] == [1] * len(reasons)


@pytest.mark.parametrize(
    ("methods", "ends"),
    [
        (["fft: a", "fft: a"], ["fft: a", "fft: a"]),
        ([f"fft: {each}" for each in "abcde"], [f"fft: {each}" for each in "abcde"]),
        (["fft: a"] * 5, [*["fft"] * 5, "5 by fft: a"]),
        (
            ["fft: a", "fft: b", *["fft: a"] * 3],
            ["fft [1]", "fft [2]", *["fft [1]"] * 3, "[1] 4 by fft: a", "[2] 1 by fft: b"],
        ),
    ],
)
def test_reasons_are_numbered_where_they_differ(methods, ends):
    filters = [
        {"name": f"f{index}", "taps": 9, "method": method, "reason": reason}
        for index, (method, reason) in enumerate(each.split(": ") for each in methods)
    ]
    starts = [f"f{index}           9  " for index in range(len(filters))] + [""] * 2
    expected = [start + end for start, end in zip(starts, ends, strict=False)]
    assert _filter_lines(filters) == ["filter    taps  method", *expected]
