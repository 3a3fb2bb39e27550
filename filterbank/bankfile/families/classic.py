"""Small classic filters as pure functions of their parameters, in float64."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Weights = NDArray[np.float64]

# Where a Gaussian is cut off unless a size is asked for: 0.3 % of its weight lies beyond.
SUPPORT = 3.0


def identity() -> Weights:
    """Return the 1×1 filter that passes the image on.

    >>> identity()
    array([[1.]])
    """
    return np.ones((1, 1))


def box(size: int) -> Weights:
    """Return the mean over size×size pixels: 1/F² everywhere.

    >>> float(box(3).sum()), box(3).shape
    (1.0, (3, 3))
    """
    return np.full((size, size), 1 / size**2)


def disc(radius: float) -> Weights:
    """Return the mean over the pixels whose centres lie within *radius* pixels of the middle, (F, F).

    It is the blur of a lens out of focus.

    >>> (disc(1) * 5).astype(int).tolist()
    [[0, 1, 0], [1, 1, 1], [0, 1, 0]]
    """
    t = np.arange(-math.floor(radius), math.floor(radius) + 1)
    inside = t[:, None] ** 2 + t**2 <= radius**2
    weights: Weights = inside / inside.sum()
    return weights


def gaussian_size(sigma: float) -> int:
    """Return the odd size that holds a Gaussian out to SUPPORT standard deviations.

    >>> gaussian_size(1.0), gaussian_size(1.5)
    (7, 11)
    """
    return 2 * math.ceil(SUPPORT * sigma) + 1


def gaussian(sigma: float, size: int | None = None) -> Weights:
    """Return a Gaussian sampled at the pixels' centres, (F, F), its weights summing to 1.

    w(x, y) ∝ exp(−(x² + y²)/2σ²), x and y counted from the middle; an even *size* has no pixel there.

    >>> gaussian(1.0).shape, round(float(gaussian(1.0).sum()), 12)
    ((7, 7), 1.0)
    """
    n = gaussian_size(sigma) if size is None else size
    t = np.arange(n) - (n - 1) / 2
    # Beside the pixel next to the middle: half a pixel away, a narrow Gaussian would be nothing but zeros.
    with np.errstate(over="ignore"):
        row = np.exp((np.abs(t).min() ** 2 - t**2) / sigma / sigma / 2)
    row /= math.fsum(row)
    return np.outer(row, row)


def binomial(size: int) -> Weights:
    """Return the outer product of a row of Pascal's triangle with itself, (F, F), summing to 1.

    >>> (binomial(3) * 16).astype(int).tolist()
    [[1, 2, 1], [2, 4, 2], [1, 2, 1]]
    """
    row = np.array([math.comb(size - 1, index) / 2 ** (size - 1) for index in range(size)])
    return np.outer(row, row)


def unsharp(amount: float, sigma: float, size: int | None = None) -> Weights:
    """Return δ + a(δ − G), (F, F): the image plus *amount* times what a Gaussian takes away.

    >>> round(float(unsharp(1.5, 1.0).sum()), 12)
    1.0
    """
    blur = gaussian(sigma, size)
    weights = -amount * blur
    weights[blur.shape[0] // 2, blur.shape[1] // 2] += 1 + amount
    return weights


def motion(length: float, angle: float = 0.0) -> Weights:
    """Return the blur of a straight move over *length* pixels, (Fh, Fw), summing to 1.

    Each weight is the share of the line that lies in its pixel, the line going through the middle
    at *angle* degrees, counter-clockwise from the right.

    >>> motion(3).round(12).tolist()
    [[0.333333333333, 0.333333333333, 0.333333333333]]
    """
    turn = math.radians(angle % 180)
    step = np.array([-math.sin(turn), math.cos(turn)])
    # A cosine of 6e-17 would leave a sliver of a second row.
    step[np.abs(step) < 1e-12] = 0
    half = length / 2
    reach = [int(np.ceil(abs(s) * half - 0.5 - 1e-9)) if abs(s) * half > 0.5 else 0 for s in step]
    cuts = {-half, half}
    for s, r in zip(step, reach, strict=True):
        if s:
            cuts.update(edge / s for edge in np.arange(-r, r + 1) - 0.5 if abs(edge / s) < half)
            cuts.update(edge / s for edge in np.arange(-r, r + 1) + 0.5 if abs(edge / s) < half)
    weights = np.zeros((2 * reach[0] + 1, 2 * reach[1] + 1))
    ordered = sorted(cuts)
    for start, end in pairwise(ordered):
        row, column = np.rint((start + end) / 2 * step).astype(int)
        if end - start > 1e-9:
            weights[row + reach[0], column + reach[1]] += (end - start) / length
    weights = (weights + weights[::-1, ::-1]) / 2
    return weights / math.fsum(weights.ravel())
