"""Stacks on the command line: apply, all layers, explain, show, check, banks and convert."""

import json

import numpy as np
import oracle
import pytest
from PIL import Image
from running import files, filterbank

from filterbank import bankfile, engine
from filterbank.imagefile.read_map import read_map

NET = """
input: gray
layers:
  - activation: relu
    normalize: none
    operation: correlation
    filters: [{name: x, kernel: [-1, 0, 1]}, {name: y, kernel: [[-1], [0], [1]]}]
  - stride: 2
    normalize: none
    filters: [{name: x, kernel: [[1]], channels: [1, 1]}, {name: d, kernel: [[1]], channels: [1, -1]}]
"""


@pytest.fixture
def net(tmp_path):
    path = tmp_path / "net.yaml"
    path.write_text(NET)
    return path


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.npy"
    np.save(path, np.random.default_rng(1).random((11, 14), np.float32))
    return path


def expected(net, photo):
    """The maps of every layer in float64."""
    x, maps = np.load(photo)[None].astype(float), []
    for layer in bankfile.load(net).stack.layers:
        x = oracle.activate(oracle.layer_maps(layer, x)[0], layer.activation)
        maps.append(x)
    return maps


def test_apply_writes_the_maps_of_the_last_layer(net, photo, tmp_path):
    out = tmp_path / "maps"
    filterbank("apply", photo, "-b", net, "-o", out, "--format", "npy")
    assert list(files(out)) == ["photo/d.npy", "photo/x.npy"]
    _, last = expected(net, photo)
    np.testing.assert_allclose(np.load(out / "photo/x.npy"), last[0], atol=1e-6)
    (record,) = [json.loads(line) for line in (out / "manifest.jsonl").read_text().splitlines()]
    assert record["digest"] == bankfile.load(net).digest
    assert (record["options"]["all_layers"], "layer" in record["maps"][0]) == (False, False)


def test_all_layers(net, photo, tmp_path):
    out = tmp_path / "maps"
    ended = filterbank("apply", photo, "-b", net, "-o", out, "--format", "npy", "--all-layers")
    assert "1 image, 4 maps" in ended.err
    names = ["photo/1/x.npy", "photo/1/y.npy", "photo/2/d.npy", "photo/2/x.npy"]
    assert list(files(out)) == names
    first, last = expected(net, photo)
    for name, values in zip(names, [first[0], first[1], last[1], last[0]], strict=True):
        np.testing.assert_allclose(np.load(out / name), values, atol=1e-6)
    (record,) = [json.loads(line) for line in (out / "manifest.jsonl").read_text().splitlines()]
    assert [(one["layer"], one["filter"], one["file"]) for one in record["maps"]] == [
        (1, "x", "photo/1/x.npy"),
        (1, "y", "photo/1/y.npy"),
        (2, "x", "photo/2/x.npy"),
        (2, "d", "photo/2/d.npy"),
    ]
    assert record["options"]["all_layers"] is True


def test_the_last_layer_is_the_same_bytes_with_all_layers(net, photo, tmp_path):
    filterbank("apply", photo, "-b", net, "-o", tmp_path / "last", "--range-over", "image")
    options = ("--all-layers", "--name", "{stem}/{layer}-{filter}.{ext}", "--range-over", "batch")
    filterbank("apply", photo, "-b", net, "-o", tmp_path / "all", "--range", "signed", *options)
    assert list(files(tmp_path / "all")) == [f"photo/{name}.png" for name in ("1-x", "1-y", "2-d", "2-x")]
    filterbank("apply", photo, "-b", net, "-o", tmp_path / "both", "--all-layers")
    filterbank("apply", photo, "-b", net, "-o", tmp_path / "one")
    both, one = files(tmp_path / "both"), files(tmp_path / "one")
    assert [both["photo/2/x.png"], both["photo/2/d.png"]] == [one["photo/x.png"], one["photo/d.png"]]


