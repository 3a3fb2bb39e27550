"""apply --shard I/N, and several processes that share a folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from running import files, filterbank, manifest, noise, save, without_seconds

from filterbank.batch import disk
from filterbank.batch.inputs import Source, shard

COMMAND = [sys.executable, "-c", "from filterbank.cli.main import main; main()"]


def make_images(count: int) -> None:
    for number in range(count):
        save(f"in/{number}.png", noise(20, 20, seed=number))


def together(*each: list[str]) -> None:
    """Run commands at the same time and require that all end well."""
    processes = [subprocess.Popen([*COMMAND, *one], stderr=subprocess.PIPE, text=True) for one in each]
    said = [process.communicate()[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * len(each), said


@pytest.mark.parametrize("count", [0, 1, 2, 7, 100])
@pytest.mark.parametrize("parts", [1, 2, 3, 7, 150])
def test_parts_are_equal_and_together_the_whole(count: int, parts: int) -> None:
    sources = [Source(f"{number}.png") for number in range(count)]
    every = [sources[shard(sources, part, parts)] for part in range(1, parts + 1)]
    assert [source for part in every for source in part] == sources
    assert max(map(len, every)) - min(map(len, every)) <= 1


def test_shards_at_once_make_what_one_run_makes() -> None:
    make_images(14)
    filterbank("apply", "in", "-b", "sobel", "-o", "whole")
    # The folder for maps lies in the one that is searched: shards must not take each other's maps for images.
    shards = [
        ["apply", ".", "-b", "sobel", "-o", "maps", "--shard", f"{i}/4", "--name", "{stem}/{filter}.{ext}"]
        for i in (1, 2, 3, 4)
    ]
    whole = files(Path("whole"))
    Path("whole").rename(".whole")
    together(*shards)
    assert files(Path("maps")) == whole
    assert len(manifest(Path("maps"))) == 14
    together(*[[*one, "--resume"] for one in shards])
    assert files(Path("maps")) == whole
    assert sorted(line["input"] for line in manifest(Path("maps"))) == sorted(
        f"in/{n}.png" for n in range(14)
    )


def test_the_same_shard_twice_at_once_does_no_harm() -> None:
    make_images(12)
    filterbank("apply", "in", "-b", "sobel", "-o", "whole")
    run = ["apply", "in", "-b", "sobel", "-o", "maps", "--on-exists", "overwrite", "-j", "2", "--shard"]
    together([*run, "1/2"], [*run, "1/2"], [*run, "1/2", "--resume"], [*run, "2/2"])
    assert files(Path("maps")) == files(Path("whole"))
    filterbank("apply", "in", "-b", "sobel", "-o", "maps", "--resume")
    assert without_seconds("maps") == without_seconds("whole")


def test_a_folder_that_another_run_makes_meanwhile_is_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    make_images(2)
    look = disk.is_folder

    def look_and_be_overtaken(path: str) -> bool:
        found = look(path)
        if path == "maps":
            Path("maps").mkdir(exist_ok=True)
        return found

    monkeypatch.setattr(disk, "is_folder", look_and_be_overtaken)
    filterbank("apply", "in", "-b", "sobel", "-o", "maps", "--shard", "1/2")
    assert Path("maps", "manifest.jsonl").exists()


def test_a_shard_without_images_is_done_and_makes_nothing() -> None:
    make_images(2)
    ended = filterbank("apply", "in", "-b", "sobel", "-o", "maps", "--shard", "1/3")
    assert ended.err.startswith("filterbank: 0 images, 0 maps")
    assert not Path("maps").exists()


def test_a_clash_with_another_shards_image_is_found() -> None:
    for name in ("a/x.png", "b/x.png"):
        save(name, noise(9, 9))
    for part in ("1/2", "2/2"):
        ended = filterbank(
            "apply", "a/x.png", "b/x.png", "-b", "sobel", "-o", "maps", "--shard", part, code=2
        )
        assert "would share this file" in ended.err


def test_maps_of_other_shards_may_exist() -> None:
    make_images(4)
    for part in ("1/2", "2/2"):
        filterbank("apply", "in", "-b", "sobel", "-o", "maps", "--shard", part)
    ended = filterbank("apply", "in", "-b", "sobel", "-o", "maps", "--shard", "2/2", code=2)
    assert "maps/2/sobel_x.png and 3 more exist already" in ended.err


def test_a_scale_over_the_batch_is_refused() -> None:
    make_images(2)
    over = ["apply", "in", "-b", "sobel", "-o", "maps", "--range-over", "batch"]
    ended = filterbank(*over, "--shard", "1/2", code=2)
    assert "--shard 1/2 with --range-over batch: found a scale that depends on all images" in ended.err
    filterbank(*over, "--shard", "1/2", "--range", "-1:1")


@pytest.mark.parametrize("text", ["0/2", "3/2", "1", "1/0", "-1/2", "a/b", "1/2/3", "", "1.5/2", "²/3"])
def test_what_is_no_shard_is_refused(text: str) -> None:
    make_images(1)
    ended = filterbank("apply", "in", "-b", "sobel", "-o", "maps", f"--shard={text}", code=2)
    assert f"found {text!r}; accepted: I/N with I from 1 to N, such as 3/10" in ended.err
