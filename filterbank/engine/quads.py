"""A layer of small integers made ready for pictures of bytes: exact sums, and fewer of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filterbank.engine import blocks
from filterbank.engine.direct import FLOAT, DirectPlan
from filterbank.engine.kernels import layout as common
from filterbank.engine.kernels import layout_quads as layout
from filterbank.geometry import Geometry, Pair
from filterbank.record import record

_LARGEST = 127
# A filter's weights are tried as whole numbers of its smallest one divided by 1, 2, 3 ... so many.
_DIVISORS = 12
_SAME = 1e-12  # of a weight: what a few roundings of float64 leave
_FEW = common.CHUNK  # quads of a filter: above, blocks are cut otherwise
_ENOUGH = 4  # filters that are worth filling scratch for, where others of the layer need it as floats


@record(frozen=True, eq=False)
class Integers:
    """Weights as ``units[k] · numbers[k]``: (K,) float64, (K, C/groups, Fh, Fw) whole numbers."""

    numbers: NDArray[np.int64]
    units: NDArray[np.float64]


def as_integers(weights: NDArray[np.float64]) -> Integers | None:
    """Return *weights* (K, C/groups, Fh, Fw) as whole numbers of −127 … 127 times a unit of each filter.

    None where some filter is no such multiple.

    >>> found = as_integers(np.array([[[[-0.25, 0, 0.5]]]]))
    >>> found.numbers.ravel().tolist(), found.units.tolist()
    ([-1, 0, 2], [0.25])
    >>> as_integers(np.array([[[[1.0, np.pi]]]])) is None
    True
    """
    units = _units(weights.tobytes(), weights.shape)
    if not units.all():
        return None
    return Integers(np.rint(weights / units[:, None, None, None]).astype(np.int64), units)


def _unit(weights: NDArray[np.float64]) -> float:
    """Return what all *weights* are whole multiples of, 0 where nothing suitable is."""
    sizes = np.abs(weights[weights != 0])
    if not sizes.size:
        return 1.0
    if sizes.max() > _LARGEST * sizes.min():
        return 0.0
    for divisor in range(1, _DIVISORS + 1):
        unit = float(sizes.min()) / divisor
        numbers = sizes / unit
        if numbers.max() <= _LARGEST and np.all(np.abs(numbers - np.rint(numbers)) <= _SAME * numbers):
            return unit
    return 0.0


@lru_cache(maxsize=16)
def _units(weights: bytes, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Return the unit of each filter; planner and plan, and images of other sizes, ask for them again."""
    return np.array([_unit(one) for one in np.frombuffer(weights).reshape(shape[0], -1)])


