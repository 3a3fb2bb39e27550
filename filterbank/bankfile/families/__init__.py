"""Families: filters made from a few parameters, as pure functions and as entries of a bank file.

    >>> from filterbank import families
    >>> [name for name, _ in families.gabor(wavelength=8, orientations=2)]
    ['gabor_8_000', 'gabor_8_090']

A function returns one array of weights, (F, F) or (C, F, F) float64, or a list of (name, weights) where it
makes several. Asked for here, it refuses values that its family does not declare. Modules are imported
when a function of theirs is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from filterbank.bankfile.families.bases import dct as dct
    from filterbank.bankfile.families.bases import frei_chen as frei_chen
    from filterbank.bankfile.families.bases import haar as haar
    from filterbank.bankfile.families.classic import binomial as binomial
    from filterbank.bankfile.families.classic import box as box
    from filterbank.bankfile.families.classic import disc as disc
    from filterbank.bankfile.families.classic import gaussian as gaussian
    from filterbank.bankfile.families.classic import identity as identity
    from filterbank.bankfile.families.classic import motion as motion
    from filterbank.bankfile.families.classic import unsharp as unsharp
    from filterbank.bankfile.families.compass import kirsch as kirsch
    from filterbank.bankfile.families.compass import prewitt_compass as prewitt_compass
    from filterbank.bankfile.families.compass import robinson as robinson
    from filterbank.bankfile.families.derivatives import dog as dog
    from filterbank.bankfile.families.derivatives import gaussian_derivative as gaussian_derivative
    from filterbank.bankfile.families.derivatives import jet as jet
    from filterbank.bankfile.families.derivatives import log as log
    from filterbank.bankfile.families.family import Family as Family
    from filterbank.bankfile.families.gradients import farid as farid
    from filterbank.bankfile.families.gradients import prewitt as prewitt
    from filterbank.bankfile.families.gradients import roberts as roberts
    from filterbank.bankfile.families.gradients import scharr as scharr
    from filterbank.bankfile.families.gradients import sobel as sobel
    from filterbank.bankfile.families.oxford import leung_malik as leung_malik
    from filterbank.bankfile.families.oxford import rfs as rfs
    from filterbank.bankfile.families.oxford import schmid as schmid
    from filterbank.bankfile.families.seeded import orthogonal as orthogonal
    from filterbank.bankfile.families.seeded import random as random
    from filterbank.bankfile.families.steered import steerable as steerable
    from filterbank.bankfile.families.steered import steerable_basis as steerable_basis
    from filterbank.bankfile.families.steered import steering as steering
    from filterbank.bankfile.families.table import FAMILIES as FAMILIES
    from filterbank.bankfile.families.table import KINS as KINS
    from filterbank.bankfile.families.texture import laws as laws
    from filterbank.bankfile.families.wavelets import log_gabor as log_gabor
    from filterbank.bankfile.families.wavelets import manjunath_ma as manjunath_ma
    from filterbank.bankfile.families.wavelets import morlet as morlet
    from filterbank.bankfile.families.waves import gabor as gabor
    from filterbank.bankfile.families.waves import gabor_opencv as gabor_opencv
    from filterbank.bankfile.families.waves import gabor_skimage as gabor_skimage


def __getattr__(name: str) -> Any:
    from filterbank.bankfile.families.table import FAMILIES, KINS  # noqa: PLC0415

    if name in ("FAMILIES", "KINS"):
        return FAMILIES if name == "FAMILIES" else KINS
    if name == "steering":
        return import_module(f"{__name__}.steered").steering
    if name not in FAMILIES:
        raise AttributeError(f"module 'filterbank.families' has no attribute {name!r}")
    return FAMILIES[name].checked()


def __dir__() -> list[str]:
    from filterbank.bankfile.families.table import FAMILIES  # noqa: PLC0415

    return sorted(("FAMILIES", "KINS", "steering", *FAMILIES))
