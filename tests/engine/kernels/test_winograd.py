"""Cook-Toom convolution against the formula in float64, and its matrices exactly."""

from __future__ import annotations

from fractions import Fraction
from functools import partial

import numpy as np
import pytest
from convolution import BAR, assert_stays_in_its_space, assert_within_bar, compute, error_of, naive, plan_of
from hypothesis import given, settings
from hypothesis import strategies as st

from filterbank.engine import winograd
from filterbank.engine.kernels.cooktoom import matrices
from filterbank.engine.winograd import WinogradPlan


def times(matrix, vector):
    return [sum((a * x for a, x in zip(row, vector, strict=True)), Fraction(0)) for row in matrix]


@pytest.mark.parametrize(("m", "r"), [(2, 3), (4, 3), (4, 4), (4, 5)])
def test_matrices_are_exact(m, r):
    outputs, filters, inputs = matrices(m, r)
    for a in range(m + r - 1):
        for b in range(r):
            d = [Fraction(int(i == a)) for i in range(m + r - 1)]
            g = [Fraction(int(i == b)) for i in range(r)]
            products = [x * y for x, y in zip(times(filters, g), times(inputs, d), strict=True)]
            assert times(outputs, products) == [int(i + b == a) for i in range(m)]


def convolve(kernels, image, weights, biases, r, stride=(1, 1), pad=(0, 0)):
    """Return the maps and the spread of errors that the points predict."""
    plan = plan_of(partial(WinogradPlan, block=r), image, weights, biases, stride, pad=pad)
    return compute(kernels, plan, image), winograd.transform(weights, r, stride).error


def assert_as_predicted(out, expected, weights, image, predicted):
    """The bar holds wherever the prediction lets the method be used, and the prediction everywhere."""
    assert np.isfinite(out).all()
    error = error_of(out, expected, weights, image)
    assert error <= 6 * predicted + 4e-7, f"error {error:.2e}, predicted {predicted:.2e}"
    if 4 * predicted <= BAR:
        assert_within_bar(out, expected, weights, image)


def check(kernels, seed, r, kernel_size, filters, planes, shape, stride=(1, 1), pad=(0, 0)):
    rng = np.random.default_rng(seed)
    image = rng.random((planes, *shape), np.float32) - np.float32(0.3)
    image.flat[0] = 0.7  # a lone pixel near zero would be less than the rounding of the bias
    weights = rng.normal(size=(filters, planes, *kernel_size))
    biases = (rng.normal(size=filters) * 0.1).astype(np.float32)
    expected = naive(image, weights, biases, stride, pad=pad)
    out, predicted = convolve(kernels, image, weights, biases, r, stride, pad)
    assert_as_predicted(out, expected, weights, image, predicted)


@pytest.mark.parametrize("r", winograd.TAPS)
@pytest.mark.parametrize("extent", [1, 2, 3, 4, 5, 7, 9, 11, 15])
@pytest.mark.parametrize(("planes", "filters", "stride"), [(1, 1, 1), (3, 8, 1), (3, 7, 2), (2, 5, 4)])
def test_every_filter_size(kernels, r, extent, planes, filters, stride):
    shape = (extent + 30, extent + 300)
    check(
        kernels, 1, r, (extent, extent), filters, planes, shape, (stride, stride), (extent // 2, extent // 2)
    )


CASES = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 99),
        "r": st.sampled_from(winograd.TAPS),
        "kernel_size": st.tuples(st.integers(1, 8), st.integers(1, 8)),
        "filters": st.integers(1, 17),
        "planes": st.integers(1, 4),
        "shape": st.tuples(st.integers(1, 60), st.integers(1, 400)),
        "stride": st.tuples(st.integers(1, 4), st.integers(1, 4)),
        "pad": st.tuples(st.integers(0, 30), st.integers(0, 30)),
    }
)


@given(CASES)
@settings(max_examples=80, deadline=None)
def test_any_layer(kernels, case):
    least = [f - 2 * p for f, p in zip(case["kernel_size"], case["pad"], strict=True)]
    shape = tuple(max(n, m) for n, m in zip(case["shape"], least, strict=True))
    check(kernels, **(case | {"shape": shape}))


