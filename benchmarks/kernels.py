"""W1 to W8 against every peer: ``python -m benchmarks.kernels W1 W7 --megapixels 1 --json out.json``.

Every answer is checked against float64 before its time counts. A ratio is the best peer's time
divided by ours; peers get float32 planes ready made, our 8-bit rows start from the decoded bytes.
"""

import argparse
import json
import os
import sys
from pathlib import Path

import numpy as np

from benchmarks import measure
from benchmarks.peers import peers
from benchmarks.workloads import NAMES, workload
from filterbank import engine
from filterbank.engine import execute
from filterbank.engine.plan import price
from filterbank.model import Filter, Layer, Stack

FAR = 4  # methods whose price is so many times the least are left out
METHODS = tuple(method for method in engine.METHODS if method != "auto")


def ours(work, threads):
    """Return our ways of computing a workload, as ``peers`` does theirs: every method that can."""
    g = work.geometry
    filters = tuple(Filter(f"f{k}", weights) for k, weights in enumerate(work.weights))
    layer = Layer(filters, stride=g.stride, padding=g.padding, dilation=g.dilation)
    size = g.height, g.width
    maps, codes = (execute.room(g.filters, g, kind) for kind in (np.float32, np.uint8))
    pixels = work.codes.transpose(2, 0, 1)
    picture = (work.weights.sum((1, 2, 3)) > 0.5)[:, None]
    scales = np.where(picture, [0, 1, 255, 0, 0, 255], [-1, 2, 255, 0, 0, 255]).astype(float)

    def values():
        return codes / 255.0 * scales[:, 1, None, None] + scales[:, 0, None, None]

    found = {}
    chosen = engine.plan(Stack((layer,)), size).methods[0]
    plans = {method: engine.plan(Stack((layer,)), size, method) for method in METHODS}
    plans = {method: plan for method, plan in plans.items() if set(plan.methods) == {method}}
    prices = {
        method: price(layer, g, method, plan.layers[0].choices[0].block) for method, plan in plans.items()
    }
    for method, plan in plans.items():
        if prices[method] > FAR * min(prices.values()) and method != chosen:
            continue
        (chunk,) = execute.chunks(plan.layers[0], 0)
        name = method + ("*" if method == chosen else "")

        def go(source, out, scales=None, chunk=chunk):
            return lambda: chunk.run(source, out, threads, scales, survey=False)

        found[name] = go(work.planes, maps), lambda: maps
        found[name + " 8-bit in"] = go(pixels, maps), lambda: maps
        found[name + " 8-bit in and out"] = go(pixels, codes, scales), values
    return found


def check(work, name, result):
    """Return the worst error in units of the accuracy bar; refuse what is beyond it."""
    rows = sorted({0, 1, 2, work.geometry.out_height // 2, *range(-3, 0)})
    rows = [row % work.geometry.out_height for row in rows]
    found = result()[:, rows].astype(np.float64)
    bar = work.bar
    if name == "cv2.GaussianBlur 8-bit":
        found, bar = found / 255, 1.6 / 255  # rounded between its two passes
    elif name.endswith("out"):
        bar = 1.01 / 255  # half a code of a range two wide
    worst = np.abs(found - work.expected(rows)).max() / bar
    if worst > 1:
        raise AssertionError(f"{work.name}: {name} is off by {worst:.2g} times the bar")
    return worst


def run(name, megapixels, threads, rounds, budget):
    """Return the result of one workload, as it goes into the JSON file."""
    work = workload(name, megapixels)
    own = ours(work, threads)
    every = peers(work, threads) | own
    errors = {}
    for key, (go, result) in every.items():
        go()
        errors[key] = check(work, key, result)
    bounds = measure.limits(threads)
    seconds = measure.in_turn({key: go for key, (go, _) in every.items()}, rounds, budget)
    rivals = [key for key in every if key not in own]
    best = min((key for key in rivals if not key.endswith("8-bit")), key=seconds.get)
    rows = []
    for key in every:
        speed = work.gflop / seconds[key]
        # Like with like: peers that give 8 bits are compared with what gives 8 bits.
        against = min(rivals, key=seconds.get) if key.endswith("out") else best
        row = {"name": key, "ms": 1e3 * seconds[key], "gflops": speed, "error": errors[key]}
        row |= {"share": speed / bounds["gflops"], "ours": key in own}
        rows.append(row | {"ratio": seconds[against] / seconds[key]})
    g = work.geometry
    shape = {"height": g.height, "width": g.width, "gflop": work.gflop}
    return {"workload": name, "text": work.text, **shape, "best": best, "limits": bounds, "rows": rows}


def table(result):
    """Return a result as lines of text."""
    bounds = result["limits"]
    lines = [
        f"{result['workload']}  {result['text']}, {result['width']}×{result['height']}: "
        f"{result['gflop']:.2f} GFLOP; limits {bounds['gflops']:.0f} GFLOP/s, "
        f"copy {bounds['copy_gbs']:.1f} GB/s"
    ]
    for row in result["rows"]:
        mark = "→" if row["ours"] else " "
        best = "  best peer" if row["name"] == result["best"] else ""
        ratio = f"{row['ratio']:6.2f} ×" if row["ours"] else " " * 8
        lines.append(
            f" {mark} {row['name']:24s} {row['ms']:10.2f} ms {row['gflops']:8.1f} GFLOP/s "
            f"{100 * row['share']:4.0f} %  error {row['error']:.3f} {ratio}{best}"
        )
    return "\n".join(lines)


def _reuse_pages():
    """Start again with a C library that keeps freed memory: fresh pages would be timed, not kernels."""
    wanted = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "100000000000"}
    if any(os.environ.get(key) != value for key, value in wanted.items()):
        command = [sys.executable, "-m", "benchmarks.kernels", *sys.argv[1:]]
        os.execve(sys.executable, command, os.environ | wanted)


def main():
    _reuse_pages()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workloads", nargs="*", default=NAMES, metavar="W", help=" ".join(NAMES))
    parser.add_argument("--megapixels", type=float, action="append", help="1 and 12 if left out")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--budget", type=float, default=5.0, help="seconds; slower ones are timed once")
    parser.add_argument("--json", type=Path, help="where the results go, too")
    given = parser.parse_args()
    told = measure.machine(given.threads)
    print(*(f"{key}: {value}" for key, value in told.items()), sep="\n")
    results = []
    for megapixels in given.megapixels or (1, 12):
        for name in given.workloads:
            results.append(run(name, megapixels, given.threads, given.rounds, given.budget))
            print(table(results[-1]), flush=True)
    if given.json:
        given.json.write_text(json.dumps({"machine": told, "results": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
