"""What each method would cost: operations counted in one place, a machine's speed in another.

The unit is the nanosecond of one thread. Prices need only be right against each other; the constants
are those of a processor with AVX-512 and 2 MiB of second-level cache a core, where nothing else is known.
"""

from __future__ import annotations

import math

from filterbank.geometry import Geometry, extent
from filterbank.record import record


@record(frozen=True)
class Machine:
    """Nanoseconds of one thread for the steps that the methods are made of."""

    tap: float = 0.0196  # one tap for one output, four or more filters together
    lone_tap: float = 0.0385  # the same for one filter alone
    fill: float = 0.369  # one value into scratch
    store: float = 0.516  # one output written and finished
    transform: float = 0.2  # T²·log2 T of a transform of a tile, forward or back
    product: float = 0.554  # one point of a tile, for a channel and a pair of filters
    point: float = 0.0195  # one product of Cook-Toom
    gather: float = 0.33  # one value of an input tile, transformed
    pass_tap: float = 0.0433  # one tap of a row or a column of a separable filter for one output
    scatter: float = 0.0954  # one value of an output tile, transformed back


DEFAULT = Machine()

# What a tap costs in the lists that the direct kernel has written out: 3×3 of one channel and of three.
_WRITTEN_OUT = 0.75

# Bytes of tiles that stay in the second-level cache, those of which hardly any do, and what is added then.
_NEAR, _FAR, _APART = 1 << 19, 1 << 21, 0.4

# What four rows of taps cost together, in taps, where filters and pixels are whole numbers.
QUAD = 1.3


def direct(g: Geometry, taps: list[float], machine: Machine = DEFAULT) -> float:
    """Return the price of filters with so many *taps* each by the formula itself."""
    outputs = g.out_height * g.out_width
    tap = machine.lone_tap if len(taps) == 1 else machine.tap
    filled = (
        machine.fill * g.channels * _pixels(g) * min(1.0, extent(g.kernel[0], g.dilation[0]) / g.stride[0])
    )
    return outputs * (sum(map(written, taps)) * tap + len(taps) * machine.store) + filled


def written(count: float) -> float:
    """Return the taps that as many cost, less where their list is written out."""
    return count * (_WRITTEN_OUT if count in (9, 27) else 1)


def separable(g: Geometry, across: list[int], down: list[int], machine: Machine = DEFAULT) -> float:
    """Return the price of filters by rows of so many taps summed *across*, then columns summed *down*."""
    outputs, lines = g.out_height * g.out_width, min(g.padded[0], g.out_height * g.stride[0])
    taps = lines * g.out_width * sum(across) + outputs * sum(down)
    store = machine.store * outputs * len(down)
    return machine.pass_tap * taps + store + machine.fill * g.channels * _pixels(g)


def fft(g: Geometry, filters: int, tile: int, machine: Machine = DEFAULT) -> float:
    """Return the price of so many *filters* by transforms of tiles of *tile*×*tile*; inf where none fits."""
    steps = []
    for f, d, s in zip(g.kernel, g.dilation, g.stride, strict=True):
        steps.append((tile - d * (f - 1)) // s * s)
    if min(steps) < 1:
        return math.inf
    sizes = zip((g.out_height, g.out_width), g.stride, steps, strict=True)
    tiles = math.prod(-(-n * s // step) for n, s, step in sizes)
    transform = machine.transform * tile * tile * math.log2(tile)
    pairs = -(-filters // 2)
    one = g.channels * transform + pairs * (transform + g.channels * machine.product * tile * tile)
    held = (g.channels + 1) * 8 * tile * tile
    one *= 1 + _APART * min(1.0, max(0.0, (held - _NEAR) / (_FAR - _NEAR)))
    return tiles * one + machine.store * filters * g.out_height * g.out_width


def winograd(g: Geometry, filters: int, taps: int, machine: Machine = DEFAULT) -> float:
    """Return the price of so many *filters* by Cook-Toom with blocks of *taps*×*taps* on the phases."""
    tiles = -(-g.out_height // 4) * -(-g.out_width // 4)
    points = (taps + 3) ** 2
    blocks = [-(-f // (s * taps)) * s for f, s in zip(g.kernel, g.stride, strict=True)]
    planes = g.channels * math.prod(blocks)
    one = points * (planes * (machine.gather + filters * machine.point) + filters * machine.scatter)
    return tiles * one + machine.store * filters * g.out_height * g.out_width


def _pixels(g: Geometry) -> int:
    rows, columns = g.padded
    return rows * columns
