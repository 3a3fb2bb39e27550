"""Signals: docs/signals.md is true to the digit, and matrices of channels are read as they are said to be."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from running import filterbank

import filterbank as package
from filterbank.errors import ImageError, RequestError

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "signals.md").read_text("utf-8")
FILES = dict(re.findall(r"`([a-z]+\.(?:csv|yaml))`[^`]*?\n\n```(?:csv|yaml)\n(.*?)```", PAGE, re.S))
RUNS = [
    run
    for block in re.findall(r"```console\n(.*?)```", PAGE, re.S)
    for run in re.findall(r"^\$ filterbank ([^\n]+)\n((?:(?!\$ ).*\n)*)", block, re.M)
]

BOTH = np.array([[1, 2, 4, 8], [10, 20, 40, 80]], float)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def test_the_page_has_its_files_and_runs():
    assert sorted(FILES) == ["both.yaml", "rise.yaml", "signal.csv", "twice.yaml", "two.csv"]
    assert len(RUNS) == 10


@pytest.mark.parametrize(("arguments", "printed"), RUNS, ids=[run[0] for run in RUNS])
def test_every_run_of_the_page_prints_what_it_says(arguments, printed, folder):
    assert filterbank(*shlex.split(arguments)).out.decode() == printed


@pytest.mark.parametrize(
    ("layout", "array"),
    [("cw", BOTH), ("wc", BOTH.T), ("wc", np.asfortranarray(BOTH.T)), ("cw", BOTH.astype(np.float32))],
)
def test_channels_of_an_npy(layout, array, folder):
    np.save("two.npy", array)
    np.savetxt("again.tsv", array, delimiter="\t")
    for name in ("two.npy", "again.tsv"):
        ended = filterbank("apply", name, "-b", "both.yaml", "--layout", layout, "--format", "csv", "-o", "-")
        assert ended.out == b"20.0,41.0,82.0,4.0\n"
    assert package.apply(array, "both.yaml", layout=layout.upper()).tolist() == [[[20, 41, 82, 4]]]
    told = filterbank("explain", "both.yaml", "--image", "two.npy", "--layout", layout, "--at", "1,0").out
    assert "sum            41" in told.decode()


def test_codes_of_a_signal_are_scaled_as_pictures_are(folder):
    array = np.array([[0, 51, 255], [255, 0, 0]], np.uint8)
    found = package.apply(array, "both.yaml", layout="CW")
    np.testing.assert_allclose(found, [[[0, 0, 0.2]]], atol=1e-7)


@pytest.mark.parametrize("layout", ["cw", "wc"])
def test_one_dimension_is_one_channel_whatever_the_layout(layout, folder):
    np.save("signal.npy", np.array([3.0, 0, 1, 4, 2, 6, 5, 1]))
    arguments = ("-b", "rise.yaml", "--layout", layout, "--format", "csv", "-o", "-")
    assert filterbank("apply", "signal.npy", *arguments).out == b"-2.0,4.0,1.0,2.0,3.0,-5.0\n"


def test_channels_of_a_signal_have_no_colour(folder):
    np.save("three.npy", np.ones((3, 9)))
    ended = filterbank("apply", "three.npy", "-b", "rise.yaml", "--layout", "cw", "-o", "maps", code=1)
    assert "three.npy: has 3 channels (of no known colour); accepted for input gray" in ended.err


def test_a_matrix_that_may_be_a_signal_is_told_so(folder):
    ended = filterbank("apply", "two.csv", "-b", "both.yaml", "-o", "maps", code=1)
    assert ended.err.startswith(
        "filterbank: two.csv: has 1 channel (grey); accepted: 2 channels, as the bank's input says; "
        "if its 2 columns are the channels of a signal, read it with --layout wc\n"
    )
    np.save("two.npy", BOTH)
    ended = filterbank("apply", "two.npy", "-b", "both.yaml", "-o", "maps", code=1)
    assert "if its 2 rows are the channels of a signal, read it with --layout cw\n" in ended.err


def test_an_image_is_no_signal(folder):
    np.save("image.npy", np.ones((3, 4, 5)))
    ended = filterbank("apply", "image.npy", "-b", "rise.yaml", "--layout", "wc", "-o", "maps", code=1)
    said = (
        "image.npy: has 3 dimensions (3, 4, 5); accepted with --layout wc: (W, C) or (W,); leave --layout out"
    )
    assert said in ended.err
    with pytest.raises(ImageError, match="has 3 dimensions"):
        package.apply(np.ones((3, 4, 5)), "rise.yaml", layout="CW")
    with pytest.raises(RequestError, match="found 'WHC'; accepted: CHW, HWC, CW, WC"):
        package.apply(np.ones(9), "rise.yaml", layout="WHC")


def test_csv_maps_are_the_same_floats(folder):
    image = np.random.default_rng(0).normal(size=(5, 7)).astype(np.float32) * 10.0 ** np.arange(-20, 15, 5)
    image[2, 3] = np.nan
    np.save("image.npy", image)
    filterbank("apply", "image.npy", "-b", "identity", "-b", "sobel", "-o", "maps", "--format", "csv")
    read = np.loadtxt("maps/image/identity/identity.csv", delimiter=",", dtype=np.float32)
    np.testing.assert_array_equal(read, image.astype(np.float32))
    np.testing.assert_array_equal(
        np.loadtxt("maps/image/sobel/sobel_x.csv", delimiter=",", dtype=np.float32),
        package.apply(image, "sobel")[0],
    )
    filterbank(
        "apply", "maps/image/identity/identity.csv", "-b", "identity", "-o", "again", "--format", "npy"
    )
    np.testing.assert_array_equal(np.load("again/identity/identity.npy"), read)


def test_what_a_csv_cannot_hold(folder):
    np.save("colour.npy", np.ones((3, 4, 5)))
    ended = filterbank("apply", "colour.npy", "-b", "identity", "-o", "maps", "--format", "csv", code=1)
    assert "--format csv: a map of 3 channels; accepted: 1 channel; use --format tiff or npy" in ended.err
    arguments = ("signal.csv", "-b", "rise.yaml", "-o", "maps", "--format", "csv", "--stack")
    ended = filterbank("apply", *arguments, code=2)
    assert "--stack with --format csv: a csv holds one map; accepted: npy, tiff, wav, png, png16" in ended.err