@pytest.mark.parametrize("options", [(), ("--range", "minmax"), ("--range", "signed", "--format", "png16")])
def test_maps_that_another_layer_sees_are_coded_as_those_of_the_layer_alone(options, net, photo, tmp_path):
    first = tmp_path / "first.yaml"
    first.write_text(NET.split("  - stride", maxsplit=1)[0])
    filterbank("apply", photo, "-b", first, "-o", tmp_path / "alone", *options)
    filterbank("apply", photo, "-b", net, "-o", tmp_path / "all", "--all-layers", *options)
    for name in ("x", "y"):
        found, alone = (tmp_path / place / f"{name}.png" for place in ("all/photo/1", "alone/photo"))
        assert np.array_equal(np.asarray(Image.open(found)), np.asarray(Image.open(alone)))
        assert read_map(found)[1].scale == read_map(alone)[1].scale
    lines = [json.loads((tmp_path / each / "manifest.jsonl").read_text()) for each in ("all", "alone")]
    for found, alone in zip(lines[0]["maps"][:2], lines[1]["maps"], strict=True):
        told = ("min", "max", "mean", "clipped", "negative", "lo", "hi", "zero", "method")
        assert [found[key] for key in told] == [alone[key] for key in told]


@pytest.mark.parametrize("form", ["npy", "png"])
def test_every_layer_is_walked_once(form, net, photo, tmp_path, monkeypatch):
    walks, walk = [], engine.execute._Chunk.run

    def counted(chunk, *given):
        walks.append(chunk.last - chunk.first)
        return walk(chunk, *given)

    monkeypatch.setattr(engine.execute._Chunk, "run", counted)
    options = ("--all-layers", "--format", form, "--range", "0:1")
    filterbank("apply", photo, "-b", net, "-o", tmp_path / "all", *options)
    assert walks == [2, 2]


def test_all_layers_beside_another_bank_and_as_stacks(net, photo, tmp_path):
    out = tmp_path / "maps"
    arguments = (
        "apply",
        photo,
        "-b",
        net,
        "-b",
        "sobel",
        "-o",
        out,
        "--all-layers",
        "--stack",
        "--format",
        "npy",
    )
    told = filterbank(*arguments, "--dry-run", "--json").json[0]
    assert [each["files"] for each in told["banks"]] == [
        [f"{out}/photo/net/1.npy", f"{out}/photo/net/2.npy"],
        [f"{out}/photo/sobel/1.npy"],
    ]
    assert "4 maps down to 7×6" in filterbank(*arguments[:-3], "--dry-run").out.decode()
    filterbank(*arguments)
    assert {name: np.load(out / name).shape for name in files(out)} == {
        "photo/net/1.npy": (2, 11, 14),
        "photo/net/2.npy": (2, 6, 7),
        "photo/sobel/1.npy": (2, 11, 14),
    }


def test_names_that_would_share_a_file_are_found(net, photo, tmp_path):
    options = ("-o", tmp_path / "maps", "--all-layers", "--name", "{stem}-{filter}.{ext}")
    ended = filterbank("apply", photo, "-b", net, *options, code=2)
    assert "would share this file; give --name '{dir}/{stem}/{layer}/{filter}.{ext}'" in ended.err


