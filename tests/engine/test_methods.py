"""Every method gives the same answer within the bar, alone or beside others, and says when it cannot."""

import numpy as np
import oracle
import pytest
from scipy import signal

from filterbank import engine
from filterbank.model import PADDING_MODES, Activation, Filter, Layer, Stack

METHODS = [method for method in engine.METHODS if method not in ("auto", "direct")]
TRANSFORMS = ["winograd", "fft"]


def layer_of(weights, biases=None, **settings):
    biases = np.zeros(len(weights)) if biases is None else biases
    filters = (Filter(f"f{k}", w, float(b)) for k, (w, b) in enumerate(zip(weights, biases, strict=True)))
    return Layer(tuple(filters), **settings)


def maps_of(layer, image, method, threads=1):
    plan = engine.plan(Stack((layer,)), image.shape[1:], method)
    return np.stack([values for _, values in engine.run(plan, image, threads)]), plan


def expected_of(layer, image):
    """The formula for the weights as they are, by SciPy: the bar for large kernels needs a fast twin."""
    sides = oracle.padding_pixels(layer, image.shape[1:])
    x = oracle.pad(np.asarray(image, np.float64), sides, layer.padding_mode, layer.padding_value)
    maps = [signal.correlate(x, w, "valid")[0] + b for w, b in zip(layer.weights, layer.biases, strict=True)]
    s = layer.stride
    return oracle.activate(np.stack(maps)[:, :: s[0], :: s[1]], layer.activation), x


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("seed", range(40))
def test_method_by_name_keeps_the_bar(method, seed):
    rng = np.random.default_rng(seed)
    K, C, F = (
        int(rng.integers(1, 9)),
        int(rng.integers(1, 4)),
        int(rng.choice([2, 3, 4, 5, 7, 9, 11, 16, 25])),
    )
    weights = rng.normal(size=(K, C, F, F))
    layer = layer_of(
        weights,
        rng.normal(size=K),
        stride=tuple(int(s) for s in rng.choice([1, 1, 2, 3], 2)),
        padding=("same", "valid")[rng.integers(2)],
        padding_mode=str(rng.choice(PADDING_MODES)),
        padding_value=(0.5,),
        activation=Activation(str(rng.choice(["identity", "relu", "abs"]))),
    )
    image = rng.random((C, *rng.integers(F + 3, 90, 2)), np.float32)
    got, plan = maps_of(layer, image, method)
    expected, x = expected_of(layer, image)
    oracle.assert_within_bar(got, expected, weights, x)
    if method == "fft":
        assert set(plan.methods) == {"fft"}
    oracle.assert_same_pixels(maps_of(layer, image, method, threads=3)[0], got)


@pytest.mark.parametrize("method", TRANSFORMS)
def test_what_a_method_cannot_do_goes_to_direct_and_says_so(method):
    weights = np.ones((4, 1, 3, 3))
    layer = layer_of(weights, groups=2)
    image = np.random.default_rng(0).random((2, 12, 13), np.float32)
    got, plan = maps_of(layer, image, method)
    oracle.assert_same_pixels(got, maps_of(layer, image, "direct")[0])
    assert plan.methods == ("direct",) * 4
    assert plan.layers[0].choices[0].reason.startswith(f"{method} cannot: ")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_non_finite_pixels_are_contained_whatever_the_method(method, bad):
    rng = np.random.default_rng(1)
    layer = layer_of(rng.normal(size=(3, 1, 5, 5)))
    image = rng.random((1, 70, 80), np.float32)
    image[0, 30, 40] = bad
    got, _ = maps_of(layer, image, method)
    direct, _ = maps_of(layer, image, "direct")
    oracle.assert_same_pixels(np.isfinite(got), np.isfinite(direct))
    finite = np.isfinite(direct)
    np.testing.assert_allclose(got[finite], direct[finite], atol=1e-5)
    assert np.count_nonzero(~finite[0]) == 25


