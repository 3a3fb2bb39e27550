"""Filters over mixes of channels against the formula in float64, and what is taken as one."""

import numpy as np
import pytest
from convolution import empty_maps, pixels
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import assert_same_pixels, assert_within_bar, correlate, pad

from filterbank import engine
from filterbank.engine.direct import DirectPlan
from filterbank.engine.mixed import MixedPlan, split
from filterbank.engine.winograd import WinogradPlan
from filterbank.geometry import resolve
from filterbank.model import PADDING_MODES, Filter, Layer, Stack

GREY = np.array([0.299, 0.587, 0.114])
SOBEL = np.outer([1, 2, 1], [-1.0, 0, 1])


def over(mix, pattern):
    """A filter (C, Fh, Fw) of one pattern over a mix of channels."""
    return np.multiply.outer(mix, pattern)


@settings(max_examples=150, deadline=None)
@given(
    channels=st.integers(2, 7),
    filters=st.integers(1, 9),
    kernel=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    stride=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    dilation=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    size=st.tuples(st.integers(12, 40), st.integers(12, 200)),
    mode=st.sampled_from(PADDING_MODES),
    kind=st.sampled_from(["float32", "uint8", "uint16"]),
    seed=st.integers(0, 2**32),
)
def test_any_mixes_agree_with_the_formula(
    kernels, channels, filters, kernel, stride, dilation, size, mode, kind, seed
):
    rng = np.random.default_rng(seed)
    g = resolve(
        channels=channels, size=size, filters=filters, kernel=kernel, stride=stride, dilation=dilation
    )
    few = rng.normal(size=(2, channels)) * (rng.random((2, channels)) < 0.8)
    patterns = rng.normal(size=(filters, *kernel)) * (rng.random((filters, *kernel)) < 0.8)
    weights = np.array([over(few[k % 2], patterns[k]) for k in range(filters)])
    if seed % 3 == 0:  # some filters over all channels
        weights[::2] += rng.normal(size=weights[::2].shape)
    # Biases as large as the sums: of larger ones rounding alone would pass the bar.
    biases, value = rng.normal(size=filters) * np.abs(weights).sum((1, 2, 3)), rng.normal(size=channels)
    source, planes = pixels(rng, g, kind)
    how = {"padding_mode": mode, "padding_value": value}
    out, again = empty_maps(g), empty_maps(g)
    plan = MixedPlan(weights, biases, g, **how)
    plan.run(kernels, source, out)
    image = pad(planes.astype(np.float64), g.padding, mode, value)
    assert_within_bar(out, correlate(image, weights, biases, g.stride, g.dilation), weights, image)
    plan.run(kernels, planes, again, threads=3)
    assert_same_pixels(out, again)
    alone = resolve(channels=channels, size=size, filters=1, kernel=kernel, stride=stride, dilation=dilation)
    one = empty_maps(alone)
    MixedPlan(weights[-1:], biases[-1:], alone, **how).run(kernels, source, one)
    assert_same_pixels(out[-1:], one)  # whatever stands beside a filter


def test_one_wrong_pixel_is_seen(kernels):
    g = resolve(channels=3, size=(20, 90), filters=1, kernel=(3, 3))
    weights, image = over(GREY, SOBEL)[None], np.random.default_rng(0).random((3, 20, 90), np.float32)
    out = empty_maps(g)
    MixedPlan(weights, np.zeros(1), g).run(kernels, image, out)
    expected = correlate(pad(image, g.padding), weights, [0])
    assert_within_bar(out, expected, weights, image)
    out[0, 4, 4] += 1e-3
    with pytest.raises(AssertionError, match="bar"):
        assert_within_bar(out, expected, weights, image)


def test_what_is_taken_as_a_mix():
    rng = np.random.default_rng(1)
    red, whole, point = over([1, 0, 0], SOBEL), rng.normal(size=(3, 3, 3)), over(GREY, np.eye(3) == [0, 1, 2])
    found = split(
        np.array([over(GREY, SOBEL), red, whole, 2 * over(GREY, SOBEL.T), over([1, 0, -1], np.ones((3, 3)))])
    )
    assert len(found.mixes) == 2  # luminance once for both, and red against blue
    taps = [6, 6, 27, 6, 9]
    assert [own for own, _ in found.taps] == taps
    assert [share for _, share in found.taps] == [2.5, 0, 0, 2.5, 4]
    assert found.told == "takes 3 of 5 filters as patterns over 2 mixes of channels"
    for weights in (point[:, :1, :1], whole, red, np.zeros((3, 3, 3))):
        assert not len(split(weights[None]).mixes)
    assert not len(split(np.ones((4, 1, 3, 3))).mixes)
    assert not len(split(np.array([over([0.5, 0.5], SOBEL)] * 2), groups=2).mixes)


