"""Laws' texture filters: every pair of a few vectors, one down the columns, one along the rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Level, edge, spot, wave, ripple. Laws, Textured Image Segmentation, USC, 1980.
VECTORS: dict[int, dict[str, tuple[int, ...]]] = {
    5: {
        "L5": (1, 4, 6, 4, 1),
        "E5": (-1, -2, 0, 2, 1),
        "S5": (-1, 0, 2, 0, -1),
        "W5": (-1, 2, 0, -2, 1),
        "R5": (1, -4, 6, -4, 1),
    },
    3: {"L3": (1, 2, 1), "E3": (-1, 0, 1), "S3": (-1, 2, -1)},
}


def laws(size: int = 5, normalize: str = "l2", level: str = "kept") -> list[tuple[str, NDArray[np.float64]]]:
    """Return every pair of Laws' vectors of 3 or 5 taps as (name, weights (F, F)).

    In ``L5E5`` L5 goes down the columns and E5 along the rows. With *normalize* ``l2`` each vector
    is divided by its length, so that every filter answers white noise alike; ``none`` leaves whole numbers.
    With *level* ``dropped`` the plain blur, L5L5 or L3L3, is not among them.

    Source: Laws, Textured Image Segmentation, University of Southern California, 1980.

    >>> [name for name, _ in laws(3)]
    ['L3L3', 'L3E3', 'L3S3', 'E3L3', 'E3E3', 'E3S3', 'S3L3', 'S3E3', 'S3S3']
    >>> laws(3, normalize="none")[1][1].astype(int).tolist()
    [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]
    """
    vectors = {name: np.array(taps, np.float64) for name, taps in VECTORS[size].items()}
    if normalize == "l2":
        vectors = {name: taps / np.sqrt(taps @ taps) for name, taps in vectors.items()}
    return [
        (down + along, np.outer(column, row))
        for down, column in vectors.items()
        for along, row in vectors.items()
        if level == "kept" or not down[0] == along[0] == "L"
    ]
