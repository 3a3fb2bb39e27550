"""Codes and statistics bit for bit as NumPy's float64 has them."""

from __future__ import annotations

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from filterbank.engine.kernels import tone
from filterbank.engine.tone import Measured, measure, to_codes

TINY = np.finfo(np.float64).tiny


@pytest.fixture(scope="module")
def coder():
    return numba.njit(tone.to_codes, nogil=True, error_model="numpy")


@pytest.fixture(scope="module")
def meter():
    return numba.njit(tone.statistics, nogil=True, error_model="numpy")


def twin(values, lo, hi, top, zero):
    """The formula, in float64."""
    v = values.astype(np.float64)
    with np.errstate(all="ignore"):
        if zero is None:
            x, lowest = np.rint((v - lo) / ((hi - lo) or TINY) * top), 0
        else:
            x, lowest = zero + np.rint((top - zero) * v / (hi or TINY)), 2 * zero - top
    inside = (x >= lowest) & (x <= top)
    x = np.where(np.isnan(x), zero or 0, np.clip(x, lowest, top))
    return x.astype(np.uint8 if top == 255 else np.uint16), int((~inside).sum())


FLOATS = arrays(
    np.float32,
    st.integers(0, 70),
    elements=st.one_of(
        st.floats(width=32, allow_nan=True, allow_infinity=True),
        st.floats(-2, 2, width=32),
        st.integers(-300, 300).map(lambda k: k / 2**8),
    ),
)
BOUNDS = st.sampled_from(
    [(0.0, 1.0), (-1.0, 1.0), (0.25, 0.25), (-3e38, 3e38), (0.1, 0.7000000001), (0.0, 255.0)]
)


@given(FLOATS, BOUNDS, st.sampled_from([255, 65535]), st.booleans())
@settings(max_examples=300, deadline=None)
def test_codes_are_those_of_the_formula(coder, values, bounds, top, signed):
    lo, hi = bounds
    zero = (top + 1) // 2 if signed else None
    codes, clipped = to_codes(values, -hi if signed else lo, hi, top, coder, zero)
    expected, count = twin(values, lo, hi, top, zero)
    np.testing.assert_array_equal(codes, expected)
    assert clipped == count


@pytest.mark.parametrize("top", [255, 65535])
@pytest.mark.parametrize("signed", [False, True])
def test_halves_and_their_neighbours(coder, top, signed):
    zero = (top + 1) // 2 if signed else None
    for hi in (1.0, 0.7, 3.0, 1 / 3, 1020.0):
        halves = ((np.arange(-4, 2 * top + 6) / 2) / top * hi).astype(np.float32)
        values = np.concatenate([halves, np.nextafter(halves, -9), np.nextafter(halves, 9)]).astype(
            np.float32
        )
        codes, clipped = to_codes(values, 0.0, hi, top, coder, zero)
        expected, count = twin(values, 0.0, hi, top, zero)
        np.testing.assert_array_equal(codes, expected)
        assert clipped == count


def test_exact_halves_go_to_the_even_code(coder):
    codes, clipped = to_codes(np.array([0.5, 1.5, 2.5, 254.5, -0.5], np.float32), 0.0, 255.0, 255, coder)
    assert codes.tolist() == [0, 2, 2, 254, 0]
    assert clipped == 0


def test_high_byte_first(coder):
    values = np.linspace(-0.1, 1.1, 999, dtype=np.float32)
    native, clipped = to_codes(values, 0, 1, 65535, coder)
    big, same = to_codes(values, 0, 1, 65535, coder, out=np.empty(999, ">u2"))
    np.testing.assert_array_equal(big, native)
    assert clipped == same > 0


def test_nothing_beyond_the_codes_is_written(coder):
    for n in (*range(70), 1023, 1024, 1025, 3000):
        out = np.full(n + 16, 77, np.uint8)
        to_codes(np.ones(n, np.float32), 0, 1, 255, coder, out=out[8 : 8 + n])
        assert (np.delete(out, range(8, 8 + n)) == 77).all()
        assert (out[8 : 8 + n] == 255).all()


def lanes(values):
    """Return the sums of every eighth finite value, in order, added up."""
    finite = np.where(np.isfinite(values), values, 0).astype(np.float64)
    padded = np.pad(finite, (0, -len(finite) % 8)).reshape(-1, 8)
    sums = np.cumsum(padded, 0)[-1] if len(padded) else np.zeros(8)
    return float(np.cumsum(sums)[-1])


def twin_of_measure(values):
    finite = values[np.isfinite(values)]
    lowest = float(finite.min()) if finite.size else np.inf
    highest = float(finite.max()) if finite.size else -np.inf
    return Measured(lowest, highest, lanes(values), int((finite < 0).sum()), len(values) - len(finite))


@given(FLOATS)
@settings(max_examples=300, deadline=None)
def test_statistics_are_numpys(meter, values):
    assert measure(values, meter) == twin_of_measure(values)


def test_statistics_of_many(meter):
    values = np.random.default_rng(0).normal(size=100003).astype(np.float32)
    found = measure(values, meter)
    assert found == twin_of_measure(values)
    assert found.total == pytest.approx(values.sum(dtype=np.float64), rel=1e-12)
    values[[5, 70000]] = np.nan, -np.inf
    assert measure(values, meter) == twin_of_measure(values)
    assert measure(values, meter).nonfinite == 2


def test_the_comparisons_see_one_wrong_value(coder, meter):
    values = np.linspace(0, 1, 100, dtype=np.float32)
    codes, _ = to_codes(values, 0, 1, 255, coder)
    wrong = values.copy()
    wrong[50] += 0.01
    assert (codes != twin(wrong, 0, 1, 255, None)[0]).sum() == 1
    assert measure(values, meter) != twin_of_measure(wrong)
