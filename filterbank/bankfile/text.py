"""A bank's text to nodes: JSON or YAML, each by its own reader, imported when it is needed."""

from __future__ import annotations

from filterbank.bankfile.nodes import Node
from filterbank.bankfile.source import Faults, Source


def parse(source: Source) -> tuple[Node, Faults]:
    """Return the tree of *source* and the faults collector, JSON for a name in ``.json``, else YAML.

    Raises
    ------
    BankError
        The text is no YAML or JSON, or breaks a limit on its size.
    """
    faults = Faults(source)
    if source.path.lower().endswith(".json"):
        from filterbank.bankfile import json_text  # noqa: PLC0415 - YAML's parser is not needed then

        return json_text.parse(faults), faults
    from filterbank.bankfile import yaml_text  # noqa: PLC0415

    return yaml_text.parse(faults), faults
