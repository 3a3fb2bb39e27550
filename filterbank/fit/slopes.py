"""The activations and their slopes, by PyTorch's definitions; at a corner, the slope from below."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from filterbank.model import Activation

Floats = NDArray[np.float64]

_erf = np.vectorize(math.erf, otypes=[np.float64])  # NumPy has none


def value_and_slope(activation: Activation, z: Floats) -> tuple[Floats, Floats]:
    """Return a(z) and its derivative a'(z), float64 of the shape of *z*.

    >>> value_and_slope(Activation("leaky_relu"), np.array([-1.0, 2.0]))
    (array([-0.01,  2.  ]), array([0.01, 1.  ]))
    """
    name, parameters = activation.name, activation.parameters
    one = np.ones_like(z)
    if name == "identity":
        return z, one
    if name in ("relu", "leaky_relu"):
        slope = np.where(z > 0, 1.0, parameters[0] if parameters else 0.0)
        return slope * z, slope
    if name == "abs":
        return np.abs(z), np.sign(z)
    if name == "square":
        return z * z, 2 * z
    if name == "tanh":
        value = np.tanh(z)
        return value, 1 - value * value
    if name == "softplus":
        return np.logaddexp(0, z), _sigmoid(z)
    if name == "elu":
        below = parameters[0] * np.expm1(np.minimum(z, 0))
        return np.where(z > 0, z, below), np.where(z > 0, 1.0, below + parameters[0])
    if name == "hard_sigmoid":
        value = parameters[0] * z + parameters[1]
        return value.clip(0, 1), np.where((value > 0) & (value <= 1), parameters[0], 0.0)
    if name == "clip":
        return z.clip(parameters[0], parameters[1]), np.where(
            (z > parameters[0]) & (z <= parameters[1]), 1.0, 0.0
        )
    gate = _sigmoid(z)
    if name == "sigmoid":
        return gate, gate * (1 - gate)
    if name == "silu":
        return z * gate, gate * (1 + z * (1 - gate))
    below = 0.5 * (1 + _erf(z / math.sqrt(2)))  # gelu
    return z * below, below + z * np.exp(-z * z / 2) / math.sqrt(2 * math.pi)


def _sigmoid(z: Floats) -> Floats:
    gate: Floats = 0.5 * (1 + np.tanh(0.5 * z))
    return gate
