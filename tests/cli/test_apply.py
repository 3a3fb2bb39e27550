"""``filterbank apply`` from outside: maps against SciPy, every option, every refusal."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from running import files, filterbank, manifest, noise
from scipy import ndimage

SOBEL_X = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]) / 8
LUMA = np.array([0.299, 0.587, 0.114])


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def save(path: str, pixels: np.ndarray) -> np.ndarray:
    """Save 8-bit pixels with Pillow and return them as floats in [0,1]."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return pixels / 255


def bank(path: str, text: str) -> str:
    Path(path).write_text(text)
    return path


BOX = "input: {input}\nfilters:\n- {{name: box, kernel: [[1,1,1],[1,1,1],[1,1,1]], scale: 1/9}}\n"
PAIR = "filters:\n- {name: blur, kernel: [[1, 3, 1]], scale: 1/5}\n- {name: dx, kernel: [[-1, 0, 1]]}\n"


def sobel_x(grey: np.ndarray) -> np.ndarray:
    return ndimage.correlate(grey, SOBEL_X, mode="nearest")


def signed_codes(values: np.ndarray, top: int = 255) -> np.ndarray:
    """The contract's formula: 128 + round(127·v/m), 32768 + round(32767·v/m)."""
    zero = (top + 1) // 2
    return zero + np.rint((top - zero) * values / np.abs(values).max())


def assert_codes(path: Path | str, expected: np.ndarray) -> None:
    """Codes may differ by one where float32 and float64 round to either side of a half."""
    found = np.asarray(Image.open(path)).astype(int)
    assert found.shape == expected.shape
    apart = np.abs(found - expected)
    assert apart.max() <= 1
    assert (apart == 0).mean() > 0.99


def test_the_comparison_of_codes_sees_one_wrong_pixel() -> None:
    codes = np.full((20, 20), 7, np.uint8)
    save("a.png", codes)
    assert_codes("a.png", codes)
    codes[3, 4] = 9
    with pytest.raises(AssertionError):
        assert_codes("a.png", codes)


# --- the main job ------------------------------------------------------------------------------


def test_a_folder_gives_a_map_per_image_and_filter() -> None:
    grey = save("in/one.png", noise(20, 30))
    rgb = save("in/sub/two.png", noise(15, 12, 3))
    ended = filterbank("apply", "in", "-b", "sobel", "-o", "maps")
    assert ended.out == b""
    assert ended.err.startswith("filterbank: 2 images, 4 maps, ")
    assert ended.err.endswith(" s → maps\n")
    assert len(ended.err.splitlines()) == 1
    assert list(files(Path("maps"))) == [
        "one/sobel_x.png",
        "one/sobel_y.png",
        "sub/two/sobel_x.png",
        "sub/two/sobel_y.png",
    ]
    assert_codes("maps/one/sobel_x.png", signed_codes(sobel_x(grey)))
    assert_codes("maps/sub/two/sobel_x.png", signed_codes(sobel_x(rgb @ LUMA)))


def test_the_manifest_says_what_was_done() -> None:
    grey = save("in/one.png", noise(20, 30))
    filterbank("apply", "in", "-b", "sobel", "-o", "maps", "--stride", "2", "--range", "-0.1:0.1")
    (line,) = manifest(Path("maps"))
    values = sobel_x(grey)[1::2, 1::2]  # SAME_UPPER: the odd pixel of padding is after
    assert line["input"] == "in/one.png"
    assert len(line["sha256"]) == len(line["digest"]) == 64
    assert (line["height"], line["width"], line["channels"], line["bank"]) == (20, 30, 1, "sobel")
    assert line["options"]["overrides"] == {"stride": "2"}
    assert line["options"]["range"] == "-0.1:0.1"
    one = line["maps"][0]
    assert (one["filter"], one["file"], one["method"]) == ("sobel_x", "one/sobel_x.png", "direct")
    assert (one["lo"], one["hi"], one["zero"]) == (-0.1, 0.1, None)
    assert one["min"] == pytest.approx(values.min(), abs=1e-6)
    assert one["max"] == pytest.approx(values.max(), abs=1e-6)
    assert one["mean"] == pytest.approx(values.mean(), abs=1e-6)
    assert one["negative"] == pytest.approx((values < 0).mean(), abs=0.01)
    assert one["clipped"] == pytest.approx((np.abs(values) > 0.1).mean(), abs=0.01)


def test_the_sha256_is_that_of_the_file() -> None:
    import hashlib

    save("one.png", noise(5, 5))
    ended = filterbank("apply", "one.png", "-b", "identity", "-o", "maps", "--json")
    assert ended.json[0]["sha256"] == hashlib.sha256(Path("one.png").read_bytes()).hexdigest()


