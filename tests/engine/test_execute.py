"""The operation against the float64 formula, SciPy, and its own algebra."""

import numpy as np
import oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage, signal

from filterbank import engine
from filterbank.engine import execute
from filterbank.errors import GeometryError, RequestError
from filterbank.model import ACTIVATIONS, PADDING_MODES, Activation, Filter, Layer, Stack


def maps_of(layer, image, threads=1):
    image = np.ascontiguousarray(image, np.float32)
    plan = engine.plan(Stack((layer,)), image.shape[1:])
    return np.stack([values for _, values in engine.run(plan, image, threads)])


def layer_of(weights, biases=None, **settings):
    biases = np.zeros(len(weights)) if biases is None else biases
    filters = tuple(
        Filter(f"f{k}", w, float(b)) for k, (w, b) in enumerate(zip(weights, biases, strict=True))
    )
    return Layer(filters, **settings)


def random_layer(rng):
    """A layer and an image that fit: any K, C, F, S, P, D, groups, padding mode, mean, std."""
    groups = int(rng.choice([1, 1, 2, 3]))
    depth, K = int(rng.integers(1, 4)), groups * int(rng.integers(1, 4))
    C = groups * depth
    F = rng.integers(1, 6, 2)
    weights = rng.normal(size=(K, depth, *F)) * (rng.random((K, depth, *F)) > rng.choice([0, 0.5]))
    padding = ("same", "valid", tuple(int(p) for p in rng.integers(0, 5, 4)))[rng.integers(3)]
    D = tuple(int(d) for d in rng.integers(1, 4, 2))
    size = rng.integers(1, 6, 2) + D * (F - 1) + 4
    layer = layer_of(
        weights,
        rng.normal(size=K),
        stride=tuple(int(s) for s in rng.integers(1, 4, 2)),
        dilation=D,
        padding=padding,
        padding_mode=str(rng.choice(PADDING_MODES)),
        padding_value=tuple(rng.normal(size=C)) if rng.random() < 0.5 else (0.25,),
        groups=groups,
        mean=tuple(rng.random(C)) if rng.random() < 0.5 else (0.5,),
        std=tuple(rng.random(C) + 0.5) if rng.random() < 0.5 else (1.0,),
    )
    return layer, rng.random((C, *size), np.float32)


@pytest.mark.parametrize("seed", range(300))
def test_random_layer_equals_the_formula(seed):
    layer, image = random_layer(np.random.default_rng(seed))
    expected, x = oracle.layer_maps(layer, image)
    oracle.assert_within_bar(maps_of(layer, image), expected, layer.weights, x)


def test_bar_sees_one_wrong_pixel():
    layer, image = random_layer(np.random.default_rng(1))
    expected, x = oracle.layer_maps(layer, image)
    wrong = maps_of(layer, image)
    wrong[0, 0, 0] += 1e-3
    with pytest.raises(AssertionError, match="error"):
        oracle.assert_within_bar(wrong, expected, layer.weights, x)


@pytest.mark.parametrize(
    ("mode", "scipy_mode"),
    [
        ("zeros", "constant"),
        ("reflect", "mirror"),
        ("symmetric", "reflect"),
        ("replicate", "nearest"),
        ("circular", "wrap"),
    ],
)
def test_padding_modes_equal_scipy(mode, scipy_mode):
    rng = np.random.default_rng(7)
    image, w = rng.random((9, 11)), rng.normal(size=(5, 3))
    got = maps_of(layer_of(w[None, None], padding_mode=mode), image[None])[0]
    expected = ndimage.correlate(image, w, mode=scipy_mode)
    np.testing.assert_allclose(got, expected, atol=1e-5)


def test_colour_filter_equals_scipy_signal():
    rng = np.random.default_rng(8)
    image, w = rng.random((3, 12, 10)), rng.normal(size=(2, 3, 4, 4))
    got = maps_of(layer_of(w, padding="valid"), image)
    expected = np.stack([signal.correlate(image, v, mode="valid")[0] for v in w])
    np.testing.assert_allclose(got, expected, atol=1e-5)


