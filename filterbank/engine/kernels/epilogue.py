"""What happens to a sum before it is an output: the activation, in place."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from filterbank.engine.kernels.compile import kernel

# The order is the code that the kernel takes.
ACTIVATIONS = (
    "identity",
    "relu",
    "leaky_relu",
    "abs",
    "square",
    "sigmoid",
    "tanh",
    "softplus",
    "elu",
    "gelu",
    "silu",
    "hard_sigmoid",
    "clip",
)

_RELU, _LEAKY, _ABS, _SQUARE, _SIGMOID, _TANH, _SOFTPLUS, _ELU, _GELU, _SILU, _HARD, _CLIP = range(1, 13)


@kernel
def activate(values: NDArray[np.float32], code: int, a: float, b: float) -> None:
    """Replace *values* (rows, columns) by their activation, as PyTorch defines it.

    *code* is the index in ACTIVATIONS; *a* and *b* are its parameters. NaN stays NaN: every
    comparison is written so that it falls through. Worked in float64, rounded once.
    """
    for y in range(values.shape[0]):
        line = values[y]
        for x in range(line.size):
            v = float(line[x])
            if code == _RELU:
                v = 0.0 if v < 0 else v
            elif code == _LEAKY:
                v = a * v if v < 0 else v
            elif code == _ABS:
                v = abs(v)
            elif code == _SQUARE:
                v = v * v
            elif code == _SIGMOID:
                v = 1 / (1 + math.exp(-v))
            elif code == _TANH:
                v = math.tanh(v)
            elif code == _SOFTPLUS:
                v = math.log1p(math.exp(v)) if v < 20 else v
            elif code == _ELU:
                v = a * math.expm1(v) if v < 0 else v
            elif code == _GELU:
                v = 0.5 * v * (1 + math.erf(v * math.sqrt(0.5)))
            elif code == _SILU:
                v = v / (1 + math.exp(-v))
            elif code == _HARD or code == _CLIP:
                low, high = (0.0, 1.0) if code == _HARD else (a, b)
                v = a * v + b if code == _HARD else v
                v = low if v < low else (high if v > high else v)
            line[x] = np.float32(v)
