"""Least squares out of sums of products, which add up over bands and images."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from filterbank.errors import RequestError
from filterbank.record import record

Floats = NDArray[np.float64]

# Directions of the inputs that are this much weaker, in power, than the strongest are rounding errors.
NOTHING = 1e-12
# What float32 pixels of size 1 may differ by where they are meant to be the same.
_ROUNDING = 1e-7


@record(frozen=True, eq=False)
class Moments:
    """Sums of products over outputs, (M + 1 + K, M + 1 + K): of M inputs, a one, and K targets.

    They are taken of the differences from an ``origin`` (M + 1 + K,), which has 0 for the one: far from
    zero, sums of the values themselves would drown what the values differ by. The sums of two sets of
    outputs with one origin, added, are those of both together.
    """

    sums: Floats
    origin: Floats
    inputs: int

    @classmethod
    def none(cls, origin: Floats, inputs: int) -> Moments:
        """Return the moments of no output."""
        return cls(np.zeros((len(origin),) * 2), origin, inputs)

    def add(self, columns: Floats) -> None:
        """Add outputs, one a column (M + 1 + K, n)."""
        if self.origin.any():
            columns = columns - self.origin[:, np.newaxis]
        # A product with its own transpose: BLAS computes one half.
        self.sums[:] += columns @ columns.T

    def __add__(self, other: Moments) -> Moments:
        return Moments(self.sums + other.sums, self.origin, self.inputs)

    @property
    def count(self) -> int:
        """How many outputs there are."""
        return round(float(self.sums[self.inputs, self.inputs]))

    def centred(self) -> tuple[Floats, Floats]:
        """Return the covariances (M + K, M + K) of inputs and targets, and their means less the origin."""
        M, n = self.inputs, max(self.count, 1)
        means = np.delete(self.sums[M], M) / n
        products = np.delete(np.delete(self.sums, M, 0), M, 1) / n
        return products - np.outer(means, means), means


@record(frozen=True, eq=False)
class Solution:
    """Weights (K, M) and biases (K,), and how far they can be trusted.

    ``errors`` are the standard errors of the weights (K, M), were the residuals independent noise;
    ``condition`` is the largest over the least singular value of the inputs (less their mean where there is a
    bias); ``is_settled`` says that no search for them was broken off.
    """

    weights: Floats
    biases: Floats
    errors: Floats
    condition: float
    is_settled: bool = True


def solve(moments: Moments, bias: bool = True, l2: float = 0.0) -> Solution:
    """Return the weights and biases of least mean squared error plus l2·Σw², one row a target.

    The normal equations, by the eigenvalues of their matrix, which tell the conditioning as well.

    Raises
    ------
    RequestError
        There are fewer outputs than unknowns, or the inputs do not tell some of the unknowns apart.

    Examples
    --------
    >>> moments = Moments.none(np.zeros(3), 1)
    >>> moments.add(np.array([[0.0, 1.0, 2.0], [1.0, 1.0, 1.0], [3.0, 5.0, 7.0]]))  # y = 2x + 3
    >>> found = solve(moments)
    >>> found.weights.round(9).tolist(), found.biases.round(9).tolist()
    ([[2.0]], [3.0])
    """
    M, n = moments.inputs, moments.count
    unknowns = M + bias
    if n < unknowns and not (l2 and n):
        raise RequestError(
            f"{n:,} outputs count for {unknowns:,} unknowns a filter; accepted: at least as many; "
            "use larger or more images, a smaller --size, or --l2"
        )
    products, means = moments.centred()
    if not bias:
        products, means = products + np.outer(means, means), np.zeros_like(means)
    powers, directions = np.linalg.eigh(products[:M, :M] + l2 * np.eye(M))
    least = max(NOTHING * powers[-1], (_ROUNDING * np.abs(moments.origin[:M]).max()) ** 2)
    lost = int(np.count_nonzero(powers <= least))
    if lost:
        raise RequestError(
            f"the input does not tell {unknowns:,} unknowns a filter apart: {lost:,} of its directions have "
            f"no contrast (power {max(powers[0], 0.0):.1e} against {powers[-1]:.1e}); accepted: a picture "
            "with texture everywhere; use more or other images, a smaller --size, or --l2 1e-6"
        )
    inverse = (directions / powers) @ directions.T
    weights = (inverse @ products[:M, M:]).T
    biases = means[M:] + moments.origin[M + 1 :] - weights @ (means[:M] + moments.origin[:M])
    solution = Solution(weights, biases, np.empty(0), math.sqrt(powers[-1] / powers[0]))
    variance = squared_errors(moments, solution) * n / max(n - unknowns, 1)
    return replace(solution, errors=np.sqrt(np.outer(variance / n, np.diag(inverse))))


def squared_errors(moments: Moments, solution: Solution) -> Floats:
    """Return the mean squared error (K,) of *solution* on the outputs of *moments*.

    It is a small difference of large sums, so that nothing below their rounding is told: the least is
    2.2e-16 of the targets' power.
    """
    M, n = moments.inputs, max(moments.count, 1)
    biases = solution.biases + solution.weights @ moments.origin[:M] - moments.origin[M + 1 :]
    residual = np.hstack([solution.weights, biases[:, np.newaxis], -np.eye(len(biases))])
    means = np.einsum("ki,ij,kj->k", residual, moments.sums, residual, optimize=True) / n
    least: Floats = np.finfo(float).eps * np.diag(moments.sums)[M + 1 :] / n
    errors: Floats = np.maximum(means, least)
    return errors


def explained(moments: Moments, errors: Floats) -> Floats:
    """Return the share (K,) of the targets' variance that mean squared *errors* (K,) leave explained.

    A target without variance counts as explained.
    """
    variance = np.diag(moments.centred()[0])[moments.inputs :]
    is_flat = variance <= (_ROUNDING * moments.origin[moments.inputs + 1 :]) ** 2
    shares: Floats = np.where(is_flat, 1.0, 1 - errors / np.where(is_flat, 1.0, variance))
    return shares
