"""Banks that combine, in every command that takes a bank."""

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from running import assert_codes, bank, filterbank, manifest, noise, save, signed_codes
from scipy import ndimage

import filterbank as library

COMBINED = """input: {input}
operation: correlation
normalize: none
padding_mode: replicate
filters:
- {{name: dx, kernel: [[-1, 0, 1]]}}
- {{name: dy, kernel: [[-1], [0], [1]]}}
- {{name: blur, kernel: [[1, 2, 1]], scale: 1/4}}
combine:
- {{name: size, modulus: [dx, dy]}}
- {{name: top, maximum: ["d?"]}}
- {{name: blur, keep: blur}}
- {{name: texture, mean: [dx, dy], window: 5}}
"""
NAMES = ["size", "top", "blur", "texture"]


def expected(grey):
    """SciPy's own maps."""
    dx = ndimage.correlate1d(grey, [-1, 0, 1], 1, mode="nearest")
    dy = ndimage.correlate1d(grey, [-1, 0, 1], 0, mode="nearest")
    sizes = (np.abs(dx) + np.abs(dy)) / 2
    ones = ndimage.uniform_filter(np.ones_like(grey), 5, mode="constant")
    return {
        "size": np.hypot(dx, dy),
        "top": np.maximum(dx, dy),
        "blur": ndimage.correlate1d(grey, [0.25, 0.5, 0.25], 1, mode="nearest"),
        "texture": ndimage.uniform_filter(sizes, 5, mode="constant") / ones,
    }


def test_only_the_entries_are_written_exactly():
    grey = save("in.png", noise(30, 40))
    path = bank("b.yaml", COMBINED.format(input="gray"))
    filterbank("apply", "in.png", "-b", path, "-o", "out", "--format", "npy")
    assert sorted(p.name for p in Path("out/in").iterdir()) == sorted(f"{name}.npy" for name in NAMES)
    wanted = expected(grey)
    for name in NAMES:
        assert np.abs(np.load(f"out/in/{name}.npy") - wanted[name]).max() <= 1e-5
    (line,) = manifest(Path("out"))
    assert [one["filter"] for one in line["maps"]] == NAMES
    assert line["digest"] == library.load_bank(path).digest
    by_name = {one["filter"]: one for one in line["maps"]}
    assert by_name["top"]["min"] == pytest.approx(wanted["top"].min(), abs=1e-5)
    assert by_name["top"]["negative"] == pytest.approx((wanted["top"] < -1e-7).mean(), abs=0.01)
    assert set(by_name["size"]["method"].split(", ")) <= {"direct", "separable", "winograd", "fft"}
    assert np.abs(library.apply("in.png", path) - np.stack(list(wanted.values()))).max() <= 1e-5


def test_codes_have_the_range_that_suits():
    grey = save("in.png", noise(30, 40))
    bank("b.yaml", COMBINED.format(input="gray"))
    filterbank("apply", "in.png", "-b", "b.yaml", "-o", "out")
    wanted = expected(grey)
    assert_codes("out/in/size.png", np.rint(255 * wanted["size"] / wanted["size"].max()))
    assert_codes("out/in/top.png", signed_codes(wanted["top"]))
    # Quarters of whole codes: many halves, which float32 may round to either side.
    assert np.abs(np.asarray(Image.open("out/in/blur.png")) - 255 * wanted["blur"]).max() <= 0.5 + 1e-4
    assert_codes("out/in/texture.png", np.rint(255 * wanted["texture"] / wanted["texture"].max()))
    (line,) = manifest(Path("out"))
    assert [(one["lo"] < 0, one["zero"]) for one in line["maps"]] == [
        (False, 0),
        (True, 128),
        (False, 0),
        (False, 0),
    ]
    filterbank("decode", "out/in/top.png", "-o", "back", "--format", "npy")
    step = line["maps"][1]["hi"] / 127
    assert np.abs(np.load("back/top.npy") - wanted["top"]).max() <= step / 2 + 1e-6


@pytest.mark.parametrize("form", ["png", "png16", "tiff"])
def test_stacks_have_a_page_an_entry(form):
    save("in.png", noise(20, 24))
    bank("b.yaml", COMBINED.format(input="gray"))
    filterbank("apply", "in.png", "-b", "b.yaml", "-o", "out", "--stack", "--format", form)
    with tifffile.TiffFile("out/in.tiff") as stack:
        assert len(stack.pages) == len(NAMES)
        assert [json.loads(page.description)["filter"] for page in stack.pages] == NAMES


