"""What FFT and Cook-Toom have in common: sums by way of a transform, which spreads what is not finite.

An image in which a band meets such a pixel is handed to the direct method as a whole.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filterbank.engine.direct import DirectPlan, Maps, Statistics
from filterbank.engine.image import Kernels
from filterbank.engine.memory import aligned
from filterbank.engine.mixed import MixedPlan
from filterbank.geometry import Geometry


class TransformedPlan(DirectPlan):
    """A layer by way of a transform, ready to run; parameters and `run` are those of `DirectPlan`."""

    _new_space = staticmethod(aligned)

    def __init__(
        self, weights: NDArray[np.float64], biases: NDArray[np.float64], geometry: Geometry, **how: Any
    ) -> None:
        self._asked = weights, biases, geometry, how
        self._spaces: list[NDArray[np.float32]] = []
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
        found = super().run(kernels, source, out, threads, survey, scales)
        if found.has_strangers:
            return self._instead.run(kernels, source, out, threads, survey, scales)
        return found

    def _take(self, count: int) -> NDArray[np.float32]:
        """Return a work space that no thread uses: one of an earlier run, or a new one."""
        try:
            return self._spaces.pop()  # not asked first: another thread may take the last one
        except IndexError:
            return self._new_space((count,))

    def _give(self, spaces: list[NDArray[np.float32]]) -> None:
        self._spaces += spaces

    @cached_property
    def _instead(self) -> DirectPlan:
        weights, biases, geometry, how = self._asked
        return MixedPlan(weights, biases, geometry, **how)