@pytest.mark.parametrize("jobs", [1, 3])
def test_the_same_bytes_twice_and_with_any_number_of_workers(jobs: int) -> None:
    for number in range(4):
        save(f"in/{number}.png", noise(40, 50, 3, seed=number))
    filterbank("apply", "in", "-b", "sobel", "-b", "gaussian", "-o", "a", "-j", 2)
    filterbank("apply", "in", "-b", "sobel", "-b", "gaussian", "-o", "b", "-j", jobs)
    filterbank("apply", "in/0.png", "-b", "sobel", "-b", "gaussian", "-o", "c", "-j", jobs)
    assert files(Path("a")) == files(Path("b"))
    assert len(files(Path("a"))) == 20
    assert files(Path("c")).items() <= files(Path("a")).items()


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


# --- names -------------------------------------------------------------------------------------


def test_several_banks_stand_side_by_side() -> None:
    save("one.png", noise(9, 9))
    ended = filterbank(
        "apply", "one.png", "-b", "sobel", "-b", bank("soft.yaml", PAIR), "-o", "maps", "--json"
    )
    assert list(files(Path("maps"))) == [
        "one/sobel/sobel_x.png",
        "one/sobel/sobel_y.png",
        "one/soft/blur.png",
        "one/soft/dx.png",
    ]
    assert [line["bank"] for line in manifest(Path("maps"))] == ["sobel", "soft"]
    assert ended.json == manifest(Path("maps"))


def test_templates_and_selected_filters() -> None:
    save("in/d/one.png", noise(9, 9))
    filterbank(
        "apply", "in", "-b", "sobel", "-o", "m", "--name", "{dir}-{name}-{bank}-{index}-{filter}.{ext}"
    )
    assert list(files(Path("m"))) == ["d-one.png-sobel-0-sobel_x.png", "d-one.png-sobel-1-sobel_y.png"]
    both = ["-b", "sobel", "-b", bank("soft.yaml", PAIR)]
    filterbank("apply", "in", *both, "-o", "n", "--filter", "dx", "--filter", "b*")
    assert list(files(Path("n"))) == ["d/one/blur.png", "d/one/dx.png"]


def test_clashes_are_found_before_any_work() -> None:
    save("a/cat.png", noise(5, 5))
    save("b/cat.png", noise(5, 5))
    ended = filterbank("apply", "a/cat.png", "b/cat.png", "-b", "sobel", "-o", "maps", code=2)
    assert "a/cat.png" in ended.err
    assert "b/cat.png" in ended.err
    assert "--name" in ended.err
    assert not Path("maps").exists()


# --- what is there already ---------------------------------------------------------------------


def test_existing_maps() -> None:
    save("in/a.png", noise(9, 9))
    save("in/b.png", noise(9, 9, seed=1))
    whole = ["apply", "in", "-b", "sobel", "-o"]
    filterbank(*whole, "maps")
    before = files(Path("maps"))
    ended = filterbank(*whole, "maps", code=2)
    assert "maps/a/sobel_x.png and 3 more exist already; accepted: --on-exists skip" in ended.err
    Path("maps/b/sobel_y.png").unlink()
    Path("maps/a/sobel_x.png").write_bytes(b"mine")
    ended = filterbank(*whole, "maps", "--on-exists", "skip")
    assert "1 image, 2 maps, 1 skipped" in ended.err
    assert files(Path("maps")) == {**before, "a/sobel_x.png": b"mine"}
    ended = filterbank(*whole, "maps", "--on-exists", "overwrite", "--json")
    assert files(Path("maps")) == before
    assert len(manifest(Path("maps"))) == 2 + 1 + 2
    ended = filterbank(*whole, "maps", "--on-exists", "skip", "--json")
    assert ended.json == [{"input": f"in/{name}.png", "skipped": True} for name in "ab"]


def test_leftovers_of_a_killed_run_are_removed() -> None:
    save("a.png", noise(9, 9))
    leftover = Path("maps/a/.0123456789abcdef.filterbank-tmp")
    leftover.parent.mkdir(parents=True)
    leftover.write_bytes(b"half")
    filterbank("apply", "a.png", "-b", "sobel", "-o", "maps")
    assert list(files(Path("maps"))) == ["a/sobel_x.png", "a/sobel_y.png"]


