"""``filterbank show``: a picture whole or not at all, and no surprise for an existing one."""

import io
import subprocess
import sys

import pytest
from click.testing import CliRunner
from PIL import Image

from filterbank import load_bank
from filterbank.cli.main import cli
from filterbank.errors import BankError, OutputError, RequestError
from filterbank.report import draw_sheet

BANK = "filters:\n- {name: a, kernel: [[-1, 0, 1]]}\n- {name: b, kernel: [[9, 0, -9]]}\n"


@pytest.fixture
def bank(tmp_path):
    path = tmp_path / "bank.yaml"
    path.write_text(BANK)
    return path


def show(*arguments):
    return CliRunner().invoke(cli, ["show", *map(str, arguments)])


def test_the_sheet_is_written(bank, tmp_path):
    result = show(bank, "-o", tmp_path / "sheet.png")
    assert result.exit_code == 0
    assert result.output == f"filterbank: {tmp_path}/sheet.png: 2 filters of bank\n"
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.format == "PNG" and sheet.mode == "RGB"
        assert sheet.tobytes() == draw_sheet(load_bank(bank)).tobytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bank.yaml", "sheet.png"]


def test_an_existing_sheet_is_kept(bank, tmp_path):
    path = tmp_path / "sheet.png"
    path.write_bytes(b"precious")
    result = show(bank, "-o", path)
    assert isinstance(result.exception, RequestError)
    assert str(result.exception) == (
        f"{path}: exists already; use --on-exists overwrite or skip, or another name"
    )
    assert show(bank, "-o", path, "--on-exists", "skip").exit_code == 0
    assert path.read_bytes() == b"precious"
    assert show(bank, "-o", path, "--on-exists", "overwrite", "--quiet").output == ""
    assert path.read_bytes().startswith(b"\x89PNG")


def test_scale_and_filter_change_the_picture(bank, tmp_path):
    pictures = set()
    for index, extra in enumerate(([], ["--scale", "filter"], ["--filter", "b"])):
        assert show(bank, "-o", tmp_path / f"{index}.png", *extra).exit_code == 0
        pictures.add((tmp_path / f"{index}.png").read_bytes())
    assert len(pictures) == 3


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (["-o", "sheet.jpg"], RequestError, r"-o sheet\.jpg: found a name ending in \.jpg; accepted: \.png"),
        (["-o", "no/such/folder/sheet.png"], OutputError, "cannot be written: No such file"),
        (["-o", "x.png", "--filter", "zebra"], RequestError, "zebra"),
    ],
)
def test_wrong_requests(bank, tmp_path, monkeypatch, arguments, error, message):
    monkeypatch.chdir(tmp_path)
    result = show(bank, *arguments)
    assert isinstance(result.exception, error)
    with pytest.raises(error, match=message):
        raise result.exception
    assert [path.name for path in tmp_path.iterdir()] == ["bank.yaml"]


def test_a_bad_bank_leaves_no_picture(tmp_path):
    (tmp_path / "bad.yaml").write_text("filters: []\n")
    result = show(tmp_path / "bad.yaml", "-o", tmp_path / "sheet.png")
    assert isinstance(result.exception, BankError)
    assert not (tmp_path / "sheet.png").exists()


def test_the_picture_goes_down_a_pipe(bank, tmp_path):
    ran = subprocess.run(
        [sys.executable, "-m", "filterbank", "show", str(bank), "-o", "-"], capture_output=True, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, b"")
    with Image.open(io.BytesIO(ran.stdout)) as sheet:
        sheet.load()
        assert sheet.width > 500


def test_the_spectra_are_written(bank, tmp_path):
    result = show(bank, "-o", tmp_path / "sheet.png", "--spectrum", "--filter", "b")
    assert result.exit_code == 0
    assert result.output == f"filterbank: {tmp_path}/sheet.png: 1 filter of bank\n"
    assert show(bank, "-o", tmp_path / "plain.png", "--filter", "b").exit_code == 0
    assert (tmp_path / "sheet.png").read_bytes() != (tmp_path / "plain.png").read_bytes()
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.format == "PNG" and sheet.mode == "RGB"
