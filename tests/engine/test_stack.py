"""Stacks against their layers run apart, and against the formula in float64."""

import numpy as np
import oracle
import pytest

import filterbank
from filterbank import engine
from filterbank.errors import GeometryError
from filterbank.model import ACTIVATIONS, PADDING_MODES, Activation, Bank, Filter, Layer, Stack

# The steepest slope of each, a little above where it is no whole number.
SLOPES = {"sigmoid": 0.25, "gelu": 1.13, "silu": 1.1, "hard_sigmoid": 1 / 6, "square": None}


def random_layer(rng, channels):
    groups = int(rng.choice([g for g in (1, 2, 3) if channels % g == 0]))
    depth, count = channels // groups, groups * int(rng.integers(1, 4))
    weights = rng.normal(size=(count, depth, *rng.integers(1, 6, 2)))
    weights /= np.abs(weights).sum(axis=(1, 2, 3)).max()  # what every layer amplifies has a bar of no worth
    names = [name for name in ACTIVATIONS if name != "square"]
    return Layer(
        tuple(Filter(f"f{k}", own, float(rng.normal())) for k, own in enumerate(weights)),
        stride=tuple(map(int, rng.choice((1, 1, 1, 2), 2))),
        padding=[*("same", "valid"), tuple(map(int, rng.integers(0, 3, 4)))][int(rng.integers(3))],
        padding_mode=str(rng.choice(PADDING_MODES)),
        padding_value=(0.25,),
        dilation=tuple(map(int, rng.integers(1, 3, 2))),
        groups=groups,
        activation=Activation(str(rng.choice(names))),
        mean=tuple(map(float, rng.normal(size=channels))),
        std=tuple(map(float, rng.uniform(0.5, 2, channels))),
    )


def random_stack(seed):
    rng = np.random.default_rng(seed)
    channels, layers = int(rng.integers(1, 5)), []
    image = rng.random((channels, 40, 37))
    for _ in range(int(rng.integers(2, 5))):
        layers.append(random_layer(rng, channels))
        channels = len(layers[-1].filters)
    return Stack(tuple(layers)), image.astype(np.float32)


def twin(stack, image):
    """Maps in float64 by the formula, layer by layer, and the bar that float32 is held to: each layer's own,
    and what it makes of the error before it."""
    x, bar = image.astype(np.float64), 0.0
    for layer in stack.layers:
        sums, padded = oracle.layer_maps(layer, x)
        weight = np.abs(layer.weights).sum(axis=(1, 2, 3)).max()
        slope = SLOPES.get(layer.activation.name, 1.0)
        bar = slope * weight * (1e-5 * np.abs(padded).max() + bar / min(layer.std))
        x = oracle.activate(sums, layer.activation)
        bar += 1e-7 * (np.abs(sums).max() + np.abs(x).max())  # biases and maps are rounded to float32
    return x, bar


def assert_near(maps, expected, bar):
    assert maps.shape == expected.shape
    error = np.abs(maps - expected).max()
    assert error <= bar, f"error {error:g}, bar {bar:g}"


@pytest.mark.parametrize("seed", range(30))
def test_a_random_stack_is_the_formula_of_its_layers(seed):
    stack, image = random_stack(seed)
    expected, bar = twin(stack, image)
    assert bar < 1e-3 * max(np.abs(expected).max(), 1)
    for method in ("auto", "direct", "fft"):
        maps = filterbank.apply(image, Bank("net", stack, len(image)), method=method)
        assert_near(maps, expected, bar)


def test_the_comparison_sees_one_wrong_value():
    stack, image = random_stack(3)
    expected, bar = twin(stack, image)
    wrong = expected.copy()
    wrong.flat[-1] += 2 * bar
    with pytest.raises(AssertionError, match="error"):
        assert_near(wrong, expected, bar)


@pytest.mark.parametrize("seed", range(5))
def test_a_stack_is_its_layers_run_apart(seed):
    stack, image = random_stack(seed)
    x = image
    for layer in stack.layers:
        x = filterbank.apply(x, Bank("one", Stack((layer,)), layer.channels))
    np.testing.assert_array_equal(filterbank.apply(image, Bank("net", stack, len(image))), x)


def test_the_bytes_do_not_depend_on_threads():
    stack, image = random_stack(4)
    bank = Bank("net", stack, len(image))
    one, many = (filterbank.apply(image, bank, threads=count) for count in (1, 3))
    np.testing.assert_array_equal(one, many)


def test_a_layer_that_does_not_fit_is_named():
    valid = Layer((Filter("a", np.ones((3, 3))),), padding="valid")
    with pytest.raises(GeometryError, match=r"^layer 3: a kernel spanning 3×3 .* padded image of 2×2"):
        engine.plan(Stack((valid,) * 4), (6, 6))


def test_explain_tells_of_every_layer():
    stack = Stack(
        (Layer((Filter("a", np.ones((3, 3))),) * 2, stride=(2, 2)), Layer((Filter("b", np.ones((2, 3, 3))),)))
    )
    told = engine.explain(engine.plan(stack, (20, 30)))
    assert (told["weights"], told["biases"], told["receptive_field"]) == (36, 3, [7, 7])
    assert [layer["weights"] for layer in told["layers"]] == [18, 18]
    assert told["layers"][1]["input"] == {"height": 10, "width": 15, "channels": 2}
    assert [[one["name"] for one in layer["filters"]] for layer in told["layers"]] == [["a", "a"], ["b"]]
