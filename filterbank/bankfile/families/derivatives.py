"""Derivatives of Gaussians, to order 4 along each axis; their Laplacian, and the difference like it."""

from __future__ import annotations

import math

import numpy as np

from filterbank.bankfile.families.classic import SUPPORT as BLUR_SUPPORT
from filterbank.bankfile.families.classic import gaussian
from filterbank.bankfile.families.sampling import Named, Weights, axis, grid, reaching
from filterbank.errors import RequestError

# Derivatives have longer tails than the Gaussian.
SUPPORT = 4.0


def gaussian_derivative(
    sigma: float, x: int = 1, y: int = 0, size: int | None = None, normalize: str = "polynomial"
) -> Weights:
    """Return the derivative of a Gaussian, *x* times along the rows and *y* times down the columns, (F, F).

    Each axis has ``He_n(t/σ)·G(t; σ)/σ^n`` at the pixels' centres, He_n being Hermite's polynomials with
    leading coefficient 1. That is ∂ⁿG turned by 180°, so that *correlating* an image with it gives the
    image's derivative at scale σ, positive where values grow to the right or downwards.

    Parameters
    ----------
    sigma
        σ in pixels.
    x, y
        Orders, 0 to 4.
    size
        Rows and columns; without it 4σ to every side.
    normalize
        ``polynomial``: sampling and cutting off are made up for with lower orders, so that polynomials
        up to the order are differentiated exactly; the sum is 0. ``none``: the samples as they are.

    Raises
    ------
    RequestError
        The size has too few pixels for the order.

    Source: Koenderink and van Doorn, Biological Cybernetics 55:367-375, 1987.

    >>> ramp = np.arange(9.0) - 4
    >>> round(float((gaussian_derivative(1.0) * ramp).sum()), 12)
    1.0
    """
    least = max(x, y) // 2
    n = reaching(max(SUPPORT * sigma, least), size)
    if n <= max(x, y):
        raise RequestError(
            f"size: found {n}; accepted: at least {max(x, y) + 1}, for a derivative of order {max(x, y)}"
        )
    along, down = (_factor(order, sigma, n, normalize) for order in (x, y))
    return np.outer(down, along)


def jet(sigma: float, order: int = 2, size: int | None = None, normalize: str = "polynomial") -> Named:
    """Return all derivatives of a Gaussian up to *order* as (name, weights (F, F)), from g on.

    Parameters and source are those of `gaussian_derivative`.

    >>> [name for name, _ in jet(1.0)]
    ['g', 'g_x', 'g_y', 'g_xx', 'g_xy', 'g_yy']
    """
    pairs = [(total - y, y) for total in range(order + 1) for y in range(total + 1)]
    reaching(SUPPORT * sigma, size, len(pairs))
    return [
        (
            "_".join(["g", "x" * x + "y" * y]).rstrip("_"),
            gaussian_derivative(sigma, x, y, size, normalize),
        )
        for x, y in pairs
    ]


def _factor(order: int, sigma: float, n: int, normalize: str) -> Weights:
    """Return the derivative of a Gaussian along one axis, (n,)."""
    t = axis(n)
    g = np.exp(-(t**2) / (2 * sigma**2)) / math.sqrt(2 * math.pi * sigma**2)
    plain = [
        np.polynomial.hermite_e.hermeval(t / sigma, [0] * k + [1]) * g / sigma**k for k in range(order + 1)
    ]
    if normalize == "none":
        return plain[order]
    exact: list[Weights] = []
    for k, weights in enumerate(plain):
        # Its moments below k are taken off with the exact ones of those orders, which have none below.
        for lower, other in enumerate(exact):
            weights = weights - _moment(weights, t, lower) * other  # noqa: PLW2901
        exact.append(weights / _moment(weights, t, k))
    return exact[order]


def _moment(weights: Weights, t: Weights, k: int) -> float:
    """Return what *weights* answer to t^k/k!."""
    return math.fsum(weights * t**k) / math.factorial(k)


def log(sigma: float, size: int | None = None) -> Weights:
    """Return the Laplacian of a Gaussian, (F, F), negative in the middle: ``(r² − 2σ²)/σ⁴·G`` less its mean.

    σ and r in pixels; without *size* 4σ to every side.

    Source: Marr and Hildreth, Proceedings of the Royal Society of London B 207:187-217, 1980.

    >>> log(1.0).shape, abs(round(float(log(1.0).sum()), 12))
    ((9, 9), 0.0)
    """
    x, y = grid(reaching(SUPPORT * sigma, size))
    r2 = x**2 + y**2
    weights = (r2 - 2 * sigma**2) / sigma**4 * np.exp(-r2 / (2 * sigma**2)) / (2 * math.pi * sigma**2)
    centred: Weights = weights - math.fsum(weights.ravel()) / weights.size
    return centred


def dog(sigma: float, ratio: float = 1.6, size: int | None = None) -> Weights:
    """Return the difference of a Gaussian and a wider one, (F, F): G(σ) − G(ratio·σ), each summing to 1.

    σ in pixels; without *size* 3σ of the wider one to every side. With a *ratio* of 1.6 it comes nearest to
    the Laplacian, turned in sign.

    Source: Marr and Hildreth, Proceedings of the Royal Society of London B 207:187-217, 1980.

    >>> dog(1.0).shape, abs(round(float(dog(1.0).sum()), 12))
    ((11, 11), 0.0)
    """
    n = reaching(BLUR_SUPPORT * ratio * sigma, size)
    return gaussian(sigma, n) - gaussian(ratio * sigma, n)
