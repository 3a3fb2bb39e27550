"""Where everything on a sheet of filters stands: columns, plane and cell sizes, in pixels."""

from __future__ import annotations

import math

from filterbank.geometry import Pair
from filterbank.record import record

MARGIN = 72
GAP = 36
PLANE_GAP = 10
NAME_HEIGHT = 40
LABEL_HEIGHT = 26
CAPTION_HEIGHT = 34

_SHEET_WIDTH = 1800
_LEAST_WIDTH = 1040
_LEAST_CARD = 100
_LARGEST_PLANE = 400
_LARGEST_CELL = 140
# Numerals in small kernels want cells of this size.
_READABLE_CELL = 38
_SMALL_KERNEL = 5
_AROUND = 280  # header and footer, about
_SHAPE = 4 / 3
_SHOWN_PLANES = 16
# Larger kernels are drawn at any size, smoothly: of so many weights none is looked at by itself.
_SMOOTH = 24
_LEAST_SMOOTH = 96
# A kernel of one row or column is drawn at least this thick.
_THINNEST = 16


@record(frozen=True)
class Layout:
    """One sheet's measures; a card is one filter, its box one plane a channel."""

    columns: int
    rows: int
    plane: Pair  # height, width of the room for one channel
    plane_columns: int
    plane_rows: int
    labelled: bool
    captioned: bool = True

    @property
    def box(self) -> Pair:
        """Height and width of the planes of one card together."""
        label = LABEL_HEIGHT if self.labelled else 0
        return (
            self.plane_rows * (self.plane[0] + label + PLANE_GAP) - PLANE_GAP,
            self.plane_columns * (self.plane[1] + PLANE_GAP) - PLANE_GAP,
        )

    @property
    def card(self) -> Pair:
        """Height and width of a card: name, planes, caption."""
        caption = CAPTION_HEIGHT if self.captioned else 0
        return NAME_HEIGHT + self.box[0] + caption, max(self.box[1], _LEAST_CARD)

    @property
    def grid(self) -> Pair:
        """Height and width of all cards with the gaps between them."""
        height, width = self.card
        return self.rows * (height + GAP) - GAP, self.columns * (width + GAP) - GAP

    @property
    def width(self) -> int:
        """Width of the sheet."""
        return max(self.grid[1] + 2 * MARGIN, _LEAST_WIDTH)

    def corner(self, index: int) -> Pair:
        """Return (y, x) of card *index* from the grid's corner."""
        row, column = divmod(index, self.columns)
        return row * (self.card[0] + GAP), column * (self.card[1] + GAP)


def shown_planes(channels: int) -> int:
    """Return how many channels of a deep filter are drawn."""
    return min(channels, _SHOWN_PLANES)


def lay_out(filters: int, channels: int, kernel: Pair, captioned: bool = True) -> Layout:
    """Return the layout of so many *filters* of *channels* planes, near a sheet of 4:3.

    >>> layout = lay_out(8, 1, (3, 3))
    >>> layout.columns, layout.rows
    (4, 2)
    """
    layouts = [
        _with_columns(columns, filters, channels, kernel, captioned) for columns in range(1, filters + 1)
    ]
    return min(layouts, key=lambda layout: _ugliness(layout, filters, kernel))


def cell(kernel: Pair, plane: Pair) -> Pair:
    """Return the height and width of one weight's cell: square, but for kernels of one thin line.

    >>> cell((3, 3), (180, 180)), cell((1, 101), (16, 180))
    ((60, 60), (16, 1))
    """
    side = max(min(plane[0] // kernel[0], plane[1] // kernel[1]), 1)
    return (
        max(side, _THINNEST) if kernel[0] == 1 else side,
        max(side, _THINNEST) if kernel[1] == 1 else side,
    )


def is_smooth(kernel: Pair) -> bool:
    """Return whether a kernel is drawn without cells, as large as there is room.

    >>> is_smooth((49, 49)), is_smooth((5, 5)), is_smooth((1, 101))
    (True, False, False)
    """
    return max(kernel) > _SMOOTH and min(kernel) > 1


def smooth(kernel: Pair, plane: Pair) -> Pair:
    """Return the height and width of such a kernel's picture.

    >>> smooth((49, 49), (100, 110))
    (100, 100)
    """
    scale = min(plane[0] / kernel[0], plane[1] / kernel[1])
    return max(round(kernel[0] * scale), 1), max(round(kernel[1] * scale), 1)


def _with_columns(columns: int, filters: int, channels: int, kernel: Pair, captioned: bool) -> Layout:
    planes = shown_planes(channels)
    across = planes if planes <= 4 else math.ceil(math.sqrt(planes))
    card = (_SHEET_WIDTH - 2 * MARGIN + GAP) // columns - GAP
    width = (card + PLANE_GAP) // across - PLANE_GAP
    longest = max(kernel)
    step = 1 if is_smooth(kernel) else longest
    # A wide kernel is low, and may be drawn wider.
    largest = min(_LARGEST_PLANE * max(min(kernel[1] // kernel[0], 3), 1), _LARGEST_CELL * longest)
    side = max(min(width * longest // kernel[1], largest) // step * step, step)
    plane = (
        max(side * kernel[0] // longest, _THINNEST),
        max(side * kernel[1] // longest, _THINNEST),
    )
    down = -(-planes // across)
    return Layout(columns, -(-filters // columns), plane, across, down, planes > 1, captioned)


def _ugliness(layout: Layout, filters: int, kernel: Pair) -> float:
    """Return how far a sheet is from 4:3, with fines for holes, cells too small to read and overflowing."""
    shape = math.log(layout.width / (layout.grid[0] + 2 * MARGIN + _AROUND) / _SHAPE)
    holes = layout.columns * layout.rows - filters
    cramped = max(kernel) <= _SMALL_KERNEL and min(cell(kernel, layout.plane)) < _READABLE_CELL
    cramped = cramped or (is_smooth(kernel) and max(layout.plane) < _LEAST_SMOOTH)
    return abs(shape) + holes / layout.columns + 0.5 * cramped + max(layout.width - _SHEET_WIDTH, 0)
