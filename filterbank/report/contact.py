"""The contact page: every image beside its maps, one HTML file that needs nothing but the maps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import jinja2
import numpy as np

from filterbank import __version__
from filterbank.errors import shown
from filterbank.model import Bank
from filterbank.report.numerals import number
from filterbank.report.previews import kernel_picture
from filterbank.report.views import Line, Views

GENERATOR = "filterbank contact sheet"

INSIDE = 16_000_000  # bytes of files that one page holds

_PAGE = 25  # images


def draw_contact(lines: Iterable[Line], out: Path, banks: Sequence[Bank] = ()) -> Iterator[str]:
    """Return the page, part by part, that shows the images and maps of *lines* of a manifest.

    Links are relative to *out*, the folder of manifest and page. The filters of *banks* are drawn beside
    the maps whose lines have their digest.

    Examples
    --------
    >>> "".join(draw_contact([], Path("maps")))[:15]
    '<!doctype html>'
    """
    kernels = {
        (bank.digest, filter.name): f"k{first}-{second}"
        for first, bank in enumerate(banks)
        for second, filter in enumerate(bank.filters)
    }
    views = Views(out, kernels, {bank.digest: bank for bank in banks}, INSIDE)
    images = views.images(lines)
    loader = jinja2.PackageLoader("filterbank.report")
    environment = jinja2.Environment(
        loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    return environment.get_template("contact.html").generate(
        generator=GENERATOR,
        version=__version__,
        title=shown(Path(out).resolve().name),
        pages=[images[start : start + _PAGE] for start in range(0, max(len(images), 1), _PAGE)],
        count=len(images),
        maps=sum(len(image.maps) for image in images),
        strange=views.strange,
        banks=[_bank(bank, kernels) for bank in banks],
    )


def _bank(bank: Bank, kernels: dict[tuple[str, str], str]) -> dict[str, object]:
    """Return what the page shows of *bank*: its words, and its filters' pictures, each on its own scale."""
    # As small as they are, a wide blur would be white beside a narrow one.
    largest = [float(np.abs(filter.weights).max()) for filter in bank.filters]
    return {
        "name": bank.name,
        "description": bank.description,
        "filters": [
            {
                "name": filter.name,
                "id": kernels[bank.digest, filter.name],
                "picture": kernel_picture(filter, m),
                "m": number(m),
                "columns": filter.weights.shape[2],
                "rows": filter.weights.shape[1],
            }
            for filter, m in zip(bank.filters, largest, strict=True)
        ],
    }