def test_same_with_even_kernel_puts_the_odd_pixel_at_the_end():
    image = np.arange(4, dtype=np.float32)[None, None]
    got = maps_of(layer_of(np.ones((1, 1, 1, 2))), image)
    assert got[0, 0].tolist() == [1, 3, 5, 3]


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation_is_pytorchs(name):
    values = np.concatenate([np.linspace(-9, 9, 181), [0.0, 25.0, -25.0]])[None, None]
    layer = layer_of(np.ones((1, 1, 1, 1)), activation=Activation(name))
    expected = oracle.activate(values, layer.activation)
    np.testing.assert_allclose(maps_of(layer, values)[0], expected[0], rtol=2e-6, atol=2e-6)


def test_activation_parameters():
    values = np.array([[[-2.0, 0.5, 3.0]]])
    for activation, expected in [
        (Activation("leaky_relu", (0.5,)), [-1, 0.5, 3]),
        (Activation("clip", (-1.0, 1.0)), [-1, 0.5, 1]),
        (Activation("hard_sigmoid", (0.25, 0.5)), [0, 0.625, 1]),
        (Activation("elu", (2.0,)), [2 * (np.exp(-2) - 1), 0.5, 3]),
    ]:
        got = maps_of(layer_of(np.ones((1, 1, 1, 1)), activation=activation), values)[0, 0]
        np.testing.assert_allclose(got, expected, rtol=1e-6)


@pytest.mark.parametrize("name", list(ACTIVATIONS))
def test_nan_passes_every_activation(name):
    layer = layer_of(np.ones((1, 1, 1, 1)), activation=Activation(name))
    assert np.isnan(maps_of(layer, np.full((1, 1, 1), np.nan))).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_non_finite_pixel_reaches_exactly_its_outputs(bad):
    rng = np.random.default_rng(3)
    w = rng.normal(size=(3, 1, 3, 3))
    w[0, 0, 1, 1] = w[1, 0, 0] = 0
    layer = layer_of(w, stride=(2, 1), dilation=(1, 2), padding=(2, 2, 2, 2))
    image = rng.random((1, 12, 12)).astype(np.float32)
    image[0, 5, 6] = bad
    clean, _ = oracle.layer_maps(layer, np.where(np.isfinite(image), image, 0))
    expected, _ = oracle.layer_maps(layer, image)
    got = maps_of(layer, image)
    oracle.assert_same_pixels(np.isfinite(got), np.isfinite(expected))
    np.testing.assert_allclose(got[np.isfinite(got)], clean[np.isfinite(got)], atol=1e-5)


def test_flat_image_under_a_huge_box_keeps_the_bar():
    layer = layer_of(np.full((1, 3, 49, 49), 1.0), padding="valid")
    image = np.full((3, 50, 50), 0.7, np.float32)
    expected = np.full((1, 2, 2), 3 * 49 * 49 * np.float64(np.float32(0.7)))
    oracle.assert_within_bar(maps_of(layer, image), expected, layer.weights, image)


def test_threads_do_not_change_a_byte():
    rng = np.random.default_rng(4)
    layer = layer_of(rng.normal(size=(3, 1, 7, 7)), activation=Activation("tanh"))
    image = rng.random((1, 301, 400))
    oracle.assert_same_pixels(maps_of(layer, image), maps_of(layer, image, threads=5))


def test_stack_feeds_maps_to_the_next_layer():
    rng = np.random.default_rng(5)
    first, second = layer_of(rng.normal(size=(3, 1, 3, 3))), layer_of(rng.normal(size=(2, 3, 3, 3)))
    image = rng.random((1, 10, 10), np.float32)
    plan = engine.plan(Stack((first, second)), (10, 10))
    got = np.stack([values for _, values in engine.run(plan, image)])
    oracle.assert_same_pixels(got, maps_of(second, maps_of(first, image)))


