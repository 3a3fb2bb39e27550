"""Filters that are sums of a few columns times rows: taken apart, and made ready for their kernel."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from filterbank.engine import blocks
from filterbank.engine.direct import FLOAT, OVERHANG, DirectPlan
from filterbank.engine.kernels import layout
from filterbank.engine.kernels import layout_separable as words
from filterbank.geometry import Geometry, extent
from filterbank.record import record

# A ring, a row of pixels and the row that leaves it should stay in the first-level cache.
_RING_BYTES = 28 << 10
_NARROWEST = 256  # outputs of a strip: wider ones make up for what neighbours sum twice
_BANDS = 16  # as many where the rows that two neighbours both sum across are few

# What may be left out of a filter, as a share of Σ|w|: a tenth of the accuracy bar.
TOLERANCE = 1e-6


@record(frozen=True, eq=False)
class Factors:
    """A filter as ``w[c,i,j] ≈ Σ_r columns[r,i] · rows[r,j]`` over the terms r whose channel is c.

    ``channels`` (R,) int64; ``columns`` (R, Fh) and ``rows`` (R, Fw) float64.
    """

    channels: NDArray[np.int64]
    columns: NDArray[np.float64]
    rows: NDArray[np.float64]

    def product(self, depth: int) -> NDArray[np.float64]:
        """Return the filter (C, Fh, Fw) that the terms add up to."""
        whole = np.zeros((depth, self.columns.shape[1], self.rows.shape[1]))
        np.add.at(whole, self.channels, self.columns[:, :, None] * self.rows[:, None, :])
        return whole


def factor(weights: NDArray[np.float64]) -> Factors:
    """Return the fewest columns and rows that make up *weights* (C, Fh, Fw) to TOLERANCE.

    What is left out has Σ|w| of at most TOLERANCE times the filter's. A channel of rank one is a
    column and a row of the weights themselves, so that whole numbers and zeros stay what they are;
    others are cut off after the largest singular values.

    >>> sobel = factor(np.array([[[-1, 0, 1], [-2, 0, 2], [-1, 0, 1.0]]]))
    >>> sobel.columns, sobel.rows
    (array([[0.5, 1. , 0.5]]), array([[-2.,  0.,  2.]]))
    """
    bar = TOLERANCE * np.abs(weights).sum() / len(weights)
    channels, columns, rows = [], [], []
    for c, plane in enumerate(weights):
        if np.abs(plane).sum() > bar:
            down, across = _split(plane, bar)
            channels += [c] * len(down)
            columns += [*down]
            rows += [*across]
    high, wide = weights.shape[1:]
    return Factors(
        np.array(channels, np.int64), np.reshape(columns, (-1, high)), np.reshape(rows, (-1, wide))
    )


def is_contained(weights: NDArray[np.float64], factors: Factors) -> bool:
    """Return whether the terms read just the pixels under taps of *weights* (C, Fh, Fw) that are not zero.

    A pixel that is not finite then reaches the same outputs as by the formula.
    """
    depth = len(weights)
    return bool(
        np.array_equal(factors.product(depth) != 0, weights != 0)
        and _support(factors, depth, weights.shape[1:]) == int(np.count_nonzero(weights))
    )


def _split(plane: NDArray[np.float64], bar: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    i, j = np.unravel_index(np.abs(plane).argmax(), plane.shape)
    column, row = plane[:, j] / plane[i, j], plane[i]
    if np.abs(plane - np.outer(column, row)).sum() <= bar:
        return column[None], row[None]
    u, s, v = np.linalg.svd(plane)
    for rank in range(2, len(s)):
        down, across = (u[:, :rank] * s[:rank]).T, v[:rank]
        if np.abs(plane - down.T @ across).sum() <= bar:
            return _without_dust(down), _without_dust(across)
    return _without_dust((u[:, : len(s)] * s).T), _without_dust(v[: len(s)])


def _without_dust(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return *vectors* with zeros where rounding left next to nothing."""
    return np.where(np.abs(vectors) < 1e-14 * np.abs(vectors).max(), 0, vectors)


