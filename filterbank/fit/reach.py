"""Which pixels some outputs of a stack are made of, layer by layer, and where its padding comes from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from filterbank import geometry
from filterbank.geometry import Geometry, extent
from filterbank.model import Layer, Stack
from filterbank.record import record

Span = tuple[int, int]  # first and last + 1
Places = NDArray[np.int64]


@record(frozen=True, eq=False)
class Reach:
    """What a layer needs for some of its outputs: a window of its input, and the padded rows and columns.

    ``rows`` and ``columns`` are the places in the window that the padded ones are copies of, −1 for
    padding that is no copy; ``is_plain`` says that they are all of the window in order.
    """

    window: tuple[Span, Span]
    rows: Places
    columns: Places
    is_plain: bool


def geometries(stack: Stack, size: geometry.Pair) -> tuple[Geometry, ...]:
    """Return the shapes of every layer on an image of *size* (H, W).

    Raises
    ------
    GeometryError
        A layer does not fit what it gets.
    """
    found = []
    for layer in stack.layers:
        shapes = layer.geometry(size)
        size = shapes.out_height, shapes.out_width
        found.append(shapes)
    return tuple(found)


def reaches(stack: Stack, shapes: Sequence[Geometry], outputs: tuple[Span, Span]) -> tuple[Reach, ...]:
    """Return what each layer needs, from the first, for these *outputs* (rows, columns) of the last.

    >>> from filterbank.model import Filter
    >>> stack = Stack((Layer((Filter("mean", np.ones((3, 3))),), padding_mode="reflect"),))
    >>> (reach,) = reaches(stack, geometries(stack, (8, 9)), ((0, 2), (4, 6)))
    >>> reach.window, reach.rows.tolist(), reach.columns.tolist()
    (((0, 3), (3, 7)), [1, 0, 1, 2], [0, 1, 2, 3])
    """
    found: list[Reach] = []
    for layer, shape in zip(reversed(stack.layers), reversed(shapes), strict=True):
        rows, columns = (_sources(layer, shape, axis, outputs[axis]) for axis in (0, 1))
        outputs = _span(rows), _span(columns)
        rows, columns = (
            np.where(each < 0, -1, each - first)
            for each, (first, _) in zip((rows, columns), outputs, strict=True)
        )
        is_plain = all(
            np.array_equal(each, np.arange(last - first))
            for each, (first, last) in zip((rows, columns), outputs, strict=True)
        )
        found.append(Reach(outputs, rows, columns, is_plain))
    return tuple(reversed(found))


def _sources(layer: Layer, shape: Geometry, axis: int, outputs: Span) -> Places:
    """Return where each padded row or column that *outputs* see comes from, −1 for nowhere."""
    n = (shape.height, shape.width)[axis]
    first = outputs[0] * shape.stride[axis]
    count = (outputs[1] - 1) * shape.stride[axis] - first + extent(shape.kernel[axis], shape.dilation[axis])
    places = np.arange(first, first + count) - shape.padding[axis]
    mode = layer.padding_mode
    if mode == "replicate":
        return places.clip(0, n - 1)
    if mode == "circular":
        return places % n
    if mode == "reflect":
        return np.where(places < 0, -places, np.where(places >= n, 2 * n - 2 - places, places))
    if mode == "symmetric":
        return np.where(places < 0, -1 - places, np.where(places >= n, 2 * n - 1 - places, places))
    return np.where((places < 0) | (places >= n), -1, places)


def _span(places: Places) -> Span:
    seen = places[places >= 0]
    return (int(seen.min()), int(seen.max()) + 1) if seen.size else (0, 1)
