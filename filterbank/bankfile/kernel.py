"""The kind of a kernel: rows of numbers, read into a float64 array."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence as Items
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filterbank.bankfile.kinds import LARGEST, Number, refuse
from filterbank.bankfile.nodes import Mapping, Node, Row, Scalar, Sequence, describe
from filterbank.bankfile.source import Faults
from filterbank.record import record

MAX_SIDE = 65535
MAX_WEIGHTS = 2**24

_LEVELS = ("number", "row", "plane", "kernel")


@record(frozen=True)
class Kernel:
    """Weights of one filter: F numbers (1×F), F×F, or C×F×F."""

    @property
    def accepted(self) -> str:
        """What is accepted, in words."""
        return "rows of numbers like [[0, 1], [1, 0]], one row [1, 2, 1], or a list of such planes"

    def read(self, node: Node, where: str, faults: Faults) -> NDArray[np.float64] | None:
        """Return the weights, (F, F) or (C, F, F)."""
        depth = _depth(node)
        if depth == 0 or depth > 3:
            hint = f"remove {depth - 3} of the {depth} levels of brackets" if depth > 3 else ""
            refuse(self, node, where, faults, hint=hint)
            return None
        array = _of_rows(node)
        if array is None:
            before = len(faults)
            values = self._read_level(node, depth, "", where, faults)
            _check_even(node, depth, where, faults)
            if len(faults) > before:
                return None
            array = np.array(values, np.float64)
        array = array[None] if depth == 1 else array
        if max(array.shape) > MAX_SIDE or array.size > MAX_WEIGHTS:
            size = "×".join(map(str, array.shape))
            accepted = f"accepted: at most {MAX_SIDE} rows or columns and {MAX_WEIGHTS:,} weights"
            faults.add(node.at, where, f"found a kernel of {size}", accepted, "use a smaller kernel")
            return None
        return array

    def _read_level(self, node: Node, depth: int, place: str, where: str, faults: Faults) -> Any:
        """Return the nested lists of numbers below *node*, which is *depth* levels deep."""
        if depth == 0:
            return Number().read(node, f"{where}{place}", faults)
        if not isinstance(node, Sequence) or not node.items:
            wanted = f"accepted: a {_LEVELS[depth]} as a list of {_LEVELS[depth - 1]}s"
            hint = "put every row into brackets" if isinstance(node, Scalar) else "write at least one number"
            faults.add(node.at, f"{where}{place}", describe(node), wanted, hint)
            return None
        if depth == 1:
            values = [item.value for item in node.items if type(item) is Scalar]
            clean = len(values) == len(node.items)
            if clean and all(type(value) is float or type(value) is int for value in values):
                numbers = [float(value) for value in values]  # type: ignore[arg-type]
                if all(abs(number) <= LARGEST for number in numbers):
                    return numbers
        below = _LEVELS[depth - 1]
        return [
            self._read_level(item, depth - 1, f"{place}, {below} {index}", where, faults)
            for index, item in enumerate(node.items, 1)
        ]

    def schema(self) -> dict[str, Any]:
        """Return the kind as JSON Schema."""
        rule = Number().schema()
        rules = []
        for _ in range(3):
            rule = {"type": "array", "items": rule, "minItems": 1, "maxItems": MAX_SIDE}
            rules.append(rule)
        return {"anyOf": rules}


def _of_rows(node: Node) -> NDArray[np.float64] | None:
    """Return the numbers of a kernel that is rows of numbers and has no fault; None for any other."""
    if isinstance(node, Row):
        array = np.array(node.numbers())
    elif not isinstance(node, Sequence) or not node.items:
        return None
    elif isinstance(node.items[0], Row):
        rows = [row.numbers() for row in node.items if isinstance(row, Row)]
        if len(rows) < len(node.items) or len(set(map(len, rows))) > 1:
            return None
        array = np.array(rows)
    elif isinstance(node.items[0], Sequence):
        planes = [_of_rows(plane) for plane in node.items]
        known = [plane for plane in planes if plane is not None and plane.ndim == 2]
        if len(known) < len(planes) or len({plane.shape for plane in known}) > 1:
            return None
        array = np.stack(known)
    else:
        return None
    return array if bool((np.abs(array) <= LARGEST).all()) else None


def _depth(node: Node) -> int:
    """Return how many levels of lists *node* has, by its first items."""
    depth = 0
    while isinstance(node, Sequence):
        depth += 1
        if not node.items:
            break
        node = node.items[0]
    return depth


def _check_even(node: Node, depth: int, where: str, faults: Faults) -> None:
    """Add a fault for every row or plane that is not as large as most."""
    if depth == 1 or not isinstance(node, Sequence):
        return
    planes = node.items if depth == 3 else [node]
    before = len(faults)
    for index, plane in enumerate(planes, 1):
        if isinstance(plane, Sequence):
            place = f"{where}, plane {index}" if depth == 3 else where
            _compare(plane.items, "row", "number", place, faults)
    if depth == 3 and len(faults) == before:
        _compare(planes, "plane", "row", where, faults)
    if depth == 3 and len(faults) == before:
        firsts = [plane.items[0] for plane in planes if isinstance(plane, Sequence) and plane.items]
        if len(firsts) == len(planes):
            _compare(firsts, "plane", "column", where, faults)


def _compare(items: Items[Node], what: str, part: str, where: str, faults: Faults) -> None:
    """Add a fault for each of the *items* whose length is not that of most.

    What is no list or an empty one has been told as that, and a row without a number says little
    of how long rows are meant to be.
    """
    lengths = [len(item.items) if isinstance(item, Sequence) else 0 for item in items]
    known = [length for item, length in zip(items, lengths, strict=True) if length and _has_part(item)]
    if not known:
        return
    usual = Counter(known).most_common(1)[0][0]
    others = _numbered([index for index, length in enumerate(lengths, 1) if length == usual], what)
    for index, (item, length) in enumerate(zip(items, lengths, strict=True), 1):
        if length not in (0, usual):
            found = f"{what} {index} has {length} {part}{'s' if length != 1 else ''}, {others} {usual}"
            faults.add(item.at, where, found, "", f"make all {what}s equal")


def _has_part(item: Node) -> bool:
    """Return whether a row has a number, or a plane a row."""
    return isinstance(item, Sequence) and any(
        isinstance(part, Sequence) or type(part.value) in (int, float)
        for part in item.items
        if not isinstance(part, Mapping)
    )


def _numbered(indices: list[int], what: str) -> str:
    """Return ``rows 1-2 have``, ``row 1 has`` or ``the others have``."""
    if len(indices) == 1:
        return f"{what} {indices[0]} has"
    if indices[-1] - indices[0] + 1 == len(indices):
        return f"{what}s {indices[0]}-{indices[-1]} have"
    return "the others have"