def test_each_channel_with_alpha_through_every_layer(tmp_path):
    path = tmp_path / "net.yaml"
    path.write_text("layers:\n- {bank: identity}\n- stride: 2\n  filters: [{name: half, kernel: [[0.5]]}]\n")
    pixels = np.random.default_rng(0).integers(0, 256, (6, 8, 4), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    out = tmp_path / "maps"
    filterbank("apply", tmp_path / "a.png", "-b", path, "-o", out, "--all-layers")
    assert np.array_equal(np.asarray(Image.open(out / "a/1/identity.png")), pixels)
    half = np.asarray(Image.open(out / "a/2/half.png"))
    assert np.array_equal(half[..., 3], pixels[::2, ::2, 3])
    assert np.abs(half[..., :3] - pixels[::2, ::2, :3] / 2).max() <= 0.5


def test_options_that_cannot_tell_layers_apart_are_refused(net, photo, tmp_path):
    ended = filterbank("apply", photo, "-b", net, "-o", tmp_path / "maps", "--stride", "2", code=2)
    assert ended.err == (
        "filterbank: --stride: bank 'net' is a stack of 2 layers; accepted: with a bank of one layer; "
        "write the change into the layers it is meant for\n"
    )
    assert not (tmp_path / "maps").exists()


def test_a_layer_that_does_not_fit_the_image_is_named(tmp_path, photo):
    path = tmp_path / "net.yaml"
    path.write_text("layers:\n" + "- {padding: valid, filters: [{box: {size: 9}}]}\n" * 2)
    ended = filterbank("apply", photo, "-b", path, "-o", tmp_path / "maps", code=1)
    assert "layer 2: a kernel spanning 9×9 (rows × columns) does not fit the padded image of 3×6" in ended.err


def test_explain_has_a_block_for_each_layer(net, photo):
    text = filterbank("explain", net, "--size", "14x11").out.decode()
    blocks = text.split("\n\n")
    assert [block.splitlines()[0].split("  ")[0] for block in blocks] == [
        "net", "layer 1", "filter", "layer 2", "filter", "whole stack",
    ]  # fmt: skip
    assert "receptive field  3×3 rows × columns" in blocks[-1]
    told = filterbank("explain", net, "--size", "14x11", "--json").out
    layers = json.loads(told)["layers"]
    assert [[one["name"] for one in layer["filters"]] for layer in layers] == [["x", "y"], ["x", "d"]]


def test_explain_at_sums_what_enters_the_last_layer(net, photo):
    arguments = ("explain", net, "--image", photo, "--at", "3,2", "--filter", "d", "--json")
    told = json.loads(filterbank(*arguments).out)["at"]
    first, last = expected(net, photo)
    assert told["value"] == pytest.approx(last[1, 2, 3], abs=1e-6)
    assert [term["pixel"] for term in told["terms"]] == pytest.approx(first[:, 4, 6], abs=1e-6)


def test_show_draws_one_layer(net, tmp_path):
    ended = filterbank("show", net, "-o", tmp_path / "1.png")
    assert "2 filters of net, layer 1 of 2" in ended.err
    filterbank("show", net, "-o", tmp_path / "2.png", "--layer", 2)
    filterbank("show", net, "-o", tmp_path / "s.png", "--layer", 2, "--spectrum")
    assert (tmp_path / "1.png").read_bytes() != (tmp_path / "2.png").read_bytes()
    ended = filterbank("show", net, "-o", tmp_path / "3.png", "--layer", 3, code=2)
    assert "--layer 3: bank 'net' has 2 layers; accepted: 1 to 2" in ended.err
    ended = filterbank("show", net, "-o", tmp_path / "3.png", "--filter", "d", code=2)
    assert "'d' matches no filter of bank 'net, layer 1 of 2'; accepted: x, y" in ended.err


def test_check_and_banks_tell_of_layers(net):
    assert "ok, 2 layers of 1 → 2 → 2 channels, digest" in filterbank("check", net).out.decode()
    text = filterbank("banks", net).out.decode()
    assert "layer 1 of 2\n  shape       2 filters of 1×3×1\n" not in text  # 3×3: the largest of both
    assert "layer 1 of 2\n  shape       2 filters of 3×3×1\n" in text
    assert "layer 2 of 2\n  shape       2 filters of 1×1×2\n  stride      2\n" in text
    told = json.loads(filterbank("banks", net, "--json").out)
    assert [layer["stride"] for layer in told["layers"]] == [[1, 1], [2, 2]]
    assert "stride" not in told


def test_convert(net, tmp_path):
    ended = filterbank("convert", net, tmp_path / "net.json")
    assert "2 layers of 1 → 2 → 2 channels, bank net" in ended.err
    assert bankfile.load(tmp_path / "net.json").digest == bankfile.load(net).digest
    for ending in ("npz", "safetensors", "onnx"):
        ended = filterbank("convert", net, tmp_path / f"net.{ending}")
        assert "2 layers of 1 → 2 → 2 channels, bank net" in ended.err
        assert bankfile.load(tmp_path / f"net.{ending}").digest == bankfile.load(net).digest
