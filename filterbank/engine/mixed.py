"""Filters that are one pattern over a mix of channels: the mix is made once, as one more channel.

``w[k,c,i,j] = mix[m,c] · pattern[k,i,j]``: an edge in a picture's luminance, or a blur of its redness,
takes the taps of its pattern instead of those of all channels. What filters have in common is mixed once.
"""

from __future__ import annotations

import math
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filterbank.engine import blocks
from filterbank.engine.direct import FLOAT, DirectPlan
from filterbank.engine.kernels import layout
from filterbank.geometry import Geometry
from filterbank.record import record

# What a mix and a pattern may miss of a filter, as a share of Σ|w|: as much as rounding to float32 does.
_TOLERANCE = 2.0**-23

# A filter is worth it if the taps of both, and as many as writing the mix takes, are so few of its own.
_GAIN, _WRITTEN = 0.75, 2

# Splits of weights that take up to so much are kept: of a network's deep layers they would fill the memory.
_KNOWN_BYTES = 1 << 19


@record(frozen=True, eq=False)
class Split:
    """A layer's filters over channels and mixes of them.

    ``mixes`` (M, C) float64; ``weights`` (K, C+M, Fh, Fw) float64, a filter's pattern where its mix stands.
    """

    mixes: NDArray[np.float64]
    weights: NDArray[np.float64]

    @cached_property
    def told(self) -> str:
        """How many filters are over mixes, in words; nothing where none are."""
        count = sum(share > 0 for _, share in self.taps)
        mixes = f"{len(self.mixes)} mix{'es' * (len(self.mixes) != 1)} of channels"
        return f"takes {count} of {len(self.weights)} filters as patterns over {mixes}" if count else ""

    @cached_property
    def taps(self) -> list[tuple[int, float]]:
        """The taps of each filter, and as many as its part of its mix takes: 0 for one over no mix."""
        has_taps = np.any(self.weights != 0, axis=(2, 3))
        patterns = has_taps[:, has_taps.shape[1] - len(self.mixes) :]
        made = np.count_nonzero(self.mixes, axis=1) + _WRITTEN
        shares = patterns @ (made / np.maximum(patterns.sum(0), 1))
        counts = np.count_nonzero(self.weights, axis=(1, 2, 3))
        return [*zip(counts.tolist(), shares.tolist(), strict=True)]


def split(weights: NDArray[np.float64], groups: int = 1) -> Split:
    """Return the filters (K, C/groups, Fh, Fw), each over a mix of channels where that is worth it.

    Which filters stand beside one changes nothing of its mix and its pattern. Groups have no mixes.

    >>> grey = np.array([0.25, 0.5, 0.25])[:, None, None]
    >>> found = split(np.stack([grey * np.ones((3, 3)), np.arange(27.0).reshape(3, 3, 3)]))
    >>> found.mixes, found.weights.shape
    (array([[0.25, 0.5 , 0.25]]), (2, 4, 3, 3))
    """
    if groups > 1 or weights.shape[1] == 1:
        return Split(np.zeros((0, weights.shape[1])), weights)
    weights = np.asarray(weights, np.float64)
    return _split(weights) if weights.nbytes > _KNOWN_BYTES else _known(weights.tobytes(), weights.shape)


@lru_cache(maxsize=32)
def _known(weights: bytes, shape: tuple[int, ...]) -> Split:
    """Return what `_split` does of small filters, which every size of image asks for anew."""
    return _split(np.frombuffer(weights).reshape(shape))


def _split(weights: NDArray[np.float64]) -> Split:
    filters, depth, *kernel = weights.shape
    patterns: dict[int, tuple[bytes, NDArray[np.float64]]] = {}
    mixes: dict[bytes, NDArray[np.float64]] = {}
    for k, filter in enumerate(weights):
        if found := _factors(filter.reshape(depth, -1)):
            key = found[0].astype(np.float32).tobytes()
            mixes.setdefault(key, found[0])
            patterns[k] = key, found[1].reshape(kernel)
    if not mixes:
        return Split(np.zeros((0, depth)), weights)
    places = {key: depth + m for m, key in enumerate(mixes)}
    extended = np.zeros((filters, depth + len(mixes), *kernel))
    extended[:, :depth] = weights
    for k, (key, pattern) in patterns.items():
        extended[k] = 0
        extended[k, places[key]] = pattern
    return Split(np.array([*mixes.values()]), extended)


def _factors(filter: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Return the mix (C,) and the pattern (Fh·Fw,) of a filter (C, Fh·Fw); None where it is not worth it.

    The mix has Σ|mix| of ½ to 1, so that it overflows for no image. Whole numbers stay whole but for a
    power of two.
    """
    has_weight = filter.astype(np.float32) != 0
    channels, places = has_weight.any(1), has_weight.any(0)
    count, own = int(has_weight.sum()), int(channels.sum()) + int(places.sum())
    if own + _WRITTEN > _GAIN * count or count != channels.sum() * places.sum():
        return None
    c, place = np.unravel_index(np.abs(filter).argmax(), filter.shape)
    mix = filter[:, place] / _unit(filter, int(c), int(place))
    scale = 2.0 ** -math.ceil(math.log2(np.abs(mix).sum()))
    pattern = filter[c] / mix[c] / scale
    mix = mix * scale + 0.0  # no zero has a sign: equal mixes have equal bytes
    missed = np.abs(filter - np.outer(mix, pattern)).sum()
    is_kept = _is_kept(mix, channels) and _is_kept(pattern, places)
    return (mix, pattern) if is_kept and missed <= _TOLERANCE * np.abs(filter).sum() else None


def _is_kept(values: NDArray[np.float64], has_weight: NDArray[np.bool_]) -> bool:
    """Return whether float32 has room for *values*, and zeros where there is no weight, only there."""
    is_small = np.abs(values).max() <= np.finfo(np.float32).max
    return bool(is_small and np.array_equal(values.astype(np.float32) != 0, has_weight))


def _unit(filter: NDArray[np.float64], c: int, place: int) -> float:
    """Return what to divide a column by: by whole numbers' greatest divisor, else by the largest weight."""
    column = filter[:, place]
    if np.array_equal(filter, np.rint(filter)) and np.abs(filter).max() < 2**53:
        return math.copysign(math.gcd(*(int(value) for value in column)), column[c])
    return float(column[c])


class MixedPlan(DirectPlan):
    """A layer by its formula, some filters over mixes; parameters and `run` are those of `DirectPlan`."""

    def __init__(
        self, weights: NDArray[np.float64], biases: NDArray[np.float64], geometry: Geometry, **how: Any
    ) -> None:
        self._split = split(weights, geometry.groups)
        super().__init__(weights, biases, geometry, **how)

    @property
    def _planes(self) -> int:
        return self.geometry.channels + len(self._split.mixes)

    def _set_filters(self, weights: NDArray[np.float64], biases: NDArray[np.float64]) -> list[int]:
        """Cut the mixes and the filters into blocks; return the bank's indices in the filters' order."""
        mixes, depth = self._split.mixes, self.geometry.channels
        if not len(mixes):
            return super()._set_filters(weights, biases)
        cut = blocks.uniform(mixes[:, :, None, None])
        plane = FLOAT * self._scratch_rows * self.geometry.stride[1] * self._length
        self._set_table(layout.MIXES, cut, [part.places * plane for part in cut])
        self._point(layout.MIX_STARTS, np.zeros(max(layout.SIZES), np.float32))
        order = [depth + index for part in cut for index in part.order]
        return super()._set_filters(self._split.weights[:, [*range(depth), *order]], biases)
