"""ImageMagick's kernel strings: ``3x3+1+1: -1,0,1 -2,0,2 -1,0,1``.

The grammar is that of <https://imagemagick.org/script/command-line-options.php#kernel>: Correlate slides
a kernel as it is written, Convolve turns it first.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from filterbank.bankfile.foreign.kernels import Kernel, number, refusal
from filterbank.bankfile.source import Source

_HEAD = re.compile(r"\s*([0-9]{1,9})(?:x([0-9]{1,9}))?(?:([+-][0-9]{1,9})([+-][0-9]{1,9}))?([@<>]?)\s*:")
_LIST = re.compile(r"[-+0-9.eEnNaA,\s]+")
_VALUE = re.compile(r"[^\s,]+")
_Plane = NDArray[np.float64]


def is_imagemagick(text: str) -> bool:
    """Return whether *text* begins like a kernel string.

    >>> is_imagemagick("3x3: 1,2,1"), is_imagemagick("3: 1,2,1"), is_imagemagick("a: 1")
    (True, True, False)
    """
    return _HEAD.match(text) is not None


def read_imagemagick(source: Source) -> list[Kernel]:
    """Return the kernels of a kernel string, a list of them between semicolons.

    The origin is brought to the middle by zeros around; absent values, nan or -, are zeros.
    ``@``, ``>`` and ``<`` add the rotations by 45°, by 90°, and the mirrored ones.

    Raises
    ------
    BankError
        It is no kernel string, or names one of ImageMagick's own kernels.

    Examples
    --------
    >>> kernel, = read_imagemagick(Source("", "2x1+0+0: 1,-1"))
    >>> kernel.weights.tolist()
    [[1.0, -1.0]]
    >>> [kernel.weights.tolist() for kernel in read_imagemagick(Source("", "3x1+0+0>: 0,nan,1"))][:2]
    [[[0.0, 0.0, 0.0, 0.0, 1.0]], [[0.0], [0.0], [0.0], [0.0], [1.0]]]
    """
    kernels, at = list[Kernel](), 0
    for part in source.text.split(";"):
        if part.strip():
            kernels += _read(source, part, at)
        at += len(part) + 1
    if not kernels:
        raise refusal(source, 0, "found no kernel", "accepted: a kernel string like 3x3: 0,1,0 1,-4,1 0,1,0")
    return kernels


def _read(source: Source, text: str, at: int) -> list[Kernel]:
    head = _HEAD.match(text)
    if head is None and _LIST.fullmatch(text):
        # The old form: as many numbers as an odd square has.
        side = math.isqrt(len(_VALUE.findall(text)))
        return _read(source, f"{side}:{text}", at - len(f"{side}:"))
    if head is None:
        accepted = "accepted: a kernel string like 3x3: 0,1,0 1,-4,1 0,1,0"
        hint = "write a kernel that has a name out as numbers" if re.match(r"\s*[A-Za-z]", text) else ""
        raise refusal(source, at, f"found {text.strip()[:40]!r}", accepted, hint)
    columns, rows = int(head[1]), int(head[2] or head[1])
    words = [(found[0], at + found.start()) for found in _VALUE.finditer(text, head.end())]
    if len(words) != columns * rows or not words:
        found = f"found {len(words)} values for {columns}x{rows}"
        raise refusal(source, at, found, f"accepted: {columns * rows}")
    values = [0.0 if word.lower() in ("nan", "-") else number(source, word, place) for word, place in words]
    plane = np.array(values).reshape(rows, columns)
    origin = int(head[3] or (columns - 1) // 2), int(head[4] or (rows - 1) // 2)
    if not (0 <= origin[0] < columns and 0 <= origin[1] < rows):
        raise refusal(source, at, f"found the origin {head[3]}{head[4]}", "accepted: a place in the kernel")
    centred = _centred(plane, origin, turns=bool(head[5]))
    if head[5] == "@" and plane.shape != (3, 3):
        raise refusal(source, at, f"found @ with {columns}x{rows}", "accepted: 3x3, whose ring turns by 45°")
    turned = _ROTATIONS[head[5]](centred) if head[5] else [centred]
    return [Kernel(each) for each in turned]


def _centred(plane: _Plane, origin: tuple[int, int], *, turns: bool) -> _Plane:
    """Return *plane* with zeros around it so that its *origin* (x, y) is the middle.

    An even size has its middle left or above; one that turns needs a middle that stays.
    """
    around = []
    for size, place in zip(plane.shape, origin[::-1], strict=True):
        is_middle = place == (size - 1) // 2 and not (turns and size % 2 == 0)
        missing = size - 1 - 2 * place
        around.append((0, 0) if is_middle else (max(missing, 0), max(-missing, 0)))
    return np.pad(plane, around)


def _all_turns(plane: _Plane, turn: Callable[[_Plane], _Plane]) -> list[_Plane]:
    """Return *plane* turned again and again, until it is itself."""
    turned = [plane]
    while not np.array_equal(following := turn(turned[-1]), plane) and len(turned) < 8:
        turned.append(following)
    return turned


def _eighth(plane: _Plane) -> _Plane:
    """Return a 3×3 plane with its ring moved on by one place, clockwise."""
    ring = [(0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0)]
    turned = plane.copy()
    for place, before in zip(ring, ring[-1:] + ring[:-1], strict=True):
        turned[place] = plane[before]
    return turned


def _mirrored(plane: _Plane) -> list[_Plane]:
    upside = np.rot90(plane, 2)
    across = np.rot90(upside, -1)
    return [plane, upside, across, np.rot90(across, 2)]


_ROTATIONS: dict[str, Callable[[_Plane], list[_Plane]]] = {
    "@": lambda plane: _all_turns(plane, _eighth),
    ">": lambda plane: _all_turns(plane, lambda each: np.rot90(each, -1)),
    "<": _mirrored,
}
