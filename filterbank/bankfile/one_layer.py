"""The keys of one layer -> its filters and settings: what the keys mean together.

For every filter, in this order: kernel, spread over channels, scale, turn (a convolution), normalize.
"""

from __future__ import annotations

import math
from collections.abc import Mapping as Values
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filterbank.bankfile.entries import Entry, Written
from filterbank.bankfile.kernel import MAX_WEIGHTS
from filterbank.bankfile.keys import Given
from filterbank.bankfile.kinds import LARGEST
from filterbank.bankfile.source import Faults
from filterbank.model import Activation, Bank, Combination, Filter, Layer
from filterbank.record import record

# Sums below this share of Σ|w| are rounding, and cannot be made 1.
_VANISHES = 1e-6


@record(frozen=True)
class Part:
    """One layer, and what was written for it: its keys and filters, in messages below ``where``."""

    layer: Layer
    given: dict[str, Given]
    entries: list[Entry]
    where: str = ""


@record(frozen=True)
class Built:
    """A bank, and those of its layers that are written in its own file, for warnings."""

    bank: Bank
    parts: tuple[Part, ...]

    @property
    def count(self) -> int:
        """How many maps a next layer is given."""
        return len(self.bank.filters)


@record(frozen=True)
class Wanted:
    """How many channels a layer is to take, whose wish that is, and what to change for another number."""

    channels: int
    whose: str
    note: str
    change: str


@record(frozen=True)
class ReadLayer:
    """One layer's keys as read and checked against each other; ``count`` its filters, None for unknown."""

    given: dict[str, Given]
    values: Values[str, Any]
    written: Written
    filters: tuple[Filter, ...]
    combine: tuple[Combination, ...]
    where: str

    @property
    def count(self) -> int | None:
        """How many maps the next layer is given; None where it is unknown."""
        return self.written.count

    def part(self) -> Part:
        """Return the layer; there must be no fault."""
        return Part(
            _layer(self.filters, self.combine, self.values), self.given, self.written.entries, self.where
        )


def read_layer(given: dict[str, Given], wanted: Wanted | None, faults: Faults, where: str = "") -> ReadLayer:
    """Return the layer of the keys *given*, its filters among them under ``filters`` or ``weights``."""
    values = {name: each.value for name, each in given.items() if each.value is not None}
    written: Written = values.get("filters") or values.get("weights") or Written([], None)
    filters = _filters(written.entries, values, faults)
    combine = _combine(written, values, faults)
    if written.count is not None:
        _check_groups(written.count, given, values, faults)
    _check_channels(written.entries, filters, given, values, wanted, faults)
    return ReadLayer(given, values, written, tuple(filters), combine, where)


def _combine(written: Written, values: Values[str, Any], faults: Faults) -> tuple[Combination, ...]:
    """Return the combinations with the filters that they name; none where a filter could not be read."""
    names = [entry.name for entry in written.entries]
    if written.count != len(names):
        return ()
    read = [each.resolve(names, faults) for each in values.get("combine", ())]
    return tuple(each for each in read if each is not None)


def _layer(filters: tuple[Filter, ...], combine: tuple[Combination, ...], values: Values[str, Any]) -> Layer:
    return Layer(
        combine=combine,
        filters=filters,
        stride=values.get("stride", (1, 1)),
        padding=values.get("padding", "same"),
        padding_mode=values.get("padding_mode", "zeros"),
        padding_value=values.get("padding_value", (0.0,)),
        dilation=values.get("dilation", (1, 1)),
        groups=values.get("groups", 1),
        activation=values.get("activation", Activation()),
        mean=values.get("mean", (0.0,)),
        std=values.get("std", (1.0,)),
    )


def _filters(entries: list[Entry], values: Values[str, Any], faults: Faults) -> list[Filter]:
    """Return the entries as filters in their final weights."""
    filters = []
    for entry in entries:
        weights = entry.weights[None] if entry.weights.ndim == 2 else entry.weights
        if entry.channels is not None:
            weights = weights * np.array(entry.channels)[:, None, None]
        weights = weights * entry.scale
        if values.get("operation") == "convolution":
            weights = weights[:, ::-1, ::-1]
        weights = _normalized(weights, values.get("normalize", "none"), entry, faults)
        largest = float(np.abs(weights).max())
        if largest > LARGEST:
            found = f"weights times scale reach {largest:.3g}, beyond float32"
            accepted = f"accepted: at most {LARGEST:.1e}"
            faults.add(entry.at, entry.where, found, accepted, "use a smaller scale")
        filters.append(Filter(entry.name, weights, entry.bias))
    return filters


