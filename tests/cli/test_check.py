import json

from click.testing import CliRunner

from filterbank import bankfile
from filterbank.cli.check import command


def run(*arguments):
    return CliRunner().invoke(command, [str(each) for each in arguments])


def test_good_banks():
    result = run("--strict", "sobel", "kirsch")
    assert result.exit_code == 0
    digests = [bankfile.load(name).digest[:12] for name in ("sobel", "kirsch")]
    assert result.output == (
        f"sobel: ok, 2 filters 3×3×1, digest {digests[0]}\nkirsch: ok, 8 filters 3×3×1, digest {digests[1]}\n"
    )


def test_every_shipped_bank_is_clean_strictly():
    assert run("--strict", *bankfile.shipped()).exit_code == 0


def test_faults_are_all_told_and_the_next_bank_is_read_all_the_same(tmp_path):
    path = tmp_path / "bank.yaml"
    path.write_text("stride: 0\nfilters: []\n")
    result = run(path, "nosuch", "sobel")
    assert result.exit_code == 2
    lines = result.output.splitlines()
    assert lines[0] == f"{path}:1:9: stride: found 0; accepted: a whole number 1 to 65535, or [rows, columns]"
    assert lines[1].startswith(f"{path}:2:10: filters: found an empty list;")
    assert lines[2] == f"{path}: 2 faults"
    assert lines[3].startswith("nosuch: no such file and no shipped bank of that name; accepted: a path")
    assert lines[4] == "nosuch: 1 fault"
    assert lines[5].startswith("sobel: ok")


def test_warnings_are_told_and_fail_only_strictly(tmp_path):
    path = tmp_path / "bank.yaml"
    path.write_text("filters: [{name: a, kernel: [-1, 0, 1]}]\n")
    for arguments, code in (((), 0), (("--strict",), 2)):
        result = run(*arguments, path)
        assert result.exit_code == code
        assert f"{path}:1:29: warning: filter 'a': the kernel is not symmetric" in result.output
        assert result.output.endswith(", 1 warning\n")


def test_json_is_one_object_a_bank(tmp_path):
    path = tmp_path / "bank.yaml"
    path.write_text("stride: 0\nfilters: []\n")
    result = run("--json", path, "sobel")
    assert result.exit_code == 2
    bad, good = map(json.loads, result.output.splitlines())
    assert (bad["bank"], bad["ok"], bad["digest"], len(bad["faults"])) == (str(path), False, None, 2)
    assert bad["faults"][0]["line"] == 1
    assert bad["faults"][0]["column"] == 9
    assert bad["faults"][0]["message"].startswith(f"{path}:1:9: stride: found 0")
    assert (good["ok"], good["faults"], good["warnings"]) == (True, [], [])
    assert good["digest"] == bankfile.load("sobel").digest


def test_json_repeats_no_words_of_its_keys(tmp_path):
    path = tmp_path / "bank.yaml"
    path.write_text("stride: 0\nfilters: []\n")
    missing, bad = map(json.loads, run("--json", "nosuch", path).output.splitlines())
    (fault,) = missing["faults"]
    assert (fault["path"], fault["line"]) == ("nosuch", 0)
    assert fault["found"] == "no such file and no shipped bank of that name"
    assert fault["accepted"] == "a path or a shipped bank"
    assert fault["hint"] == "`filterbank banks` lists them"
    assert fault["message"].startswith(
        "nosuch: no such file and no shipped bank of that name; accepted: a path"
    )
    assert bad["faults"][0]["found"] == "0"
    assert bad["faults"][0]["accepted"] == "a whole number 1 to 65535, or [rows, columns]"


def test_a_folder_is_told_under_its_own_path(tmp_path):
    (fault,) = json.loads(run("--json", tmp_path).output)["faults"]
    assert (fault["path"], fault["found"], fault["accepted"]) == (str(tmp_path), "a folder", "a bank file")
    assert fault["message"].startswith(f"{tmp_path}: found a folder; accepted: a bank file; name one file")


def test_a_bank_must_be_named():
    result = run()
    assert result.exit_code == 2
    assert "Missing argument 'BANK...'" in result.output
