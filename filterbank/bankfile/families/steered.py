"""Steerable filters: a few that add up to the same filter turned to any angle."""

from __future__ import annotations

import math

import numpy as np

from filterbank.bankfile.families.sampling import Named, Weights, angle_name, axis, directions, reaching

# Freeman and Adelson's taps lie this far apart on the axis of their formulas.
SPACING = 0.67


def steerable_basis(size: int = 9, spacing: float = SPACING, dc: str = "removed") -> Named:
    """Return the basis filters G2a, G2b, G2c and H2a … H2d as (name, weights (F, F)).

    With ``e = exp(−t²)``, t growing by *spacing* a pixel, x to the right and y down:
    G2a = f1(x)·f2(y), G2b = f3(x)·f3(y), G2c = f2(x)·f1(y), and
    H2a = h1(x)·h2(y), H2b = h4(x)·h3(y), H2c = h3(x)·h4(y), H2d = h2(x)·h1(y), where
    f1 = 0.9213·(2t² − 1)·e, f2 = h2 = e, f3 = √1.843·t·e,
    h1 = 0.978·(t³ − 2.254t)·e, h3 = t·e, h4 = 0.978·(t² − 0.7515)·e.
    G2 is a second derivative of a Gaussian, H2 approximates its Hilbert transform. With *dc* ``removed``
    a multiple of the Gaussian is taken off G2a and G2c so that they sum to 0, which the taps do not
    quite; ``kept`` leaves the paper's numbers.

    Source: Freeman and Adelson, IEEE Trans. Pattern Analysis and Machine Intelligence 13:891-906, 1991.

    >>> [name for name, _ in steerable_basis()]
    ['G2a', 'G2b', 'G2c', 'H2a', 'H2b', 'H2c', 'H2d']
    """
    t = axis(reaching(0, size, 7)) * spacing
    e = np.exp(-(t**2))
    f1, f2, f3 = 0.9213 * (2 * t**2 - 1) * e, e, math.sqrt(1.843) * t * e
    h1, h2, h3, h4 = 0.978 * (t**3 - 2.254 * t) * e, e, t * e, 0.978 * (t**2 - 0.7515) * e
    if dc == "removed":
        f1 = f1 - f1.sum() / e.sum() * e
    pairs = {
        "G2a": (f1, f2),
        "G2b": (f3, f3),
        "G2c": (f2, f1),
        "H2a": (h1, h2),
        "H2b": (h4, h3),
        "H2c": (h3, h4),
        "H2d": (h2, h1),
    }
    return [(name, np.outer(down, along)) for name, (along, down) in pairs.items()]


def steering(angle: float) -> dict[str, float]:
    """Return what each basis filter counts in G2 and H2 turned by *angle*, degrees counter-clockwise.

    G2: cos², −2·cos·sin, sin²; H2: cos³, −3·cos²·sin, 3·cos·sin², −sin³.

    >>> {name: round(share, 3) for name, share in steering(90).items() if round(share, 3)}
    {'G2c': 1.0, 'H2d': -1.0}
    """
    c, s = math.cos(math.radians(angle % 360)), math.sin(math.radians(angle % 360))
    return {
        **dict(zip(("G2a", "G2b", "G2c"), (c * c, -2 * c * s, s * s), strict=True)),
        **dict(
            zip(("H2a", "H2b", "H2c", "H2d"), (c**3, -3 * c * c * s, 3 * c * s * s, -(s**3)), strict=True)
        ),
    }


def steerable(
    orientation: float = 0.0,
    orientations: int = 4,
    part: str = "pair",
    size: int = 9,
    spacing: float = SPACING,
    dc: str = "removed",
) -> Named:
    """Return G2 and H2 steered to evenly spaced angles as (name, weights (F, F)).

    *orientation* is the first angle in degrees, counter-clockwise from the right: the derivative's direction.
    *part* is ``even`` for G2, ``odd`` for H2, ``pair`` for both. The rest is that of `steerable_basis`.

    >>> [name for name, _ in steerable(orientations=2)]
    ['g2_000', 'h2_000', 'g2_090', 'h2_090']
    """
    basis = dict(steerable_basis(reaching(0, size, 2 * orientations), spacing, dc))
    kinds = {"even": ("g2",), "odd": ("h2",), "pair": ("g2", "h2")}[part]
    return [
        (f"{kind}_{angle_name(angle)}", _steered(basis, kind, angle))
        for angle in directions(orientations, orientation)
        for kind in kinds
    ]


def _steered(basis: dict[str, Weights], kind: str, angle: float) -> Weights:
    shares = {name: share for name, share in steering(angle).items() if name.lower().startswith(kind)}
    total: Weights = sum((share * basis[name] for name, share in shares.items()), np.zeros_like(basis["G2a"]))
    return total
