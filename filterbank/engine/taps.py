"""A layer tap by tap: in exact integers where filters and pictures are such, else in float32."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filterbank.engine.direct import DirectPlan, Maps, Statistics
from filterbank.engine.image import Kernels
from filterbank.engine.quads import QuadPlan, integers_for
from filterbank.geometry import Geometry


class TapsPlan(DirectPlan):
    """A layer by its formula, ready to run; parameters and `run` are those of `DirectPlan`.

    Filters of small integers times a number are summed exactly on pictures of bytes: what the formula says
    is zero is zero.
    """

    def __init__(
        self, weights: NDArray[np.float64], biases: NDArray[np.float64], geometry: Geometry, **how: Any
    ) -> None:
        self._asked = weights, biases, geometry, how
        super().__init__(weights, biases, geometry, **how)

    def run(
        self,
        kernels: Kernels,
        source: NDArray[Any],
        out: Maps | None,
        threads: int = 1,
        survey: bool | NDArray[np.bool_] = True,
        scales: NDArray[np.float64] | None = None,
    ) -> Statistics:
        """Fill *out* as `DirectPlan.run` does."""
        plan = self._for_bytes if source.dtype == np.uint8 else None
        run = super().run if plan is None else plan.run
        return run(kernels, source, out, threads, survey, scales)

    @cached_property
    def _for_bytes(self) -> QuadPlan | None:
        weights, biases, geometry, how = self._asked
        integers = integers_for(weights, geometry, **how)
        if integers is None:
            return None
        return QuadPlan(integers.numbers.astype(np.float64), biases, geometry, units=integers.units, **how)
