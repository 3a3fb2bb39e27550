"""Walking a plan: maps as floats, as statistics, or as codes of 8 or 16 bits, some filters at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filterbank.engine.compiled import kernels
from filterbank.engine.direct import DirectPlan, Maps, Statistics
from filterbank.engine.kernels.layout import CHUNK
from filterbank.engine.plan import LayerPlan, Plan
from filterbank.engine.separable import SeparablePlan
from filterbank.engine.taps import TapsPlan
from filterbank.engine.winograd import WinogradPlan
from filterbank.errors import GeometryError
from filterbank.geometry import Geometry
from filterbank.model import Layer
from filterbank.record import record

Pixels = NDArray[Any]  # (C, H, W): float32, or codes of 8 or 16 bits, which stand for code/top

# Bytes of maps that are held at once: enough for the filters of a run to share each band of pixels.
_HELD = 512 << 20


@record(frozen=True)
class Told:
    """What is told of one map: extremes and sum of its finite values, and counts.

    ``minimum`` is inf and ``maximum`` −inf where no value is finite.
    """

    minimum: float
    maximum: float
    total: float
    negative: int
    nonfinite: int
    clipped: int


def merge_told(parts: Iterable[Told]) -> Told:
    """Return what is told of a map from what is told of its parts.

    >>> merge_told([Told(-1.0, 2.0, 5.0, 1, 0, 0), Told(0.0, 3.0, 6.0, 0, 2, 1)])
    Told(minimum=-1.0, maximum=3.0, total=11.0, negative=1, nonfinite=2, clipped=1)
    """
    every = tuple(parts)
    return Told(
        min(one.minimum for one in every),
        max(one.maximum for one in every),
        math.fsum(one.total for one in every),
        sum(one.negative for one in every),
        sum(one.nonfinite for one in every),
        sum(one.clipped for one in every),
    )


def run(plan: Plan, pixels: Pixels, threads: int = 1) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Yield (index, map) for each filter of the last layer, in order; maps are (H2, W2) float32.

    The bytes do not depend on *threads*. A map shares no memory with those of other calls.

    Parameters
    ----------
    plan
        From ``plan``, for this size of image.
    pixels
        The image (C, H, W): float32, or uint8 or uint16 codes standing for code/255 or code/65535.
    threads
        How many threads share the work.

    Raises
    ------
    GeometryError
        *pixels* is not of the planned shape.
    """
    last, pixels = _before_last(plan, pixels, threads)
    for chunk in chunks(last, 4):
        maps = chunk.room(last.geometry, np.float32)
        chunk.run(pixels, maps, threads, survey=False)
        yield from zip(range(chunk.first, chunk.last), maps, strict=True)


def convolve(plan: Plan, pixels: Pixels, threads: int = 1) -> Iterator[tuple[int, NDArray[np.float32], Told]]:
    """Yield (index, map, Told) as `run` does, with what is told of each map."""
    last, pixels = _before_last(plan, pixels, threads)
    for chunk in chunks(last, 4):
        maps = chunk.room(last.geometry, np.float32)
        told = chunk.run(pixels, maps, threads)
        yield from zip(range(chunk.first, chunk.last), maps, told, strict=True)


def measure(
    plan: Plan, pixels: Pixels, threads: int = 1, filters: tuple[int, ...] | None = None
) -> list[Told]:
    """Return what is told of each map, without keeping any; for scales that depend on the values.

    Only the maps of *filters* are told of, all where it is None. Other parameters and errors are
    those of `run`.
    """
    last, pixels = _before_last(plan, pixels, threads)
    chosen = range(last.geometry.filters) if filters is None else filters
    last, places = _only(last, tuple(chosen))
    told: list[Told] = []
    for chunk in chunks(last, 0):
        told += chunk.run(pixels, None, threads)
    return [told[place] for place in places]


