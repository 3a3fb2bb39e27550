"""What the contact page shows of each image and map: texts, links and scales, made from manifest lines."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import field
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

from filterbank.errors import GeometryError, shown
from filterbank.geometry import Pair
from filterbank.model import Bank
from filterbank.record import record
from filterbank.report.numerals import MINUS, TIMES, number
from filterbank.report.previews import NONE, Picture, codes_are, file_source, image_picture, map_picture

# What today's browsers draw.
_WEB = {
    **{".png": "png", ".apng": "apng", ".jpg": "jpeg", ".jpeg": "jpeg", ".jfif": "jpeg", ".gif": "gif"},
    **{".webp": "webp", ".bmp": "bmp", ".avif": "avif", ".ico": "x-icon"},
}
_PREVIEWS = 300  # in one page: 5 kB each
_TOP = {"png": 255, "png16": 65535}

Line = Mapping[str, Any]
Place = tuple[float, float, float, float]


@record(frozen=True)
class MapView:
    """One map, as texts; ``place`` says where in the image a pixel's receptive field has its middle.

    Row y and column x of the map are place[0]·y + place[1] and place[2]·x + place[3] of the image; None
    where the bank is not at hand.
    """

    filter: str
    bank: str
    kernel: str
    href: str
    picture: Picture
    alt: str
    told: str
    low: str
    zero: str
    high: str
    top: int
    place: Place | None


@record()
class ImageView:
    """One image and its maps, of all banks."""

    name: str
    facts: str
    href: str
    picture: Picture
    height: int
    width: int
    is_stored: bool  # shown as it lies in the file, whatever its EXIF says
    maps: list[MapView] = field(default_factory=list)


@record()
class Views:
    """Makes views of the lines of the manifest in the folder *out*.

    ``kernels`` are the names of the filters' pictures by (digest, filter), ``banks`` those at hand by
    digest; ``inside`` is how many bytes of files the page may hold; ``strange`` counts lines that are none of
    this program.
    """

    out: Path
    kernels: Mapping[tuple[str, str], str]
    banks: Mapping[str, Bank]
    inside: int
    strange: int = 0
    _previews: int = _PREVIEWS

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
        kind = _WEB.get(PurePosixPath(path).suffix.lower(), "")
        if kind and not page:
            src, codes = self._source(Path(path), href, kind), codes_are(Path(path), kind)
            at, step = (None, None) if codes == "other" else (0.0, 1 / 255)
            picture = Picture(src, at, step, is_near=codes == "near") if src else NONE
        else:
            picture = self._preview(href, lambda: image_picture(path, line["options"]))
        is_stored = line["options"].get("orient") is False
        name += f", page {page}" if page else ""
        return ImageView(name, facts, href, picture, height, width, is_stored)

    def _maps(self, line: Line) -> Iterator[MapView]:
        digest, options = str(line["digest"]), line["options"]
        size = int(line["height"]), int(line["width"])
        for index, one in enumerate(line["maps"]):
            file, name = str(one["file"]), str(one["filter"])
            top = _TOP.get(str(options["format"]), 0)
            path, page = self.out / file, index if options["stack"] else 0
            # A stack is no picture for a browser, whatever its codes.
            if PurePosixPath(file).suffix == ".png" and not options["stack"]:
                at, step = _affine(one, options, top)
                picture = Picture(self._source(path, _link(file), "png"), at, step, is_near=top > 255)
            else:
                picture = self._preview(path.is_file(), lambda: map_picture(path, page))  # noqa: B023
            ends = _number(one["min"]), _number(one["max"])
            told = [f"{ends[0]} to {ends[1]}", f"mean {_number(one['mean'])}"]
            told += [f"{_share(float(one['clipped']))} clipped"] * bool(one["clipped"])
            yield MapView(
                filter=shown(name),
                bank=shown(str(line["bank"])),
                kernel=self.kernels.get((digest, name), ""),
                href=_link(file),
                picture=picture,
                alt=f"Map {shown(name)} of {shown(str(line['input']))}: values {ends[0]} to {ends[1]}",
                told=", ".join(told),
                low="" if not top else _number(one["lo"]),
                zero="" if not top or one["zero"] is None else str(int(one["zero"])),
                high="" if not top else _number(one["hi"]),
                top=top,
                place=_place(self.banks.get(digest), size, one.get("layer")),
            )

    def _preview(self, is_there: object, draw: Callable[[], Picture]) -> Picture:
        """Return what *draw* gives, as long as there is room in the page."""
        if not is_there or self._previews <= 0:
            return NONE
        self._previews -= 1
        return draw()

    def _source(self, path: Path, link: str, kind: str) -> str:
        """Return the picture *path* itself, as long as there is room in the page, and then a *link* to it.

        What a page holds inside, a browser lets it read, also where it was opened from a disk.
        """
        try:
            size = path.stat().st_size
        except (OSError, ValueError):
            return link
        if not link or size > self.inside:
            return link
        self.inside -= size
        return file_source(path, kind) or link


def _affine(one: Line, options: Line, top: int) -> tuple[float | None, float | None]:
    """Return the value of code 0 and that of a 255th of the codes; none without a scale."""
    if not top:
        return None, None
    lo, hi, zero = float(one["lo"]), float(one["hi"]), one["zero"]
    if options["linear"] and (lo, hi) == (0.0, 1.0):
        return None, None  # along the sRGB curve, perhaps: the file knows
    if zero == (top + 1) // 2:
        step = hi / (top - zero)
        return -zero * step, step * (top / 255)
    return lo, (hi - lo) / 255


def _place(bank: Bank | None, size: Pair, layer: object) -> Place | None:
    """Return the place of the maps of *layer*, from 1, or the last, on an image of *size* (H, W)."""
    if bank is None:
        return None
    geometries = []
    try:
        for each in bank.stack.layers[: layer if isinstance(layer, int) else None]:
            geometries.append(each.geometry(size))
            size = geometries[-1].out_height, geometries[-1].out_width
    except GeometryError:
        return None
    ends = []
    for axis in (0, 1):
        scale, offset = 1.0, 0.0
        for g in reversed(geometries):
            middle = g.dilation[axis] * (g.kernel[axis] - 1) / 2 - g.padding[axis]
            scale, offset = scale * g.stride[axis], offset * g.stride[axis] + middle
        ends += [scale, offset]
    return ends[0], ends[1], ends[2], ends[3]


def _number(value: Any) -> str:
    # A line may not break after a hyphen's 1e-.
    return (
        "none"
        if value is None
        else number(float(value)).replace("e-0", f"e{MINUS}").replace("e-", f"e{MINUS}")
    )


def _share(share: float) -> str:
    """Return a share as percents, 100 only where it is all.

    >>> _share(1.0), _share(0.9999), _share(0.123), _share(1e-6)
    ('100 %', '99.9 %', '12 %', '0.0001 %')
    """
    percent = 100 * share
    if percent >= 99.5:
        return "100 %" if percent == 100 else f"{min(percent, 99.9):.3g} %"
    return f"{percent:.2g} %"


def _link(path: str) -> str:
    """Return *path* as a relative link, whatever bytes its name has."""
    # "./" keeps a colon in a name from looking like a scheme.
    return "./" + quote(os.fsencode(path))
