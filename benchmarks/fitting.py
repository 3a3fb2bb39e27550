"""A closed-form fit beside numpy.linalg.lstsq on patches and beside PyTorch, all in one run.

    python -m benchmarks.fitting                    # 12 megapixels, F = 9, C = 3, one target
    python -m benchmarks.fitting --megapixels 1 --json fitting.json

Each contender runs in a process of its own, one thread, on the same pair of npy files: floats (C, H, W) and
what a known kernel made of them, with noise of 0.01. Told are the seconds of the processor, the peak of
resident memory, interpreter and arrays included, and how far the weights are from the known ones. ``lstsq``
needs all patches at once, 8·C·F·F bytes an output, and copies of them: it gets as many rows as fit into
--patches, and its time is scaled to all, which is fair to it, as its work is linear in rows. PyTorch
gathers patches by unfold, bands of rows at a time, and sums their Gram matrix in float64, as good a way as
it has; once more it trains a Conv2d by its own L-BFGS.
"""

import argparse
import json
import multiprocessing
import os
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks import measure

NOISE = 0.01


def pair(megapixels, F, C):
    """Return an image (C, H, W) of smoothed noise, its target (1, H, W), and the kernel between them."""
    from filterbank import apply
    from filterbank.model import Bank, Filter, Layer, Stack

    rng = np.random.default_rng(0)
    height = round((megapixels * 1e6 * 3 / 4) ** 0.5)
    width = round(megapixels * 1e6 / height)
    image = rng.random((C, height, width), np.float32)
    image[:, 1:] = 0.5 * (image[:, 1:] + image[:, :-1])
    image[:, :, 1:] = 0.5 * (image[:, :, 1:] + image[:, :, :-1])
    weights = rng.normal(size=(C, F, F)) / (F * C**0.5)
    layer = Layer((Filter("known", weights, 0.25),))
    target = apply(image, Bank("known", Stack((layer,)), C))
    target += rng.normal(0, NOISE, target.shape).astype(np.float32)
    return image, target, weights


def ours(image, target, F, _):
    from filterbank.fit import Pair, Settings, learn
    from filterbank.imagefile import ReadOptions

    settings = Settings((F, F), ("fitted",), reading=ReadOptions(max_pixels=1 << 40))
    return learn([Pair(Path(image), (Path(target),))], settings).bank.layer.weights[0], 1.0


def lstsq(image, target, F, limit):
    image, target = np.load(image), np.load(target)
    C, height, width = image.shape
    per_row = (width - F + 1) * (C * F * F + 1) * 8
    # The patches, and the copies that LAPACK works in.
    rows = min(height - F + 1, max(1, int(limit / (2.2 * per_row))))
    windows = np.lib.stride_tricks.sliding_window_view(image[:, : rows + F - 1], (F, F), axis=(1, 2))
    outputs = rows * (width - F + 1)
    patches = np.empty((outputs, C * F * F + 1))
    patches[:, :-1] = windows.transpose(1, 2, 0, 3, 4).reshape(outputs, -1)
    patches[:, -1] = 1
    h = F // 2
    wanted = target[0, h : h + rows, h : h + width - F + 1].reshape(-1)
    found = np.linalg.lstsq(patches, wanted, rcond=None)[0]
    return found[:-1].reshape(C, F, F), (height - F + 1) / rows


