"""Images that came with the installation, one for each level of processors; `hatch_build.py` puts them there.

A level is a set of features that many processors share. An image is for one level and for the sources
as they are: its name says both, so that one of other sources is not found.
"""

from __future__ import annotations

import os
from pathlib import Path

from filterbank.engine.image.key import digest, features, sources
from filterbank.engine.kernels.table import IMAGES

_V2 = "cx16 lahf_lm pni popcnt sse4_1 sse4_2 ssse3"
_V3 = _V2 + " abm avx avx2 bmi1 bmi2 f16c fma movbe"
_V4 = _V3 + " avx512bw avx512cd avx512dq avx512f avx512vl"

# Processors as the system calls them -> levels as LLVM does, best first -> features as the kernel does.
_LEVELS = {
    "x86_64": {"x86-64-v4": _V4, "x86-64-v3": _V3, "x86-64-v2": _V2},
    "aarch64": {"generic": "asimd fp"},
}

# Features that LLVM calls otherwise.
_LLVM = {
    "abm": "lzcnt",
    "asimd": "neon",
    "bmi1": "bmi",
    "fp": "fp-armv8",
    "lahf_lm": "sahf",
    "pni": "sse3",
    "sse4_1": "sse4.1",
    "sse4_2": "sse4.2",
}


def _name(level: str, made_from: str, image: str) -> str:
    return f"{level}-{made_from}.{image}.image"


def fitting(folder: Path, image: str) -> list[Path]:
    """Return the files in *folder* of an image of these sources that this processor can run, best first."""
    own, made_from = features(), digest(sources(), b"")
    levels = _LEVELS.get(os.uname().machine, {}).items()
    places = [
        folder / _name(level, made_from, image) for level, needed in levels if own.issuperset(needed.split())
    ]
    return [path for path in places if path.exists()]


def build(folder: Path) -> list[Path]:
    """Write the images of this kind of processor, all levels of it, to *folder* and return them.

    Raises
    ------
    WorkerError
        Numba is not there, or failed.
    """
    from filterbank.engine.image import workers  # noqa: PLC0415 - not for a run's start

    written = []
    for level, needed in _LEVELS.get(os.uname().machine, {}).items():
        names = ["+" + _LLVM.get(feature, feature) for feature in needed.split()]
        if "avx512f" in needed:
            names.append("-prefer-256-bit")  # the kernels' own vectors have 512, so plain loops may as well
        target = {"NUMBA_CPU_NAME": level, "NUMBA_CPU_FEATURES": ",".join(names)}
        for image in IMAGES:
            path = folder / _name(level, digest(sources(), b""), image)
            path.write_bytes(workers.compiled(image, False, target))
            written.append(path)
    return written
