"""The maps of ``filterbank apply``: formats, ranges, channels, reading, overrides, against SciPy."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from running import (
    BOX,
    PAIR,
    SOBEL_X,
    assert_codes,
    bank,
    files,
    filterbank,
    manifest,
    noise,
    save,
    signed_codes,
    sobel_x,
)
from scipy import ndimage


def test_the_comparison_of_codes_sees_one_wrong_pixel() -> None:
    codes = np.full((20, 20), 7, np.uint8)
    save("a.png", codes)
    assert_codes("a.png", codes)
    codes[3, 4] = 9
    with pytest.raises(AssertionError):
        assert_codes("a.png", codes)


# --- formats, stacks, streams ------------------------------------------------------------------


def test_float_formats_are_exact() -> None:
    grey = save("one.png", noise(20, 30))
    for format in ("npy", "tiff"):
        filterbank("apply", "one.png", "-b", "sobel", "-o", format, "--format", format)
    array = np.load("npy/one/sobel_x.npy")
    assert array.dtype == np.float32
    assert np.array_equal(array, tifffile.imread("tiff/one/sobel_x.tiff"))
    assert np.abs(array - sobel_x(grey)).max() < 1e-6
    assert all(one["lo"] is None for one in manifest(Path("npy"))[0]["maps"])


def test_png16_is_257_times_finer() -> None:
    grey = save("one.png", noise(20, 30))
    filterbank("apply", "one.png", "-b", "sobel", "-o", "maps", "--format", "png16")
    assert_codes("maps/one/sobel_x.png", signed_codes(sobel_x(grey), 65535))
    assert Image.open("maps/one/sobel_x.png").text["filterbank.zero"] == "32768"


def test_small_files_hold_the_same_pixels_and_are_never_larger() -> None:
    ramp = np.add.outer(np.arange(200), np.arange(300)) // 2
    save("in/ramp.png", ramp.astype(np.uint8))
    save("in/noise.png", noise(60, 70))
    for how in ("fast", "small"):
        filterbank("apply", "in", "-b", "sobel", "-o", how, "--compress", how)
    for name in ("ramp", "noise"):
        fast, small = (Path(how, name, "sobel_x.png") for how in ("fast", "small"))
        assert np.array_equal(np.asarray(Image.open(fast)), np.asarray(Image.open(small)))
        assert small.stat().st_size <= fast.stat().st_size
    assert manifest(Path("small"))[0]["options"]["compress"] == "small"


def test_stacks() -> None:
    save("in/one.png", noise(20, 30))
    save("in/two.png", noise(9, 8))
    for format in ("png", "png16", "tiff", "npy"):
        filterbank("apply", "in", "-b", "sobel", "-o", f"s-{format}", "--stack", "--format", format)
        filterbank("apply", "in", "-b", "sobel", "-o", f"m-{format}", "--format", format)
    maps = [np.load(f"m-npy/one/sobel_{axis}.npy") for axis in "xy"]
    assert np.array_equal(np.load("s-npy/one.npy"), maps)
    assert np.array_equal(tifffile.imread("s-tiff/one.tiff"), maps)
    for format, kind in (("png", np.uint8), ("png16", np.uint16)):
        pages = tifffile.imread(f"s-{format}/one.tiff")
        assert pages.dtype == kind
        for page, axis in zip(pages, "xy", strict=True):
            assert np.array_equal(page, np.asarray(Image.open(f"m-{format}/one/sobel_{axis}.png")))
    described = json.loads(tifffile.TiffFile("s-png/two.tiff").pages[1].description)
    assert (described["filter"], described["zero"]) == ("sobel_y", 128)
    lines = {line["input"]: [one["file"] for one in line["maps"]] for line in manifest(Path("s-png"))}
    assert lines == {"in/one.png": ["one.tiff", "one.tiff"], "in/two.png": ["two.tiff", "two.tiff"]}


def test_standard_input_to_standard_output() -> None:
    save("one.png", noise(20, 30))
    filterbank("apply", "one.png", "-b", "sobel", "--filter", "*_x", "-o", "maps")
    data = Path("one.png").read_bytes()
    ended = filterbank("apply", "-", "-b", "sobel", "--filter", "*_x", "-o", "-", stdin=data)
    assert ended.out == Path("maps/one/sobel_x.png").read_bytes()
    assert ended.err.startswith("filterbank: 1 image, 1 map, ")
    stack = filterbank("apply", "-", "-b", "sobel", "-o", "-", "--stack", "--format", "npy", stdin=data)
    assert np.load(io.BytesIO(stack.out)).shape == (2, 20, 30)
    assert sorted(path.name for path in Path().iterdir()) == ["maps", "one.png"]
    filterbank("apply", "-", "-b", "identity", "-o", "in", stdin=data)
    assert list(files(Path("in"))) == ["stdin/identity.png"]
    assert manifest(Path("in"))[0]["input"] == "-"


@pytest.mark.parametrize("data", [b"", b"no image"])
def test_bad_standard_input_is_a_failed_image(data: bytes) -> None:
    ended = filterbank("apply", "-", "-b", "identity", "-o", "-", stdin=data, code=1)
    assert ended.out == b""
    assert "filterbank: standard input: " in ended.err


def test_files_from_a_list_and_from_standard_input() -> None:
    for name in "abc":
        save(f"{name}.png", noise(5, 5))
    Path("list").write_text("b.png\nc.png\n")
    filterbank("apply", "a.png", "--files-from", "list", "-b", "identity", "-o", "one")
    assert [name[0] for name in files(Path("one"))] == ["a", "b", "c"]
    filterbank("apply", "--files-from", "-", "-b", "identity", "-o", "two", stdin=b"c.png\0a.png\0")
    assert [name[0] for name in files(Path("two"))] == ["a", "c"]


# --- ranges ------------------------------------------------------------------------------------


def scales(folder: str) -> dict[str, tuple]:
    maps = [one for line in manifest(Path(folder)) for one in line["maps"]]
    return {one["file"]: (one["lo"], one["hi"], one["zero"]) for one in maps}


@pytest.mark.parametrize("over", ["map", "image", "batch"])
def test_range_over(over: str) -> None:
    save("in/a.png", noise(30, 30) // 2)
    save("in/b.png", noise(30, 30, seed=1))
    arguments = ["-b", "sobel", "-b", bank("soft.yaml", PAIR), "--range-over", over]
    filterbank("apply", "in", *arguments, "-o", "maps")
    filterbank("apply", "in", *arguments, "-o", "floats", "--format", "npy")
    values = {name.removesuffix(".npy"): np.load(f"floats/{name}") for name in files(Path("floats"))}
    for name, (lo, hi, zero) in scales("maps").items():
        if name.endswith("blur.png"):
            assert (lo, hi, zero) == (0.0, 1.0, 0)
            continue
        mine = name.removesuffix(".png")
        edges = [other for other in values if not other.endswith("blur")]
        of_mine = [other for other in edges if other[0] == mine[0]]
        sharing = {"map": [mine], "image": of_mine, "batch": edges}[over]
        m = max(float(np.abs(values[other]).max()) for other in sharing)
        assert (lo, hi, zero) == (-m, m, 128)


def test_range_over_batch_leaves_bad_images_out_and_counts_skipped_ones() -> None:
    save("in/a.png", noise(30, 30))
    save("in/b.png", noise(30, 30) // 4)
    Path("in/bad.png").write_bytes(b"bad")
    whole = ["apply", "in", "-b", "sobel", "-o", "maps", "--range-over", "batch"]
    ended = filterbank(*whole, code=1)
    assert ended.err.count("in/bad.png") == 1
    assert "2 images, 4 maps, 1 failed" in ended.err
    before = files(Path("maps"))
    Path("maps/b/sobel_x.png").unlink()
    filterbank(*whole, "--on-exists", "skip", code=1)
    assert files(Path("maps")) == before


def test_ranges_give_their_codes() -> None:
    grey = save("one.png", noise(20, 30))
    soft = bank("soft.yaml", "padding_mode: replicate\n" + PAIR)
    blur = ndimage.correlate(grey, np.array([[1, 3, 1]]) / 5, mode="nearest")
    dx = ndimage.correlate(grey, np.array([[-1, 0, 1]]), mode="nearest")
    expected = {
        "auto": (np.rint(blur * 255), signed_codes(dx)),
        "clip": (np.rint(blur * 255), np.rint(dx.clip(0, 1) * 255)),
        "signed": (signed_codes(blur), signed_codes(dx)),
        "minmax": tuple(np.rint((v - v.min()) / (v.max() - v.min()) * 255) for v in (blur, dx)),
        "-0.5:1.5": tuple(np.rint((v.clip(-0.5, 1.5) + 0.5) / 2 * 255) for v in (blur, dx)),
    }
    for number, (text, codes) in enumerate(expected.items()):
        filterbank("apply", "one.png", "-b", soft, "-o", number, "--range", text)
        assert_codes(f"{number}/one/blur.png", codes[0])
        assert_codes(f"{number}/one/dx.png", codes[1])
    filterbank("apply", "one.png", "-b", soft, "-o", "relu", "--activation", "relu", "--filter", "dx")
    assert_codes("relu/one/dx.png", np.rint(dx.clip(0) / dx.max() * 255))


def test_fail_on_clip_writes_everything_and_exits_4() -> None:
    save("one.png", noise(9, 9))
    whole = ["apply", "one.png", "-b", "sobel", "--fail-on-clip"]
    filterbank(*whole, "-o", "fine")
    ended = filterbank(*whole, "-o", "maps", "--range", "0:0.01", code=4)
    assert "filterbank: one/sobel_x.png: " in ended.err
    assert "% of its pixels clipped" in ended.err
    assert len(files(Path("maps"))) == 2
    Path("bad.png").touch()
    filterbank(*whole, "bad.png", "-o", "both", "--range", "0:0.01", code=1)


def test_linear_light_and_back() -> None:
    step = np.zeros((8, 8), np.uint8)
    step[:, 4:] = 255
    save("step.png", step)
    box = bank("box.yaml", BOX.format(input="gray") + "padding_mode: replicate\n")
    filterbank("apply", "step.png", "-b", box, "-o", "maps", "--linear")
    filterbank("apply", "step.png", "-b", "identity", "-o", "same", "--linear")
    # A third and two thirds of the light, by the sRGB curve 1.055·v^(1/2.4) − 0.055.
    expected = [round(255 * (1.055 * share ** (1 / 2.4) - 0.055)) for share in (1 / 3, 2 / 3)]
    assert np.asarray(Image.open("maps/step/box.png"))[4, 3:5].tolist() == expected
    assert np.array_equal(np.asarray(Image.open("same/step/identity.png")), step)


# --- each channel on its own -------------------------------------------------------------------


def test_each_gives_colour_maps_and_carries_alpha_over() -> None:
    rgba = noise(11, 14, 4)
    save("one.png", rgba)
    each = bank("each.yaml", BOX.format(input="each"))
    filterbank("apply", "one.png", "-b", each, "-o", "maps")
    filterbank("apply", "one.png", "-b", each, "-o", "floats", "--format", "npy")
    filterbank("apply", "one.png", "-b", each, "-o", "half", "--stride", "2", "--padding", "valid")
    filtered = np.stack(
        [ndimage.uniform_filter(rgba[..., c] / 255, 3, mode="constant") for c in range(3)], axis=-1
    )
    found = np.asarray(Image.open("maps/one/box.png"))
    assert found.shape == (11, 14, 4)
    assert np.abs(found[..., :3] - filtered * 255).max() <= 0.51
    assert np.array_equal(found[..., 3], rgba[..., 3])
    floats = np.load("floats/one/box.npy")
    assert np.abs(floats[:3] - np.moveaxis(filtered, 2, 0)).max() < 1e-6
    half = np.asarray(Image.open("half/one/box.png"))
    assert np.array_equal(half[..., 3], rgba[1:-1:2, 1:-1:2, 3])


def test_each_of_many_channels_needs_a_format_that_holds_them() -> None:
    np.save("five.npy", np.random.default_rng(0).random((5, 8, 9), np.float32))
    save("fine.png", noise(8, 9))
    each = bank("each.yaml", BOX.format(input="each"))
    ended = filterbank("apply", "five.npy", "fine.png", "-b", each, "-o", "maps", code=1)
    assert "five.npy: --format png: a map of 5 channels" in ended.err
    assert list(files(Path("maps"))) == ["fine/box.png"]
    filterbank("apply", "five.npy", "-b", each, "-o", "floats", "--format", "npy")
    assert np.load("floats/five/box.npy").shape == (5, 8, 9)


# --- reading -----------------------------------------------------------------------------------


def test_pages() -> None:
    pages = [noise(6, 7, seed=seed) for seed in range(3)]
    tifffile.imwrite("in.tif", np.stack(pages), photometric="minisblack")
    save("in2.png", pages[0])
    filterbank("apply", "in.tif", "-b", "identity", "-o", "one", "--page", "2")
    assert np.array_equal(np.asarray(Image.open("one/in/identity.png")), pages[2])
    filterbank("apply", "in.tif", "in2.png", "-b", "identity", "-o", "every", "--page", "all")
    assert list(files(Path("every"))) == [f"in{n}/identity.png" for n in ("-0", "-1", "-2", "2")]
    assert np.array_equal(np.asarray(Image.open("every/in-1/identity.png")), pages[1])
    assert sorted(line["options"]["page"] for line in manifest(Path("every"))) == [0, 0, 1, 2]
    ended = filterbank("apply", "in.tif", "-b", "identity", "-o", "none", "--page", "3", code=1)
    assert "in.tif: has no page 3" in ended.err
    Path("bad.tif").write_bytes(b"II*\0")
    ended = filterbank("apply", "bad.tif", "-b", "identity", "-o", "none", "--page", "all", code=1)
    assert "filterbank: bad.tif: " in ended.err


def test_max_pixels_layout_and_orientation() -> None:
    save("one.png", noise(20, 30))
    for size, code in (("599", 1), ("600", 0), ("0.6k", 0)):
        ended = filterbank(
            "apply", "one.png", "-b", "identity", "-o", f"m{size}", "--max-pixels", size, code=code
        )
        assert ("accepted: at most 599" in ended.err) == (code == 1)
    np.save("hwc.npy", noise(6, 8, 3))
    filterbank("apply", "hwc.npy", "-b", "identity", "-o", "l", "--layout", "hwc")
    assert Image.open("l/hwc/identity.png").size == (8, 6)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(noise(6, 8)).save("turned.jpg", exif=exif)
    filterbank("apply", "turned.jpg", "-b", "identity", "-o", "upright")
    filterbank("apply", "turned.jpg", "-b", "identity", "-o", "stored", "--no-orient")
    assert Image.open("upright/turned/identity.png").size == (6, 8)
    assert Image.open("stored/turned/identity.png").size == (8, 6)


# --- overrides ---------------------------------------------------------------------------------


def test_overrides_stand_in_for_the_banks_own() -> None:
    grey = save("one.png", noise(12, 17))
    filterbank(
        *("apply", "one.png", "-b", "sobel", "--filter", "sobel_x", "-o", "maps", "--format", "npy"),
        *("--stride", "[2, 3]", "--padding", "[3, 2, 1, 0]", "--padding-mode", "constant"),
        *("--padding-value", "0.5", "--dilation", "2", "--activation", "abs", "--bias", "0.125"),
    )
    padded = np.pad(grey, ((3, 1), (2, 0)), constant_values=0.5)
    expected = sum(
        SOBEL_X[i, j] * padded[2 * i : 2 * i + 12, 2 * j : 2 * j + 15] for i in range(3) for j in range(3)
    )
    expected = np.abs(expected[::2, ::3] + 0.125)
    found = np.load("maps/one/sobel_x.npy")
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() < 1e-6
    plain = filterbank("apply", "one.png", "-b", "sobel", "-o", "plain", "--json").json[0]
    # The digest names the bank as it was read; what was changed stands in the options.
    assert manifest(Path("maps"))[0]["digest"] == plain["digest"]
    assert manifest(Path("maps"))[0]["options"]["overrides"] != plain["options"]["overrides"] == {}
