"""Banks as files: YAML, JSON, npz, safetensors and ONNX, bit for bit or not at all."""

from __future__ import annotations

from importlib import import_module

from filterbank.errors import RequestError
from filterbank.model import Bank

# format -> the endings that mean it
FORMATS: dict[str, tuple[str, ...]] = {
    "yaml": (".yaml", ".yml"),
    "json": (".json",),
    "npz": (".npz",),
    "safetensors": (".safetensors",),
    "onnx": (".onnx",),
}
TEXTS = ("yaml", "json")
_HOMES = {"yaml": "text", "json": "text", "npz": "tensors", "safetensors": "tensors", "onnx": "onnx_model"}


def format_of(name: str) -> str:
    """Return the format that a file's *name* means.

    Raises
    ------
    RequestError
        Its ending is none of the known ones.

    Examples
    --------
    >>> format_of("bank.yml")
    'yaml'
    """
    for word, endings in FORMATS.items():
        if name.lower().endswith(endings):
            return word
    known = ", ".join(ending for endings in FORMATS.values() for ending in endings)
    raise RequestError(f"{name}: found no known ending; accepted: {known}; or say --to")


def encode(bank: Bank, format: str) -> bytes:
    """Return the bytes of *bank* in a *format* of FORMATS; reading them gives the same bank.

    Raises
    ------
    RequestError
        The format cannot hold something of the bank; all of it is named.

    Examples
    --------
    >>> from filterbank.bankfile import load
    >>> print(encode(load("identity"), "yaml").decode().splitlines()[-1])
      - {name: identity, kernel: [[1]]}
    """
    module = import_module(f"filterbank.bankfile.writing.{_HOMES[format]}")
    encoded: bytes = getattr(module, f"to_{format}")(bank)
    return encoded