def whole_filters(
    weights: NDArray[np.float64],
    stride: Pair,
    groups: int,
    *,
    padding_mode: str,
    padding_value: Sequence[float],
    mean: Sequence[float],
    std: Sequence[float],
    **_: Any,
) -> tuple[int, ...]:
    """Return which filters of a layer are summed in bytes: none, all, or so many that it is a gain.

    Columns stand side by side, the image is taken as it is, and what lies outside is a byte, too.
    """
    if stride[1] != 1 or any(mean) or any(one != 1 for one in std):
        return ()
    border = 255 * np.array(padding_value if padding_mode == "constant" else (0.0,))
    if np.any(border != np.rint(border)) or border.min() < 0 or border.max() > 255:
        return ()
    depth, rows, columns = weights.shape[1:]
    if depth * columns * -(-rows // layout.DEEP) >= _FEW:
        return ()
    found = tuple(np.flatnonzero(_units(weights.tobytes(), weights.shape)).tolist())
    is_worth_it = len(found) == len(weights) or (groups == 1 and len(found) >= _ENOUGH)
    return found if is_worth_it else ()


def stacked(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return *numbers* (K, C/groups, Fh, Fw) as quads (K, C/groups, ⌈Fh/4⌉, Fw, 4), filled up with zeros."""
    filters, depth, rows, columns = numbers.shape
    deep = -(-rows // layout.DEEP)
    padded = np.pad(numbers, ((0, 0), (0, 0), (0, layout.DEEP * deep - rows), (0, 0)))
    return np.moveaxis(padded.reshape(filters, depth, deep, layout.DEEP, columns), 3, -1)


class QuadPlan(DirectPlan):
    """A layer of whole numbers on pictures of bytes, ready to run; *weights* are `Integers.numbers`."""

    _words_count = layout.WORDS
    kernel_name = "quads"

    def __init__(
        self,
        weights: NDArray[np.float64],
        biases: NDArray[np.float64],
        geometry: Geometry,
        *,
        units: NDArray[np.float64],
        **how: Any,
    ) -> None:
        self._units = units
        super().__init__(weights, biases, geometry, **how)

    def _size_blocks(self) -> None:
        """Lay out scratch as for floats, with rows of quads, and the ring of rows that they are made from."""
        super()._size_blocks()
        g, words = self.geometry, self._words
        d, deep = g.dilation[0], -(-g.kernel[0] // layout.DEEP)
        self._scratch_rows = (self._rows - 1) * g.stride[0] + layout.DEEP * d * (deep - 1) + 1
        self._length = -(-self._length // 16) * 16
        start = common.SCRATCH // FLOAT + g.channels * self._scratch_rows * self._length
        words[layout.DILATION], words[layout.TAP_ROWS] = d, layout.DEEP * d * (deep - 1) + 1
        words[layout.RING], words[layout.RING_LENGTH] = FLOAT * start, self._length + 16
        words[layout.RING_ROWS] = (layout.DEEP - 1) * d + 1
        ring = int(words[layout.RING_LENGTH] * words[layout.RING_ROWS])
        self._space_size = self._place_lines(start + -(-ring // 64) * 16)

    def _set_filters(self, weights: NDArray[np.float64], biases: NDArray[np.float64]) -> list[int]:
        """Cut the filters into blocks of quads and return the bank's indices in the blocks' order."""
        quads = stacked(weights.astype(np.int64))
        cut = blocks.cut(np.asarray(quads.any(-1), np.float64), self.geometry.groups)
        parts = [replace(block, weights=_forms(quads, block)) for block in cut]
        self._set_table(common.BLOCKS, parts, [self._offsets(part) for part in parts])
        order = [index for block in cut for index in block.order]
        factors = self._units[order] / 255
        rest = factors - factors.astype(np.float32)
        starts = np.stack([factors, rest, np.asarray(biases)[order]], axis=1)
        self._point(layout.STARTS, starts.astype(np.float32))
        return order

    def _offsets(self, block: blocks.Block) -> NDArray[np.int64]:
        """Return the taps' distances in bytes from an output's first quad in scratch."""
        g = self.geometry
        depth, deep = g.channels // g.groups, -(-g.kernel[0] // layout.DEEP)
        c, i, j = np.unravel_index(block.places, (depth, deep, g.kernel[1]))
        line = (c + block.group * depth) * self._scratch_rows + layout.DEEP * g.dilation[0] * i
        return (FLOAT * (line * self._length + j * g.dilation[1])).astype(np.int64)


def _forms(quads: NDArray[np.int64], block: blocks.Block) -> NDArray[Any]:
    """Return the weights of a block's taps, (T, forms, filters) words, as ``layout_quads`` has them."""
    flat = quads.reshape(len(quads), -1, layout.DEEP)[list(block.order)][:, block.places]
    flat = np.swapaxes(flat, 0, 1)  # (T, filters, 4)
    whole = np.ascontiguousarray(flat.astype(np.int8)).view(np.int32)[..., 0]
    evens, odds = (
        np.ascontiguousarray(flat[..., at::2].astype(np.int16)).view(np.int32)[..., 0] for at in (0, 1)
    )
    return np.stack([whole, evens, odds], axis=1)
