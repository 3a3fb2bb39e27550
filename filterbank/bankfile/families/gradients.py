"""First derivatives of a few pixels: a difference one way, smoothed the other."""

from __future__ import annotations

import numpy as np

from filterbank.bankfile.families.sampling import Named, Weights

# Halves of a smoothing vector and of the derivative that goes with it; both go on to the other side.
FARID_SMOOTH = (0.0376593171958126, 0.249153396177344, 0.426374573253687)
FARID_SLOPE = (0.109603762960254, 0.276690988455557, 0.0)


def sobel(normalize: str = "slope") -> Named:
    """Return Sobel's sobel_x and sobel_y as (name, weights (3, 3)): [−1 0 1] smoothed by 1 2 1.

    With *normalize* ``slope`` they are divided by 8, so that a ramp is answered by its slope a pixel: x
    grows to the right, y downwards. ``none`` leaves whole numbers.

    Source: Sobel and Feldman, A 3×3 isotropic gradient operator, Stanford, 1968.

    >>> dict(sobel("none"))["sobel_x"].astype(int).tolist()
    [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]
    """
    return _differences("sobel", (1, 2, 1), normalize)


def prewitt(normalize: str = "slope") -> Named:
    """Return Prewitt's prewitt_x and prewitt_y as (name, weights (3, 3)): [−1 0 1] smoothed by 1 1 1.

    With *normalize* ``slope`` they are divided by 6; ``none`` leaves whole numbers.

    Source: Prewitt, in Picture Processing and Psychopictorics, 1970.

    >>> dict(prewitt("none"))["prewitt_y"].astype(int).tolist()
    [[-1, -1, -1], [0, 0, 0], [1, 1, 1]]
    """
    return _differences("prewitt", (1, 1, 1), normalize)


def scharr(variant: str = "3-10-3", normalize: str = "slope") -> Named:
    """Return Scharr's scharr_x and scharr_y as (name, weights (3, 3)): [−1 0 1] smoothed by 3 10 3.

    The variant ``47-162-47`` has more digits of the same optimum. With *normalize* ``slope`` they are
    divided by 32, or 512; ``none`` leaves whole numbers.

    Source: Scharr, Optimal Operators in Digital Image Processing, Heidelberg, 2000.

    >>> dict(scharr(normalize="none"))["scharr_x"].astype(int).tolist()
    [[-3, 0, 3], [-10, 0, 10], [-3, 0, 3]]
    """
    smooth = tuple(int(part) for part in variant.split("-"))
    return _differences("scharr", smooth, normalize)


def roberts() -> Named:
    """Return Roberts' differences across the diagonals as (name, weights (2, 2)): roberts_1, roberts_2.

    Source: Roberts, Machine perception of three-dimensional solids, MIT, 1963.

    >>> [weights.astype(int).tolist() for _, weights in roberts()]
    [[[1, 0], [0, -1]], [[0, 1], [-1, 0]]]
    """
    return [
        ("roberts_1", np.array([[1.0, 0.0], [0.0, -1.0]])),
        ("roberts_2", np.array([[0.0, 1.0], [-1.0, 0.0]])),
    ]


def farid() -> Named:
    """Return Farid and Simoncelli's farid_x and farid_y as (name, weights (5, 5)): smooth p, slope d.

    p and d were designed together, so that the gradient turns with the image. The paper prints d for
    convolution; here it is turned: positive where values grow to the right or downwards.

    Source: Farid and Simoncelli, IEEE Transactions on Image Processing 13:496-508, 2004.

    >>> [(name, weights.shape) for name, weights in farid()]
    [('farid_x', (5, 5)), ('farid_y', (5, 5))]
    """
    smooth = np.array((*FARID_SMOOTH, *FARID_SMOOTH[1::-1]))
    rising = np.array((*FARID_SLOPE, *FARID_SLOPE[1::-1])) * (-1, -1, 0, 1, 1)
    return _both("farid", np.outer(smooth, rising))


def _differences(name: str, smooth: tuple[int, ...], normalize: str) -> Named:
    total = 2 * sum(smooth) if normalize == "slope" else 1
    return _both(name, np.outer(smooth, (-1.0, 0.0, 1.0)) / total)


def _both(name: str, x: Weights) -> Named:
    return [(f"{name}_x", x), (f"{name}_y", x.T.copy())]
