"""A foreign kernel file, or kernels written as an argument, as a bank."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from filterbank.bankfile.build import assemble, assemble_stack
from filterbank.bankfile.entries import Entry, Written
from filterbank.bankfile.foreign.grass import read_grass
from filterbank.bankfile.foreign.imagemagick import is_imagemagick, read_imagemagick
from filterbank.bankfile.foreign.inline import is_inline, read_inline
from filterbank.bankfile.foreign.kernels import Kernel, refusal
from filterbank.bankfile.foreign.opencv import is_opencv, read_opencv
from filterbank.bankfile.foreign.tables import read_csv, read_vips
from filterbank.bankfile.keys import Given
from filterbank.bankfile.kinds import clean_name
from filterbank.bankfile.layers import WrittenLayer
from filterbank.bankfile.lookup import is_weights_file
from filterbank.bankfile.reading import load
from filterbank.bankfile.source import NOWHERE, Faults, Source, read_source
from filterbank.model import Bank

READERS: dict[str, Callable[[Source], list[Kernel]]] = {
    "opencv": read_opencv,
    "libvips": read_vips,
    "imagemagick": read_imagemagick,
    "grass": read_grass,
    "csv": read_csv,
    "inline": read_inline,
}
# Their kernels are done one after another, each on what the one before gives.
_CHAINED = ("grass",)
_ENDINGS = {".csv": "csv", ".tsv": "csv", ".mat": "libvips", ".xml": "opencv"}
_BANKS = (".yaml", ".yml", ".json")


def read_any(
    reference: str, format: str | None = None, operation: str = "correlation", name: str = "kernel"
) -> Bank:
    """Return the bank that *reference* means: a bank, a weights file, a foreign file, or kernels themselves.

    A foreign *format* of READERS is found out where it is not said. With the *operation* convolution
    foreign kernels are turned by 180°, as their program does when it convolves. *name* is that of a bank
    whose kernels come without a file.

    Raises
    ------
    RequestError, BankError
        It is none of these, or has faults.

    Examples
    --------
    >>> read_any("[[1, 2], [3, 4]]").layer.weights.tolist()
    [[[[1.0, 2.0], [3.0, 4.0]]]]
    """
    is_file = os.path.exists(reference)  # noqa: PTH110 - raises nothing, whatever the text
    if not is_file and (
        format in ("inline", "imagemagick") or is_inline(reference) or is_imagemagick(reference)
    ):
        source = Source("SRC", reference)
    elif not is_file or not (format or _may_be_foreign(reference)):
        return load(reference)
    else:
        source, name = read_source(reference), clean_name(Path(reference).stem) or "bank"
    format = format or _recognised(source)
    if format is None:
        return load(reference)
    kernels = READERS[format](source)
    if format in _CHAINED and len(kernels) > 1:
        return _stack(kernels, name, source, operation)
    return _bank(kernels, name, source, operation)


def _may_be_foreign(path: str) -> bool:
    return not is_weights_file(path)


def _recognised(source: Source) -> str | None:
    """Return the format of a text, None for a bank's own."""
    ending, text = Path(source.path).suffix.lower(), source.text
    if is_opencv(text):
        return "opencv"
    if ending in _ENDINGS:
        return _ENDINGS[ending]
    if ending in _BANKS:
        return None
    first = text.split(maxsplit=1)[0]
    if first.upper() in ("TITLE", "MATRIX"):
        return "grass"
    if is_imagemagick(text):
        return "imagemagick"
    if is_inline(text):
        return "inline"
    accepted = f"accepted: banks, weights files, {', '.join(READERS)}"
    raise refusal(source, 0, "found no format that is known", accepted, "say which with --from")


def _bank(kernels: list[Kernel], name: str, source: Source, operation: str) -> Bank:
    """Return *kernels* as a bank of one layer."""
    faults = Faults(Source(source.path, ""))
    return assemble(_given({"name": name} | _layer(kernels, name, operation)), faults).bank


def _stack(kernels: list[Kernel], name: str, source: Source, operation: str) -> Bank:
    """Return *kernels* as a stack, each of them a layer."""
    faults = Faults(Source(source.path, ""))
    layers = tuple(
        WrittenLayer(number, NOWHERE, _given(_layer([kernel], name, operation)))
        for number, kernel in enumerate(kernels, 1)
    )
    return assemble_stack(_given({"name": name, "layers": layers}), faults).bank


def _layer(kernels: list[Kernel], name: str, operation: str) -> dict[str, Any]:
    """Return the keys of a layer of *kernels*, named as they are or counted."""
    names = [clean_name(kernel.name) for kernel in kernels]
    if not all(names) or len({each.lower() for each in names}) < len(names):
        names = [name] if len(kernels) == 1 else [f"f{index}" for index in range(len(kernels))]
    entries = [
        Entry(
            own, f"filter {own!r}", kernel.weights, None, 1.0, kernel.bias, NOWHERE, NOWHERE, is_family=True
        )
        for own, kernel in zip(names, kernels, strict=True)
    ]
    return {"operation": operation, "weights": Written(entries, len(entries))}


def _given(values: dict[str, Any]) -> dict[str, Given]:
    return {key: Given(value, NOWHERE, NOWHERE) for key, value in values.items()}
