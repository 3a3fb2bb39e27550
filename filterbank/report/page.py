"""What every sheet of a bank has around its grid: a header that says what it is, names, and a scale."""

from __future__ import annotations

from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from filterbank import __version__
from filterbank.geometry import Pair
from filterbank.model import Bank
from filterbank.report import layout as place
from filterbank.report.colours import RGB
from filterbank.report.layout import MARGIN, Layout
from filterbank.report.lettering import fit, width, wrap, write
from filterbank.report.numerals import TIMES

INK: RGB = (32, 33, 38)
SOFT: RGB = (98, 102, 112)
FAINT: RGB = (150, 154, 163)
LINE: RGB = (214, 217, 222)
FRAME: RGB = (168, 173, 182)
WHITE: RGB = (255, 255, 255)

BAR = 480  # pixels of the scale at the foot

_DPI = 200
_FOOTER_HEIGHT = 78
_MARK, _MARK_GAP = 20, 12  # size of the numbers below the scale, and pixels between them
_LARGEST_NAME, _SMALLEST_NAME = 26, 12
_CHANNEL_NAMES = {"rgb": "RGB", "rgba": "RGBA"}

_Line = tuple[str, float, RGB, int]  # text, size, ink, height


def begin(bank: Bank, layout: Layout) -> tuple[Image.Image, int]:
    """Return a sheet with its header, and the row at which the grid begins."""
    header = _header_lines(bank, layout.width - 2 * MARGIN)
    top = MARGIN + sum(step for _, _, _, step in header) + 28
    height = top + layout.grid[0] + 56 + _FOOTER_HEIGHT + MARGIN
    sheet = Image.new("RGB", (layout.width, height), WHITE)
    y = MARGIN
    for text, size, ink, step in header:
        write(sheet, (MARGIN, y + 0.72 * step), text, size, ink)
        y += step
    return sheet, top


def end(sheet: Image.Image, bank: Bank, colours: NDArray[np.uint8], marks: list[str], note: str) -> None:
    """Draw the foot: *colours* (BAR, 3) with *marks* evenly spaced below, and what the sheet is made from."""
    thick = 24
    left, top = MARGIN, sheet.height - MARGIN - _FOOTER_HEIGHT + 10
    sheet.paste(Image.fromarray(np.repeat(colours[np.newaxis], thick, axis=0)), (left, top))
    draw = ImageDraw.Draw(sheet)
    draw.rectangle((left - 1, top - 1, left + BAR, top + thick), outline=FRAME)
    last = len(marks) - 1
    for index, mark in enumerate(legible(marks)):
        x = left + index / last * (BAR - 1)
        draw.line((x, top + thick, x, top + thick + 7), fill=FRAME)
        anchor = "l" if index == 0 else "r" if index == last else "m"
        write(sheet, (x, top + thick + 28), mark, _MARK, SOFT, anchor)
    right = sheet.width - MARGIN
    write(sheet, (right, top + 18), note, 20, SOFT, "r")
    made = f"filterbank {__version__}" + (f"  ·  digest {bank.digest[:12]}" if bank.digest else "")
    write(sheet, (right, top + thick + 28), made, 18, FAINT, "r")


def legible(marks: list[str]) -> list[str]:
    """Return the *marks*, every second one empty where they would run into each other.

    >>> legible(["-1", "-0.5", "0", "0.5", "1"])
    ['-1', '-0.5', '0', '0.5', '1']
    >>> legible(["-0.00125", "-0.000625", "0", "0.000625", "0.00125"])
    ['-0.00125', '', '0', '', '0.00125']
    """
    # The first stands right of its tick and the next around its own.
    needed = 1.5 * max(width(mark, _MARK) for mark in marks) + _MARK_GAP
    if needed <= BAR / (len(marks) - 1):
        return marks
    return [mark if index % 2 == 0 else "" for index, mark in enumerate(marks)]


def save(sheet: Image.Image, stream: BinaryIO) -> None:
    """Write *sheet* as a PNG to *stream*; the same sheet always gives the same bytes."""
    sheet.save(stream, format="PNG", dpi=(_DPI, _DPI))


def name_size(names: list[str], layout: Layout) -> float:
    """Return the one size in which all *names* fit over their cards, if any that can be read does."""
    return min(fit(name, layout.card[1], _LARGEST_NAME, _SMALLEST_NAME)[1] for name in names)


def write_name(sheet: Image.Image, corner: Pair, name: str, layout: Layout, size: float) -> None:
    """Write a filter's *name* over its card at *corner* (y, x)."""
    y, x = corner
    shown, size = fit(name, layout.card[1], size, min(size, _SMALLEST_NAME))
    write(sheet, (x, y + place.NAME_HEIGHT - 13), shown, size, INK)


def labels(bank: Bank, depth: int) -> list[str]:
    """Return what stands over each plane of a deep filter."""
    names = _CHANNEL_NAMES.get(str(bank.input), "")
    if len(names) == depth:
        return list(names)
    return [f"channel {index}" if depth <= 4 else str(index) for index in range(depth)]


def _header_lines(bank: Bank, limit: float) -> list[_Line]:
    """Return the lines over the grid: name, description, source, facts."""
    name, size = fit(bank.name, limit, 54, 28)
    lines: list[_Line] = [(name, size, INK, 64)]
    lines += [(line, 27, SOFT, 36) for line in wrap(bank.description, limit, 27, 3)]
    lines += [(line, 21, FAINT, 30) for line in wrap(bank.source, limit, 21, 2)]
    lines += [(line, 21, SOFT, 34) for line in wrap(_facts(bank), limit, 21, 2)]
    return lines


def _facts(bank: Bank) -> str:
    """Return the layer in one line."""
    layer = bank.layer
    count = len(layer.filters)
    depth = layer.filters[0].weights.shape[0]
    shape = TIMES.join(str(n) for n in (*layer.kernel, depth))
    padding = layer.padding if isinstance(layer.padding, str) else _short(layer.padding)
    facts = [f"{count} filter{'s' if count != 1 else ''}", shape]
    if layer.combine:
        facts.append(f"{len(layer.maps)} map{'s' if len(layer.maps) != 1 else ''}")
    facts += [
        f"input {bank.input}" if isinstance(bank.input, str) else f"input of {bank.input} channels",
        f"stride {_short(layer.stride)}",
        f"padding {padding}, {layer.padding_mode}",
    ]
    facts += [f"dilation {_short(layer.dilation)}"] * (layer.dilation != (1, 1))
    facts += [f"groups {layer.groups}"] * (layer.groups != 1)
    facts += [str(layer.activation)] + ["no bias"] * (not layer.biases.any())
    return "  ·  ".join(facts)


def _short(numbers: tuple[int, ...]) -> str:
    """Return one number where all are equal, else all."""
    return str(numbers[0]) if len(set(numbers)) == 1 else ", ".join(map(str, numbers))
