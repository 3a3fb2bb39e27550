"""The maps that come out of a plan: one a filter, or combinations of them, made as the maps arrive."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from filterbank.engine.execute import Pixels, Told, convolve
from filterbank.engine.plan import Plan
from filterbank.engine.sharing import share
from filterbank.errors import RequestError
from filterbank.model import Combination, Layer

Map = NDArray[np.float32]

# Rows and columns that are averaged at once: their float64 sums stay in the cache.
_TILE = (128, 256)


def outputs(plan: Plan, pixels: Pixels, threads: int = 1) -> Iterator[tuple[int, Map, Told]]:
    """Yield (index, map, Told) for each output of the last layer, in order; maps are (H2, W2) float32.

    Without combinations these are the maps of the filters, as from `convolve`. Parameters and errors are
    those of `run`.

    Examples
    --------
    >>> from filterbank import engine
    >>> from filterbank.model import Filter, Stack
    >>> pair = Filter("even", [[3.0]]), Filter("odd", [[4.0]])
    >>> layer = Layer(pair, combine=(Combination("energy", "modulus", ("even", "odd")),))
    >>> plan = engine.plan(Stack((layer,)), (1, 2))
    >>> [values.tolist() for _, values, _ in outputs(plan, np.ones((1, 1, 2), np.float32))]
    [[[5.0, 5.0]]]
    """
    layer = plan.layers[-1].layer
    maps = convolve(plan, pixels, threads)
    if not layer.combine:
        yield from maps
        return
    for index, values in combined(layer, (values for _, values, _ in maps), threads):
        yield index, values, told(values)


def methods(plan: Plan) -> tuple[str, ...]:
    """Return how each output is computed: its filter's method, or the different ones of its filters."""
    layer = plan.layers[-1].layer
    if not layer.combine:
        return plan.methods
    own = dict(zip(layer.names, plan.methods, strict=True))
    return tuple(", ".join(dict.fromkeys(own[name] for name in each.filters)) for each in layer.combine)


def combined(layer: Layer, maps: Iterable[Map], threads: int = 1) -> Iterator[tuple[int, Map]]:
    """Yield (index, map) for each combination of *layer*, in order, of the *maps* of all its filters.

    A filter's map is let go once it is counted in; what is kept is one array for every combination that
    has begun and is not yet handed on.

    Raises
    ------
    RequestError
        A combination names a filter that the layer has not.
    """
    waiting = list(layer.combine)
    names = layer.names
    for each in waiting:
        unknown = [name for name in each.filters if name not in names]
        if unknown:
            accepted = ", ".join(names)
            raise RequestError(f"combine {each.name!r}: no filter {unknown[0]!r}; accepted: {accepted}")
    left = {each.name: set(each.filters) for each in waiting}
    begun: dict[str, NDArray[Any]] = {}
    done = 0
    for name, values in zip(names, maps, strict=True):
        for each in waiting[done:]:
            if name in left[each.name]:
                left[each.name].remove(name)
                begun[each.name] = _counted_in(each, begun.get(each.name), values)
        while done < len(waiting) and not left[waiting[done].name]:
            each = waiting[done]
            yield done, _finished(each, begun.pop(each.name), threads)
            done += 1


def held(layer: Layer) -> int:
    """Return the most bytes a place that combinations hold at once beside the map that arrives.

    >>> from filterbank.model import Filter
    >>> filters = tuple(Filter(name, [[1.0]]) for name in "abcd")
    >>> pairs = Combination("ab", "sum", ("a", "b")), Combination("cd", "maximum", ("c", "d"))
    >>> held(Layer(filters, combine=pairs)), held(Layer(filters))
    (8, 0)
    """
    place = {name: index for index, name in enumerate(layer.names)}
    spans, last = [], 0
    for each in layer.combine:
        first, *others = sorted(place[name] for name in each.filters)
        # None is handed on before those in front of it.
        last = max(last, first, *others)
        summed = others[0] if others and each.operation != "maximum" else last + 1
        spans.append((first, summed, last))
    return max(
        (
            sum(4 if now < summed else 8 for first, summed, last in spans if first <= now <= last)
            for now in range(len(layer.names))
        ),
        default=0,
    )


