"""A layer tap by tap: in exact integers where filters and pictures are such, else in float32."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filterbank.engine.direct import DirectPlan, Maps, Statistics
from filterbank.engine.image import Kernels
from filterbank.engine.mixed import MixedPlan
from filterbank.engine.quads import QuadPlan, as_integers, whole_filters
from filterbank.geometry import Geometry


class TapsPlan(MixedPlan):
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
        parts = self._for_bytes if source.dtype == np.uint8 else []
        if not parts:
            return super().run(kernels, source, out, threads, survey, scales)
        if len(parts) == 1:
            return parts[0][1].run(kernels, source, out, threads, survey, scales)
        told = []
        for chosen, plan in parts:
            maps = None if out is None else [out[k] for k in chosen]
            asked = survey if isinstance(survey, bool) else survey[chosen]
            own = None if scales is None else scales[chosen]
            told.append((chosen, plan.run(kernels, source, maps, threads, asked, own)))
        return Statistics.joined(told)

    @cached_property
    def _for_bytes(self) -> list[tuple[list[int], DirectPlan]]:
        """Return the filters summed in bytes, then the others, ready to run; none without the first."""
        weights, biases, geometry, how = self._asked
        whole = list(whole_filters(weights, geometry.stride, geometry.groups, **how))
        found = as_integers(weights[whole]) if whole else None
        if found is None:
            return []
        numbers = found.numbers.astype(np.float64)
        g = replace(geometry, filters=len(whole))
        parts: list[tuple[list[int], DirectPlan]] = [
            (whole, QuadPlan(numbers, np.asarray(biases)[whole], g, units=found.units, **how))
        ]
        if others := sorted({*range(len(weights))} - {*whole}):
            g = replace(geometry, filters=len(others))
            parts.append((others, MixedPlan(weights[others], np.asarray(biases)[others], g, **how)))
        return parts
