"""Whole numbers on bytes: exact sums, against sums of Python's own whole numbers."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from oracle import assert_same_pixels, pad

from filterbank.engine.direct import DirectPlan
from filterbank.engine.quads import as_integers, whole_filters
from filterbank.engine.taps import TapsPlan
from filterbank.errors import GeometryError
from filterbank.geometry import resolve
from filterbank.model import PADDING_MODES


def exact(codes, numbers, g, mode, value):
    """Sums of products, (K, H2, W2) whole numbers, one tap after another on the padded bytes."""
    padded = np.rint(pad(codes.astype(np.float64), g.padding, mode, value)).astype(np.int64)
    maps = np.zeros((g.filters, g.out_height, g.out_width), np.int64)
    depth, per_group = g.channels // g.groups, g.filters // g.groups
    for k, c, i, j in np.argwhere(numbers):
        y, x = i * g.dilation[0], j * g.dilation[1]
        rows = slice(y, y + (g.out_height - 1) * g.stride[0] + 1, g.stride[0])
        maps[k] += numbers[k, c, i, j] * padded[k // per_group * depth + c, rows, x : x + g.out_width]
    return maps


def assert_exact(out, sums, units, biases):
    """Every output is its exact sum's value: one rounding of the sum, one of the bias beside it."""
    values = sums * (units / 255)[:, None, None] + biases[:, None, None]
    roundings = 2.0**-23 * (np.abs(values) + np.abs(biases)[:, None, None]) + 2.0**-46 * np.abs(sums)
    assert np.all(np.abs(out - values) <= roundings)


@st.composite
def layers(draw):
    groups = draw(st.sampled_from([1, 1, 1, 2, 3]))
    channels, filters = groups * draw(st.integers(1, 3)), groups * draw(st.integers(1, 9))
    kernel = draw(st.tuples(st.integers(1, 9), st.integers(1, 7)) | st.just((1, 17)) | st.just((13, 5)))
    padding = draw(st.sampled_from(["same", "valid"]) | st.tuples(*[st.integers(0, 9)] * 4))
    size = draw(st.tuples(st.integers(1, 60), st.integers(1, 260)))
    dilation = draw(st.tuples(st.integers(1, 4), st.integers(1, 3)))
    shape = {
        "stride": (draw(st.integers(1, 3)), 1),
        "dilation": dilation,
        "padding": padding,
        "groups": groups,
    }
    mode = draw(st.sampled_from(PADDING_MODES))
    return {"channels": channels, "size": size, "filters": filters, "kernel": kernel, **shape}, mode


