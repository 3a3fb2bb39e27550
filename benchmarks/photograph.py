"""The picture that the benchmarks work on: the samples' landscape at any size, with a sensor's noise."""

import sys
import tempfile
from pathlib import Path

import numpy as np

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