def test_the_folder_for_maps_is_left_out_of_a_search() -> None:
    save("a.png", noise(9, 9))
    for _ in range(2):
        filterbank("apply", ".", "-b", "sobel", "-o", "maps", "--on-exists", "overwrite")
    assert len(files(Path("maps"))) == 2


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
            assert (lo, hi, zero) == (0.0, 1.0, None)
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
    assert manifest(Path("maps"))[0]["digest"] != plain["digest"]


# --- bad images, bad requests ------------------------------------------------------------------


def test_bad_images_are_named_at_the_end_and_the_rest_goes_on() -> None:
    save("in/a.png", noise(9, 9))
    save("in/z.png", noise(9, 9))
    Path("in/bad.png").write_bytes(Path("in/a.png").read_bytes()[:60])
    Path("in/empty.jpg").touch()
    ended = filterbank("apply", "in", "missing.png", "-b", "sobel", "-o", "maps", "--json", code=1)
    lines = ended.err.splitlines()
    assert sorted(line.split(": ")[1] for line in lines[:-1]) == ["in/bad.png", "in/empty.jpg", "missing.png"]
    assert "2 images, 4 maps, 3 failed" in lines[-1]
    assert list(files(Path("maps"))) == [f"{n}/sobel_{a}.png" for n in "az" for a in "xy"]
    assert len(manifest(Path("maps"))) == 2
    errors = {line["input"]: line["error"] for line in ended.json if "error" in line}
    assert sorted(errors) == ["in/bad.png", "in/empty.jpg", "missing.png"]
    assert errors["missing.png"] == "cannot be read: No such file or directory"
    assert {line["input"] for line in ended.json if "maps" in line} == {"in/a.png", "in/z.png"}


def test_an_image_that_does_not_fit_the_bank_fails_alone() -> None:
    save("in/large.png", noise(9, 9))
    save("in/small.png", noise(2, 9))
    ended = filterbank("apply", "in", "-b", "sobel", "-o", "maps", "--padding", "valid", code=1)
    assert "in/small.png: a kernel spanning 3×3" in ended.err
    assert list(files(Path("maps"))) == ["large/sobel_x.png", "large/sobel_y.png"]


@pytest.mark.parametrize("over", ["map", "batch"])
def test_fail_fast(over: str) -> None:
    for number in range(20):
        Path(f"{number}.png").write_bytes(b"bad")
    arguments = [f"{n}.png" for n in range(20)] + ["--range-over", over]
    ended = filterbank("apply", *arguments, "-b", "sobel", "-o", "maps", "--fail-fast", "-j", 1, code=1)
    assert "1 failed, 19 not done after the first bad one" in ended.err
    assert files(Path("maps")) == {}


def test_quiet_still_names_bad_images() -> None:
    save("a.png", noise(9, 9))
    assert filterbank("apply", "a.png", "-b", "sobel", "-o", "maps", "--quiet").err == ""
    ended = filterbank("apply", "no.png", "-b", "sobel", "-o", "maps", "--quiet", code=1)
    assert ended.err == "filterbank: no.png: cannot be read: No such file or directory\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-b", "sobel", "-o", "maps"], "no IMAGE given"),
        (["empty", "-b", "sobel", "-o", "maps"], "no images found in empty; accepted: files ending in"),
        (["a.png", "-o", "maps"], "Missing option '-b' / '--bank'"),
        (["a.png", "-b", "sobel"], "Missing option '-o' / '--out'"),
        (["a.png", "-b", "sobell", "-o", "maps"], "sobell"),
        (["a.png", "-b", "sobel", "-o", "a.png"], "--out a.png: is a file; accepted: a folder"),
        (["a.png", "-b", "sobel", "-o", "a.png/maps"], "a file is in the way"),
        (["a.png", "-b", "sobel", "-o", "maps", "--range", "1:0"], "LO 1 is not below HI 0"),
        (
            ["a.png", "-b", "sobel", "-o", "maps", "--filter", "foo*"],
            "'foo*' matches no filter of bank 'sobel'",
        ),
        (
            ["a.png", "-b", "sobel", "-b", "box", "-o", "m", "--filter", "foo*"],
            "'foo*' matches no filter of the banks sobel, box",
        ),
        (["a.png", "-b", "sobel", "-o", "maps", "--stride", "0"], "--stride"),
        (["a.png", "-b", "sobel", "-o", "maps", "--activation", "relus"], "relu"),
        (["a.png", "-b", "sobel", "-o", "maps", "--name", "{filtre}"], "found {filtre}; accepted: {dir}"),
        (["a.png", "-b", "sobel", "-o", "maps", "--page", "first"], "accepted: a number from 0, or all"),
        (["a.png", "-b", "sobel", "-o", "maps", "--max-pixels", "-1"], "a number above zero such as"),
        (["a.png", "-b", "sobel", "-o", "maps", "-j", "0"], "0 is not in the range x>=1"),
        (["a.png", "-b", "sobel", "-o", "-"], "--out -: found 2 maps; accepted: exactly one"),
        (["a.png", "-b", "identity", "-o", "-", "--json"], "would share standard output"),
        (["-", "--files-from", "-", "-b", "sobel", "-o", "m"], "standard input is asked for twice"),
        (
            ["--files-from", "nolist", "-b", "sobel", "-o", "m"],
            "--files-from nolist: cannot be read: No such",
        ),
    ],
)
def test_a_wrong_request_is_exit_2_and_writes_nothing(arguments: list[str], message: str) -> None:
    save("a.png", noise(9, 9))
    Path("empty").mkdir()
    ended = filterbank("apply", *arguments, code=2)
    assert message in ended.err
    assert "Traceback" not in ended.err
    assert sorted(path.name for path in Path().iterdir()) == ["a.png", "empty"]


