"""Compiled loops of training: a layer's sums and what their errors say of weights, pixels and padding.

For z[k,y,x] = b[k] + Σ w[k,c,i,j] · p[c, y·S + i·D, x·S + j·D], with e = ∂L/∂z of a loss L,

    ∂L/∂w[k,c,i,j] = Σ_yx e[k,y,x] · p[c, y·S + i·D, x·S + j·D]        ∂L/∂b[k] = Σ_yx e[k,y,x]
    ∂L/∂p[c,v,u]   = Σ    e[k,y,x] · w[k,c,i,j]   over all taps that met p[c,v,u]

One weight serves every position, so that the errors of all of them add up in its gradient. All arrays are
float64 and contiguous; with groups, filter k sees the C/groups channels of its own group.

They are no part of the image of kernels that every run maps: Numba compiles and keeps them by its own
means, when something is trained.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Sums may be taken in lanes; what NaN and infinity do is left as it is.
_FASTMATH = {"contract", "reassoc", "nsz"}


def _compiled(loops: Callable[..., None]) -> Any:
    kernel = numba.njit(nogil=True, error_model="numpy", fastmath=_FASTMATH)(loops)
    if hasattr(kernel, "enable_caching"):  # not where NUMBA_DISABLE_JIT leaves the loops as they are
        with suppress(RuntimeError):  # nowhere to keep it: compiled at every run
            kernel.enable_caching()
    return kernel


def _forward(
    pixels: Floats, weights: Floats, biases: Floats, stride: Any, dilation: Any, groups: int, out: Floats
) -> None:
    """Fill *out* (K, H2, W2) with the sums of *pixels* (C, Hp, Wp), padded before."""
    K, depth, rows, columns = weights.shape
    height, width = out.shape[1], out.shape[2]
    per_group = K // groups
    for k in range(K):
        first = k // per_group * depth
        for y in range(height):
            line = out[k, y]
            line[:] = biases[k]
            for c in range(depth):
                for i in range(rows):
                    seen = pixels[first + c, y * stride[0] + i * dilation[0]]
                    for j in range(columns):
                        weight, start = weights[k, c, i, j], j * dilation[1]
                        if stride[1] == 1:
                            part = seen[start : start + width]
                            for x in range(width):
                                line[x] += weight * part[x]
                        else:
                            for x in range(width):
                                line[x] += weight * seen[start + x * stride[1]]


def _weight_gradient(
    errors: Floats, pixels: Floats, stride: Any, dilation: Any, groups: int, out: Floats
) -> None:
    """Add to *out* (K, C/groups, Fh, Fw) the gradient of the weights by *errors* (K, H2, W2)."""
    K, depth, rows, columns = out.shape
    height, width = errors.shape[1], errors.shape[2]
    per_group = K // groups
    for k in range(K):
        first = k // per_group * depth
        for y in range(height):
            line = errors[k, y]
            for c in range(depth):
                for i in range(rows):
                    seen = pixels[first + c, y * stride[0] + i * dilation[0]]
                    for j in range(columns):
                        start, total = j * dilation[1], 0.0
                        if stride[1] == 1:
                            part = seen[start : start + width]
                            for x in range(width):
                                total += line[x] * part[x]
                        else:
                            for x in range(width):
                                total += line[x] * seen[start + x * stride[1]]
                        out[k, c, i, j] += total


def _input_gradient(
    errors: Floats, weights: Floats, stride: Any, dilation: Any, groups: int, out: Floats
) -> None:
    """Add to *out* (C, Hp, Wp) the gradient of the padded pixels by *errors* (K, H2, W2)."""
    K, depth, rows, columns = weights.shape
    height, width = errors.shape[1], errors.shape[2]
    per_group = K // groups
    for k in range(K):
        first = k // per_group * depth
        for y in range(height):
            line = errors[k, y]
            for c in range(depth):
                for i in range(rows):
                    met = out[first + c, y * stride[0] + i * dilation[0]]
                    for j in range(columns):
                        weight, start = weights[k, c, i, j], j * dilation[1]
                        if stride[1] == 1:
                            part = met[start : start + width]
                            for x in range(width):
                                part[x] += weight * line[x]
                        else:
                            for x in range(width):
                                met[start + x * stride[1]] += weight * line[x]


def _fold(padded: Floats, rows: Any, columns: Any, out: Floats) -> None:
    """Add *padded* (C, Hp, Wp) to *out* (C, H, W): each value to the pixel it was copied from.

    *rows* and *columns* are these pixels' places, negative for what was copied from nowhere.
    """
    for c in range(padded.shape[0]):
        for y in range(padded.shape[1]):
            if rows[y] >= 0:
                for x in range(padded.shape[2]):
                    if columns[x] >= 0:
                        out[c, rows[y], columns[x]] += padded[c, y, x]


forward: Any = _compiled(_forward)
weight_gradient: Any = _compiled(_weight_gradient)
input_gradient: Any = _compiled(_input_gradient)
fold: Any = _compiled(_fold)
