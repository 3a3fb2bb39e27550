"""What a method may compute: the gates that come before any price."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from filterbank.engine import cost, winograd
from filterbank.engine.cost import Machine
from filterbank.engine.kernels.layout_fft import SIZES
from filterbank.engine.quads import stacked, whole_filters
from filterbank.engine.separable import factor, is_contained
from filterbank.geometry import Geometry, extent
from filterbank.model import Layer
from filterbank.record import record

# An error of so many times the spread to expect is not met in practice.
_SPREADS = 4
_BAR = 1e-5

ZEROS = "a pixel under a zero tap would enter the sum"


@record(frozen=True)
class Terms:
    """How many taps the rows and the columns of a separable filter have, and how many there are."""

    across: int
    down: int
    count: int


@lru_cache(maxsize=64)
def terms_of(layer: Layer) -> tuple[Terms | None, ...]:
    """Return the terms of each filter that may be taken apart, None for others."""
    return tuple(_split_terms(weights) for weights in layer.weights)


def _split_terms(weights: NDArray[np.float64]) -> Terms | None:
    found = factor(weights)
    if not is_contained(weights, found):
        return None
    across, down = (int(np.count_nonzero(vectors)) for vectors in (found.rows, found.columns))
    return Terms(across, down, len(found.channels))


@lru_cache(maxsize=64)
def quads_of(layer: Layer) -> dict[int, int]:
    """Return how many words of four rows of taps each filter has that is summed exactly on bytes."""
    whole = whole_filters(
        layer.weights,
        layer.stride,
        layer.groups,
        padding_mode=layer.padding_mode,
        padding_value=layer.padding_value,
        mean=layer.mean,
        std=layer.std,
    )
    has_taps = stacked(layer.weights[list(whole)] != 0).any(-1)
    return dict(zip(whole, has_taps.sum((1, 2, 3)).tolist(), strict=True))


def told(terms: Terms) -> str:
    """Return how many terms there are, in words."""
    return f"{terms.count} term{'s' * (terms.count != 1)}"


def transforms(layer: Layer, g: Geometry, machine: Machine) -> tuple[list[tuple[str, int]], dict[str, str]]:
    """Return the transforms that are right for the layer, each with its best block, and why not others."""
    options, refusals = [], {}
    if reason := _why_not_winograd(layer, g):
        refusals["winograd"] = reason
    else:
        options.append(("winograd", winograd.best_taps(g.kernel, g.stride)))
    if reason := _why_not_fft(g):
        refusals["fft"] = reason
    else:
        options.append(("fft", min(SIZES, key=lambda tile: cost.fft(g, g.filters, tile, machine))))
    return options, refusals


def _why_not_winograd(layer: Layer, g: Geometry) -> str:
    if g.groups > 1 or g.dilation != (1, 1):
        return "it takes one group and dilation 1"
    if min(g.kernel) < 2:
        return "a kernel of one row or column has nothing to save"
    if max(g.kernel) > 16:
        return "blocks of a kernel above 16×16 cost more than they save"
    error = _winograd_error(layer)
    if _SPREADS * error > _BAR:
        return f"its error of {error:.1g} could pass the accuracy bar"
    return ""


@lru_cache(maxsize=64)
def _winograd_error(layer: Layer) -> float:
    """Return the rounding to expect of a layer by Cook-Toom."""
    return winograd.transform(
        layer.weights, winograd.best_taps(layer.kernel, layer.stride), layer.stride
    ).error


def _why_not_fft(g: Geometry) -> str:
    if g.groups > 1:
        return "it takes one group"
    spans = [extent(f, d) + s - 1 for f, d, s in zip(g.kernel, g.dilation, g.stride, strict=True)]
    if max(spans) > max(SIZES):
        return f"the kernel spans more than a tile of {max(SIZES)}"
    return ""
