"""Writing on pictures with the one font that Pillow carries, so that a sheet is the same everywhere.

That font has neither a minus nor a multiplication sign; both are drawn. Other letters that it
lacks lose their accents or become a question mark.
"""

from __future__ import annotations

import unicodedata
from functools import cache

from PIL import Image, ImageDraw, ImageFont

from filterbank.report.numerals import MINUS, TIMES

_KNOWN = {chr(code) for code in range(32, 127)} | set("·±…°")
_SIMPLER = {"–": "-", "—": "-", "‘": "'", "’": "'", "“": '"', "”": '"', "ß": "ss", "ø": "o", "æ": "ae"}
_DRAWN = {MINUS, TIMES}
_SMOOTHING = 8


def spellable(text: str) -> str:
    r"""Return *text* in the letters that can be drawn, on one line.

    >>> spellable("Café — “edges”, 3×3\n")
    'Cafe - "edges", 3×3'
    """
    letters = []
    for letter in " ".join(text.split()):
        if letter in _KNOWN or letter in _DRAWN:
            letters.append(letter)
            continue
        plain = _SIMPLER.get(letter) or "".join(
            part for part in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(part)
        )
        letters.append("".join(part if part in _KNOWN else "?" for part in plain))
    return "".join(letters)


def width(text: str, size: float) -> float:
    """Return how many pixels wide *text* is at *size*.

    >>> width("filter", 20) > width("fil", 20) > width("", 20)
    True
    """
    return sum(_advance(run, size) for run in _runs(spellable(text)))


def write(
    picture: Image.Image,
    place: tuple[float, float],
    text: str,
    size: float,
    ink: tuple[int, int, int],
    anchor: str = "l",
) -> None:
    """Write *text* with its baseline at *place* (x, y); *anchor* is l, m or r: what x is of the line.

    >>> sheet = Image.new("RGB", (80, 30), "white")
    >>> write(sheet, (4, 20), "−1", 16, (0, 0, 0))
    >>> sheet.getextrema()[0]
    (0, 255)
    """
    text = spellable(text)
    x, baseline = place
    x -= {"l": 0.0, "m": 0.5, "r": 1.0}[anchor] * width(text, size)
    draw = ImageDraw.Draw(picture)
    for run in _runs(text):
        if run in _DRAWN:
            glyph = _glyph(run, round(size))
            picture.paste(ink, (round(x), round(baseline) - glyph.height), glyph)
        else:
            draw.text((x, baseline), run, fill=ink, font=_font(size), anchor="ls")
        x += _advance(run, size)


def fit(text: str, limit: float, largest: float, smallest: float) -> tuple[str, float]:
    """Return *text* and the size at which it is at most *limit* wide, shortened by … at the smallest.

    >>> fit("edge", 500, 24, 12)
    ('edge', 24)
    """
    size = largest
    while size > smallest and width(text, size) > limit:
        size -= 1
    if width(text, size) <= limit:
        return text, size
    while text and width(text + "…", size) > limit:
        text = text[:-1]
    return text + "…", size


def wrap(text: str, limit: float, size: float, lines: int) -> list[str]:
    """Return *text* in at most so many *lines* of at most *limit* pixels, broken between words.

    >>> wrap("first derivatives of a grey image", 150, 20, 2)
    ['first derivatives', 'of a grey image']
    """
    broken: list[str] = []
    for word in spellable(text).split():
        if broken and width(f"{broken[-1]} {word}", size) <= limit:
            broken[-1] += " " + word
        else:
            broken.append(word)
    if len(broken) > lines:
        broken = [*broken[: lines - 1], " ".join(broken[lines - 1 :])]
    return [fit(line, limit, size, size)[0] for line in broken]


@cache
def _font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _runs(text: str) -> list[str]:
    """Return *text* cut into signs that are drawn and runs that the font can write."""
    runs: list[str] = []
    for letter in text:
        if runs and letter not in _DRAWN and runs[-1] not in _DRAWN:
            runs[-1] += letter
        else:
            runs.append(letter)
    return runs


def _advance(run: str, size: float) -> float:
    return 0.58 * size if run in _DRAWN else _font(size).getlength(run)


@cache
def _glyph(sign: str, size: int) -> Image.Image:
    """Return the drawn *sign* as a mask whose lower edge is the baseline."""
    scale = size * _SMOOTHING
    height = size * _SMOOTHING  # whole pixels, so that the lower edge stays on the baseline
    mask = Image.new("L", (round(0.58 * scale), height), 0)
    draw = ImageDraw.Draw(mask)
    middle, centre = 0.29 * scale, height - 0.32 * scale
    stroke = round(0.075 * scale)
    if sign == MINUS:
        draw.rectangle((0.07 * scale, centre - stroke / 2, 0.51 * scale, centre + stroke / 2), fill=255)
    else:
        arm = 0.17 * scale
        for turn in (-1, 1):
            ends = (middle - arm, centre - turn * arm, middle + arm, centre + turn * arm)
            draw.line(ends, fill=255, width=stroke)
    return mask.reduce(_SMOOTHING)
