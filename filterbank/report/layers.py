"""Stacks, drawn as what they are made of: a sheet for each layer, the first on top."""

from __future__ import annotations

from dataclasses import replace
from typing import BinaryIO

from PIL import Image

from filterbank.model import Bank, Stack
from filterbank.report import page
from filterbank.report.sheet import draw_sheet


def one_layer(bank: Bank, number: int) -> Bank:
    """Return layer *number* of *bank*, from 1, as a bank of its own; *bank* itself where it is one layer.

    >>> from filterbank.model import Filter, Layer
    >>> layer = Layer((Filter("edge", [[-1, 0, 1]]),))
    >>> one_layer(Bank("net", Stack((layer, layer))), 2).name
    'net, layer 2 of 2'
    """
    layers = bank.stack.layers
    if len(layers) == 1:
        return bank
    layer = layers[number - 1]
    name = f"{bank.name}, layer {number} of {len(layers)}"
    kind = bank.input if number == 1 else layer.channels
    return replace(bank, name=name, input=kind, stack=Stack((layer,)))


def write_layers(bank: Bank, stream: BinaryIO) -> None:
    """Write the sheets of all layers of *bank*, one below the other, as a PNG to *stream*."""
    sheets = [draw_sheet(one_layer(bank, number)) for number in range(1, len(bank.stack.layers) + 1)]
    size = max(sheet.width for sheet in sheets), sum(sheet.height for sheet in sheets)
    picture = Image.new("RGB", size, page.WHITE)
    top = 0
    for sheet in sheets:
        picture.paste(sheet, (0, top))
        top += sheet.height
    page.save(picture, stream)