def case(rng, g):
    """Whole numbers with a one in every filter, and what one of them stands for."""
    numbers = rng.integers(-127, 128, (g.filters, g.channels // g.groups, *g.kernel))
    numbers *= rng.random(numbers.shape) < rng.choice([1, 0.5, 0.2])
    numbers[:, 0, 0, 0] = 1
    return numbers, rng.choice([1.0, 1 / 8, 1 / 9, 0.3], g.filters)


@settings(max_examples=300, deadline=None)
@given(layers(), st.booleans(), st.integers(0, 2**32))
def test_sums_are_exact_on_any_layer(kernels, layer, is_interleaved, seed):
    shape, mode = layer
    try:
        g = resolve(**shape, padding_mode=mode)
    except GeometryError:
        return
    rng = np.random.default_rng(seed)
    numbers, units = case(rng, g)
    biases, border = rng.normal(size=g.filters), rng.integers(0, 256, g.channels)
    codes = rng.integers(0, 256, (g.height, g.width, g.channels)).astype(np.uint8).transpose(2, 0, 1)
    codes = codes if is_interleaved else np.ascontiguousarray(codes)
    plan = TapsPlan(
        numbers * units[:, None, None, None],
        biases,
        g,
        padding_mode=mode,
        padding_value=border / 255,
        mean=(0.0,),
        std=(1.0,),
    )
    assume(len(plan._for_bytes) == 1)  # not where a filter has very many taps
    out = np.full((g.filters, g.out_height, g.out_width), np.nan, np.float32)
    plan.run(kernels, codes, out, threads=1)
    assert_exact(out, exact(codes, numbers, g, mode, border), units, biases)
    again = np.full_like(out, np.nan)
    plan.run(kernels, codes, again, threads=3)
    assert_same_pixels(out, again)


def test_one_sum_that_is_one_off_is_seen():
    sums = np.array([[[-7, 0, 30000]]])
    out = (sums / 255 / 8).astype(np.float32)
    assert_exact(out, sums, np.array([1 / 8]), np.zeros(1))
    for off in range(3):
        wrong = sums.copy()
        wrong[0, 0, off] += 1
        with pytest.raises(AssertionError):
            assert_exact(out, wrong, np.array([1 / 8]), np.zeros(1))


PLAIN = {"padding_mode": "zeros", "padding_value": (0.0,), "mean": (0.0,), "std": (1.0,)}
SOBEL = np.array([[[[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]]]) / 8


def test_where_the_formula_is_zero_the_map_is_zero(kernels):
    rng = np.random.default_rng(0)
    codes = np.repeat(rng.integers(0, 256, (1, 60, 1)), 90, axis=2).astype(np.uint8)
    g = resolve(channels=1, size=(60, 90), filters=1, kernel=(3, 3))
    out = np.full((1, 60, 90), np.nan, np.float32)
    TapsPlan(SOBEL, np.zeros(1), g, **PLAIN).run(kernels, codes, out)
    assert np.all(out[0, :, 1:-1] == 0) and np.any(out[0, :, 0] != 0)


def test_every_code_is_the_rounded_quotient(kernels):
    g = resolve(channels=1, size=(16, 16), filters=1, kernel=(1, 1))
    codes, out = np.arange(256, dtype=np.uint8).reshape(1, 16, 16), np.zeros((1, 16, 16), np.float32)
    plan = TapsPlan(np.ones((1, 1, 1, 1)), np.zeros(1), g, **PLAIN)
    plan.run(kernels, codes, out)
    assert plan._for_bytes
    assert_same_pixels(out, codes.astype(np.float32) / np.float32(255))


def test_codes_are_those_of_the_floats(kernels):
    """Binomial weights put one sum in sixteen half-way between two codes, but for a rounding."""
    rng = np.random.default_rng(0)
    weights = np.outer([1, 2, 1], [1, 2, 1])[None, None] / 16
    g = resolve(channels=1, size=(200, 300), filters=1, kernel=(3, 3))
    pixels = rng.integers(0, 256, (1, 200, 300)).astype(np.uint8)
    plan = TapsPlan(weights, np.zeros(1), g, **PLAIN)
    out, codes = np.zeros((1, 200, 300), np.float32), np.zeros((1, 200, 300), np.uint8)
    plan.run(kernels, pixels, out)
    plan.run(kernels, pixels, codes, scales=np.array([[0, 1, 255, 0, 0, 255.0]]))
    assert np.array_equal(codes, np.rint(out.astype(np.float64) * 255).astype(np.uint8))


def test_other_pictures_go_through_floats(kernels):
    g = resolve(channels=1, size=(30, 40), filters=1, kernel=(3, 3))
    plan, plain = (kind(SOBEL, np.zeros(1), g, **PLAIN) for kind in (TapsPlan, DirectPlan))
    rng = np.random.default_rng(0)
    for image in (rng.random((1, 30, 40), np.float32), rng.integers(0, 65536, (1, 30, 40)).astype(np.uint16)):
        out, expected = np.zeros((1, 30, 40), np.float32), np.zeros((1, 30, 40), np.float32)
        plan.run(kernels, image, out)
        plain.run(kernels, image, expected)
        assert_same_pixels(out, expected)


@pytest.mark.parametrize(
    ("weights", "numbers"),
    [
        ([1, 2, -1], [1, 2, -1]),
        ([0.25, -0.5, 0], [1, -2, 0]),
        ([-3 / 15, 5 / 15, 0], [-3, 5, 0]),
        ([1 / 9, 1 / 9, 1 / 9], [1, 1, 1]),
        ([0, 0, 0], [0, 0, 0]),
        ([127, 1, 0], [127, 1, 0]),
        ([128, 1, 0], None),
        ([1, np.pi, 0], None),
        ([1, 1 + 1e-9, 0], None),
    ],
)
def test_whole_numbers_are_found(weights, numbers):
    found = as_integers(np.array(weights, np.float64).reshape(1, 1, 1, 3))
    assert (found is None) == (numbers is None)
    if found:
        assert found.numbers.ravel().tolist() == numbers
        assert np.allclose(found.numbers.ravel() * found.units, weights, rtol=1e-15)


@pytest.mark.parametrize(
    ("how", "is_taken"),
    [
        ({}, True),
        ({"mean": (0.5,)}, False),
        ({"std": (0.5,)}, False),
        ({"padding_mode": "constant", "padding_value": (0.2,)}, True),
        ({"padding_mode": "constant", "padding_value": (0.21,)}, False),
        ({"padding_mode": "constant", "padding_value": (-1.0,)}, False),
        ({"padding_mode": "constant", "padding_value": (2.0,)}, False),
        ({"padding_mode": "replicate", "padding_value": (0.21,)}, True),
    ],
)
def test_layers_that_are_no_sums_of_bytes_are_left_alone(how, is_taken):
    g = resolve(channels=1, size=(30, 40), filters=1, kernel=(3, 3))
    assert whole_filters(SOBEL, g.stride, g.groups, **PLAIN | how) == ((0,) if is_taken else ())
    wide = resolve(channels=1, size=(30, 40), filters=1, kernel=(3, 3), stride=(1, 2))
    assert whole_filters(SOBEL, wide.stride, wide.groups, **PLAIN | how) == ()


@pytest.mark.parametrize(("count", "others"), [(4, 1), (9, 2), (4, 0)])
def test_filters_of_whole_numbers_are_exact_beside_others(kernels, count, others):
    rng = np.random.default_rng(count)
    filters = count + others
    g = resolve(channels=3, size=(37, 150), filters=filters, kernel=(3, 3), padding=(1, 1, 1, 1))
    numbers, units = case(rng, g)
    weights, biases = numbers * units[:, None, None, None], rng.normal(size=filters).astype(np.float32)
    fractions = rng.permutation(filters)[:others]
    weights[fractions] = rng.normal(size=(others, 3, 3, 3))
    codes = rng.integers(0, 256, (3, 37, 150)).astype(np.uint8)
    plan, out = TapsPlan(weights, biases, g, **PLAIN), np.empty((filters, 37, 150), np.float32)
    told = plan.run(kernels, codes, out, 2)
    whole = sorted({*range(filters)} - {*fractions.tolist()})
    sums = exact(codes, numbers, g, "zeros", 0)
    assert_exact(out[whole], sums[whole], units[whole], biases[whole])
    floats = np.empty_like(out)
    DirectPlan(weights, biases, g).run(kernels, codes, floats, 1)
    assert out[fractions].tobytes() == floats[fractions].tobytes()
    assert np.array_equal(told.minimum, out.min((1, 2)))
    assert np.array_equal(told.negative, (out < 0).sum((1, 2)))
    ends = 0.8 * np.abs(out).max((1, 2)).astype(float)
    scales = np.array([[-end, 2 * end, 255, 0, 0, 255] for end in ends])
    coded = np.empty(out.shape, np.uint8)
    clipped = plan.run(kernels, codes, coded, 2, False, scales).clipped
    codes_of = np.rint((out + ends[:, None, None]) / (2 * ends)[:, None, None] * 255)
    assert_same_pixels(coded, np.clip(codes_of, 0, 255).astype(np.uint8))
    assert np.array_equal(clipped, ((codes_of < 0) | (codes_of > 255)).sum((1, 2)))


def test_few_filters_of_whole_numbers_are_not_worth_it():
    weights = np.random.default_rng(0).normal(size=(8, 1, 3, 3))
    weights[:3] = np.rint(9 * weights[:3])
    g = resolve(channels=1, size=(30, 40), filters=8, kernel=(3, 3))
    assert whole_filters(weights, g.stride, g.groups, **PLAIN) == ()
    weights[3] = 1
    assert whole_filters(weights, g.stride, g.groups, **PLAIN) == (0, 1, 2, 3)