def test_a_stack_of_npy_has_the_entries():
    grey = save("in.png", noise(20, 24))
    bank("b.yaml", COMBINED.format(input="gray"))
    filterbank("apply", "in.png", "-b", "b.yaml", "-o", "out", "--stack", "--format", "npy")
    stack = np.load("out/in.npy")
    assert stack.shape == (4, 20, 24)
    assert np.abs(stack - np.stack(list(expected(grey).values()))).max() <= 1e-5


def test_filter_applies_to_what_is_written():
    save("in.png", noise(20, 24))
    bank("b.yaml", COMBINED.format(input="gray"))
    filterbank("apply", "in.png", "-b", "b.yaml", "-o", "some", "--filter", "t*", "--format", "npy")
    filterbank("apply", "in.png", "-b", "b.yaml", "-o", "all", "--format", "npy")
    assert sorted(p.stem for p in Path("some/in").iterdir()) == ["texture", "top"]
    for name in ("texture", "top"):
        assert Path(f"some/in/{name}.npy").read_bytes() == Path(f"all/in/{name}.npy").read_bytes()
    ended = filterbank("apply", "in.png", "-b", "b.yaml", "-o", "no", "--filter", "dx", code=2)
    assert "--filter: 'dx' matches no filter of bank 'b'; accepted: size, top, blur, texture" in ended.err


