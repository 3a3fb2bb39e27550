"""``filterbank decode``: floats beside or in a folder, refusals before any work, bad maps named."""

import subprocess
import sys

import numpy as np
import pytest
import tifffile
from click.testing import CliRunner

from filterbank.cli.main import cli
from filterbank.errors import RequestError
from filterbank.imagefile import encode, tone
from filterbank.imagefile.maptext import MapText, from_json
from filterbank.imagefile.tone import TOP16, Scale

VALUES = np.random.default_rng(0).normal(size=(6, 5)).astype(np.float32)
SCALE = Scale(-4.0, 4.0, TOP16, 32768)
CODES, _ = tone.to_codes(VALUES, SCALE)
BACK = tone.to_values(CODES, SCALE)


def decode(*arguments, code=0):
    result = CliRunner().invoke(cli, ["decode", *map(str, arguments)])
    assert result.exit_code == code, (result.output, result.exception)
    return result.output


def refused(*arguments):
    result = CliRunner().invoke(cli, ["decode", *map(str, arguments)])
    assert isinstance(result.exception, RequestError)  # main() prints it and exits 2
    return str(result.exception)


def write(path, codes=CODES, alpha=None):
    path.parent.mkdir(exist_ok=True)
    with path.open("wb") as stream:
        encode.write_png(codes, MapText("x", "b", "d", SCALE), stream, alpha)
    return path


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_floats_beside_the_map(tmp_path):
    told = decode(write(tmp_path / "a.png"))
    assert told == "filterbank: 1 map decoded\n"
    assert files(tmp_path) == ["a.npy", "a.png"]
    assert np.array_equal(np.load(tmp_path / "a.npy"), BACK)


def test_floats_in_a_folder_as_tiff(tmp_path):
    maps = [write(tmp_path / "a.png"), write(tmp_path / "b.png", np.stack([CODES] * 3))]
    told = decode(*maps, "-o", tmp_path / "new" / "floats", "--format", "tiff")
    assert told == "filterbank: 2 maps decoded\n"
    assert files(tmp_path / "new") == ["floats/a.tiff", "floats/b.tiff"]
    with tifffile.TiffFile(tmp_path / "new/floats/a.tiff") as file:
        assert np.array_equal(file.pages[0].asarray(), BACK)
        assert from_json(file.pages[0].description) == MapText("x", "b", "d")
    assert np.array_equal(tifffile.imread(tmp_path / "new/floats/b.tiff"), np.dstack([BACK] * 3))


@pytest.mark.parametrize("format", ["npy", "tiff"])
def test_alpha_is_the_last_channel(tmp_path, format):
    decode(write(tmp_path / "a.png", alpha=np.ones((6, 5), np.float32)), "--format", format)
    if format == "npy":
        planes = np.load(tmp_path / "a.npy")
    else:
        planes = np.moveaxis(tifffile.imread(tmp_path / "a.tiff"), 2, 0)
    assert np.array_equal(planes, np.stack([BACK, np.ones((6, 5))]))


@pytest.mark.parametrize("format", ["npy", "tiff"])
def test_a_stack_stays_a_stack(tmp_path, format):
    with (tmp_path / "s.tif").open("wb") as stream, encode.TiffStack(stream, 1000) as stack:
        for _ in range(2):
            stack.write(CODES, MapText("x", scale=SCALE))
    decode(tmp_path / "s.tif", "--format", format)
    name = tmp_path / f"s.{format}"
    assert np.array_equal(np.load(name) if format == "npy" else tifffile.imread(name), [BACK, BACK])


def test_a_bad_map_is_named_and_the_rest_goes_on(tmp_path):
    good = write(tmp_path / "good.png")
    (tmp_path / "bad.png").write_bytes(good.read_bytes()[:-40])
    told = decode(tmp_path / "bad.png", tmp_path / "gone.png", good, code=1)
    assert f"filterbank: {tmp_path}/bad.png: " in told
    assert f"filterbank: {tmp_path}/gone.png: cannot be read: No such file" in told
    assert told.endswith("filterbank: 1 map decoded, 2 failed\n")
    assert files(tmp_path) == ["bad.png", "good.npy", "good.png"]


def test_existing_floats(tmp_path):
    first, second = write(tmp_path / "a.png"), write(tmp_path / "b.png")
    (tmp_path / "b.npy").write_bytes(b"precious")
    assert f"{tmp_path}/b.npy exists already; use --on-exists" in refused(first, second)
    assert not (tmp_path / "a.npy").exists()
    assert decode(first, second, "--on-exists", "skip") == "filterbank: 1 map decoded, 1 skipped\n"
    assert (tmp_path / "b.npy").read_bytes() == b"precious"
    decode(first, second, "--on-exists", "overwrite", "--quiet")
    assert np.array_equal(np.load(tmp_path / "b.npy"), BACK)


def test_two_maps_to_one_file(tmp_path):
    maps = write(tmp_path / "a" / "x.png"), write(tmp_path / "b" / "x.png")
    assert "b/x.png and " in (told := refused(*maps, "-o", tmp_path / "out"))
    assert "would share the file" in told
    assert not (tmp_path / "out").exists()


def test_floats_never_replace_their_map(tmp_path):
    np.save(tmp_path / "a.npy", VALUES.astype(np.float64))
    assert "its floats would replace it" in refused(tmp_path / "a.npy", "--on-exists", "overwrite")
    decode(tmp_path / "a.npy", "-o", tmp_path / "out")
    assert np.load(tmp_path / "out" / "a.npy").dtype == np.float32


def test_no_map_is_a_wrong_request():
    assert "Missing argument 'MAP...'" in decode(code=2)
    assert "Invalid value for '--format'" in decode("a.png", "--format", "jpeg", code=2)


def test_the_process_says_no_without_a_traceback(tmp_path):
    write(tmp_path / "a.png")
    (tmp_path / "a.npy").touch()
    ran = subprocess.run(
        [sys.executable, "-m", "filterbank", "decode", "a.png"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == (
        "filterbank: a.npy exists already; use --on-exists skip or overwrite, or another folder\n"
    )
