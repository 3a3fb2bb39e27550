"""A bank's tree -> model.Bank: what the keys mean together.

For every filter, in this order: kernel, spread over channels, scale, turn (a convolution), normalize.
"""

from __future__ import annotations

import math
from collections.abc import Mapping as Values
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filterbank.bankfile.canonical import digest
from filterbank.bankfile.entries import Entry, Written
from filterbank.bankfile.kernel import MAX_WEIGHTS
from filterbank.bankfile.keys import Given, read_mapping
from filterbank.bankfile.kinds import LARGEST, clean_name
from filterbank.bankfile.nodes import Mapping, Node, describe
from filterbank.bankfile.schema import BANK_KEYS, FILTERS_KEY, HOMES
from filterbank.bankfile.source import Faults
from filterbank.model import INPUT_CHANNELS, Activation, Bank, Combination, Filter, Layer, Stack

_INPUT_OF_DEPTH: dict[int, str | int] = {1: "gray", 3: "rgb", 4: "rgba"}
# Sums below this share of Σ|w| are rounding, and cannot be made 1.
_VANISHES = 1e-6


@dataclass(frozen=True)
class Built:
    """A bank and what was written in its file, for warnings."""

    bank: Bank
    given: dict[str, Given]
    entries: list[Entry]


def build(node: Node, faults: Faults) -> Built:
    """Return the bank that *node* describes.

    Raises
    ------
    BankError
        Anything is wrong; all of it is in the error.
    """
    if not isinstance(node, Mapping):
        faults.add(node.at, "", describe(node), "accepted: a mapping with at least the key filters")
        faults.raise_if_any()
        raise AssertionError
    given = read_mapping(node, BANK_KEYS, "", faults, HOMES)
    _check_one_of_two(node, given, faults)
    return assemble(given, faults)


def assemble(given: dict[str, Given], faults: Faults) -> Built:
    """Return the bank of the keys *given*, its filters among them under ``filters`` or ``weights``.

    Raises
    ------
    BankError
        They do not fit each other, or a fault was found before.
    """
    values = {name: each.value for name, each in given.items() if each.value is not None}
    written: Written = values.get("filters") or values.get("weights") or Written([], None)
    entries = written.entries
    filters = _filters(entries, values, faults)
    combine = _combine(written, values, faults)
    if written.count is not None:
        _check_groups(written.count, given, values, faults)
    channels = _channels(entries, filters, given, values, faults)
    faults.raise_if_any()
    name = values.get("name") or clean_name(Path(faults.source.path).stem) or "bank"
    bank = Bank(
        name=name,
        stack=Stack((_layer(tuple(filters), combine, values),)),
        input=values.get("input", _INPUT_OF_DEPTH.get(channels, channels)),
        description=values.get("description", ""),
        source=values.get("source", ""),
    )
    return Built(replace(bank, digest=digest(bank)), given, entries)


def _check_one_of_two(node: Mapping, given: dict[str, Given], faults: Faults) -> None:
    """Add a fault where there are no filters, or both written ones and those of a file."""
    if "filters" in given and "weights" in given:
        found, accepted = "found filters and weights together", "accepted: one of the two"
        at = max(given["filters"].key_at, given["weights"].key_at)
        faults.add(at, "", found, accepted, "remove one of them, or make them two banks")
    elif "filters" not in given and "weights" not in given:
        accepted = f"accepted: {FILTERS_KEY.kind.accepted}"
        faults.add(node.at, "", "key 'filters' is missing", accepted, "add it")


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
        found = f"found {groups} with {_counted(count, 'filter')}"
        faults.add(given["groups"].at, "groups", found, "accepted: a divisor of the number of filters")


def _channels(
    entries: list[Entry],
    filters: list[Filter],
    given: dict[str, Given],
    values: Values[str, Any],
    faults: Faults,
) -> int:
    """Return C after checking that depths, groups, input and lists per channel agree."""
    groups: int = values.get("groups", 1)
    wanted = values.get("input")
    channels: int | None = INPUT_CHANNELS.get(wanted, wanted) if wanted is not None else None
    if channels is not None:
        _check_per_channel(channels, given, values, faults)
    if channels is not None and channels % groups:
        whose = f" (input {wanted})" if isinstance(wanted, str) else ""
        found = f"found {groups} with {_counted(channels, 'channel')}{whose}"
        faults.add(given["groups"].at, "groups", found, "accepted: a divisor of the channels")
        return 0
    if not filters or any(name in given and name not in values for name in ("groups", "input")):
        return 0
    depth: int = filters[0].weights.shape[0] if channels is None else channels // groups
    whose = f"input {wanted}" + (f" with groups {groups}" if groups > 1 else "")
    _check_depths(
        entries, depth, whose if wanted is not None else f"like filter {filters[0].name!r} it", faults
    )
    if channels is None:
        _check_per_channel(depth * groups, given, values, faults)
    rows, columns = (max(each.weights.shape[axis] for each in filters) for axis in (1, 2))
    total = len(filters) * depth * rows * columns
    if total > MAX_WEIGHTS:
        found = f"found {total:,} weights ({len(filters)} filters of {depth}×{rows}×{columns})"
        holder = "filters" if "filters" in given else "weights"
        accepted = f"accepted: at most {MAX_WEIGHTS:,}"
        faults.add(given[holder].at, holder, found, accepted, "split the bank")
    return depth * groups


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" + ("s" if count != 1 else "")


def _check_depths(entries: list[Entry], depth: int, whose: str, faults: Faults) -> None:
    """Add a fault for every filter that is not *depth* deep, as *whose* is."""
    for entry in entries:
        planes = entry.weights.shape[0] if entry.weights.ndim == 3 else 1
        own = planes if entry.channels is None else len(entry.channels)
        if own == depth:
            continue
        hint = f"write {_counted(depth, 'plane')} or change input"
        if entry.channels is not None:
            hint = "remove channels" if depth == 1 else f"give {depth} numbers"
            hint += " or change input"
        elif own == 1:
            ones = ", ".join(["1"] * depth) if depth <= 4 else "one number per channel"
            hint = f"spread it with channels: [{ones}], or say input: each"
        found = f"found a depth of {own} (planes or channels), {whose} needs {depth}"
        faults.add(entry.depth_at, entry.where, found, f"accepted: a depth of {depth}", hint)


def _check_per_channel(
    channels: int, given: dict[str, Given], values: Values[str, Any], faults: Faults
) -> None:
    """Add a fault for every list per channel that is not as long as there are channels."""
    for name in ("mean", "std", "padding_value"):
        length = len(values.get(name, (0,)))
        if length not in (1, channels):
            found = f"found a list of {length}, the bank has {_counted(channels, 'channel')}"
            faults.add(given[name].at, name, found, f"accepted: a number or a list of {channels}")
