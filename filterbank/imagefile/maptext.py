"""What a map's file says of its codes: the text that `decode` reads back.

A PNG carries one text chunk a field, ``filterbank.lo`` and so on; a TIFF page carries one JSON
object as its ImageDescription. Floats are written so that they read back exactly.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from filterbank import __version__
from filterbank.errors import ImageError
from filterbank.imagefile.tone import TOP8, TOP16, Scale
from filterbank.record import record

PREFIX = "filterbank."
SOFTWARE = f"filterbank {__version__}"

# field -> how its text is read; the fields of an integer file that decode cannot do without come first
_NEEDED = ("lo", "hi", "top", "zero")


@record(frozen=True)
class MapText:
    """Where a map comes from and what its codes mean; ``scale`` is None in a float file.

    ``transfer`` is ``srgb`` where linear light was encoded before it was scaled, else ``linear``;
    ``alpha`` says that the last channel is alpha, coded 0..top for 0..1.
    """

    filter: str = ""
    bank: str = ""
    digest: str = ""
    scale: Scale | None = None
    range: str = ""
    transfer: str = "linear"
    clipped: int = 0
    alpha: bool = False
    software: str = SOFTWARE


def to_fields(text: MapText) -> dict[str, str]:
    """Return *text* as field -> text, in a fixed order; what to_fields gives from_fields reads.

    >>> list(to_fields(MapText("sobel_x", scale=Scale(-1.5, 1.5, 255, 128))))[:6]
    ['software', 'filter', 'bank', 'digest', 'lo', 'hi']
    """
    fields = {"software": text.software, "filter": text.filter, "bank": text.bank, "digest": text.digest}
    if text.scale is not None:
        scale = text.scale
        fields |= {"lo": repr(float(scale.lo)), "hi": repr(float(scale.hi)), "top": str(scale.top)}
        fields |= {"zero": "none" if scale.zero_code is None else str(scale.zero_code)}
        fields |= {"range": text.range, "transfer": text.transfer, "clipped": str(text.clipped)}
    return fields | {"alpha": "yes" if text.alpha else "no"}


def from_fields(fields: Mapping[str, str]) -> MapText:
    """Return the MapText that *fields* spell.

    Raises
    ------
    ImageError
        A field of the scale is missing or damaged; the message names the field.

    Examples
    --------
    >>> text = MapText("sobel_x", "sobel", scale=Scale(-0.1, 0.1, 255, 128))
    >>> from_fields(to_fields(text)) == text
    True
    """
    return MapText(
        filter=fields.get("filter", ""),
        bank=fields.get("bank", ""),
        digest=fields.get("digest", ""),
        scale=_scale(fields),
        range=fields.get("range", ""),
        transfer=_one_of(fields, "transfer", ("linear", "srgb")),
        clipped=_count(fields),
        alpha=_one_of(fields, "alpha", ("no", "yes")) == "yes",
        software=fields.get("software", ""),
    )


def to_json(text: MapText) -> str:
    """Return *text* as one line of plain ASCII JSON for a TIFF's ImageDescription.

    >>> to_json(MapText("blur", scale=Scale(0.0, 0.5)))
    '{"filterbank": "...", "filter": "blur", ..., "lo": 0.0, "hi": 0.5, "top": 255, "zero": 0, ...}'
    """
    fields: dict[str, Any] = dict(to_fields(text))
    fields = {"filterbank": fields.pop("software").removeprefix("filterbank ")} | fields
    if text.scale is not None:
        fields |= {"lo": float(text.scale.lo), "hi": float(text.scale.hi)}
        fields |= {"top": text.scale.top, "zero": text.scale.zero_code, "clipped": text.clipped}
    return json.dumps(fields | {"alpha": text.alpha})


def from_json(description: str) -> MapText | None:
    """Return the MapText of a TIFF's ImageDescription; None when it is somebody else's.

    Raises
    ------
    ImageError
        The description is ours but damaged.

    Examples
    --------
    >>> from_json("scanned on a Tuesday") is None
    True
    """
    try:
        found: Any = json.loads(description)
    except ValueError:
        return None
    if not isinstance(found, dict) or "filterbank" not in found:
        return None
    spelled = {None: "none", True: "yes", False: "no"}
    fields = {
        key: spelled[value] if value is None or isinstance(value, bool) else str(value)
        for key, value in found.items()
    }
    return from_fields(fields | {"software": f"filterbank {fields['filterbank']}"})


def _scale(fields: Mapping[str, str]) -> Scale | None:
    """Return the scale, or None where no field of one is there (a float file)."""
    missing = [name for name in _NEEDED if name not in fields]
    if len(missing) == len(_NEEDED):
        return None
    if missing:
        raise _damaged(missing[0], "it is missing", "lo, hi, top and zero together")
    lo, hi = (_number(fields, name) for name in ("lo", "hi"))
    if lo > hi:
        raise _damaged("lo", f"{lo!r} is above hi {hi!r}", "lo at most hi")
    top = fields["top"]
    if top not in (str(TOP8), str(TOP16)):
        raise _damaged("top", repr(top), f"{TOP8} or {TOP16}")
    # Zero in the middle is a signed scale; at an end it follows from lo and hi.
    signed, plain = Scale(lo, hi, int(top), (int(top) + 1) // 2), Scale(lo, hi, int(top))
    if fields["zero"] == str(signed.zero):
        return signed
    accepted = ["none", str(signed.zero)] + [str(plain.zero_code)] * (plain.zero_code is not None)
    if fields["zero"] not in accepted:
        raise _damaged("zero", repr(fields["zero"]), " or ".join(accepted))
    return plain


def _number(fields: Mapping[str, str], name: str) -> float:
    """Return the finite number in field *name*."""
    try:
        value = float(fields[name])
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise _damaged(name, repr(fields[name]), "a finite number")
    return value


def _count(fields: Mapping[str, str]) -> int:
    """Return how many pixels were clipped."""
    found = fields.get("clipped", "0")
    if not (found.isascii() and found.isdigit() and len(found) < 20):
        raise _damaged("clipped", repr(found), "a count")
    return int(found)


def _one_of(fields: Mapping[str, str], name: str, words: tuple[str, ...]) -> str:
    """Return the word in field *name*, by default the first of *words*."""
    found = fields.get(name, words[0])
    if found not in words:
        raise _damaged(name, repr(found), " or ".join(words))
    return found


def _damaged(name: str, found: str, accepted: str) -> ImageError:
    return ImageError(
        f"damaged metadata: {PREFIX}{name}: found {found}; accepted: {accepted}; write the map again"
    )
