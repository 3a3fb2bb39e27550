import json

import pytest
from click.testing import CliRunner

from filterbank import bankfile
from filterbank.cli.banks import command
from filterbank.errors import BankError, RequestError


def run(*arguments):
    return CliRunner().invoke(command, [str(each) for each in arguments])


def test_the_table_has_a_line_for_every_bank():
    result = run()
    assert result.exit_code == 0
    head, *lines = result.output.splitlines()
    assert head.split() == ["NAME", "K", "F", "C", "USE", "SOURCE"]
    kins = [line for line in lines if line.isupper() and not line[-1].isdigit()]
    assert kins == [kin.upper() for kin in bankfile.KINS]
    rows = [line for line in lines if line and line not in kins]
    assert sorted(line.split()[0] for line in rows) == bankfile.shipped()
    for title in ("USE", "SOURCE"):
        at = head.index(title)
        assert all(line[at - 1] == " " and line[at] != " " for line in rows)
    (sobel,) = (line for line in rows if line.startswith("sobel "))
    assert sobel.split(maxsplit=4)[:4] == ["sobel", "2", "3×3", "1"]
    assert "Smoothed first derivatives in x and y  " in sobel
    assert sobel.endswith("  Sobel and Feldman, 1968; Pingle, 1969")
    assert any(line.split()[:2] == ["mr8", "38→8"] for line in rows)


def test_every_shipped_bank_has_one_kin():
    assert sorted(name for names in bankfile.KINS.values() for name in names) == bankfile.shipped()


def test_one_in_full():
    result = run("sobel")
    assert result.exit_code == 0
    assert "sobel_x  1/8 ×\n    -1   0   1\n    -2   0   2\n    -1   0   1\n" in result.output
    assert "shape       2 filters of 3×3×1" in result.output
    assert bankfile.load("sobel").digest in result.output


def test_rows_longer_than_the_terminal_are_told_in_a_line(monkeypatch):
    whole = run("mr8").output
    assert max(map(len, whole.splitlines())) > 600
    monkeypatch.setattr("filterbank.cli.banks._room", lambda: 80)
    output = run("mr8").output
    assert "\nedge_1_000        49×49  from -0.0" in output
    assert ", sum 0\n" in output
    assert "\ngaussian_10       49×49  from -0.0005027 to 0.001493, sum 0\n" in output
    assert "`filterbank show mr8 -o FILE` draws the filters" in output
    assert max(map(len, output.splitlines())) <= 100
    assert "-1   0   1\n" in run("sobel").output


def test_channels_and_common_factors():
    assert "yellow_blue  1/4 ×\n    channels   1   1  -2\n" in run("opponent").output
    assert "L5E5  0.0377964 ×\n     -1   -2    0    2    1\n" in run("laws-25").output
    assert "gradient_1\n     0.35355       0.5   0.35355\n" in run("frei-chen").output


def test_settings_of_a_file_are_told(tmp_path):
    path = tmp_path / "bank.yaml"
    path.write_text(
        "groups: 2\nmean: [0.5, 0.25]\nstd: 2\nstride: [2, 1]\npadding: [0, 1]\npadding_mode: constant\n"
        "padding_value: 3\nactivation: {leaky_relu: {slope: 0.1}}\n"
        "filters: [{name: a, kernel: [[[1, 2]]], bias: 0.5}, {name: b, kernel: [[0, 0]]}]\n"
    )
    output = run(path).output
    for line in (
        "  stride      [2, 1]\n  padding     [0, 1, 0, 1], constant 3\n",
        "  activation  leaky_relu(slope 0.1)\n  groups      2\n  mean, std   [0.5, 0.25], 2\n",
        "\na  bias 0.5\n    1  2\n",
        "\nb\n    0  0\n",
    ):
        assert line in output


def test_json():
    told = json.loads(run("--json").output)
    assert [bank["name"] for bank in told] == bankfile.shipped()
    sobel = json.loads(run("sobel", "--json").output)
    assert sobel["filters"][0] == {
        "name": "sobel_x",
        "bias": 0.0,
        "weights": [[[-0.125, 0.0, 0.125], [-0.25, 0.0, 0.25], [-0.125, 0.0, 0.125]]],
    }
    assert (sobel["kernel"], sobel["channels"], sobel["padding"]) == ([3, 3], 1, "same")


def test_what_is_not_there(tmp_path):
    result = run("sobl")
    assert isinstance(result.exception, RequestError)
    assert "did you mean 'sobel'?" in str(result.exception)
    path = tmp_path / "bank.yaml"
    path.write_text("stride: 0\nfilters: []\n")
    with pytest.raises(BankError, match="stride: found 0"):
        raise run(path).exception
