"""The command ``fit``, as a user has it: files, pairs, what is refused and what is doubted."""

from pathlib import Path

import numpy as np
import pytest
from fit.explicit import layer
from PIL import Image
from running import filterbank, noise, save

from filterbank import bankfile

BLUR = np.array([[[[1, 2, 1], [2, 4, 2], [1, 2, 1]]]]) / 16


def blurred(name, image):
    """Save 8-bit pixels blurred, a border of zeros around them."""
    save(name, np.rint(layer(image[None] / 255, BLUR, [0])[0] * 255).astype(np.uint8))


def made_pair(before="a.png", after="b.png", size=(60, 80), seed=0):
    image = noise(*size, seed=seed)
    save(before, image)
    blurred(after, image)


def test_a_blur_is_found():
    made_pair()
    ended = filterbank("fit", "--input", "a.png", "--target", "b.png", "--size", "3", "-o", "blur.yaml")
    assert ended.err.startswith(
        "filterbank: blur.yaml: 1 filter of 3×3×1 from 4,524 outputs: RMS 0.00114 (PSNR 58.9 dB), held out"
    )
    assert ended.out == b""
    checked = bankfile.check("blur.yaml")
    assert checked.faults == ()
    bank = checked.bank
    assert np.abs(bank.layer.weights - BLUR).max() < 1e-3
    assert (bank.name, bank.layer.names, bank.input) == ("blur", ("b",), "gray")
    assert bank.description.startswith("Fitted: 1 filter of 3×3×1 from 4,524 outputs: RMS 0.00114")
    assert bank.source == "filterbank fit --input a.png --target b.png --size 3 -o blur.yaml"


@pytest.mark.parametrize("name", ["bank.json", "bank.npz", "bank.safetensors", "bank.yml"])
def test_every_format_holds_the_same_bank(name):
    made_pair()
    words = "fit", "--input", "a.png", "--target", "b.png", "--size", "3", "-o"
    filterbank(*words, name)
    out = filterbank(*words, "-", "--quiet")
    assert out.err == ""
    Path("out.yaml").write_bytes(out.out)
    assert bankfile.load(name).digest == bankfile.load("out.yaml").digest


def test_folders_are_paired_by_name():
    for index in range(3):
        made_pair(f"in/x/{index}.png", f"out/x/{index}.png", (20, 20 + index), index)
    ended = filterbank("fit", "--input", "in", "--target", "out", "--size", "3", "-o", "f.yaml")
    assert "1 filter of 3×3×1 from 1,026 outputs of 3 pairs: RMS 0.0011" in ended.err
    Path("out/x/1.png").unlink()
    save("out/x/9.png", noise(9, 9))
    ended = filterbank("fit", "--input", "in", "--target", "out", "--size", "3", "-o", "g.yaml", code=2)
    assert "input without target: in/x/1.png; accepted: files of the same name below both" in ended.err
    Path("in/x/1.png").unlink()
    ended = filterbank("fit", "--input", "in", "--target", "out", "--size", "3", "-o", "g.yaml", code=2)
    assert "target without input: out/x/9.png; accepted" in ended.err
    assert not Path("g.yaml").exists()


def test_targets_and_their_channels_are_filters():
    made_pair()
    save("c.png", noise(60, 80, 3))
    words = "--target", "b.png", "--target", "c.png", "--size", "1", "-o", "f.yaml"
    ended = filterbank("fit", "--input", "a.png", *words)
    assert bankfile.load("f.yaml").layer.names == ("b", "c_r", "c_g", "c_b")
    assert "c_g: only 0% of the target's variance is explained; are the images a pair" in ended.err
    filterbank("fit", "--input", "a.png", "--target-as", "gray", *words, "--on-exists", "overwrite")
    assert bankfile.load("f.yaml").layer.names == ("b", "c")
    filterbank("fit", "--input", "c.png", "--as", "gray", *words, "--on-exists", "overwrite")
    assert bankfile.load("f.yaml").input == "gray"


def test_the_size_is_width_by_height_or_rows_and_columns():
    made_pair()
    for size, kernel in (("5x3", (3, 5)), ("3,5", (3, 5)), ("[3, 5]", (3, 5)), ("4", (4, 4))):
        words = "--target", "b.png", "--size", size, "-o", "f.yaml", "--on-exists", "overwrite"
        filterbank("fit", "--input", "a.png", *words)
        assert bankfile.load("f.yaml").layer.kernel == kernel


def test_a_file_that_is_there_stays():
    made_pair()
    words = "fit", "--input", "a.png", "--target", "b.png", "--size", "3", "-o", "f.yaml"
    Path("f.yaml").write_text("mine")
    assert "f.yaml: exists already" in filterbank(*words, code=2).err
    filterbank(*words, "--on-exists", "skip")
    assert Path("f.yaml").read_text() == "mine"


