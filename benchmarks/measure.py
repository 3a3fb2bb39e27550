"""How things are timed: in turn, in rotating order, medians; and what the machine could do at best."""

import datetime
import importlib.metadata
import os
import platform
import threading
import time
from pathlib import Path
from statistics import median

import numpy as np


def in_turn(runs, rounds, budget, before=lambda name: None, after_first=lambda name: None, *, is_warm=False):
    """Return {name: median seconds}: every run once a round, each round starting with another one.

    Neighbours on a machine come and go; what is timed side by side suffers alike. A run that takes
    longer than *budget* seconds the first time keeps that time. *before* is called ahead of each and
    *after_first* behind each run's first, untimed. With *is_warm* the first runs count as a round.
    """
    taken = {}
    for name, run in runs.items():
        if not is_warm:
            before(name)
            run()  # first touch of memory, threads started, plans made
        before(name)
        taken[name] = [_seconds(run)]
        after_first(name)
    names = [name for name in runs if taken[name][0] <= budget]
    for round_ in range(is_warm, rounds if len(names) > 1 else 0):
        at = round_ % len(names)
        for name in names[at:] + names[:at]:
            before(name)
            taken[name].append(_seconds(runs[name]))
    return {name: median((not is_warm and times[1:]) or times) for name, times in taken.items()}


def put_away(folder):
    """Move a run's *folder* of files aside, if it is there, and empty them; they go when all runs have ended.

    ext4 looks past every file deleted within the last half minute, one by one, before it makes a new one: a
    run that starts after thousands were deleted waits up to a millisecond a file, which no user does.
    """
    if folder.is_dir():
        for path in folder.rglob("*"):
            if path.is_file():
                os.truncate(path, 0)
        aside = folder.with_name("put-away")
        aside.mkdir(exist_ok=True)
        folder.rename(aside / str(len(list(aside.iterdir()))))


def _seconds(run):
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def limits(threads):
    """Return the machine's own limits at this moment: GFLOP/s of a matrix product, GB/s of a copy."""
    import torch

    torch.set_num_threads(threads)
    a = torch.ones(1024, 1024)
    torch.mm(a, a)
    arithmetic = 2 * 1024**3 / min(_seconds(lambda: torch.mm(a, a)) for _ in range(9)) / 1e9
    parts = [(np.zeros(1 << 23, np.float32), np.zeros(1 << 23, np.float32)) for _ in range(threads)]

    def copy():
        workers = [threading.Thread(target=np.copyto, args=part) for part in parts]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()

    copy()
    moved = 2 * sum(part[0].nbytes for part in parts)
    return {"gflops": arithmetic, "copy_gbs": moved / min(_seconds(copy) for _ in range(9)) / 1e9}


def machine(threads):
    """Return what a table must say of where it was made."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = dict(
            line.split(":", 1) for line in info.read_text().split("\n\n")[0].splitlines() if ":" in line
        )
        named = {key.strip(): value.strip() for key, value in lines.items()}
        cpu = named.get("model name", cpu)
        wide = [flag for flag in ("avx2", "avx512f", "asimd") if flag in named.get("flags", "").split()]
        cpu += f" ({', '.join(wide)})"
    packages = ("numba", "llvmlite", "numpy", "torch", "onnxruntime", "opencv-python-headless", "scipy")
    versions = {}
    for package in packages:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = None
    return {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"),
        "processor": cpu,
        "threads": threads,
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "versions": versions,
    }
