"""Families: entries of a bank file that stand for filters made from a few parameters.

A family is one pure function and one line of FAMILIES; reader, JSON Schema and documentation
follow from that line.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filterbank.bankfile.families import classic
from filterbank.bankfile.families.laws import laws
from filterbank.bankfile.keys import Key
from filterbank.bankfile.kinds import Choice, Integer, Number
from filterbank.dataclass import dataclass

Made = NDArray[np.float64] | list[tuple[str, NDArray[np.float64]]]

MAX_SIZE = 1023
MAX_SIGMA = 170.0  # 3σ within MAX_SIZE

_SIZE = Key("size", Integer(1, MAX_SIZE), "rows and columns", required=True)
_SIGMA = Key("sigma", Number(above=0, high=MAX_SIGMA), "standard deviation in pixels", required=True)
_CUT = Key("size", Integer(1, MAX_SIZE), "rows and columns; without it 3 sigma to every side")

_ODD = Key("size", Integer(1, MAX_SIZE, odd=True), _CUT.doc)


@dataclass(frozen=True)
class Family:
    """A function that makes one filter, or several named ones, and the keys it takes."""

    make: Callable[..., Made]
    parameters: tuple[Key, ...]
    doc: str

    def filters(self, name: str, given: dict[str, Any]) -> list[tuple[str, NDArray[np.float64]]]:
        """Return the filters for the parameters *given*, named after them.

        >>> [name for name, _ in FAMILIES["gaussian"].filters("gaussian", {"sigma": 1.5})]
        ['gaussian_sigma1.5']
        """
        made = self.make(**given)
        if isinstance(made, list):
            return made
        return [("_".join([name, *(f"{key}{_text(value)}" for key, value in given.items())]), made)]


def _text(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.6g}".replace("+", "")


FAMILIES: dict[str, Family] = {
    "identity": Family(classic.identity, (), "1×1, passes the image on"),
    "box": Family(classic.box, (_SIZE,), "mean over a square: 1/F²"),
    "gaussian": Family(classic.gaussian, (_SIGMA, _CUT), "sampled Gaussian, its weights summing to 1"),
    "binomial": Family(classic.binomial, (_SIZE,), "row of Pascal's triangle times itself, summing to 1"),
    "unsharp": Family(
        classic.unsharp,
        (Key("amount", Number(low=0, high=1000), "how much is added", required=True), _SIGMA, _ODD),
        "δ + amount·(δ − Gaussian): sharpens",
    ),
    "motion": Family(
        classic.motion,
        (
            Key("length", Number(above=0, high=MAX_SIZE), "pixels moved over", required=True),
            Key("angle", Number(), "degrees, counter-clockwise from the right", default=0),
        ),
        "blur of a straight move",
    ),
    "laws": Family(
        laws,
        (
            Key("size", Integer(3, 5, odd=True), "5 taps (25 filters) or 3 (9 filters)", default=5),
            Key("normalize", Choice(("l2", "none")), "divide each vector by its length", default="l2"),
        ),
        "Laws' texture filters: all pairs of 5 or 3 vectors",
    ),
}
