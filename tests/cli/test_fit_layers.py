"""``fit --layers`` as a user has it: the bank, its picture, progress, and what does not go together."""

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from fit.explicit import layer
from PIL import Image
from running import filterbank, noise, save

from filterbank import bankfile
from filterbank.cli.fitting import Line

NET = """
input: gray
layers:
  - {activation: relu, padding_mode: replicate, filters: [{random: {size: 3, filters: 4}}]}
  - {filters: [{random: {size: 1, channels: 4, filters: 1}}]}
"""
FIT = "fit", "--input", "a.png", "--target", "b.png", "--layers", "net.yaml"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("net.yaml").write_text(NET)
    image = noise(60, 80)
    save("a.png", image)
    edges = layer(image[None] / 255, np.array([[[[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]]]) / 8, [0])
    save("b.png", np.rint(np.abs(edges[0]) * 255).astype(np.uint8))


def test_a_stack_is_trained_and_drawn():
    words = "--random-start", "--steps", "60", "--crop", "16", "--picture", "net.png", "-o", "found.yaml"
    ended = filterbank(*FIT, *words)
    last = ended.err.splitlines()[-1]
    assert last.startswith("filterbank: found.yaml: 2 layers of 1 to 4 to 1 channels, 45 unknowns, from 4,")
    assert "held out RMS 0.0" in last
    assert last.endswith("; 60 steps")
    assert ended.out == b""
    checked = bankfile.check("found.yaml")
    assert (checked.faults, len(checked.bank.stack.layers)) == ((), 2)
    assert checked.bank.description == "Fitted: " + last.removeprefix("filterbank: found.yaml: ")
    assert "--layers net.yaml --random-start --steps 60" in checked.bank.source
    first = checked.bank.stack.layers[0]
    assert (first.activation.name, first.padding_mode, first.names[0]) == ("relu", "replicate", "random_0")
    with Image.open("net.png") as picture:
        assert picture.height > 1000
        assert np.ptp(np.asarray(picture), axis=(0, 1)).min() > 100
    filterbank("apply", "a.png", "-b", "found.yaml", "-o", "maps", "--format", "npy", "--quiet")
    missed = np.load("maps/a/random_0.npy") - np.asarray(Image.open("b.png")) / 255
    assert np.sqrt(np.mean(missed**2)) < 0.06


def test_the_same_seed_is_the_same_bank():
    for name, seed in (("one", 3), ("two", 3), ("other", 4)):
        filterbank(*FIT, "--random-start", "--seed", seed, "--steps", "5", "-o", f"{name}.yaml", "--quiet")
    found = {name: bankfile.load(f"{name}.yaml").stack.layers[0].weights for name in ("one", "two", "other")}
    assert np.array_equal(found["one"], found["two"])
    assert not np.array_equal(found["one"], found["other"])


@pytest.mark.parametrize("name", ["x.json", "x.npz", "x.onnx"])
def test_every_format_holds_what_was_trained(name):
    for out in ("x.yaml", name):
        filterbank(*FIT, "--random-start", "--steps", "3", "-o", out, "--quiet")
    layers = [bankfile.load(out).stack.layers for out in ("x.yaml", name)]
    for ours, theirs in zip(*layers, strict=True):
        assert np.array_equal(ours.weights, theirs.weights)
        assert np.array_equal(ours.biases, theirs.biases)


def test_what_a_format_cannot_hold_is_told_before_the_work(monkeypatch):
    monkeypatch.setattr("filterbank.fit.stacks.learn_stack", None)
    Path("net.yaml").write_text(NET.replace("padding_mode: replicate", "mean: 0.5, padding_mode: replicate"))
    ended = filterbank(*FIT, "-o", "x.onnx", code=2)
    assert "bank 'net': ONNX has no place for mean" in ended.err


def test_training_goes_on_from_a_bank():
    errors = []
    for start, name in (("net.yaml", "one.yaml"), ("one.yaml", "two.yaml")):
        ended = filterbank(*FIT[:-1], start, "--steps", "20", "--crop", "16", "-o", name)
        errors.append(float(ended.err.rpartition("outputs: RMS ")[2].split()[0]))
    assert errors[1] < errors[0]


def test_one_layer_is_drawn_too():
    words = "--size", "3", "--picture", "sheet.png", "-o", "one.yaml", "--quiet"
    filterbank(*FIT[:5], *words)
    filterbank("show", "one.yaml", "-o", "shown.png")
    assert Path("sheet.png").read_bytes() == Path("shown.png").read_bytes()
    ended = filterbank(*FIT[:5], "--size", "3", "--picture", "sheet.png", "-o", "other.yaml", code=2)
    assert "sheet.png: exists already" in ended.err
    assert not Path("other.yaml").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--size 3", "--size: has no effect with --layers: the bank says it; accepted: without it; leave"),
        ("--stride 2", "--stride: has no effect with --layers: the bank says it"),
        ("--as gray", "--as: has no effect with --layers: the bank says it"),
        ("--init sobel", "--init: has no effect with --layers"),
        ("--layers gone.yaml", "bank 'gone.yaml': no such file"),
        ("--layers mr8", "--layers mr8: found combine, which is not trained; accepted: filters alone"),
        ("--layers sobel", "a.png and b.png: found 1 channel of targets, the last layer has 2 filters"),
        ("--target a.png", "found 2 channels of targets, the last layer has 1 filter; accepted: as many"),
        ("--picture x.jpg", "-o x.jpg: found a name ending in .jpg; accepted: .png"),
        ("--steps 0", "Invalid value for '--steps'"),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_told(options, said):
    ended = filterbank(*FIT, "-o", "found.yaml", *options.split(), code=2)
    assert said in ended.err
    assert not Path("found.yaml").exists()


@pytest.mark.parametrize("option", ["--random-start", "--steps 5", "--batch 2", "--crop 9", "--patience 2"])
@pytest.mark.parametrize("way", ["--size 3 --target b.png", "--size 3 --learn pca", "--target b.png"])
def test_what_only_layers_have_is_told(option, way):
    words = [*option.split(), *way.split(), "-o", "found.yaml"]
    ended = filterbank("fit", "--input", "a.png", *words, code=2)
    effect = "has no effect with --learn" if "learn" in way else "has no effect without --layers"
    assert f"{option.split()[0]}: {effect}; accepted: with --layers; leave it out" in ended.err


def test_without_layers_a_size_is_needed():
    assert "Missing option '--size'" in filterbank(*FIT[:5], "-o", "x.yaml", code=2).err
    learning = "--learn", "pca", "--layers", "net.yaml", "--size", "3", "-o", "x.yaml"
    assert "--learn" in filterbank("fit", "--input", "a.png", *learning, code=2).err


@pytest.mark.parametrize(("way", "is_imported"), [("--size 3", False), ("--layers net.yaml --steps 1", True)])
def test_only_training_imports_numba(way, is_imported):
    filterbank(
        "apply", "a.png", "-b", "identity", "-o", "warm", "--quiet"
    )  # kernels, where there are none yet
    program = "import sys; from filterbank.cli.main import cli; cli(sys.argv[1:], standalone_mode=False)"
    words = [*FIT[:5], *way.split(), "-o", "x.yaml", "--quiet"]
    run = [sys.executable, "-c", program + "; print('numba' in sys.modules)", *words]
    ended = subprocess.run(run, capture_output=True, text=True, check=True)
    assert ended.stdout == f"{is_imported}\n"


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_is_drawn_on_a_terminal_alone(monkeypatch):
    for stream, enabled, drawn in (
        (Terminal(), True, "\r\x1b[Kstep 7: RMS 0.5, held out 0.1, 16 crops\r\x1b[K"),
        (Terminal(), False, ""),
        (io.StringIO(), True, ""),
    ):
        monkeypatch.setattr(sys, "stderr", stream)
        line = Line(enabled=enabled)
        line.tell(7, 0.25, 0.01, 16)
        line.tell(8, 0.25, 0.01, 16)  # too soon
        line.clear()
        assert stream.getvalue() == drawn
