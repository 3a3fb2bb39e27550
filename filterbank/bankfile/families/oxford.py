"""Banks for telling textures apart, as written down by the Visual Geometry Group in Oxford.

All are written for true convolution: in a bank say ``operation: convolution``, or edges change their
sign. x grows to the right and y *upwards*; N(f) = (f − mean f)/Σ|f − mean f|.
"""

from __future__ import annotations

import math

import numpy as np

from filterbank.bankfile.families.sampling import (
    Named,
    Weights,
    angle_name,
    grid,
    number_name,
    reaching,
    zero_mean_l1,
)

ORIENTATIONS = 6
# Times √2 from step to step; the oriented filters use the first three.
BASES = {"small": 1.0, "large": math.sqrt(2)}
# (σ, τ) of the rings: how wide, and how many half waves in a σ.
RINGS = (
    *((2, 1), (4, 1), (4, 2), (6, 1), (6, 2), (6, 3)),
    *((8, 1), (8, 2), (8, 3), (10, 1), (10, 2), (10, 3), (10, 4)),
)


def leung_malik(variant: str = "large", size: int = 49) -> Named:
    """Return the 48 filters of Leung and Malik as (name, weights (F, F)).

    18 edges and 18 bars, N(g(x′; 3σ)·∂g/∂y′(y′; σ)) and the same with ∂²g/∂y′², at three scales and six
    orientations: ``x′ = x·cos θ − y·sin θ``, ``y′ = x·sin θ + y·cos θ``, θ = 0, 30, … 150°, y upwards, so
    that the long axis turns clockwise. Then N of a Gaussian, of the Laplacian of a Gaussian with σ and of one
    with 3σ, at four scales. σ (pixels) is 1, √2, 2, 2√2 in the *small* set and √2 times that in the
    *large* one. Every filter has Σw = 0 and Σ|w| = 1.

    Source: Leung and Malik, International Journal of Computer Vision 43:29-44, 2001. Ports with scales
    √2·(1, 2, 3), or with r² − σ² in the Laplacian, are other banks.

    >>> names = [name for name, _ in leung_malik()]
    >>> len(names), names[0], names[18], names[-3:]
    (48, 'edge_1.41_000', 'bar_1.41_000', ['gaussian_4', 'log_4', 'log_12'])
    """
    sigmas = [BASES[variant] * 2 ** (step / 2) for step in range(4)]
    reaching(0, size, 48)
    blobs: Named = []
    for sigma in sigmas:
        blobs.append((f"gaussian_{number_name(sigma)}", _gaussian(sigma, size)))
        blobs += [(f"log_{number_name(own)}", _laplacian(own, size)) for own in (sigma, 3 * sigma)]
    return _oriented(sigmas[:3], size) + blobs


def rfs(variant: str = "rfs", size: int = 49) -> Named:
    """Return the 38 filters behind Varma and Zisserman's maximum responses as (name, weights (F, F)).

    Edges and bars as in `leung_malik`, at σ = 1, 2, 4 pixels and six orientations, then N of a Gaussian and
    of the Laplacian of a Gaussian, both with σ = 10. The maximum over the orientations of each kind and
    scale makes 8 maps of them, MR8. The variant *mr4* has the oriented filters of σ = 4 alone: 14 filters.

    Source: Varma and Zisserman, International Journal of Computer Vision 62:61-81, 2005.

    >>> len(rfs()), [name for name, _ in rfs("mr4")][-3:]
    (38, ['bar_4_150', 'gaussian_10', 'log_10'])
    """
    reaching(0, size, 38)
    sigmas = [1.0, 2.0, 4.0] if variant == "rfs" else [4.0]
    blobs = [("gaussian_10", _gaussian(10, size)), ("log_10", _laplacian(10, size))]
    return _oriented(sigmas, size) + blobs


def schmid(size: int = 49) -> Named:
    """Return Schmid's 13 rings as (name, weights (F, F)): N(cos(π·τ·r/σ)·exp(−r²/2σ²)), r in pixels.

    Names are ``schmid_σ_τ``. They look the same from all sides, so that no texture's turn matters.

    Source: Schmid, Computer Vision and Pattern Recognition, 2001.

    >>> [name for name, _ in schmid()][:3]
    ['schmid_2_1', 'schmid_4_1', 'schmid_4_2']
    """
    reaching(0, size, len(RINGS))
    x, y = grid(size)
    r = np.sqrt(x**2 + y**2)
    return [
        (
            f"schmid_{sigma}_{tau}",
            zero_mean_l1(np.cos(math.pi * tau * r / sigma) * np.exp(-(r**2) / (2 * sigma**2))),
        )
        for sigma, tau in RINGS
    ]


def _oriented(sigmas: list[float], size: int) -> Named:
    """Return edges, then bars; scale by scale, and in each scale orientation by orientation."""
    x, down = grid(size)
    filters = []
    for order, kind in ((1, "edge"), (2, "bar")):
        for sigma in sigmas:
            for step in range(ORIENTATIONS):
                angle = step * 180 / ORIENTATIONS
                cosine, sine = math.cos(math.radians(angle)), math.sin(math.radians(angle))
                along, across = x * cosine + down * sine, x * sine - down * cosine
                wave = _gauss(along, 3 * sigma, 0) * _gauss(across, sigma, order)
                filters.append((f"{kind}_{number_name(sigma)}_{angle_name(angle)}", zero_mean_l1(wave)))
    return filters


def _gauss(t: Weights, sigma: float, order: int) -> Weights:
    """Return the Gaussian of *t*, or its first or second derivative."""
    g: Weights = np.exp(-(t**2) / (2 * sigma**2)) / math.sqrt(2 * math.pi * sigma**2)
    return (g, -g * t / sigma**2, g * (t**2 - sigma**2) / sigma**4)[order]


def _gaussian(sigma: float, size: int) -> Weights:
    x, y = grid(size)
    return zero_mean_l1(np.exp(-(x**2 + y**2) / (2 * sigma**2)))


def _laplacian(sigma: float, size: int) -> Weights:
    x, y = grid(size)
    r2 = x**2 + y**2
    return zero_mean_l1((r2 - 2 * sigma**2) * np.exp(-r2 / (2 * sigma**2)))
