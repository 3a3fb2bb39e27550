"""A stack in float64, forwards and backwards: its maps, and the gradient of a loss in its weights.

The chain rule from the last layer to the first; each layer keeps what it saw and the slope of its activation
until its turn comes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from filterbank.fit import kernels
from filterbank.fit.reach import Reach
from filterbank.fit.slopes import value_and_slope
from filterbank.model import Layer
from filterbank.record import record

Floats = NDArray[np.float64]


class Parameters(NamedTuple):
    """Weights (K, C/groups, Fh, Fw) and biases (K,) of one layer, float64, contiguous; or their gradient."""

    weights: Floats
    biases: Floats


@record(frozen=True, eq=False)
class Trace:
    """What a layer keeps between its turns: its padded input (C, Hp, Wp), and a'(z) (K, H2, W2)."""

    padded: Floats
    slope: Floats


def forward(
    layers: Sequence[Layer], parameters: Sequence[Parameters], reaches: Sequence[Reach], pixels: Floats
) -> tuple[Floats, list[Trace]]:
    """Return the outputs that *reaches* are for, and what going back needs.

    *pixels* (C, h, w) is the window of the image that the first of *reaches* names; the filters' own weights
    are not looked at, *parameters* are in their place.
    """
    traces, maps = [], pixels
    for layer, own, reach in zip(layers, parameters, reaches, strict=True):
        seen = padded(layer, reach, maps)
        stride, dilation = layer.stride, layer.dilation
        rows, columns = (
            (n - d * (f - 1) - 1) // s + 1
            for n, d, f, s in zip(seen.shape[1:], dilation, own.weights.shape[2:], stride, strict=True)
        )
        sums = np.empty((len(own.weights), rows, columns))
        kernels.forward(seen, own.weights, own.biases, stride, dilation, layer.groups, sums)
        maps, slope = value_and_slope(layer.activation, sums)
        traces.append(Trace(seen, slope))
    return maps, traces


def backward(
    layers: Sequence[Layer],
    parameters: Sequence[Parameters],
    reaches: Sequence[Reach],
    traces: Sequence[Trace],
    errors: Floats,
) -> list[Parameters]:
    """Return the gradient in each layer's weights and biases; *errors* (K, H2, W2) is that in the outputs."""
    found: list[Parameters] = []
    for number in reversed(range(len(layers))):
        layer, own, trace = layers[number], parameters[number], traces[number]
        errors = np.ascontiguousarray(errors * trace.slope)
        gradient = np.zeros_like(own.weights)
        how = layer.stride, layer.dilation, layer.groups
        kernels.weight_gradient(errors, trace.padded, *how, gradient)
        found.append(Parameters(gradient, errors.sum(axis=(1, 2))))
        if number:
            met = np.zeros_like(trace.padded)
            kernels.input_gradient(errors, own.weights, *how, met)
            errors = unpadded(layer, reaches[number], met)
    return found[::-1]


def padded(layer: Layer, reach: Reach, window: Floats) -> Floats:
    """Return (x − mean)/std of *window*, padded as its outputs see it."""
    if any(layer.mean) or any(std != 1 for std in layer.std):
        window = (window - _per_channel(layer.mean)) / _per_channel(layer.std)
    if reach.is_plain:
        return np.ascontiguousarray(window)
    found = window[:, reach.rows[:, np.newaxis], reach.columns]
    outside = (reach.rows < 0)[:, np.newaxis] | (reach.columns < 0)
    if outside.any():
        values = layer.padding_value if layer.padding_mode == "constant" else (0.0,)
        found = np.where(outside, _per_channel(values), found)
    return np.ascontiguousarray(found)


def unpadded(layer: Layer, reach: Reach, errors: Floats) -> Floats:
    """Return the gradient in the window of a layer's input; *errors* are that in what was padded."""
    if not reach.is_plain:
        (top, bottom), (left, right) = reach.window
        window = np.zeros((len(errors), bottom - top, right - left))
        kernels.fold(errors, reach.rows, reach.columns, window)
        errors = window
    return errors / _per_channel(layer.std) if any(std != 1 for std in layer.std) else errors


def _per_channel(values: tuple[float, ...]) -> Floats:
    return np.array(values, np.float64).reshape(-1, 1, 1)
