"""The sheet of spectra: how strongly each filter answers every frequency, in decibels."""

from __future__ import annotations

from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from filterbank.geometry import Pair
from filterbank.model import Bank
from filterbank.report import layout as place
from filterbank.report import page
from filterbank.report.colours import strength_colours
from filterbank.report.layout import MARGIN, PLANE_GAP
from filterbank.report.lettering import fit, write
from filterbank.report.numerals import MINUS, number
from filterbank.report.page import FAINT, FRAME, SOFT

# Answers this far below the largest are white.
FLOOR = 60.0
_DECIBELS = (60, 45, 30, 15, 0)
# As large as a kernel of so many weights a side would be drawn.
_DRAWN_AS = (8, 8)
# Frequencies a side, at least, among which the strongest answer is looked for.
_LOOKED_AT = 256


def spectrum(weights: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Return how strongly one plane of *weights* (Fh, Fw) answers size×size frequencies, float64.

    ``|Σ w·exp(−2πi(u·x + v·y))|``. Frequency zero is at [size//2, size//2]; rows are v, columns u, both from
    −½ cycle a pixel on.

    >>> spectrum(np.full((1, 2), 0.5), 4).round(3).tolist()[2]
    [0.0, 0.707, 1.0, 0.707]
    """
    # Fewer frequencies than weights would fold the kernel: all are taken, and every so many are kept.
    step = -(-max(weights.shape) // size)
    every = np.abs(np.fft.fft2(weights, (size * step, size * step)))
    return np.fft.fftshift(every[::step, ::step])


def peak(weights: NDArray[np.float64]) -> tuple[float, float]:
    """Return the strongest answer of a filter's planes (C, Fh, Fw), and its frequency in cycles a pixel.

    >>> peak(np.array([[[-0.5, 0.0, 0.5]]]))
    (1.0, 0.25)
    """
    size = max(_LOOKED_AT, *weights.shape[1:])
    strength = np.max([spectrum(plane, size) for plane in weights], axis=0)
    place = (np.arange(size) - size // 2) / size
    frequency = np.hypot(place[:, None], place)
    strongest = float(strength.max())
    # Many may be as strong but for rounding: of a filter that is all one weight, every one.
    return strongest, float(frequency[strength >= strongest * (1 - 1e-9)].min())


def decibels(strength: NDArray[np.float64], largest: float) -> NDArray[np.float64]:
    """Return *strength* in decibels below *largest*, from −FLOOR to 0; −FLOOR where there is none.

    >>> decibels(np.array([1.0, 0.1, 0.0]), 1.0).round(6).tolist()
    [0.0, -20.0, -60.0]
    """
    share = strength / largest if largest > 0 else np.zeros(strength.shape)
    return 20 * np.log10(np.maximum(share, 10 ** (-FLOOR / 20)))


def draw_spectra(bank: Bank, scale: str = "common") -> Image.Image:
    """Return the spectra of *bank*'s filters on a sheet, an RGB picture.

    Frequency zero is in the middle of each, half a cycle a pixel at its sides. Below stands the strongest
    answer, and its frequency in cycles a pixel.

    Parameters
    ----------
    bank
        Its last layer's filters are drawn, in order.
    scale
        ``common``: 0 dB is the strongest answer of all filters; ``filter``: of each.

    Examples
    --------
    >>> from filterbank.model import Filter, Layer, Stack
    >>> edge = Filter("edge", [[-1, 0, 1]])
    >>> draw_spectra(Bank("edges", Stack((Layer((edge,)),)))).mode
    'RGB'
    """
    filters = bank.filters
    depth = len(filters[0].weights)
    layout = place.lay_out(len(filters), depth, _DRAWN_AS)
    peaks = [peak(each.weights[: place.shown_planes(depth)]) for each in filters]
    captions = [f"{number(strength)} at {frequency:.2f}/px" for strength, frequency in peaks]
    side, strongest = min(layout.plane), max(strength for strength, _ in peaks)
    sheet, top = page.begin(bank, layout)
    name_size = page.name_size([each.name for each in filters], layout)
    caption_size = min(fit(caption, layout.card[1], 19, 11)[1] for caption in captions)
    for index, (each, (own, _), caption) in enumerate(zip(filters, peaks, captions, strict=True)):
        y, x = layout.corner(index)
        corner = top + y, MARGIN + x
        page.write_name(sheet, corner, each.name, layout, name_size)
        reference = strongest if scale == "common" else own
        spectra = [spectrum(plane, side) for plane in each.weights[: place.shown_planes(depth)]]
        pictures = [strength_colours(1 + decibels(one, reference) / FLOOR) for one in spectra]
        bottom = _draw_planes(sheet, corner, pictures, layout, page.labels(bank, depth))
        write(sheet, (corner[1], bottom + place.CAPTION_HEIGHT - 9), caption, caption_size, SOFT)
    marks = [f"{MINUS}{below} dB" if below else "0 dB" for below in _DECIBELS]
    note = "0 in the middle, 0.5/px at the sides"
    page.end(sheet, bank, strength_colours(np.linspace(0, 1, page.BAR)), marks, note)
    return sheet


def write_spectra(bank: Bank, stream: BinaryIO, scale: str = "common") -> None:
    """Write the spectra of *bank* as a PNG to *stream*; the same bank always gives the same bytes."""
    page.save(draw_spectra(bank, scale), stream)


def _draw_planes(
    sheet: Image.Image,
    corner: Pair,
    pictures: list[NDArray[np.uint8]],
    layout: place.Layout,
    labels: list[str],
) -> int:
    """Draw one filter's spectra, a plane a channel; return the row below them."""
    draw = ImageDraw.Draw(sheet)
    y, x = corner[0] + place.NAME_HEIGHT, corner[1]
    bottom = y
    for index, picture in enumerate(pictures):
        row, column = divmod(index, layout.plane_columns)
        step = layout.plane[0] + PLANE_GAP + (place.LABEL_HEIGHT if layout.labelled else 0)
        top, left = y + row * step, x + column * (layout.plane[1] + PLANE_GAP)
        if layout.labelled:
            label, size = fit(labels[index], layout.plane[1], 18, 10)
            write(sheet, (left, top + place.LABEL_HEIGHT - 9), label, size, FAINT)
            top += place.LABEL_HEIGHT
        sheet.paste(Image.fromarray(picture), (left, top))
        bottom, right = top + picture.shape[0], left + picture.shape[1]
        draw.rectangle((left - 1, top - 1, right, bottom), outline=FRAME)
    return bottom
