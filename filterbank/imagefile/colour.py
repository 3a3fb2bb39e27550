"""Colour by formula: Rec. 601 luma, the sRGB curve, CMYK, YCbCr and CIELAB to RGB."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Planes = NDArray[np.float32]

# Pillow's weights, thousandths.
_RED, _GREEN, _BLUE = 299.0, 587.0, 114.0
# Rows at a time, so that the float64 in between stays in the cache.
_ROWS = 32


def luma(rgb: Planes) -> Planes:
    """Return Rec. 601 luma (H, W) of *rgb* (3, H, W): (299 R + 587 G + 114 B)/1000.

    Summed in float64 and rounded once: a grey pixel keeps its value exactly.

    >>> luma(np.ones((3, 1, 1), np.float32)).tolist()
    [[1.0]]
    """
    _, height, width = rgb.shape
    out = np.empty((height, width), np.float32)
    for start in range(0, height, _ROWS):
        band = rgb[:, start : start + _ROWS]
        total = np.multiply(band[0], _RED, dtype=np.float64)
        total += np.multiply(band[1], _GREEN, dtype=np.float64)
        total += np.multiply(band[2], _BLUE, dtype=np.float64)
        np.divide(total, 1000.0, out=out[start : start + _ROWS], casting="same_kind")
    return out


def srgb_to_linear(values: Planes) -> Planes:
    """Return linear light of sRGB *values*, by the exact curve of IEC 61966-2-1; odd below zero.

    >>> srgb_to_linear(np.array([0.0, 0.04045, 0.5, 1.0], np.float32)).astype(float).round(6)
    array([0.      , 0.003131, 0.214041, 1.      ])
    """
    wide = np.abs(values.astype(np.float64))
    light = np.where(wide <= 0.04045, wide / 12.92, ((wide + 0.055) / 1.055) ** 2.4)
    return np.copysign(light, values).astype(np.float32)


def linear_to_srgb(values: Planes) -> Planes:
    """Return sRGB values of linear light: the inverse of :func:`srgb_to_linear`.

    >>> linear_to_srgb(np.array([0.0, 0.0031308, 0.214041, 1.0], np.float32)).astype(float).round(4)
    array([0.    , 0.0404, 0.5   , 1.    ])
    """
    wide = np.abs(values.astype(np.float64))
    coded = np.where(wide <= 0.0031308, wide * 12.92, 1.055 * wide ** (1 / 2.4) - 0.055)
    return np.copysign(coded, values).astype(np.float32)
