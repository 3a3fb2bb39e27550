"""The constants of `cost` for the machine at hand, kept beside its compiled kernels."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from dataclasses import asdict, fields
from functools import cache
from pathlib import Path

from filterbank.engine.compiled import folder
from filterbank.engine.cost import DEFAULT, Machine

_FILE = "machine.json"


def machine() -> Machine:
    """Return this machine's constants: measured ones where `keep` has left them, else the defaults."""
    return _kept(folder())


def keep(measured: Machine, place: Path) -> Path:
    """Leave *measured* in a folder for later processes, and return the file."""
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = place / (_FILE + ".new")
    temporary.write_text(json.dumps(asdict(measured), indent=1) + "\n", "utf-8")
    return temporary.replace(place / _FILE)


@cache
def _kept(place: Path | None) -> Machine:
    """Return the constants of a folder; what is not a positive number for every one is passed over."""
    if place is not None:
        with suppress(OSError, ValueError, TypeError, KeyError):
            found = json.loads((place / _FILE).read_text("utf-8"))
            values = {each.name: float(found[each.name]) for each in fields(Machine)}
            if all(0 < value < math.inf for value in values.values()):
                return Machine(**values)
    return DEFAULT
