"""How a plain Python loop becomes a kernel: compiled once, cached, without the interpreter's lock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba


def kernel(function: Callable[..., None]) -> Any:
    """Return *function* compiled on its first call, its machine code kept for the next process.

    Numba keeps it beside the source or, where that folder is read-only, in the user's cache
    folder. Where neither can be written it is compiled anew in each process.
    """
    try:
        return numba.njit(nogil=True, error_model="numpy", cache=True)(function)
    except RuntimeError:
        return numba.njit(nogil=True, error_model="numpy")(function)
