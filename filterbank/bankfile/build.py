"""A bank's tree -> model.Bank: the one layer of its keys, or the stack of its ``layers``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from filterbank.bankfile.canonical import digest
from filterbank.bankfile.keys import Given, read_mapping
from filterbank.bankfile.kinds import clean_name
from filterbank.bankfile.layers import WrittenLayer, check_makers
from filterbank.bankfile.nodes import Mapping, Node, describe
from filterbank.bankfile.one_layer import Built, Part, ReadLayer, Wanted, counted, read_layer
from filterbank.bankfile.schema import BANK_KEYS, HOMES, LAYERS_KEY, OWN_KEYS
from filterbank.bankfile.source import Faults
from filterbank.model import INPUT_CHANNELS, Bank, Layer, Stack

_INPUT_OF_DEPTH: dict[int, str | int] = {1: "gray", 3: "rgb", 4: "rgba"}


def build(node: Node, faults: Faults) -> Built:
    """Return the bank that *node* describes.

    Raises
    ------
    BankError
        Anything is wrong; all of it is in the error.
    """
    if not isinstance(node, Mapping):
        faults.add(node.at, "", describe(node), "accepted: a mapping with at least the key filters")
        faults.raise_if_any()
        raise AssertionError
    given = read_mapping(node, BANK_KEYS, "", faults, HOMES)
    if LAYERS_KEY.name not in given:
        check_makers(node, given, faults)
        return assemble(given, faults)
    for key in OWN_KEYS:
        if key.name in given:
            found, accepted = f"found {key.name} beside layers", "accepted: name, description, source, input"
            faults.add(given[key.name].key_at, "", found, accepted, "it belongs inside an entry of layers")
    return assemble_stack(given, faults)


def assemble(given: dict[str, Given], faults: Faults) -> Built:
    """Return the bank of the keys *given*, its filters among them under ``filters`` or ``weights``.

    Raises
    ------
    BankError
        They do not fit each other, or a fault was found before.
    """
    read = read_layer(given, of_input(given), faults)
    faults.raise_if_any()
    part = read.part()
    return Built(_bank((part.layer,), given, faults), (part,))


def assemble_stack(given: dict[str, Given], faults: Faults) -> Built:
    """Return the bank of the keys *given*, its layers among them under ``layers``.

    Raises
    ------
    BankError
        They do not fit each other, or a fault was found before.
    """
    entries: tuple[WrittenLayer | None, ...] = given[LAYERS_KEY.name].value or ()
    wanted, own = of_input(given), list[ReadLayer | Built]()
    for number, each in enumerate(entries, 1):
        if each is None:
            wanted = None
            continue
        inside = faults.inside(f"layer {number}")
        read = _read(each, wanted, inside)
        if number < len(entries):
            _check_uncombined(each, inside)
        own.append(read)
        wanted = of_maps(read.count, number)
    faults.raise_if_any()
    made = [each.part() if isinstance(each, ReadLayer) else each for each in own]
    layers = [
        layer
        for each in made
        for layer in (each.bank.stack.layers if isinstance(each, Built) else (each.layer,))
    ]
    kind = made[0].bank.input if isinstance(made[0], Built) else None
    bank = _bank(tuple(layers), given, faults, kind)
    return Built(bank, tuple(each for each in made if isinstance(each, Part)))


def _read(each: WrittenLayer, wanted: Wanted | None, faults: Faults) -> ReadLayer | Built:
    """Return the layer of an entry, or the bank that stands for its layers, checked for what is *wanted*."""
    if each.built is None:
        return read_layer(each.given, wanted, faults, f"layer {each.number}")
    check_bank(each.built.bank, wanted, each.at, faults)
    return each.built


def _check_uncombined(each: WrittenLayer, faults: Faults) -> None:
    """Add a fault where maps are combined that are the channels of a next layer."""
    accepted, hint = "accepted: in the last alone", "write a layer of 1×1 kernels for sums of maps"
    if "combine" in each.given:
        at = each.given["combine"].key_at
        faults.add(at, "", "found combine in a layer before the last", accepted, hint)
    elif each.built is not None and each.built.bank.layer.combine:
        faults.add(each.at, "bank", "found a bank that combines, before the last", accepted, hint)


def _bank(
    layers: tuple[Layer, ...], given: dict[str, Given], faults: Faults, kind: str | int | None = None
) -> Bank:
    """Return the bank of these *layers*; without ``input`` it takes what *kind* says, or the depth."""
    values = {name: each.value for name, each in given.items() if each.value is not None}
    channels = layers[0].channels
    bank = Bank(
        name=values.get("name") or clean_name(Path(faults.source.path).stem) or "bank",
        stack=Stack(layers),
        input=values.get("input") or kind or _INPUT_OF_DEPTH.get(channels, channels),
        description=values.get("description", ""),
        source=values.get("source", ""),
    )
    return replace(bank, digest=digest(bank))


def of_input(given: dict[str, Given]) -> Wanted | None:
    """Return the channels that ``input`` asks of the first layer, if it does."""
    kind = given["input"].value if "input" in given else None
    if kind is None:
        return None
    note = f" (input {kind})" if isinstance(kind, str) else ""
    return Wanted(INPUT_CHANNELS.get(kind, kind), f"input {kind}", note, "input")


def of_maps(count: int | None, number: int) -> Wanted | None:
    """Return the channels that the *count* maps of layer *number* are, where they are known."""
    if count is None:
        return None
    maps = f"{count} map" + ("s" if count != 1 else "")
    return Wanted(
        count, f"as layer {number} gives {maps} it", f" (layer {number} gives {maps})", f"layer {number}"
    )


def check_bank(bank: Bank, wanted: Wanted | None, at: int, faults: Faults) -> None:
    """Add a fault where a bank that stands for layers takes other channels than are *wanted*."""
    if wanted is None or bank.channels == wanted.channels:
        return
    found = f"found a bank of {counted(bank.channels, 'channel')}, {wanted.whose} needs {wanted.channels}"
    accepted = f"accepted: a bank of {counted(wanted.channels, 'channel')}"
    faults.add(at, "bank", found, accepted, f"take another bank or change {wanted.change}")