def test_all_faults_of_all_banks_are_told_at_once() -> None:
    save("a.png", noise(9, 9))
    arguments = []
    for number in range(10):
        text = f"stridee: 1\nfilters:\n- {{name: f, kernel: [[1, {'x' * (number + 1)}]]}}\n"
        arguments += ["-b", bank(f"bad{number}.yaml", text)]
    ended = filterbank("apply", "a.png", *arguments, "-o", "maps", code=2)
    for number in range(10):
        assert ended.err.count(f"bad{number}.yaml:1:1: ") == 1
        assert ended.err.count(f"bad{number}.yaml:3:") == 1
    assert not Path("maps").exists()


# --- dry run, progress -------------------------------------------------------------------------


def test_a_dry_run_tells_and_writes_nothing() -> None:
    save("in/a.png", noise(20, 30, 3))
    Path("in/bad.png").touch()
    ended = filterbank("apply", "in", "-b", "sobel", "-o", "maps", "--stride", "2", "--dry-run", code=1)
    lines = ended.out.decode().splitlines()
    assert lines[0].startswith("in/a.png: 30×20 (W×H), 3 channels, ")
    assert lines[1:] == [
        "  sobel: 2 maps of 15×10, direct",
        "    maps/a/sobel_x.png",
        "    maps/a/sobel_y.png",
    ]
    assert "in/bad.png: is empty" in ended.err
    assert "1 image, 2 maps, 1 failed, at most " in ended.err
    assert "dry run, nothing was written" in ended.err
    told = filterbank("apply", "in", "-b", "sobel", "-o", "maps", "--dry-run", "--json", code=1).json
    assert told[0]["banks"][0]["files"] == ["maps/a/sobel_x.png", "maps/a/sobel_y.png"]
    assert told[0]["memory"] > 4 * 20 * 30 * 4
    assert set(told[1]) == {"input", "error"}
    assert not Path("maps").exists()


def test_a_dry_run_names_the_same_files_as_the_run() -> None:
    save("in/a.png", noise(8, 9))
    save("in/d/b.png", noise(8, 9))
    whole = ["apply", "in", "-b", "sobel", "-b", "box", "-o", "maps", "--json"]
    told = filterbank(*whole, "--dry-run").json
    planned = sorted(file for one in told for each in one["banks"] for file in each["files"])
    filterbank(*whole)
    assert planned == [f"maps/{name}" for name in files(Path("maps"))]


def test_progress_only_when_asked_or_on_a_terminal() -> None:
    save("a.png", noise(8, 9))
    assert "\r" not in filterbank("apply", "a.png", "-b", "sobel", "-o", "m").err
    shown = filterbank("apply", "a.png", "-b", "sobel", "-o", "n", "--progress").err
    assert "0/1 images" in shown
    assert shown.splitlines()[-1].endswith("→ n")
    quiet = filterbank("apply", "a.png", "-b", "sobel", "-o", "o", "--progress", "--quiet").err
    assert quiet == ""


def test_odd_names_come_through() -> None:
    names = ["with space", "two\nlines", "ünï", "-dash", "{stem}", "a%b"]
    for name in names:
        save(f"in/{name}.png", noise(5, 5))
    filterbank("apply", "in", "-b", "identity", "-o", "maps")
    assert sorted(files(Path("maps"))) == sorted(f"{name}/identity.png" for name in names)
    assert sorted(line["input"] for line in manifest(Path("maps"))) == sorted(f"in/{n}.png" for n in names)
