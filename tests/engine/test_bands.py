"""Bands of rows against the same rows of the whole maps: bit for bit where the methods are the same."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filterbank import engine
from filterbank.engine import bands
from filterbank.errors import GeometryError
from filterbank.model import PADDING_MODES, Activation, Combination, Filter, Layer, Stack


def whole_maps(plan, image):
    return np.stack([values for _, values, _ in engine.outputs(plan, image)])


def banded_maps(plan, image, step, threads=1):
    """Maps put together from bands of *step* rows, and the rows of the image that each band asked for."""
    asked = []

    def rows(first, last):
        asked.append((first, last))
        assert 0 <= first < last <= image.shape[1]
        return image[:, first:last]

    parts = []
    for first in range(0, plan.output.out_height, step):
        last = min(first + step, plan.output.out_height)
        found = bands.outputs(plan, rows, first, last, threads)
        parts.append(np.stack([values for _, values, _ in found]))
    return np.concatenate(parts, axis=1), asked


def assert_same(found, expected):
    assert found.shape == expected.shape
    np.testing.assert_array_equal(found.view(np.int32), expected.view(np.int32))


@st.composite
def layers(draw, channels, smallest=24):
    groups = draw(st.sampled_from([g for g in (1, 2, 3) if channels % g == 0]))
    count = groups * draw(st.integers(1, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    high, wide = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    weights = rng.normal(size=(count, channels // groups, high, wide))
    weights[rng.random(weights.shape) < 0.2] = 0
    weights[:, 0, 0, 0] = 1
    mode = draw(st.sampled_from(PADDING_MODES))
    most = min(9, smallest - 1)
    return Layer(
        tuple(Filter(f"f{k}", own / np.abs(own).sum(), k / 8) for k, own in enumerate(weights)),
        stride=(draw(st.integers(1, 3)), draw(st.integers(1, 2))),
        padding=draw(st.one_of(st.sampled_from(["same", "valid"]), st.tuples(*[st.integers(0, most)] * 4))),
        padding_mode=mode,
        padding_value=(0.25,),
        dilation=(draw(st.integers(1, 2)), draw(st.integers(1, 2))),
        groups=groups,
        activation=Activation(draw(st.sampled_from(["identity", "relu", "tanh"]))),
        mean=(0.5,),
        std=(2.0,),
    )


@st.composite
def cases(draw):
    channels = draw(st.sampled_from([1, 2, 3]))
    height, width = draw(st.integers(24, 40)), draw(st.integers(18, 30))
    kind = draw(st.sampled_from([np.uint8, np.uint16, np.float32]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    image = rng.random((channels, height, width), np.float32)
    if kind is not np.float32:
        image = (image * np.iinfo(kind).max).astype(kind)
    return draw(layers(channels)), image


@settings(max_examples=150, deadline=None)
@given(cases(), st.integers(1, 40), st.sampled_from(["direct", "separable"]))
def test_bands_are_rows_of_the_whole_maps(case, step, method):
    layer, image = case
    plan = engine.plan(Stack((layer,)), image.shape[1:], method)
    found, _ = banded_maps(plan, image, step)
    assert_same(found, whole_maps(plan, image))


@settings(max_examples=60, deadline=None)
@given(cases(), st.integers(1, 5), st.sampled_from(["winograd", "fft"]))
def test_transforms_in_whole_blocks_are_the_same_too(case, blocks, method):
    layer, image = case
    plan = engine.plan(Stack((layer,)), image.shape[1:], method)
    found, _ = banded_maps(plan, image, blocks * bands.grain(plan))
    assert_same(found, whole_maps(plan, image))


@pytest.mark.parametrize("method", ["winograd", "fft"])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("size", [3, 4, 7, 11])
def test_blocks_of_transforms_do_not_know_what_lies_below_them(method, stride, size):
    rng = np.random.default_rng(size)
    weights = rng.normal(size=(3, 2, size, size))
    layer = Layer(tuple(Filter(f"f{k}", own) for k, own in enumerate(weights)), stride=(stride, stride))
    image = rng.random((2, 301, 70), np.float32)
    plan = engine.plan(Stack((layer,)), image.shape[1:], method)
    assert method in plan.methods
    found, _ = banded_maps(plan, image, bands.grain(plan))
    assert_same(found, whole_maps(plan, image))


@settings(max_examples=60, deadline=None)
@given(st.data(), st.integers(1, 30), st.sampled_from(["direct", "auto", "winograd"]))
def test_stacks_in_bands(data, step, method):
    first = data.draw(layers(2))
    # Maps may have few rows by then, which modes that reach into the image must not be asked beyond.
    second = data.draw(layers(len(first.filters), smallest=4))
    image = np.random.default_rng(7).random((2, 40, 33), np.float32)
    try:
        plan = engine.plan(Stack((first, second)), image.shape[1:], method)
    except GeometryError:
        return
    step = -(-step // bands.grain(plan)) * bands.grain(plan)
    found, _ = banded_maps(plan, image, step)
    assert_same(found, whole_maps(plan, image))


@pytest.mark.parametrize("window", [None, 1, 4, 9])
@pytest.mark.parametrize("operation", ["maximum", "modulus", "mean"])
def test_combinations_and_their_windows(window, operation):
    rng = np.random.default_rng(3)
    filters = tuple(Filter(name, rng.normal(size=(3, 3))) for name in "abc")
    both = Combination("both", operation, ("a", "c"), window), Combination("one", "keep", ("b",), None)
    plan = engine.plan(Stack((Layer(filters, combine=both),)), (31, 20))
    image = rng.random((1, 31, 20), np.float32)
    expected = whole_maps(plan, image)
    for step in (1, 5, 31):
        found, _ = banded_maps(plan, image, step)
        assert_same(found, expected)


def test_what_is_told_of_bands_adds_up():
    image = np.random.default_rng(5).random((1, 50, 20), np.float32)
    image[0, 20, 3], image[0, 21, 9] = np.nan, np.inf
    edge = Layer((Filter("edge", [[1.0, -1.0]]), Filter("sum", [[1.0, 2.0]])))
    plan = engine.plan(Stack((edge,)), (50, 20))
    parts = [
        [told for _, _, told in bands.outputs(plan, lambda a, b: image[:, a:b], first, first + 10)]
        for first in range(0, 50, 10)
    ]
    for (_, _, whole), own in zip(engine.outputs(plan, image), zip(*parts, strict=True), strict=True):
        merged = engine.merge_told(own)
        assert merged.total == pytest.approx(whole.total, rel=1e-12)
        assert merged == type(whole)(
            whole.minimum, whole.maximum, merged.total, whole.negative, whole.nonfinite, whole.clipped
        )
        assert merged.nonfinite > 0


def test_only_rows_with_the_halo_are_asked_for():
    layer = Layer((Filter("sum", np.ones((5, 3))),))
    plan = engine.plan(Stack((layer, layer)), (100, 8), "direct")
    _, asked = banded_maps(plan, np.ones((1, 100, 8), np.float32), 20)
    assert asked == [(0, 24), (16, 44), (36, 64), (56, 84), (76, 100)]
    assert bands.heights(plan, 20) == ((28, 24), (24, 20))


def test_a_circular_image_is_asked_for_its_other_end():
    layer = Layer((Filter("sum", np.ones((5, 3))),), padding_mode="circular")
    plan = engine.plan(Stack((layer,)), (100, 8))
    _, asked = banded_maps(plan, np.ones((1, 100, 8), np.float32), 50)
    assert asked == [(0, 52), (98, 100), (0, 2), (48, 100)]


def test_one_wrong_row_is_seen():
    image = np.random.default_rng(1).random((1, 30, 12), np.float32)
    plan = engine.plan(Stack((Layer((Filter("sum", np.ones((3, 3))),)),)), (30, 12))
    expected = whole_maps(plan, image)
    wrong = image.copy()
    wrong[0, 17, 4] = np.nextafter(wrong[0, 17, 4], np.float32(9)) + np.float32(1e-5)
    found, _ = banded_maps(plan, wrong, 7)
    with pytest.raises(AssertionError):
        assert_same(found, expected)


def test_threads_change_nothing():
    image = np.random.default_rng(2).random((3, 60, 40), np.float32)
    rng = np.random.default_rng(3)
    one = Layer(tuple(Filter(f"f{k}", rng.normal(size=(3, 3, 3))) for k in range(4)))
    plan = engine.plan(Stack((one, Layer((Filter("g", rng.normal(size=(4, 5, 5))),)))), (60, 40))
    step = 3 * bands.grain(plan)
    assert_same(banded_maps(plan, image, step, threads=3)[0], banded_maps(plan, image, step)[0])
