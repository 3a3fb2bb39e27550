"""The one place that knows what lies outside an image: it is normalised and padded into scratch."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from filterbank.geometry import Sides
from filterbank.model import Layer

# our padding modes in numpy.pad's words
_PAD_MODES: dict[str, str] = {
    "reflect": "reflect",
    "symmetric": "symmetric",
    "replicate": "edge",
    "circular": "wrap",
}


def padded(planes: NDArray[np.float32], layer: Layer, padding: Sides) -> NDArray[np.float32]:
    """Return (x − mean)/std of *planes* (C, H, W), then padded: (C, Hp, Wp) float32, C-contiguous.

    The padding is in the units after mean and std: zeros are zeros there.

    >>> layer = Layer((), padding_mode="reflect", mean=(1.0,))
    >>> padded(np.array([[[1, 2, 3]]], np.float32), layer, (0, 2, 0, 1))
    array([[[2., 1., 0., 1., 2., 1.]]], dtype=float32)
    """
    planes = normalised(planes, layer)
    top, left, bottom, right = padding
    if not any(padding):
        return np.ascontiguousarray(planes)
    widths = (top, bottom), (left, right)
    if layer.padding_mode in _PAD_MODES:
        mode: Any = _PAD_MODES[layer.padding_mode]
        return np.ascontiguousarray(np.pad(planes, ((0, 0), *widths), mode=mode))
    channels, height, width = planes.shape
    values = layer.padding_value if layer.padding_mode == "constant" else (0.0,)
    filled = np.empty((channels, height + top + bottom, width + left + right), np.float32)
    filled[:] = _per_channel(values)
    filled[:, top : top + height, left : left + width] = planes
    return filled


def normalised(planes: NDArray[np.float32], layer: Layer) -> NDArray[np.float32]:
    """Return (x − mean)/std of *planes* (C, H, W), float32; the same array where nothing changes."""
    if not any(layer.mean) and all(std == 1 for std in layer.std):
        return planes
    # In float64 and rounded once: a mean near the pixels would otherwise cost digits.
    return ((planes - _per_channel(layer.mean)) / _per_channel(layer.std)).astype(np.float32)


def _per_channel(values: tuple[float, ...]) -> NDArray[np.float64]:
    return np.array(values, np.float64).reshape(-1, 1, 1)
