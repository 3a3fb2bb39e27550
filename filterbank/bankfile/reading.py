"""A bank's file, and those that it names, read: reference -> model.Bank."""

from __future__ import annotations

import os
from pathlib import Path

from filterbank.bankfile.build import build
from filterbank.bankfile.kinds import nearest
from filterbank.bankfile.lookup import beside, is_weights_file, locate, place, shipped, split
from filterbank.bankfile.nodes import Node
from filterbank.bankfile.one_layer import Built
from filterbank.bankfile.source import Faults, Source, read_source
from filterbank.errors import BankError, RequestError, shown
from filterbank.model import Bank


def load(reference: str | os.PathLike[str]) -> Bank:
    """Return the bank at a path, or the shipped bank of that name; a file of that name wins.

    A weights file is a bank too: ``net.onnx``, or ``net.onnx#conv1`` for one layer of several.

    Raises
    ------
    RequestError
        There is no such file or bank, or it cannot be opened.
    BankError
        The file is no faultless bank; the error carries every fault.

    Examples
    --------
    >>> bank = load("sobel")
    >>> bank.name, bank.layer.names, bank.layer.weights.shape
    ('sobel', ('sobel_x', 'sobel_y'), (2, 1, 3, 3))
    """
    return read(reference)[0].bank


def read(reference: str | os.PathLike[str]) -> tuple[Built, Source]:
    """Return the bank that *reference* means and how it was written, and the text it was written in.

    Raises
    ------
    RequestError, BankError
        As `load`.
    """
    return _Reading().read(reference)


class _Reading:
    """The bank files of one reading, which may name each other; each is read once, however often named."""

    def __init__(self) -> None:
        # None while a file is being read, so that a circle is seen.
        self._opened: dict[Path, Built | BankError | RequestError | None] = {}

    def read(self, reference: str | os.PathLike[str]) -> tuple[Built, Source]:
        """Return the bank that *reference* means, and its text."""
        path, pick = split(reference)
        if is_weights_file(path.name):
            from filterbank.bankfile.weights.whole import load_weights  # noqa: PLC0415 - most banks are texts

            return load_weights(path, pick)
        found = locate(reference)
        self._opened[place(found)] = None
        source = read_source(reference if Path(reference) == found else found, self.refer)
        return build(*parse(source)), source

    def refer(self, text: str, at: int, faults: Faults) -> Built | None:
        """Return the bank that *text*, at the offset *at* of a bank, means; None where it cannot be read."""
        reference = beside(text, faults.source.folder)
        if reference is None:
            found = f"found {shown(text)!r}: no such file and no shipped bank of that name"
            accepted = "accepted: a path from this bank's folder, or a shipped bank"
            faults.add(at, "bank", found, accepted, nearest(text, shipped()))
            return None
        result = self._once(reference)
        if isinstance(result, BankError):
            faults.include(at, result.faults)
        elif isinstance(result, RequestError):
            faults.add(at, "bank", str(result))
        elif result is None:
            found = f"found a circle: {self._circle(place(reference))}"
            faults.add(at, "bank", found, "accepted: a bank that does not need this")
        return result if isinstance(result, Built) else None

    def _once(self, reference: Path) -> Built | BankError | RequestError | None:
        """Return what was read of *reference*, or why it was not; None while it is being read."""
        own = place(reference)
        if own not in self._opened:
            try:
                self._opened[own] = self.read(reference)[0]
            except (BankError, RequestError) as error:
                self._opened[own] = error
        return self._opened[own]

    def _circle(self, own: Path) -> str:
        """Return the files that wait for each other, from *own* to itself."""
        chain = [path for path, bank in self._opened.items() if bank is None]
        return " → ".join(path.name for path in (*chain[chain.index(own) :], own))


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
