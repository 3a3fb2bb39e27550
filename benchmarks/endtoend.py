"""E1 to E3 as whole processes beside scripts of other libraries: ``python -m benchmarks.endtoend E2``.

E1: a 12-megapixel JPEG, E2: a 1-megapixel PNG, E3: many photographs; 8 filters of 3×3×3, a PNG of each map.
Every program starts from nothing, reads the files and writes new ones. Its maps are checked against
the formula in float64 before its time counts; the order rotates; times are medians.
"""

import argparse
import importlib.util
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image

from benchmarks import measure
from benchmarks.photograph import photographs

ALL = {
    "E1": "a JPEG of 12 megapixels → 8 PNG",
    "E2": "a PNG of 1 megapixel → 8 PNG",
    "E3": "{} JPEG of 0.5 to 1 megapixel → 8 PNG each",
}
_SCRIPTS = Path(__file__).with_name("scripts")
_PEERS = {
    "cv2": ("cv2_maps.py",),
    "cv2 tuned": ("cv2_maps.py", "--tuned"),
    "torch": ("torch_maps.py",),
    "pyvips": ("pyvips_maps.py",),
}
_SINGLE = {"torch", "pyvips"}  # whose scripts have nothing more to win from many images
_CHECKED = 3  # images of a batch whose maps are compared


def bank():
    """Return eight filters, 3×3×3: edges, opponent colours, blurs, a sharpener; as a bank file has them."""
    grey, warm = (0.299, 0.587, 0.114), (0.5, 0.0, -0.5)
    planes = {
        "sobel_x": (np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]) / 8, grey),
        "sobel_y": (np.array([[-1, -2, -1], [0, 0, 0], [1, 2, 1]]) / 8, grey),
        "laplace": (np.array([[1, 2, 1], [2, -12, 2], [1, 2, 1]]) / 24, grey),
        "diagonal": (np.array([[0, 1, 2], [-1, 0, 1], [-2, -1, 0]]) / 8, grey),
        "warm": (np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]]) / 16, warm),
        "gaussian": (np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]]) / 16, grey),
        "red": (np.full((3, 3), 1 / 9), (1.0, 0.0, 0.0)),
        "sharpen": (np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]]), grey),
    }
    filters = [
        {"name": name, "kernel": [(weight * plane).tolist() for weight in weights]}
        for name, (plane, weights) in planes.items()
    ]
    return {"name": "bench", "input": "rgb", "operation": "correlation", "filters": filters}


def expected(image, kernel):
    """Return the codes of one map by the formula, in float64."""
    with Image.open(image) as opened:
        pixels = np.asarray(opened.convert("RGB"), np.float64) / 255
    weights = np.array(kernel)
    padded = np.pad(pixels, ((1, 1), (1, 1), (0, 0)))
    height, width = pixels.shape[:2]
    values = sum(
        weights[c, i, j] * padded[i : i + height, j : j + width, c] for c, i, j in np.ndindex(3, 3, 3)
    )
    if abs(weights.sum()) < 1e-6 * np.abs(weights).sum():
        return np.rint(128 + 127 * values / np.abs(values).max())
    return np.clip(np.rint(255 * values), 0, 255)


