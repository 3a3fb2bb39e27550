"""Work spaces that pass from plan to plan: what others left in them changes nothing."""

import numpy as np
import pytest
from oracle import assert_same_pixels

from filterbank.engine import memory
from filterbank.engine.direct import DirectPlan
from filterbank.engine.mixed import MixedPlan
from filterbank.engine.quads import QuadPlan
from filterbank.engine.separable import SeparablePlan
from filterbank.geometry import resolve

HOW = {"mean": (0.0,), "std": (1.0,)}
PLANS = {
    "direct": (DirectPlan, HOW),
    "mixed": (MixedPlan, HOW),
    "separable": (SeparablePlan, HOW),
    "quads": (QuadPlan, {**HOW, "units": np.ones(3)}),
}


@pytest.fixture
def none_kept(monkeypatch):
    monkeypatch.setattr(memory, "_KEPT", [])


@pytest.mark.parametrize("name", PLANS)
@pytest.mark.parametrize("mode", ["zeros", "reflect"])
def test_what_lies_in_a_work_space_changes_nothing(kernels, none_kept, name, mode):
    kind, how = PLANS[name]
    g = resolve(channels=3, size=(70, 333), filters=3, kernel=(3, 3))
    weights = np.multiply.outer([[1, 2, 1], [1, 1, 1], [2, 0, -1]], np.outer([1, 2, 1], [-1.0, 0, 1]))
    source = np.random.default_rng(0).integers(0, 256, (3, 70, 333), np.uint8)
    maps = [np.zeros((3, 70, 333), np.float32) for _ in range(3)]
    kind(weights, np.zeros(3), g, padding_mode=mode, **how).run(kernels, source, maps[0])
    for out, value in zip(maps[1:], (np.nan, 1e30), strict=True):
        assert len(memory._KEPT) == 1
        memory._KEPT[0][:] = value
        kind(weights, np.zeros(3), g, padding_mode=mode, **how).run(kernels, source, out)
        assert_same_pixels(maps[0], out)


def test_a_space_is_one_thread_s_and_large_enough(none_kept):
    first, second = memory.take(1000), memory.take(1000)
    assert not np.shares_memory(first, second)
    memory.give([first, second])
    assert memory.take(10**5).size >= 10**5
    assert memory.take(1000) is first
    memory.give([memory.take(10**7)])
    assert not memory._KEPT  # too large to be kept


def test_a_kept_space_begins_a_cache_line():
    for count in (1, 1000, 99_999):
        assert memory.take(count).ctypes.data % 64 == 0