def grey(name, value, size=(30, 30)):
    Image.fromarray(np.full(size, value, np.uint8)).save(name)


def posed(case):
    """Files that do not determine a filter, or do not belong together."""
    made_pair()
    if case == "constant":
        grey("a.png", 100, (60, 80))
    if case == "stripes":
        save("a.png", np.tile(noise(1, 80), (60, 1)))
    if case == "small":
        made_pair(size=(6, 6))
    if case == "tiny":
        made_pair(size=(2, 2))
    if case == "sizes":
        grey("b.png", 9, (30, 31))
    if case == "not finite":
        np.save("a.npy", np.full((60, 80), np.nan, np.float32))
        Path("a.png").write_bytes(Path("a.npy").read_bytes())
    if case == "alike":
        save("a.png", np.repeat(noise(60, 80)[..., None], 3, axis=2))
    if case == "none":
        Path("a.png").unlink()


@pytest.mark.parametrize(
    ("case", "options", "said"),
    [
        ("constant", "", "filterbank: --size 5×5: the input does not tell 26 unknowns a filter apart: 25 of"),
        ("constant", "", "directions have no contrast (power"),
        ("stripes", "", "20 of its directions have no contrast"),
        ("alike", "", "does not tell 76 unknowns a filter apart: 50 of its directions"),
        ("small", "", "4 outputs count for 26 unknowns a filter; accepted: at least as many; use larger or"),
        ("tiny", "", "no output sees only pixels: the kernel spans more than the image of 2×2 (W×H)"),
        ("sizes", "", "a.png and b.png: the target is 31×30 (W×H), the input 80×60; accepted for stride 1×1: "
         "80×60, or 76×56 without a border; is it the right pair, or --stride?"),
        ("", "--stride 2", "accepted for stride 2×2: 40×30, or 38×28 without a border"),
        ("", "--padding valid", "the input 80×60; accepted for stride 1×1: 76×56; is it"),
        ("", "--padding 1", "accepted for stride 1×1: 78×58"),
        ("", "--padding-mode reflect", "--padding-mode: has no effect without --padding"),
        ("", "--padding same --padding-value 1", "--padding-value: has no effect with padding mode zeros"),
        ("", "--activation rellu", "--activation: found the text 'rellu'; accepted: identity, relu"),
        ("", "--activation abs", "--activation: abs hides the sign: filters fitted without it are no"),
        ("", "--init sobel", "--init: has no effect without an activation: least squares need no start"),
        ("", "--activation relu --init sobel", "--init sobel: found 2×1×3×3; accepted: one"),
        ("", "--activation relu --init gone.yaml", "gone.yaml"),
        ("", "--stride 0", "--stride: found 0; accepted: a whole number"),
        ("", "--as each --target c.png", "c.png: found 3 channels, a.png has 1; accepted with --as each"),
        ("", "--as 2", "a.png: has 1 channel (grey); accepted: 2 channels"),
        ("", "--as grey", "found 'grey'; accepted: gray, rgb, rgba, each, or a number of channels; write"),
        ("", "--target-as each", "found 'each'; accepted: gray, rgb, rgba, or a number of channels"),
        ("", "--size 0", "found '0'; accepted: a number such as 5, WIDTHxHEIGHT such as 7x3, or rows"),
        ("", "--size 99", "found 99×99 weights over 1 channels, 9,802 unknowns a filter; accepted: at most"),
        ("", "--l2 -1", "Invalid value for '--l2': -1.0 is not in the range x>=0"),
        ("", "-o x.txt", "found a name ending in .txt; accepted: .yaml or .yml or .json"),
        ("", "--target -", "-: fit reads no standard input; accepted: files and folders"),
        ("none", "", "a.png"),
        ("not finite", "", "found NaN or infinity among the values; accepted: finite numbers"),
    ],
)  # fmt: skip
def test_what_cannot_be_fitted_is_told(case, options, said):
    posed(case)
    save("c.png", noise(60, 80, 3))
    words = ["fit", "--input", "a.png", "--target", "b.png", "--size", "5", "-o", "bank.yaml"]
    ended = filterbank(*words, *options.split(), code=2)
    assert said in ended.err
    assert "Traceback" not in ended.err
    assert not Path("bank.yaml").exists()


