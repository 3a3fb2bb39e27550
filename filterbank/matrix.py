"""A layer on images of one size as the fully connected matrix it is: sparse, its weights shared.

Rows are outputs in the order (K, H2, W2), columns pixels in the order (C, H, W). Before the activation the
maps are ``M @ x + b`` with the image x as it enters the layer: std stands in M, and what does not depend on
the image, mean and a constant padding, in b.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from filterbank.errors import RequestError
from filterbank.geometry import Geometry, Pair
from filterbank.model import Layer

# 800 MB in memory, and as much again while they are put together.
MAX_ENTRIES = 50_000_000

# Entries that are made at once: what they pass through stays small.
_AT_ONCE = 1 << 18

_OUTSIDE = -1
# our padding modes in numpy.pad's words, to be asked which pixel stands at a place of the padded image
_PAD_MODES: dict[str, dict[str, Any]] = {
    "zeros": {"mode": "constant", "constant_values": _OUTSIDE},
    "constant": {"mode": "constant", "constant_values": _OUTSIDE},
    "reflect": {"mode": "reflect"},
    "symmetric": {"mode": "symmetric"},
    "replicate": {"mode": "edge"},
    "circular": {"mode": "wrap"},
}


@dataclass(frozen=True, slots=True, eq=False)
class Matrix:
    """A layer as a matrix in compressed rows, and its biases.

    Row r has the values ``data[indptr[r]:indptr[r+1]]`` in the columns ``indices`` of the same places, in
    ascending order. ``weight`` is the index of each entry's weight in (K, C/groups, Fh, Fw); the first, where
    the padding mirrors several onto one pixel and their sum is the entry. ``bias`` is one number a row.
    """

    shape: Pair
    data: NDArray[np.float64]
    indices: NDArray[Any]
    indptr: NDArray[Any]
    weight: NDArray[np.int32]
    bias: NDArray[np.float64]

    def save(self, stream: BinaryIO) -> None:
        """Write the matrix as `scipy.sparse.load_npz` reads it; without bias."""
        np.savez_compressed(
            stream,
            format=np.array(b"csr"),
            shape=np.array(self.shape, np.int64),
            indices=self.indices,
            indptr=self.indptr,
            data=self.data,
        )


def entries(layer: Layer, size: Pair) -> int:
    """Return how many weights of *layer* meet pixels of an image of *size* (H, W), all outputs together.

    Raises
    ------
    GeometryError
        The layer does not fit the size.

    Examples
    --------
    >>> from filterbank.model import Filter
    >>> entries(Layer((Filter("edge", [[-1, 0, 1]]),)), (1, 5))
    8
    """
    down, across = _pixels(layer, layer.geometry(size))
    met = np.outer((down >= 0).sum(axis=0), (across >= 0).sum(axis=0))
    return int(((layer.weights != 0).sum(axis=(0, 1)) * met).sum())


def build(layer: Layer, size: Pair, most: int = MAX_ENTRIES) -> Matrix:
    """Return *layer* on images of *size* (H, W) as a Matrix, in time linear in its entries.

    Raises
    ------
    GeometryError
        The layer does not fit the size.
    RequestError
        It would have more than *most* entries.

    Examples
    --------
    >>> from filterbank.model import Filter
    >>> matrix = build(Layer((Filter("edge", [[-1, 0, 1]]),)), (1, 3))
    >>> matrix.shape, matrix.data.tolist(), matrix.indices.tolist(), matrix.indptr.tolist()
    ((3, 3), [1.0, -1.0, 1.0, -1.0], [1, 0, 2, 1], [0, 1, 3, 4])
    """
    g, count = layer.geometry(size), entries(layer, size)
    shape = g.dense_biases, g.channels * g.height * g.width
    index = np.int32 if max(count, *shape) < 2**31 else np.int64
    if count > most:
        gigabytes = count * (8 + np.dtype(index).itemsize) / 1e9
        raise RequestError(
            f"the matrix would be {shape[0]:,} × {shape[1]:,} with {count:,} entries, {gigabytes:.3g} GB; "
            f"accepted: at most {most:,} entries; take a smaller size, or allow more with --max-entries"
        )
    parts = []
    down, across = _pixels(layer, g)
    for k, weights in enumerate(layer.weights):
        taps = int(np.count_nonzero(weights))
        step = max(1, _AT_ONCE // (g.out_width * (taps or 1)))
        bands = [down[first : first + step] for first in range(0, g.out_height, step)]
        parts += [_rows(layer, g, k, band, across, index) for band in bands]
    counts, indices, data, weight, bias = (np.concatenate(each) for each in zip(*parts, strict=True))
    indptr = np.concatenate([[0], np.cumsum(counts)])
    return Matrix(shape, data, indices, indptr.astype(index), weight, bias)


def _pixels(layer: Layer, g: Geometry) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the row that tap i of output row y meets, (H2, Fh), and the columns alike; −1 is outside."""
    top, left, bottom, right = g.padding
    axes = (
        (g.height, (top, bottom), g.out_height, 0),
        (g.width, (left, right), g.out_width, 1),
    )
    found = []
    for length, sides, outputs, axis in axes:
        padded = np.pad(np.arange(length), sides, **_PAD_MODES[layer.padding_mode])
        first = np.arange(outputs)[:, None] * g.stride[axis]
        found.append(padded[first + np.arange(g.kernel[axis]) * g.dilation[axis]])
    return found[0], found[1]


