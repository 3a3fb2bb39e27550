"""apply --cluster: the same files, manifest and report as here, whatever happens to the workers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from running import PROGRAM, bank, files, filterbank, manifest, noise, save, without_seconds

pytest.importorskip("distributed", reason="needs the extra test-cluster")

from dask_processes import DaskProcesses, dask_processes, wait_until

from filterbank.batch import cluster, flight


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskProcesses]:
    """A scheduler with two workers that no test may harm."""
    with dask_processes(tmp_path_factory.mktemp("dask"), workers=2) as processes:
        yield processes


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make_images(count: int, size: int = 40) -> None:
    for number in range(count):
        save(f"in/{number}.png", noise(size, size + number % 3, seed=number))


def started(*arguments: str) -> subprocess.Popen[bytes]:
    """``filterbank apply`` as a process whose lines can be read as they come."""
    command = [sys.executable, "-uc", PROGRAM, "apply", *arguments]
    # Without a buffer: what a readline() reads ahead is lost to communicate().
    return subprocess.Popen(
        command, bufsize=0, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )


def once_each(folder: str, count: int) -> None:
    names = Counter(line["input"] for line in manifest(Path(folder)))
    assert len(names) == count
    assert set(names.values()) == {1}


def test_all_is_told_as_by_a_run_here(shared: DaskProcesses) -> None:
    make_images(9)
    Path("in/broken.png").write_bytes(b"\x89PNG\r\n\x1a\nno more")
    save("in/colour.png", noise(30, 30, 3))
    bank("grey.yaml", "input: 1\nfilters: [{name: dx, kernel: [[-1, 0, 1]]}]\n")
    arguments = ["apply", "in", "-b", "sobel", "-b", "grey.yaml", "--json", "--range-over", "image"]
    alone = filterbank(*arguments, "-o", "alone", code=1)
    told = filterbank(*arguments, "-o", "many", "--cluster", shared.address, code=1)
    assert files(Path("many")) == files(Path("alone"))
    assert without_seconds("many") == without_seconds("alone")

    def lines(ended: object) -> list[str]:
        return sorted(
            json.dumps(line | {"seconds": 0}, sort_keys=True)
            for line in ended.json  # type: ignore[attr-defined]
        )

    assert lines(told) == lines(alone)

    def named(ended: object) -> list[str]:
        return sorted(line for line in ended.err.splitlines() if " → " not in line)  # type: ignore[attr-defined]

    assert named(told) == named(alone)
    assert "in/broken.png: " in told.err


def test_one_scale_for_the_batch(shared: DaskProcesses) -> None:
    make_images(5)
    arguments = ["apply", "in", "-b", "sobel", "--range-over", "batch"]
    filterbank(*arguments, "-o", "alone")
    filterbank(*arguments, "-o", "many", "--cluster", shared.address)
    assert files(Path("many")) == files(Path("alone"))
    assert without_seconds("many") == without_seconds("alone")


def test_resume_does_the_rest(shared: DaskProcesses) -> None:
    make_images(8)
    arguments = ["apply", "in", "-b", "sobel", "-o", "maps", "--cluster", shared.address]
    filterbank(*arguments)
    whole = files(Path("maps"))
    Path("maps/3/sobel_x.png").unlink()
    save("in/5.png", noise(40, 42, seed=99))
    ended = filterbank(*arguments, "--resume", "--json")
    assert sorted(line["input"] for line in ended.json if "maps" in line) == ["in/3.png", "in/5.png"]
    assert sum("skipped" in line for line in ended.json) == 6
    changed = files(Path("maps"))
    assert {name for name in whole if whole[name] != changed[name]} == {"5/sobel_x.png", "5/sobel_y.png"}
    once_each("maps", 8)


def test_shards_share_a_folder(shared: DaskProcesses) -> None:
    make_images(7)
    filterbank("apply", "in", "-b", "sobel", "-o", "alone")
    for part in (1, 2):
        arguments = ["-o", "maps", "--shard", f"{part}/2", "--cluster", shared.address]
        filterbank("apply", "in", "-b", "sobel", *arguments)
    assert files(Path("maps")) == files(Path("alone"))
    once_each("maps", 7)


def test_maps_that_cannot_be_written_are_that_image_s_failure(shared: DaskProcesses) -> None:
    make_images(3)
    Path("maps/1").mkdir(parents=True)
    Path("maps/1/sobel_y.png").symlink_to("/dev/full")
    arguments = ["apply", "in", "-b", "sobel", "--on-exists", "overwrite", "-o", "maps"]
    told = filterbank(*arguments, "--cluster", shared.address, code=1).err
    assert "in/1.png: maps/1/sobel_y.png: cannot be written: No space left on device" in told
    assert "2 images, 4 maps, 1 failed" in told
    assert not Path("maps/1/sobel_x.png").exists()
    once_each("maps", 2)


def test_a_worker_killed_in_the_middle(tmp_path: Path) -> None:
    make_images(40, 400)
    filterbank("apply", "in", "-b", "kirsch", "-o", "alone")
    with dask_processes(tmp_path / "dask", workers=2) as processes:
        process = started("in", "-b", "kirsch", "-o", "maps", "--json", "--cluster", processes.address)
        assert process.stdout is not None
        ended = [process.stdout.readline() for _ in range(6)]
        processes.workers[0].kill()
        out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    inputs = [json.loads(line)["input"] for line in [*ended, *out.splitlines()]]
    assert sorted(inputs) == sorted(f"in/{number}.png" for number in range(40))
    assert files(Path("maps")) == files(Path("alone"))
    assert without_seconds("maps") == without_seconds("alone")


# In a worker, before it works: an image of this name ends it.
POISON = """
import os
from filterbank.batch import work

