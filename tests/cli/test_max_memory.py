"""``apply --max-memory``: bands give the files that whole images give, whatever source, bank and format."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from running import PAIR, PROGRAM, bank, files, filterbank, noise, save, without_seconds

from filterbank.batch.banded import memory
from filterbank.batch.budget import Budget
from filterbank.imagefile.pieces.tiff import _Rows as TiffRows
from filterbank.imagefile.read_map import read_maps

CAP = "2G"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    # The program here is the whole test run, which may be any size.
    monkeypatch.setattr("filterbank.batch.budget.resident", lambda: 50 << 20)
    return tmp_path


@pytest.fixture
def bands(monkeypatch: pytest.MonkeyPatch):
    """Sets how many rows of maps a band has; an image then never goes whole."""
    cut: list[int] = []

    def rows_of(rows: int) -> list[int]:
        def most_rows(job, todo, room, threads):
            grain = memory.bands.grain(todo.plan)
            cut.append(-(-rows // grain) * grain)
            return cut[-1]

        monkeypatch.setattr(memory, "most_rows", most_rows)
        monkeypatch.setattr(memory, "of_whole", lambda *_: 1 << 60)
        return cut

    return rows_of


def assert_same_maps(found: str, whole: str) -> None:
    """Assert that two folders hold the same maps, which say the same of themselves; so do the manifests."""
    assert list(files(Path(found))) == list(files(Path(whole)))
    for name in files(Path(whole)):
        if name.endswith(".csv"):
            assert Path(found, name).read_bytes() == Path(whole, name).read_bytes()
            continue
        pairs = zip(read_maps(Path(found, name)), read_maps(Path(whole, name)), strict=True)
        for (values, text), (expected, told) in pairs:
            assert text == told
            np.testing.assert_array_equal(values.view(np.int32), expected.view(np.int32))
    for line, expected in zip(without_seconds(found), without_seconds(whole), strict=True):
        means = [[one.pop("mean") for one in each["maps"]] for each in (line, expected)]
        assert means[0] == pytest.approx(means[1], rel=1e-12, abs=1e-12)
        assert line == expected


def tiff(path: str, pixels: np.ndarray, **options: object) -> str:
    tifffile.imwrite(path, pixels, **options)
    return path


COLOUR = "input: rgb\nfilters:\n- {name: warm, kernel: [[1, 2, 1]], channels: [0.5, 0.4, 0.1]}\n"
EACH = (
    "input: each\nfilters:\n- {name: dx, kernel: [[-1, 0, 1]]}\n"
    "- {name: blur, kernel: [[1, 1], [1, 1]], scale: 1/4}\n"
)
WINDOWS = (
    "filters:\n- {name: dx, kernel: [[-1, 0, 1]]}\n- {name: dy, kernel: [[-1], [0], [1]]}\n"
    "combine:\n- {name: size, modulus: ['d*']}\n- {name: near, mean: ['d*'], window: 7}\n"
)
STACK = (
    "layers:\n- {padding_mode: reflect, activation: relu, filters: [{name: a, kernel: [[1, -1], [2, 1]]}, "
    "{name: b, kernel: [[1, 1, 1]]}]}\n"
    "- {stride: 2, filters: [{name: c, kernel: [[[1, 2], [0, 1]], [[1, 0], [0, 1]]]}]}\n"
)
FORMATS = (
    ("--format", "png"),
    ("--format", "png16", "--range", "minmax"),
    ("--format", "tiff"),
    ("--format", "npy"),
    ("--format", "npy", "--stack"),
    ("--format", "tiff", "--stack"),
    ("--format", "png16", "--stack"),
    ("--compress", "small"),
    ("--range", "-0.1:0.2"),
    ("--range-over", "image"),
    ("--range-over", "batch"),
    ("--linear",),
)


@pytest.mark.parametrize("options", FORMATS, ids=" ".join)
@pytest.mark.parametrize(
    "text", [PAIR, COLOUR, EACH, WINDOWS, STACK], ids=["gray", "rgb", "each", "windows", "stack"]
)
def test_bands_give_the_files_of_the_whole(bands, text, options) -> None:
    bank("b.yaml", text)
    for name, alpha in (("one", False), ("two", True)):
        pixels = noise(41, 23, 3 + alpha, seed=alpha)
        tiff(f"{name}.tif", pixels, photometric="rgb", extrasamples=["unassalpha"] * alpha, tile=(16, 16))
    if "--stack" in options and text == EACH:
        Path("two.tif").unlink()
    common = ("apply", "*.tif", "-b", "b.yaml", *options)
    filterbank(*common, "-o", "whole")
    for rows in (1, 7, 16):
        cut = bands(rows)
        filterbank(*common, "-o", f"bands{rows}", "--max-memory", CAP)
        assert cut
        assert_same_maps(f"bands{rows}", "whole")


@pytest.mark.parametrize("mode", ["constant", "reflect", "symmetric", "replicate", "circular"])
def test_borders(bands, mode) -> None:
    bank("b.yaml", "filters:\n- {name: f, kernel: [[1, 2, 0], [0, 1, 0], [3, 0, 1], [1, 1, 1], [1, 0, 4]]}\n")
    np.save("a.npy", np.random.default_rng(1).random((30, 17)))
    common = (
        "apply",
        "a.npy",
        "-b",
        "b.yaml",
        "--padding-mode",
        mode,
        "--format",
        "npy",
        "--padding-value",
        "0.5",
    )
    common = common if mode == "constant" else common[:-2]
    filterbank(*common, "-o", "whole")
    bands(4)
    filterbank(*common, "-o", "bands", "--max-memory", CAP)
    assert_same_maps("bands", "whole")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_layer_on_any_image(bands, data) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 1 << 30)))
    height, width = data.draw(st.integers(12, 40)), data.draw(st.integers(12, 30))
    kind = data.draw(st.sampled_from([np.uint8, np.uint16, np.float32]))
    pixels = (rng.random((height, width)) * (1 if kind is np.float32 else np.iinfo(kind).max)).astype(kind)
    number = len(list(Path.cwd().iterdir()))
    tiff(f"{number}.tif", pixels, rowsperstrip=data.draw(st.integers(1, 9)))
    weights = rng.integers(-3, 4, (data.draw(st.integers(1, 5)), data.draw(st.integers(1, 5)))).tolist()
    bank(f"{number}.yaml", json.dumps({"filters": [{"name": "f", "kernel": weights}]}))
    padding = data.draw(st.sampled_from(["same", "valid", "2", "[1, 0, 2, 1]"]))
    mode = data.draw(st.sampled_from(["zeros", "reflect", "symmetric", "replicate", "circular"]))
    common = (
        "apply", f"{number}.tif", "-b", f"{number}.yaml", "--padding", padding, "--padding-mode", mode,
        "--stride", f"[{data.draw(st.integers(1, 3))}, {data.draw(st.integers(1, 3))}]",
        "--dilation", str(data.draw(st.integers(1, 1 if padding == "valid" else 2))),
        "--format", data.draw(st.sampled_from(["png", "tiff", "npy"])),
    )  # fmt: skip
    filterbank(*common, "-o", f"whole{number}")
    bands(data.draw(st.integers(1, height)))
    filterbank(*common, "-o", f"bands{number}", "--max-memory", CAP)
    assert_same_maps(f"bands{number}", f"whole{number}")


def test_every_layer_of_a_stack(bands) -> None:
    bank("b.yaml", STACK)
    save("a.png", noise(31, 22))
    tiff("a.tif", noise(31, 22), rowsperstrip=4)
    filterbank("apply", "a.tif", "-b", "b.yaml", "-o", "whole", "--all-layers")
    bands(5)
    filterbank("apply", "a.tif", "-b", "b.yaml", "-o", "bands", "--all-layers", "--max-memory", CAP)
    assert_same_maps("bands", "whole")


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.csv", "f.npy", "side.tif", "a.pgm"])
def test_files_without_rows_are_read_whole_and_filtered_in_bands(bands, name) -> None:
    pixels = noise(31, 22)
    side = {"extratags": [(274, 3, 1, 6, True)]}
    for path in ("a.png", "a.jpg", "a.webp", "a.pgm"):
        save(path, pixels)
    np.savetxt("a.csv", pixels, delimiter=",", fmt="%d")
    np.save("f.npy", np.asfortranarray(pixels))
    tiff("side.tif", pixels, **side)
    filterbank("apply", name, "-b", "sobel", "-o", "whole")
    cut = bands(5)
    filterbank("apply", name, "-b", "sobel", "-o", "bands", "--max-memory", CAP)
    assert cut
    assert_same_maps("bands", "whole")


def test_standard_input_and_output(bands) -> None:
    tiff("a.tif", noise(31, 22), rowsperstrip=4)
    data = Path("a.tif").read_bytes()
    common = ("apply", "-", "-b", "sobel", "--filter", "sobel_x", "-o", "-")
    bands(5)
    for format in ("png", "npy", "tiff"):
        Path("whole").write_bytes(filterbank(*common, "--format", format, stdin=data).out)
        Path("bands").write_bytes(
            filterbank(*common, "--format", format, "--max-memory", CAP, stdin=data).out
        )
        ((found, text),), ((expected, told),) = read_maps(Path("bands")), read_maps(Path("whole"))
        np.testing.assert_array_equal(found, expected)
        assert text == told


def test_zarr_with_and_without_a_cap(bands) -> None:
    zarr = pytest.importorskip("zarr")
    pixels = noise(31, 22)
    Path("in").mkdir()
    zarr.create_array("in/a.zarr", data=pixels, chunks=(8, 10))
    np.save("in/b.npy", pixels)
    filterbank("apply", "in", "-b", "sobel", "-o", "whole")
    bands(5)
    filterbank("apply", "in", "-b", "sobel", "-o", "bands", "--max-memory", CAP)
    assert_same_maps("bands", "whole")
    assert Path("whole/a/sobel_x.png").read_bytes() == Path("whole/b/sobel_x.png").read_bytes()
    filterbank("apply", "in/a.zarr", "-b", "sobel", "-o", "bands", "--resume", "--max-memory", CAP)


def test_resume_json_skip_and_decode(bands) -> None:
    for name in "ab":
        tiff(f"{name}.tif", noise(31, 22, seed=ord(name)), rowsperstrip=4)
    bands(5)
    common = ("apply", "a.tif", "b.tif", "-b", "sobel", "-o", "maps", "--max-memory", CAP)
    ended = filterbank(*common, "--json")
    assert sorted(line["input"] for line in ended.json) == ["a.tif", "b.tif"]
    before = files(Path("maps"))
    assert "2 skipped" in filterbank(*common, "--resume").err
    Path("maps/a/sobel_x.png").unlink()
    assert "1 image, 2 maps, 1 skipped" in filterbank(*common, "--resume").err
    assert files(Path("maps")) == before
    Path("maps/b/sobel_y.png").unlink()
    Path("maps/b/sobel_x.png").write_bytes(b"mine")
    filterbank(*common, "--on-exists", "skip")
    assert Path("maps/b/sobel_x.png").read_bytes() == b"mine"
    assert Path("maps/b/sobel_y.png").read_bytes() == before["b/sobel_y.png"]
    filterbank("decode", "maps/a/sobel_x.png", "-o", "floats")
    assert np.load("floats/sobel_x.npy").shape == (31, 22)


def test_damage_in_the_middle_leaves_nothing_behind(bands) -> None:
    tiff("a.tif", noise(60, 22), compression="zlib", rowsperstrip=20)
    with tifffile.TiffFile("a.tif") as file:
        start = file.pages[0].dataoffsets[2]
    data = bytearray(Path("a.tif").read_bytes())
    data[start : start + 30] = bytes(30)
    Path("a.tif").write_bytes(data)
    bands(5)
    ended = filterbank(
        "apply", "a.tif", "-b", "sobel", "-o", "maps", "--range", "-1:1", "--max-memory", CAP, code=1
    )
    assert ended.err.startswith("filterbank: a.tif: is a damaged or unsupported TIFF file")
    assert not Path("maps").exists() or not files(Path("maps"))


def test_the_limit_on_pixels_holds_for_what_is_read_whole() -> None:
    tiff("a.tif", noise(31, 22), rowsperstrip=4)
    save("a.png", noise(31, 22))
    common = ("-b", "sobel", "-o", "maps", "--on-exists", "overwrite", "--max-pixels", "100")
    assert "at most 100" in filterbank("apply", "a.tif", *common, code=1).err
    filterbank("apply", "a.tif", *common, "--max-memory", CAP)
    ended = filterbank("apply", "a.png", *common, "--max-memory", CAP, code=1)
    assert "at most 100" in ended.err


def test_a_cap_below_the_program_is_refused() -> None:
    save("a.png", noise(31, 22))
    ended = filterbank("apply", "a.png", "-b", "sobel", "-o", "maps", "--max-memory", "20M", code=2)
    found = re.fullmatch(
        r"filterbank: --max-memory 20 MB: the program alone takes (\d+) MB; accepted: at least (\d+)M\n",
        ended.err,
    )
    assert found
    assert 20 < int(found[1]) < int(found[2])
    assert not Path("maps").exists()


def test_an_image_too_large_for_the_cap_says_what_would_do() -> None:
    Path("wide.pgm").write_bytes(b"P5 20000 20000 255\n" + bytes(1))
    ended = filterbank("apply", "wide.pgm", "-b", "sobel", "-o", "maps", "--max-memory", "500M", code=1)
    told = (
        r"wide\.pgm: needs \d+ MB to be read: it is a file of format pnm, of which no part can be read "
        r"without the rest; --max-memory 500 MB leaves \d+ MB beside the program itself; "
        r"accepted: --max-memory \d+M or more; or make it a tiled TIFF or an npy"
    )
    assert re.search(told, ended.err)


def test_bands_too_large_for_the_cap_say_what_would_do() -> None:
    np.save("wide.npy", np.zeros((20, 1_500_000), np.uint8))
    common = ("apply", "wide.npy", "-b", "sobel", "-o", "maps", "--format", "npy", "-j", "1", "--max-memory")
    (cap,) = re.findall(r"at least (\d+M)", filterbank(*common, "1M", code=2).err)
    ended = filterbank(*common, cap, code=1)
    (cap,) = re.findall(
        r"needs \d+ MB even in the smallest bands; .*; accepted: --max-memory (\d+)M", ended.err
    )
    filterbank(*common, f"{int(cap) + 20}M")


def test_a_strip_too_large_for_the_cap_is_not_decoded(monkeypatch) -> None:
    tiff("a.tif", np.zeros((6000, 6000), np.uint8), compression="zlib", rowsperstrip=6000)
    monkeypatch.setattr(TiffRows, "_segments", lambda *_: pytest.fail("a strip was decoded"))
    common = ("apply", "a.tif", "-b", "sobel", "-o", "maps", "--max-memory")
    (cap,) = re.findall(r"at least (\d+M)", filterbank(*common, "1M", code=2).err)
    told = filterbank(*common, cap, code=1).err
    assert re.search(r"needs \d+ MB even in the smallest bands, as 6,000 rows are stored together; ", told)


def test_images_wait_for_their_share(monkeypatch) -> None:
    taken = []
    real = Budget.taking

    def watched(self, nbytes, check=lambda: None):
        taken.append(nbytes)
        return real(self, nbytes, check)

    monkeypatch.setattr(Budget, "taking", watched)
    for number in range(6):
        save(f"in/{number}.png", noise(20, 30, seed=number))
    filterbank("apply", "in", "-b", "sobel", "-o", "whole", "-j", "3")
    assert not taken
    filterbank("apply", "in", "-b", "sobel", "-o", "maps", "-j", "3", "--max-memory", CAP)
    assert len(taken) == 6
    assert files(Path("maps")) == files(Path("whole"))


def test_a_dry_run_tells_both(bands) -> None:
    tiff("a.tif", noise(31, 22), rowsperstrip=4)
    bands(8)
    ended = filterbank("apply", "a.tif", "-b", "sobel", "-o", "maps", "--max-memory", CAP, "--dry-run")
    assert re.search(r"\S+ MB in bands of 8 rows; held whole it would take", ended.out.decode())
    ended = filterbank(
        "apply", "a.tif", "-b", "sobel", "-o", "maps", "--max-memory", CAP, "--dry-run", "--json"
    )
    assert ended.json[0]["bands"] == [8]
    assert not Path("maps").exists()


def test_one_wrong_row_is_seen() -> None:
    for name, wrong in (("one", 0), ("two", 1)):
        pixels = noise(20, 20)
        pixels[7, 7] ^= wrong
        Path(name).mkdir()
        Image.fromarray(pixels).save(f"{name}/a.png")
        filterbank("apply", f"{name}/a.png", "-b", "sobel", "-o", f"maps-{name}", "--range", "-1:1")
    with pytest.raises(AssertionError):
        assert_same_maps("maps-two", "maps-one")


def test_more_maps_than_files_may_be_open() -> None:
    tiff("a.tif", noise(31, 22), rowsperstrip=4)
    filters = [{"name": f"f{k}", "kernel": [[k, 1]]} for k in range(60)]
    bank("b.yaml", json.dumps({"filters": filters}))
    # Beyond this limit of pixels the image goes in bands.
    run = f"ulimit -Sn 40; exec {sys.executable} -m filterbank apply a.tif -b b.yaml -o maps --max-memory 1G"
    subprocess.run(["bash", "-c", run + " --max-pixels 100"], check=True, capture_output=True)
    assert len(files(Path("maps"))) == 60


def test_explain_tells_the_bands() -> None:
    ended = filterbank("explain", "sobel", "--size", "30000x30000", "--max-memory", CAP)
    said = r"^bands +\d+ of [\d,]+ rows, \d+ MB each beside \d+ MB of the program; whole "
    assert re.search(said, ended.out.decode(), re.M)
    told = json.loads(filterbank("explain", "sobel", "--size", "300x300", "--max-memory", CAP, "--json").out)
    assert told["bands"]["bands"] == 1


@pytest.mark.slow
def test_an_interrupt_ends_between_bands(tmp_path: Path) -> None:
    tiff("a.tif", np.tile(noise(500, 3000), (24, 1)), tile=(256, 256))
    process = subprocess.Popen(
        [
            *(sys.executable, "-c", PROGRAM, "apply", "a.tif", "-b", "prewitt-compass", "-o", "maps"),
            *("--compress", "small", "--max-memory", "150M"),
        ],
        stderr=subprocess.PIPE,
    )
    while not any(path.stat().st_size > 1 << 20 for path in Path("maps").rglob("*.filterbank-tmp")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130, told
    assert b"the rest was not done" in told
    assert not Path("maps").exists() or not files(Path("maps"))
