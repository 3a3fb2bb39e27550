"""The compiled kernels of this process, loaded when the first plan is run."""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path

from filterbank.engine.image import Kernels, load

# Where compiled kernels are kept; empty keeps none. Without it the user's cache folder is taken.
CACHE_VARIABLE = "FILTERBANK_CACHE"


def folder() -> Path | None:
    """Return where compiled kernels are kept, None for nowhere: a place of the system, not of a run."""
    chosen = os.environ.get(CACHE_VARIABLE)
    if chosen is not None:
        return Path(chosen) if chosen else None
    try:
        home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    except RuntimeError:  # a user without a home
        return None
    return Path(home, "filterbank")


@cache
def kernels() -> Kernels:
    """Return the compiled kernels, compiled now if this machine has none yet; standard error says so."""
    return load(folder(), _notice)


def _notice(text: str) -> None:
    print(f"filterbank: {text}", file=sys.stderr, flush=True)
