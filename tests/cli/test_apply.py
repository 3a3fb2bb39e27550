"""``filterbank apply`` from outside: the main job, names, what exists, bad images, refusals."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from running import (
    LUMA,
    PAIR,
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
    assert "rename one of them, or give the folder above the images" in ended.err
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


def test_leftovers_of_a_killed_run_are_removed_wherever_they_are() -> None:
    save("a.png", noise(9, 9))
    mark = Path("maps/.00112233445566ff.filterbank-tmp")
    leftover = Path("maps/of/another/image/.0123456789abcdef.filterbank-tmp")
    leftover.parent.mkdir(parents=True)
    for path in (mark, leftover):
        path.write_bytes(b"half")
    filterbank("apply", "a.png", "-b", "sobel", "-o", "maps")
    assert list(files(Path("maps"))) == ["a/sobel_x.png", "a/sobel_y.png"]


def test_a_run_that_writes_nothing_leaves_no_new_folder() -> None:
    Path("bad.png").write_bytes(b"bad")
    filterbank("apply", "bad.png", "-b", "sobel", "-o", "new/maps", code=1)
    assert not Path("new").exists()
    Path("old").mkdir()
    filterbank("apply", "bad.png", "-b", "sobel", "-o", "old", code=1)
    assert list(Path("old").iterdir()) == []


def test_names_that_differ_only_by_case_are_two_files() -> None:
    save("in/A.png", noise(9, 9))
    save("in/a.png", noise(9, 9, seed=1))
    if len(list(Path("in").iterdir())) == 1:
        pytest.skip("this disk ignores case")
    filterbank("apply", "in", "-b", "identity", "-o", "maps")
    assert list(files(Path("maps"))) == ["A/identity.png", "a/identity.png"]


def test_a_pipe_named_outright_is_a_failed_image() -> None:
    os.mkfifo("pipe.png")
    ended = filterbank("apply", "pipe.png", "-b", "sobel", "-o", "maps", code=1)
    assert "filterbank: pipe.png: is not a regular file" in ended.err


def test_the_folder_for_maps_is_left_out_of_a_search() -> None:
    save("a.png", noise(9, 9))
    for _ in range(2):
        filterbank("apply", ".", "-b", "sobel", "-o", "maps", "--on-exists", "overwrite")
    assert len(files(Path("maps"))) == 2


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
        (
            ["empty", "-b", "sobel", "-o", "maps"],
            "no images found in empty; accepted: image files such as .png .jpg .tif .npy, folders of them",
        ),
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
        (["a.png", "-b", "sobel", "-o", ""], "'-o' / '--out': found an empty text; accepted: a name"),
        (["a.png", "-b", "", "-o", "m"], "'-b' / '--bank': found an empty text"),
        (["a.png", "-b", "sobel", "-o", "m", "--name", ""], "'--name': found an empty text"),
        (["", "-b", "sobel", "-o", "m"], "'IMAGE...': found an empty text"),
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