def _rows(
    layer: Layer,
    g: Geometry,
    k: int,
    down: NDArray[np.int64],
    across: NDArray[np.int64],
    index: type[np.signedinteger[Any]],
) -> tuple[NDArray[Any], ...]:
    """Return, of some rows of filter *k*: entries a row, their columns, values and weights, and the biases.

    The rows are those of the outputs whose taps meet the pixels *down* and *across*.
    """
    weights = layer.weights[k]
    first = k // (g.filters // g.groups) * weights.shape[0]
    c, i, j = np.nonzero(weights)
    rows, columns = np.broadcast_arrays(down[:, None, i], across[None, :, j])  # (H2, W2, taps)
    inside = ((rows >= 0) & (columns >= 0)).reshape(len(down) * len(across), len(c))
    column = ((first + c) * g.height + rows) * g.width + columns
    row, tap = np.nonzero(inside)
    channel = first + c
    std, mean, outside = (
        np.broadcast_to(np.array(each, np.float64), g.channels)[channel]
        for each in (layer.std, layer.mean, _beyond(layer))
    )
    own = weights[c, i, j]
    bias = layer.filters[k].bias + np.where(inside, -own * mean / std, own * outside).sum(axis=1)
    number = k * weights.size + np.ravel_multi_index((c, i, j), weights.shape)
    kept = row, column.reshape(inside.shape)[inside], (own / std)[tap], number[tap].astype(np.int32)
    row, column, data, number = _merged(*kept)
    return np.bincount(row, minlength=len(inside)), column.astype(index), data, number, bias


def _beyond(layer: Layer) -> tuple[float, ...]:
    """Return what stands outside the image, where that is a number."""
    return layer.padding_value if layer.padding_mode == "constant" else (0.0,)


def _merged(
    row: NDArray[np.int64], column: NDArray[np.int64], data: NDArray[np.float64], weight: NDArray[np.int32]
) -> tuple[NDArray[Any], ...]:
    """Return the entries in order of their columns, those of one place added up."""
    place = row * (column.max(initial=0) + 1) + column
    if (np.diff(place) > 0).all():
        return row, column, data, weight
    order = np.argsort(place, kind="stable")  # nearly sorted already, which a stable sort takes in one pass
    place = place[order]
    starts = np.flatnonzero(np.diff(place, prepend=-1))
    merged = order[starts]
    return row[merged], column[merged], np.add.reduceat(data[order], starts), weight[merged]
