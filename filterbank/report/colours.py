"""Signed numbers as colours: blue below zero, white at zero, red above, alike in lightness."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

RGB = tuple[int, int, int]

# Ends of the two arms in Oklab's lightness, chroma and hue (degrees). Both lose lightness at the same
# rate, so that a weight and its negative weigh the same on the eye and in a grey print.
_LIGHTNESS, _CHROMA, _RED, _BLUE = 0.42, 0.165, 25.0, 258.0
_VIOLET = 310.0
_STEPS = 256

# Oklab to linear sRGB (B. Ottosson, "A perceptual color space for image processing", 2020).
_OKLAB_TO_LMS = np.array(
    [[1, 0.3963377774, 0.2158037573], [1, -0.1055613458, -0.0638541728], [1, -0.0894841775, -1.2914855480]]
)
_LMS_TO_RGB = np.array(
    [
        [4.0767416621, -3.3077115913, 0.2309699292],
        [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.7076147010],
    ]
)


def signed_colours(values: NDArray[np.floating], m: float) -> NDArray[np.uint8]:
    """Return RGB (..., 3) for *values* of any shape: −m dark blue, 0 white, m dark red.

    Beyond ±m the ends are used; with m = 0 everything is white.

    Examples
    --------
    >>> signed_colours(np.array([0.0, -1.0]), 1.0).tolist()[0]
    [255, 255, 255]
    >>> red, blue = signed_colours(np.array([2.0, -2.0]), 1.0)
    >>> bool(red[0] > red[2] and blue[2] > blue[0])
    True
    """
    share = np.clip(np.asarray(values, np.float64) / m, -1, 1) if m > 0 else np.zeros(np.shape(values))
    return _table()[np.rint(share * (_STEPS - 1)).astype(np.intp) + _STEPS - 1]


def strength_colours(shares: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Return RGB (..., 3) for *shares* of any shape: 0 white, 1 dark violet.

    >>> strength_colours(np.array([0.0])).tolist()
    [[255, 255, 255]]
    """
    steps = np.rint(np.clip(shares, 0, 1) * (_STEPS - 1)).astype(np.intp)
    colours: NDArray[np.uint8] = _arm(np.linspace(0, 1, _STEPS), _VIOLET)[steps]
    return colours


def ink_on(colour: NDArray[np.uint8]) -> RGB:
    """Return the colour of writing that reads well on *colour* (3,): near black or white.

    >>> ink_on(np.array([255, 255, 255], np.uint8)), ink_on(np.array([120, 0, 10], np.uint8))
    ((38, 38, 42), (255, 255, 255))
    """
    luma = float(colour @ np.array([0.299, 0.587, 0.114]))
    return (38, 38, 42) if luma > 120 else (255, 255, 255)


@cache
def _table() -> NDArray[np.uint8]:
    """Return the 2·256 − 1 colours from blue over white to red, uint8."""
    steps = np.linspace(0, 1, _STEPS)
    arms = [_arm(steps, hue) for hue in (_BLUE, _RED)]
    table = np.concatenate([arms[0][:0:-1], arms[1]])
    table.setflags(write=False)
    return table


def _arm(steps: NDArray[np.float64], hue: float) -> NDArray[np.uint8]:
    """Return the colours from white to the full *hue*."""
    lightness = 1 - (1 - _LIGHTNESS) * steps
    # Colour comes early, so that small weights are told apart from zero, and then lets darkness work.
    chroma = _CHROMA * np.sin(np.minimum(steps * 1.15, 1) * np.pi / 2)
    angle = np.deg2rad(hue)
    lab = np.stack([lightness, chroma * np.cos(angle), chroma * np.sin(angle)], axis=1)
    light = (lab @ _OKLAB_TO_LMS.T) ** 3 @ _LMS_TO_RGB.T
    light = np.clip(light, 0, 1)
    encoded = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    colours: NDArray[np.uint8] = np.rint(255 * encoded).astype(np.uint8)
    return colours
