"""The memory model: larger bands take more, the most that fits is chosen, what it says is near the truth."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from filterbank import bankfile, engine
from filterbank.batch import inputs, job
from filterbank.batch.banded import memory, source
from filterbank.batch.banded.walk import Walk
from filterbank.batch.job import Settings
from filterbank.batch.pool import Crew
from filterbank.imagefile.tone import RangeSpec


def planned(tmp_path: Path, bank: str, settings: Settings, shape=(600, 900), layout="chw"):
    np.save(tmp_path / "a.npy", np.random.default_rng(0).integers(0, 256, shape, np.uint8))
    one = bankfile.load(bank)
    made = job.make([inputs.Source(str(tmp_path / "a.npy"))], [one], str(tmp_path / "m"), settings, jobs=1)
    return made, made.sources[0]


def todo_of(made, origin):
    with source.charted(made, origin, 1, 1) as course:
        (todo,) = course.todos
        return todo


@pytest.mark.parametrize("bank", ["sobel", "gabor-energy", "laws-energy"])
@pytest.mark.parametrize("format", ["png", "tiff"])
def test_the_most_rows_that_fit(tmp_path: Path, bank: str, format: str) -> None:
    settings = Settings(format=format)
    todo = todo_of(*planned(tmp_path, bank, settings, (600, 90)))
    grain = engine.bands.grain(todo.plan)
    sizes = [memory.of_band(settings, todo, rows, 1) for rows in range(grain, 600, 20 * grain)]
    assert sizes == sorted(sizes)
    assert memory.least(settings, todo, 1) == sizes[0]
    for room in (sizes[0], sizes[len(sizes) // 2], sizes[-1]):
        rows = memory.most_rows(settings, todo, room, 1)
        assert rows % grain == 0
        assert memory.of_band(settings, todo, rows, 1) <= room
    assert memory.most_rows(settings, todo, sizes[0] - 1, 1) == 0
    assert memory.most_rows(settings, todo, 1 << 40, 1) >= 600


def test_each_thread_has_a_work_space(tmp_path: Path) -> None:
    settings = Settings()
    todo = todo_of(*planned(tmp_path, "sobel", settings))
    one, four = (memory.of_band(settings, todo, 100, threads) for threads in (1, 4))
    assert four > one + (8 << 20)


@pytest.mark.parametrize(
    ("bank", "settings"),
    [
        ("sobel", Settings(format="tiff")),
        ("sobel", Settings(range=RangeSpec("fixed", -1, 1))),
        ("gabor-energy", Settings(format="npy", stack=True)),
        ("laws-energy", Settings(format="png16")),
        ("prewitt-compass", Settings()),
    ],
)
def test_what_is_said_is_not_passed(tmp_path: Path, bank: str, settings: Settings) -> None:
    made, origin = planned(tmp_path, bank, settings, (400, 2000))
    with source.charted(made, origin, 1, 1) as course, Crew(1, 1) as crew:
        (todo,) = course.todos
        rows = -(-100 // engine.bands.grain(todo.plan)) * engine.bands.grain(todo.plan)
        walk = Walk(made, todo, rows, crew)
        said = memory.of_band(settings, todo, rows, 1)
        made_folder = tmp_path / "m" / "a"
        made_folder.mkdir(parents=True)
        tracemalloc.start()
        walk.write(made.namer.names(origin), {}, [])
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    # Traced is what NumPy and Python hold: all of it but the stacks of threads.
    assert said / 20 < peak <= said


def test_explained_without_an_image() -> None:
    bank = bankfile.load("sobel")
    plan = engine.plan(bank.stack, (30000, 30000))
    told = memory.explained(bank, plan, 900_000_000, 2)
    assert told["bands"] == -(-30000 // told["rows"])
    assert told["least"] < told["memory"] <= 900_000_000 < told["whole"]
    assert memory.explained(bank, plan, 1, 2) == told | {"rows": 0, "bands": 0, "memory": 0}
