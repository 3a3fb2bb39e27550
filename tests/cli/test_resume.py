"""apply --resume: what is done is skipped, what is stale is done again, and kills leave no trace."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from running import bank, files, filterbank, manifest, noise, save, without_seconds

from filterbank.batch import claims
from filterbank.errors import OutputError

PROGRAM = "from filterbank.cli.main import main; main()"
COMMAND = [sys.executable, "-c", PROGRAM]


def make_images(count: int, size: int = 40) -> None:
    for number in range(count):
        save(f"in/{number}.png", noise(size, size + number % 3, seed=number))


def resumed(*extra: object, code: int = 0, folder: str = "in", banks: tuple[str, ...] = ("sobel",)) -> list:
    """Resume into ``maps``; return the names of the images that were done, sorted."""
    banks = tuple(word for name in banks for word in ("-b", name))
    ended = filterbank("apply", folder, *banks, "-o", "maps", "--resume", "--json", *extra, code=code)
    return sorted({Path(line["input"]).stem for line in ended.json if "maps" in line})


@pytest.mark.parametrize(("form", "extra"), [("png", ()), ("npy", ()), ("tiff", ("--stack",))])
def test_killed_at_random_and_resumed_a_batch_is_an_undisturbed_one(form: str, extra: tuple[str]) -> None:
    make_images(30)
    arguments = ["apply", "in", "-b", "sobel", "-b", "kirsch", "--format", form, *extra, "-j", "2"]
    filterbank(*arguments, "-o", "whole")
    chance = random.Random(form)
    killed = 0
    for attempt in range(40):
        process = subprocess.Popen(
            [*COMMAND, *arguments, "-o", "maps", "--resume"], stderr=subprocess.PIPE, text=True
        )
        goal = len(list(Path("maps").rglob(f"*.{form}"))) + chance.randint(1, 80 if not extra else 12)
        while process.poll() is None and len(list(Path("maps").rglob(f"*.{form}"))) < goal:
            time.sleep(0.001)
        time.sleep(chance.random() * 0.003)
        process.kill()
        _, said = process.communicate()
        assert process.returncode in (0, -signal.SIGKILL), said  # never refused what it had written itself
        killed += process.returncode != 0
        if process.returncode == 0 and attempt > 2:
            break
    assert killed >= 3
    filterbank(*arguments, "-o", "maps", "--resume")
    assert files(Path("maps")) == files(Path("whole"))  # no temporary files either
    assert without_seconds("maps") == without_seconds("whole")


def test_what_is_done_is_skipped_and_nothing_is_written() -> None:
    make_images(3)
    assert resumed() == ["0", "1", "2"]
    before = {path: path.stat().st_mtime_ns for path in Path("maps").rglob("*") if path.is_file()}
    assert resumed() == []
    assert {path: path.stat().st_mtime_ns for path in Path("maps").rglob("*") if path.is_file()} == before
    ended = filterbank("apply", "in", "-b", "sobel", "-o", "maps", "--resume", "--dry-run")
    assert ended.out.count(b"skipped, its maps are done") == 3


@pytest.mark.parametrize("extra", [(), ("--stack", "--format", "tiff"), ("--stack", "--format", "npy")])
def test_every_layer_of_a_stack_is_known(extra: tuple[str, ...]) -> None:
    make_images(2)
    layers = [{"stride": 2, "filters": [{"name": f"a{k}", "kernel": [[k, 1]]} for k in range(3)]}]
    layers += [{"filters": [{"name": "b", "kernel": [[[1]], [[2]], [[-3]]]}]}]
    Path("two.json").write_text(json.dumps({"name": "two", "input": "gray", "layers": layers}))
    assert resumed("--all-layers", *extra, banks=("two.json",)) == ["0", "1"]
    assert resumed("--all-layers", *extra, banks=("two.json",)) == []
    damaged = sorted(path for path in Path("maps").rglob("*") if path.suffix in {".png", ".tiff", ".npy"})[0]
    damage_cut(damaged)
    assert resumed("--all-layers", *extra, banks=("two.json",)) == ["0"]
    assert resumed(*extra, banks=("two.json",)) == ["0", "1"]  # of the last layer alone: other maps


def test_csv_maps_are_known() -> None:
    make_images(2)
    assert resumed("--format", "csv") == ["0", "1"]
    assert resumed("--format", "csv") == []
    damage_cut(Path("maps/1/sobel_x.csv"))
    assert resumed("--format", "csv") == ["1"]


def damage_cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5])


def damage_foreign(path: Path) -> None:
    pixels = np.zeros((40, 40), np.float32)
    if path.suffix == ".npy":
        np.save(path, pixels.astype(np.float64))
    else:
        Image.fromarray(pixels.astype(np.uint8)).save(path, path.suffix[1:])


def damage_other_map(path: Path) -> None:
    path.write_bytes((path.parents[1] / "0" / path.name).read_bytes())  # of other pixels


@pytest.mark.parametrize("form", ["png", "png16", "tiff", "npy"])
@pytest.mark.parametrize("damage", [Path.unlink, damage_cut, damage_foreign, damage_other_map])
def test_a_map_that_is_not_what_the_manifest_says_is_done_again(form: str, damage) -> None:
    make_images(3)
    resumed("--format", form)
    whole = files(Path("maps"))
    for path in Path("maps/1").glob("sobel_y.*"):
        damage(path)
    assert resumed("--format", form) == ["1"]
    assert files(Path("maps")) == whole
    assert len(manifest(Path("maps"))) == 3


def test_other_bytes_bank_or_options_are_done_again_and_each_image_stands_once() -> None:
    make_images(3)
    resumed()
    save("in/2.png", noise(40, 42, seed=99))
    assert resumed() == ["2"]
    assert resumed("--range", "minmax") == ["0", "1", "2"]
    assert resumed("--range", "minmax", "-j", "1", "--fsync") == []
    changed = bank(
        "sobel.yaml", "filters:\n- {name: sobel_x, kernel: [[1]]}\n- {name: sobel_y, kernel: [[2]]}\n"
    )
    assert resumed(banks=(changed,)) == ["0", "1", "2"]
    assert sorted(line["input"] for line in manifest(Path("maps"))) == ["in/0.png", "in/1.png", "in/2.png"]
    assert len({line["digest"] for line in manifest(Path("maps"))}) == 1


def test_a_new_image_is_added_and_a_moved_one_is_known() -> None:
    make_images(2)
    resumed()
    Path("in").rename("elsewhere")
    save("elsewhere/new.png", noise(9, 9))
    assert resumed(folder="elsewhere") == ["new"]


def test_foreign_files_are_refused_before_any_work() -> None:
    make_images(3)
    Path("maps/1").mkdir(parents=True)
    Path("maps/1/sobel_x.png").write_text("mine")
    ended = filterbank("apply", "in", "-b", "sobel", "-o", "maps", "--resume", code=2)
    assert "maps/1/sobel_x.png exists already; accepted: --on-exists" in ended.err
    assert files(Path("maps")) == {"1/sobel_x.png": b"mine"}
    assert resumed("--on-exists", "overwrite") == ["0", "1", "2"]
    assert resumed() == []


def test_with_skip_it_is_refused() -> None:
    make_images(1)
    ended = filterbank("apply", "in", "-b", "sobel", "-o", "maps", "--resume", "--on-exists", "skip", code=2)
    assert "--resume with --on-exists skip: found two ways to go on; accepted: --resume" in ended.err


def test_an_image_in_hand_when_a_run_was_killed_is_done_again() -> None:
    make_images(2)
    resumed("--format", "npy")
    names = ["1/sobel_x.npy", "1/sobel_y.npy"]
    (Path("maps") / claims.name_of(names)).write_text("[]\n[tor")
    assert resumed("--format", "npy") == ["1"]
    assert sorted(path.name for path in Path("maps").iterdir()) == ["0", "1", "manifest.jsonl"]


def test_skip_finishes_an_image_whose_maps_are_there_but_not_its_line() -> None:
    make_images(2)
    resumed()
    lines = Path("maps/manifest.jsonl").read_text().splitlines(keepends=True)
    Path("maps/manifest.jsonl").write_text("".join(line for line in lines if "in/0.png" in line))
    (Path("maps") / claims.name_of(["1/sobel_x.png"])).write_text('["1/sobel_x.png", "1/sobel_y.png"]\n')
    filterbank("apply", "in", "-b", "sobel", "-o", "maps", "--on-exists", "skip")
    assert len(manifest(Path("maps"))) == 2
    assert resumed() == []


def test_a_shared_scale_that_has_moved_makes_its_maps_stale() -> None:
    make_images(2)
    over = ("--range-over", "batch")
    resumed(*over)
    assert resumed(*over) == []
    save("in/bright.png", np.kron(np.eye(8, dtype=np.uint8) * 255, np.ones((8, 8), np.uint8)))
    assert resumed(*over) == ["0", "1", "bright"]
    filterbank("apply", "in", "-b", "sobel", "-o", "whole", *over)
    assert files(Path("maps")) == files(Path("whole"))
    assert without_seconds("maps") == without_seconds("whole")


def test_a_bad_image_fails_again_and_the_others_stay() -> None:
    make_images(2)
    Path("in/bad.png").write_bytes(b"\x89PNG\r\n\x1a\nno")
    assert resumed(code=1) == ["0", "1"]
    assert resumed(code=1) == []


def test_what_was_clipped_before_still_counts() -> None:
    make_images(2)
    over = ("--range", "0:0.01", "--fail-on-clip")
    assert resumed(*over, code=4) == ["0", "1"]
    ended = filterbank("apply", "in", "-b", "sobel", "-o", "maps", "--resume", *over, code=4)
    assert "2 skipped" in ended.err
    assert "filterbank: 0/sobel_x.png: " in ended.err


def test_an_interrupted_run_leaves_what_another_has_put_in_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    make_images(1)
    resumed()
    whole = files(Path("maps"))

    def full(path: Path, *_: object, **__: object) -> None:
        other = path.parent / "0" / "sobel_x.new"
        other.write_bytes(whole["0/sobel_x.png"])
        other.replace(path.parent / "0" / "sobel_x.png")
        raise OutputError("the disk is full")

    monkeypatch.setattr("filterbank.batch.manifest.append", full)
    filterbank("apply", "in", "-b", "sobel", "-o", "maps", "--on-exists", "overwrite", code=1)
    assert files(Path("maps")) == {"0/sobel_x.png": whole["0/sobel_x.png"]}


def test_there_is_nothing_to_resume_on_standard_output() -> None:
    make_images(1)
    ended = filterbank("apply", "in", "-b", "identity", "-o", "-", "--resume", code=2)
    assert "--resume with --out -: there is no manifest to go by" in ended.err


def test_pages_and_names_of_any_bytes() -> None:
    pages = [Image.fromarray(noise(9, 9, seed=seed)) for seed in range(3)]
    Path("in").mkdir()
    pages[0].save(os.fsdecode(b"in/\xff \n.tif"), save_all=True, append_images=pages[1:])
    assert len(resumed("--page", "all")) == 1
    assert len(manifest(Path("maps"))) == 3
    assert resumed("--page", "all") == []


@pytest.mark.parametrize(
    "line", ["", "{", "[1]", '{"maps": 3}', '{"maps": [], "input": "in/0.png"}', "\xff\xfe"]
)
def test_strange_lines_in_a_manifest_are_passed_over_and_kept(line: str) -> None:
    make_images(1)
    resumed()
    path = Path("maps/manifest.jsonl")
    path.write_bytes(line.encode("latin-1") + b"\n" + path.read_bytes())
    assert resumed() == []
    assert resumed("--range", "clip") == ["0"]
    assert path.read_bytes().startswith(line.encode("latin-1") + b"\n{")
    assert path.read_bytes().count(b"\n") == 2


def test_the_comparison_can_fail() -> None:
    make_images(1)
    resumed()
    before = without_seconds("maps")
    path = Path("maps/manifest.jsonl")
    path.write_text(path.read_text().replace('"zero": 128', '"zero": 127', 1))
    assert without_seconds("maps") != before
