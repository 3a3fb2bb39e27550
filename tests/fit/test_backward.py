"""Backpropagation: sums against the formula in loops, gradients against differences and PyTorch."""

from __future__ import annotations

import numpy as np
import pytest
from fit.stacks import crop, maps, random_layer, random_stack

from filterbank.fit.backward import Parameters, backward, forward
from filterbank.fit.objective import Objective
from filterbank.fit.reach import geometries
from filterbank.model import ACTIVATIONS, PADDING_MODES, Filter, Layer, Stack

STEP = 1e-5


def parameters(stack):
    return [Parameters(layer.weights.copy(), layer.biases.copy()) for layer in stack.layers]


def outputs(stack, one):
    return forward(stack.layers, parameters(stack), one.reaches, one.pixels.astype(float))[0]


def assert_gradient(stack, image, within=1e-5):
    """The objective's gradient is that of differences, where no corner of an activation lies between them."""
    targets = np.random.default_rng(1).normal(size=maps(stack, image).shape)
    crops = [crop(stack, image, targets)]
    objective = Objective(stack, crops, l2=0.01)
    at = objective.start()
    _, gradient = objective(at, crops)
    scale = np.abs(gradient).max()
    for place in range(len(at)):
        step = np.zeros_like(at)
        step[place] = STEP
        (ahead, _), (behind, _) = objective(at + step, crops), objective(at - step, crops)
        assert (ahead - behind) / (2 * STEP) == pytest.approx(gradient[place], abs=within * scale)


