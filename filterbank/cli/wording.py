"""What more than one command says in the same words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from filterbank.model import Layer

_SHOWN = 4  # names of filters


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
