"""Some rows of a stack's maps from the rows that they see: how images are filtered in bands.

A band is planned as an image of its own, of the rows that its outputs see, by the methods of the whole
image. Above and below there is padding only where the image itself ends; elsewhere stand the neighbouring
rows, the halo. What `convolve`, `encode` and `measure` then make of the band are rows of the whole maps.

>>> import numpy as np
>>> from filterbank import engine
>>> from filterbank.model import Filter, Layer, Stack
>>> whole = engine.plan(Stack((Layer((Filter("sum", np.ones((3, 3))),)),)), (5, 4))
>>> image = np.ones((1, 5, 4), np.float32)
>>> part = band(whole, lambda first, last: image[:, first:last], 0, 2)
>>> [(index, values.tolist()) for index, values in engine.run(*part)]
[(0, [[4.0, 6.0, 6.0, 4.0], [6.0, 9.0, 9.0, 6.0]])]
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from filterbank.engine import combine, winograd
from filterbank.engine.execute import Pixels, Told, all_maps
from filterbank.engine.plan import Choice, LayerPlan, Plan
from filterbank.geometry import Pair, extent
from filterbank.model import Stack

Rows = Callable[[int, int], Pixels]  # first, last -> the pixels (C, last − first, W) of these rows

# Modes in which what lies outside is one value: the kernels know it without any row of the image.
_VALUED = ("zeros", "constant")


def band(plan: Plan, rows: Rows, first: int, last: int, threads: int = 1) -> tuple[Plan, Pixels]:
    """Return the plan of rows *first* … *last* − 1 of the last layer's maps, and the pixels it is for.

    Parameters
    ----------
    plan
        Of the whole image.
    rows
        Gives any rows of the image; asked for no more than the band needs.
    first, last
        Rows of the maps. Where they are multiples of `grain` (or the end) and there is no `spill`, the
        maps are those of the whole image bit for bit.
    threads
        How many threads share the layers before the last.
    """
    layers = plan.layers
    pixels, own = _strip(layers, rows, first, last, threads)
    return Plan(Stack((layers[-1].layer,)), (own,)), pixels


def outputs(
    plan: Plan, rows: Rows, first: int, last: int, threads: int = 1
) -> Iterator[tuple[int, NDArray[np.float32], Told]]:
    """Yield (index, map, Told) as `combine.outputs` does, of rows *first* … *last* − 1 of each map.

    Where these are multiples of `grain` (or the end), the maps are those of the whole image bit for bit.
    """
    before, after = _window(plan)
    step = grain(plan) if before else 1
    low, high = max(first - before, 0) // step * step, min(last + after + spill(plan), plan.output.out_height)
    part, pixels = band(plan, rows, low, high, threads)
    for index, values, told in combine.outputs(part, pixels, threads):
        if (low, high) == (first, last):
            yield index, values, told
        else:
            own = values[first - low : last - low]
            yield index, own, combine.told(own)


def grain(plan: Plan) -> int:
    """Return the number of rows of maps that its methods compute as one block, from the first on.

    >>> from filterbank import engine
    >>> from filterbank.model import Filter, Layer
    >>> stack = Stack((Layer((Filter("sum", np.ones((3, 3))),)),))
    >>> [grain(engine.plan(stack, (64, 64), method)) for method in ("direct", "winograd")]
    [1, 4]
    """
    return _grain(plan.layers[-1])


def spill(plan: Plan) -> int:
    """Return how many rows below a band must be computed with it so that its last rows are exact.

    A block of a strided transform reads pixels that no output of its own sees. They change nothing but
    the rounding.
    """
    return _spill(plan.layers[-1])


def heights(plan: Plan, rows: int) -> tuple[Pair, ...]:
    """Return for each layer the most rows that enter it, and that leave it, for a band of *rows*.

    >>> from filterbank import engine
    >>> from filterbank.model import Filter, Layer
    >>> layer = Layer((Filter("sum", np.ones((3, 3))),))
    >>> heights(engine.plan(Stack((layer, layer)), (64, 64), "direct"), 8)
    ((12, 10), (10, 8))
    """
    found: list[Pair] = []
    out = min(rows + sum(_window(plan)) + spill(plan), plan.output.out_height)
    for layer in reversed(plan.layers):
        g = layer.geometry
        if found:
            out = min(out + 2 * (_grain(layer) - 1) + _spill(layer), g.out_height)
        seen = (out - 1) * g.stride[0] + _span(layer)
        # Rows from the other end of a circular image may come on top, at most as many as its padding.
        found.append((min(seen, g.height), out))
        out = found[-1][0]
    return tuple(reversed(found))


def _window(plan: Plan) -> Pair:
    """Return how many rows above and below the windows of combinations reach."""
    sizes = [each.window for each in plan.layers[-1].layer.combine if each.window]
    return max(((n - 1) // 2 for n in sizes), default=0), max((n // 2 for n in sizes), default=0)


def _grain(layer: LayerPlan) -> int:
    return math.lcm(*(_block(layer, one)[0] for one in layer.choices))


def _spill(layer: LayerPlan) -> int:
    stride, span = layer.geometry.stride[0], _span(layer)
    beyond = (
        seen - (rows - 1) * stride - span for rows, seen in (_block(layer, one) for one in layer.choices)
    )
    return max(-(-rows // stride) for rows in beyond)


def _block(layer: LayerPlan, choice: Choice) -> Pair:
    """Return how many rows of outputs a method computes as one block, and how many rows that reads."""
    stride, span = layer.geometry.stride[0], _span(layer)
    if choice.method == "winograd":
        cut = -(-span // (stride * choice.block)) * choice.block
        return winograd.M, (winograd.M - 1 + cut) * stride
    if choice.method == "fft":
        return (choice.block - span + 1) // stride, choice.block
    return 1, span


def _span(layer: LayerPlan) -> int:
    return extent(layer.geometry.kernel[0], layer.geometry.dilation[0])


def _strip(
    layers: tuple[LayerPlan, ...], rows: Rows, first: int, last: int, threads: int
) -> tuple[Pixels, LayerPlan]:
    """Return what enters the last of *layers* for some rows of its maps, and its plan on that."""
    plan = layers[-1]
    g = plan.geometry
    start = first * g.stride[0] - g.padding[0]
    seen = (last - first - 1) * g.stride[0] + _span(plan)
    low, high = max(start, 0), min(start + seen, g.height)
    if plan.layer.padding_mode in _VALUED or (low, high) == (start, start + seen):
        if low >= high:  # nothing but padding; a strip has at least one row
            low = min(low, g.height - 1)
            high = low + 1
        pixels = _entering(layers, rows, low, high, threads)
        sides = low - start, g.padding[1], max(start + seen - high, 0), g.padding[3]
    else:
        places = _reached(plan.layer.padding_mode, np.arange(start, start + seen), g.height)
        pixels = _gathered(layers, rows, places, threads)
        sides = 0, g.padding[1], 0, g.padding[3]
    own = replace(g, height=pixels.shape[1], out_height=last - first, padding=sides)
    return pixels, LayerPlan(plan.layer, own, plan.choices)


def _entering(layers: tuple[LayerPlan, ...], rows: Rows, low: int, high: int, threads: int) -> Pixels:
    """Return rows *low* … *high* − 1 of what enters the last of *layers*: the image, or maps before it."""
    if len(layers) == 1:
        return rows(low, high)
    before = layers[:-1]
    step = _grain(before[-1])
    first = low // step * step
    last = min(-(-high // step) * step + _spill(before[-1]), before[-1].geometry.out_height)
    pixels, own = _strip(before, rows, first, last, threads)
    return all_maps(own, pixels, threads)[:, low - first : high - first]


def _gathered(layers: tuple[LayerPlan, ...], rows: Rows, places: NDArray[np.int64], threads: int) -> Pixels:
    """Return the rows at *places*, in that order and as often as they stand there."""
    needed = np.unique(places)
    runs = np.split(needed, np.flatnonzero(np.diff(needed) > 1) + 1)
    parts = [_entering(layers, rows, int(run[0]), int(run[-1]) + 1, threads) for run in runs]
    pixels = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
    return pixels[:, np.searchsorted(needed, places)]


def _reached(mode: str, places: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """Return the rows of 0 … n − 1 that stand at *places*, as the kernels' own `fill.reach` has columns."""
    if mode == "replicate":
        return np.clip(places, 0, n - 1)
    if mode == "circular":
        return places % n
    period = 2 * (n - 1) if mode == "reflect" else 2 * n
    turned = places % max(period, 1)
    return np.where(turned < n, turned, (period if mode == "reflect" else period - 1) - turned)
