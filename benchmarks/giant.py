"""Peak memory and time of ``apply --max-memory`` on an image that is never whole: against size and cap.

A tiled BigTIFF of 8 bits is written tile by tile, filtered by a bank of 8 filters in a process of its own,
and taken away again:

    python -m benchmarks.giant                         # 30,000 × 30,000 under 1G, as png and tiff
    python -m benchmarks.giant --sizes 4000,8000,16000 --caps 1G --formats png
    python -m benchmarks.giant --sizes 8000 --caps 200M,400M,800M --formats npy

Maps are many: 8 of 30,000 × 30,000 take 7 GB as png at most and 29 GB as tiff.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tifffile

from benchmarks import measure

TILE = 512
BANK = """\
name: eight
input: gray
filters:
- {name: dx, kernel: [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], scale: 1/8}
- {name: dy, kernel: [[-1, -2, -1], [0, 0, 0], [1, 2, 1]], scale: 1/8}
- {name: laplace, kernel: [[0, 1, 0], [1, -4, 1], [0, 1, 0]], scale: 1/4}
- {name: sharpen, kernel: [[0, -1, 0], [-1, 5, -1], [0, -1, 0]]}
- {name: diagonal, kernel: [[0, 1, 2], [-1, 0, 1], [-2, -1, 0]], scale: 1/8}
- gaussian: {sigma: 1, size: 7}
- gaussian: {sigma: 2, size: 13}
- log: {sigma: 2, size: 13}
"""


def tiles(side: int) -> Iterator[np.ndarray]:
    """Waves and noise, so that neither codec nor encoder has it easy."""
    noise = np.random.default_rng(0).integers(0, 48, (TILE, TILE)).astype(np.float32)
    y, x = np.mgrid[:TILE, :TILE].astype(np.float32)
    for top in range(0, side, TILE):
        for left in range(0, side, TILE):
            waves = np.sin((x + left) / 37) + np.cos((y + top) / 53)
            yield (60 + 40 * waves + noise + (left + top) % 47).clip(0, 255).astype(np.uint8)


def make(path: Path, side: int, compression: str | None) -> None:
    tifffile.imwrite(
        path,
        tiles(side),
        shape=(side, side),
        dtype=np.uint8,
        tile=(TILE, TILE),
        bigtiff=True,
        photometric="minisblack",
        compression=compression,
    )


def number(text: str) -> int:
    unit = {"k": 1e3, "m": 1e6, "g": 1e9}.get(text[-1].lower())
    return round(float(text[:-1]) * unit) if unit else int(text)


def measured(arguments: list[str]) -> tuple[float, int]:
    """Seconds and peak resident bytes of ``filterbank`` with *arguments*."""
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "filterbank", *arguments])
    peak = 0
    while process.poll() is None:
        # Not ru_maxrss, which a process inherits from the one that started it.
        with contextlib.suppress(OSError, StopIteration):
            status = Path(f"/proc/{process.pid}/status").read_text("ascii").splitlines()
            peak = int(next(line for line in status if line.startswith("VmHWM")).split()[1]) * 1024
        time.sleep(0.02)
    if process.returncode:
        raise SystemExit(f"filterbank ended with {process.returncode}")
    return time.perf_counter() - began, peak


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", default="30000", help="rows and columns of square images")
    parser.add_argument("--caps", default="1G")
    parser.add_argument("--formats", default="png,tiff")
    parser.add_argument("--range", default="auto", help="-1:1 needs one pass, auto two")
    parser.add_argument("--compression", help="of the image's tiles: zlib, lzw, zstd; none by default")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--folder", default=None, help="for image and maps, which are taken away")
    parser.add_argument("--json", type=Path, help="where the results go, too")
    asked = parser.parse_args()
    rows = []
    print("| rows and columns | pixels | format | cap | peak | of the cap | seconds | Mpixel/s a filter |")
    print("|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
        bank = Path(folder, "eight.yaml")
        bank.write_text(BANK)
        for side in map(int, asked.sizes.split(",")):
            image = Path(folder, f"{side}.tif")
            make(image, side, asked.compression)
            for format in asked.formats.split(","):
                for cap in asked.caps.split(","):
                    out = Path(folder, "maps")
                    options = ["--format", format, "--range", asked.range, "--max-memory", cap, "--quiet"]
                    command = ["apply", str(image), "-b", str(bank), "-o", str(out), "-j", str(asked.jobs)]
                    seconds, peak = measured([*command, *options])
                    shutil.rmtree(out)
                    rate = 8 * side * side / 1e6 / seconds
                    rows.append({"side": side, "format": format, "cap": cap, "share": peak / number(cap)})
                    rows[-1] |= {"peak": peak, "seconds": seconds}
                    print(
                        f"| {side:,} | {side * side / 1e6:,.0f} M | {format} | {cap} | {peak / 1e6:,.0f} MB "
                        f"| {peak / number(cap):.2f} | {seconds:.1f} | {rate:.0f} |",
                        flush=True,
                    )
            image.unlink()
    if asked.json:
        told = {"machine": measure.machine(asked.jobs), "range": asked.range, "rows": rows}
        asked.json.write_text(json.dumps(told, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
