"""What a process with a cap really takes: its peak resident size, measured by itself."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

_MEASURED = """
import sys
from filterbank.cli.main import main
try:
    main()
finally:
    print(open("/proc/self/status").read(), file=sys.stderr)
"""

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")


def peak_of(*arguments: object) -> int:
    """Run ``filterbank ARGUMENTS`` as a process and return its peak in bytes."""
    ended = subprocess.run(
        [sys.executable, "-c", _MEASURED, *map(str, arguments)], capture_output=True, check=False
    )
    told = ended.stderr.decode()
    assert ended.returncode == 0, told
    (found,) = re.findall(r"VmHWM:\s*(\d+) kB", told)
    return int(found) * 1024


def picture(side: int, *channels: int) -> np.ndarray:
    waves = np.sin(np.arange(side * side, dtype=np.float32).reshape(side, side) / 50)
    noise = np.random.default_rng(0).integers(0, 90, (side, side, *channels))
    return (noise + 70 * (1 + waves.reshape(side, side, *(1 for _ in channels)))).astype(np.uint8)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("giant") / "image.tif"
    tifffile.imwrite(path, picture(3000), tile=(256, 256), bigtiff=True, compression="zlib")
    return path


def test_the_cap_is_kept(image: Path, tmp_path: Path) -> None:
    common = ("apply", image, "-b", "sobel", "--format", "tiff")
    assert peak_of(*common, "-o", tmp_path / "m", "--max-memory", "110M") <= 1.15 * 110e6
    # Bands are what keeps it: without a cap it is passed by far.
    assert peak_of(*common, "-o", tmp_path / "n") > 1.15 * 110e6


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("cap", [160, 300])
@pytest.mark.parametrize(
    "options",
    [
        ("-b", "sobel", "--format", "tiff"),
        ("-b", "prewitt-compass", "--format", "png16", "--range", "minmax"),
        ("-b", "gabor", "--filter", "gabor_4_*", "--format", "npy", "--stack"),
        ("-b", "laws-energy", "--linear"),
        ("-b", "gaussian", "--method", "fft", "--format", "tiff", "--padding-mode", "circular"),
        ("-b", "sobel", "--compress", "small", "--range", "-1:1"),
    ],
    ids=" ".join,
)
def test_the_cap_is_kept_by_every_kind_of_run(
    image: Path, tmp_path: Path, options: tuple[str, ...], cap: int, jobs: int
) -> None:
    peak = peak_of("apply", image, *options, "-o", tmp_path / "m", "-j", jobs, "--max-memory", f"{cap}M")
    assert peak <= 1.15e6 * cap


@pytest.mark.slow
@pytest.mark.parametrize("name", ["image.png", "image.npy", "image.zarr", "image.jpg"])
def test_the_cap_is_kept_whatever_is_read(tmp_path: Path, name: str) -> None:
    pixels, path = picture(3000, 3), tmp_path / name
    if name == "image.npy":
        np.save(path, np.ascontiguousarray(pixels.transpose(2, 0, 1)))
    elif name == "image.zarr":
        pytest.importorskip("zarr").create_array(path, data=pixels.transpose(2, 0, 1), chunks=(3, 256, 256))
    else:
        Image.fromarray(pixels).save(path)
    assert peak_of("apply", path, "-b", "sobel", "-o", tmp_path / "m", "--max-memory", "190M") <= 1.15 * 190e6


@pytest.mark.slow
def test_many_images_share_the_cap(tmp_path: Path) -> None:
    for number in range(12):
        Image.fromarray(picture(1500, 3)).save(tmp_path / f"{number}.png")
    peak = peak_of("apply", tmp_path, "-b", "sobel", "-o", tmp_path / "m", "-j", 4, "--max-memory", "150M")
    assert peak <= 1.15 * 150e6


@pytest.mark.slow
def test_the_peak_does_not_grow_with_the_image(tmp_path: Path) -> None:
    peaks = []
    for rows in (2000, 16000):
        path = tmp_path / f"{rows}.tif"
        tifffile.imwrite(path, np.tile(picture(2000), (rows // 2000, 1)), tile=(256, 256))
        peaks.append(
            peak_of("apply", path, "-b", "sobel", "-o", tmp_path / f"m{rows}", "--max-memory", "120M")
        )
    assert peaks[1] < 1.1 * peaks[0]
