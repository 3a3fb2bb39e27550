"""Filters drawn at random, the same for the same seed."""

from __future__ import annotations

import math

import numpy as np

from filterbank.bankfile.families.sampling import Named, Weights
from filterbank.bankfile.kernel import MAX_WEIGHTS
from filterbank.errors import RequestError


def random(filters: int = 8, size: int = 5, channels: int = 1, seed: int = 0) -> Named:
    """Return normally distributed filters as (name, weights (C, F, F)).

    Each weight has mean 0 and standard deviation 1/√(C·F·F), so that an answer is about as large as the
    image's own values. The seed gives the same weights with every version of NumPy.

    Raises
    ------
    RequestError
        They would have more weights than a bank may.

    >>> [(name, weights.shape) for name, weights in random(2, size=3)]
    [('random_0', (1, 3, 3)), ('random_1', (1, 3, 3))]
    """
    return _named("random", _drawn(filters, size, channels, seed) / math.sqrt(channels * size**2))


def orthogonal(filters: int = 8, size: int = 5, channels: int = 1, seed: int = 0) -> Named:
    """Return orthonormal random filters as (name, weights (C, F, F)): Σw² = 1 each, Σw·w′ = 0 of any two.

    They are evenly distributed over all such sets: the Q of a normal matrix, its signs those of R.

    Raises
    ------
    RequestError
        There are more filters than weights in one, or too many weights.

    Source: Saxe, McClelland and Ganguli, International Conference on Learning Representations, 2014.

    >>> len(orthogonal(9, size=3))
    9
    """
    length = channels * size**2
    if filters > length:
        raise RequestError(
            f"filters: found {filters}; accepted: at most {length}, the weights of one filter, "
            "for more cannot be orthogonal"
        )
    drawn = _drawn(filters, size, channels, seed)
    q, r = np.linalg.qr(drawn.reshape(filters, length).T)
    return _named("orthogonal", (q * np.sign(np.diag(r))).T.reshape(drawn.shape))


def _drawn(filters: int, size: int, channels: int, seed: int) -> Weights:
    total = filters * channels * size**2
    if total > MAX_WEIGHTS:
        raise RequestError(
            f"found {total:,} weights; accepted: at most {MAX_WEIGHTS:,}; use fewer or smaller filters"
        )
    # The newer generators may change what they draw from one version of NumPy to the next.
    source = np.random.RandomState(seed)
    return source.standard_normal((filters, channels, size, size))


def _named(name: str, weights: Weights) -> Named:
    digits = len(str(len(weights) - 1))
    return [(f"{name}_{index:0{digits}d}", each) for index, each in enumerate(weights)]
