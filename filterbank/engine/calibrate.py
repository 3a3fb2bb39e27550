"""The constants of `cost` measured on the machine that this runs on."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from statistics import median

import numpy as np

from filterbank.engine.cost import DEFAULT, Machine
from filterbank.engine.execute import run
from filterbank.engine.plan import Plan, plan, price
from filterbank.model import Filter, Layer, Stack

_SHARED = ("fill", "store")
# The constants that are a method's own, and layers (F, C, K, S) on which they tell: few taps and many.
_OWN = {
    "direct": ("tap", "lone_tap"),
    "separable": ("pass_tap",),
    "winograd": ("point", "gather", "scatter"),
    "fft": ("transform", "product"),
}
_LAYERS = ((5, 3, 8, 1), (7, 1, 16, 1), (7, 3, 16, 2), (15, 1, 8, 1))
_SIDE = 512

Clock = Callable[[], float]


def calibrate(clock: Clock = time.perf_counter, rounds: int = 5) -> Iterator[tuple[str, Machine]]:
    """Yield what has been measured, and the constants so far; the last ones are this machine's.

    First what all methods share, one value into scratch and one output finished, by a layer of single taps;
    then, for each method, what a few layers take beyond that: its own constants are scaled together.
    """
    one = _planned((1, 1, 16, 1), "direct")
    pixels, outputs = _SIDE**2, 16 * _SIDE**2
    expected = DEFAULT.fill * pixels + (DEFAULT.store + DEFAULT.tap) * outputs
    machine = _scaled(DEFAULT, _SHARED, _nanoseconds(one, clock, rounds) / expected)
    yield "pixels and outputs", machine
    for method, own in _OWN.items():
        shares = []
        for shape in _LAYERS:
            planned = _planned(shape, method)
            if set(planned.methods) == {method}:
                shared = _price(planned, _scaled(machine, own, 0.0), method)
                whole = _price(planned, machine, method)
                shares.append((_nanoseconds(planned, clock, rounds) - shared) / (whole - shared))
        # Noise may take what is left for a method's own below nothing.
        machine = _scaled(machine, own, max(0.1, median(shares)))
        yield method, machine


def _planned(shape: tuple[int, int, int, int], method: str) -> Plan:
    size, channels, count, stride = shape
    rng = np.random.default_rng(1)
    # Columns times rows: every method can.
    columns, rows = rng.normal(size=(2, count, channels, size))
    weights = columns[..., :, None] * rows[..., None, :]
    filters = tuple(Filter(f"f{k}", each) for k, each in enumerate(weights))
    return plan(Stack((Layer(filters, stride=(stride, stride)),)), (_SIDE, _SIDE), method)


def _nanoseconds(planned: Plan, clock: Clock, rounds: int) -> float:
    """Return the least time of one thread for all maps."""
    g = planned.layers[0].geometry
    image = np.random.default_rng(0).random((g.channels, g.height, g.width), np.float32)
    best = math.inf
    for _ in range(rounds + 1):
        began = clock()
        for _ in run(planned, image, 1):
            pass
        best = min(best, clock() - began)
    return 1e9 * best


def _price(planned: Plan, machine: Machine, method: str) -> float:
    """Return the price of the whole layer by *method*, in nanoseconds."""
    layer = planned.layers[0]
    return price(layer.layer, layer.geometry, method, layer.choices[0].block, machine)


def _scaled(machine: Machine, names: tuple[str, ...], factor: float) -> Machine:
    return replace(machine, **{name: getattr(machine, name) * factor for name in names})
