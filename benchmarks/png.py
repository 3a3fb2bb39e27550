"""PNG encoding, whole files in memory: ours beside Pillow, libpng and OpenCV, on maps of many kinds.

    python benchmarks/png.py [--size 3000x4000] [--repeat 5] [--json FILE] [--only TEXT]

Every file is decoded again before its time counts. The order of the encoders rotates; times are medians.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import json
import statistics
import struct
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numba
import numpy as np
from PIL import Image

from benchmarks.maps import sample_maps
from filterbank.engine.deflate import Scratch, encoded
from filterbank.engine.kernels.deflate import png_bands

Encoder = Callable[[np.ndarray], bytes]
COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}


def ours() -> Encoder:
    """Return our encoder, compiled, with memory that is kept."""
    kernel = numba.njit(png_bands, nogil=True, error_model="numpy")
    scratch: list[Scratch] = []

    def encode(image: np.ndarray) -> bytes:
        channels = 1 if image.ndim == 2 else image.shape[2]
        rows = image.view(np.uint8).reshape(image.shape[0], -1)
        head = struct.pack(">IIBB3x", *image.shape[1::-1], 8 * image.itemsize, COLOUR_TYPES[channels])
        swap = image.itemsize == 2 and sys.byteorder == "little"
        with encoded(rows, channels * image.itemsize, kernel, swap, scratch) as parts:
            stream = b"".join(parts)
        chunks = [*chunk(b"IHDR", head), *chunk(b"IDAT", stream), *chunk(b"IEND", b"")]
        return b"".join([b"\x89PNG\r\n\x1a\n", *chunks])

    return encode


def chunk(kind: bytes, data: bytes) -> tuple[bytes, bytes, bytes]:
    """Return a PNG chunk in three parts."""
    return struct.pack(">I", len(data)) + kind, data, struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))


def peers(image: np.ndarray) -> dict[str, Encoder]:
    """Return the other encoders that take such an image."""
    found: dict[str, Encoder] = {}
    if image.itemsize == 1 or image.ndim == 2:
        found["Pillow 1"] = lambda a: pillow(a, 1)
        found["Pillow 6"] = lambda a: pillow(a, 6)
    found["libpng 1"] = lambda a: imagecodecs.png_encode(a, level=1)
    if importlib.util.find_spec("cv2") and (image.ndim == 2 or image.shape[2] != 2):
        found["OpenCV"] = opencv
    return found


def pillow(image: np.ndarray, level: int) -> bytes:
    """Return the file as Pillow writes it."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG", compress_level=level)
    return file.getvalue()


def opencv(image: np.ndarray) -> bytes:
    """Return the file as OpenCV writes it, channels reversed: for the time it is all one."""
    import cv2

    return cv2.imencode(".png", image)[1].tobytes()


def measure(image: np.ndarray, encoders: dict[str, Encoder], repeat: int) -> dict[str, dict[str, float]]:
    """Return milliseconds and bytes of each encoder."""
    times: dict[str, list[float]] = {name: [] for name in encoders}
    sizes = {name: len(encode(image)) for name, encode in encoders.items()}
    names = list(encoders)
    for i in range(repeat):
        for name in names[i % len(names) :] + names[: i % len(names)]:
            start = time.perf_counter()
            encoders[name](image)
            times[name].append((time.perf_counter() - start) * 1e3)
    return {name: {"ms": statistics.median(times[name]), "bytes": sizes[name]} for name in names}


def main() -> None:
    """Print the table; write it as JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", default="3000x4000", help="rows x columns")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--only", default="", help="maps whose name contains this")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    height, width = map(int, options.size.split("x"))
    own, results = ours(), {}
    print(f"{height}x{width}: ms and bytes; in brackets, bytes of ours to those of the other")
    for name, image in sample_maps(height, width).items():
        if options.only not in name:
            continue
        np.testing.assert_array_equal(imagecodecs.png_decode(own(image)), image)
        found = measure(image, {"ours": own, **peers(image)}, options.repeat)
        results[name] = found
        mine = found["ours"]["bytes"]
        cells = (f"{who} {r['ms']:.1f} ms {r['bytes']} [{mine / r['bytes']:.2f}]" for who, r in found.items())
        print(f"{name:18}", "  ".join(cells), flush=True)
    if options.json:
        options.json.write_text(json.dumps({"height": height, "width": width, "maps": results}, indent=1))


if __name__ == "__main__":
    main()
