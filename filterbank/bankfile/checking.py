"""What is wrong with a bank file, and what is doubtful."""

from __future__ import annotations

import math
import os

import numpy as np

from filterbank.bankfile.one_layer import Built, Part
from filterbank.bankfile.reading import read
from filterbank.bankfile.source import Faults, Source
from filterbank.errors import BankError, Fault
from filterbank.model import Bank
from filterbank.record import record

# Below the first a sum counts as zero; up to the second it looks as if it should have been.
_ZERO_SUM = 1e-6
_ALMOST_ZERO_SUM = 1e-2
_EQUAL = 1e-3


@record(frozen=True, eq=False)
class Checked:
    """A checked file: the bank where it has no faults, the faults, and the warnings."""

    bank: Bank | None
    faults: tuple[Fault, ...] = ()
    warnings: tuple[Fault, ...] = ()


def check(reference: str | os.PathLike[str]) -> Checked:
    """Return every fault and warning of the bank at a path, or of a shipped bank.

    Raises
    ------
    RequestError
        There is no such file or bank, or it cannot be opened.

    Examples
    --------
    >>> checked = check("sobel")
    >>> checked.bank.name, checked.faults, checked.warnings
    ('sobel', (), ())
    """
    try:
        built, source = read(reference)
    except BankError as error:
        return Checked(None, error.faults)
    return Checked(built.bank, (), tuple(_warnings(built, source)))


def _warnings(built: Built, source: Source) -> list[Fault]:
    faults = Faults(source)
    for part in built.parts:
        found = _idle_value(part) + _idle_filters(part)
        if "filters" in part.given:
            # Learnt weights are what they are: their sums and sizes are nobody's slip.
            found += _vanishing_sums(part) + _unstated_operation(part) + _unequal_sizes(part)
        for each in sorted(found):
            faults.inside(part.where).add(*each)
    return list(faults.listed())


_Found = tuple[int, str, str, str, str]


def _vanishing_sums(part: Part) -> list[_Found]:
    """Return the filters that were perhaps meant to sum to zero."""
    found = []
    for entry, each in zip(part.entries, part.layer.filters, strict=True):
        total, size = math.fsum(each.weights.ravel()), math.fsum(np.abs(each.weights).ravel())
        if _ZERO_SUM * size < abs(total) <= _ALMOST_ZERO_SUM * size:
            said = f"the weights sum to {total:.3g}, which almost vanishes beside Σ|w| = {size:.3g}"
            hint = "write more digits, or normalize: zero_mean_l1"
            found.append((entry.at, entry.where, said, "a sum of exactly 0 makes a signed response", hint))
    return found


def _unstated_operation(part: Part) -> list[_Found]:
    """Return the first kernel for which turning matters where the file does not say which is meant."""
    if "operation" in part.given:
        return []
    for entry, each in zip(part.entries, part.layer.filters, strict=True):
        # A family says itself which way round it is.
        if not entry.is_family and not np.array_equal(each.weights, each.weights[:, ::-1, ::-1]):
            said = "the kernel is not symmetric and operation is not stated"
            hint = "say which is meant"
            meant = "operation: correlation is assumed; convolution would turn it by 180°"
            return [(entry.at, entry.where, said, meant, hint)]
    return []


def _unequal_sizes(part: Part) -> list[_Found]:
    """Return a warning where maps are not comparable because Σ|w| differs and normalize is not stated."""
    if "normalize" in part.given:
        return []
    sizes = [math.fsum(np.abs(each.weights).ravel()) for each in part.layer.filters]
    low, high = min(sizes), max(sizes)
    if high - low <= _EQUAL * high:
        return []
    names = [part.layer.filters[sizes.index(size)].name for size in (low, high)]
    said = f"Σ|w| differs: {low:.4g} for {names[0]!r}, {high:.4g} for {names[1]!r}"
    hint = "normalize: l1 makes the maps comparable; normalize: none says that it is meant"
    return [(part.given["filters"].at, "filters", said, "", hint)]


def _idle_value(part: Part) -> list[_Found]:
    """Return a warning where padding_value is given but not used."""
    layer = part.layer
    if layer.padding_mode == "constant" or not any(layer.padding_value):
        return []
    said = f"has no effect with padding_mode {layer.padding_mode}"
    return [(part.given["padding_value"].at, "padding_value", said, "", "say padding_mode: constant")]


def _idle_filters(part: Part) -> list[_Found]:
    """Return a warning where filters are computed for no map."""
    combine = part.layer.combine
    used = {name for each in combine for name in each.filters}
    idle = [name for name in part.layer.names if name not in used]
    if not combine or not idle:
        return []
    shown = ", ".join(idle[:5]) + (", …" if len(idle) > 5 else "")
    said = f"{len(idle)} filter{'s' * (len(idle) > 1)} of no entry: {shown}"
    return [(part.given["combine"].at, "combine", said, "", "pass their maps on with keep, or remove them")]
