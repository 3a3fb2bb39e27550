"""A weights file as a whole bank: its layers, or one of them, and the settings it carries."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from filterbank.bankfile import json_text
from filterbank.bankfile.build import assemble, assemble_stack
from filterbank.bankfile.keys import Given, read_mapping
from filterbank.bankfile.kinds import clean_name
from filterbank.bankfile.layers import WrittenLayer
from filterbank.bankfile.nodes import Mapping
from filterbank.bankfile.one_layer import Built
from filterbank.bankfile.source import NOWHERE, Faults, Source
from filterbank.bankfile.weights.archive import Archive, RefusedError
from filterbank.bankfile.weights.carried import CARRIED_KEYS, STACK_KEYS, layer_of
from filterbank.bankfile.weights.layouts import to_oihw
from filterbank.bankfile.weights.named import (
    Found,
    FoundBank,
    Kernels,
    called_weights,
    gathered,
    only_weights,
    read_biases,
)
from filterbank.bankfile.weights.opening import open_archive
from filterbank.errors import BankError, Fault, shown


def load_weights(path: Path, pick: str | None) -> tuple[Built, Source]:
    """Return the layer called *pick* of the weights file at *path*, or all that it holds, as a bank.

    Raises
    ------
    BankError
        The file cannot be read, holds several layers that are no stack, or what it carries does not fit.
    """
    label = shown(path) + (f"#{shown(pick)}" if pick else "")
    try:
        archive = open_archive(path)
        found = _found(archive, pick)
    except RefusedError as error:
        raise BankError([Fault("", *error.said, path=label)]) from None
    stem = path.stem + (f"_{pick}" if pick else "")
    settings: dict[str, Any] = {"name": clean_name(stem) or "bank"} | found.settings
    own = [layer.settings for layer in found.layers]
    settings |= own[0] if len(own) == 1 else {"layers": own}
    source = Source(label, json.dumps(settings), path.parent)
    try:
        return _built(found, source), source
    except BankError as error:
        # The settings' text is no file, so that a line in it is no place.
        raise BankError([replace(fault, line=0, column=0) for fault in error.faults]) from None


def _found(archive: Archive, pick: str | None) -> FoundBank:
    """Return the layers that are meant, and what the file says of them."""
    if archive.path.suffix.lower() == ".onnx":
        from filterbank.bankfile.weights.onnx_graph import read_model  # noqa: PLC0415 - needs the extra

        return read_model(archive.path, pick)
    layers = _stacked(archive)
    if pick is None and layers:
        said = {key: value for key, value in _settings(archive).items() if key != "layers"}
        found = gathered(_tensor(archive, f"{name}.weight", own) for name, own in layers.items())
        return FoundBank(found, said)
    try:
        name = _tensor_name(archive, pick)
    except RefusedError as error:
        told, accepted, hint = error.said
        hint = hint.replace("name one of", "write FILE#NAME with one of")
        raise RefusedError(told, accepted, hint) from None
    settings = layers.get(name.removesuffix(".weight"), {}) if layers else _settings(archive)
    return FoundBank((_tensor(archive, name, settings),), {})


def _stacked(archive: Archive) -> dict[str, dict[str, Any]]:
    """Return the settings of the layers of a stack by their tensors' module; none where it is no stack."""
    layers = archive.meta.get("layers")
    is_ours = archive.path.suffix.lower() == ".npz" or "layer1.weight" in archive.tensors
    if layers is None or not is_ours:
        return {}  # the metadata of a safetensors file is anybody's
    if not isinstance(layers, list) or not all(isinstance(each, dict) for each in layers):
        raise RefusedError("layers are no list of settings", "accepted: a list of mappings", "write it again")
    if len(layers) < 2:
        raise RefusedError(f"found layers with {len(layers)} entries", "accepted: at least 2")
    return {f"layer{number}": own for number, own in enumerate(layers, 1)}


def _settings(archive: Archive) -> dict[str, Any]:
    """Return what the file says of itself; in npz, a bank's own text, a key that is unknown is a slip."""
    if archive.path.suffix.lower() == ".npz":
        return dict(archive.meta)
    known = {key.name for key in (STACK_KEYS if _stacked(archive) else CARRIED_KEYS)}
    return {key: value for key, value in archive.meta.items() if key in known}


def _tensor(archive: Archive, name: str, settings: dict[str, Any]) -> Found:
    """Return the tensor *name* and the biases beside it as a layer of these *settings*."""
    weights = to_oihw(archive.read(name), None, name, archive.is_oihw(name))
    return Found(Kernels(weights, read_biases(archive, name, None, len(weights))), settings)


def _tensor_name(archive: Archive, pick: str | None) -> str:
    """Return the tensor that *pick* names, with or without its ``.weight``, or the only one."""
    if pick is None:
        return "weight" if "weight" in archive.tensors else only_weights(archive)
    return called_weights(archive, pick)


def _built(found: FoundBank, source: Source) -> Built:
    """Return *found*, whose settings are in the text of *source*, as a bank."""
    faults = Faults(source)
    node = json_text.parse(faults)
    if not isinstance(node, Mapping):
        raise AssertionError
    if len(found.layers) == 1:
        given = read_mapping(node, CARRIED_KEYS, "", faults)
        faults.raise_if_any()
        return assemble(layer_of(found.layers[0].layer, given, faults), faults)
    given = read_mapping(node, STACK_KEYS, "", faults)
    faults.raise_if_any()
    layers = []
    for number, (each, own) in enumerate(zip(found.layers, given["layers"].value, strict=True), 1):
        keys = layer_of(each.layer, own, faults.inside(f"layer {number}"))
        layers.append(WrittenLayer(number, NOWHERE, keys))
    return assemble_stack(given | {"layers": Given(tuple(layers), NOWHERE, NOWHERE)}, faults)
