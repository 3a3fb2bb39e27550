"""Maps written past the caches: the same bytes as others, wherever they lie, and nothing beside them."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from convolution import plan_of
from hypothesis import given
from hypothesis import strategies as st

from filterbank.engine import direct
from filterbank.engine.fft import FFTPlan
from filterbank.engine.memory import aligned
from filterbank.engine.separable import SeparablePlan
from filterbank.engine.taps import TapsPlan
from filterbank.engine.winograd import WinogradPlan

KINDS = {
    "direct": TapsPlan,
    "separable": SeparablePlan,
    "winograd": partial(WinogradPlan, block=3),
    "fft": partial(FFTPlan, block=64),
}

PLAIN = {"padding_mode": "zeros", "padding_value": (0.0,), "mean": (0.0,), "std": (1.0,)}

CASES = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 99),
        "method": st.sampled_from([*KINDS]),
        "kernel": st.sampled_from([(1, 3), (3, 3), (3, 1), (5, 5), (7, 2), (11, 13)]),
        "filters": st.integers(1, 9),
        "channels": st.sampled_from([1, 3]),
        "shape": st.tuples(st.integers(1, 20), st.integers(1, 420)),
        "gap": st.sampled_from([0, 1, 12, 16]),
        "starts": st.sampled_from([(0,), (4,), (15,), (0, 3, 8)]),
        "dtype": st.sampled_from([np.float32, np.uint8]),
        "is_whole": st.booleans(),
        "activation": st.sampled_from(["identity", "relu"]),
        "survey": st.sampled_from([True, False, "some"]),
    }
)


def maps_at(shape, count, gap, starts):
    """Return maps of NaN with *gap* floats between rows, so many floats from a cache line, and all memory."""
    height, width = shape
    memory = aligned((count, -(-height * (width + gap) // 16) * 16 + 16))
    memory[:] = np.nan
    maps = []
    for k in range(count):
        start = starts[k % len(starts)]
        own = memory[k, start : start + height * (width + gap)]
        maps.append(own.reshape(height, width + gap)[:, :width])
    return maps, memory


def results(kernels, case, large, monkeypatch):
    """Return maps, what is told of them, and how many floats were written, where *large* bytes are."""
    monkeypatch.setattr(direct, "_LARGE_BYTES", large)
    rng = np.random.default_rng(case["seed"])
    channels, filters = case["channels"], case["filters"]
    image = rng.integers(0, 256, (channels, *case["shape"])).astype(np.uint8)
    if case["dtype"] is np.float32:
        image = image / np.float32(255)
    weights = rng.normal(size=(filters, channels, *case["kernel"]))
    if case["is_whole"]:
        weights = np.rint(3 * weights)
    kind = partial(KINDS[case["method"]], activation=case["activation"], **PLAIN)
    biases = rng.normal(size=filters).astype(np.float32)
    plan = plan_of(kind, image, weights, biases, pad=(case["kernel"][0], case["kernel"][1]))
    g = plan.geometry
    maps, memory = maps_at((g.out_height, g.out_width), filters, case["gap"], case["starts"])
    survey = rng.integers(0, 2, filters).astype(bool) if case["survey"] == "some" else case["survey"]
    told = plan.run(kernels, image, maps, 2, survey)
    kept = np.ones(filters, bool) & survey
    every = np.stack([told.minimum, told.maximum, told.total, told.negative, told.nonfinite])[:, kept]
    return np.stack(maps), every, np.count_nonzero(~np.isnan(memory))


@given(case=CASES)
def test_same_bytes(kernels, case):
    with pytest.MonkeyPatch.context() as patch:
        near, near_told, _ = results(kernels, case, 1 << 60, patch)
        past, past_told, written = results(kernels, case, 0, patch)
    assert not np.isnan(past).any()
    assert near.tobytes() == past.tobytes()
    assert near_told.tobytes() == past_told.tobytes()
    assert written == past.size


def test_an_odd_address_is_not_written_past(kernels):
    image = np.ones((1, 20, 90), np.float32)
    plan = plan_of(TapsPlan, image, np.ones((1, 1, 3, 3)), pad=(1, 1))
    memory = np.zeros(20 * 90 * 4 + 1, np.uint8)
    out = memory[1:].view(np.float32).reshape(1, 20, 90)
    assert not plan._goes_past(np.array([out.ctypes.data]), out[0])
    plan.run(kernels, image, out)
    assert out[0, 5, 5] == 9
