"""The sheet of filters: every weight of a bank as a coloured cell, on one page worth printing."""

from __future__ import annotations

from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from filterbank.geometry import Pair
from filterbank.model import Bank, Filter
from filterbank.record import record
from filterbank.report import layout as place
from filterbank.report import page
from filterbank.report.colours import ink_on, signed_colours
from filterbank.report.layout import MARGIN, PLANE_GAP, Layout
from filterbank.report.lettering import fit, width, write
from filterbank.report.numerals import MINUS, TIMES, number, spell
from filterbank.report.page import FAINT, FRAME, LINE, SOFT

# Weights are written into cells of kernels up to this size, in letters of at least that size.
_NUMBERED = 5
_SMALLEST_NUMERAL = 12
_LEAST_GRID_CELL = 16
_LARGEST_GRID = 15  # weights a side: in a larger kernel lines would hide the shape


@record(frozen=True)
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
    sheet, top = page.begin(bank, layout)
    name_size = page.name_size([card.filter.name for card in cards], layout)
    for index, card in enumerate(cards):
        y, x = layout.corner(index)
        corner = top + y, MARGIN + x
        page.write_name(sheet, corner, card.filter.name, layout, name_size)
        _draw_card(sheet, corner, card, layout, page.labels(bank, depth), size)
    page.end(sheet, bank, *_scale_bar(cards[0].m, scale))
    return sheet


def write_sheet(bank: Bank, stream: BinaryIO, scale: str = "common") -> None:
    """Write the sheet of *bank* as a PNG to *stream*; the same bank always gives the same bytes."""
    page.save(draw_sheet(bank, scale), stream)


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


def _scale_bar(m: float, scale: str) -> tuple[NDArray[np.uint8], list[str], str]:
    """Return the colours from −m to m, what stands below them, and what they do."""
    numbers = [number(quarter / 2 * m) for quarter in range(-2, 3)]
    marks = numbers if scale == "common" else [MINUS + "m", "", "0", "", "m"]
    return signed_colours(np.linspace(-1, 1, page.BAR), 1.0), marks, "red adds, blue subtracts, white ignores"


def _draw_card(
    sheet: Image.Image, corner: Pair, card: _Card, layout: Layout, labels: list[str], size: int
) -> None:
    y, x = corner
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
    caption, caption_size = fit(card.caption, layout.card[1], 19, 11)
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
    shape = weights.shape[0], weights.shape[1]
    tall, wide = (1, 1) if place.is_smooth(shape) else place.cell(shape, plane)
    picture = Image.fromarray(np.repeat(np.repeat(colours, tall, axis=0), wide, axis=1))
    height, width = picture.height, picture.width
    if place.is_smooth(shape):
        height, width = place.smooth(shape, plane)
    height, width = min(height, plane[0]), min(width, plane[1])
    if (width, height) != picture.size:
        grows = height > picture.height
        picture = picture.resize((width, height), Image.Resampling.BICUBIC if grows else Image.Resampling.BOX)
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
