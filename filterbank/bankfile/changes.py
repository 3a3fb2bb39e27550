"""Changing a bank that was read: options of the command line, and only some of the filters."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filterbank.bankfile.kernel import MAX_WEIGHTS
from filterbank.bankfile.keys import Key
from filterbank.bankfile.kinds import Number, nearest
from filterbank.bankfile.layer_kinds import Numbers
from filterbank.bankfile.nodes import Node, Sequence
from filterbank.bankfile.schema import LAYER_KEYS
from filterbank.bankfile.source import Faults, Source
from filterbank.errors import BankError, RequestError
from filterbank.model import Bank, Layer, Stack

_NAMES = ("stride", "padding", "padding_mode", "padding_value", "dilation", "activation")
_KINDS = {key.name: key.kind for key in LAYER_KEYS if key.name in _NAMES}
OPTIONS = (*(key for key in LAYER_KEYS if key.name in _NAMES), Key("bias", Numbers(Number())))


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _parse(name: str, text: str) -> Node:
    """Return the node that an option's *text* writes; ``1,2`` is ``[1,2]``.

    Raises
    ------
    RequestError
        It is no YAML value.
    """
    from filterbank.bankfile import yaml_text  # noqa: PLC0415

    written = text.strip()
    if "," in written and written[:1] not in "[{":
        written = f"[{written}]"
    try:
        return yaml_text.parse(Faults(Source(_flag(name), written)))
    except BankError as error:
        fault = error.faults[0]
        hint = "; quote it, with brackets closed, as in '[1, 2]'"
        raise RequestError(
            f"{_flag(name)}: found {text!r}, {fault.found.removeprefix('found ')}{hint}"
        ) from None


def _read(name: str, text: str) -> Any:
    """Return the value of one option, read as in a file."""
    if name not in {key.name for key in OPTIONS}:
        raise RequestError(f"{_flag(name)}: no such override; {nearest(name, [key.name for key in OPTIONS])}")
    kind = next(key.kind for key in OPTIONS if key.name == name)
    node, faults = _parse(name, text), Faults(Source("", text))
    value = kind.read(node, "", faults)
    if value is None:
        fault = faults.listed()[0]
        hint = fault.hint if name != "bias" else _decimal(text) or fault.hint
        said = "; ".join(part for part in (fault.found, fault.accepted, hint) if part)
        where = f" {fault.where}:" if fault.where else ""
        raise RequestError(f"{_flag(name)}:{where} {said}".replace("one per channel", _per(name)))
    if name == "bias" and isinstance(node, Sequence):
        return tuple(value)
    return value


def _decimal(text: str) -> str:
    """Return what to write for a fraction, nothing where *text* is none."""
    from fractions import Fraction  # noqa: PLC0415 - for a mistake alone

    try:
        value = float(Fraction(text.replace(" ", ""))) if "/" in text else math.nan
    except (ValueError, ArithmeticError):
        return ""
    return f"write {value!r}" if math.isfinite(value) else ""


def _per(name: str) -> str:
    return "one per filter" if name == "bias" else "one per channel"


def override(bank: Bank, options: Mapping[str, str]) -> Bank:
    """Return *bank* with what the *options* say in place of its own.

    Keys are stride, padding, padding_mode, padding_value, dilation, activation (all as spelled in a
    file) and bias, a number for all filters or a list with one each.
    The digest stays that of the bank as it was read.

    Raises
    ------
    RequestError
        An option's text is not what its key accepts, or does not fit the bank; or the bank is a stack,
        whose layers an option cannot tell apart.

    Examples
    --------
    >>> from filterbank.bankfile import load
    >>> layer = override(load("sobel"), {"stride": "2", "padding": "1,0", "activation": "relu"}).layer
    >>> layer.stride, layer.padding, str(layer.activation)
    ((2, 2), (1, 0, 1, 0), 'relu')
    """
    values = {name.replace("-", "_"): text for name, text in options.items()}
    if not values:
        return bank
    if len(bank.stack.layers) > 1:
        count = len(bank.stack.layers)
        raise RequestError(
            f"{', '.join(map(_flag, values))}: bank {bank.name!r} is a stack of {count} layers; "
            "accepted: with a bank of one layer; write the change into the layers it is meant for"
        )
    changes = {name: _read(name, text) for name, text in values.items()}
    biases = changes.pop("bias", None)
    layer = replace(bank.layer, **changes)
    _check_fit(layer, changes)
    if biases is not None:
        layer = _biased(layer, biases)
    return _with_layer(bank, layer)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("s" if number != 1 else "")


def _check_fit(layer: Layer, changes: dict[str, Any]) -> None:
    """Raise RequestError for a padding value that does not fit the layer or would do nothing."""
    value = changes.get("padding_value", (0.0,))
    if len(value) not in (1, layer.channels):
        raise RequestError(
            f"--padding-value: found {len(value)} numbers, "
            f"the bank has {_counted(layer.channels, 'channel')}; "
            "accepted: one number" + (f" or {layer.channels}" if layer.channels > 1 else "")
        )
    if any(value) and layer.padding_mode != "constant":
        raise RequestError(
            f"--padding-value: has no effect with padding mode {layer.padding_mode}; "
            "accepted: with --padding-mode constant; add it"
        )


def _biased(layer: Layer, biases: tuple[float, ...]) -> Layer:
    """Return *layer* with these biases: one for all filters, or one each."""
    count = len(layer.filters)
    if len(biases) not in (1, count):
        raise RequestError(
            f"--bias: found {len(biases)} numbers, the bank has {_counted(count, 'filter')}; "
            "accepted: one number" + (f" or {count}" if count > 1 else "")
        )
    spread = biases * count if len(biases) == 1 else biases
    changed = (replace(each, bias=bias) for each, bias in zip(layer.filters, spread, strict=True))
    return replace(layer, filters=tuple(changed))


def _with_layer(bank: Bank, layer: Layer) -> Bank:
    """Return *bank* with *layer* as its last; the digest goes on naming what was read."""
    return replace(bank, stack=Stack((*bank.stack.layers[:-1], layer)))


def matching(bank: Bank, globs: Iterable[str]) -> list[str]:
    """Return the names of the filters that match one of the *globs*, in the bank's order; all for none.

    Raises
    ------
    RequestError
        A glob matches no filter.

    Examples
    --------
    >>> from filterbank.bankfile import load
    >>> matching(load("sobel"), ["*_x"])
    ['sobel_x']
    """
    return _matching(bank, bank.layer.names, list(globs))


def _matching(bank: Bank, names: tuple[str, ...], globs: list[str]) -> list[str]:
    for glob in globs:
        if not any(fnmatchcase(name, glob) for name in names):
            shown = ", ".join(names[:20]) + (", …" if len(names) > 20 else "")
            raise RequestError(
                f"--filter: {glob!r} matches no filter of bank {bank.name!r}; accepted: {shown}; "
                "use * and ? for any characters, in quotes"
            )
    return [name for name in names if not globs or any(fnmatchcase(name, glob) for glob in globs)]


def select(bank: Bank, globs: Iterable[str]) -> Bank:
    """Return *bank* with only the maps whose name matches one of the *globs*, in the bank's order.

    A map is a filter's, or where the bank combines, a combination with the filters that it needs. Maps are
    those of the whole bank: a kernel stays as large as the bank's largest, zeros around it. The digest
    stays that of the bank as it was read.

    Raises
    ------
    RequestError
        A glob matches no filter, or filters of a bank with groups would be too large without them.

    Examples
    --------
    >>> from filterbank.bankfile import load
    >>> select(load("sobel"), ["*_x"]).layer.names
    ('sobel_x',)
    """
    layer = bank.layer
    chosen = set(_matching(bank, layer.maps, list(globs)))
    if len(chosen) == len(layer.maps):
        return bank
    if layer.combine:
        layer = replace(layer, combine=tuple(each for each in layer.combine if each.name in chosen))
        chosen = {name for each in layer.combine for name in each.filters}
    if chosen == set(layer.names):
        return _with_layer(bank, layer)
    keep = [index for index, name in enumerate(layer.names) if name in chosen]
    per_group = len(layer.filters) // layer.groups
    kept = Counter(index // per_group for index in keep)
    if len(kept) == layer.groups and len(set(kept.values())) == 1:
        groups, weights = layer.groups, layer.weights[keep]
    else:
        groups, weights = 1, _ungrouped(layer, keep)
    filters = (replace(layer.filters[index], weights=own) for index, own in zip(keep, weights, strict=True))
    return _with_layer(bank, replace(layer, filters=tuple(filters), groups=groups))


def _ungrouped(layer: Layer, keep: list[int]) -> NDArray[np.float64]:
    """Return the weights of some filters over all channels: zero outside their group, told by their index.

    Raises
    ------
    RequestError
        They are too many.
    """
    size = len(keep) * layer.channels * layer.kernel[0] * layer.kernel[1]
    if size > MAX_WEIGHTS:
        raise RequestError(
            f"--filter: found {size:,} weights without groups; accepted: at most {MAX_WEIGHTS:,}; "
            "choose fewer filters, or as many of every group"
        )
    depth, per_group = layer.channels // layer.groups, len(layer.filters) // layer.groups
    weights = np.zeros((len(keep), layer.channels, *layer.kernel))
    for place, index in enumerate(keep):
        first = index // per_group * depth
        weights[place, first : first + depth] = layer.weights[index]
    return weights
