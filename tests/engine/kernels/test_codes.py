"""Codes of values next to the middle between two codes, at the ends and beyond, against the formula.

Kernels decide 64 values at once by float32 where they can: each case hides a few hard ones among easy ones.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterbank.engine.codes import to_codes

HARD = st.one_of(
    st.tuples(st.integers(-3, 258), st.integers(-4, 4)),  # a middle between codes, and floats away from it
    st.sampled_from([np.nan, -np.nan, np.inf, -np.inf, 3e38, -3e38, 1e9, -1e9, 0.0, -0.0, 1e-42]),
    st.integers(-(2**17), 2**17),  # codes far beyond the ends
)
ENDS = st.floats(-1e4, 1e4, width=32)


def twin(values, scale):
    """Return the codes and how many are clipped, of values (N,) by the six numbers of a scale."""
    lo, span, factor, zero, lowest, top = scale
    x = values.astype(np.float64)
    exact = np.rint((x - lo) / span * factor) if zero == 0 else zero + np.rint(x * factor / span)
    clipped = int(np.count_nonzero(~((exact >= lowest) & (exact <= top))))
    return np.clip(np.where(np.isnan(exact), zero, exact), lowest, top).astype(np.uint8), clipped


def placed(hard, scale):
    """Return the float32 value that a hard case stands for."""
    lo, span, factor, zero, _, _ = scale
    if isinstance(hard, float):
        return np.float32(hard)
    code, steps = (hard[0] + 0.5, hard[1]) if isinstance(hard, tuple) else (hard, 0)
    value = np.float32((code - zero) / factor * span + lo)
    for _ in range(abs(steps)):
        value = np.nextafter(value, np.float32(np.inf if steps > 0 else -np.inf))
    return value


def agree(values, scale):
    codes, clipped = to_codes(values, np.array(scale, np.float64))
    expected, expected_clipped = twin(values, scale)
    assert np.array_equal(codes, expected)
    assert clipped == expected_clipped


def scale_of(lo, hi, is_signed, top=255):
    """Return the six numbers of a scale; with *is_signed* zero has the code 128."""
    if is_signed:
        return 0.0, float(max(abs(lo), abs(hi))) or 1.0, 127.0, 128.0, 1.0, 255.0
    return float(lo), float(hi - lo) or 1.0, float(top), 0.0, 0.0, float(top)


@given(
    ends=st.tuples(ENDS, ENDS).map(sorted),
    is_signed=st.booleans(),
    top=st.sampled_from([255, 254, 100, 1]),
    hard=st.lists(st.tuples(st.integers(0, 255), HARD), max_size=6),
    count=st.integers(1, 256),
    seed=st.integers(0, 99),
)
def test_codes_are_the_formulas(ends, is_signed, top, hard, count, seed):
    scale = scale_of(*ends, is_signed, top)
    easy = np.random.default_rng(seed).integers(1, scale[5] + 1, 256)
    values = np.array([placed(code, scale) for code in easy], np.float32)
    for place, case in hard:
        values[place] = placed(case, scale)
    agree(values[:count], scale)


@pytest.mark.parametrize("is_signed", [False, True])
@pytest.mark.parametrize(
    "ends", [(0, 1), (-1, 1), (0.1, 0.3), (10.1, 10.8), (3, 3.4), (100, 100.5), (-300, -2), (0, 3e-5)]
)
def test_every_middle_between_codes(ends, is_signed):
    scale = scale_of(*ends, is_signed)
    cases = [(code, steps) for code in range(-3, 258) for steps in range(-9, 10)]
    agree(np.array([placed(case, scale) for case in cases], np.float32), scale)


@pytest.mark.parametrize("at", [0, 17, 63, 64, 100])
@pytest.mark.parametrize("hard", [-0.6, 255.6, -300.0, -700.0, 1e6, -1e6, -1e12, 127.5])
def test_one_value_among_easy_ones_is_seen(at, hard):
    values = np.full(128, 100, np.float32)
    values[at] = hard
    agree(values, (0.0, 255.0, 255.0, 0.0, 0.0, 255.0))


def test_the_twin_sees_one_wrong_code(monkeypatch):
    values = np.full(128, 0.5, np.float32)
    codes, clipped = to_codes(values, np.array([0, 1, 255, 0, 0, 255.0]))
    codes[77] += 1
    monkeypatch.setitem(agree.__globals__, "to_codes", lambda values, scale: (codes, clipped))
    with pytest.raises(AssertionError):
        agree(values, (0.0, 1.0, 255.0, 0.0, 0.0, 255.0))
