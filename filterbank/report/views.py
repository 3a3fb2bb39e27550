"""What the contact page shows of each image and map: texts, links and scales, made from manifest lines."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

from filterbank.errors import shown
from filterbank.report.numerals import TIMES, number
from filterbank.report.previews import image_picture, map_picture

# What today's browsers draw.
_WEB = frozenset({".png", ".apng", ".jpg", ".jpeg", ".jfif", ".gif", ".webp", ".bmp", ".avif", ".ico"})
_EMBEDDED = 300  # previews in one page: 5 kB each
_TOP = {"png": 255, "png16": 65535}

Line = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class MapView:
    """One map: ``src`` is empty where nothing can be drawn; a code c means ``at`` + ``step``·c."""

    filter: str
    bank: str
    kernel: str
    href: str
    src: str
    alt: str
    told: str
    low: str
    zero: str
    high: str
    at: str
    step: str
    top: int


@dataclass(slots=True)
class ImageView:
    """One image and its maps, of all banks."""

    name: str
    facts: str
    href: str
    src: str
    maps: list[MapView] = field(default_factory=list)


@dataclass(slots=True)
class Views:
    """Makes views of the lines of the manifest in the folder *out*.

    ``kernels`` are the names of the filters' pictures by (digest, filter); ``strange`` counts lines
    that are none of this program.
    """

    out: Path
    kernels: Mapping[tuple[str, str], str]
    strange: int = 0
    _room: int = _EMBEDDED

    def images(self, lines: Iterable[Line]) -> list[ImageView]:
        """Return the images in the order of their first lines."""
        found: dict[tuple[str, int], ImageView] = {}
        for line in lines:
            try:
                key = str(line["input"]), int(line["options"]["page"])
                maps = list(self._maps(line))
                view = found[key] if key in found else self._image(line, *key)
            except (KeyError, TypeError, ValueError, AttributeError):
                self.strange += 1
                continue
            view.maps += maps
            found[key] = view
        return list(found.values())

    def _image(self, line: Line, path: str, page: int) -> ImageView:
        height, width, channels = (int(line[key]) for key in ("height", "width", "channels"))
        facts = f"{width}{TIMES}{height} (W{TIMES}H), {channels} channel{'s' * (channels != 1)}"
        href = ""
        if os.path.isfile(path):  # noqa: PTH113 - raises nothing
            href = _link(os.path.relpath(path, self.out))
        name = shown(path) if path != "-" else "standard input"
        is_web = PurePosixPath(path).suffix.lower() in _WEB and not page
        src = href if is_web else self._embedded(href, lambda: image_picture(path, line["options"]))
        return ImageView(name + (f", page {page}" if page else ""), facts, href, src)

    def _maps(self, line: Line) -> Iterator[MapView]:
        digest, options = str(line["digest"]), line["options"]
        for index, one in enumerate(line["maps"]):
            file, name = str(one["file"]), str(one["filter"])
            top = _TOP.get(str(options["format"]), 0)
            # A stack is no picture for a browser, whatever its codes.
            is_web = PurePosixPath(file).suffix == ".png" and not options["stack"]
            path, place = self.out / file, index if options["stack"] else 0
            src = _link(file) if is_web else self._embedded(path.is_file(), lambda: map_picture(path, place))  # noqa: B023
            ends = _number(one["min"]), _number(one["max"])
            told = [f"{ends[0]} to {ends[1]}", f"mean {_number(one['mean'])}"]
            told += [f"{100 * float(one['clipped']):.2g} % clipped"] * bool(one["clipped"])
            at, step = _affine(one, options, top)
            yield MapView(
                filter=shown(name),
                bank=shown(str(line["bank"])),
                kernel=self.kernels.get((digest, name), ""),
                href=_link(file),
                src=src,
                alt=f"Map {shown(name)} of {shown(str(line['input']))}: values {ends[0]} to {ends[1]}",
                told=", ".join(told),
                low="" if not top else _number(one["lo"]),
                zero="" if not top or one["zero"] is None else str(int(one["zero"])),
                high="" if not top else _number(one["hi"]),
                at=at,
                step=step,
                top=top,
            )

    def _embedded(self, is_there: object, draw: Any) -> str:
        """Return what *draw* gives, as long as there is room in the page."""
        if not is_there or self._room <= 0:
            return ""
        self._room -= 1
        picture: str = draw()
        return picture


def _affine(one: Line, options: Line, top: int) -> tuple[str, str]:
    """Return the value of code 0 and that of a step, as JavaScript reads them; empty without a scale."""
    if not top:
        return "", ""
    lo, hi, zero = float(one["lo"]), float(one["hi"]), one["zero"]
    if options["linear"] and (lo, hi) == (0.0, 1.0):
        return "", ""  # along the sRGB curve, perhaps: the file knows
    if zero == (top + 1) // 2:
        step = hi / (top - zero)
        return repr(-zero * step), repr(step)
    return repr(lo), repr((hi - lo) / top)


def _number(value: Any) -> str:
    return "none" if value is None else number(float(value))


def _link(path: str) -> str:
    """Return *path* as a relative link, whatever bytes its name has."""
    # "./" keeps a colon in a name from looking like a scheme.
    return "./" + quote(os.fsencode(path))
