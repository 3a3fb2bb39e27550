"""Whole sets of waves that cover the scales and directions of an image: finest scale first."""

from __future__ import annotations

import math

import numpy as np

from filterbank.bankfile.families.sampling import Named, angle_name, directions, grid, reaching
from filterbank.bankfile.families.waves import SUPPORT, parts, wave
from filterbank.errors import RequestError


def manjunath_ma(
    low: float = 0.05,
    high: float = 0.4,
    scales: int = 4,
    orientations: int = 6,
    part: str = "pair",
    dc: str = "removed",
    size: int | None = None,
) -> Named:
    """Return the Gabor wavelets of Manjunath and Ma as (name, weights (F, F)), from s0_000_even on.

    Scale m is ``a^(−m)`` times the finest in frequency and height, with ``a = (U_h/U_l)^(1/(S − 1))``; *low*
    U_l and *high* U_h are the centre frequencies of the coarsest and the finest in cycles a pixel. The
    ellipses of half height touch: ``σ_u = (a − 1)·U_h/((a + 1)·√(2 ln 2))`` and
    ``σ_v = tan(π/2K)·√(U_h²/(2 ln 2) − σ_u²)``; in pixels σ_x = 1/(2πσ_u), σ_y = 1/(2πσ_v). Directions are
    those of `gabor`, and filters reach 3σ to every side, scale by scale, unless a size is given.

    The paper prints ``ln(2σ_u²/U_h)`` in σ_v, where touching ellipses, and its authors' program, have
    ``(2 ln 2)·σ_u²/U_h``; this is the latter.

    Raises
    ------
    RequestError
        *low* is not below *high*, or the filters are too large.

    Source: Manjunath and Ma, IEEE Trans. Pattern Analysis and Machine Intelligence 18:837-842, 1996.

    >>> len(manjunath_ma()), manjunath_ma()[0][0]
    (48, 's0_000_even')
    """
    if not low < high:
        raise RequestError(f"low: found {low:g}, high is {high:g}; accepted: low below high")
    a = (high / low) ** (1 / (scales - 1))
    sigma_u = (a - 1) * high / ((a + 1) * math.sqrt(2 * math.log(2)))
    sigma_v = math.tan(math.pi / (2 * orientations)) * math.sqrt(high**2 / (2 * math.log(2)) - sigma_u**2)
    sigmas = 1 / (2 * math.pi * sigma_u), 1 / (2 * math.pi * sigma_v)
    filters: Named = []
    for m in range(scales):
        own = sigmas[0] * a**m, sigmas[1] * a**m
        x, y = grid(reaching(SUPPORT * max(own), size, 2 * scales * orientations))
        for angle in directions(orientations):
            # Height a^(−m)/(2πσ_xσ_y) of the finest, a^m times that of a Gaussian that sums to 1.
            both = a**m * wave(x, y, high / a**m, angle, own, dc=dc)
            filters += parts(f"s{m}_{angle_name(angle)}", both, part)
    return filters


def morlet(scales: int = 4, orientations: int = 8, part: str = "pair", size: int | None = None) -> Named:
    """Return the Morlet wavelets of scattering networks as (name, weights (F, F)), from s0_000_even on.

    At scale j: σ = 0.8·2^j pixels along the wave and σ·L/4 across it, ξ = ¾π/2^j radians a pixel, the sum
    made 0 by a multiple of the Gaussian, which itself sums to 1. L is *orientations*; directions are those
    of `gabor`.

    Source: Bruna and Mallat, IEEE Trans. Pattern Analysis and Machine Intelligence 35:1872-1886, 2013.

    >>> [weights.shape for _, weights in morlet(orientations=1, part="even")]
    [(7, 7), (11, 11), (21, 21), (41, 41)]
    """
    filters: Named = []
    for j in range(scales):
        sigma, xi = 0.8 * 2**j, 0.75 * math.pi / 2**j
        sigmas = sigma, sigma * orientations / 4
        x, y = grid(reaching(SUPPORT * max(sigmas), size, 2 * scales * orientations))
        for angle in directions(orientations):
            both = wave(x, y, xi / (2 * math.pi), angle, sigmas)
            filters += parts(f"s{j}_{angle_name(angle)}", both, part)
    return filters


def log_gabor(
    wavelength: float = 3.0,
    factor: float = 2.0,
    scales: int = 4,
    orientations: int = 6,
    width: float = 0.65,
    overlap: float = 1.5,
    part: str = "pair",
    size: int | None = None,
) -> Named:
    """Return log-Gabor filters as (name, weights (F, F)), from s0_000_even on.

    Made in the frequency domain, ``exp(−ln²(f/f₀)/(2 ln²k))·exp(−Δθ²/2σ_θ²)`` with G(0) = 0, on the F×F
    frequencies of the kernel itself, and brought to pixels by the inverse transform, 0 in its middle.

    Parameters
    ----------
    wavelength, factor, scales
        1/f₀ of the finest scale in pixels, and what it is multiplied by from scale to scale.
    width
        k: the width as a ratio of frequencies; 0.74 is about one octave, 0.55 two.
    orientations, overlap
        How many directions, as in `gabor`; σ_θ is their distance divided by *overlap*.
    part
        ``even``, ``odd`` or ``pair``.
    size
        Rows and columns, odd; without it 1.5 wavelengths to every side, scale by scale.

    Source: Field, Journal of the Optical Society of America A 4:2379-2394, 1987.

    >>> [weights.shape for _, weights in log_gabor(orientations=1, part="even")]
    [(11, 11), (19, 19), (37, 37), (73, 73)]
    """
    sigma = math.pi / orientations / overlap
    filters: Named = []
    for scale in range(scales):
        own = wavelength * factor**scale
        n = reaching(1.5 * own, size, 2 * scales * orientations)
        u = np.fft.fftfreq(n)
        v = u[:, None]
        radius = np.hypot(u, v)
        radius[0, 0] = 1  # its logarithm is not wanted
        radial = np.exp(-(np.log(radius * own) ** 2) / (2 * math.log(width) ** 2))
        radial[0, 0] = 0
        for angle in directions(orientations):
            turn = math.radians(angle)
            apart = np.arctan2(
                v * math.cos(turn) - u * math.sin(turn), u * math.cos(turn) + v * math.sin(turn)
            )
            spectrum = radial * np.exp(-(apart**2) / (2 * sigma**2))
            both = np.fft.fftshift(np.fft.ifft2(spectrum))
            filters += parts(f"s{scale}_{angle_name(angle)}", both, part)
    return filters