def encode(
    plan: Plan,
    pixels: Pixels,
    scales: NDArray[np.float64],
    threads: int = 1,
    survey: bool | NDArray[np.bool_] = True,
) -> Iterator[tuple[int, NDArray[Any], Told]]:
    """Yield (index, codes, Told) for each filter of the last layer, in order.

    Codes are (H2, W2) uint8, or uint16 where a scale's top is above 255.

    Parameters
    ----------
    plan, pixels, threads
        As in `run`.
    scales
        (K, 6) float64: lo, span, factor, zero, lowest and top of each map.
        ``code = rint((v − lo) / span · factor)``, or with a zero code (and lo = 0)
        ``zero + rint(v · factor / span)``; in float64, halves to even, clipped to lowest … top.
    survey
        Whether more is to be told of the maps than how many values were clipped; (K,) for each.
    """
    last, pixels = _before_last(plan, pixels, threads)
    kind = np.uint16 if scales[:, 5].max() > 255 else np.uint8
    for chunk in chunks(last, np.dtype(kind).itemsize):
        codes = chunk.room(last.geometry, kind)
        told = chunk.run(pixels, codes, threads, scales, survey)
        yield from zip(range(chunk.first, chunk.last), codes, told, strict=True)


@lru_cache(maxsize=32)
def _chosen(layer: Layer, filters: tuple[int, ...]) -> Layer:
    """Return *layer* with only those *filters*, the same for images of all sizes."""
    return replace(layer, filters=tuple(layer.filters[k] for k in filters))


@lru_cache(maxsize=32)
def _only(plan: LayerPlan, filters: tuple[int, ...]) -> tuple[LayerPlan, tuple[int, ...]]:
    """Return a plan that computes *filters* to the same bytes, others too where it must, and their places."""
    g = plan.geometry
    if filters == tuple(range(g.filters)):
        return plan, filters
    chosen = _chosen(plan.layer, filters)
    taps = g.channels * g.kernel[0] * g.kernel[1]
    # A filter's sums are its own as long as its taps are one chunk whatever others stand beside it.
    is_direct = all(choice.method == "direct" for choice in plan.choices)
    if not is_direct or g.groups > 1 or taps > CHUNK or chosen.kernel != plan.layer.kernel:
        return plan, filters
    choices = tuple(plan.choices[k] for k in filters)
    return LayerPlan(chosen, replace(g, filters=len(filters)), choices), tuple(range(len(filters)))


def _before_last(plan: Plan, pixels: Pixels, threads: int) -> tuple[LayerPlan, Pixels]:
    """Return the last layer's plan and what enters it, all layers before being done."""
    first = plan.layers[0].geometry
    expected = first.channels, first.height, first.width
    if pixels.shape != expected:
        raise GeometryError(f"image: found shape {pixels.shape}; the plan is for (C, H, W) = {expected}")
    for layer in plan.layers[:-1]:
        pixels = all_maps(layer, pixels, threads)
    return plan.layers[-1], pixels


def all_maps(plan: LayerPlan, pixels: Pixels, threads: int = 1) -> NDArray[np.float32]:
    """Return all maps (K, H2, W2) of one layer, which enter the next."""
    g = plan.geometry
    maps = room(g.filters, g, np.float32)
    for chunk in chunks(plan, 0):
        chunk.run(pixels, maps, threads, survey=False)
    return maps


