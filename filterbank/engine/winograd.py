"""A bank's filters as Cook-Toom points, and a layer made ready for the kernels that use them."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filterbank.engine.direct import FLOAT
from filterbank.engine.kernels import layout as common
from filterbank.engine.kernels import layout_winograd as layout
from filterbank.engine.transformed import TransformedPlan
from filterbank.geometry import Geometry
from filterbank.record import record

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]

M = 4
TAPS = (3, 4, 5)  # of the blocks into which a filter's rows and columns are cut

# A block of tiles, the pixels it is made from, and the products kept at once share a second-level cache.
_TILES = 144
_INPUT_BYTES = 640 << 10
_SCRATCH_BYTES = 448 << 10
_PRODUCT_BYTES = 256 << 10
_BANDS = 32  # at least so many where there are rows enough: threads share them

_UNIT = 2.0**-24  # of float32's rounding


@record(frozen=True)
class Points:
    """One group's filters at the points of F(4, r); no image's size is in them."""

    r: int
    stride: tuple[int, int]
    blocks: tuple[int, int]  # of r·S taps, down and across
    planes: int
    filters: int
    size: int  # filters summed together: 8, the last 4 perhaps apart, or 4
    error: float  # the spread to expect of rounding errors, as a share of max Σ|w| · max|x|
    weights: tuple[Floats, ...]  # for every point, for filters summed together (channels not zero, filters)
    channels: tuple[Integers, ...]  # for every point: which these are


def best_taps(kernel_size: tuple[int, int], stride: tuple[int, int]) -> int:
    """Return the r of the F(4, r) that takes the fewest products for such a filter.

    >>> best_taps((11, 11), (4, 4)), best_taps((7, 7), (2, 2)), best_taps((5, 5), (1, 1))
    (3, 4, 5)
    """

    def products(r: int) -> int:
        blocks = [-(-f // (s * r)) * s for f, s in zip(kernel_size, stride, strict=True)]
        return blocks[0] * blocks[1] * (r + M - 1) ** 2

    return min(TAPS, key=products)


def transform(weights: NDArray[Any], r: int, stride: tuple[int, int] = (1, 1)) -> Points:
    """Return the points of *weights* (K, C, Fh, Fw): one group, dilation 1.

    Exact fractions for the matrices, float64 for the points, rounded once. `Points.error` says what
    accuracy to expect: four times it stays within the bar or the method is not to be used.

    Raises
    ------
    ValueError
        *r* is none of TAPS.
    """
    if r not in TAPS:
        raise ValueError(f"taps of a block: found {r}; accepted: {TAPS}")
    filters, planes, *extent = weights.shape
    blocks = tuple(-(-f // (s * r)) for f, s in zip(extent, stride, strict=True))
    inputs = planes * blocks[0] * blocks[1] * stride[0] * stride[1]
    size, padded = 8 if inputs > 3 else 4, _padded(filters)
    (down, across), (sy, sx) = blocks, stride
    full = np.zeros((padded, planes, down * sy * r, across * sx * r))
    full[:filters, :, : extent[0], : extent[1]] = weights
    # Row (a·r + i)·S + s is tap i of block a on phase s; a channel is (plane, a, b, sy, sx).
    split = full.reshape(padded, planes, down, r, sy, across, r, sx).transpose(0, 1, 2, 5, 4, 7, 3, 6)
    g = _matrices(r)[1]
    points = np.einsum("ai,kcij,bj->abkc", g, split.reshape(padded, -1, r, r), g)
    values, channels = [], []
    for point in points.reshape(-1, padded, points.shape[-1]):
        used = np.flatnonzero(point.any(0))
        channels.append(used)
        together = [point[k : k + size, used].T.ravel() for k in range(0, padded, size)]
        values.append(np.concatenate(together).astype(np.float32))
    error = _spread(points, r) / (np.abs(weights).sum((1, 2, 3)).max() or 1.0)
    return Points(
        r, stride, (down, across), planes, filters, size, float(error), tuple(values), tuple(channels)
    )


def _padded(filters: int) -> int:
    return -(-filters // 4) * 4


@lru_cache(maxsize=16)
def _points(weights: bytes, shape: tuple[int, ...], r: int, stride: tuple[int, int]) -> Points:
    """Return `transform` of weights that may have been seen before, on images of another size."""
    return transform(np.frombuffer(weights).reshape(shape), r, stride)


@cache
def _matrices(r: int) -> tuple[NDArray[np.float64], ...]:
    """Return the matrices of F(4, r) for outputs, for filters and for inputs."""
    from filterbank.engine.kernels.cooktoom import matrices  # noqa: PLC0415 - fractions, for few layers

    return tuple(np.array([[float(x) for x in row] for row in matrix]) for matrix in matrices(M, r))


def _spread(points: NDArray[np.float64], r: int) -> float:
    """Return the standard deviation to expect of the worst output's rounding error for |x| ≤ 1.

    Every product and every sum over channels is off by about a unit of its own size, and the outputs add
    those errors with the squares of their weights. Few-tap filters at a corner of a block are the bad ones:
    their points are large and cancel.
    """
    outputs, _, inputs = _matrices(r)
    size = np.sqrt((inputs**2).sum(1))
    channels = points.shape[-1]
    products = (points**2).sum(-1) * (np.outer(size, size) ** 2)[..., None] * (1 + channels / 4)
    variance = np.einsum("ia,abk,jb->kij", outputs**2, products, outputs**2)
    return float(np.sqrt(variance.max())) * _UNIT


class WinogradPlan(TransformedPlan):
    """A layer by Cook-Toom with blocks of *block*×*block* taps, ready to run: one group, dilation 1."""

    _words_count = layout.WORDS

    def __init__(
        self,
        weights: NDArray[np.float64],
        biases: NDArray[np.float64],
        geometry: Geometry,
        *,
        block: int,
        **how: Any,
    ) -> None:
        self._points = _points(weights.tobytes(), weights.shape, block, geometry.stride)
        self.kernel_name = f"winograd_{M}{block}"
        super().__init__(weights, biases, geometry, **how)

    def _size_blocks(self) -> None:
        """Choose tiles in a block, rows of tiles held in scratch and in a band, and lay out a work space."""
        g, points, words = self.geometry, self._points, self._words
        (sy, sx), (down, across), r = g.stride, points.blocks, points.r
        n = M + r - 1
        inputs = points.planes * down * across * sy * sx
        wide = -(-g.out_width // M)
        most = max(16, min(_TILES, _INPUT_BYTES // (4 * n * n * inputs)) // 16 * 16)
        tiles = -(-wide // (16 * -(-wide // most))) * 16
        self._columns = M * tiles
        self._length = -(-(tiles + (n + (across - 1) * r) // M + 2) // 16) * 16
        tile_rows, advance = (n - 1 + (down - 1) * r) * sy + sy, M * sy
        line = FLOAT * M * sx * self._length
        fitting = (_SCRATCH_BYTES // (line * points.planes) - tile_rows) // advance + 1
        bands = max(1, -(-g.out_height // (M * _BANDS)))
        held = max(1, min(fitting, bands))
        self._rows = M * held * max(1, bands // held)
        self._scratch_rows = (held - 1) * advance + tile_rows
        padded = _padded(points.filters)
        group = max(points.size, _PRODUCT_BYTES // (FLOAT * tiles * n * n) // points.size * points.size)
        # A line between one point's values and the next one's: without it they fall into the same cache sets.
        input_step = FLOAT * inputs * tiles + 64
        product_step = FLOAT * min(group, padded) * tiles + 64
        pixels = common.SCRATCH + points.planes * self._scratch_rows * line
        inputs_at = pixels + line
        products_at = -(-(inputs_at + n * n * input_step) // 64) * 64
        self._space_size = self._place_lines((products_at + n * n * product_step) // FLOAT)
        own = {
            layout.ADVANCE: advance,
            layout.TILE_ROWS: tile_rows,
            layout.HELD: held,
            layout.SPLIT: M * sx,
            layout.PIXELS: pixels,
            layout.PHASES: down * across * sy * sx,
            layout.TILES: tiles,
            layout.PADDED: padded,
            layout.SUMMED: points.size,
            layout.GROUP: group,
            layout.INPUTS: inputs_at,
            layout.INPUT_STEP: input_step,
            layout.PRODUCTS: products_at,
            layout.PRODUCT_STEP: product_step,
        }
        for word, value in own.items():
            words[word] = value

    def _set_filters(self, weights: NDArray[np.float64], biases: NDArray[np.float64]) -> list[int]:
        """Set the tables of pixels and points; the maps stay in the bank's order."""
        points, tiles = self._points, int(self._words[layout.TILES])
        (sy, sx), (down, across), r = points.stride, points.blocks, points.r
        n, split = M + r - 1, M * points.stride[1]
        a, b, py, px, j, i = np.indices((down, across, sy, sx, n, n))
        x = sx * (i + b * r) + px
        offsets = FLOAT * (((sy * (j + a * r) + py) * split + x % split) * self._length + x // split)
        taps = [used * tiles * FLOAT for used in points.channels]
        self._keep += [taps, points]
        self._point(layout.OFFSETS, offsets.astype(np.int64))
        self._point(layout.POINT_WEIGHTS, np.array([one.ctypes.data for one in points.weights], np.int64))
        self._point(layout.COUNTS, np.array([len(used) for used in points.channels], np.int64))
        self._point(layout.POINT_TAPS, np.array([one.ctypes.data for one in taps], np.int64))
        self._point(common.BIASES, np.asarray(biases).astype(np.float32))
        return list(range(len(weights)))
