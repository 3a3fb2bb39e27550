"""The way down: L-BFGS on batches of crops that grow, watched by the crops held out.

Few crops tell the way while the error is large, and all of them are needed for its last digits.

Source: Byrd, Chin, Nocedal and Wu, Sample size selection in optimization methods for machine learning,
Mathematical Programming 134:127-155, 2012.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from filterbank.errors import RequestError
from filterbank.fit.backward import Floats
from filterbank.fit.crops import Crop, Crops
from filterbank.fit.objective import Objective
from filterbank.record import record

# What is told of every step: its number, mean squared errors on batch and crops held out, the batch's size.
Report = Callable[[int, float, float | None, int], None]

# Steps that each of several starts is given.
_TRIAL = 20
# Steps of L-BFGS that its picture of the curvature is made of.
_MEMORY = 20
# An error that falls by less than this share in all steps that are waited for has settled.
_LEAST_GAIN = 1e-4
# Float32 pixels tell no smaller squares.
_ROUNDING = 1e-15


@record(frozen=True)
class Descent:
    """How to go down: crops of the first batch, steps altogether, and steps to wait for a gain."""

    batch: int = 16
    steps: int = 1000
    patience: int = 25


@record(frozen=True, eq=False)
class Found:
    """The best vector, the steps it took to see that, and whether the error had settled by then."""

    vector: Floats
    steps: int
    is_settled: bool


def descend(
    objective: Objective,
    starts: Sequence[Floats],
    crops: Crops,
    how: Descent,
    rng: np.random.Generator,
    report: Report = lambda *told: None,
) -> Found:
    """Return the vector of least error on the crops held out, or where there are none, on all.

    Of several *starts* each goes a few steps on the first batch, and the best goes on.

    Raises
    ------
    RequestError
        SciPy is missing, or no weight changes any output.
    """
    minimise, kept = _minimiser(), crops.kept
    size = min(how.batch, len(kept))
    batch = kept if size == len(kept) else _drawn(kept, size, rng)
    tried = [minimise(objective, start, batch, _TRIAL, None) for start in starts] if len(starts) > 1 else []
    start = min(tried, key=lambda found: float(found.fun)).x if tried else starts[0]
    watch = _Watch(objective, start, crops.held, how, report)
    while True:
        watch.begin(batch)
        minimise(objective, watch.best, batch, how.steps, watch)
        if watch.is_exact or watch.steps >= how.steps or size == len(kept):
            return Found(watch.best, watch.steps, watch.is_exact or watch.steps < how.steps)
        size = min(2 * size, len(kept))
        batch = kept if size == len(kept) else _drawn(kept, size, rng)


def _minimiser() -> Any:
    """Return L-BFGS-B as a function of an objective, a start, a batch, a number of steps, and a watch.

    Raises
    ------
    RequestError
        SciPy is missing.
    """
    try:
        from scipy import optimize  # noqa: PLC0415 - an extra, and nothing else needs it
    except ImportError as error:
        raise RequestError(
            "--layers: training needs the package scipy, which is not installed; "
            "accepted: with it; pip install 'filterbank[fit]'"
        ) from error

    def minimise(
        objective: Objective, start: Floats, batch: Sequence[Crop], steps: int, watch: _Watch | None
    ) -> Any:
        # Its own tests take errors below 1 for differences: the watch ends it instead.
        options = {"maxiter": steps, "maxfun": 1 << 30, "maxcor": _MEMORY, "ftol": 0, "gtol": 0}
        return optimize.minimize(
            objective, start, (batch,), "L-BFGS-B", jac=True, callback=watch, options=options
        )

    return minimise


def _drawn(crops: Sequence[Crop], size: int, rng: np.random.Generator) -> list[Crop]:
    return [crops[place] for place in sorted(map(int, rng.permutation(len(crops))[:size]))]


class _Watch:
    """Looks at every step, keeps the best, and ends a batch that gains no more."""

    def __init__(
        self, objective: Objective, start: Floats, held: Sequence[Crop], how: Descent, report: Report
    ) -> None:
        self._objective, self._held, self._how, self._report = objective, held, how, report
        self.best, self.steps, self.is_exact = start, 0, False
        self._batch: Sequence[Crop] = ()
        self._least = self._reference = np.inf
        self._idle = 0

    def begin(self, batch: Sequence[Crop]) -> None:
        """Begin another batch at the best so far.

        Raises
        ------
        RequestError
            No weight changes any output there.
        """
        self._batch = batch
        error, gradient = self._objective(self.best, batch)
        if error > _ROUNDING and not gradient.any():
            raise RequestError(
                "--layers: no weight changes the error, as where all weights are zero or activations flat; "
                "accepted: weights to start from; start elsewhere, or with --random-start"
            )
        self._least = self._judged(self.best, error)
        self._reference, self._idle = self._least, 0

    def __call__(self, intermediate_result: Any) -> None:
        """Take a step of L-BFGS; ``StopIteration`` ends the batch."""
        self.steps += 1
        vector, error = intermediate_result.x, float(intermediate_result.fun)
        judged = self._judged(vector, error)
        if judged < self._least:
            self.best, self._least = vector.copy(), judged
        self._idle += 1
        if self._least < self._reference * (1 - _LEAST_GAIN):
            self._reference, self._idle = self._least, 0
        penalty = self._objective.penalty(vector)
        held = judged - penalty if self._held else None
        self._report(self.steps, error - penalty, held, len(self._batch))
        self.is_exact = max(judged, error) <= _ROUNDING
        if self.is_exact or self._idle >= self._how.patience or self.steps >= self._how.steps:
            raise StopIteration

    def _judged(self, vector: Floats, error: float) -> float:
        """Return what decides, l2 and all: on crops held out, else the batch's own *error*."""
        if not self._held:
            return error
        return float(self._objective.squares(vector, self._held).mean()) + self._objective.penalty(vector)
