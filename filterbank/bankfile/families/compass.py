"""Compass filters: eight neighbours weighed around a ring, turned in steps of 45°."""

from __future__ import annotations

import numpy as np

from filterbank.bankfile.families.sampling import Named, Weights

# Clockwise from the top left. In raster order instead, six of the eight turns would be wrong.
_RING = ((0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0))


def kirsch() -> Named:
    """Return Kirsch's eight filters as (name, weights (3, 3)): three neighbours of 5 against five of −3.

    kirsch_000 is brightest to the right, kirsch_090 at the top: the number is the direction in which the
    image gets brighter, in degrees counter-clockwise.

    Source: Kirsch, Computers and Biomedical Research 4:315-328, 1971.

    >>> dict(kirsch())["kirsch_090"].astype(int).tolist()
    [[5, 5, 5], [-3, 0, -3], [-3, -3, -3]]
    """
    return _turned("kirsch", (5, 5, 5, -3, -3, -3, -3, -3), 0)


def robinson() -> Named:
    """Return Robinson's eight filters as (name, weights (3, 3)): 1 2 1 against −1 −2 −1, named like Kirsch's.

    Source: Robinson, Computer Graphics and Image Processing 6:492-501, 1977.

    >>> dict(robinson())["robinson_045"].astype(int).tolist()
    [[0, 1, 2], [-1, 0, 1], [-2, -1, 0]]
    """
    return _turned("robinson", (1, 2, 1, 0, -1, -2, -1, 0), 0)


def prewitt_compass() -> Named:
    """Return Prewitt's eight filters as (name, weights (3, 3)): five of 1, three of −1, −2 in the middle.

    Named as in `kirsch`.

    Source: Prewitt, in Picture Processing and Psychopictorics, 1970.

    >>> dict(prewitt_compass())["prewitt_090"].astype(int).tolist()
    [[1, 1, 1], [1, -2, 1], [-1, -1, -1]]
    """
    return _turned("prewitt", (1, 1, 1, 1, -1, -1, -1, 1), -2)


def _turned(name: str, upwards: tuple[int, ...], middle: int) -> Named:
    """Return the eight turns of a ring that is printed brightest at the top."""
    filters = []
    for steps in range(8):
        weights: Weights = np.full((3, 3), float(middle))
        for place, (row, column) in enumerate(_RING):
            # Two steps before 90°, where it is printed; each goes counter-clockwise.
            weights[row, column] = upwards[(place + steps - 2) % 8]
        filters.append((f"{name}_{45 * steps:03d}", weights))
    return filters
