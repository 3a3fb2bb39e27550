"""Walking a plan: maps as floats, as statistics, or as codes of 8 or 16 bits, some filters at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filterbank.engine.compiled import kernels
from filterbank.engine.direct import DirectPlan, Statistics
from filterbank.engine.plan import LayerPlan, Plan
from filterbank.errors import GeometryError

Pixels = NDArray[Any]  # (C, H, W): float32, or codes of 8 or 16 bits, which stand for code/top

# Bytes of maps that are held at once: enough for the filters of a run to share each band of pixels.
_HELD = 512 << 20


@dataclass(frozen=True, slots=True)
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
    for index, values, _ in convolve(plan, pixels, threads):
        yield index, values


def convolve(plan: Plan, pixels: Pixels, threads: int = 1) -> Iterator[tuple[int, NDArray[np.float32], Told]]:
    """Yield (index, map, Told) as `run` does, with what is told of each map."""
    last, pixels = _before_last(plan, pixels, threads)
    for part in _parts(last, 4):
        maps = _room(part, np.float32)
        told = part.run(pixels, maps, threads)
        yield from zip(range(part.first, part.first + part.filters), maps, told, strict=True)


def measure(plan: Plan, pixels: Pixels, threads: int = 1) -> list[Told]:
    """Return what is told of each map, without keeping any; for scales that depend on the values.

    Parameters and errors are those of `run`.
    """
    last, pixels = _before_last(plan, pixels, threads)
    told: list[Told] = []
    for part in _parts(last, 0):
        g = last.geometry
        # Rows all in one place: the values are only looked at, in each thread's own memory.
        line = np.empty((part.filters, 1, g.out_width), np.uint8)
        nowhere = np.broadcast_to(line, (part.filters, g.out_height, g.out_width))
        told += part.run(
            pixels, nowhere, threads, np.tile((0.0, 1.0, 1.0, 0.0, 0.0, 255.0), (part.filters, 1))
        )
    return told


def encode(
    plan: Plan, pixels: Pixels, scales: NDArray[np.float64], threads: int = 1
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
    """
    last, pixels = _before_last(plan, pixels, threads)
    kind = np.uint16 if scales[:, 5].max() > 255 else np.uint8
    for part in _parts(last, np.dtype(kind).itemsize):
        codes = _room(part, kind)
        told = part.run(pixels, codes, threads, scales[part.first : part.first + part.filters])
        yield from zip(range(part.first, part.first + part.filters), codes, told, strict=True)


def _before_last(plan: Plan, pixels: Pixels, threads: int) -> tuple[LayerPlan, Pixels]:
    """Return the last layer's plan and what enters it, all layers before being done."""
    first = plan.layers[0].geometry
    expected = first.channels, first.height, first.width
    if pixels.shape != expected:
        raise GeometryError(f"image: found shape {pixels.shape}; the plan is for (C, H, W) = {expected}")
    for layer in plan.layers[:-1]:
        maps = np.empty(
            (layer.geometry.filters, layer.geometry.out_height, layer.geometry.out_width), np.float32
        )
        for part in _parts(layer, 0):
            part.run(pixels, maps[part.first : part.first + part.filters], threads)
        pixels = maps
    return plan.layers[-1], pixels


@dataclass(frozen=True, slots=True)
class _Part:
    """Some filters of a layer, made ready; with groups, whole groups and their channels alone."""

    first: int
    filters: int
    channels: slice
    ready: DirectPlan

    def run(
        self, pixels: Pixels, out: NDArray[Any], threads: int, scales: NDArray[np.float64] | None = None
    ) -> list[Told]:
        """Fill *out* with the part's maps, as codes where there are *scales*; then tell of them."""
        found = self.ready.run(kernels().direct, pixels[self.channels], out, threads, True, scales)
        assert found is not None
        return _told(found)


def _told(found: Statistics) -> list[Told]:
    counts = (found.negative, found.nonfinite, found.clipped)
    values = (found.minimum, found.maximum, found.total, *(count.astype(int) for count in counts))
    return [Told(*row) for row in zip(*(column.tolist() for column in values), strict=True)]


def _room(part: _Part, kind: type[np.generic]) -> NDArray[Any]:
    g = part.ready.geometry
    return np.empty((part.filters, g.out_height, g.out_width), kind)


@lru_cache(maxsize=32)
def _parts(plan: LayerPlan, size: int) -> tuple[_Part, ...]:
    """Return the filters in parts whose maps, *size* bytes a value, may be held at once."""
    g = plan.geometry
    per_group = g.filters // g.groups
    step = g.filters
    if size:
        step = max(1, _HELD // (size * g.out_height * g.out_width))
    if g.groups > 1:
        step = max(1, step // per_group) * per_group
    parts = []
    for first in range(0, g.filters, step):
        last = min(first + step, g.filters)
        parts.append(_part(plan, first, last))
    return tuple(parts)


def _part(plan: LayerPlan, first: int, last: int) -> _Part:
    layer, g = plan.layer, plan.geometry
    channels = slice(0, g.channels)
    if g.groups > 1:
        depth, per_group = g.channels // g.groups, g.filters // g.groups
        channels = slice(first // per_group * depth, last // per_group * depth)
        g = replace(g, channels=channels.stop - channels.start, groups=(last - first) // per_group)

    def own(values: tuple[float, ...]) -> tuple[float, ...]:
        return values if len(values) == 1 else values[channels]

    ready = DirectPlan(
        layer.weights[first:last],
        layer.biases[first:last],
        replace(g, filters=last - first),
        padding_mode=layer.padding_mode,
        padding_value=own(layer.padding_value),
        mean=own(layer.mean),
        std=own(layer.std),
        activation=layer.activation.name,
        parameters=layer.activation.parameters,
    )
    return _Part(first, last - first, channels, ready)
