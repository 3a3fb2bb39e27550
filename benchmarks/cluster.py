"""What a cluster costs an image, and what a second worker brings: ``python -m benchmarks.cluster``.

The same job by this process's threads and by workers of Dask on loopback that are there already, in turn, in
rotating order, medians. Tiny images tell what sending one costs, larger ones how workers add up. Processors'
time is told apart for client, scheduler and workers: it bounds how many images a second one client can feed.
"""

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image

from benchmarks import measure
from filterbank import bankfile
from filterbank.batch import inputs, job, run

# name -> side of the images in pixels, how many of them
SIZES = {"tiny": (32, 200), "half a megapixel": (724, 24)}


def images(folder, side, count):
    """Write *count* pictures of noise on a ramp; return their sources."""
    rng = np.random.default_rng(0)
    folder.mkdir()
    ramp = np.add.outer(np.arange(side), np.arange(side)) % 200
    for number in range(count):
        pixels = (ramp + rng.integers(0, 56, (side, side))).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:04}.png")
    return inputs.collect([str(folder)], extensions=[".png"])


@contextlib.contextmanager
def cluster(folder, workers):
    """Yield the address of a scheduler with *workers* processes of one thread, and all these processes."""
    folder.mkdir()
    file = folder / "scheduler.json"
    started = [_start(folder, "scheduler", "--port", "0", "--scheduler-file", file)]
    try:
        while not file.exists():
            time.sleep(0.05)
        address = json.loads(file.read_text())["address"]
        one = "worker", address, "--nthreads", "1", "--no-nanny"
        started += [_start(folder, *one) for _ in range(workers)]
        from distributed import Client

        with Client(address, set_as_default=False) as client:
            client.wait_for_workers(workers, timeout=120)
        yield address, started
    finally:
        for process in started:
            process.kill()
            process.wait()


def _start(folder, what, *arguments):
    command = [
        sys.executable,
        "-m",
        "dask",
        what,
        *map(str, arguments),
        "--host",
        "127.0.0.1",
        "--no-dashboard",
    ]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(command, cwd=folder, **quiet)


def cpu(processes):
    """Return the seconds of processors that this process and *processes* have had so far, each."""
    import psutil  # comes with distributed

    times = [psutil.Process(process.pid).cpu_times() for process in processes]
    return [time.process_time(), *(each.user + each.system for each in times)]


def doing(sources, out, spent, processes=(), **how):
    """Return what applies ``kirsch`` to *sources*, each time into a new folder below *out*.

    What it takes of processors goes to *spent*: of this process, the scheduler, and each worker.
    """
    bank = bankfile.load("kirsch")

    def do():
        before = cpu(processes)
        with tempfile.TemporaryDirectory(dir=out) as folder:
            made = job.make(sources, [bank], folder, **how)
            ended = [type(event).__name__ for event in run.run(made)]
        assert ended == ["ImageDone"] * len(sources), set(ended)
        spent.append([after - each for after, each in zip(cpu(processes), before, strict=True)])

    return do


def show(name, ms):
    """Print a table of milliseconds an image."""
    wall = ms["wall"]
    print(f"\n| {name} | waited | client's processor | scheduler's | workers' |\n|---|---|---|---|---|")
    for how, processors in ms["processors"].items():
        client, scheduler, *workers = [*processors, 0] if len(processors) == 1 else processors
        print(f"| {how} | {wall[how]:.2f} | {client:.2f} | {scheduler:.2f} | {sum(workers):.2f} |")
    print(f"1 → 2 threads: {wall['1 thread'] / wall['2 threads']:.2f} times as fast, ", end="")
    print(f"1 → 2 workers: {wall['1 worker'] / wall['2 workers']:.2f}; ", end="")
    print(
        f"a worker waits {wall['1 worker'] - wall['1 thread']:.2f} ms an image longer than a thread",
        flush=True,
    )


def main():
    """Measure, print a table, and write the results where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="where the results go, too")
    given = parser.parse_args()
    results = {}
    with (
        tempfile.TemporaryDirectory() as folder,
        cluster(Path(folder, "one"), 1) as one,
        cluster(Path(folder, "two"), 2) as two,
    ):
        for name, (side, count) in SIZES.items():
            sources = images(Path(folder, f"in-{side}"), side, count)
            spent = {how: [] for how in ("1 thread", "2 threads", "1 worker", "2 workers")}
            runs = {
                "1 thread": doing(sources, folder, spent["1 thread"], jobs=1),
                "2 threads": doing(sources, folder, spent["2 threads"], jobs=2),
                "1 worker": doing(sources, folder, spent["1 worker"], one[1], cluster=one[0]),
                "2 workers": doing(sources, folder, spent["2 workers"], two[1], cluster=two[0]),
            }
            taken = measure.in_turn(runs, given.rounds, budget=600)
            results[name] = {
                "wall": {how: 1000 * seconds / count for how, seconds in taken.items()},
                "processors": {
                    how: [1000 * median(each) / count for each in zip(*spent[how], strict=True)]
                    for how in spent
                },
            }
            show(name, results[name])
    if given.json:
        told = {"machine": measure.machine(2), "milliseconds an image": results}
        given.json.write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