def room(maps: int, g: Geometry, kind: type[np.generic]) -> NDArray[Any]:
    """Return memory for so many maps, each of which begins a cache line: (maps, H2, W2)."""
    size = np.dtype(kind).itemsize
    count, line = g.out_height * g.out_width, 64 // size
    step = -(-count // line) * line
    memory = np.empty(maps * step + line, kind)
    start = -memory.ctypes.data % 64 // size
    each = memory[start : start + maps * step].reshape(maps, step)[:, :count]
    return each.reshape(maps, g.out_height, g.out_width)


@record(frozen=True)
class _Part:
    """Filters of a layer that one method computes together; with groups, all of some or some of one."""

    filters: tuple[int, ...]
    channels: slice
    ready: DirectPlan

    def run(
        self,
        pixels: Pixels,
        out: Maps | None,
        threads: int,
        scales: NDArray[np.float64] | None,
        survey: bool | NDArray[np.bool_],
    ) -> Statistics:
        """Fill *out* with the part's maps, as codes where there are *scales*, and tell of them."""
        return self.ready.run(kernels(), pixels[self.channels], out, threads, survey, scales)


@record(frozen=True)
class _Chunk:
    """Neighbouring filters of a layer whose maps are held at once, in one part a method."""

    first: int
    last: int
    parts: tuple[_Part, ...]

    def room(self, g: Geometry, kind: type[np.generic]) -> NDArray[Any]:
        """Return memory for the maps."""
        return room(self.last - self.first, g, kind)

    def run(
        self,
        pixels: Pixels,
        out: NDArray[Any] | None,
        threads: int,
        scales: NDArray[np.float64] | None = None,
        survey: bool | NDArray[np.bool_] = True,
    ) -> list[Told]:
        """Fill *out*, the chunk's maps, and tell of them, both in the bank's order.

        Without *out* the maps are only told of. Extremes, sums and counts of maps that *survey*
        leaves out are of no worth; where it leaves out all and nothing is clipped, nothing is told.
        """
        is_told = survey is not False or scales is not None
        told: dict[int, Told] = {}
        for part in self.parts:
            chosen = list(part.filters)
            maps: Maps | None = out
            if out is not None and len(self.parts) > 1:
                maps = [out[k - self.first] for k in chosen]
            own = None if scales is None else scales[chosen]
            asked = survey if isinstance(survey, bool) else survey[chosen]
            found = part.run(pixels, maps, threads, own, asked)
            if is_told:
                told |= zip(part.filters, _told(found), strict=True)
        return [told[k] for k in range(self.first, self.last)] if is_told else []


def _told(found: Statistics) -> list[Told]:
    counts = (found.negative, found.nonfinite, found.clipped)
    values = (found.minimum, found.maximum, found.total, *(count.astype(int) for count in counts))
    return [Told(*row) for row in zip(*(column.tolist() for column in values), strict=True)]


def chunks(plan: LayerPlan, size: int) -> tuple[_Chunk, ...]:
    """Return the filters in chunks whose maps, *size* bytes a value, may be held at once."""
    g = plan.geometry
    per_group = g.filters // g.groups
    step = g.filters
    if size:
        step = min(step, max(1, _HELD // (size * g.out_height * g.out_width)))
    if g.groups > 1:
        step = max(1, step // per_group) * per_group
    return _cut(plan, step)


@lru_cache(maxsize=32)
def _cut(plan: LayerPlan, step: int) -> tuple[_Chunk, ...]:
    """Return chunks of *step* filters; once, so that what measures maps is what then encodes them."""
    ends = ((at, min(at + step, plan.geometry.filters)) for at in range(0, plan.geometry.filters, step))
    return tuple(_Chunk(first, last, _parts(plan, first, last)) for first, last in ends)


def _parts(plan: LayerPlan, first: int, last: int) -> tuple[_Part, ...]:
    """Return filters *first* … *last* − 1 in one part for each method that computes some of them.

    Where methods differ between the filters of groups, every group has parts of its own.
    """
    per_group = plan.geometry.filters // plan.geometry.groups
    is_mixed = len({(choice.method, choice.block) for choice in plan.choices[first:last]}) > 1
    parts: dict[tuple[str, int, int], list[int]] = {}
    for k in range(first, last):
        choice = plan.choices[k]
        parts.setdefault((choice.method, choice.block, k // per_group * is_mixed), []).append(k)
    return tuple(_part(plan, filters, method, block) for (method, block, _), filters in parts.items())


_PLANS: dict[str, Callable[..., DirectPlan]] = {
    "direct": TapsPlan,
    "separable": SeparablePlan,
    "winograd": WinogradPlan,
}


def _kind(method: str) -> Callable[..., DirectPlan]:
    if method != "fft":
        return _PLANS[method]
    from filterbank.engine.fft import FFTPlan  # noqa: PLC0415 - few banks need it

    return FFTPlan


def _part(plan: LayerPlan, filters: list[int], method: str, block: int) -> _Part:
    layer, g = plan.layer, plan.geometry
    channels = slice(0, g.channels)
    groups = g.groups
    if g.groups > 1:
        depth, per_group = g.channels // g.groups, g.filters // g.groups
        groups = filters[-1] // per_group - filters[0] // per_group + 1
        channels = slice(filters[0] // per_group * depth, (filters[0] // per_group + groups) * depth)
    g = replace(g, channels=channels.stop - channels.start, groups=groups, filters=len(filters))
    ready = _kind(method)(
        layer.weights[filters],
        layer.biases[filters],
        g,
        padding_mode=layer.padding_mode,
        padding_value=_own(layer.padding_value, channels),
        mean=_own(layer.mean, channels),
        std=_own(layer.std, channels),
        activation=layer.activation.name,
        parameters=layer.activation.parameters,
        **({"block": block} if block else {}),
    )
    return _Part(tuple(filters), channels, ready)


def _own(values: tuple[float, ...], channels: slice) -> tuple[float, ...]:
    return values if len(values) == 1 else values[channels]