@pytest.mark.parametrize("seed", range(30))
def test_sums_are_the_formulas(seed):
    stack, image = random_stack(seed)
    expected = maps(stack, image)
    np.testing.assert_allclose(outputs(stack, crop(stack, image, expected)), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("seed", range(20))
def test_any_outputs_are_those_of_the_whole(seed):
    stack, image = random_stack(seed, size=(31, 28))
    shapes = geometries(stack, image.shape[1:])
    expected = maps(stack, image)
    rng = np.random.default_rng(seed)
    for _ in range(4):
        ends = [sorted(rng.choice(n + 1, 2, replace=False)) for n in expected.shape[1:]]
        part = crop(stack, image, expected, tuple((int(a), int(b)) for a, b in ends))
        assert part.pixels.shape[1] <= shapes[0].height
        np.testing.assert_allclose(outputs(stack, part), part.targets, rtol=1e-5, atol=1e-5)


SMOOTH = [name for name in ACTIVATIONS if name not in ("relu", "leaky_relu", "abs", "clip", "hard_sigmoid")]


@pytest.mark.parametrize("seed", range(12))
def test_gradients_are_differences(seed):
    stack, image = random_stack(seed, activation=SMOOTH[seed % len(SMOOTH)], size=(9, 8))
    assert_gradient(stack, image)


@pytest.mark.parametrize("mode", PADDING_MODES)
@pytest.mark.parametrize("seed", range(3))
def test_gradients_through_every_padding(mode, seed):
    rng = np.random.default_rng(seed)
    first = random_layer(rng, 2, "tanh", mode)
    second = random_layer(rng, len(first.filters), "identity", mode)
    assert_gradient(Stack((first, second)), rng.random((2, 23, 20)).astype(np.float32))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradients_through_every_activation(activation):
    stack, image = random_stack(3, 2, activation, size=(9, 8))
    # A corner lies between two of the few points in some outputs: those move the difference a little.
    assert_gradient(stack, image, 1e-5 if activation in SMOOTH else 2e-2)


def test_a_wrong_gradient_is_seen(monkeypatch):
    stack, image = random_stack(1, 2, "tanh", size=(9, 8))
    right = backward

    def wrong(*given):
        found = right(*given)
        found[0].weights.flat[0] *= 1.01
        return found

    monkeypatch.setattr("filterbank.fit.objective.backward", wrong)
    with pytest.raises(AssertionError):
        assert_gradient(stack, image)


def test_smaller_filters_keep_their_size():
    filters = Filter("small", np.ones((1, 1, 1))), Filter("large", np.ones((1, 3, 3)))
    stack = Stack((Layer(filters),))
    image = np.random.default_rng(0).random((1, 8, 8)).astype(np.float32)
    objective = Objective(stack, [crop(stack, image, maps(stack, image))])
    assert objective.unknowns == 1 + 9 + 2
    learned = objective.stack(objective.start() + 1)
    assert [each.weights.shape for each in learned.layers[0].filters] == [(1, 1, 1), (1, 3, 3)]
    assert learned.layers[0].weights[0, 0].tolist() == [[0, 0, 0], [0, 2, 0], [0, 0, 0]]


@pytest.mark.parametrize("mode", PADDING_MODES)
def test_taking_pixels_about_their_mean_changes_no_stack(mode):
    rng = np.random.default_rng(2)
    layer = random_layer(rng, 2, "sigmoid", mode)
    stack, image = Stack((layer,)), rng.random((2, 11, 10)).astype(np.float32)
    crops = [crop(stack, image, maps(stack, image))]
    objective = Objective(stack, crops)
    assert objective(objective.start(), crops)[0] < 1e-12
    again = objective.stack(objective.start()).layers[0]
    np.testing.assert_allclose(again.weights, layer.weights, rtol=1e-12)
    np.testing.assert_allclose(again.biases, layer.biases, rtol=1e-9, atol=1e-12)


def test_what_does_not_count_weighs_nothing():
    stack, image = random_stack(1, 1, "tanh", size=(9, 8))
    targets = maps(stack, image)
    counting = np.random.default_rng(0).random(targets.shape[1:]) < 0.5
    whole = crop(stack, image, targets)
    spoilt = crop(stack, image, np.where(counting, targets, 9))
    spoilt = type(whole)(spoilt.pixels, spoilt.targets, spoilt.reaches, counting)
    objective = Objective(stack, [whole])
    error, gradient = objective(objective.start(), [spoilt])
    assert error < 1e-12
    assert np.abs(gradient).max() < 1e-6
    assert objective(objective.start(), [crop(stack, image, np.where(counting, targets, 9))])[0] > 1


@pytest.mark.parametrize("seed", range(12))
def test_gradients_are_those_of_pytorch(seed):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(seed)
    names = ["relu", "leaky_relu", "sigmoid", "tanh", "softplus", "elu", "gelu", "silu"]
    modes = {"zeros": "constant", "reflect": "reflect", "replicate": "replicate", "circular": "circular"}
    layers, channels = [], int(rng.integers(1, 4))
    image = rng.random((channels, 18, 16)).astype(np.float32)
    for _ in range(2):
        layers.append(random_layer(rng, channels, str(rng.choice(names)), str(rng.choice(list(modes)))))
        channels = len(layers[-1].filters)
    stack = Stack(tuple(layers))
    one = crop(stack, image, maps(stack, image))
    errors = rng.normal(size=one.targets.shape)
    values, traces = forward(stack.layers, parameters(stack), one.reaches, image.astype(float))
    found = backward(stack.layers, parameters(stack), one.reaches, traces, errors)

    x = torch.from_numpy(image.astype(float))[None]
    tensors = []
    for layer, shape in zip(stack.layers, geometries(stack, image.shape[1:]), strict=True):
        own = [torch.tensor(each, requires_grad=True) for each in (layer.weights, layer.biases)]
        tensors.append(own)
        mean, std = (
            torch.tensor(each, dtype=x.dtype).reshape(1, -1, 1, 1) for each in (layer.mean, layer.std)
        )
        top, left, bottom, right = shape.padding
        x = torch.nn.functional.pad((x - mean) / std, (left, right, top, bottom), modes[layer.padding_mode])
        x = torch.nn.functional.conv2d(
            x, *own, stride=layer.stride, dilation=layer.dilation, groups=layer.groups
        )
        x = getattr(torch.nn.functional, layer.activation.name)(x)
    np.testing.assert_allclose(values, x[0].detach().numpy(), rtol=1e-9, atol=1e-9)
    x.backward(torch.from_numpy(errors)[None])
    for own, (weights, biases) in zip(found, tensors, strict=True):
        for ours, theirs in ((own.weights, weights), (own.biases, biases)):
            np.testing.assert_allclose(ours, theirs.grad.numpy(), rtol=1e-8, atol=1e-8)
