"""A family as the text of a bank file: one entry with its parameters, or every weight written out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from filterbank.bankfile.build import build
from filterbank.bankfile.families import FAMILIES
from filterbank.bankfile.reading import parse
from filterbank.bankfile.source import Source
from filterbank.bankfile.writing.settings import plain
from filterbank.bankfile.writing.text import yaml_filter, yaml_word
from filterbank.model import Bank, Filter


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
    lines += [f"name: {name}", f"description: {yaml_word(found.doc[:1].upper() + found.doc[1:])}"]
    lines += [f"source: {yaml_word(found.source)}"] if found.source else []
    lines += [
        f"operation: {found.operation}",
        "padding_mode: replicate      # a border of zeros would look like an edge",
        "normalize: none",
        "filters:",
    ]
    if expand:
        for label, weights in filters:
            # Sums of products leave zeros of either sign. Weights that were asked for are to be read: rows.
            lines += yaml_filter(Filter(label, weights + 0.0), width=0)
    else:
        inside = ", ".join(f"{key}: {_value(value)}" for key, value in values.items())
        lines.append(f"  - {family}: {{{inside}}}")
    text = "\n".join(lines) + "\n"
    return text, build(*parse(Source(f"{name}.yaml", text))).bank


def _value(value: float | str) -> str:
    return value if isinstance(value, str) else repr(plain(value))
