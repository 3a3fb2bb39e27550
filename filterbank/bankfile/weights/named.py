"""The weights and biases that names in a file mean, as filters."""

from __future__ import annotations

from collections.abc import Container, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filterbank.bankfile.entries import MAX_FILTERS, Entry, Written
from filterbank.bankfile.kernel import MAX_WEIGHTS
from filterbank.bankfile.keys import Given, join
from filterbank.bankfile.kinds import NAME
from filterbank.bankfile.layers import MAX_LAYERS
from filterbank.bankfile.source import Faults, shorten
from filterbank.bankfile.weights.archive import Archive, RefusedError, listed
from filterbank.bankfile.weights.layouts import to_oihw
from filterbank.bankfile.weights.opening import open_archive
from filterbank.record import record

# What `bias` says where there is none to be taken.
NONE = "none"


@record(frozen=True)
class Kernels:
    """One layer's weights (K, C/groups, F, F) and biases (K,), float64."""

    weights: NDArray[np.float64]
    biases: NDArray[np.float64]


@record(frozen=True)
class Found:
    """One layer of a weights file and its settings, as the keys of a layer."""

    layer: Kernels
    settings: dict[str, Any]


@record(frozen=True)
class FoundBank:
    """The layers of a weights file, one or a stack, and what else it says, as the keys of a bank."""

    layers: tuple[Found, ...]
    settings: dict[str, Any]


def gathered(layers: Iterable[Found]) -> tuple[Found, ...]:
    """Return the layers of a stack, read one after another, as long as they are no more than a bank may hold.

    Raises
    ------
    RefusedError
        They are more.
    """
    found: list[Found] = []
    weights = 0
    for layer in layers:
        found.append(layer)
        weights += layer.layer.weights.size
        if len(found) > MAX_LAYERS or weights > MAX_WEIGHTS:
            accepted = f"accepted: at most {MAX_LAYERS} layers and {MAX_WEIGHTS:,} weights"
            raise RefusedError("found too large a stack", accepted, "write FILE#NAME for one layer")
    return tuple(found)


def read_named(given: dict[str, Given], where: str, faults: Faults, *, is_sound: bool) -> Written | None:
    """Return the filters of the file and tensor *given*; only the file is looked at where it is not sound."""
    archive = _opened(given["file"], where, faults)
    if archive is None or not is_sound:
        return None
    layer = _layer(archive, given, where, faults)
    if layer is None:
        return None
    carried = names_or_numbers(archive.meta.get("names"), len(layer.weights))
    names = given["names"].value if "names" in given else carried
    at = given.get("names", given["file"]).at
    return written(layer, names, where, at, faults)


def written(layer: Kernels, names: list[str], where: str, at: int, faults: Faults) -> Written | None:
    """Return *layer* as filters called *names*; a fault where there are too many, or not a name for each."""
    count = len(layer.weights)
    if count > MAX_FILTERS:
        faults.add(at, where, f"found {count:,} filters", f"accepted: at most {MAX_FILTERS:,}")
        return None
    if len(names) != count:
        found = f"found {len(names)} names for {count} filters"
        faults.add(at, join(where, "names"), found, "accepted: a name for each filter")
        return None
    entries = [
        # One place for all of them: what is wrong with one tensor is told once. A network's weights say
        # which way round they are, as a family does.
        Entry(name, "weights", weights, None, 1.0, float(bias), at, at, is_family=True)
        for name, weights, bias in zip(names, layer.weights, layer.biases, strict=True)
    ]
    return Written(entries, count)


def _opened(file: Given, where: str, faults: Faults) -> Archive | None:
    try:
        return open_archive(Path(faults.source.folder, file.value))
    except RefusedError as error:
        found, accepted, hint = error.said
        hint = hint or "its path starts at the bank's own folder" if found.startswith("there is no") else hint
        faults.add(file.at, f"{where}: file {shorten(file.value)}", found, accepted, hint)
        return None


def _layer(archive: Archive, given: dict[str, Given], where: str, faults: Faults) -> Kernels | None:
    """Return what the keys ask of the file; a fault at the key that asks for too much."""
    value = {key: each.value for key, each in given.items()}
    place, at = f"{where}: tensor", given.get("tensor", given["file"]).at
    try:
        name = called_weights(archive, value["tensor"]) if "tensor" in given else only_weights(archive)
        stored = archive.read(name)
        if "layout" in given:
            place, at = f"{where}: layout", given["layout"].at
        weights = to_oihw(stored, value.get("layout"), name, archive.is_oihw(name))
        place, at = f"{where}: bias", given.get("bias", given.get("tensor", given["file"])).at
        return Kernels(weights, read_biases(archive, name, value.get("bias"), len(weights)))
    except RefusedError as error:
        faults.add(at, place, *error.said)
        return None


def called_weights(archive: Archive, name: str) -> str:
    """Return the tensor *name*, or the weights of the module of that name: ``conv1`` for ``conv1.weight``."""
    module = f"{name}.weight"
    return module if name not in archive.tensors and module in archive.tensors else name


def only_weights(archive: Archive) -> str:
    """Return the name of the one tensor that can be a layer's weights.

    Raises
    ------
    RefusedError
        There are several, or none.
    """
    fitting = [name for name, each in archive.tensors.items() if len(each.shape) in (3, 4)]
    if not fitting:
        fitting = [name for name, each in archive.tensors.items() if len(each.shape) == 2]
    if len(fitting) == 1:
        return fitting[0]
    if not fitting:
        found = "found no tensor that can be weights"
        raise RefusedError(
            found, "accepted: one with two to four axes", f"the file has {listed(archive.tensors)}"
        )
    several = {name: archive.tensors[name] for name in fitting}
    raise RefusedError(
        f"found {len(several)} tensors", "accepted: one named", f"name one of {listed(several)}"
    )


def read_biases(archive: Archive, name: str, bias: str | None, count: int) -> NDArray[np.float64]:
    """Return the *count* biases of the weights *name*: those called *bias*, or those beside it.

    Raises
    ------
    RefusedError
        There is none of that name, or it is not as long.
    """
    partner = bias or archive.partners.get(name) or partner_name(name, archive.tensors)
    if partner is None or bias == NONE:
        return np.zeros(count)
    biases = archive.read(partner)
    if biases.shape != (count,):
        shape = "×".join(map(str, biases.shape)) or "a single number"
        raise RefusedError(f"tensor {partner!r} is {shape}", f"accepted: {count} biases, one a filter")
    return biases


def partner_name(name: str, known: Container[str]) -> str | None:
    """Return the name of the biases beside the weights *name*, where they are *known*.

    >>> partner_name("conv1.weight", {"conv1.weight", "conv1.bias"})
    'conv1.bias'
    """
    partner = f"{name.removesuffix('weight')}bias" if name.endswith("weight") else None
    return partner if partner in known else None


def names_or_numbers(carried: Any, count: int) -> list[str]:
    """Return the names a file *carries* where they can be filters' names, else f0, f1 and so on.

    >>> names_or_numbers(["a", "b"], 2), names_or_numbers(["a", "A"], 2)
    (['a', 'b'], ['f0', 'f1'])
    """
    is_list = isinstance(carried, list) and all(isinstance(name, str) for name in carried)
    if is_list and len({name.lower() for name in carried if NAME.fullmatch(name)}) == len(carried) == count:
        return list(carried)
    return [f"f{index}" for index in range(count)]
