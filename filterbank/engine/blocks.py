"""Which filters are summed together: a layer's weights cut into blocks of taps for the direct kernel."""

from __future__ import annotations

from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from filterbank.engine.kernels.layout import BLOCK_WORDS, CHUNK
from filterbank.record import record

# What a tap of a filter costs in a block of so many, which share its pixels: a lone one waits for loads. Six
# are for long lists of taps.
_PRICES = {1: 2.0, 2: 1.2, 3: 1.1, 4: 1.0, 6: 0.95}

# Blocks of filters that take up to so much are kept: cutting them takes as long as summing a small image.
_KNOWN_BYTES = 1 << 15


@record(frozen=True, eq=False)
class Block:
    """Filters summed in one tile over the union of their taps.

    ``order`` are their indices in the bank; ``places`` (T,) indexes the weights of one filter,
    flattened, with the group's channels in front; ``weights`` (T, filters) float32; ``ends``
    (chunks,) int64 is where each chunk of taps ends.
    """

    order: tuple[int, ...]
    group: int
    places: NDArray[np.int64]
    weights: NDArray[np.float32]
    ends: NDArray[np.int64]

    @cached_property
    def addresses(self) -> tuple[int, int]:
        """Where the weights and the ends begin."""
        return self.weights.ctypes.data, self.ends.ctypes.data

    @cached_property
    def is_uniform(self) -> bool:
        """Whether every filter has every tap, so that nothing is multiplied by zero."""
        return bool(np.all(self.weights != 0))

    @cached_property
    def exact(self) -> tuple[Block, ...]:
        """The same filters one by one, each with its own taps in the same chunks."""
        if self.is_uniform:
            return (self,)
        alone = []
        for k, index in enumerate(self.order):
            own = self.weights[:, k] != 0
            ends = np.concatenate([[0], np.cumsum(own)])[self.ends].astype(np.int64)
            weights = np.ascontiguousarray(self.weights[own, k : k + 1])
            alone.append(Block((index,), self.group, self.places[own], weights, ends))
        return tuple(alone)


def cut(weights: NDArray[np.float64], groups: int) -> list[Block]:
    """Return the blocks of a layer: *weights* (K, C/groups, Fh, Fw), rounded to float32 here.

    Filters with the same taps stand together, whatever their order in the bank; taps that no
    filter of a block has are left out.

    >>> weights = np.ones((5, 1, 3, 3))
    >>> weights[3, 0, 1:] = 0
    >>> [(block.order, len(block.places)) for block in cut(weights, 1)]
    [((3,), 3), ((0, 1, 2, 4), 9)]
    """
    flat = weights.reshape(weights.shape[0], -1).astype(np.float32)
    if flat.nbytes > _KNOWN_BYTES:
        return _cut(flat, groups)
    return list(_known(flat.tobytes(), len(flat), groups))


def uniform(weights: NDArray[np.float64]) -> list[Block]:
    """Return blocks without a zero weight, so that nothing that is not finite reaches a stranger's sums."""
    return [part for block in cut(weights, 1) for part in block.exact]


@lru_cache(maxsize=64)
def _known(weights: bytes, filters: int, groups: int) -> tuple[Block, ...]:
    """Return the blocks of small filters, which every size of image asks for anew."""
    return tuple(_cut(np.frombuffer(weights, np.float32).reshape(filters, -1), groups))


def _cut(flat: NDArray[np.float32], groups: int) -> list[Block]:
    per_group = len(flat) // groups
    blocks = []
    for group in range(groups):
        support = {k: flat[k] != 0 for k in range(group * per_group, (group + 1) * per_group)}
        order = sorted(support, key=lambda k: (int(support[k].sum()), support[k].tobytes(), k))
        for members in _runs(order, support):
            places = np.flatnonzero(np.any([support[k] for k in members], axis=0))
            ends = np.append(np.arange(CHUNK, len(places), CHUNK), len(places)).astype(np.int64)
            packed = np.ascontiguousarray(flat[list(members)][:, places].T)
            blocks.append(Block(members, group, places, packed, ends))
    return blocks


def _runs(order: list[int], support: dict[int, NDArray[np.bool_]]) -> list[tuple[int, ...]]:
    """Return *order* cut into neighbours, at the least price of all their taps and of work on zeros."""
    best: list[tuple[float, list[tuple[int, ...]]]] = [(0.0, [])]
    for end in range(1, len(order) + 1):
        ways = []
        for size, price in _PRICES.items():
            if size > end:
                break
            members = tuple(order[end - size : end])
            taps = int(np.any([support[k] for k in members], axis=0).sum())
            if size <= 4 or taps >= CHUNK:
                before, runs = best[end - size]
                ways.append((before + price * size * taps, [*runs, members]))
        best.append(min(ways))
    return best[-1][1]


def table(blocks: list[Block], offsets: list[NDArray[np.int64]]) -> tuple[NDArray[np.int64], list[object]]:
    """Return the kernel's words for *blocks*, whose taps lie at *offsets*, and the arrays they point to."""
    rows = []
    first = 0
    for block, taps in zip(blocks, offsets, strict=True):
        rows.append((len(block.order), first, taps.ctypes.data, *block.addresses, len(block.ends)))
        first += len(block.order)
    return np.reshape(np.array(rows, np.int64), (-1, BLOCK_WORDS)), [*offsets, *blocks]
