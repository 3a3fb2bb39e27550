"""The direct kernel against the formula in float64, through the compiled image."""

import numpy as np
import pytest
from convolution import empty_maps, pixels
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import ACTIVATIONS, assert_same_pixels, assert_within_bar, pad

from filterbank import model
from filterbank.engine.direct import DirectPlan
from filterbank.engine.scales import prepared
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


def check(kernels, rng, g, mode="zeros", *, kind="float32", keep=1.0, threads=1):
    weights = rng.normal(size=(g.filters, g.channels // g.groups, *g.kernel))
    weights *= rng.random(weights.shape) < keep
    biases, value = rng.normal(size=g.filters), rng.normal(size=g.channels)
    source, planes = pixels(rng, g, kind)
    out = empty_maps(g)
    plan = DirectPlan(weights, biases, g, padding_mode=mode, padding_value=value)
    plan.run(kernels, source, out, threads)
    image = pad(planes.astype(np.float64), g.padding, mode, value)
    assert_within_bar(out, correlate(image, weights, biases, g), weights, image)
    return plan, planes, out


@st.composite
def layers(draw):
    groups = draw(st.sampled_from([1, 1, 1, 2, 3]))
    channels, filters = groups * draw(st.integers(1, 3)), groups * draw(st.integers(1, 9))
    kernel = draw(st.tuples(st.integers(1, 7), st.integers(1, 7)) | st.just((1, 17)) | st.just((13, 13)))
    pair = st.tuples(st.integers(1, 3), st.integers(1, 3))
    padding = draw(st.sampled_from(["same", "valid"]) | st.tuples(*[st.integers(0, 9)] * 4))
    size = draw(st.tuples(st.integers(1, 60), st.integers(1, 260)))
    shape = {"stride": draw(pair), "dilation": draw(pair), "padding": padding, "groups": groups}
    mode = draw(st.sampled_from(PADDING_MODES))
    return {"channels": channels, "size": size, "filters": filters, "kernel": kernel, **shape}, mode


@settings(max_examples=300, deadline=None)
@given(
    layers(),
    st.sampled_from(["float32", "uint8", "uint16"]),
    st.sampled_from([1.0, 1.0, 0.5, 0.1]),
    st.integers(0, 2**32),
)
def test_any_layer_agrees_with_the_formula_and_with_itself(kernels, layer, kind, keep, seed):
    shape, mode = layer
    try:
        g = resolve(**shape, padding_mode=mode)
    except GeometryError:
        return
    plan, planes, out = check(kernels, np.random.default_rng(seed), g, mode, kind=kind, keep=keep)
    again = empty_maps(g)
    plan.run(kernels, planes, again, threads=3)
    assert_same_pixels(out, again)  # codes as their floats, one thread as three


def test_one_wrong_pixel_is_seen(kernels):
    g = resolve(channels=1, size=(9, 9), filters=1, kernel=(3, 3))
    weights, image = np.ones((1, 1, 3, 3)), np.ones((1, 9, 9), np.float32)
    out = empty_maps(g)
    DirectPlan(weights, np.zeros(1), g).run(kernels, image, out)
    expected = correlate(pad(image, g.padding), weights, [0], g)
    assert_within_bar(out, expected, weights, image)
    out[0, 4, 4] += 1e-3
    with pytest.raises(AssertionError, match="bar"):
        assert_within_bar(out, expected, weights, image)


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (3, 1025), (40, 31), (33, 97)])
def test_sizes_off_every_tile(kernels, size):
    for filters in (1, 2, 3, 4, 5, 6, 7, 9, 12, 13):
        g = resolve(channels=2, size=size, filters=filters, kernel=(3, 3))
        check(kernels, np.random.default_rng(filters), g)


@pytest.mark.parametrize("filters", [1, 2, 3, 4, 5, 6, 12])
def test_long_tap_lists_in_every_tile(kernels, filters):
    g = resolve(channels=3, size=(30, 300), filters=filters, kernel=(11, 13), stride=(2, 1))
    check(kernels, np.random.default_rng(filters), g, "reflect")
    check(kernels, np.random.default_rng(filters), g, "circular", kind="uint8", threads=2)


