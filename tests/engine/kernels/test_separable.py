"""The separable kernel against the formula in float64, and filters taken apart against themselves."""

import numpy as np
import pytest
from convolution import empty_maps
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import assert_same_pixels, assert_within_bar, pad
from scipy import ndimage

from filterbank.engine.separable import TOLERANCE, SeparablePlan, factor, is_contained
from filterbank.errors import GeometryError
from filterbank.geometry import resolve
from filterbank.imagefile import tone
from filterbank.model import PADDING_MODES


def correlate(image, weights, biases, g):
    """The formula, one tap after another over whole maps: float64, on the padded image."""
    depth, per_group = g.channels // g.groups, g.filters // g.groups
    maps = np.zeros((g.filters, g.out_height, g.out_width)) + np.reshape(biases, (-1, 1, 1))
    for k, c, i, j in np.argwhere(weights):
        y, x = i * g.dilation[0], j * g.dilation[1]
        rows = slice(y, y + (g.out_height - 1) * g.stride[0] + 1, g.stride[0])
        columns = slice(x, x + (g.out_width - 1) * g.stride[1] + 1, g.stride[1])
        maps[k] += weights[k, c, i, j] * image[k // per_group * depth + c, rows, columns]
    return maps


def low_rank(rng, shape, rank):
    """Weights (K, C, Fh, Fw) of random columns times rows, some of them zero."""
    filters, depth, high, wide = shape
    columns = rng.normal(size=(filters, depth, rank, high)) * (rng.random((filters, depth, rank, high)) < 0.8)
    rows = rng.normal(size=(filters, depth, rank, wide)) * (rng.random((filters, depth, rank, wide)) < 0.8)
    return np.einsum("kcri,kcrj->kcij", columns, rows)


def gaussian(sigma, size):
    bell = np.exp(-((np.arange(size) - size // 2) ** 2) / (2 * sigma**2))
    return np.outer(bell, bell) / bell.sum() ** 2


@st.composite
def layers(draw):
    groups = draw(st.sampled_from([1, 1, 2]))
    channels, filters = groups * draw(st.integers(1, 3)), groups * draw(st.integers(1, 5))
    kernel = draw(st.tuples(st.integers(1, 9), st.integers(1, 9)) | st.just((1, 17)) | st.just((31, 3)))
    pair = st.tuples(st.integers(1, 3), st.integers(1, 3))
    padding = draw(st.sampled_from(["same", "valid"]) | st.tuples(*[st.integers(0, 9)] * 4))
    size = draw(st.tuples(st.integers(1, 60), st.integers(1, 400)))
    shape = {"stride": draw(pair), "dilation": draw(pair), "padding": padding, "groups": groups}
    mode = draw(st.sampled_from(PADDING_MODES))
    return {"channels": channels, "size": size, "filters": filters, "kernel": kernel, **shape}, mode


@settings(max_examples=200, deadline=None)
@given(layers(), st.integers(1, 3), st.integers(0, 2**32))
def test_any_layer_agrees_with_the_formula_and_with_itself(kernels, layer, rank, seed):
    shape, mode = layer
    try:
        g = resolve(**shape, padding_mode=mode)
    except GeometryError:
        return
    rng = np.random.default_rng(seed)
    weights = low_rank(rng, (g.filters, g.channels // g.groups, *g.kernel), rank)
    biases, value = rng.normal(size=g.filters), rng.normal(size=g.channels)
    codes = rng.integers(0, 255, (g.height, g.width, g.channels), np.uint8, endpoint=True).transpose(2, 0, 1)
    planes = (codes / 255.0).astype(np.float32)
    plan = SeparablePlan(weights, biases, g, padding_mode=mode, padding_value=value)
    out, again = empty_maps(g), empty_maps(g)
    plan.run(kernels, codes, out)
    plan.run(kernels, planes, again, threads=3)
    image = pad(planes.astype(np.float64), g.padding, mode, value)
    assert_within_bar(out, correlate(image, weights, biases, g), weights, image)
    assert_same_pixels(out, again)


def test_one_wrong_pixel_is_seen(kernels):
    g = resolve(channels=1, size=(20, 30), filters=1, kernel=(5, 5))
    weights, image = gaussian(1.1, 5)[None, None], np.random.default_rng(0).random((1, 20, 30), np.float32)
    out = empty_maps(g)
    SeparablePlan(weights, np.zeros(1), g).run(kernels, image, out)
    expected = ndimage.correlate(image[0].astype(np.float64), weights[0, 0], mode="constant")[None]
    assert_within_bar(out, expected, weights, image)
    out[0, 7, 9] += 1e-3
    with pytest.raises(AssertionError, match="bar"):
        assert_within_bar(out, expected, weights, image)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_bad_pixel_reaches_its_receptive_field_and_nothing_else(kernels, bad):
    smooth, sharp = np.array([1, 2, 1.0]), np.array([-1, 0, 1.0])
    weights = np.array([np.outer(smooth, sharp), np.outer(sharp, smooth), np.ones((3, 3)), np.eye(3)])
    weights = np.stack([weights, 0 * weights], 1)
    weights[2, 1], weights[3, 0] = np.ones((3, 3)), 0
    g = resolve(channels=2, size=(60, 300), filters=4, kernel=(3, 3), dilation=(2, 1))
    plan = SeparablePlan(weights, np.zeros(4), g)
    assert all(is_contained(filter, factor(filter)) for filter in weights)
    image = np.random.default_rng(2).normal(size=(2, 60, 300)).astype(np.float32)
    clean, out = empty_maps(g), empty_maps(g)
    plan.run(kernels, image, clean)
    for channel in (0, 1):
        changed = image.copy()
        changed[channel, 30, 120] = bad
        plan.run(kernels, changed, out)
        seen = np.zeros((2, 60, 300))
        seen[channel, 30, 120] = 1
        touched = correlate(pad(seen, g.padding), (weights != 0).astype(float), np.zeros(4), g) > 0
        assert touched.any() and not touched.all()
        np.testing.assert_array_equal(~np.isfinite(out), touched)
        assert_same_pixels(out[~touched], clean[~touched])


def test_a_filter_with_zeros_that_are_no_product_does_not_contain_strangers():
    laplace = np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0.0]])
    assert not is_contained(laplace[None], factor(laplace[None]))


@pytest.mark.parametrize("kind", ["uint8", "uint16"])
def test_codes_and_statistics_are_those_of_the_values(kernels, kind):
    rng, top = np.random.default_rng(7), np.iinfo(kind).max
    g = resolve(channels=2, size=(71, 900), filters=5, kernel=(5, 7), stride=(1, 2))
    weights, image = low_rank(rng, (5, 2, 5, 7), 2), rng.random((2, 71, 900), np.float32)
    plan = SeparablePlan(weights, rng.normal(size=5), g, activation="relu")
    values, codes = empty_maps(g), np.zeros((5, g.out_height, g.out_width), kind)
    plan.run(kernels, image, values)
    scale = tone.Scale(0, 2, top)
    words = np.tile((0.0, 2, top, 0, 0, top), (5, 1))
    for threads in (1, 2):
        told = plan.run(kernels, image, codes, threads, True, words)
        for k in range(5):
            expected, clipped = tone.to_codes(values[k], scale)
            assert_same_pixels(codes[k], expected)
            assert told.clipped[k] == clipped
            assert (told.minimum[k], told.maximum[k]) == (values[k].min(), values[k].max())
            np.testing.assert_allclose(told.total[k], values[k].sum(dtype=np.float64))


@pytest.mark.parametrize(
    ("plane", "rank"),
    [
        (gaussian(1.1, 5), 1),
        (np.ones((7, 7)) / 49, 1),
        (np.outer([1, 2, 1], [-1, 0, 1]), 1),
        (np.eye(3), 3),
        (np.zeros((3, 3)), 0),
        (np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]]), 2),
        (gaussian(1, 15) - gaussian(2, 15), 2),
    ],
)
def test_as_few_terms_as_the_filter_needs(plane, rank):
    found = factor(plane[None].astype(float))
    assert len(found.channels) == rank
    assert np.abs(found.product(1) - plane).sum() <= TOLERANCE * np.abs(plane).sum()


@given(st.integers(1, 3), st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**32))
def test_terms_add_up_to_the_filter(depth, high, wide, seed):
    weights = np.random.default_rng(seed).normal(size=(depth, high, wide))
    found = factor(weights)
    assert len(found.channels) <= depth * min(high, wide)
    assert np.abs(found.product(depth) - weights).sum() <= TOLERANCE * np.abs(weights).sum()


def test_whole_numbers_stay_whole():
    found = factor(np.array([[[-1, 0, 1], [-2, 0, 2], [-1, 0, 1.0]]]))
    assert_same_pixels(found.product(1)[0], np.outer([1, 2, 1], [-1.0, 0, 1]))
