"""What happens to a row of sums before it is output: the activation, in place.

No libm: exp and its kin are polynomials on plain float32 arithmetic, so that the loops vectorise
and the image of compiled kernels needs nothing from outside.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from filterbank.engine.kernels.layout import ACTIVATIONS
from filterbank.engine.kernels.vector import FLOAT, INT, f32, from_bits, helper, muladd

_F = np.float32
_RELU, _LEAKY, _ABS, _SQUARE, _SIGMOID, _TANH, _SOFTPLUS, _ELU, _GELU, _SILU, _HARD, _CLIP = range(
    1, len(ACTIVATIONS)
)


@helper(FLOAT(FLOAT, types.int32))
def _exp_less(x: Any, one: Any) -> Any:
    """Return e**x − 1 where *one*, else e**x, to a few ulp; *x* is kept within ±87, NaN stays NaN."""
    # Written so that NaN falls through: a comparison with it is false.
    x = _F(87) if x > 87 else (_F(-87) if x < -87 else x)
    near = x * _F(1.44269504) + (_F(0.5) if x >= 0 else _F(-0.5))
    n = np.int32(near) if -128 < near < 128 else np.int32(0)
    k = _F(n)
    # ln 2 in two parts: the first one's products with k are exact.
    r = muladd(k, _F(2.12194440e-4), muladd(k, _F(-0.693359375), x))
    p = muladd(_F(1.9875691500e-4), r, _F(1.3981999507e-3))
    p = muladd(p, r, _F(8.3334519073e-3))
    p = muladd(p, r, _F(4.1665795894e-2))
    p = muladd(p, r, _F(1.6666665459e-1))
    p = muladd(p, r, _F(5.0000001201e-1))
    p = muladd(p, r * r, r)
    scale = from_bits(np.int32((n + np.int32(127)) << np.int32(23)))
    return muladd(p, scale, scale - _F(one))


@helper(FLOAT(FLOAT))
def _exp(x: Any) -> Any:
    return _exp_less(x, np.int32(0))


@helper(FLOAT(FLOAT))
def _sigmoid(x: Any) -> Any:
    return _F(1) / (_F(1) + _exp(-x))


@helper(FLOAT(FLOAT))
def _tanh(x: Any) -> Any:
    less = _exp_less(_F(2) * (x if x < 0 else -x), np.int32(1))  # e**(−2|x|) − 1: no digits lost near 0
    t = less / (less + _F(2))
    return t if x < 0 else -t


@helper(FLOAT(FLOAT))
def _log1p(x: Any) -> Any:
    """Return log(1 + x) for x of 0 … 1: 2·atanh(x/(2 + x)) as a series, which keeps small x."""
    s = x / (x + _F(2))
    z = s * s
    p = muladd(_F(1 / 13), z, _F(1 / 11))
    p = muladd(p, z, _F(1 / 9))
    p = muladd(p, z, _F(1 / 7))
    p = muladd(p, z, _F(1 / 5))
    p = muladd(p, z, _F(1 / 3))
    return _F(2) * muladd(p * z, s, s)


@helper(FLOAT(FLOAT))
def _softplus(x: Any) -> Any:
    size = -x if x < 0 else x
    return (_F(0) if x < 0 else x) + _log1p(_exp(-size))


@helper(FLOAT(FLOAT))
def _gelu(x: Any) -> Any:
    """Return x·Φ(x); Φ by Abramowitz and Stegun 7.1.26, |error| ≤ 1.5e-7."""
    z = (x if x < 0 else -x) * _F(0.70710678)
    t = _F(1) / (_F(1) - _F(0.3275911) * z)
    p = muladd(_F(1.061405429), t, _F(-1.453152027))
    p = muladd(p, t, _F(1.421413741))
    p = muladd(p, t, _F(-0.284496736))
    p = muladd(p, t, _F(0.254829592)) * t
    tail = _F(0.5) * p * _exp(-z * z)
    return x * (tail if x < 0 else _F(1) - tail)


@helper(types.void(INT, INT, INT, FLOAT, FLOAT))
def activate(line: int, count: int, code: int, a: Any, b: Any) -> None:
    """Replace *count* floats by their activation, as PyTorch defines it; NaN stays NaN."""
    v = f32(line)
    if code == _RELU:
        for i in range(count):
            v[i] = _F(0) if v[i] < 0 else v[i]
    elif code == _LEAKY:
        for i in range(count):
            v[i] = a * v[i] if v[i] < 0 else v[i]
    elif code == _ABS:
        for i in range(count):
            v[i] = abs(v[i])
    elif code == _SQUARE:
        for i in range(count):
            v[i] = v[i] * v[i]
    elif code == _SIGMOID:
        for i in range(count):
            v[i] = _sigmoid(v[i])
    elif code == _TANH:
        for i in range(count):
            v[i] = _tanh(v[i])
    elif code == _SOFTPLUS:
        for i in range(count):
            v[i] = _softplus(v[i])
    elif code == _ELU:
        for i in range(count):
            less = a * _exp_less(v[i], np.int32(1))
            v[i] = less if v[i] < 0 else v[i]
    elif code == _GELU:
        for i in range(count):
            v[i] = _gelu(v[i])
    elif code == _SILU:
        for i in range(count):
            v[i] = v[i] * _sigmoid(v[i])
    elif code == _HARD:
        for i in range(count):
            x = muladd(a, v[i], b)
            v[i] = _F(0) if x < 0 else (_F(1) if x > 1 else x)
    elif code == _CLIP:
        for i in range(count):
            v[i] = a if v[i] < a else (b if v[i] > b else v[i])