@pytest.mark.parametrize("multiplier", [1, 2])
def test_depthwise(kernels, multiplier):
    g = resolve(channels=17, size=(30, 70), filters=17 * multiplier, kernel=(3, 3), groups=17)
    check(kernels, np.random.default_rng(0), g)


def test_every_code_is_the_rounded_quotient(kernels):
    g = resolve(channels=1, size=(256, 256), filters=1, kernel=(1, 1))
    plan, out = DirectPlan(np.ones((1, 1, 1, 1)), np.zeros(1), g), empty_maps(g)
    for kind, top in (("uint8", 255), ("uint16", 65535)):
        codes = (np.arange(65536) % (top + 1)).astype(kind).reshape(1, 256, 256)
        plan.run(kernels, codes, out)
        assert_same_pixels(out, codes.astype(np.float32) / np.float32(top))


def test_nothing_is_written_outside_the_maps(kernels):
    g = resolve(channels=1, size=(20, 37), filters=5, kernel=(3, 3))
    frame = np.full((7, 24, 41), 7, np.float32)
    out = frame[1:6, 2:22, 3:40]
    DirectPlan(np.ones((5, 1, 3, 3)), np.zeros(5), g).run(kernels, np.ones((1, 20, 37), np.float32), out)
    assert (out != 7).all()
    out[:] = 7
    assert (frame == 7).all()


@pytest.mark.parametrize("pixel", [1.0, 0.1, 0.7])
def test_long_flat_sums_stay_within_the_bar(kernels, pixel):
    g = resolve(channels=3, size=(60, 70), filters=2, kernel=(49, 49), padding="valid")
    weights = np.full((2, 3, 49, 49), 0.3)
    image = np.full((3, 60, 70), pixel, np.float32)
    out = empty_maps(g)
    DirectPlan(weights, np.zeros(2), g).run(kernels, image, out)
    expected = np.float64(np.float32(0.3)) * np.float64(np.float32(pixel)) * 3 * 49 * 49
    assert np.abs(out / expected - 1).max() < 2e-6


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("filters", [4, 6])
def test_a_bad_pixel_reaches_its_receptive_field_and_nothing_else(kernels, bad, filters):
    rng = np.random.default_rng(1)
    g = resolve(channels=2, size=(30, 50), filters=filters, kernel=(5, 13))
    weights = rng.normal(size=(filters, 2, 5, 13))
    weights[np.abs(weights) < 0.2] = 0
    image = rng.normal(size=(2, 30, 50)).astype(np.float32)
    clean, out = empty_maps(g), empty_maps(g)
    plan = DirectPlan(weights, np.zeros(filters), g)
    plan.run(kernels, image, clean)
    image[1, 12, 20] = bad
    plan.run(kernels, image, out)
    seen = np.zeros((2, 30, 50))
    seen[1, 12, 20] = 1
    touched = correlate(pad(seen, g.padding), (weights != 0).astype(float), np.zeros(filters), g) > 0
    assert touched.any() and not touched.all()
    np.testing.assert_array_equal(~np.isfinite(out), touched)
    assert_same_pixels(out[~touched], clean[~touched])


def test_a_filter_of_zeros_gives_its_bias_even_of_nan(kernels):
    g = resolve(channels=1, size=(5, 6), filters=2, kernel=(3, 3))
    weights = np.zeros((2, 1, 3, 3))
    weights[1, 0, 1, 1] = 1
    out = empty_maps(g)
    image = np.full((1, 5, 6), np.nan, np.float32)
    DirectPlan(weights, np.array([0.5, 0]), g).run(kernels, image, out)
    assert (out[0] == 0.5).all() and np.isnan(out[1]).all()


