"""What each output of a layer sees of an image, as columns of numbers, a band of rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filterbank.engine.scratch import padded
from filterbank.geometry import Geometry, extent
from filterbank.model import Layer, floats

# Numbers of one band: they stay in the cache between being copied and being multiplied.
_BAND = 1 << 19


def whole(pixels: NDArray[Any], layer: Layer, geometry: Geometry) -> NDArray[Any]:
    """Return the image padded as *layer* says: each of its valid outputs is an output of the layer.

    *pixels* are codes or float32 (C, H, W); where nothing is padded they are returned as they are.
    """
    return padded(floats(pixels), layer, geometry.padding) if any(geometry.padding) else pixels


def inside(geometry: Geometry) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Return the outputs (rows, columns) whose receptive field lies inside the image, and that part of it.

    >>> from filterbank.geometry import resolve
    >>> inside(resolve(channels=1, size=(6, 6), filters=1, kernel=(3, 3), stride=(2, 2), padding=(1,) * 4))
    ((slice(1, 3, None), slice(1, 3, None)), (slice(1, 6, None), slice(1, 6, None)))
    """
    top, left, _, _ = geometry.padding
    rows = _inside(geometry, 0, geometry.height, top)
    columns = _inside(geometry, 1, geometry.width, left)
    return (rows[0], columns[0]), (rows[1], columns[1])


def _inside(geometry: Geometry, axis: int, n: int, before: int) -> tuple[slice, slice]:
    """Return the outputs of one axis that see pixels alone, and the pixels from the first that is seen."""
    stride = geometry.stride[axis]
    first = -(-before // stride)
    last = (n + before - extent(geometry.kernel[axis], geometry.dilation[axis])) // stride
    return slice(first, max(last + 1, first)), slice(first * stride - before, n)


def bands(pixels: NDArray[Any], layer: Layer, targets: NDArray[Any]) -> Iterator[NDArray[np.float64]]:
    """Yield the valid outputs of *layer* on *pixels* (C, H, W) from the top, as columns of numbers.

    A column is one output: what its receptive field holds, in the order of the weights (C, Fh, Fw), then a
    one for the bias, then what *targets* (K, H2, W2) have there. The array (C·Fh·Fw + 1 + K, outputs) is
    float64 and is used again for the next band.

    >>> from filterbank.model import Filter
    >>> layer = Layer((Filter("pair", np.zeros((1, 1, 2))),))
    >>> row = np.array([[[1, 2, 3]]], np.float32)
    >>> [columns.tolist() for columns in bands(row, layer, 10 * row[:, :, :2])]
    [[[1.0, 2.0], [2.0, 3.0], [1.0, 1.0], [10.0, 20.0]]]
    """
    kernel, (down, across), dilation = layer.kernel, layer.stride, layer.dilation
    _, height, width = targets.shape
    seen = pixels.shape[0] * kernel[0] * kernel[1]
    count = seen + 1 + len(targets)
    step = max(1, min(height, _BAND // (count * width)))
    scratch = np.empty(count * step * width)
    for start in range(0, height, step):
        n = min(step, height - start)
        columns = scratch[: count * n * width].reshape(count, n, width)
        reach = (n - 1) * down + extent(kernel[0], dilation[0])
        band = floats(pixels[:, start * down : start * down + reach])
        taps = ((c, i, j) for c in range(len(band)) for i in range(kernel[0]) for j in range(kernel[1]))
        for row, (c, i, j) in zip(columns, taps, strict=False):
            y, x = i * dilation[0], j * dilation[1]
            row[:] = band[c, y : y + (n - 1) * down + 1 : down, x : x + (width - 1) * across + 1 : across]
        columns[seen] = 1
        columns[seen + 1 :] = floats(targets[:, start : start + n])
        yield columns.reshape(count, -1)