def _normalized(weights: NDArray[np.float64], how: str, entry: Entry, faults: Faults) -> NDArray[np.float64]:
    """Return *weights* (C, F, F) brought to the sum that *how* names; a fault where they have none."""
    largest = float(np.abs(weights).max())
    if how == "none":
        return weights
    if largest > 0:
        # Squares of tiny or huge weights would leave the range of floats; a power of two rounds nothing.
        weights = np.ldexp(weights, -math.frexp(largest)[1])
    total = math.fsum(np.abs(weights).ravel())
    found, size = "all weights are 0", total
    if how == "l2":
        size = math.sqrt(math.fsum((weights**2).ravel()))
    elif how == "sum":
        size = math.fsum(weights.ravel())
        found = f"the weights sum to {'almost ' if size else ''}0"
        size = 0.0 if abs(size) <= _VANISHES * total else size
    elif how == "zero_mean_l1":
        weights = weights - math.fsum(weights.ravel()) / weights.size
        size = math.fsum(np.abs(weights).ravel())
        found, size = "all weights are equal", 0.0 if size <= _VANISHES * total else size
    if size == 0 or not math.isfinite(size):
        hint = "use another normalize" if how != "l1" else "change the kernel"
        faults.add(entry.at, entry.where, f"{found}, which normalize: {how} cannot make 1", "", hint)
        return weights
    return weights / size


def _check_groups(count: int, given: dict[str, Given], values: Values[str, Any], faults: Faults) -> None:
    """Add a fault where the filters cannot be divided into the groups."""
    groups = values.get("groups", 1)
    if count % groups:
        found = f"found {groups} with {counted(count, 'filter')}"
        faults.add(given["groups"].at, "groups", found, "accepted: a divisor of the number of filters")


def _check_channels(
    entries: list[Entry],
    filters: list[Filter],
    given: dict[str, Given],
    values: Values[str, Any],
    wanted: Wanted | None,
    faults: Faults,
) -> None:
    """Add a fault where depths, groups, lists per channel and the *wanted* channels do not agree."""
    groups: int = values.get("groups", 1)
    if wanted is not None:
        _check_per_channel(wanted.channels, given, values, faults)
        if wanted.channels % groups:
            found = f"found {groups} with {counted(wanted.channels, 'channel')}{wanted.note}"
            faults.add(given["groups"].at, "groups", found, "accepted: a divisor of the channels")
            return
    if not filters or any(name in given and name not in values for name in ("groups", "input")):
        return
    if wanted is None:
        depth: int = filters[0].weights.shape[0]
        _check_depths(entries, depth, f"like filter {filters[0].name!r} it", "input", faults)
        _check_per_channel(depth * groups, given, values, faults)
    else:
        depth = wanted.channels // groups
        whose = wanted.whose + (f" with groups {groups}" if groups > 1 else "")
        _check_depths(entries, depth, whose, wanted.change, faults)
    rows, columns = (max(each.weights.shape[axis] for each in filters) for axis in (1, 2))
    total = len(filters) * depth * rows * columns
    if total > MAX_WEIGHTS:
        found = f"found {total:,} weights ({len(filters)} filters of {depth}×{rows}×{columns})"
        holder = "filters" if "filters" in given else "weights"
        accepted = f"accepted: at most {MAX_WEIGHTS:,}"
        faults.add(given[holder].at, holder, found, accepted, "split the bank")


def counted(count: int, what: str) -> str:
    """Return *count* of something in words."""
    return f"{count} {what}" + ("s" if count != 1 else "")


def _check_depths(entries: list[Entry], depth: int, whose: str, change: str, faults: Faults) -> None:
    """Add a fault for every filter that is not *depth* deep, as *whose* is."""
    for entry in entries:
        planes = entry.weights.shape[0] if entry.weights.ndim == 3 else 1
        own = planes if entry.channels is None else len(entry.channels)
        if own == depth:
            continue
        hint = f"write {counted(depth, 'plane')} or change {change}"
        if entry.channels is not None:
            hint = "remove channels" if depth == 1 else f"give {depth} numbers"
            hint += f" or change {change}"
        elif own == 1:
            ones = ", ".join(["1"] * depth) if depth <= 4 else "one number per channel"
            hint = f"spread it with channels: [{ones}], or "
            hint += "say input: each" if change == "input" else f"change {change}"
        found = f"found a depth of {own} (planes or channels), {whose} needs {depth}"
        faults.add(entry.depth_at, entry.where, found, f"accepted: a depth of {depth}", hint)


def _check_per_channel(
    channels: int, given: dict[str, Given], values: Values[str, Any], faults: Faults
) -> None:
    """Add a fault for every list per channel that is not as long as there are channels."""
    for name in ("mean", "std", "padding_value"):
        length = len(values.get(name, (0,)))
        if length not in (1, channels):
            found = f"found a list of {length} for {counted(channels, 'channel')}"
            faults.add(given[name].at, name, found, f"accepted: a number or a list of {channels}")