@pytest.mark.parametrize("kind", ["float32", "uint8", "uint16"])
def test_mean_and_std_come_before_the_border(kernels, kind):
    rng = np.random.default_rng(3)
    g = resolve(channels=2, size=(20, 30), filters=3, kernel=(3, 5), stride=(1, 2))
    weights, mean, std = rng.normal(size=(3, 2, 3, 5)), (0.49, 0.3), (0.001, 2.0)
    source, planes = pixels(rng, g, kind)
    out = empty_maps(g)
    border = {"padding_mode": "constant", "padding_value": (5, -1)}
    plan = DirectPlan(weights, np.zeros(3), g, **border, mean=mean, std=std)
    plan.run(kernels, source, out)
    image = (planes - np.reshape(mean, (2, 1, 1))) / np.reshape(std, (2, 1, 1))
    image = pad(image, g.padding, "constant", (5, -1))
    assert_within_bar(out, correlate(image, weights, np.zeros(3), g), weights, image)


@pytest.mark.parametrize("name", model.ACTIVATIONS)
def test_activations_are_the_definitions(kernels, name):
    activation = model.Activation(name)
    g = resolve(channels=1, size=(64, 999), filters=1, kernel=(1, 1))
    image = np.linspace(-30, 30, 64 * 999, dtype=np.float32).reshape(1, 64, 999)
    image[0, 0, :4] = (0, -0.0, 1e-4, -1e-4)
    out = empty_maps(g)
    how = {"activation": name, "parameters": activation.parameters}
    plan = DirectPlan(np.ones((1, 1, 1, 1)), np.zeros(1), g, **how)
    plan.run(kernels, image, out)
    expected = ACTIVATIONS[name](image.astype(np.float64), *activation.parameters)
    np.testing.assert_allclose(out, expected, rtol=1e-6, atol=4e-7)
    image[0, 0, :3] = np.nan, np.inf, -np.inf
    plan.run(kernels, image, out)
    with np.errstate(invalid="ignore", over="ignore"):
        limits = ACTIVATIONS[name](np.array([np.nan, np.inf, -np.inf]), *activation.parameters)
    assert np.isnan(out[0, 0, 0])
    for found, limit in zip(out[0, 0, 1:3], limits[1:], strict=True):
        if np.isnan(limit):  # ∞ times 0 in the definition
            assert not np.isfinite(found)
        else:
            np.testing.assert_allclose(found, limit, atol=1e-6)


@pytest.mark.filterwarnings("ignore:invalid value")
def test_statistics_are_those_of_the_maps(kernels):
    rng = np.random.default_rng(5)
    for filters, activation in ((1, "identity"), (5, "relu"), (8, "tanh"), (6, "square")):
        g = resolve(channels=1, size=(90, 331), filters=filters, kernel=(3, 3))
        weights = rng.normal(size=(filters, 1, 3, 3))
        weights[0, 0, 0] = 0
        out = empty_maps(g)
        plan = DirectPlan(weights, np.zeros(filters), g, activation=activation)
        image = rng.normal(size=(1, 90, 331)).astype(np.float32)
        image[0, 40, [5, 100, 328]] = np.nan, np.inf, -np.inf
        one, two = (plan.run(kernels, image, out, threads) for threads in (1, 2))
        for k, values in enumerate(out):
            told = tone.statistics(values)
            assert (one.minimum[k], one.maximum[k]) == (told.minimum, told.maximum)
            assert one.nonfinite[k] == told.nonfinite
            assert one.negative[k] == round(told.negative * (values.size - told.nonfinite))
            np.testing.assert_allclose(one.total[k], np.sum(values[np.isfinite(values)], dtype=np.float64))
        assert_same_pixels(one.total, two.total)
        assert not one.clipped.any()


def scale_words(scale):
    """A tone.Scale as the kernels take it."""
    tiny = float(np.finfo(np.float64).tiny)
    if scale.zero is None:
        return scale.lo, scale.hi - scale.lo or tiny, scale.top, 0, 0, scale.top
    return 0, scale.hi or tiny, scale.top - scale.zero, scale.zero, scale.lowest, scale.top


