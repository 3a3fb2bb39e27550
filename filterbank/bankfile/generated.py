"""A family as the text of a bank file: one entry with its parameters, or every weight written out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filterbank.bankfile.build import build
from filterbank.bankfile.families import FAMILIES
from filterbank.bankfile.source import Source
from filterbank.bankfile.text import parse
from filterbank.model import Bank


def generate(
    family: str, given: Mapping[str, Any], *, name: str, comment: str = "", expand: bool = False
) -> tuple[str, Bank]:
    """Return a bank file's text with the filters of *family*, and the bank that it is.

    Parameters
    ----------
    family, given
        The family's name and the parameters it is given.
    name
        The bank's name.
    comment
        The first line, after ``# ``.
    expand
        Whether the weights are written out; they are the same numbers.

    Raises
    ------
    RequestError
        The parameters do not go together.

    Examples
    --------
    >>> text, bank = generate("box", {"size": 3}, name="mean")
    >>> print(text.splitlines()[-1], bank.layer.names)
      - box: {size: 3} ('box_size3',)
    """
    found = FAMILIES[family]
    values = dict(given)
    if any(key.name == "seed" for key in found.parameters):
        values.setdefault("seed", 0)  # what is drawn is told, whatever a later version draws without it
    filters = found.filters(values)
    lines = [f"# {comment}"] if comment else []
    lines += [f"name: {name}", f"description: {_quoted(found.doc[:1].upper() + found.doc[1:])}"]
    lines += [f"source: {_quoted(found.source)}"] if found.source else []
    lines += [
        f"operation: {found.operation}",
        "padding_mode: replicate      # a border of zeros would look like an edge",
        "normalize: none",
        "filters:",
    ]
    if expand:
        for label, weights in filters:
            lines += [f"  - name: {label}", "    kernel:", *_kernel(weights)]
    else:
        inside = ", ".join(f"{key}: {_value(value)}" for key, value in values.items())
        lines.append(f"  - {family}: {{{inside}}}")
    text = "\n".join(lines) + "\n"
    return text, build(*parse(Source(f"{name}.yaml", text))).bank


def _quoted(text: str) -> str:
    """Return *text* as a YAML text, whatever signs are in it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _value(value: float | str) -> str:
    return value if isinstance(value, str) else _number(value)


def _number(value: float) -> str:
    """Return the shortest text that reads back as *value*.

    >>> _number(1.0), _number(-0.0), _number(0.1), _number(1e-17)
    ('1', '0', '0.1', '1e-17')
    """
    value = float(value) + 0.0
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def _kernel(weights: NDArray[np.float64]) -> Iterator[str]:
    """Yield the lines of a kernel, a row each, its columns aligned; the planes of a deep one as lists."""
    planes = weights if weights.ndim == 3 else weights[None]
    texts = [[[_number(value) for value in row] for row in plane] for plane in planes]
    width = max(len(text) for plane in texts for row in plane for text in row)
    for plane in texts:
        for index, row in enumerate(plane):
            start = "      - " if weights.ndim == 2 else "      - - " if index == 0 else "        - "
            yield start + "[" + ", ".join(text.rjust(width) for text in row) + "]"
