"""Walking a plan: pad once, run the kernels over bands of rows, give the maps in order."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from filterbank.engine.kernels import direct, epilogue
from filterbank.engine.plan import LayerPlan, Plan
from filterbank.engine.scratch import padded
from filterbank.errors import GeometryError
from filterbank.model import Activation, Filter, Layer

# Rows of a band are worth a thread's while from about this many multiply-adds on.
_BAND = 1 << 20


@dataclass(frozen=True, slots=True, eq=False)
class _Taps:
    """A filter as the direct kernel takes it: the places and values of its non-zero weights."""

    places: NDArray[np.int64]
    weights: NDArray[np.float32]
    bias: np.float32


def run(
    plan: Plan, planes: NDArray[np.float32], threads: int = 1
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Yield (index, map) for each filter of the last layer, in order; maps are (H2, W2) float32.

    Every map is a new array. The bytes do not depend on *threads*.

    Parameters
    ----------
    plan
        From ``plan``, for this size of image.
    planes
        The image (C, H, W), float32.
    threads
        How many threads share the rows of a map.

    Raises
    ------
    GeometryError
        *planes* is not of the planned shape.
    """
    first = plan.layers[0].geometry
    expected = first.channels, first.height, first.width
    if planes.shape != expected:
        raise GeometryError(f"image: found shape {planes.shape}; the plan is for (C, H, W) = {expected}")
    with ThreadPoolExecutor(threads) as pool:
        for layer in plan.layers[:-1]:
            planes = np.stack([values for _, values in _run_layer(layer, planes, pool, threads)])
        yield from _run_layer(plan.layers[-1], planes, pool, threads)


def _run_layer(
    plan: LayerPlan, planes: NDArray[np.float32], pool: Executor, threads: int
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    image = padded(planes, plan.layer, plan.geometry.padding)
    stride = np.array(plan.layer.stride, np.int64)
    for index in range(len(plan.layer.filters)):
        taps = _taps(plan.layer, index)
        out = np.empty((plan.geometry.out_height, plan.geometry.out_width), np.float32)
        bands = _bands(out.shape[0], out.shape[1] * max(len(taps.weights), 1), threads)

        def work(band: tuple[int, int], taps: _Taps = taps, out: NDArray[np.float32] = out) -> None:
            rows = out[band[0] : band[1]]
            direct.correlate(image, taps.places, taps.weights, taps.bias, stride, rows, band[0], direct.CHUNK)
            activate(rows, plan.layer.activation)

        if len(bands) == 1:
            work(bands[0])
        else:
            list(pool.map(work, bands))
        yield index, out


def activate(values: NDArray[np.float32], activation: Activation) -> None:
    """Replace *values* (rows, columns) float32 by their activation, in place."""
    if activation.name != "identity":
        a, b = (*activation.parameters, 0.0, 0.0)[:2]
        epilogue.activate(values, epilogue.ACTIVATIONS.index(activation.name), a, b)


def _taps(layer: Layer, index: int) -> _Taps:
    filter: Filter = layer.filters[index]
    weights = layer.weights[index]
    places = np.argwhere(weights).astype(np.int64)
    values = weights[tuple(places.T)].astype(np.float32)
    per_group = len(layer.filters) // layer.groups
    places[:, 0] += index // per_group * weights.shape[0]
    places[:, 1:] *= layer.dilation
    return _Taps(places, values, np.float32(filter.bias))


def _bands(rows: int, cost: int, threads: int) -> list[tuple[int, int]]:
    """Return the row ranges that share a map of so many rows at *cost* multiply-adds each."""
    count = max(1, min(threads, rows, rows * cost // _BAND))
    edges = [rows * i // count for i in range(count + 1)]
    return list(pairwise(edges))