@pytest.mark.parametrize("method", METHODS)
def test_codes_and_statistics_are_those_of_the_values(method):
    rng = np.random.default_rng(2)
    layer = layer_of(rng.normal(size=(3, 2, 7, 7)))
    image = rng.random((2, 64, 71), np.float32)
    plan = engine.plan(Stack((layer,)), image.shape[1:], method)
    scale = np.array([-4, 8, 255, 0, 0, 255.0])
    values = list(engine.convolve(plan, image))
    coded = list(engine.encode(plan, image, np.tile(scale, (3, 1)), threads=2))
    for (_, map_, told), (_, codes, again), measured in zip(
        values, coded, engine.measure(plan, image), strict=True
    ):
        codes_of_map, clipped = engine.to_codes(map_, scale)
        oracle.assert_same_pixels(codes, codes_of_map)
        assert (again.clipped, again.minimum, again.maximum) == (clipped, map_.min(), map_.max())
        assert told.total == pytest.approx(map_.sum(dtype=np.float64))
        assert measured.minimum == told.minimum
        assert told.negative == np.count_nonzero(map_ < 0)


def test_mixed_bank_gives_each_filter_its_own_method_and_keeps_the_order():
    rng = np.random.default_rng(3)
    filters = [Filter(f"s{k}", rng.normal(size=(1, 3, 3))) for k in range(3)]
    filters[1:1] = [Filter(f"l{k}", rng.normal(size=(1, 41, 41))) for k in range(4)]
    layer = Layer(tuple(filters))
    image = rng.random((1, 300, 310), np.float32)
    got, plan = maps_of(layer, image, "auto")
    assert plan.methods == ("direct", "fft", "fft", "fft", "fft", "direct", "direct")
    expected, x = expected_of(layer, image)
    oracle.assert_within_bar(got, expected, layer.weights, x)


def test_separable_takes_as_many_terms_as_it_needs():
    rng = np.random.default_rng(5)
    weights = rng.normal(size=(4, 2, 5, 7))
    weights[1] = np.outer(rng.normal(size=5), rng.normal(size=7))
    layer = layer_of(weights)
    image = rng.random((2, 40, 50), np.float32)
    got, plan = maps_of(layer, image, "separable")
    assert plan.methods == ("separable",) * 4
    told = [choice.reason for choice in plan.layers[0].choices]
    assert told == ["asked for; 10 terms", "asked for; 2 terms", "asked for; 10 terms", "asked for; 10 terms"]
    expected, x = expected_of(layer, image)
    oracle.assert_within_bar(got, expected, weights, x)


def test_separable_leaves_a_filter_with_holes_to_direct():
    ring = np.ones((1, 1, 5, 5))
    ring[0, 0, 2, 2] = 0
    layer = layer_of(ring)
    image = np.random.default_rng(6).random((1, 20, 21), np.float32)
    image[0, 10, 10] = np.nan
    got, plan = maps_of(layer, image, "separable")
    assert (
        plan.layers[0].choices[0].reason == "separable cannot: a pixel under a zero tap would enter the sum"
    )
    assert np.isfinite(got[0, 10, 10])
    assert np.count_nonzero(np.isnan(got)) == 24


def test_gaussian_is_taken_apart():
    t = np.exp(-0.5 * (np.arange(-6, 7) / 2.0) ** 2)
    layer = layer_of((np.outer(t, t) / t.sum() ** 2)[None, None])
    image = np.random.default_rng(7).random((1, 200, 210), np.float32)
    got, plan = maps_of(layer, image, "auto")
    assert plan.methods == ("separable",)
    expected, x = expected_of(layer, image)
    oracle.assert_within_bar(got, expected, layer.weights, x)


def test_large_bank_goes_in_chunks_with_the_same_bytes(monkeypatch):
    rng = np.random.default_rng(4)
    layer = layer_of(rng.normal(size=(7, 1, 3, 3)))
    grouped = layer_of(rng.normal(size=(6, 2, 3, 3)), groups=3)
    image = rng.random((1, 40, 50), np.float32)
    image6 = rng.random((6, 40, 50), np.float32)
    whole = maps_of(layer, image, "auto")[0], maps_of(grouped, image6, "auto")[0]
    monkeypatch.setattr(engine.execute, "_HELD", 3 * 4 * 40 * 50)
    in_parts = maps_of(layer, image, "auto")[0], maps_of(grouped, image6, "auto")[0]
    for a, b in zip(whole, in_parts, strict=True):
        oracle.assert_same_pixels(a, b)