def _counted_in(each: Combination, before: NDArray[Any] | None, values: Map) -> NDArray[Any]:
    """Return what is kept of a combination once *values* are counted in: a map as it is, sums as float64."""
    own: NDArray[Any] = np.abs(values) if each.window else values
    if before is None:
        return own if each.window else own.copy()  # the map itself is a part of a larger array
    with np.errstate(invalid="ignore", over="ignore"):
        if each.operation == "maximum":
            np.maximum(before, own, out=before)
            return before
        total = _term(each, before) if before.dtype == np.float32 else before
        total += _term(each, own)
        return total


def _term(each: Combination, values: Map) -> NDArray[np.float64]:
    """Return what *values* add to a sum."""
    wide = values.astype(np.float64)
    return np.square(wide, out=wide) if each.operation == "modulus" else wide


def _finished(each: Combination, total: NDArray[Any], threads: int) -> Map:
    """Return the map of a combination of which all is counted in."""
    if each.operation == "modulus":
        total = np.sqrt(total, out=total) if len(each.filters) > 1 else np.abs(total, out=total)
    elif each.operation == "mean":
        total /= len(each.filters)
    return window_mean(total, each.window, threads) if each.window else total.astype(np.float32, copy=False)


def window_mean(values: NDArray[Any], size: int, threads: int = 1) -> Map:
    """Return the means of *values* (H, W) over those places of size×size around each that exist, float32.

    An even window reaches one place further to the bottom and right. Sums are float64 and only ever
    added to: nothing that is not finite, or large, reaches a place whose window does not hold it. The
    values do not depend on *threads*.

    >>> window_mean(np.array([[0.0, 3.0, 6.0, 9.0]]), 3).tolist()
    [[1.5, 3.0, 6.0, 7.5]]
    """
    height, width = values.shape
    before, after = (size - 1) // 2, size // 2
    rows, columns = (_sums(np.pad(np.ones(n), (before, after)), size) for n in (height, width))
    out = np.empty((height, width), np.float32)

    def fill(band: _Part) -> None:
        with np.errstate(invalid="ignore", over="ignore"):
            for tile in _parts(width, before, after, max(_TILE[1], size)):
                part = np.pad(values[band.held, tile.held].astype(np.float64), (band.missing, tile.missing))
                part = _sums(_sums(part.T, size).T, size)
                out[band.places, tile.places] = part / (rows[band.places, None] * columns[tile.places])

    bands = list(_parts(height, before, after, max(_TILE[0], size)))
    share(len(bands), threads, lambda number: fill(bands[number]))
    return out


class _Part(NamedTuple):
    """Places along an axis, those that their windows hold, and how many of these are missing at both ends."""

    places: slice
    held: slice
    missing: tuple[int, int]


def _parts(length: int, before: int, after: int, step: int) -> Iterator[_Part]:
    """Yield *length* places of an axis in parts of *step*."""
    for first in range(0, length, step):
        last = min(first + step, length)
        held = slice(max(first - before, 0), min(last + after, length))
        yield _Part(slice(first, last), held, (held.start - (first - before), last + after - held.stop))


def _sums(values: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Return the sums of *size* neighbours along the last axis, shorter by size − 1; by doubling."""
    length = values.shape[-1] - size + 1
    total = np.zeros((*values.shape[:-1], length))
    sums, step, taken = values, 1, 0  # sums of *step* neighbours; *taken* of the window are in the total
    while taken < size:
        if size & step:
            total += sums[..., taken : taken + length]
            taken += step
        if taken < size:
            sums = sums[..., :-step] + sums[..., step:]
            step *= 2
    return total


def told(values: Map) -> Told:
    """Return what `convolve` tells of a map."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return Told(np.inf, -np.inf, 0.0, 0, values.size, 0)
    return Told(
        float(finite.min()),
        float(finite.max()),
        float(finite.sum(dtype=np.float64)),
        int(np.count_nonzero(finite < 0)),
        values.size - finite.size,
        0,
    )
