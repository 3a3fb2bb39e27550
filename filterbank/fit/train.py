"""Least squares behind an activation: steps of Gauss and Newton, damped after Levenberg and Marquardt.

Of every output, z = w·x + b and the residual is r = a(z) − y; with the slope s = a'(z) the squared error has
the gradient 2 Σ s·r·x and nearly the curvature 2 Σ s²·x·xᵀ. Each step is one sweep over all pairs.

Source: Marquardt, SIAM J. Appl. Math. 11:431-441, 1963.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from filterbank.errors import RequestError
from filterbank.fit.moments import NOTHING, Solution
from filterbank.fit.outputs import Outputs, Settings
from filterbank.fit.slopes import value_and_slope
from filterbank.model import Activation
from filterbank.record import record

Floats = NDArray[np.float64]

# What is told of every step: its number, and the mean squared error so far.
Report = Callable[[int, float], None]

MAX_SWEEPS = 100
# A step that lowers the squared error by less than this share is the last.
_LEAST_GAIN = 1e-9
_MOST_DAMPING = 1e8
# Float32 pixels tell no smaller squares.
_ROUNDING = 1e-15


@record(frozen=True, eq=False)
class Slopes:
    """Sums over outputs: r² (K,), s·r·x (K, p) and s²·x·xᵀ (K, p, p), and how many outputs there were."""

    squares: Floats
    gradient: Floats
    curvature: Floats
    count: int

    def __add__(self, other: Slopes) -> Slopes:
        return Slopes(
            self.squares + other.squares,
            self.gradient + other.gradient,
            self.curvature + other.curvature,
            self.count + other.count,
        )


def slopes(
    outputs: Iterable[tuple[bool, Floats]], unknowns: Floats, inputs: int, activation: Activation
) -> tuple[Slopes, Slopes]:
    """Return the sums at *unknowns* (K, p) over the outputs kept, and over those held out.

    *outputs* are (whether they are held out, columns as ``bands`` has them) with M = *inputs*.

    >>> columns = np.array([[2.0], [1.0], [5.0]])  # x = 2 and a one; y = 5
    >>> kept, _ = slopes([(False, columns)], np.array([[1.0, 0.5]]), 1, Activation())
    >>> kept.squares, kept.gradient
    (array([6.25]), array([[-5. , -2.5]]))
    """
    K, p = unknowns.shape
    parts = [Slopes(np.zeros(K), np.zeros((K, p)), np.zeros((K, p, p)), 0) for _ in range(2)]
    for is_held, columns in outputs:
        seen, part = columns[:p], parts[is_held]
        values, slope = value_and_slope(activation, unknowns @ seen)
        residual = values - columns[inputs + 1 :]
        part.squares[:] += (residual**2).sum(axis=1)
        part.gradient[:] += (slope * residual) @ seen.T
        for k in range(K):
            scaled = seen * slope[k]
            part.curvature[k] += scaled @ scaled.T
        parts[is_held] = Slopes(part.squares, part.gradient, part.curvature, part.count + columns.shape[1])
    return parts[0], parts[1]


def train(
    outputs: Outputs, start: Solution, settings: Settings, report: Report = lambda *told: None
) -> tuple[Solution, Floats, Floats | None]:
    """Return the filters of least squared error near *start*, its mean (K,), and the mean on rows held out.

    Raises
    ------
    RequestError
        The activation is flat wherever a filter is, or some unknowns are not told apart.
    """
    p, activation = outputs.inputs + settings.bias, outputs.layer.activation

    def at(unknowns: Floats) -> tuple[Slopes, Slopes]:
        return slopes(outputs.sweep(), unknowns, outputs.inputs, activation)

    search = _Search(np.hstack([start.weights, start.biases[:, np.newaxis]])[:, :p], outputs, settings.l2)
    while search.goes_on:
        kept, held = at(search.trial)
        search.step(kept + held)
        report(search.sweeps, float(search.squares.mean()))
    means = np.full(len(search.best), np.inf)
    without = _Search(search.best, outputs, settings.l2)
    while held.count and kept.count >= p and without.goes_on:
        kept, held = at(without.trial)
        is_better = without.step(kept)
        means[is_better] = held.squares[is_better] / held.count
    return search.solution(), search.squares, means if np.isfinite(means).all() else None


class _Search:
    """The way down of every filter by itself: the best unknowns (K, p) so far, and those to be tried."""

    def __init__(self, start: Floats, outputs: Outputs, l2: float) -> None:
        K, p = start.shape
        self.best, self.trial = start.copy(), start.copy()
        self.squares = np.full(K, np.inf)
        self._costs = np.full(K, np.inf)
        self._gradient, self._curvature = np.zeros((K, p)), np.zeros((K, p, p))
        self._damping = np.full(K, 1e-3)
        self._is_done = np.zeros(K, bool)
        self._ridge = np.where(np.arange(p) < outputs.inputs, l2, 0.0)
        self._names, self._inputs = outputs.names, outputs.inputs
        self.sweeps = self._count = 0

    @property
    def goes_on(self) -> bool:
        """Whether there is something to be tried."""
        return not self._is_done.all() and self.sweeps < MAX_SWEEPS

    def step(self, found: Slopes) -> NDArray[np.bool_]:
        """Take what was *found* at the trial, choose the next; return for which filters it was better."""
        self.sweeps += 1
        self._count = n = found.count
        squares = found.squares / n
        costs = squares + (self._ridge * self.trial**2).sum(axis=1)
        is_better: NDArray[np.bool_] = (costs <= self._costs) & ~self._is_done
        for k in map(int, np.flatnonzero(~self._is_done)):
            if is_better[k]:
                self._is_done[k] = (
                    costs[k] <= _ROUNDING or self._costs[k] - costs[k] <= _LEAST_GAIN * costs[k]
                )
                self.best[k], self.squares[k], self._costs[k] = self.trial[k], squares[k], costs[k]
                self._gradient[k] = found.gradient[k] / n + self._ridge * self.trial[k]
                self._curvature[k] = found.curvature[k] / n + np.diag(self._ridge)
                self._damping[k] /= 10
            else:
                self._damping[k] *= 10
                self._is_done[k] = self._damping[k] > _MOST_DAMPING
            self.trial[k] = self.best[k] + self._direction(k)
        return is_better

    def _direction(self, k: int) -> Floats:
        """Return the damped step of filter *k*.

        Raises
        ------
        RequestError
            No output changes with any of its unknowns.
        """
        scale = np.diag(self._curvature[k])
        if not scale.any():
            raise RequestError(
                f"{self._names[k]}: the activation is flat at every output, so that no weight changes any; "
                "start elsewhere with --init BANK"
            )
        damped = self._curvature[k] + self._damping[k] * np.diag(scale + 1e-9 * scale.max())
        step: Floats = np.linalg.solve(damped, -self._gradient[k])
        return step

    def solution(self) -> Solution:
        """Return the best filters, with what their curvature tells of them.

        Raises
        ------
        RequestError
            Some unknowns are not told apart.
        """
        errors, condition = [], 1.0
        for k, curvature in enumerate(self._curvature):
            powers, directions = np.linalg.eigh(curvature)
            lost = int(np.count_nonzero(powers <= NOTHING * powers[-1]))
            if lost:
                raise RequestError(
                    f"{self._names[k]}: the outputs where the activation is not flat do not tell "
                    f"{len(powers):,} unknowns apart: {lost:,} directions change nothing; use more or other "
                    "images, a smaller --size, --l2 1e-6, or --init BANK"
                )
            condition = max(condition, math.sqrt(powers[-1] / powers[0]))
            variance = self.squares[k] / max(self._count - len(powers), 1)
            errors.append(np.sqrt(variance * ((directions / powers) @ directions.T).diagonal()))
        biases = self.best[:, self._inputs] if self.best.shape[1] > self._inputs else np.zeros(len(self.best))
        weights = self.best[:, : self._inputs]
        return Solution(
            weights, biases, np.array(errors)[:, : self._inputs], condition, bool(self._is_done.all())
        )