@pytest.mark.parametrize("kind", ["bright and zero-sum", "impulses", "many channels"])
def test_hard_images_stay_within_the_bar(kernels, kind):
    rng = np.random.default_rng(3)
    planes = 48 if kind == "many channels" else 3
    weights = rng.normal(size=(6, planes, 5, 5))
    image = rng.random((planes, 60, 90), np.float32)
    if kind == "bright and zero-sum":
        weights -= weights.mean((1, 2, 3), keepdims=True)
        image = 0.98 + 0.02 * image
    elif kind == "impulses":
        image = np.float32(1) * (rng.random(image.shape) < 0.01)
    image = image.astype(np.float32)
    expected = naive(image, weights)
    for r in winograd.TAPS:
        out, predicted = convolve(kernels, image, weights, None, r)
        assert 4 * predicted <= BAR
        assert_within_bar(out, expected, weights, image)


@pytest.mark.parametrize("kernel_size", [3, 5, 7, 9, 11])
@pytest.mark.parametrize("planes", [1, 3])
def test_ordinary_filters_are_predicted_to_be_accurate(kernel_size, planes):
    rng = np.random.default_rng(kernel_size)
    blob = np.exp(-((np.arange(kernel_size) - kernel_size // 2) ** 2) / kernel_size)
    for weights in (rng.normal(size=(4, planes, kernel_size, kernel_size)), np.outer(blob, blob)[None, None]):
        r = winograd.best_taps((kernel_size, kernel_size), (1, 1))
        assert 4 * winograd.transform(weights, r).error <= BAR


def test_an_impulse_at_a_corner_is_predicted_to_be_bad():
    weights = np.zeros((1, 1, 5, 5))
    weights[0, 0, 0, 0] = 1
    assert 4 * winograd.transform(weights, 5).error > BAR


def test_a_view_of_an_image_and_maps_with_gaps(kernels):
    rng = np.random.default_rng(4)
    image = rng.random((2, 90, 300), np.float32)[:, 10:, 7:290]
    weights = rng.normal(size=(9, 2, 3, 3))
    expected = naive(image, weights)
    plan = plan_of(partial(WinogradPlan, block=3), image, weights)
    out = np.full((9, expected.shape[1], expected.shape[2] + 9), np.nan, np.float32)
    plan.run(kernels, image, out[:, :, :-9])
    assert_within_bar(out[:, :, :-9], expected, weights, image)
    assert np.isnan(out[:, :, -9:]).all()
    np.testing.assert_array_equal(compute(kernels, plan, image, threads=3), out[:, :, :-9])
    scales = np.tile([-1.0, 1.0, 255, 0, 0, 255], (9, 1))
    codes, apart = (np.zeros((*out.shape[:2], out.shape[2] - gap), np.uint8) for gap in (9, 0))
    plan.run(kernels, image, codes, 1, False, scales)
    plan.run(kernels, image, apart[:, :, :-9], 1, False, scales)
    np.testing.assert_array_equal(apart[:, :, :-9], codes)
    assert len(np.unique(codes)) > 100
    assert (apart[:, :, -9:] == 0).all()


def test_nothing_outside_the_space_is_touched(kernels):
    rng = np.random.default_rng(5)
    image = rng.random((3, 40, 130), np.float32)
    weights = rng.normal(size=(7, 3, 7, 7))
    plan = plan_of(partial(WinogradPlan, block=4), image, weights, stride=(2, 2))
    assert_stays_in_its_space(kernels, plan, image)


def test_other_block_sizes_are_refused():
    with pytest.raises(ValueError, match="taps of a block: found 6"):
        winograd.transform(np.ones((1, 1, 3, 3)), 6)


def test_the_comparison_sees_one_wrong_output(kernels):
    image = np.random.default_rng(0).random((1, 40, 40), np.float32)
    weights = np.ones((1, 1, 3, 3)) / 9
    expected = naive(image, weights)
    out, predicted = convolve(kernels, image, weights, None, 3)
    assert error_of(out, expected, weights, image) < BAR
    out[0, 20, 20] += 3e-5
    with pytest.raises(AssertionError):
        assert_within_bar(out, expected, weights, image)
    with pytest.raises(AssertionError):
        assert_as_predicted(out, expected, weights, image, predicted)
