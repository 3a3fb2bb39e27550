"""Constants of a machine: measured, kept, and passed over where they are of no worth."""

import json
from dataclasses import asdict, fields
from itertools import count

import numpy as np
import pytest

from filterbank.engine import calibrate, compiled, machine, plan
from filterbank.engine.constants import keep
from filterbank.engine.cost import DEFAULT, Machine
from filterbank.model import Filter, Layer, Stack


def test_every_constant_is_measured_and_positive():
    names, machines = zip(*calibrate.calibrate(rounds=1), strict=True)
    assert names == ("pixels and outputs", "direct", "separable", "winograd", "fft")
    for name in asdict(DEFAULT):
        assert 0 < getattr(machines[-1], name) < 1000
        assert len({getattr(each, name) for each in (DEFAULT, *machines)}) > 1, f"{name} is never measured"


def test_a_machine_ten_times_as_slow_gets_ten_times_the_prices(monkeypatch):
    taken = iter([1e-3, 2e-3, 5e-3] * 999)
    monkeypatch.setattr(calibrate, "_nanoseconds", lambda planned, clock, rounds: 1e9 * next(taken))
    fast = [each for _, each in calibrate.calibrate()][-1]
    taken = iter([1e-2, 2e-2, 5e-2] * 999)
    slow = [each for _, each in calibrate.calibrate()][-1]
    for field in fields(Machine):
        ratio = getattr(slow, field.name) / getattr(fast, field.name)
        assert ratio == pytest.approx(10), field.name


def test_the_clock_is_an_argument():
    ticks = count()
    assert calibrate._nanoseconds(calibrate._planned((1, 1, 1, 1), "direct"), lambda: next(ticks), 1) == 1e9


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv(compiled.CACHE_VARIABLE, str(tmp_path))
    return tmp_path


def test_kept_constants_are_the_machines(place):
    measured = Machine(**{name: 2 * value for name, value in asdict(DEFAULT).items()})
    path = keep(measured, place)
    assert machine() == measured
    assert [each.name for each in place.iterdir()] == [path.name]


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "null", '{"tap": 1}', json.dumps(asdict(DEFAULT) | {"tap": -1})]
    + [json.dumps(asdict(DEFAULT) | {"tap": wrong}) for wrong in (None, "x", [1], np.inf, np.nan)],
)
def test_what_is_no_machine_is_passed_over(place, text):
    (place / "machine.json").write_text(text)
    assert machine() == DEFAULT


def test_nothing_is_kept_without_a_folder(monkeypatch):
    monkeypatch.setenv(compiled.CACHE_VARIABLE, "")
    assert machine() == DEFAULT


def test_constants_change_the_choice_and_nothing_else_does():
    rng = np.random.default_rng(0)
    stack = Stack((Layer(tuple(Filter(f"f{k}", rng.normal(size=(3, 15, 15))) for k in range(32))),))
    dear = Machine(transform=1e6, point=1e6)
    assert plan(stack, (300, 400)).methods != ("direct",) * 32
    assert plan(stack, (300, 400), "auto", dear).methods == ("direct",) * 32
    assert plan(stack, (300, 400)) == plan(stack, (300, 400), "auto", Machine())
