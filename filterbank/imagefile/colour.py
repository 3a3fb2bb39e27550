"""Colour by formula: Rec. 601 luma, the sRGB curve, CMYK, YCbCr and CIELAB to RGB."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from filterbank.model import floats

Planes = NDArray[np.float32]
Floats = TypeVar("Floats", NDArray[np.float32], NDArray[np.float64])

# Pillow's weights, thousandths.
_RED, _GREEN, _BLUE = 299.0, 587.0, 114.0
# Rows at a time, so that the float64 in between stays in the cache.
_ROWS = 32
_PIXELS = 1 << 14


def luma(rgb: NDArray[Any]) -> Planes:
    """Return Rec. 601 luma (H, W) of the pixels *rgb* (3, H, W): (299 R + 587 G + 114 B)/1000.

    Rounded once, of codes of 8 bits from an exact sum: a grey pixel keeps its value exactly.

    >>> luma(np.ones((3, 1, 1), np.float32)).tolist()
    [[1.0]]
    """
    _, height, width = rgb.shape
    out = np.empty((height, width), np.float32)
    if rgb.dtype == np.uint8:
        # Whole numbers below 2**24 in float32: exact in whatever order they are summed.
        weights = np.array([_RED, _GREEN, _BLUE], np.float32)
        step = max(1, _PIXELS // width)
        for start in range(0, height, step):
            pixels = rgb[:, start : start + step].transpose(1, 2, 0).astype(np.float32, "C")
            np.divide(pixels @ weights, np.float32(255_000), out=out[start : start + step])
        return out
    for start in range(0, height, _ROWS):
        band = floats(rgb[:, start : start + _ROWS])
        with np.errstate(
            invalid="ignore", over="ignore"
        ):  # infinities of both signs make a NaN, as they should
            total = np.multiply(band[0], _RED, dtype=np.float64)
            total += np.multiply(band[1], _GREEN, dtype=np.float64)
            total += np.multiply(band[2], _BLUE, dtype=np.float64)
            np.divide(total, 1000.0, out=out[start : start + _ROWS], casting="same_kind")
    return out


def srgb_to_linear(values: Floats) -> Floats:
    """Return linear light of sRGB *values*, same dtype, by the curve of IEC 61966-2-1; odd below zero.

    >>> srgb_to_linear(np.array([0.0, 0.04045, 0.5, 1.0], np.float32)).astype(float).round(6)
    array([0.      , 0.003131, 0.214041, 1.      ])
    """
    wide = np.abs(values.astype(np.float64))
    light = np.where(wide <= 0.04045, wide / 12.92, ((wide + 0.055) / 1.055) ** 2.4)
    return np.copysign(light, values).astype(values.dtype)


def linear_to_srgb(values: Floats) -> Floats:
    """Return sRGB values of linear light: the inverse of :func:`srgb_to_linear`.

    >>> linear_to_srgb(np.array([0.0, 0.0031308, 0.214041, 1.0], np.float32)).astype(float).round(4)
    array([0.    , 0.0404, 0.5   , 1.    ])
    """
    wide = np.abs(values.astype(np.float64))
    coded = np.where(wide <= 0.0031308, wide * 12.92, 1.055 * wide ** (1 / 2.4) - 0.055)
    return np.copysign(coded, values).astype(values.dtype)


def cmyk_to_rgb(cmyk: Planes) -> Planes:
    """Return RGB (3, H, W) of ink coverages (4, H, W) in [0,1]: (1 − ink)·(1 − black).

    >>> cmyk_to_rgb(np.array([0.0, 1.0, 1.0, 0.0], np.float32).reshape(4, 1, 1)).ravel().tolist()
    [1.0, 0.0, 0.0]
    """
    paper: Planes = (1 - cmyk[:3]) * (1 - cmyk[3])
    return paper


def ycbcr_to_rgb(ycbcr: Planes, middle: float = 0.5) -> Planes:
    """Return RGB (3, H, W), clipped to [0,1], of full-range Rec. 601 Y, Cb, Cr; no colour is *middle*.

    >>> ycbcr_to_rgb(np.full((3, 1, 1), 0.5, np.float32)).ravel().tolist()
    [0.5, 0.5, 0.5]
    """
    y, blue, red = ycbcr[0], ycbcr[1] - np.float32(middle), ycbcr[2] - np.float32(middle)
    rgb: Planes = np.stack([y + 1.402 * red, y - 0.344136 * blue - 0.714136 * red, y + 1.772 * blue])
    return rgb.clip(0, 1).astype(np.float32)


# CIE XYZ relative to D50, adapted to sRGB's D65 by Bradford's method, to linear sRGB.
_D50 = np.array([0.96422, 1.0, 0.82521])
_XYZ_TO_RGB = np.array(
    [
        [3.1338561, -1.6168667, -0.4906146],
        [-0.9787684, 1.9161415, 0.0334540],
        [0.0719453, -0.2289914, 1.4052427],
    ]
)


def lab_to_rgb(lab: Planes) -> Planes:
    """Return sRGB (3, H, W), clipped to [0,1], of CIELAB under D50: L in [0,100], a and b in their own units.

    >>> lab_to_rgb(np.array([100.0, 0.0, 0.0], np.float32).reshape(3, 1, 1)).ravel().round(3).tolist()
    [1.0, 1.0, 1.0]
    """
    wide = lab.astype(np.float64)
    y = (wide[0] + 16) / 116
    roots = np.stack([y + wide[1] / 500, y, y - wide[2] / 200])
    xyz = np.where(roots > 6 / 29, roots**3, 3 * (6 / 29) ** 2 * (roots - 4 / 29))
    light = np.tensordot(_XYZ_TO_RGB, xyz * _D50[:, np.newaxis, np.newaxis], 1)
    return linear_to_srgb(np.clip(light, 0, 1).astype(np.float32))