def check(name, out, images, entries):
    """Raise AssertionError where a map is not there or differs from the formula by more than a code."""
    for image in images[:: max(1, len(images) // _CHECKED)]:
        for entry in entries:
            path = out / image.stem / f"{entry['name']}.png"
            with Image.open(path) as opened:
                found = np.asarray(opened)
            off = np.abs(found - expected(image, entry["kernel"]))
            if found.ndim != 2 or off.max() > 1:
                raise AssertionError(f"{name}: {path.name} of {image.name} is off by {off.max():.0f} codes")
    count = len(list(out.glob("*/*.png")))
    if count != len(images) * len(entries):
        raise AssertionError(f"{name}: {count} maps of {len(images)} images")


def commands(workload, python, threads):
    """Return {name: command without the images}; {bank} and {out} are filled in later."""
    ours = [sys.executable, "-m", "filterbank", "apply", "-b", "{bank}", "-o", "{out}", "--quiet"]
    found = {"filterbank": [*ours, "-j", str(threads)]}
    for peer, (script, *flags) in _PEERS.items():
        imports = f"import {peer.split()[0]}"
        is_there = subprocess.run([python, "-c", imports], capture_output=True, check=False)
        if is_there.returncode == 0 and not (workload == "E3" and peer in _SINGLE):
            found[peer] = [python, str(_SCRIPTS / script), *flags, "{bank}", "{out}", str(threads)]
    return found


def run(workload, count, python, threads, rounds, folder):
    """Return the result of one workload, as it goes into the JSON file."""
    images = photographs(workload, count, folder)
    told = bank()
    bank_file = folder / "bank.json"
    bank_file.write_text(json.dumps(told))
    # Neither needs NumPy's BLAS: its threads would only wait for each other to start.
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    runs, work = {}, {}
    for name, command in commands(workload, python, threads).items():
        out = folder / f"maps-{name.replace(' ', '-')}"
        filled = [part.format(bank=bank_file, out=out) for part in command] + list(map(str, images))

        taken = work[name] = []

        def go(filled=filled, taken=taken):
            before = _processor_seconds()
            subprocess.run(filled, check=True, env=environment, stdin=subprocess.DEVNULL)
            taken.append(_processor_seconds() - before)

        go()
        check(name, out, images, told["filters"])
        runs[name] = go

    def clear(name):
        measure.put_away(folder / f"maps-{name.replace(' ', '-')}")

    size = {name: _size(folder / f"maps-{name.replace(' ', '-')}") for name in runs}
    seconds = measure.in_turn(runs, rounds, float("inf"), clear)
    best = min((name for name in runs if name != "filterbank"), key=seconds.get, default="filterbank")
    busy = {name: median(taken[2:]) for name, taken in work.items()}  # without the first touches
    rows = [
        {"name": name, "ms": 1e3 * seconds[name], "ratio": seconds[name] / seconds["filterbank"]}
        | {"processor_ms": 1e3 * busy[name], "processor_ratio": busy[name] / busy["filterbank"]}
        | {"bytes": size[name], "ours": name == "filterbank"}
        for name in runs
    ]
    text = ALL[workload].format(len(images))
    return {"workload": workload, "text": text, "images": len(images), "best": best, "rows": rows}


def _processor_seconds():
    """Return what ended processes have cost in all: it hardly depends on who else is on the machine."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _size(folder):
    return sum(path.stat().st_size for path in folder.glob("*/*.png"))


def table(result):
    """Return a result as lines of text; ratios are that program's times, waited and worked, to ours."""
    lines = [f"{result['workload']}  {result['text']}"]
    for row in result["rows"]:
        mark, best = "→" if row["ours"] else " ", "  best peer" if row["name"] == result["best"] else ""
        lines.append(
            f" {mark} {row['name']:12s} {row['ms']:8.0f} ms, of processors {row['processor_ms']:8.0f} ms "
            f"{row['bytes'] / 1e6:8.1f} MB"
            + ("" if row["ours"] else f" {row['ratio']:6.2f} × {row['processor_ratio']:6.2f} ×{best}")
        )
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workloads", nargs="*", default=list(ALL), metavar="E", help=" ".join(ALL))
    parser.add_argument("--images", type=int, default=500, help="photographs of E3")
    parser.add_argument("--python", default=sys.executable, help="the interpreter that has the peers")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path, help="where the results go, too")
    given = parser.parse_args()
    if importlib.util.find_spec("filterbank") is None:
        parser.error("filterbank is not installed here")
    told = measure.machine(given.threads)
    print(*(f"{key}: {value}" for key, value in told.items()), sep="\n")
    results = []
    for workload in given.workloads:
        with tempfile.TemporaryDirectory(prefix="filterbank-") as folder:
            found = run(workload, given.images, given.python, given.threads, given.rounds, Path(folder))
        results.append(found)
        print(table(found), flush=True)
    if given.json:
        given.json.write_text(json.dumps({"machine": told, "results": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