def test_wrong_shape_and_method_are_refused():
    plan = engine.plan(Stack((layer_of(np.ones((1, 1, 3, 3))),)), (8, 8))
    with pytest.raises(GeometryError, match=r"found shape \(1, 8, 9\)"):
        list(engine.run(plan, np.zeros((1, 8, 9), np.float32)))
    with pytest.raises(RequestError, match="found 'magic'; accepted: auto"):
        engine.plan(Stack((layer_of(np.ones((1, 1, 3, 3))),)), (8, 8), "magic")


# --- algebra -----------------------------------------------------------------------------------

seeds = st.integers(0, 2**32 - 1)


@given(seeds, st.floats(-3, 3))
@settings(deadline=None, max_examples=30)
def test_linear_in_the_image(seed, factor):
    rng = np.random.default_rng(seed)
    layer = layer_of(rng.normal(size=(2, 1, 3, 3)))
    a, b = rng.random((2, 1, 8, 9))
    np.testing.assert_allclose(
        maps_of(layer, a + factor * b), maps_of(layer, a) + factor * maps_of(layer, b), atol=1e-4
    )


@given(seeds)
@settings(deadline=None, max_examples=30)
def test_linear_in_the_weights(seed):
    rng = np.random.default_rng(seed)
    v, w = rng.normal(size=(2, 2, 1, 3, 3))
    image = rng.random((1, 8, 9))
    np.testing.assert_allclose(
        maps_of(layer_of(v + 2 * w), image),
        maps_of(layer_of(v), image) + 2 * maps_of(layer_of(w), image),
        atol=1e-4,
    )


