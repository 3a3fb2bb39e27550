"""Does the planner choose well? Every method on a grid of layers, one thread, beside the planner's choice.

    python -m benchmarks.planner                 # a tenth of the grid, about two minutes
    python -m benchmarks.planner --share 1 --json planner.json
    python -m benchmarks.planner --fit           # and the constants of `engine.cost` that fit this machine

A choice is good when it costs at most 1.3 times the best method's time.
"""

import argparse
import itertools
import json
import time
from dataclasses import asdict, fields
from pathlib import Path

import numpy as np
from scipy.optimize import nnls

from benchmarks import measure
from filterbank import engine
from filterbank.engine import cost
from filterbank.engine.execute import chunks, room
from filterbank.engine.plan import price
from filterbank.model import Filter, Layer, Stack

GRID = {
    "F": (1, 2, 3, 5, 7, 9, 11, 15, 21, 31, 47, 63),
    "C": (1, 3, 16),
    "K": (1, 4, 16, 48, 96),
    "S": (1, 2, 4),
    "MP": (0.25, 1, 4, 12),
}
GOOD = 1.3
METHODS = tuple(method for method in engine.METHODS if method != "auto")
# Methods whose price is so many times the least are not timed: separable would take most of the day.
_FAR = 10
# Beyond so many values a cell takes too much memory to be tried.
_VALUES = 3e8


def cells(share: float, most: float, work_limit: float) -> list[dict[str, float]]:
    """Return a seeded share of the grid up to *most* megapixels, without layers that are too large."""
    every = [dict(zip(GRID, values, strict=True)) for values in itertools.product(*GRID.values())]
    rng = np.random.default_rng(1)
    kept = []
    for cell in every:
        outputs = cell["MP"] * 1e6 / cell["S"] ** 2 * cell["K"]
        work = outputs * cell["C"] * cell["F"] ** 2
        if (
            rng.random() < share
            and cell["MP"] <= most
            and work < work_limit
            and outputs + cell["C"] * cell["MP"] * 1e6 < _VALUES
        ):
            kept.append(cell)
    return kept


def layer_of(cell: dict[str, float], rng: np.random.Generator) -> Layer:
    shape = int(cell["C"]), int(cell["F"]), int(cell["F"])
    filters = tuple(Filter(f"f{k}", rng.normal(size=shape) / np.prod(shape)) for k in range(int(cell["K"])))
    return Layer(filters, stride=(int(cell["S"]),) * 2)


def times(layer: Layer, image: np.ndarray, budget: float) -> dict[str, float]:
    """Return the least milliseconds of each method that can, the methods taking turns; maps stay in place."""
    plans = {name: engine.plan(Stack((layer,)), image.shape[1:], name) for name in METHODS}
    able = {name: plan.layers[0] for name, plan in plans.items() if set(plan.methods) == {name}}
    prices = {name: price(layer, one.geometry, name, one.choices[0].block) for name, one in able.items()}
    chosen = engine.plan(Stack((layer,)), image.shape[1:]).methods[0]
    able = {
        name: one
        for name, one in able.items()
        if name in {chosen, "direct"} or prices[name] <= _FAR * min(prices.values())
    }
    g = able["direct"].geometry
    maps = room(g.filters, g, np.float32)
    best = dict.fromkeys(able, float("inf"))
    began = time.perf_counter()
    for turn in itertools.count():
        for name, plan in able.items():
            start = time.perf_counter()
            for chunk in chunks(plan, 0):
                chunk.run(image, maps, 1)
            if turn:  # the first makes spectra, points and pages
                best[name] = min(best[name], 1e3 * (time.perf_counter() - start))
        if turn >= 2 and time.perf_counter() - began > budget:
            return best
    return best


def row(cell: dict[str, float], budget: float) -> dict[str, object]:
    rng = np.random.default_rng(0)
    layer = layer_of(cell, rng)
    side = round((cell["MP"] * 1e6) ** 0.5)
    image = rng.random((int(cell["C"]), side, side), np.float32)
    found = times(layer, image, budget)
    plan = engine.plan(Stack((layer,)), image.shape[1:])
    chosen = plan.methods[0]
    choice = plan.layers[0].choices[0]
    best = min(found, key=lambda name: found[name])
    return {
        **cell,
        "milliseconds": found,
        "predicted": dict(choice.prices),
        "chosen": chosen,
        "best": best,
        "loss": found[chosen] / found[best],
    }


def fit(rows: list[dict[str, object]]) -> dict[str, float]:
    """Return the constants, nanoseconds, whose prices are nearest to what was measured, relatively."""
    names = [field.name for field in fields(cost.Machine)]
    equations, targets = [], []
    for entry in rows:
        layer = layer_of(entry, np.random.default_rng(0))
        side = round((entry["MP"] * 1e6) ** 0.5)
        g = layer.geometry((side, side))
        blocks = {}
        for name in METHODS:
            choice = engine.plan(Stack((layer,)), (side, side), name).layers[0].choices[0]
            blocks[choice.method] = choice.block
        for name, spent in entry["milliseconds"].items():
            parts = []
            for constant in names:
                machine = cost.Machine(**{other: float(other == constant) for other in names})
                parts.append(price(layer, g, name, blocks[name], machine))
            equations.append(np.array(parts) / (spent * 1e6))
            targets.append(1.0)
    solution, _ = nnls(np.array(equations), np.array(targets))
    return {name: float(value) for name, value in zip(names, solution, strict=True)}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--most", type=float, default=12, help="megapixels (12)")
    parser.add_argument("--work", type=float, default=400, help="10^9 multiply-adds a cell at most (400)")
    parser.add_argument("--share", type=float, default=0.1, help="of the grid (0.1)")
    parser.add_argument("--budget", type=float, default=0.3, help="seconds a cell (0.3)")
    parser.add_argument("--fit", action="store_true", help="fit the constants of engine.cost")
    parser.add_argument("--json", help="write every cell here")
    given = parser.parse_args()
    rows = []
    print(f"{'F':>3} {'C':>3} {'K':>3} {'S':>2} {'MP':>5}  {'chosen':<9} {'best':<9} {'loss':>5}  ms")
    for cell in cells(given.share, given.most, 1e9 * given.work):
        entry = row(cell, given.budget)
        rows.append(entry)
        told = "  ".join(f"{name} {ms:.1f}" for name, ms in entry["milliseconds"].items())
        print(
            f"{cell['F']:>3} {cell['C']:>3} {cell['K']:>3} {cell['S']:>2} {cell['MP']:>5}  "
            f"{entry['chosen']:<9} {entry['best']:<9} {entry['loss']:>5.2f}  {told}",
            flush=True,
        )
    losses = np.array([entry["loss"] for entry in rows])
    good = np.mean(losses <= GOOD)
    print(f"{good:.1%} of {len(rows)} cells within {GOOD}× of the best; worst {losses.max():.2f}×")
    told = {"machine": measure.machine(1), "cells": rows}
    if given.json:
        Path(given.json).write_text(json.dumps(told, indent=1), "utf-8")
    if given.fit:
        told["constants"] = fit(rows)
        print("constants of this machine:")
        for name, value in told["constants"].items():
            print(f"    {name}: float = {value:.4g}    # was {asdict(cost.DEFAULT)[name]:.4g}")


if __name__ == "__main__":
    main()
