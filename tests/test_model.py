"""The frozen words: weights in one array, centring, signs, activations."""

import numpy as np
import pytest

from filterbank import engine
from filterbank.engine.kernels import layout
from filterbank.model import ACTIVATIONS, Activation, Filter, Layer, Stack


def test_smaller_filters_are_centred_the_odd_pixel_going_bottom_right():
    layer = Layer((Filter("large", np.zeros((1, 4, 3))), Filter("small", np.ones((1, 1, 1)))))
    assert layer.kernel == (4, 3)
    assert np.argwhere(layer.weights[1, 0]).tolist() == [[1, 1]]


def test_arrays_are_read_only():
    layer = Layer((Filter("f", np.ones((3, 3)), 2.0),))
    for array in (layer.weights, layer.biases, layer.filters[0].weights):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_filter_does_not_share_the_callers_array():
    weights = np.ones((3, 3))
    filter = Filter("f", weights)
    weights[0, 0] = 5
    assert filter.weights[0, 0, 0] == 1


@pytest.mark.parametrize(
    ("weights", "signed"),
    [([[-1, 0, 1]], True), ([[1, 2, 1]], False), ([[0.1, 0.2, -0.3]], True), ([[1, -0.999]], False)],
)
def test_signed_is_a_sum_of_zero(weights, signed):
    assert Filter("f", np.array(weights, float)).is_signed is signed


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_nonnegative_activations_are_never_below_zero(name):
    activation = Activation(name)
    layer = Layer((Filter("one", np.ones((1, 1))),), activation=activation)
    image = np.linspace(-30, 30, 601, dtype=np.float32)[None, None]
    ((_, values),) = engine.run(engine.plan(Stack((layer,)), (1, 601)), image)
    assert activation.is_nonnegative == bool(values.min() >= 0)


def test_activation_in_words():
    assert str(Activation("relu")) == "relu"
    assert str(Activation("clip", (0.0, 6.0))) == "clip(min 0, max 6)"


def test_kernels_know_the_models_activations():
    assert tuple(ACTIVATIONS) == tuple(layout.ACTIVATIONS)