@given(seeds, st.sampled_from([1, 3, 5]))
@settings(deadline=None, max_examples=20)
def test_impulse_filter_returns_the_image(seed, size):
    image = np.random.default_rng(seed).random((1, 7, 8), np.float32)
    impulse = np.zeros((1, 1, size, size))
    impulse[0, 0, size // 2, size // 2] = 1
    oracle.assert_same_pixels(maps_of(layer_of(impulse), image), image)


@given(seeds, st.integers(2, 4))
@settings(deadline=None, max_examples=20)
def test_stride_is_stride_one_sampled(seed, stride):
    rng = np.random.default_rng(seed)
    w, image = rng.normal(size=(2, 1, 3, 3)), rng.random((1, 13, 14))
    dense = maps_of(layer_of(w, padding=(1, 1, 1, 1)), image)
    sampled = maps_of(layer_of(w, padding=(1, 1, 1, 1), stride=(stride, stride)), image)
    oracle.assert_same_pixels(sampled, np.ascontiguousarray(dense[:, ::stride, ::stride]))


@given(seeds, st.integers(2, 4))
@settings(deadline=None, max_examples=20)
def test_dilation_is_a_kernel_stuffed_with_zeros(seed, dilation):
    rng = np.random.default_rng(seed)
    w, image = rng.normal(size=(2, 1, 3, 3)), rng.random((1, 15, 16))
    stuffed = np.zeros((2, 1, 2 * dilation + 1, 2 * dilation + 1))
    stuffed[:, :, ::dilation, ::dilation] = w
    oracle.assert_same_pixels(
        maps_of(layer_of(w, dilation=(dilation, dilation)), image), maps_of(layer_of(stuffed), image)
    )


@given(seeds)
@settings(deadline=None, max_examples=20)
def test_reordering_a_bank_reorders_its_maps(seed):
    rng = np.random.default_rng(seed)
    w, image, order = rng.normal(size=(4, 1, 3, 3)), rng.random((1, 8, 9)), rng.permutation(4)
    oracle.assert_same_pixels(maps_of(layer_of(w[order]), image), maps_of(layer_of(w), image)[order])


@given(seeds, st.integers(1, 3), st.integers(1, 3))
@settings(deadline=None, max_examples=20)
def test_shifting_the_image_shifts_the_inside(seed, down, right):
    rng = np.random.default_rng(seed)
    w, image = rng.normal(size=(1, 1, 3, 3)), rng.random((1, 12, 12))
    maps = maps_of(layer_of(w, padding="valid"), image)
    shifted = maps_of(layer_of(w, padding="valid"), np.roll(image, (down, right), (1, 2)))
    oracle.assert_same_pixels(
        np.ascontiguousarray(shifted[:, down:, right:]),
        np.ascontiguousarray(maps[:, : maps.shape[1] - down, : maps.shape[2] - right]),
    )


@pytest.mark.parametrize("kernel", [(3, 3), (7, 7)])
def test_some_filters_alone_are_told_of_as_beside_the_others(kernel):
    rng = np.random.default_rng(4)
    filters = tuple(Filter(f"f{k}", rng.normal(size=(3, *kernel))) for k in range(7))
    filters = (*filters, Filter("small", rng.normal(size=(3, 1, 1))))
    pixels = rng.integers(0, 256, (3, 40, 50), np.uint8)
    planned = engine.plan(Stack((Layer(filters),)), (40, 50), "direct")
    every = engine.measure(planned, pixels)
    for chosen in ((0,), (7,), (6, 2, 5), tuple(range(8))):
        assert engine.measure(planned, pixels, 2, chosen) == [every[k] for k in chosen]


@pytest.mark.parametrize("kinds", ["sddd", "sdsd", "ddsd", "ssdd"])
def test_filters_of_groups_may_be_computed_by_different_methods(kinds):
    rng = np.random.default_rng(0)
    apart = {"s": lambda: rng.normal(size=(1, 11, 1)) * rng.normal(size=(1, 1, 11))}
    weights = [apart.get(kind, lambda: rng.normal(size=(1, 11, 11)))() for kind in kinds]
    layer = Layer(tuple(Filter(f"f{k}", own) for k, own in enumerate(weights)), groups=2)
    image = rng.random((2, 60, 70), np.float32)
    planned = engine.plan(Stack((layer,)), (60, 70))
    assert len(set(planned.methods)) == 2
    direct = engine.plan(Stack((layer,)), (60, 70), "direct")
    for (_, found), (_, expected) in zip(engine.run(planned, image), engine.run(direct, image), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-4)


def test_every_map_begins_a_cache_line():
    layer = layer_of(np.arange(5.0)[:, None, None, None] * np.ones((1, 3, 3)))
    plan = engine.plan(Stack((layer,)), (7, 9))
    maps = dict(engine.run(plan, np.ones((1, 7, 9), np.float32)))
    assert [one.ctypes.data % 64 for one in maps.values()] == [0] * 5
    assert [one[3, 4] for one in maps.values()] == [0, 9, 18, 27, 36]


def test_all_maps_are_measured_by_what_encodes_them(monkeypatch):
    """One part's tables and scratch serve both passes; some of the maps have their own."""
    rng = np.random.default_rng(5)
    layer, image = layer_of(rng.normal(size=(4, 1, 3, 3))), rng.random((1, 20, 30), np.float32)
    plan = engine.plan(Stack((layer,)), image.shape[1:])
    made = []
    cut = execute._part
    monkeypatch.setattr(execute, "_part", lambda *given: made.append(given[1]) or cut(*given))
    told = engine.measure(plan, image)
    scales = np.tile([-5.0, 10.0, 255.0, 0.0, 0.0, 255.0], (4, 1))
    codes = [codes for _, codes, _ in engine.encode(plan, image, scales)]
    assert made == [[0, 1, 2, 3]]
    assert engine.measure(plan, image, filters=(1, 3)) == [told[1], told[3]]
    assert made == [[0, 1, 2, 3], [0, 1]]
    maps = maps_of(layer, image)
    assert [one.maximum for one in told] == maps.max((1, 2)).tolist()
    assert np.abs(np.stack(codes) - (maps + 5) * 25.5).max() <= 0.51
