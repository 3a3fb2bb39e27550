"""A bank's filters as Cook-Toom points, and convolution with them: the driver of `kernels.winograd`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filterbank.engine.fft import aligned
from filterbank.engine.kernels import layout_winograd as layout
from filterbank.engine.kernels.cooktoom import Matrix, matrices

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]
Kernel = Callable[..., Any]

M = 4
TAPS = (3, 4, 5)  # of the blocks into which a filter's rows and columns are cut

# A block of tiles and the products kept at once: with a block's inputs they fill a second-level cache.
_TILES = 64
_PRODUCT_BYTES = 256 << 10

_UNIT = 2.0**-24  # of float32's rounding


@dataclass(frozen=True)
class Points:
    """One group's filters at the points of F(4, r); no image's size is in them."""

    r: int
    stride: tuple[int, int]
    blocks: tuple[int, int]  # of r·S taps, down and across
    planes: int
    filters: int
    size: int  # filters summed together
    error: float  # the spread to expect of rounding errors, as a share of max Σ|w| · max|x|
    weights: tuple[Floats, ...]  # for every point (padded / size, channels that are not zero, size)
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
    size = 6 if -(-filters // 6) * 6 <= -(-filters // 4) * 4 or filters > 24 else 4
    padded = -(-filters // size) * size
    (down, across), (sy, sx) = blocks, stride
    full = np.zeros((padded, planes, down * sy * r, across * sx * r))
    full[:filters, :, : extent[0], : extent[1]] = weights
    # Row (a·r + i)·S + s is tap i of block a on phase s; a channel is (plane, a, b, sy, sx).
    split = full.reshape(padded, planes, down, r, sy, across, r, sx).transpose(0, 1, 2, 5, 4, 7, 3, 6)
    g = _floats(matrices(M, r)[1])
    points = np.einsum("ai,kcij,bj->abkc", g, split.reshape(padded, -1, r, r), g)
    values, channels = [], []
    for point in points.reshape(-1, padded, points.shape[-1]):
        used = np.flatnonzero(point.any(0))
        channels.append(used)
        values.append(
            np.ascontiguousarray(
                point[:, used].reshape(padded // size, size, -1).transpose(0, 2, 1), np.float32
            )
        )
    error = _spread(points, r) / (np.abs(weights).sum((1, 2, 3)).max() or 1.0)
    return Points(
        r, stride, (down, across), planes, filters, size, float(error), tuple(values), tuple(channels)
    )


def _floats(matrix: Matrix) -> NDArray[np.float64]:
    return np.array([[float(x) for x in row] for row in matrix])


def _spread(points: NDArray[np.float64], r: int) -> float:
    """Return the standard deviation to expect of the worst output's rounding error for |x| ≤ 1.

    Every product and every sum over channels is off by about a unit of its own size, and the outputs add
    those errors with the squares of their weights. Few-tap filters at a corner of a block are the bad ones:
    their points are large and cancel.
    """
    outputs, _, inputs = (_floats(matrix) for matrix in matrices(M, r))
    size = np.sqrt((inputs**2).sum(1))
    channels = points.shape[-1]
    products = (points**2).sum(-1) * (np.outer(size, size) ** 2)[..., None] * (1 + channels / 4)
    variance = np.einsum("ia,abk,jb->kij", outputs**2, products, outputs**2)
    return float(np.sqrt(variance.max())) * _UNIT


@dataclass(frozen=True)
class Layout:
    """What a kernel needs to know beside the filters, for maps of one size: words, tables and work space."""

    words: Integers
    kept: tuple[Any, ...]  # what the words point to
    space_bytes: int


def lay_out(points: Points, height: int, width: int) -> Layout:
    """Return the words for maps of *height*×*width*; source, maps and biases are left to `convolve`."""
    m, r, (sy, sx), (down, across) = M, points.r, points.stride, points.blocks
    n = m + r - 1
    wide = -(-width // m)
    count = -(-wide // _TILES)
    tiles = -(-wide // (16 * count)) * 16
    columns = m * sx
    rows = (n - 1 + (down - 1) * r) * sy + sy
    length = -(-(tiles * count + (n + (across - 1) * r) // m + 2) // 16) * 16
    phases = down * across * sy * sx
    channels = points.planes * phases
    a, b, py, px, j, i = np.indices((down, across, sy, sx, n, n))
    x = sx * (i + b * r) + px
    offsets = 4 * (((sy * (j + a * r) + py) * columns + x % columns) * length + x // columns)
    offsets = np.ascontiguousarray(offsets.reshape(phases, n * n), np.int64)
    taps = [used * tiles * 4 for used in points.channels]
    padded = points.weights[0].shape[0] * points.size
    group = max(points.size, _PRODUCT_BYTES // (4 * tiles * n * n) // points.size * points.size)
    # A line between one point's values and the next one's: without it they all fall into the same cache sets.
    input_step, product_step = 4 * channels * tiles + 64, 4 * min(group, padded) * tiles + 64
    scratch = 4 * points.planes * rows * columns * length
    inputs = -(-scratch // 64) * 64
    products = inputs + n * n * input_step
    table = products + n * n * product_step
    edge = table + 128
    weight_places = np.array([w.ctypes.data for w in points.weights], np.int64)
    counts = np.array([len(used) for used in points.channels], np.int64)
    tap_places = np.array([t.ctypes.data for t in taps], np.int64)
    words = np.zeros(layout.WORDS, np.int64)
    words[layout.ADVANCE : layout.BIASES] = (
        m * sy,
        rows,
        columns,
        length,
        phases,
        offsets.ctypes.data,
        tiles,
        count,
        points.filters,
        padded,
        points.size,
        group,
        weight_places.ctypes.data,
        counts.ctypes.data,
        tap_places.ctypes.data,
    )
    words[layout.OUT_HEIGHT : layout.MAP_STEP] = height, width
    words[layout.INPUTS : layout.WORDS] = inputs, input_step, products, product_step, table, edge
    kept = (offsets, taps, weight_places, counts, tap_places, points)
    return Layout(words, kept, edge + 4 * m * 64)


def convolve(
    plan: Layout,
    source: Floats,
    out: Sequence[Floats],
    kernel: Kernel,
    pad: tuple[int, int] = (0, 0),
    biases: Floats | None = None,
    rows: range | None = None,
    space: Floats | None = None,
) -> None:
    """Fill *out*, K maps (H2, W2) with rows of equal distance, from *source* (C, H, W).

    The source is float32 with pixels side by side.

    *kernel* is `kernels.winograd.winograd_43`, `_44` or `_45`, compiled, as the points' r says; *pad* is how
    many zeros lie above and left of the image. *rows* is the part to compute, in rows of tiles of 4 rows of
    outputs, all by default; parts may be computed side by side, each with *space* of its own.
    """
    if space is None:
        space = aligned((-(-plan.space_bytes // 4),))
    if biases is None:
        biases = np.zeros(len(out), np.float32)
    part = rows or range(-(-out[0].shape[0] // M))
    maps = np.array([values.ctypes.data for values in out], np.int64)
    words = plan.words.copy()
    words[: layout.ADVANCE] = (source.ctypes.data, *source.shape, *source.strides[:2], *pad)
    words[layout.BIASES] = biases.ctypes.data
    words[layout.MAPS] = maps.ctypes.data
    words[layout.MAP_STEP] = out[0].strides[0]
    kernel(words.ctypes.data, part.start, part.stop, space.ctypes.data)