def test_what_is_doubtful_is_told():
    made_pair()
    words = "--size", "3", "-o", "f.yaml", "--on-exists", "overwrite"
    clear = filterbank("fit", "--input", "a.png", "--target", "b.png", *words)
    assert "warning" not in clear.err
    save("c.png", np.clip(noise(60, 80, seed=0).astype(int) * 2 - 120, 0, 255).astype(np.uint8))
    clipped = filterbank("fit", "--input", "a.png", "--target", "c.png", *words)
    assert "warning: 50.8% of the outputs have a target of 0 or 1, perhaps clipped; --ignore" in clipped.err
    left = filterbank("fit", "--input", "a.png", "--target", "c.png", "--ignore-clipped", *words)
    assert "warning" not in left.err
    assert bankfile.load("f.yaml").layer.weights[0, 0, 1, 1] == pytest.approx(2, abs=0.01)
    made_pair("e.png", "f.png", size=(9, 10))
    few = filterbank("fit", "--input", "e.png", "--target", "f.png", "--size", "5", *words[2:])
    assert "warning: only 30 outputs for 26 unknowns a filter: the error says little; use larger" in few.err
    save("d.png", noise(60, 80, seed=7))
    unlike = filterbank("fit", "--input", "a.png", "--target", "d.png", *words)
    assert "warning: d: only 0% of the target's variance is explained" in unlike.err
    assert "warning: d: weights up to 0.0" in unlike.err


def test_an_activation_is_seen_through():
    image = noise(60, 80)
    save("a.png", image)
    edges = layer(image[None] / 255, np.array([[[[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]]]) / 4, [0.1])
    save("b.png", np.rint(edges[0].clip(0, 1) * 255).astype(np.uint8))
    words = "fit", "--input", "a.png", "--target", "b.png", "--size", "3", "--activation", "clip"
    ended = filterbank(*words, "-o", "edge.yaml")
    assert ended.err.startswith("filterbank: edge.yaml: 1 filter of 3×3×1 from 4,524 outputs: RMS 0.000")
    layer_ = bankfile.load("edge.yaml").layer
    assert np.abs(4 * layer_.weights - [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]).max() < 0.01
    assert (layer_.activation.name, layer_.biases.round(3).tolist()) == ("clip", [0.1])
    again = filterbank(*words, "--init", "edge.yaml", "-o", "again.yaml")
    assert again.err.partition(": ")[2].partition(": ")[2] == ended.err.partition(": ")[2].partition(": ")[2]


@pytest.mark.parametrize(("method", "count"), [("pca", 5), ("zca", 1), ("kmeans", 5)])
def test_images_alone_suggest_filters(method, count):
    save("in/a.png", noise(40, 40))
    save("in/b.png", noise(30, 50, seed=1))
    words = "fit", "--input", "in", "--learn", method, "--count", "5", "--size", "3", "-o"
    ended = filterbank(*words, "f.yaml")
    assert ended.err.startswith(
        f"filterbank: f.yaml: {count} filter{'s' * (count > 1)} of 3×3×1: {method} of "
    )
    assert ended.err.endswith(" of 2 images\n")
    checked = bankfile.check("f.yaml")
    assert (checked.faults, len(checked.bank.filters)) == ((), count)
    assert filterbank(*words, "-").out.splitlines()[1:] == Path("f.yaml").read_bytes().splitlines()[1:]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("", "give --target B for the filters from A to B, or --learn for A alone: one of the two"),
        ("--learn pca --target a.png", "or --learn for A alone: one of the two"),
        ("--learn pca --stride 2", "--stride: has no effect with --learn; accepted: with --target; leave it"),
        ("--learn pca --no-bias", "--no-bias: has no effect with --learn"),
        ("--learn pca --target-as gray", "--target-as: has no effect with --learn"),
        (
            "--learn pca --count 10",
            "the patches vary in 9 of 9 directions; accepted: at least 10; use more or",
        ),
        ("--learn pca --size 99", "--size: found patches of 9,801 numbers; accepted: at most 4,096; use a"),
        ("--learn pca --size 41", "a.png: a kernel spanning 41×41 (rows × columns) does not fit"),
        ("--learn ica", "Invalid value for '--learn': 'ica' is not one of 'pca', 'zca', 'kmeans'"),
    ],
)
def test_what_images_alone_do_not_suggest_is_told(options, said):
    save("a.png", noise(40, 40))
    ended = filterbank("fit", "--input", "a.png", "--size", "3", "-o", "f.yaml", *options.split(), code=2)
    assert said in ended.err
    assert not Path("f.yaml").exists()


def test_two_images_of_one_name_are_refused():
    made_pair("in/a.png", "out/a.png")
    made_pair("in/a.bmp", "out/b.png")
    ended = filterbank("fit", "--input", "in", "--target", "out", "--size", "3", "-o", "f.yaml", code=2)
    assert "two images of one name; accepted: names that differ before the extension" in ended.err


def test_a_folder_of_two_kinds_is_refused():
    made_pair("in/a.png", "out/a.png")
    made_pair("in/b.png", "out/b.png")
    save("in/b.png", noise(60, 80, 3))
    words = "--target", "out", "--size", "3", "-o", "f.yaml"
    ended = filterbank("fit", "--input", "in", *words, code=2)
    assert "in/b.png: is colour, the first input grey; accepted: one kind; say --as gray or --as" in ended.err
    filterbank("fit", "--input", "in", "--as", "gray", *words)
