"""Which pixel stands at a place outside the image."""

from __future__ import annotations

from filterbank.engine.kernels.layout import MODES
from filterbank.engine.kernels.vector import INT, helper

CONSTANT, _REFLECT, _SYMMETRIC, _REPLICATE = (
    MODES.index(name) for name in ("constant", "reflect", "symmetric", "replicate")
)


@helper(INT(INT, INT, INT))
def reach(mode: int, i: int, n: int) -> int:
    """Return the pixel of 0 … n − 1 that stands at place *i*; −1 for the border's own value."""
    if 0 <= i < n:
        return i
    if mode <= CONSTANT:
        return -1
    if mode == _REFLECT:
        return -i if i < 0 else 2 * (n - 1) - i
    if mode == _SYMMETRIC:
        return -1 - i if i < 0 else 2 * n - 1 - i
    if mode == _REPLICATE:
        return 0 if i < 0 else n - 1
    return i + n if i < 0 else i - n