class SeparablePlan(DirectPlan):
    """A layer whose filters are sums of a few columns times rows, ready to run.

    Parameters and `run` are those of `DirectPlan`.
    Where a filter is not contained (`is_contained`) the image must be finite.

    Examples
    --------
    >>> from filterbank.geometry import resolve
    >>> shape = resolve(channels=1, size=(40, 50), filters=1, kernel=(5, 5))
    >>> SeparablePlan(np.ones((1, 1, 5, 5)), np.zeros(1), shape).bands > 0
    True
    """

    _words_count = words.WORDS
    kernel_name = "separable"

    def __init__(
        self, weights: NDArray[np.float64], biases: NDArray[np.float64], geometry: Geometry, **how: Any
    ) -> None:
        factors = [factor(filter) for filter in weights]
        depth, per_group = weights.shape[1], len(weights) // geometry.groups
        starts = [k // per_group * depth for k in range(len(weights))]
        self._across, self._down = _two_layers(factors, starts, geometry)
        super().__init__(weights, biases, geometry, **how)

    def _size_blocks(self) -> None:
        """Choose the outputs of a strip: as many columns as keep its ring in the nearest cache."""
        g, vectors = self.geometry, len(self._across)
        ring = extent(g.kernel[0], g.dilation[0])
        stride, wide = g.stride[1], extent(g.kernel[1], g.dilation[1])
        columns = _RING_BYTES // (FLOAT * (vectors * ring + g.channels * stride + 1))
        columns = max(_NARROWEST, columns // layout.WIDEST * layout.WIDEST)
        parts = max(1, round(g.out_width / columns))
        self._columns = -(-g.out_width // parts)
        self._length = -(-(-(-((self._columns - 1) * stride + wide) // stride) + OVERHANG) // 16) * 16
        self._rows = max(-(-g.out_height // _BANDS), -(-4 * ring // g.stride[0]))
        self._rows = max(1, min(self._rows, -(-g.out_height // 2)))
        self._scratch_rows = 1
        lines = layout.SCRATCH // FLOAT + g.channels * stride * self._length
        length = -(-(self._columns + OVERHANG) // 16) * 16 + 16
        start = self._place_lines(lines)
        table = -(-(start + vectors * ring * length) // 2) * 2
        self._space_size = table + 2 * vectors
        self._words[words.ROW_VECTORS] = vectors
        self._words[words.DOWN], self._words[words.RING_ROWS] = g.stride[0], ring
        self._words[words.RING], self._words[words.RING_LENGTH] = FLOAT * start, length
        self._words[words.RING_TABLE] = FLOAT * table

    def _set_filters(self, weights: NDArray[np.float64], biases: NDArray[np.float64]) -> list[int]:
        """Set the tables of both sums and return the bank's indices in the blocks' order."""
        for word in (layout.STRIDE_Y, layout.EXTENT_Y):
            self._words[word] = 1
        across, down = blocks.uniform(self._across), blocks.uniform(self._down)
        self._set_table(words.ACROSS, across, [self._offsets(part) for part in across])
        self._point(words.ZEROS, np.zeros(max(layout.SIZES), np.float32))
        slots = np.argsort([index for part in across for index in part.order])
        ring = int(self._words[words.RING_ROWS])
        tables = []
        for start in range(ring):
            table, kept = blocks.table(down, [self._ring_offsets(part, slots, start) for part in down])
            tables.append(table)
            self._keep += kept
        self._point(layout.BLOCKS, np.concatenate(tables))
        self._words[layout.BLOCK_COUNT] = len(down)
        order = [index for part in down for index in part.order]
        self._point(layout.BIASES, np.asarray(biases)[order].astype(np.float32))
        return order

    def _offsets(self, block: blocks.Block) -> NDArray[np.int64]:
        """Return the taps' distances in bytes from an output's first pixel in the row of pixels."""
        g, stride = self.geometry, self.geometry.stride[1]
        c, j = np.divmod(block.places, g.kernel[1])
        column = j * g.dilation[1]
        line = c * stride + column % stride
        return np.asarray(FLOAT * (line * self._length + column // stride), np.int64)

    def _ring_offsets(self, block: blocks.Block, slots: NDArray[np.int64], start: int) -> NDArray[np.int64]:
        """Return the taps' distances in bytes from the ring, the receptive field beginning at row *start*."""
        q, i = np.divmod(block.places, self.geometry.kernel[0])
        ring, length = (int(self._words[word]) for word in (words.RING_ROWS, words.RING_LENGTH))
        row = slots[q] * ring + (start + i * self.geometry.dilation[0]) % ring
        return np.asarray(FLOAT * length * row, np.int64)


def _support(factors: Factors, depth: int, kernel: tuple[int, ...]) -> int:
    """Return how many pixels the terms read, one by one."""
    seen = np.zeros((depth, *kernel), bool)
    for c, column, row in zip(factors.channels, factors.columns, factors.rows, strict=True):
        seen[c] |= np.outer(column != 0, row != 0)
    return int(seen.sum())


def _two_layers(
    factors: list[Factors], starts: list[int], g: Geometry
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the row vectors as filters (Q, C, 1, Fw) and the columns as filters (K, Q, Fh, 1) of theirs.

    Equal row vectors of a channel are summed across once, whichever filters they belong to.
    """
    places: dict[tuple[int, bytes], int] = {}
    across: list[NDArray[np.float64]] = []
    down = []
    for k, (found, start) in enumerate(zip(factors, starts, strict=True)):
        for c, column, row in zip(found.channels, found.columns, found.rows, strict=True):
            key = start + int(c), row.astype(np.float32).tobytes()
            if key not in places:
                places[key] = len(across)
                across.append(np.zeros((g.channels, 1, g.kernel[1])))
                across[-1][start + c, 0] = row
            down.append((k, places[key], column))
    columns = np.zeros((len(factors), max(1, len(across)), g.kernel[0], 1))
    for k, q, column in down:
        columns[k, q, :, 0] += column
    return np.array(across or np.zeros((1, g.channels, 1, g.kernel[1]))), columns
