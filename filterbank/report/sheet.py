"""The sheet of filters: every weight of a bank as a coloured cell, on one page worth printing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from filterbank import __version__
from filterbank.geometry import Pair
from filterbank.model import Bank, Filter
from filterbank.report import layout as place
from filterbank.report.colours import RGB, ink_on, signed_colours
from filterbank.report.layout import MARGIN, PLANE_GAP, Layout
from filterbank.report.lettering import fit, width, wrap, write
from filterbank.report.numerals import MINUS, TIMES, number, spell

INK: RGB = (32, 33, 38)
SOFT: RGB = (98, 102, 112)
FAINT: RGB = (150, 154, 163)
LINE: RGB = (214, 217, 222)
FRAME: RGB = (168, 173, 182)
WHITE: RGB = (255, 255, 255)

_DPI = 200
_CHANNEL_NAMES = {"rgb": "RGB", "rgba": "RGBA"}

# Weights are written into cells of kernels up to this size, in letters of at least that size.
_NUMBERED = 5
_SMALLEST_NUMERAL = 12
_LEAST_GRID_CELL = 16
_LARGEST_GRID = 15  # weights a side: in a larger kernel lines would hide the shape


@dataclass(frozen=True, slots=True)
class _Card:
    """One filter as it will be drawn: what full colour means, its numerals, and the line below it."""

    filter: Filter
    m: float
    numerals: list[str]
    caption: str


def draw_sheet(bank: Bank, scale: str = "common") -> Image.Image:
    """Return the sheet of *bank* as an RGB picture.

    Parameters
    ----------
    bank
        Its last layer's filters are drawn, in order.
    scale
        ``common``: one colour scale for all, ±m with m the largest weight; ``filter``: each its own.

    Examples
    --------
    >>> from filterbank.model import Layer, Stack
    >>> edge = Filter("edge", [[-1, 0, 1]])
    >>> draw_sheet(Bank("edges", Stack((Layer((edge,)),)))).mode
    'RGB'
    """
    layer = bank.layer
    depth = layer.filters[0].weights.shape[0]
    cards = _cards(layer.filters, scale, numbered=True)
    layout = _lay_out(bank, cards)
    size = _numeral_size(cards, layout)
    if not size:
        cards = _cards(layer.filters, scale, numbered=False)
        layout = _lay_out(bank, cards)
    header = _header_lines(bank, layout.width - 2 * MARGIN)
    top = MARGIN + sum(step for _, _, _, step in header) + 28
    height = top + layout.grid[0] + 56 + _FOOTER_HEIGHT + MARGIN
    sheet = Image.new("RGB", (layout.width, height), WHITE)
    _draw_header(sheet, header)
    for index, card in enumerate(cards):
        y, x = layout.corner(index)
        _draw_card(sheet, (top + y, MARGIN + x), card, layout, _labels(bank, depth), size)
    _draw_footer(sheet, bank, cards, scale)
    return sheet


def write_sheet(bank: Bank, stream: BinaryIO, scale: str = "common") -> None:
    """Write the sheet of *bank* as a PNG to *stream*; the same bank always gives the same bytes."""
    draw_sheet(bank, scale).save(stream, format="PNG", dpi=(_DPI, _DPI))


def _lay_out(bank: Bank, cards: list[_Card]) -> Layout:
    depth = len(cards[0].filter.weights)
    return place.lay_out(len(cards), depth, bank.layer.kernel, any(card.caption for card in cards))


def _cards(filters: tuple[Filter, ...], scale: str, numbered: bool) -> list[_Card]:
    """Return the cards of all *filters*; *numbered* says whether small kernels show their weights."""
    largest = [float(np.abs(filter.weights).max()) for filter in filters]
    sizes = {filter.weights.shape[1:] for filter in filters}
    cards = []
    for filter, own in zip(filters, largest, strict=True):
        numerals, factor = spell(filter.weights)
        # What the header says of all filters is not said again under each.
        parts = [TIMES.join(map(str, filter.weights.shape[1:]))] * (len(sizes) > 1)
        shows = numbered and max(filter.weights.shape[1:]) <= _NUMBERED
        parts += [f"{TIMES} {factor}"] * (shows and bool(factor))
        parts += [f"m = {number(own)}"] * (scale != "common")
        parts += [f"bias {number(filter.bias)}"] * any(other.bias for other in filters)
        hidden = len(filter.weights) - place.shown_planes(len(filter.weights))
        parts += [f"{hidden} more channels"] * (hidden > 0)
        cards.append(_Card(filter, max(largest) if scale == "common" else own, numerals, "  ·  ".join(parts)))
    return cards


def _labels(bank: Bank, depth: int) -> list[str]:
    """Return what stands over each plane of a deep filter."""
    names = _CHANNEL_NAMES.get(str(bank.input), "")
    if len(names) == depth:
        return list(names)
    return [f"channel {index}" if depth <= 4 else str(index) for index in range(depth)]


# --- header and footer ------------------------------------------------------------------------

_FOOTER_HEIGHT = 78
_Line = tuple[str, float, RGB, int]  # text, size, ink, height


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
    facts = [
        f"{count} filter{'s' if count != 1 else ''}",
        shape,
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


def _draw_header(sheet: Image.Image, lines: list[_Line]) -> None:
    y = MARGIN
    for text, size, ink, step in lines:
        write(sheet, (MARGIN, y + 0.72 * step), text, size, ink)
        y += step


def _draw_footer(sheet: Image.Image, bank: Bank, cards: list[_Card], scale: str) -> None:
    """Draw the scale bar and, on the right, what the sheet was made from."""
    length, thick = 480, 24
    left, top = MARGIN, sheet.height - MARGIN - _FOOTER_HEIGHT + 10
    ramp = signed_colours(np.linspace(-1, 1, length), 1.0)
    sheet.paste(Image.fromarray(np.repeat(ramp[np.newaxis], thick, axis=0)), (left, top))
    draw = ImageDraw.Draw(sheet)
    draw.rectangle((left - 1, top - 1, left + length, top + thick), outline=FRAME)
    m = cards[0].m
    own = ("l", MINUS + "m"), ("m", ""), ("m", "0"), ("m", ""), ("r", "m")
    for quarter, (anchor, text) in enumerate(own):
        x = left + quarter / 4 * (length - 1)
        draw.line((x, top + thick, x, top + thick + 7), fill=FRAME)
        label = number((quarter - 2) / 2 * m) if scale == "common" else text
        write(sheet, (x, top + thick + 28), label, 20, SOFT, anchor)
    right = sheet.width - MARGIN
    write(sheet, (right, top + 18), "red adds, blue subtracts, white ignores", 20, SOFT, "r")
    made = f"filterbank {__version__}" + (f"  ·  digest {bank.digest[:12]}" if bank.digest else "")
    write(sheet, (right, top + thick + 28), made, 18, FAINT, "r")


# --- one filter -------------------------------------------------------------------------------


def _draw_card(
    sheet: Image.Image, corner: Pair, card: _Card, layout: Layout, labels: list[str], size: int
) -> None:
    y, x = corner
    card_width = layout.card[1]
    name, name_size = fit(card.filter.name, card_width, 26, 14)
    write(sheet, (x, y + place.NAME_HEIGHT - 13), name, name_size, INK)
    y += place.NAME_HEIGHT
    bottom = y
    per_plane = card.filter.weights[0].size
    for index in range(place.shown_planes(len(card.filter.weights))):
        row, column = divmod(index, layout.plane_columns)
        step = layout.plane[0] + PLANE_GAP + (place.LABEL_HEIGHT if layout.labelled else 0)
        plane_y, plane_x = y + row * step, x + column * (layout.plane[1] + PLANE_GAP)
        if layout.labelled:
            label, label_size = fit(labels[index], layout.plane[1], 18, 10)
            write(sheet, (plane_x, plane_y + place.LABEL_HEIGHT - 9), label, label_size, FAINT)
            plane_y += place.LABEL_HEIGHT
        numerals = card.numerals[index * per_plane : (index + 1) * per_plane]
        weights = card.filter.weights[index]
        bottom = _draw_plane(sheet, (plane_y, plane_x), weights, card.m, layout.plane, numerals, size)
    caption, caption_size = fit(card.caption, card_width, 19, 11)
    write(sheet, (x, bottom + place.CAPTION_HEIGHT - 9), caption, caption_size, SOFT)


def _draw_plane(
    sheet: Image.Image,
    corner: Pair,
    weights: NDArray[np.float64],
    m: float,
    plane: Pair,
    numerals: list[str],
    size: int,
) -> int:
    """Draw one channel's weights (Fh, Fw) as cells, with lines and numerals where there is room.

    Returns the row below the picture.
    """
    y, x = corner
    colours = signed_colours(weights, m)
    tall, wide = place.cell((weights.shape[0], weights.shape[1]), plane)
    cells = np.repeat(np.repeat(colours, tall, axis=0), wide, axis=1)
    picture = Image.fromarray(cells)
    if picture.height > plane[0] or picture.width > plane[1]:
        picture = picture.resize(
            (min(picture.width, plane[1]), min(picture.height, plane[0])), Image.Resampling.BOX
        )
    sheet.paste(picture, (x, y))
    draw = ImageDraw.Draw(sheet)
    bottom, right = y + picture.height, x + picture.width
    if min(tall, wide) >= _LEAST_GRID_CELL and max(weights.shape) <= _LARGEST_GRID:
        for row in range(1, weights.shape[0]):
            draw.line((x, y + row * tall, right - 1, y + row * tall), fill=LINE)
        for column in range(1, weights.shape[1]):
            draw.line((x + column * wide, y, x + column * wide, bottom - 1), fill=LINE)
    draw.rectangle((x - 1, y - 1, right, bottom), outline=FRAME)
    if not size or max(weights.shape) > _NUMBERED:
        return bottom
    for index, numeral in enumerate(numerals):
        row, column = divmod(index, weights.shape[1])
        middle = x + (column + 0.5) * wide, y + (row + 0.5) * tall + 0.36 * size
        ink = FAINT if numeral == "0" else ink_on(colours[row, column])
        write(sheet, middle, numeral, size, ink, "m")
    return bottom


def _numeral_size(cards: list[_Card], layout: Layout) -> int:
    """Return one size of numerals that fits every small kernel's cells; 0 where they would be too small."""
    sizes = []
    for card in cards:
        shape = card.filter.weights.shape
        if max(shape[1:]) > _NUMBERED:
            continue
        tall, wide = place.cell((shape[1], shape[2]), layout.plane)
        longest = max(width(numeral, 100) for numeral in card.numerals) / 100
        sizes.append(int(min(0.36 * tall, 0.84 * wide / longest, 34)))
    return min(sizes) if sizes and min(sizes) >= _SMALLEST_NUMERAL else 0