def test_next_to_a_mix_is_none():
    weights = over(GREY, SOBEL)
    weights[1, 0, 0] *= 1 + 1e-5
    assert not len(split(weights[None]).mixes)


def test_equal_mixes_are_one_whatever_their_sign():
    mix = [3, 0, -1]
    found = split(np.array([over(mix, np.ones((3, 3))), over(mix, -2 * np.ones((3, 3)))]) / 7)
    assert len(found.mixes) == 1


def test_what_float32_has_no_room_for_is_left():
    ones = np.ones((3, 3))
    assert len(split(over([1, 1, 1], 3e37 * ones)[None]).mixes) == 1
    assert not len(split(over([1, 1, 1], 3e38 * ones)[None]).mixes)  # the pattern is four times as much


def test_whole_numbers_stay_exact(kernels):
    rng = np.random.default_rng(2)
    g = resolve(channels=3, size=(16, 80), filters=3, kernel=(3, 3), padding="valid")
    weights = np.array(
        [over([1, 3, 2], SOBEL), over([-6, 0, 4], np.ones((3, 3))), over([7, 7, 7], np.ones((3, 3)))]
    )
    image = rng.integers(-999, 999, (3, 16, 80)).astype(np.float32)
    out = empty_maps(g)
    assert len(split(weights).mixes) == 3
    MixedPlan(weights, np.zeros(3), g).run(kernels, image, out)
    assert_same_pixels(out, correlate(image, weights, np.zeros(3)).astype(np.float32))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_reaches_the_same_outputs(kernels, value):
    g = resolve(channels=3, size=(24, 100), filters=4, kernel=(3, 3))
    weights = np.array(
        [
            over(GREY, SOBEL),
            over([1, 0, -1], np.ones((3, 3))),
            over([0, 1, 1], np.ones((3, 3))),
            over(GREY, SOBEL.T),
        ]
    )
    image = np.random.default_rng(3).random((3, 24, 100), np.float32)
    image[0, 11, 50] = image[1, 3, 97] = value
    mixed, alone = empty_maps(g), empty_maps(g)
    MixedPlan(weights, np.zeros(4), g).run(kernels, image, mixed)
    DirectPlan(weights, np.zeros(4), g).run(kernels, image, alone)
    assert np.array_equal(np.isfinite(mixed), np.isfinite(alone))
    assert np.array_equal(np.isnan(mixed), np.isnan(alone))
    assert (~np.isfinite(mixed)).sum((1, 2)).tolist() == [12, 9, 9, 12]


def test_a_transform_hands_over_to_the_same_sums(kernels):
    g = resolve(channels=3, size=(24, 100), filters=1, kernel=(3, 3))
    weights, image = over(GREY, SOBEL)[None], np.random.default_rng(4).random((3, 24, 100), np.float32)
    image[0, 11, 50] = np.nan
    direct, instead = empty_maps(g), empty_maps(g)
    MixedPlan(weights, np.zeros(1), g).run(kernels, image, direct)
    WinogradPlan(weights, np.zeros(1), g, block=3).run(kernels, image, instead)
    assert_same_pixels(direct, instead)


def test_the_largest_pixels_do_not_overflow(kernels):
    g = resolve(channels=3, size=(8, 70), filters=1, kernel=(3, 3), padding="valid")
    weights, image = over([5, 5, 5], np.full((3, 3), 1e-3))[None], np.full((3, 8, 70), 3e38, np.float32)
    out = empty_maps(g)
    assert len(split(weights).mixes) == 1
    MixedPlan(weights, np.zeros(1), g).run(kernels, image, out)
    assert out == pytest.approx(4.05e37)


def test_explain_tells_of_mixes():
    filters = tuple(Filter(name, over(GREY, pattern)) for name, pattern in (("x", SOBEL), ("y", SOBEL.T)))
    plan = engine.plan(Stack((Layer(filters),)), (300, 400))
    reason = plan.layers[0].choices[0].reason
    assert "direct takes 2 of 2 filters as patterns over 1 mix of channels" in reason
