"""The Fourier transform's tiles against the formula in float64, and its pieces against NumPy."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from convolution import BAR, assert_stays_in_its_space, assert_within_bar, compute, error_of, naive, plan_of
from hypothesis import given, settings
from hypothesis import strategies as st

from filterbank.engine import fft
from filterbank.engine.fft import FFTPlan
from filterbank.engine.memory import aligned


def digit_reversed(size):
    """Return which frequency the transform leaves at each place."""
    if size <= 4:
        return np.arange(size)
    inner = digit_reversed(size // 4)
    return np.concatenate([4 * inner + digit for digit in range(4)])


@pytest.mark.parametrize("size", fft.SIZES)
def test_spectrum_is_numpys(kernels, size):
    rng = np.random.default_rng(size)
    image = rng.normal(size=(size, size)) + 1j * rng.normal(size=(size, size))
    tile = aligned((size // 16, size, 2, 16))
    tile[:, :, 0] = image.real.reshape(size, -1, 16).transpose(1, 0, 2)
    tile[:, :, 1] = image.imag.reshape(size, -1, 16).transpose(1, 0, 2)
    turns = fft.roots(size)
    kernels.fft_forward(tile.ctypes.data, size, turns.ctypes.data)
    found = (tile[:, :, 0] + 1j * tile[:, :, 1]).transpose(1, 0, 2).reshape(size, size)
    order = digit_reversed(size)
    expected = np.fft.fft2(image).T[np.ix_(order, order)]
    assert np.abs(found - expected).max() < 1e-5 * np.abs(expected).max()


def check(kernels, seed, size, kernel_size, filters, channels, shape, **case):
    rng = np.random.default_rng(seed)
    image = rng.random((channels, *shape), np.float32) - np.float32(0.3)
    image.flat[0] = 0.7  # a lone pixel near zero would be less than the rounding of the bias
    weights = rng.normal(size=(filters, channels, *kernel_size))
    biases = rng.normal(size=filters).astype(np.float32)
    plan = plan_of(partial(FFTPlan, block=size), image, weights, biases, **case)
    assert_within_bar(compute(kernels, plan, image), naive(image, weights, biases, **case), weights, image)


@pytest.mark.parametrize(
    ("size", "extent"), [(32, 3), (32, 17), (64, 15), (64, 33), (128, 31), (128, 49), (256, 63), (256, 5)]
)
@pytest.mark.parametrize(("channels", "filters"), [(1, 1), (3, 2), (2, 5)])
def test_every_tile_and_filter_size(kernels, size, extent, channels, filters):
    shape = (extent + 70, extent + 95)
    check(kernels, 1, size, (extent, extent), filters, channels, shape, pad=(extent // 2, extent // 2))


CASES = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 99),
        "size": st.sampled_from([32, 64, 128]),
        "kernel_size": st.tuples(st.integers(1, 9), st.integers(1, 9)),
        "filters": st.integers(1, 17),
        "channels": st.integers(1, 4),
        "shape": st.tuples(st.integers(1, 150), st.integers(1, 150)),
        "stride": st.tuples(st.integers(1, 4), st.integers(1, 4)),
        "dilation": st.tuples(st.integers(1, 3), st.integers(1, 3)),
        "pad": st.tuples(st.integers(0, 30), st.integers(0, 30)),
    }
)


def fit(case):
    """Return the case with an image no smaller than the filter needs."""
    extents = [d * (f - 1) + 1 for d, f in zip(case["dilation"], case["kernel_size"], strict=True)]
    least = [e - 2 * p for e, p in zip(extents, case["pad"], strict=True)]
    return case | {"shape": tuple(max(n, m) for n, m in zip(case["shape"], least, strict=True))}


@given(CASES)
@settings(max_examples=60, deadline=None)
def test_any_layer(kernels, case):
    check(kernels, **fit(case))


def test_a_view_of_an_image_and_maps_with_gaps(kernels):
    rng = np.random.default_rng(4)
    image = rng.random((2, 150, 300), np.float32)[:, 10:, 7:290]
    weights = rng.normal(size=(3, 2, 7, 7))
    expected = naive(image, weights)
    plan = plan_of(partial(FFTPlan, block=64), image, weights)
    out = np.full((3, expected.shape[1], expected.shape[2] + 9), np.nan, np.float32)
    plan.run(kernels, image, out[:, :, :-9])
    assert_within_bar(out[:, :, :-9], expected, weights, image)
    assert np.isnan(out[:, :, -9:]).all()
    np.testing.assert_array_equal(compute(kernels, plan, image, threads=3), out[:, :, :-9])


def test_nothing_outside_the_space_is_touched(kernels):
    image = np.random.default_rng(5).random((3, 40, 130), np.float32)
    plan = plan_of(partial(FFTPlan, block=32), image, np.ones((3, 3, 7, 7)), stride=(2, 2))
    assert_stays_in_its_space(kernels, plan, image)


def test_tiles_too_small_are_refused():
    with pytest.raises(ValueError, match=r"tile 32: found extent \(33, 33\)"):
        fft.transform(np.ones((1, 1, 33, 33)), 32, None)


def test_the_comparison_sees_one_wrong_output(kernels):
    image = np.random.default_rng(0).random((1, 40, 40), np.float32)
    weights = np.ones((1, 1, 3, 3)) / 9
    expected = naive(image, weights)
    out = compute(kernels, plan_of(partial(FFTPlan, block=32), image, weights), image)
    assert error_of(out, expected, weights, image) < BAR
    out[0, 20, 20] += 3e-5
    with pytest.raises(AssertionError):
        assert_within_bar(out, expected, weights, image)
