"""Random stacks and what trains them, for tests: pairs that a known stack has made."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import oracle

from filterbank.fit import Pair
from filterbank.fit.crops import Crop
from filterbank.fit.reach import geometries, reaches
from filterbank.model import ACTIVATIONS, PADDING_MODES, Activation, Bank, Filter, Layer, Stack


def random_layer(rng, channels, activation=None, mode=None, most=3):
    """A layer with every setting drawn; weights of size about 1 over what an output sees."""
    groups = int(rng.choice([g for g in (1, 2, 3) if channels % g == 0]))
    depth, count = channels // groups, groups * int(rng.integers(1, most))
    weights = rng.normal(size=(count, depth, *rng.integers(1, 4, 2)))
    weights /= np.sqrt((weights**2).sum(axis=(1, 2, 3), keepdims=True))
    return Layer(
        tuple(Filter(f"f{k}", own, float(rng.normal(0, 0.3))) for k, own in enumerate(weights)),
        stride=tuple(map(int, rng.choice((1, 1, 1, 2), 2))),
        padding=[*("same", "valid"), tuple(map(int, rng.integers(0, 3, 4)))][int(rng.integers(3))],
        padding_mode=mode or str(rng.choice(PADDING_MODES)),
        padding_value=(0.25,),
        dilation=tuple(map(int, rng.integers(1, 3, 2))),
        groups=groups,
        activation=Activation(activation or str(rng.choice(list(ACTIVATIONS)))),
        mean=tuple(map(float, rng.normal(size=channels))),
        std=tuple(map(float, rng.uniform(0.5, 2, channels))),
    )


def random_stack(seed, depth=None, activation=None, mode=None, size=(17, 15)):
    """A stack and an image (C, H, W), float32."""
    rng = np.random.default_rng(seed)
    channels, layers = int(rng.integers(1, 4)), []
    image = rng.random((channels, *size)).astype(np.float32)
    for _ in range(depth or int(rng.integers(1, 4))):
        layers.append(random_layer(rng, channels, activation, mode))
        channels = len(layers[-1].filters)
    return Stack(tuple(layers)), image


def maps(stack, image):
    """The maps in float64 by the formula, layer by layer."""
    x = image.astype(float)
    for layer in stack.layers:
        x = oracle.activate(oracle.layer_maps(layer, x)[0], layer.activation)
    return x


def crop(stack, image, targets, outputs=None):
    """The crop of some outputs (rows, columns), or of all."""
    shapes = geometries(stack, image.shape[1:])
    if outputs is None:
        outputs = (0, shapes[-1].out_height), (0, shapes[-1].out_width)
    needed = reaches(stack, shapes, outputs)
    (tall, wide), (rows, columns) = needed[0].window, outputs
    return Crop(
        image[:, slice(*tall), slice(*wide)],
        np.asarray(targets, np.float32)[:, slice(*rows), slice(*columns)],
        needed,
    )


def bank(stack, channels=None) -> Bank:
    return Bank("net", stack, channels or stack.layers[0].channels)


def layer(rng, K, C, F, activation="identity", **settings) -> Layer:
    """A layer of weights that keep the size of what goes in."""
    filters = (
        Filter(f"f{k}", rng.normal(0, np.sqrt(2 / (C * F * F)), (C, F, F)), float(rng.normal(0, 0.1)))
        for k in range(K)
    )
    return Layer(tuple(filters), activation=Activation(activation), **settings)


def pair(image, target, name="a") -> Pair:
    np.save(f"{name}_before.npy", image)
    np.save(f"{name}_after.npy", np.asarray(target, np.float32))
    return Pair(Path(f"{name}_before.npy"), (Path(f"{name}_after.npy"),))
