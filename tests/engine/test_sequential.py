"""Stacks against torch.nn.Sequential where it is installed, and against SciPy's correlations always."""

import numpy as np
import pytest
from scipy import signal, special

import filterbank
from filterbank.model import Activation, Bank, Filter, Layer, Stack

SEEDS = range(50)

# name here -> module of PyTorch, the same in NumPy, and the steepest slope
ACTIVATIONS = {
    "identity": ("Identity", lambda v: v, 1.0),
    "relu": ("ReLU", lambda v: np.maximum(v, 0), 1.0),
    "leaky_relu": ("LeakyReLU", lambda v: np.where(v < 0, 0.01 * v, v), 1.0),
    "sigmoid": ("Sigmoid", special.expit, 0.25),
    "tanh": ("Tanh", np.tanh, 1.0),
    "softplus": ("Softplus", lambda v: np.logaddexp(0, v), 1.0),
    "elu": ("ELU", lambda v: np.where(v < 0, np.expm1(np.minimum(v, 0)), v), 1.0),
    "gelu": ("GELU", lambda v: v * special.ndtr(v), 1.13),
    "silu": ("SiLU", lambda v: v * special.expit(v), 1.1),
}
NUMPY_MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def drawn(seed):
    """A stack of two to four layers as Conv2d has them, and an image."""
    rng = np.random.default_rng(seed)
    channels, layers = int(rng.integers(1, 5)), []
    image = rng.random((channels, 37, 34)).astype(np.float32)
    for _ in range(int(rng.integers(2, 5))):
        groups = int(rng.choice([g for g in (1, 2, 4, channels) if channels % g == 0]))
        K = groups * int(rng.integers(1, 4))
        weights = rng.normal(size=(K, channels // groups, *rng.integers(1, 6, 2)))
        weights /= np.abs(weights).sum(axis=(1, 2, 3)).max()
        rows, columns = map(int, rng.integers(0, 3, 2))
        layers.append(
            Layer(
                tuple(Filter(f"f{k}", own, float(rng.normal(0, 0.3))) for k, own in enumerate(weights)),
                stride=tuple(map(int, rng.choice((1, 1, 1, 2), 2))),
                padding=(rows, columns, rows, columns),
                padding_mode=str(rng.choice(list(NUMPY_MODES))),
                dilation=tuple(map(int, rng.integers(1, 3, 2))),
                groups=groups,
                activation=Activation(str(rng.choice(list(ACTIVATIONS)))),
            )
        )
        channels = K
    return Stack(tuple(layers)), image


def sequential(torch, stack):
    """The stack as a network in float64."""
    modules = []
    for layer in stack.layers:
        convolution = torch.nn.Conv2d(
            layer.channels, len(layer.filters), layer.kernel, layer.stride, layer.padding[:2],
            layer.dilation, layer.groups, padding_mode=layer.padding_mode, dtype=torch.float64,
        )  # fmt: skip
        with torch.no_grad():
            convolution.weight.copy_(torch.from_numpy(layer.weights.copy()))
            convolution.bias.copy_(torch.from_numpy(layer.biases.copy()))
        modules += [convolution, getattr(torch.nn, ACTIVATIONS[layer.activation.name][0])()]
    return torch.nn.Sequential(*modules)


def composition(stack, image):
    """The maps by SciPy's correlations of whole planes, dilated kernels written out, and the bar of float32.

    Each layer's bar is its own, and what it makes of the error before it.
    """
    x, bar = image.astype(float), 0.0
    for layer in stack.layers:
        rows, columns = layer.padding[:2]
        x = np.pad(x, ((0, 0), (rows, rows), (columns, columns)), NUMPY_MODES[layer.padding_mode])
        spans = (d * (f - 1) + 1 for d, f in zip(layer.dilation, layer.kernel, strict=True))
        weights = np.zeros((*layer.weights.shape[:2], *spans))
        weights[:, :, :: layer.dilation[0], :: layer.dilation[1]] = layer.weights
        per_group, depth = len(weights) // layer.groups, weights.shape[1]
        sums = np.stack([
            bias + sum(
                signal.correlate2d(x[k // per_group * depth + c], own[c], "valid") for c in range(depth)
            )[:: layer.stride[0], :: layer.stride[1]]
            for k, (own, bias) in enumerate(zip(weights, layer.biases, strict=True))
        ])  # fmt: skip
        _, activate, slope = ACTIVATIONS[layer.activation.name]
        weight = np.abs(weights).sum(axis=(1, 2, 3)).max()
        bar = slope * weight * (1e-5 * np.abs(x).max() + bar)
        x = activate(sums)
        bar += 1e-7 * (np.abs(sums).max() + np.abs(x).max())  # biases and maps are rounded to float32
    return x, bar


def assert_near(maps, expected, bar):
    assert maps.shape == expected.shape
    assert np.abs(maps - expected).max() <= bar


@pytest.mark.parametrize("seed", SEEDS)
def test_a_stack_is_the_composition_of_correlations(seed):
    stack, image = drawn(seed)
    expected, bar = composition(stack, image)
    assert bar < 1e-4 * max(1, np.abs(expected).max())
    assert_near(filterbank.apply(image, Bank("net", stack, len(image))), expected, bar)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_stack_is_torch_nn_sequential(seed):
    torch = pytest.importorskip("torch")
    stack, image = drawn(seed)
    with torch.no_grad():
        expected = sequential(torch, stack)(torch.from_numpy(image.astype(float))[None])[0].numpy()
    twin, bar = composition(stack, image)
    np.testing.assert_allclose(expected, twin, rtol=1e-10, atol=1e-10)
    assert_near(filterbank.apply(image, Bank("net", stack, len(image))), expected, bar)


def test_one_other_weight_is_seen():
    stack, image = drawn(0)
    expected, bar = composition(stack, image)
    first = stack.layers[0]
    weights = first.filters[0].weights.copy()
    weights.flat[0] += 1e-3
    filters = (Filter("f0", weights, first.filters[0].bias), *first.filters[1:])
    settings = {
        key: getattr(first, key) for key in ("stride", "padding", "padding_mode", "dilation", "groups")
    }
    other = Stack((Layer(filters, activation=first.activation, **settings), *stack.layers[1:]))
    with pytest.raises(AssertionError):
        assert_near(filterbank.apply(image, Bank("net", other, len(image))), expected, bar)
