"""What training makes small: the mean squared error of a stack on some crops, as a function of one vector.

The first layer's pixels are taken about their mean, which its biases make up for: the same stacks, but an
error that falls far more evenly, as no weight stands for the pixels' brightness.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from filterbank.fit.backward import Floats, Parameters, backward, forward
from filterbank.fit.crops import Crop
from filterbank.model import Filter, Layer, Stack, floats


class Objective:
    """The error of a stack whose weights and biases are one vector.

    A filter smaller than its layer's kernel keeps its size; without *bias* all biases are zero.
    """

    def __init__(self, stack: Stack, crops: Sequence[Crop], bias: bool = True, l2: float = 0.0) -> None:
        self._stack, self._bias, self._l2 = stack, bias, l2
        self._masks = [_own(layer) for layer in stack.layers]
        self._means = _means(stack.layers[0], crops) if bias else np.zeros(stack.layers[0].channels)
        self._layers = (_about(stack.layers[0], self._means), *stack.layers[1:])
        sizes = [size for mask in self._masks for size in (int(mask.sum()), len(mask) * bias)]
        self._slices = [slice(*ends) for ends in pairwise(np.concatenate([[0], np.cumsum(sizes)]).tolist())]
        self.unknowns = sum(sizes)

    def start(self) -> Floats:
        """Return the stack's own weights as a vector."""
        biases = [layer.biases if self._bias else layer.biases * 0 for layer in self._stack.layers]
        biases[0] = biases[0] + self._lifted(self._stack.layers[0].weights)
        weights = [layer.weights for layer in self._stack.layers]
        return self._packed([Parameters(*each) for each in zip(weights, biases, strict=True)])

    def random(self, rng: np.random.Generator) -> Floats:
        """Return random weights as a vector, of variance 2 over the inputs of an output, and biases of zero.

        Source: He, Zhang, Ren and Sun, Delving deep into rectifiers, ICCV 2015.
        """
        found = []
        for mask in self._masks:
            spread = np.sqrt(2 / mask[0].size)
            found.append(Parameters(rng.normal(0, spread, mask.shape), np.zeros(len(mask))))
        return self._packed(found)

    def stack(self, vector: Floats) -> Stack:
        """Return the stack of *vector*."""
        parameters = self._unpacked(vector)
        first = parameters[0]
        parameters[0] = first._replace(biases=first.biases - self._lifted(first.weights))
        layers = []
        for layer, mask, own in zip(self._stack.layers, self._masks, parameters, strict=True):
            filters = []
            for k, filter in enumerate(layer.filters):
                weights = own.weights[k][mask[k]].reshape(filter.weights.shape)
                filters.append(Filter(filter.name, weights, float(own.biases[k])))
            layers.append(replace(layer, filters=tuple(filters)))
        return Stack(tuple(layers))

    def __call__(self, vector: Floats, crops: Sequence[Crop]) -> tuple[float, Floats]:
        """Return the mean of r² over outputs and filters plus l2·Σw², and its gradient, a vector as well."""
        parameters = self._unpacked(vector)
        total, count = 0.0, 0
        sums = [Parameters(np.zeros_like(own.weights), np.zeros_like(own.biases)) for own in parameters]
        for crop in crops:
            maps, traces = forward(self._layers, parameters, crop.reaches, floats(crop.pixels).astype(float))
            residuals = _residuals(crop, maps)
            total += float(np.vdot(residuals, residuals))
            count += crop.count * len(maps)
            found = backward(self._layers, parameters, crop.reaches, traces, residuals)
            for so_far, more in zip(sums, found, strict=True):
                so_far.weights[:] += more.weights
                so_far.biases[:] += more.biases
        scale = 2 / max(count, 1)
        gradient = [
            Parameters(scale * own.weights + 2 * self._l2 * at.weights, scale * own.biases)
            for own, at in zip(sums, parameters, strict=True)
        ]
        return total / max(count, 1) + self.penalty(vector), self._packed(gradient)

    def penalty(self, vector: Floats) -> float:
        """Return l2·Σw² over all weights."""
        return self._l2 * sum(float(np.vdot(own.weights, own.weights)) for own in self._unpacked(vector))

    def squares(self, vector: Floats, crops: Sequence[Crop]) -> Floats:
        """Return the mean squared error (K,) of each filter of the last layer."""
        parameters = self._unpacked(vector)
        total, count = np.zeros(len(self._stack.layers[-1].filters)), 0
        for crop in crops:
            maps, _ = forward(self._layers, parameters, crop.reaches, floats(crop.pixels).astype(float))
            total += (_residuals(crop, maps) ** 2).sum(axis=(1, 2))
            count += crop.count
        return total / max(count, 1)

    def _lifted(self, weights: Floats) -> Floats:
        """Return what the first layer's sums (K,) lose when its pixels lose their mean."""
        K, depth = weights.shape[:2]
        groups = self._stack.layers[0].groups
        means = np.repeat(self._means.reshape(groups, depth), K // groups, axis=0)
        lost: Floats = (weights.sum(axis=(2, 3)) * means).sum(axis=1)
        return lost

    def _packed(self, parameters: Sequence[Parameters]) -> Floats:
        parts = []
        for mask, own in zip(self._masks, parameters, strict=True):
            parts += [own.weights[mask], own.biases if self._bias else own.biases[:0]]
        return np.concatenate(parts)

    def _unpacked(self, vector: Floats) -> list[Parameters]:
        parameters = []
        places = iter(self._slices)
        for mask in self._masks:
            weights, biases = np.zeros(mask.shape), np.zeros(len(mask))
            weights[mask] = vector[next(places)]
            biases[:] = vector[own] if (own := next(places)).stop > own.start else 0.0
            parameters.append(Parameters(weights, biases))
        return parameters


def _residuals(crop: Crop, maps: Floats) -> Floats:
    """Return maps less targets, zero where they do not count."""
    residuals: Floats = maps - floats(crop.targets)
    if crop.counting is not None:
        residuals *= crop.counting
    return residuals


def _own(layer: Layer) -> NDArray[np.bool_]:
    """Return which weights (K, C/groups, Fh, Fw) are a filter's own, not the zeros around a smaller one."""
    full = tuple(Filter(each.name, np.ones_like(each.weights)) for each in layer.filters)
    return replace(layer, filters=full).weights > 0


def _means(layer: Layer, crops: Sequence[Crop]) -> Floats:
    """Return the mean (C,) of what the first layer sees, after its own mean and std."""
    count = sum(crop.pixels[0].size for crop in crops)
    total = sum(floats(crop.pixels).sum(axis=(1, 2), dtype=np.float64) for crop in crops)
    means: Floats = (total / count - np.array(layer.mean)) / np.array(layer.std)
    return means


def _about(layer: Layer, means: Floats) -> Layer:
    """Return *layer* on pixels that have lost their *means*; what is padded loses them, too."""
    mean = np.array(layer.mean) + means * np.array(layer.std)
    changed = replace(layer, mean=tuple(mean.tolist()))
    if layer.padding_mode not in ("zeros", "constant"):
        return changed
    values = np.array(layer.padding_value if layer.padding_mode == "constant" else (0.0,)) - means
    return replace(changed, padding_mode="constant", padding_value=tuple(values.tolist()))
