"""The sample images are what their names say."""

from pathlib import Path

import numpy as np
import pytest

from filterbank.imagefile import ReadOptions, is_image_name, prepare, read

FOLDER = Path(__file__).parents[2] / "sample_images"

EXPECTED = {
    "chart.png": ((3, 480, 640), "rgb", False, "8-bit"),
    "elevation-float.tif": ((1, 240, 320), "gray", False, "float32"),
    "fabric.png": ((3, 512, 512), "rgb", False, "8-bit"),
    "landscape.jpg": ((3, 512, 768), "rgb", False, "8-bit"),
    "leaf-rgba.png": ((4, 320, 320), "rgb", True, "8-bit"),
    "nebula-16bit.png": ((3, 256, 256), "rgb", False, "16-bit"),
    "rotated.jpg": ((3, 448, 336), "rgb", False, "8-bit"),
    "zone-plate.png": ((1, 512, 512), "gray", False, "8-bit"),
}


def test_all_are_known_and_small():
    files = sorted(path for path in FOLDER.iterdir() if is_image_name(path))
    assert [path.name for path in files] == sorted(EXPECTED)
    assert sum(path.stat().st_size for path in files) < 3_000_000


@pytest.mark.parametrize("name", EXPECTED)
def test_each_is_what_it_says(name):
    image = read(FOLDER / name)
    info = image.info
    assert (image.planes.shape, info.kind, info.alpha, info.depth) == EXPECTED[name]
    assert np.isfinite(image.planes).all()


def test_the_rotated_one_is_stored_lying_and_shows_the_landscape_upright():
    stored = read(FOLDER / "rotated.jpg", ReadOptions(orient=False))
    assert (stored.info.height, stored.info.width) == (336, 448)
    upright = prepare(read(FOLDER / "rotated.jpg"), "gray").planes[0]
    scene = prepare(read(FOLDER / "landscape.jpg"), "gray").planes[0][64:, 344:680]
    assert np.abs(upright - scene).mean() < 0.02


def test_16_bits_are_used():
    values = read(FOLDER / "nebula-16bit.png").planes * 65535
    assert len(np.unique(values)) > 10_000


def test_the_leaf_is_soft_at_its_edge():
    alpha = read(FOLDER / "leaf-rgba.png").planes[3]
    assert ((alpha > 0.05) & (alpha < 0.95)).mean() > 0.02
