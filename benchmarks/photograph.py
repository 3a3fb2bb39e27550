"""The pictures that the benchmarks work on: the samples' landscape at any size, with a sensor's noise."""

import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

_SAMPLES = Path(__file__).parents[1] / "sample_images"


def photograph(megapixels):
    """Return an image (H, W, 3) uint8 of so many megapixels, 4:3; made once and kept."""
    width = round((megapixels * 1e6 * 4 / 3) ** 0.5 / 8) * 8
    height = width * 3 // 4
    folder = Path(tempfile.gettempdir()) / "filterbank-benchmarks"
    folder.mkdir(exist_ok=True)
    path = folder / f"landscape-{width}x{height}.npy"
    if not path.exists():
        print(f"making a picture of {width}×{height}", file=sys.stderr)
        sys.path.insert(0, str(_SAMPLES))
        from landscape import landscape

        picture = landscape(width, height) * 255
        picture += np.random.default_rng(0).normal(0, 2.0, picture.shape)
        np.save(path, np.clip(picture + 0.5, 0, 255).astype(np.uint8))
    return np.load(path)


def photographs(workload, count, folder):
    """Return the image files of E1, E2 or E3, written into *folder*: parts of one large picture."""
    if workload == "E2":
        Image.fromarray(photograph(1)).save(folder / "photograph.png")
        return [folder / "photograph.png"]
    picture = photograph(12)
    if workload == "E1":
        Image.fromarray(picture).save(folder / "photograph.jpg", quality=92)
        return [folder / "photograph.jpg"]
    rng = np.random.default_rng(1)
    paths = []
    for number in range(count):
        height, width = rng.integers(640, 800), rng.integers(800, 1250)
        top, left = rng.integers(picture.shape[0] - height), rng.integers(picture.shape[1] - width)
        part = picture[top : top + height, left : left + width]
        paths.append(folder / f"photograph-{number:04d}.jpg")
        Image.fromarray(part[:, :: 1 - 2 * (number % 2)]).save(paths[-1], quality=90)
    return paths
