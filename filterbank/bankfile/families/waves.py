"""Gabor filters: a wave under a Gaussian, by wavelength and σ, or exactly as two libraries make them."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from filterbank.bankfile.families.sampling import (
    Named,
    Weights,
    angle_name,
    axis,
    directions,
    grid,
    number_name,
    reaching,
    turned,
)
from filterbank.errors import RequestError

PARTS = ("even", "odd", "pair")
# Where the Gaussian is cut off, in standard deviations.
SUPPORT = 3.0


def sigma_of(wavelength: float, bandwidth: float) -> float:
    """Return σ in pixels of a wave whose spectrum is *bandwidth* octaves wide at half its height.

    ``σ = λ/π·√(ln 2/2)·(2^b + 1)/(2^b − 1)``

    >>> round(sigma_of(8, 1), 4)
    4.4974
    """
    octaves: float = 2**bandwidth
    return wavelength / math.pi * math.sqrt(math.log(2) / 2) * (octaves + 1) / (octaves - 1)


def wave(
    x: Weights,
    y: Weights,
    frequency: float,
    angle: float,
    sigmas: tuple[float, float],
    phase: float = 0.0,
    dc: str = "removed",
) -> NDArray[np.complex128]:
    """Return a complex Gabor filter at the places x, y (pixels): its even part real, its odd part imaginary.

    ``exp(−½(u²/σ_u² + v²/σ_v²))·(exp(i(2πf·u + φ)) − κ)/(2π·σ_u·σ_v)``, u along and v across the direction
    *angle* (degrees from the right towards the bottom), *frequency* f in cycles a pixel, *phase* φ in
    degrees. κ is 0 where *dc* is ``kept``; where it is ``removed``, κ makes the sum of the weights 0.
    """
    u, v = turned(x, y, angle)
    envelope = np.exp(-0.5 * ((u / sigmas[0]) ** 2 + (v / sigmas[1]) ** 2))
    envelope /= 2 * math.pi * sigmas[0] * sigmas[1]
    carrier = np.exp(1j * (2 * math.pi * frequency * u + math.radians(phase % 360)))
    if dc == "removed":
        carrier -= (envelope * carrier).sum() / envelope.sum()
    both: NDArray[np.complex128] = envelope * carrier
    return both


def parts(name: str, both: NDArray[np.complex128], part: str) -> Named:
    """Return the even or the odd part of a complex filter under *name*, or both with their names after it."""
    if part == "pair":
        return [(f"{name}_even", both.real.copy()), (f"{name}_odd", both.imag.copy())]
    return [(name, (both.real if part == "even" else both.imag).copy())]


def gabor(
    wavelength: float,
    orientation: float = 0.0,
    orientations: int = 1,
    sigma: float | None = None,
    bandwidth: float | None = None,
    aspect: float = 0.5,
    phase: float = 0.0,
    part: str = "even",
    dc: str = "removed",
    size: int | None = None,
) -> Named:
    """Return Gabor filters in evenly spaced directions as (name, weights (F, F)).

    ``exp(−(u² + γ²v²)/2σ²)·cos(2πu/λ + φ)·γ/(2πσ²)`` less what makes its sum 0, u along and v across the
    wave's direction; the odd part has sin for cos. A grating of amplitude 1 that fits is answered by ½.

    Parameters
    ----------
    wavelength
        λ in pixels.
    orientation, orientations
        The wave's direction in degrees from the right towards the bottom, as in scikit-image and OpenCV;
        with several, the others divide the half turn evenly.
    sigma, bandwidth
        σ of the Gaussian along the wave in pixels, or the spectrum's width in octaves; 1 without either.
    aspect
        γ: σ across the wave is σ/γ.
    phase
        φ in degrees.
    part
        ``even``, ``odd``, or ``pair`` for both, named after the direction with ``_even`` and ``_odd``.
    dc
        ``removed``: a multiple of the Gaussian is taken off so that the weights sum to 0; ``kept``: plain.
    size
        Rows and columns; without it 3σ to every side.

    Raises
    ------
    RequestError
        Both *sigma* and *bandwidth* are given, or the filters are too large.

    Source: Daugman, Journal of the Optical Society of America A 2:1160-1169, 1985.

    >>> [name for name, _ in gabor(8, orientations=3)]
    ['gabor_8_000', 'gabor_8_060', 'gabor_8_120']
    """
    if sigma is not None and bandwidth is not None:
        raise RequestError("found sigma and bandwidth together; accepted: one of them; remove the other")
    along = sigma_of(wavelength, 1.0 if bandwidth is None else bandwidth) if sigma is None else sigma
    sigmas = along, along / aspect
    n = reaching(SUPPORT * max(sigmas), size, orientations * (2 if part == "pair" else 1))
    x, y = grid(n)
    filters: Named = []
    for angle in directions(orientations, orientation):
        both = wave(x, y, 1 / wavelength, angle, sigmas, phase, dc)
        filters += parts(f"gabor_{number_name(wavelength)}_{angle_name(angle)}", both, part)
    return filters


def gabor_skimage(
    frequency: float,
    theta: float = 0.0,
    bandwidth: float = 1.0,
    sigma_x: float | None = None,
    sigma_y: float | None = None,
    n_stds: float = 3.0,
    offset: float = 0.0,
    part: str = "even",
) -> Named:
    """Return the kernel of scikit-image's ``gabor_kernel``, its real or imaginary part or both.

    ``exp(−½(u²/σ_x² + v²/σ_y²))·exp(i(2πf·u + φ))/(2π·σ_x·σ_y)`` as it is, its sum not made 0. *frequency* in
    cycles a pixel; *theta* and *offset* in degrees here; σ in pixels, from the *bandwidth* in octaves
    where it is not given; *n_stds* says how many σ the rectangle of pixels reaches. The library convolves.

    >>> (name, weights), = gabor_skimage(0.2, theta=45)
    >>> name, weights.shape
    ('gabor_0.2_045', (13, 13))
    """
    usual = sigma_of(1 / frequency, bandwidth)
    sigmas = usual if sigma_x is None else sigma_x, usual if sigma_y is None else sigma_y
    turn = math.radians(theta % 360)
    cosine, sine = abs(math.cos(turn)), abs(math.sin(turn))
    across, down = n_stds * sigmas[0], n_stds * sigmas[1]
    wide = reaching(max(across * cosine, down * sine, 1))
    tall = reaching(max(down * cosine, across * sine, 1))
    x, y = np.broadcast_arrays(axis(wide), axis(tall)[:, None])
    both = wave(x, y, frequency, theta, sigmas, offset, "kept")
    return parts(f"gabor_{frequency:.4g}_{angle_name(theta)}", both, part)


def gabor_opencv(
    size: int, sigma: float, lambd: float, theta: float = 0.0, gamma: float = 1.0, psi: float = 90.0
) -> Named:
    """Return the kernel of OpenCV's ``getGaborKernel`` as (name, weights (F, F)), stored turned by 180°.

    ``exp(−(u² + γ²v²)/2σ²)·cos(2πu/λ + ψ)``, not normalised, at the place mirrored in the middle: the library
    correlates with it. Its names and units, but *theta* and *psi* in degrees. An even *size* gives one more.

    >>> [(name, weights.shape) for name, weights in gabor_opencv(4, 2, 8)]
    [('gabor_8_000', (5, 5))]
    """
    x, y = grid(2 * (size // 2) + 1)
    u, v = turned(-x, -y, theta)
    weights: Weights = np.exp(-(u**2 + (gamma * v) ** 2) / (2 * sigma**2))
    weights *= np.cos(2 * math.pi / lambd * u + math.radians(psi % 360))
    return [(f"gabor_{number_name(lambd)}_{angle_name(theta)}", weights)]
