"""Which process compiles what, and what happens when one cannot; nothing is compiled here."""

import os
import sys

import pytest

from filterbank.engine.image import build, cache, workers
from filterbank.engine.kernels.table import IMAGES

# Workers that answer with their groups, or with what they may import from, instead of objects.
ECHO = "import sys\nfor group in sys.argv[2:]: print(group.encode().hex())\nprint('done')"
PATH = (
    workers._PROGRAM.split("from filterbank")[0]
    + "import json\nfor _ in sys.argv[2:]: print(json.dumps(sys.path).encode().hex())\nprint('done')"
)
FAILING = "raise SystemExit('no compiler here')"
SETTINGS = "import os, sys\nfor _ in sys.argv[2:]: print(os.environ['{}'].encode().hex())\nprint('done')"


def names(objects):
    return [data.decode().split(",") for data in objects]


GROUPS = [["direct", "separable"], ["png_bands"], ["encode"]]


@pytest.mark.parametrize("image", IMAGES)
def test_every_kernel_is_in_one_group(image):
    assert sorted(name for group in workers.groups(image) for name in group) == sorted(IMAGES[image])


@pytest.mark.parametrize("count", [1, 2, 3])
def test_objects_are_the_same_however_many_processes(monkeypatch, count):
    monkeypatch.setattr(workers, "_PROGRAM", ECHO)
    assert names(workers._objects(GROUPS, count, None)) == GROUPS


@pytest.mark.parametrize("image", IMAGES)
@pytest.mark.parametrize(("usable", "count"), [(1, 1), (2, 2), (64, 2)])
def test_no_more_processes_than_processors(monkeypatch, image, usable, count):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(usable), raising=False)
    assert workers.processes(image) == count
    assert workers.seconds(image) == workers._SECONDS[image][count - 1]


def test_a_worker_has_its_parents_path_and_not_the_current_folder(monkeypatch, tmp_path):
    (tmp_path / "json.py").write_text("raise SystemExit('somebody else')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(workers, "_PROGRAM", PATH)
    (path, *_) = workers._objects(GROUPS, 1, None)
    assert eval(path) == sys.path


def test_numba_does_not_optimise_in_workers(monkeypatch):
    monkeypatch.setenv("NUMBA_OPT", "3")
    monkeypatch.setattr(workers, "_PROGRAM", SETTINGS.format("NUMBA_OPT"))
    assert workers._objects(GROUPS, 1, None) == [b"0"] * 3


def test_a_target_reaches_the_workers(monkeypatch):
    monkeypatch.setattr(workers, "_PROGRAM", SETTINGS.format("NUMBA_CPU_NAME"))
    assert workers._objects(GROUPS, 2, {"NUMBA_CPU_NAME": "generic"}) == [b"generic"] * 3


@pytest.mark.parametrize("interpreter", [sys.executable, "/no/such/python", None])
def test_where_no_worker_answers_this_process_compiles(monkeypatch, interpreter):
    monkeypatch.setattr(sys, "executable", interpreter)
    monkeypatch.setattr(workers, "_PROGRAM", FAILING)
    monkeypatch.setattr(build, "compile_object", lambda kernels: ",".join(kernels).encode())
    assert names(workers._objects(GROUPS, 2, None)) == GROUPS


def test_what_a_worker_was_cut_short_in_is_compiled_here(monkeypatch):
    monkeypatch.setattr(workers, "_PROGRAM", ECHO.removesuffix("\nprint('done')"))
    monkeypatch.setattr(build, "compile_object", lambda kernels: b"here," + ",".join(kernels).encode())
    assert names(workers._objects(GROUPS, 2, None)) == [["here", *group] for group in GROUPS]


def test_for_another_processor_this_process_does_not_compile(monkeypatch):
    monkeypatch.setattr(workers, "_PROGRAM", FAILING)
    with pytest.raises(workers.WorkerError, match="no compiler here"):
        workers._objects(GROUPS, 2, {"NUMBA_CPU_NAME": "generic"})


def test_objects_are_kept_apart_for_the_portable_loader(monkeypatch):
    monkeypatch.setattr(workers, "_PROGRAM", ECHO)
    body, places = cache.unpack(workers.compiled("transforms", True))
    starts = list(places.values())
    assert list(places) == ["object0", "object1"]
    assert [body[start:].split(b"\0")[0].decode().split(",") for start in starts] == workers.groups(
        "transforms"
    )
