"""Filters that are a basis of small patches, or sums over rectangles."""

from __future__ import annotations

import math

import numpy as np

from filterbank.bankfile.families.sampling import Named, axis


def dct(size: int = 8) -> Named:
    """Return the size² filters of the discrete cosine transform as (name, weights (F, F)), named dct_v_u.

    ``w[y,x] = 2/N·c_u·c_v·cos((2x + 1)uπ/2N)·cos((2y + 1)vπ/2N)`` with c_0 = 1/√2, else 1; v counts waves
    down the columns, u along the rows. They are orthonormal; size 8, stride 8 and padding 0 is JPEG's
    transform of blocks.

    Source: Ahmed, Natarajan and Rao, IEEE Transactions on Computers C-23:90-93, 1974.

    >>> names = [name for name, _ in dct(2)]
    >>> names, dct(2)[0][1].round(12).tolist()
    (['dct_0_0', 'dct_0_1', 'dct_1_0', 'dct_1_1'], [[0.5, 0.5], [0.5, 0.5]])
    """
    places = axis(size) + size / 2
    rows = [math.sqrt((2 if u else 1) / size) * np.cos(places * u * math.pi / size) for u in range(size)]
    return [(f"dct_{v}_{u}", np.outer(rows[v], rows[u])) for v in range(size) for u in range(size)]


def frei_chen() -> Named:
    """Return Frei and Chen's nine filters as (name, weights (3, 3)), an orthonormal basis of all 3×3 patches.

    Two gradients and two ripples make the edge space, two lines and two Laplacians the line space; the
    last is the mean, times 3.

    Source: Frei and Chen, IEEE Transactions on Computers C-26:988-998, 1977.

    >>> [name for name, _ in frei_chen()][:4]
    ['gradient_1', 'gradient_2', 'ripple_1', 'ripple_2']
    """
    r = math.sqrt(2)
    edge, line, spot = 1 / (2 * r), 1 / 2, 1 / 6
    printed = {
        "gradient_1": (edge, [[1, r, 1], [0, 0, 0], [-1, -r, -1]]),
        "gradient_2": (edge, [[1, 0, -1], [r, 0, -r], [1, 0, -1]]),
        "ripple_1": (edge, [[0, -1, r], [1, 0, -1], [-r, 1, 0]]),
        "ripple_2": (edge, [[r, -1, 0], [-1, 0, 1], [0, 1, -r]]),
        "line_1": (line, [[0, 1, 0], [-1, 0, -1], [0, 1, 0]]),
        "line_2": (line, [[-1, 0, 1], [0, 0, 0], [1, 0, -1]]),
        "laplace_1": (spot, [[1, -2, 1], [-2, 4, -2], [1, -2, 1]]),
        "laplace_2": (spot, [[-2, 1, -2], [1, 4, 1], [-2, 1, -2]]),
        "average": (1 / 3, [[1, 1, 1], [1, 1, 1], [1, 1, 1]]),
    }
    return [(name, factor * np.array(rows, np.float64)) for name, (factor, rows) in printed.items()]


def haar(size: int = 4) -> Named:
    """Return five differences of rectangles as (name, weights): two_x, two_y, three_x, three_y and four.

    Every rectangle has *size* rows and columns of pixels; weights are 1 and −1, and −2 in the middle of
    three, so that all sum to 0. two_x grows to the right, two_y downwards; three has its middle dark.

    Source: Viola and Jones, Computer Vision and Pattern Recognition, 2001.

    >>> {name: weights.astype(int).tolist() for name, weights in haar(1)}["three_x"]
    [[1, -2, 1]]
    """
    patterns = {
        "two_x": [[-1, 1]],
        "two_y": [[-1], [1]],
        "three_x": [[1, -2, 1]],
        "three_y": [[1], [-2], [1]],
        "four": [[1, -1], [-1, 1]],
    }
    tile = np.ones((size, size))
    return [(name, np.array(np.kron(signs, tile), np.float64)) for name, signs in patterns.items()]
