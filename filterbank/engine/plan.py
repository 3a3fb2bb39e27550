"""How a stack is computed on images of one size: a pure function giving a comparable value.

First comes what is right (the gates), then what is cheap (``cost``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from filterbank.engine import cost, winograd
from filterbank.engine.fft import SIZES
from filterbank.engine.separable import factor, is_contained
from filterbank.errors import RequestError
from filterbank.geometry import Geometry, Pair, extent
from filterbank.model import Layer, Stack

METHODS = ("auto", "direct", "separable", "winograd", "fft")

_FLOAT = 4  # bytes of a float32
# An error of so many times the spread to expect is not met in practice.
_SPREADS = 4
_BAR = 1e-5


@dataclass(frozen=True, slots=True)
class Choice:
    """The method that computes one filter, why, and what each method would cost for it.

    ``block`` is the method's own size: the tile of an FFT, the taps of a Cook-Toom block, else 0.
    ``prices`` are milliseconds of one thread for the whole of the filters computed with it.
    """

    method: str
    reason: str
    block: int = 0
    prices: tuple[tuple[str, float], ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class LayerPlan:
    """How one layer is computed: its shapes and a Choice for each filter."""

    layer: Layer
    geometry: Geometry
    choices: tuple[Choice, ...]

    @property
    def is_summed(self) -> bool:
        """Whether every filter is summed band by band, direct or separable, and never needs a whole map."""
        return all(choice.method in {"direct", "separable"} for choice in self.choices)

    @property
    def memory(self) -> int:
        """Bytes held at once while the layer runs: image, padded image and one map."""
        geometry = self.geometry
        rows, columns = geometry.padded
        pixels = geometry.channels * (geometry.height * geometry.width + rows * columns)
        return _FLOAT * (pixels + geometry.out_height * geometry.out_width)


@dataclass(frozen=True, slots=True)
class Plan:
    """How a stack is computed on an image of one size; print it with ``explain``."""

    stack: Stack
    layers: tuple[LayerPlan, ...]

    @property
    def output(self) -> Geometry:
        """The shapes of the last layer, whose maps come out."""
        return self.layers[-1].geometry

    @property
    def methods(self) -> tuple[str, ...]:
        """The method of each filter of the last layer."""
        return tuple(choice.method for choice in self.layers[-1].choices)

    @property
    def is_worth_twice(self) -> bool:
        """Whether computing the maps twice costs less than keeping them as floats in between."""
        g = self.output
        taps = g.channels // g.groups * g.kernel[0] * g.kernel[1]
        return len(self.layers) == 1 and self.layers[-1].is_summed and taps <= _CHEAP

    @property
    def memory(self) -> int:
        """Bytes held at once by the layer that needs most; decoded files and written codes come on top."""
        return max(layer.memory for layer in self.layers)


# Taps of a filter up to which taking it apart saves nothing.
_FEW = 8
# Taps a filter up to which summing again is cheaper than writing and reading an output.
_CHEAP = 128


@lru_cache(maxsize=256)
def plan(stack: Stack, size: Pair, method: str = "auto") -> Plan:
    """Return how *stack* is computed on an image of *size* (H, W).

    A batch of equal-sized images is planned once.

    Parameters
    ----------
    stack
        What is computed.
    size
        Rows and columns of the image.
    method
        One of METHODS; ``auto`` lets the planner choose. A method asked for by name computes what it
        can compute within the accuracy bar and hands the rest to direct.

    Raises
    ------
    GeometryError
        The stack does not fit an image of this size.
    RequestError
        *method* is not known.

    Examples
    --------
    >>> import numpy as np
    >>> from filterbank.model import Filter, Layer, Stack
    >>> plan(Stack((Layer((Filter("one", np.ones((3, 3))),), padding="valid"),)), (5, 6)).output.out_width
    4
    """
    if method not in METHODS:
        raise RequestError(f"method: found {method!r}; accepted: {', '.join(METHODS)}")
    layers = []
    for layer in stack.layers:
        geometry = layer.geometry(size)
        layers.append(LayerPlan(layer, geometry, _choices(layer, geometry, method)))
        size = geometry.out_height, geometry.out_width
    return Plan(stack, tuple(layers))


def _choices(layer: Layer, g: Geometry, method: str) -> tuple[Choice, ...]:
    """Return the cheapest right method for each filter."""
    if method == "direct":
        return (Choice("direct", "asked for"),) * g.filters
    if method == "separable":
        return tuple(
            Choice("separable", f"asked for; {_told(one)}")
            if one
            else Choice("direct", f"separable cannot: {_ZEROS}")
            for one in _terms(layer)
        )
    options, refusals = _options(layer, g)
    if method == "auto":
        return _cheapest(layer, g, options, refusals)
    block = next((block for name, block in options if name == method), None)
    if block is None:
        return (Choice("direct", f"{method} cannot: {refusals[method]}"),) * g.filters
    return (Choice(method, "asked for", block),) * g.filters


_ZEROS = "a pixel under a zero tap would enter the sum"


@dataclass(frozen=True, slots=True)
class _Terms:
    """How many taps the rows and the columns of a separable filter have, and how many there are."""

    across: int
    down: int
    count: int


@lru_cache(maxsize=64)
def _terms(layer: Layer) -> tuple[_Terms | None, ...]:
    """Return the terms of each filter that may be taken apart, None for others."""
    return tuple(_terms_of(weights) for weights in layer.weights)


def _terms_of(weights: NDArray[np.float64]) -> _Terms | None:
    found = factor(weights)
    if not is_contained(weights, found):
        return None
    across, down = (int(np.count_nonzero(vectors)) for vectors in (found.rows, found.columns))
    return _Terms(across, down, len(found.channels))


def _told(terms: _Terms) -> str:
    return f"{terms.count} term{'s' * (terms.count != 1)}"


def _options(layer: Layer, g: Geometry) -> tuple[list[tuple[str, int]], dict[str, str]]:
    """Return the transforms that are right for the layer, each with its best block, and why not others."""
    options, refusals = [], {}
    if reason := _why_not_winograd(layer, g):
        refusals["winograd"] = reason
    else:
        options.append(("winograd", winograd.best_taps(g.kernel, g.stride)))
    if reason := _why_not_fft(g):
        refusals["fft"] = reason
    else:
        options.append(("fft", min(SIZES, key=lambda tile: cost.fft(g, g.filters, tile))))
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


def _cheapest(
    layer: Layer, g: Geometry, options: list[tuple[str, int]], refusals: dict[str, str]
) -> tuple[Choice, ...]:
    """Return the cheapest split of the filters: some separable, some by one transform, the others direct."""
    taps = [int(np.count_nonzero(weights)) for weights in layer.weights]
    every = range(len(taps))
    whole = {"direct": cost.direct(g, taps)}
    whole |= {method: _price(method, block, g, len(taps)) for method, block in options}
    apart = _worth_taking_apart(layer, g, taps)
    rest = [k for k in every if k not in apart]
    best, chosen = _split(g, taps, [*every], options)
    if apart:
        terms = [*apart.values()]
        price = cost.separable(g, [one.across for one in terms], [one.down for one in terms])
        if len(terms) == len(taps):
            whole["separable"] = price
        others, split = _split(g, taps, rest, options)
        if price + others < best:
            chosen = dict.fromkeys(apart, ("separable", 0)) | split
    prices = tuple((name, round(price / 1e6, 3)) for name, price in whole.items())
    told = "; ".join(f"{name} {price:.3g} ms" for name, price in prices)
    told += "".join(f"; no {name}: {reason}" for name, reason in refusals.items())
    return tuple(
        Choice(method, f"cheapest: {told}", block, prices)
        for method, block in (chosen.get(k, ("direct", 0)) for k in every)
    )


def _worth_taking_apart(layer: Layer, g: Geometry, taps: list[int]) -> dict[int, _Terms]:
    """Return the terms of each filter that is cheaper by rows and columns than tap by tap."""
    if max(taps) <= _FEW:  # no such kernel has anything to save
        return {}
    return {
        k: terms
        for k, terms in enumerate(_terms(layer))
        if terms
        and taps[k] > _FEW
        and cost.separable(g, [terms.across], [terms.down]) < cost.direct(g, [taps[k]] * 4) / 4
    }


def _split(
    g: Geometry, taps: list[int], filters: list[int], options: list[tuple[str, int]]
) -> tuple[float, dict[int, tuple[str, int]]]:
    """Return the least price of *filters*, those with most taps by one transform, and which these are."""
    if not filters:
        return 0.0, {}
    order = sorted(filters, key=lambda k: -taps[k])
    best, chosen = cost.direct(g, [taps[k] for k in order]), {}
    for method, block in options:
        for count in range(1, len(order) + 1):
            rest = [taps[k] for k in order[count:]]
            price = _price(method, block, g, count) + (cost.direct(g, rest) if rest else 0.0)
            if price < best:
                best, chosen = price, dict.fromkeys(order[:count], (method, block))
    return best, chosen


def _price(method: str, block: int, g: Geometry, filters: int) -> float:
    return (cost.fft if method == "fft" else cost.winograd)(g, filters, block)