SCALES = [
    tone.Scale(0, 1),
    tone.Scale(0, 1, tone.TOP16),
    tone.Scale(-0.7, 0.9),
    tone.Scale(0.25, 0.25),
    tone.Scale(-3.0, 3.0, tone.TOP8, 128),
    tone.Scale(-0.3, 0.3, tone.TOP16, 32768),
    tone.Scale(0.0, 0.0, tone.TOP8, 128),
    tone.Scale(-1e30, 1e-30),
]


@pytest.mark.parametrize("scale", SCALES, ids=str)
@pytest.mark.parametrize("bad", [False, True])
def test_codes_are_those_of_the_scale(kernels, scale, bad):
    rng = np.random.default_rng(0)
    halves = scale.lo + (np.arange(-9, 600) + 0.5) / scale.top * (scale.hi - scale.lo)
    noise = rng.normal(size=5000) * max(abs(scale.hi), 0.1)
    values = np.concatenate([halves, noise, [0, -0.0]]).astype(np.float32)
    if bad:
        values[3000:3003] = np.nan, np.inf, -np.inf
    expected, clipped = tone.to_codes(values, scale)
    out = np.zeros_like(expected)
    words = prepared(np.array([scale_words(scale)], np.float64))
    state = np.zeros((6, 8))
    state[0], state[1] = np.inf, -np.inf
    addresses = state.ctypes.data, out.ctypes.data, out.itemsize, words.ctypes.data
    kernels.encode(values.ctypes.data, values.size, *addresses)
    assert_same_pixels(out, expected)
    assert state[5].sum() == clipped


@pytest.mark.parametrize("kind", ["uint8", "uint16"])
def test_codes_in_the_same_pass_are_those_of_the_values(kernels, kind):
    rng = np.random.default_rng(7)
    top = np.iinfo(kind).max
    for filters, activation in ((1, "identity"), (7, "relu"), (6, "abs")):
        g = resolve(channels=3, size=(61, 300), filters=filters, kernel=(3, 3), stride=(1, 2))
        weights, image = rng.normal(size=(filters, 3, 3, 3)), rng.random((3, 61, 300)).astype(np.float32)
        plan = DirectPlan(weights, rng.normal(size=filters), g, activation=activation)
        values, codes = empty_maps(g), np.zeros((filters, g.out_height, g.out_width), kind)
        scales = [
            tone.Scale(-k - 1, k + 1, top, (top + 1) // 2) if k % 2 else tone.Scale(0, 1, top)
            for k in range(filters)
        ]
        words = np.array([scale_words(scale) for scale in scales], np.float64)
        plan.run(kernels, image, values)
        for threads in (1, 2):
            told = plan.run(kernels, image, codes, threads, threads == 1, words)
            for k, scale in enumerate(scales):
                expected, clipped = tone.to_codes(values[k], scale)
                assert_same_pixels(codes[k], expected)
                assert told.clipped[k] == clipped
                assert told.minimum[k] == (values[k].min() if threads == 1 else np.inf)


_ONE = np.zeros((1, 4, 4), np.float32)


@pytest.mark.parametrize(
    ("source", "out", "message"),
    [
        (np.zeros((1, 4, 4)), _ONE, "source: found .* float64"),
        (np.zeros((1, 4, 5), np.float32), _ONE, "source: found"),
        (_ONE, np.zeros((2, 4, 4), np.float32), "out: accepted: 1 maps"),
        (_ONE, np.zeros((1, 4, 4)), "out: accepted: float32"),
        (_ONE, np.zeros((1, 4, 8), np.float32)[:, :, ::2], "out: accepted: float32"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(source, out, message):
    g = resolve(channels=1, size=(4, 4), filters=1, kernel=(3, 3))
    with pytest.raises(ValueError, match=message):
        DirectPlan(np.ones((1, 1, 3, 3)), np.zeros(1), g).run(None, source, out)
