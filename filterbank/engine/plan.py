"""How a stack is computed on images of one size: a pure function giving a comparable value.

First comes what is right (the gates), then what is cheap (``cost``).
"""

from __future__ import annotations

from dataclasses import field
from functools import lru_cache

from filterbank.engine import cost, gates, mixed
from filterbank.engine.cost import Machine
from filterbank.errors import GeometryError, RequestError
from filterbank.geometry import Geometry, Pair
from filterbank.model import Layer, Stack
from filterbank.record import record

METHODS = ("auto", "direct", "separable", "winograd", "fft")

_FLOAT = 4  # bytes of a float32


@record(frozen=True)
class Choice:
    """The method that computes one filter, why, and what each method would cost for it.

    ``block`` is the method's own size: the tile of an FFT, the taps of a Cook-Toom block, else 0.
    ``prices`` are milliseconds of one thread for the whole of the filters computed with it.
    """

    method: str
    reason: str
    block: int = 0
    prices: tuple[tuple[str, float], ...] = field(default=(), compare=False)


@record(frozen=True)
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


@record(frozen=True)
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
def plan(stack: Stack, size: Pair, method: str = "auto", machine: Machine = cost.DEFAULT) -> Plan:
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
    machine
        What the steps of the methods cost; the choice is the same wherever it is.

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
    for number, layer in enumerate(stack.layers, 1):
        try:
            geometry = layer.geometry(size)
        except GeometryError as error:
            if len(stack.layers) == 1:
                raise
            raise GeometryError(f"layer {number}: {error}") from None
        layers.append(LayerPlan(layer, geometry, _choices(layer, geometry, method, machine)))
        size = geometry.out_height, geometry.out_width
    return Plan(stack, tuple(layers))


def _choices(layer: Layer, g: Geometry, method: str, machine: Machine) -> tuple[Choice, ...]:
    """Return the cheapest right method for each filter."""
    if method == "direct":
        return (Choice("direct", "asked for"),) * g.filters
    if method == "separable":
        return tuple(
            Choice("separable", f"asked for; {gates.told(one)}")
            if one
            else Choice("direct", f"separable cannot: {gates.ZEROS}")
            for one in gates.terms_of(layer)
        )
    options, refusals = gates.transforms(layer, g, machine)
    if method == "auto":
        return _cheapest(layer, g, options, refusals, machine)
    block = next((block for name, block in options if name == method), None)
    if block is None:
        return (Choice("direct", f"{method} cannot: {refusals[method]}"),) * g.filters
    return (Choice(method, "asked for", block),) * g.filters


def price(layer: Layer, g: Geometry, method: str, block: int = 0, machine: Machine = cost.DEFAULT) -> float:
    """Return the price of a whole layer by *method*, in nanoseconds of one thread."""
    if method == "direct":
        return cost.direct(g, _taps(layer, g), machine)
    if method == "separable":
        terms = [one for one in gates.terms_of(layer) if one]
        return cost.separable(g, [one.across for one in terms], [one.down for one in terms], machine)
    return _price(method, block, g, g.filters, machine)


def _taps(layer: Layer, g: Geometry) -> list[float]:
    """Return the taps of each filter; of whole numbers on bytes, and over mixes, as many as take as long."""
    quads = gates.quads_of(layer)
    return [
        cost.QUAD * quads[k] if k in quads else cost.written(own) + share if share else float(own)
        for k, (own, share) in enumerate(mixed.split(layer.weights, g.groups).taps)
    ]


def _cheapest(
    layer: Layer,
    g: Geometry,
    options: list[tuple[str, int]],
    refusals: dict[str, str],
    machine: Machine,
) -> tuple[Choice, ...]:
    """Return the cheapest split of the filters: some separable, some by one transform, the others direct."""
    taps = _taps(layer, g)
    every = range(len(taps))
    whole = {"direct": cost.direct(g, taps, machine)}
    whole |= {method: _price(method, block, g, len(taps), machine) for method, block in options}
    apart = _worth_taking_apart(layer, g, taps, machine)
    rest = [k for k in every if k not in apart]
    best, chosen = _split(g, taps, [*every], options, machine)
    if apart:
        terms = [*apart.values()]
        price = cost.separable(g, [one.across for one in terms], [one.down for one in terms], machine)
        if len(terms) == len(taps):
            whole["separable"] = price
        others, split = _split(g, taps, rest, options, machine)
        if price + others < best:
            chosen = dict.fromkeys(apart, ("separable", 0)) | split
    prices = tuple((name, round(price / 1e6, 3)) for name, price in whole.items())
    told = "; ".join(f"{name} {price:.3g} ms" for name, price in prices)
    if quads := gates.quads_of(layer):
        some = "" if len(quads) == len(taps) else f" in {len(quads)} of {len(taps)} filters"
        told += f"; direct is exact for 8-bit images{some}"
    if made := mixed.split(layer.weights, g.groups).told:
        told += f"; direct {made}"
    told += "".join(f"; no {name}: {reason}" for name, reason in refusals.items())
    return tuple(
        Choice(method, f"cheapest: {told}", block, prices)
        for method, block in (chosen.get(k, ("direct", 0)) for k in every)
    )


def _worth_taking_apart(
    layer: Layer, g: Geometry, taps: list[float], machine: Machine
) -> dict[int, gates.Terms]:
    """Return the terms of each filter that is cheaper by rows and columns than tap by tap."""
    if max(taps) <= _FEW:  # no such kernel has anything to save
        return {}
    beside = min(4, len(taps))  # filters share the pixels of a tile
    return {
        k: terms
        for k, terms in enumerate(gates.terms_of(layer))
        if terms
        and taps[k] > _FEW
        and cost.separable(g, [terms.across], [terms.down], machine)
        < cost.direct(g, [taps[k]] * beside, machine) / beside
    }


def _split(
    g: Geometry, taps: list[float], filters: list[int], options: list[tuple[str, int]], machine: Machine
) -> tuple[float, dict[int, tuple[str, int]]]:
    """Return the least price of *filters*, those with most taps by one transform, and which these are."""
    if not filters:
        return 0.0, {}
    order = sorted(filters, key=lambda k: -taps[k])
    best, chosen = cost.direct(g, [taps[k] for k in order], machine), {}
    for method, block in options:
        for count in range(1, len(order) + 1):
            rest = [taps[k] for k in order[count:]]
            price = _price(method, block, g, count, machine)
            price += cost.direct(g, rest, machine) if rest else 0.0
            if price < best:
                best, chosen = price, dict.fromkeys(order[:count], (method, block))
    return best, chosen


def _price(method: str, block: int, g: Geometry, filters: int, machine: Machine) -> float:
    return (cost.fft if method == "fft" else cost.winograd)(g, filters, block, machine)
