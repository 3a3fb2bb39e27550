"""What more than one command says in the same words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from filterbank.model import Bank, Layer

_SHOWN = 4  # names of filters


def shape(bank: Bank) -> str:
    """Return a bank in a few words: its filters, their size, the maps; of a stack, the layers' filters."""
    layer = bank.layer
    layers = bank.stack.layers
    if len(layers) > 1:
        counts = bank.channels, *(len(each.filters) for each in layers)
        told = f"{len(layers)} layers of {' → '.join(map(str, counts))} channels"
    else:
        size, count = "×".join(map(str, (*layer.kernel, bank.channels))), len(layer.filters)
        told = f"{count} filter{'s' * (count > 1)} {size}"
    return told + (f", {len(layer.maps)} map{'s' * (len(layer.maps) > 1)}" if layer.combine else "")


def combinations(layer: Layer) -> list[str]:
    """Return a line for each map that is a combination: its name, what is done, and to which filters."""
    width = max(map(len, layer.maps))
    lines = []
    for each in layer.combine:
        names = each.filters if len(each.filters) <= _SHOWN else (*each.filters[:2], "…", each.filters[-1])
        window = f", mean |r| over {each.window}×{each.window}" if each.window else ""
        done = "keep" if each.operation == "keep" else f"{each.operation} of {len(each.filters)}"
        lines.append(f"{each.name:<{width}}  {done}: {', '.join(names)}{window}")
    return lines