if not hasattr(work, "decode_all"):  # a preload is loaded twice
    work.decode_all = work.decode

def fatal(job, source):
    if "poison" in source.path:
        os._exit(9)
    if "bug" in source.path:
        raise ZeroDivisionError("a mistake")
    return work.decode_all(job, source)

work.decode = fatal
"""


@pytest.mark.slow
def test_an_image_that_kills_workers_fails_alone(tmp_path: Path) -> None:
    make_images(12)
    save("in/poison.png", noise(40, 40))
    preload = tmp_path / "poisoned.py"
    preload.write_text(POISON)
    allowed = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1"}
    with dask_processes(tmp_path / "dask", workers=0, **allowed) as processes:
        for _ in range(2):
            processes.start_worker("--nanny", "--preload", preload)
        processes.wait_for_workers(2)
        arguments = ["apply", "in", "-b", "sobel", "-o", "maps", "--cluster", processes.address]
        ended = filterbank(*arguments, code=1)
        assert "in/poison.png: 2 workers died while they had it in hand, the last tcp://127." in ended.err
        assert "12 images, 24 maps, 1 failed" in ended.err
        once_each("maps", 12)
        assert len(files(Path("maps"))) == 24  # and nothing of the other one
        save("bugs/bug.png", noise(40, 40))
        arguments[1], arguments[5] = "bugs", "more"
        with pytest.raises(flight.Bug, match=r"(?s)Traceback .* in write_maps.*ZeroDivisionError: a mistake"):
            filterbank(*arguments)


def test_without_workers_a_run_ends_and_is_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_images(30, 200)
    filterbank("apply", "in", "-b", "kirsch", "-o", "alone")
    monkeypatch.setattr(flight, "PATIENCE", 1.0)
    with dask_processes(tmp_path / "dask", workers=1) as processes:
        process = processes.workers[0]
        settle = cluster.work.settle
        count = Counter[str]()

        def killing(*arguments: object) -> object:
            count["settled"] += 1
            if count["settled"] == 4:
                process.kill()
            return settle(*arguments)  # type: ignore[arg-type]

        with monkeypatch.context() as patched:
            patched.setattr(cluster.work, "settle", killing)
            arguments = ["apply", "in", "-b", "kirsch", "-o", "maps", "--cluster", processes.address]
            ended = filterbank(*arguments, code=1)
        assert "the cluster has had no worker for 1 s; add --resume to go on" in ended.err
        assert " not done, " in ended.err
        processes.start_worker()
        processes.wait_for_workers(1)
        filterbank(*arguments, "--resume")
    assert files(Path("maps")) == files(Path("alone"))
    once_each("maps", 30)


@pytest.mark.parametrize("where", ["far", "local:2"])
def test_ctrl_c_leaves_whole_files_and_can_be_resumed(where: str, shared: DaskProcesses) -> None:
    make_images(400, 400)
    address = shared.address if where == "far" else where
    arguments = ["in", "-b", "kirsch", "-o", "maps", "--json", "--cluster", address]
    process = started(*arguments)
    assert process.stdout is not None
    for _ in range(4):
        process.stdout.readline()
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert b"the rest was not done: add --resume to go on" in err
    assert b"Traceback" not in err, err
    done = {one["file"] for line in manifest(Path("maps")) for one in line["maps"]}
    found = files(Path("maps"))
    assert found.keys() == done  # no claims, no halves, nothing that came later
    assert len(found) < 400 * 8
    filterbank("apply", *arguments, "--resume")
    filterbank("apply", "in", "-b", "kirsch", "-o", "alone")
    assert files(Path("maps")) == files(Path("alone"))
    once_each("maps", 400)


def test_few_tasks_are_under_way(shared: DaskProcesses) -> None:
    from distributed import Client

    drawn, most = Counter[str](), 0

    def items() -> Iterator[int]:
        for number in range(300):
            drawn["items"] += 1
            yield number

    with Client(shared.address, set_as_default=False) as client:
        flown = flight.Flight[int](client, abs, lambda number: (-number - 1,))
        found = []
        for _, result in flown.results(items()):
            found.append(result)
            most = max(most, drawn["items"] - len(found))
    assert sorted(found) == list(range(1, 301))
    assert most <= 2 * 8


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--cluster", "local:0"], "--cluster local:0; accepted: local, local:N, or a scheduler's address"),
        (["--cluster", "somewhere"], "--cluster somewhere; accepted: local, local:N, or a scheduler's"),
        (["--cluster", "local", "-j", "2"], "--jobs with --cluster"),
        (["--cluster", "local", "-o", "-", "--stack"], "--cluster with --out -"),
    ],
)
def test_requests_that_are_refused(arguments: list[str], said: str) -> None:
    make_images(1)
    out = [] if "-o" in arguments else ["-o", "maps"]
    assert said in filterbank("apply", "in", "-b", "sobel", *arguments, *out, code=2).err
    assert not Path("maps").exists()


def test_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    make_images(1)
    monkeypatch.setattr(cluster, "CONNECT", 1)
    arguments = ["-b", "sobel", "-o", "maps", "--cluster", "tcp://127.0.0.1:1"]
    ended = filterbank("apply", "in", *arguments, code=2)
    assert ended.err.count("\n") == 1
    assert "--cluster tcp://127.0.0.1:1: no scheduler answered within 1 s" in ended.err
    assert not Path("maps").exists()


def test_dask_is_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    make_images(1)
    monkeypatch.setitem(sys.modules, "distributed", None)
    ended = filterbank("apply", "in", "-b", "sobel", "-o", "maps", "--cluster", "local", code=2)
    assert "pip install 'filterbank[cluster]'" in ended.err


def test_workers_of_another_version_are_refused(tmp_path: Path) -> None:
    make_images(2)
    other = tmp_path / "other" / "filterbank"
    other.mkdir(parents=True)
    (other / "__init__.py").write_text("__version__ = '9.9'\n")
    with dask_processes(tmp_path / "dask", workers=1) as processes:
        processes.start_worker(PYTHONPATH=str(other.parent))
        processes.wait_for_workers(2)
        arguments = ["-b", "sobel", "-o", "maps", "--cluster", processes.address]
        ended = filterbank("apply", "in", *arguments, code=2)
    assert " has filterbank 9.9; accepted: " in ended.err
    assert not Path("maps").exists()


def test_a_folder_that_workers_do_not_see(shared: DaskProcesses) -> None:
    make_images(1)
    # It leads every process to a folder of its own.
    out = "/proc/self/cwd/maps"
    ended = filterbank("apply", "in", "-b", "sobel", "-o", out, "--cluster", shared.address, code=2)
    assert (
        "does not see the folder /proc/self/cwd/maps; accepted: a file system that all workers" in ended.err
    )


def test_large_images_are_the_same(shared: DaskProcesses) -> None:
    """The plan is made here and there by the prices of this machine, so that the methods are the same."""
    save("in/a.png", noise(700, 900, 3))
    arguments = ["apply", "in", "-b", "mr8", "--format", "npy"]
    filterbank(*arguments, "-o", "alone")
    filterbank(*arguments, "-o", "many", "--cluster", shared.address)
    assert files(Path("many")) == files(Path("alone"))
    assert without_seconds("many") == without_seconds("alone")


def test_wait_until_can_fail() -> None:
    with pytest.raises(AssertionError):
        wait_until(lambda: False, 0.05)