def torch_unfold(image, target, F, _):
    import torch

    torch.set_num_threads(1)
    image, target = torch.from_numpy(np.load(image)), torch.from_numpy(np.load(target))
    C, height, width = image.shape
    M, h = C * F * F, F // 2
    gram = torch.zeros(M + 2, M + 2, dtype=torch.float64)
    step = max(1, (1 << 19) // (width * M))
    for y in range(0, height - F + 1, step):
        n = min(step, height - F + 1 - y)
        patches = torch.nn.functional.unfold(image[None, :, y : y + n + F - 1], F)[0].double()
        wanted = target[:, y + h : y + h + n, h : h + width - F + 1].reshape(1, -1).double()
        columns = torch.cat([patches, torch.ones_like(wanted), wanted])
        gram += columns @ columns.T
    found = torch.linalg.solve(gram[:-1, :-1], gram[:-1, -1])
    return found[:-1].reshape(C, F, F).numpy(), 1.0


def torch_trained(image, target, F, _):
    import torch

    torch.set_num_threads(1)
    image, target = (torch.from_numpy(np.load(name))[None] for name in (image, target))
    torch.manual_seed(0)
    layer = torch.nn.Conv2d(image.shape[1], 1, F)
    h = F // 2
    wanted = target[:, :, h : h + image.shape[2] - F + 1, h : h + image.shape[3] - F + 1]
    search = torch.optim.LBFGS(layer.parameters(), max_iter=20, line_search_fn="strong_wolfe")

    def loss():
        search.zero_grad()
        error = torch.nn.functional.mse_loss(layer(image), wanted)
        error.backward()
        return error

    search.step(loss)
    return layer.weight.detach().numpy()[0], 1.0


CONTENDERS = {
    "filterbank fit": ours,
    "numpy.linalg.lstsq": lstsq,
    "torch unfold, float64": torch_unfold,
    "torch Conv2d, 20 L-BFGS steps": torch_trained,
}


def alone(name, image, target, F, limit, pipe):
    """Run one contender in this process and send what it took."""
    try:
        began, worked = time.perf_counter(), time.process_time()
        weights, scale = CONTENDERS[name](image, target, F, limit)
        spent = time.process_time() - worked, time.perf_counter() - began
    except ImportError as error:
        pipe.send({"missing": str(error)})
        return
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    pipe.send({"worked": spent[0], "waited": spent[1], "scale": scale, "peak": peak, "weights": weights})


def run(name, image, target, F, limit):
    ours_end, theirs = multiprocessing.Pipe(duplex=False)
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=alone, args=(name, image, target, F, limit, theirs))
    process.start()
    theirs.close()
    try:
        return ours_end.recv()
    except EOFError:
        return {"missing": "it was killed, perhaps for its memory"}
    finally:
        process.join()


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--megapixels", type=float, default=12)
    parser.add_argument("--size", type=int, default=9, help="F (9)")
    parser.add_argument("--channels", type=int, default=3, help="C (3)")
    parser.add_argument("--patches", type=float, default=4, help="gigabytes for lstsq's patches (4)")
    parser.add_argument("--json", help="write what was measured here")
    given = parser.parse_args()
    F, rows = given.size, []
    for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = "1"
    with tempfile.TemporaryDirectory() as folder:
        image, target = Path(folder, "before.npy"), Path(folder, "after.npy")
        before, after, known = pair(given.megapixels, F, given.channels)
        np.save(image, before)
        np.save(target, after)
        arrays = before.nbytes + after.nbytes
        print(
            f"{before.shape[2]}×{before.shape[1]} (W×H), F = {F}, C = {given.channels}: {arrays / 1e6:.0f} MB"
        )
        print(f"{'':<30} {'processor s':>11} {'ratio':>6} {'peak MB':>8} {'worst weight':>13}")
        first = None
        for name in CONTENDERS:
            told = run(name, str(image), str(target), F, given.patches * 1e9)
            if "missing" in told:
                print(f"{name:<30} {told['missing']}")
                continue
            seconds = told["worked"] * told["scale"]
            first = first or seconds
            worst = float(np.abs(told.pop("weights") - known).max())
            part = f"  (1/{told['scale']:.1f} of the rows: time scaled)" if told["scale"] > 1 else ""
            print(
                f"{name:<30} {seconds:>11.2f} {seconds / first:>6.1f} {told['peak'] / 1e6:>8.0f} "
                f"{worst:>13.1e}{part}",
                flush=True,
            )
            rows.append({"name": name, "seconds": seconds, "worst": worst, **told})
    if given.json:
        asked = {"megapixels": given.megapixels, "F": F, "C": given.channels}
        text = json.dumps({"machine": measure.machine(1), **asked, "rows": rows}, indent=1)
        Path(given.json).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
