"""Many photographs by whole programs, side by side: ``python -m benchmarks.batch``.

Images a second, how busy the cores were, and the peak memory of all processes together, for filterbank,
OpenCV with multiprocessing, libvips in processes, and PyTorch's DataLoader; then the peak of shorter ones.
Eight filters of 3×3×3, a PNG of each map. Maps are checked against the formula before a time counts.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from statistics import median

from benchmarks import measure
from benchmarks.endtoend import bank, check
from benchmarks.photograph import photographs

_SCRIPTS = Path(__file__).parent / "scripts"
_PEERS = {
    "OpenCV processes": ("cv2", "cv2_maps.py"),
    "OpenCV tuned": ("cv2", "cv2_maps.py", "--tuned"),
    "pyvips processes": ("pyvips", "pyvips_batch.py"),
    "DataLoader": ("torch", "torch_dataloader.py"),
}
_PAUSE = 0.02  # seconds between two looks at the memory


def commands(python, threads):
    """Return {name: command without the images}; {bank} and {out} are filled in later."""
    ours = [sys.executable, "-m", "filterbank", "apply", "-b", "{bank}", "-o", "{out}", "--quiet"]
    found = {"filterbank": [*ours, "-j", str(threads)]}
    for name, (package, script, *flags) in _PEERS.items():
        has = subprocess.run([python, "-c", f"import {package}"], capture_output=True, check=False)
        if has.returncode == 0:
            found[name] = [python, str(_SCRIPTS / script), *flags, "{bank}", "{out}", str(threads)]
        else:
            print(f"{name}: left out, {python} has no {package}", file=sys.stderr)
    return found


def run(command, environment):
    """Run a command and return what it took: processor seconds and the peak in MB, all processes together."""
    process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL)
    ended, peak = threading.Event(), [0]

    def look():
        while not ended.wait(_PAUSE):
            peak[0] = max(peak[0], sum(map(_proportional, _family(process.pid))))

    watcher = threading.Thread(target=look)
    watcher.start()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)  # or Popen would wait for it again
    ended.set()
    watcher.join()
    if process.returncode:
        raise SystemExit(f"{' '.join(command[:4])} … ended with {process.returncode}")
    return {"processor_s": used.ru_utime + used.ru_stime, "peak_mb": peak[0] / 1024}


def _family(pid):
    """Return *pid* and all processes below it."""
    try:
        children = [
            word for path in Path(f"/proc/{pid}/task").glob("*/children") for word in path.read_text().split()
        ]
    except OSError:
        children = []
    return [pid, *(each for child in children for each in _family(int(child)))]


def _proportional(pid):
    """Return the kilobytes of a process, its share of what several use in common."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def compare(images, names, told, folder, threads, rounds):
    """Return a row for each program: images a second, core use, peak; medians of rounds in rotating order."""
    bank_file = folder / "bank.json"
    bank_file.write_text(json.dumps(told))
    # None needs NumPy's BLAS: its threads would only wait for each other to start.
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    runs, taken = {}, {}
    for name, command in names.items():
        out = folder / f"maps-{name.replace(' ', '-')}"
        filled = [part.format(bank=bank_file, out=out) for part in command] + list(map(str, images))
        taken[name] = []
        runs[name] = lambda filled=filled, name=name: taken[name].append(run(filled, environment))

    def clear(name):
        measure.put_away(folder / f"maps-{name.replace(' ', '-')}")

    def judged(name):
        check(name, folder / f"maps-{name.replace(' ', '-')}", images, told["filters"])

    # A run takes long enough for what only the first one pays not to show.
    seconds = measure.in_turn(runs, rounds, float("inf"), clear, after_first=judged, is_warm=True)
    ours = seconds["filterbank"]
    rows = []
    for name, each in seconds.items():
        processor = median(one["processor_s"] for one in taken[name])
        rows.append(
            {"name": name, "seconds": each, "images_per_second": len(images) / each, "ratio": each / ours}
            | {"processor_s": processor, "core_use": processor / (each * threads)}
            | {"peak_mb": max(one["peak_mb"] for one in taken[name])}
        )
        clear(name)
    return rows


def lengths(images, names, told, folder, counts):
    """Return {name: {images: peak in MB}} for batches of these lengths."""
    bank_file = folder / "bank.json"
    bank_file.write_text(json.dumps(told))
    found = {}
    for name, command in names.items():
        for count in counts:
            out = folder / "maps-length"
            filled = [part.format(bank=bank_file, out=out) for part in command]
            peak = run([*filled, *map(str, images[:count])], dict(os.environ))["peak_mb"]
            found.setdefault(name, {})[count] = peak
            measure.put_away(out)
    return found


def table(rows, peaks):
    """Return both results as lines of text; a ratio above 1 is a program that takes longer than ours."""
    lines = ["program            images/s   ratio  core use  peak MB   by length of the batch"]
    for row in rows:
        grows = ", ".join(f"{count}: {peak:.0f}" for count, peak in peaks.get(row["name"], {}).items())
        lines.append(
            f"{row['name']:18s} {row['images_per_second']:8.1f} {row['ratio']:6.2f} × {row['core_use']:8.0%} "
            f"{row['peak_mb']:8.0f}   {grows}"
        )
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--python", default=sys.executable, help="the interpreter that has the peers")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="where the results go, too")
    given = parser.parse_args()
    machine = measure.machine(given.threads)
    print(*(f"{key}: {value}" for key, value in machine.items()), sep="\n")
    names, told = commands(given.python, given.threads), bank()
    with tempfile.TemporaryDirectory(prefix="filterbank-") as name:
        folder = Path(name)
        images = photographs("E3", given.images, folder)
        rows = compare(images, names, told, folder, given.threads, given.rounds)
        counts = sorted({max(given.images // 16, 1), max(given.images // 4, 1)} - {given.images})
        peaks = lengths(images, names, told, folder, counts)
        for row in rows:
            peaks[row["name"]][given.images] = row["peak_mb"]
    print(table(rows, peaks), flush=True)
    if given.json:
        result = {"machine": machine, "images": given.images, "rows": rows, "peaks_mb": peaks}
        given.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