@pytest.mark.parametrize("over", ["image", "batch"])
def test_scales_are_shared_within_a_kind(over):
    save("in/a.png", noise(20, 24))
    save("in/b.png", noise(20, 24, seed=1) // 2)
    bank("b.yaml", COMBINED.format(input="gray"))
    filterbank("apply", "in", "-b", "b.yaml", "-o", "out", "--range-over", over)
    lines = manifest(Path("out"))
    scales = [{one["filter"]: one["hi"] for one in line["maps"]} for line in lines]
    assert all(one["size"] == one["texture"] for one in scales)
    assert (scales[0] == scales[1]) == (over == "batch")
    largest = max(one["max"] for line in lines for one in line["maps"] if one["filter"] == "size")
    if over == "batch":
        assert scales[0]["size"] == pytest.approx(largest)


def test_every_channel_on_its_own():
    pixels = save("in.png", noise(20, 24, 3))
    bank("b.yaml", COMBINED.format(input="each"))
    filterbank("apply", "in.png", "-b", "b.yaml", "-o", "out", "--format", "npy")
    filterbank("apply", "in.png", "-b", "b.yaml", "-o", "png")
    for channel in range(3):
        for name, wanted in expected(pixels[..., channel]).items():
            assert np.abs(np.load(f"out/in/{name}.npy")[channel] - wanted).max() <= 1e-5
    assert Image.open("png/in/size.png").mode == "RGB"
    assert library.apply("in.png", "b.yaml").shape == (4, 3, 20, 24)


def test_linear_light_goes_back_into_pictures():
    save("in.png", np.full((9, 9), 188, np.uint8))
    bank("b.yaml", COMBINED.format(input="gray"))
    filterbank("apply", "in.png", "-b", "b.yaml", "-o", "out", "--linear")
    assert np.asarray(Image.open("out/in/blur.png")).tolist() == np.full((9, 9), 188).tolist()


def test_jobs_and_threads_give_the_same_bytes():
    for index in range(3):
        save(f"in/{index}.png", noise(60, 80, seed=index))
    for jobs in (1, 2, 8):
        filterbank("apply", "in", "-b", "mr8", "-o", f"out{jobs}", "-j", jobs)
    names = [p.relative_to("out1") for p in Path("out1").rglob("*.png")]
    assert len(names) == 24
    for name in names:
        first = (Path("out1") / name).read_bytes()
        assert all((Path(f"out{jobs}") / name).read_bytes() == first for jobs in (2, 8))


def test_mr8_is_38_filters_and_8_maps():
    grey = save("in.png", noise(70, 60))
    filterbank("apply", "in.png", "-b", "mr8", "-o", "out", "--format", "npy")
    every = dict(zip(library.load_bank("rfs").layer.names, library.apply("in.png", "rfs"), strict=True))
    assert len(every) == 38
    for name in ("edge_1", "edge_2", "edge_4", "bar_1", "bar_2", "bar_4"):
        own = [values for other, values in every.items() if other.startswith(f"{name}_")]
        assert len(own) == 6
        assert np.array_equal(np.load(f"out/in/{name}.npy"), np.max(own, axis=0))
    for name in ("gaussian_10", "log_10"):
        assert np.array_equal(np.load(f"out/in/{name}.npy"), every[name])
    assert len(list(Path("out/in").iterdir())) == 8
    assert grey.shape == every["log_10"].shape


def test_laws_energy_averages_pairs_of_energies():
    save("in.png", noise(40, 44))
    filterbank("apply", "in.png", "-b", "laws_energy", "-o", "out", "--format", "npy")
    bank_ = library.load_bank("laws-25")
    every = dict(zip(bank_.layer.names, library.apply("in.png", bank_), strict=True))
    ones = ndimage.uniform_filter(np.ones((40, 44)), 15, mode="constant")
    vectors = ["L5", "E5", "S5", "W5", "R5"]
    pairs = [(a, b) for i, a in enumerate(vectors) for b in vectors[i:] if (a, b) != ("L5", "L5")]
    assert sorted(p.stem for p in Path("out/in").iterdir()) == sorted(a + b for a, b in pairs)
    assert len(pairs) == 14
    for a, b in pairs:
        sizes = (np.abs(every[a + b]).astype(float) + np.abs(every[b + a])) / 2
        wanted = ndimage.uniform_filter(sizes, 15, mode="constant") / ones
        assert np.abs(np.load(f"out/in/{a}{b}.npy") - wanted).max() <= 1e-5


def test_gabor_energy_is_flat_on_a_grating_that_fits():
    place = np.arange(160)
    grating = 0.5 + 0.5 * np.cos(2 * np.pi * place / 8)
    maps = library.apply(np.tile(grating, (160, 1)), "gabor-energy")
    bank_ = library.load_bank("gabor-energy")
    fits = maps[bank_.layer.maps.index("gabor_8_000")][60:100, 60:100]
    assert np.abs(fits - 0.25).max() <= 0.003
    assert maps[bank_.layer.maps.index("gabor_8_090")][60:100, 60:100].max() <= 0.01


def test_dry_run_and_json_tell_the_maps():
    save("in.png", noise(20, 24))
    told = filterbank("apply", "in.png", "-b", "mr8", "-o", "out", "--dry-run", "--json").json[0]
    (own,) = told["banks"]
    assert [Path(name).stem for name in own["files"]] == list(library.load_bank("mr8").layer.maps)
    assert len(own["methods"]) == 8
    ended = filterbank("apply", "in.png", "-b", "mr8", "-o", "out", "--dry-run")
    assert "mr8: 8 maps of 24×20" in ended.out.decode()
    assert "1 image, 8 maps" in ended.err


def test_one_map_goes_to_standard_output():
    save("in.png", noise(20, 24))
    ended = filterbank("apply", "in.png", "-b", "sobel-magnitude", "-o", "-")
    assert ended.out.startswith(b"\x89PNG")


def test_explain_tells_of_what_maps_are_made():
    told = json.loads(filterbank("explain", "mr8", "--size", "64x48", "--json").out)
    assert len(told["filters"]) == 38
    assert len(told["combine"]) == 8
    assert told["combine"][0] == {
        "name": "edge_1",
        "operation": "maximum",
        "filters": [f"edge_1_{angle:03d}" for angle in range(0, 180, 30)],
        "window": None,
    }
    text = filterbank("explain", "laws-energy", "--size", "64x48").out.decode()
    assert "L5E5  mean of 2: L5E5, E5L5, mean |r| over 15×15\n" in text
    assert library.explain("mr8", (48, 64))["combine"][7]["name"] == "log_10"


def test_check_and_banks_tell_both_numbers():
    assert "mr8: ok, 38 filters 49×49×1, 8 maps, digest" in filterbank("check", "mr8").out.decode()
    told = json.loads(filterbank("banks", "mr8", "--json").out)
    assert (len(told["filters"]), told["maps"], told["kin"]) == (38, 8, "Texture")
    assert told["combine"][6] == {
        "name": "gaussian_10",
        "operation": "keep",
        "filters": ["gaussian_10"],
        "window": None,
    }
    brief = {each["name"]: each for each in json.loads(filterbank("banks", "--json").out)}
    assert (brief["mr8"]["filters"], brief["mr8"]["maps"]) == (38, 8)
    assert (brief["sobel"]["filters"], brief["sobel"]["maps"]) == (2, 2)
    assert (
        "    edge_1       maximum of 6: edge_1_000, edge_1_030, …, edge_1_150\n"
        in filterbank("banks", "mr8").out.decode()
    )


def test_show_draws_the_filters():
    filterbank("show", "mr8", "--filter", "edge_4_*", "-o", "sheet.png")
    assert Image.open("sheet.png").width > 500
