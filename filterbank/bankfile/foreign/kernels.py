"""What every foreign format gives: kernels with names where it has some; and how it says what is wrong."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from filterbank.bankfile.source import NOWHERE, Source
from filterbank.errors import BankError
from filterbank.record import record


@record(frozen=True)
class Kernel:
    """One kernel (F, F) or (C, F, F), slid as it is written, its bias, and its name where it has one."""

    weights: NDArray[np.float64]
    bias: float = 0.0
    name: str = ""


def refusal(source: Source, at: int, found: str, accepted: str = "", hint: str = "") -> BankError:
    """Return the error that something at the offset *at* of the *source* cannot be used."""
    return BankError([source.fault(at, "", found, accepted, hint)])


def number(source: Source, text: str, at: int) -> float:
    """Return the finite number that *text*, at the offset *at*, writes.

    Raises
    ------
    BankError
        It is none.
    """
    try:
        value = float(text.replace("_", "?"))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise refusal(source, at, f"found {text[:40]!r}", "accepted: a finite number")
    return value


def matrix(source: Source, rows: list[list[float]], at: int = NOWHERE) -> NDArray[np.float64]:
    """Return *rows* as an array (F, F).

    Raises
    ------
    BankError
        There are none, or they are not equally long.
    """
    lengths = [len(row) for row in rows]
    if not rows or min(lengths) == 0:
        raise refusal(source, at, "found no numbers", "accepted: rows of numbers")
    if len(set(lengths)) > 1:
        odd = next(index for index, length in enumerate(lengths, 1) if length != lengths[0])
        found = f"row {odd} has {lengths[odd - 1]} numbers, row 1 has {lengths[0]}"
        raise refusal(source, at, found, "", "make all rows equal")
    return np.array(rows, np.float64)
