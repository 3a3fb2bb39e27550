"""The words in which a caller tells `kernels.fft` what to do: places in an array of int64.

A tile is T×T complex numbers in T/16 strips: strip after strip, in it T rows of 16 real and 16 imaginary
float32. Imported by both sides, with or without Numba.
"""

from __future__ import annotations

(
    SOURCE,  # address of pixel (0, 0) of the first channel, float32
    CHANNELS,
    HEIGHT,
    WIDTH,
    CHANNEL_STEP,  # bytes
    ROW_STEP,
    TOP,  # zeros above and left of the image
    LEFT,
    TILE,  # T: 32, 64, 128, 256
    ROOTS,  # address of the roots of unity, as `filterbank.engine.fft.roots` lays them out
    STEP_Y,  # outputs of a tile before sampling: a multiple of the stride, at most T - extent + 1
    STEP_X,
    STRIDE_Y,
    STRIDE_X,
    SPECTRA,  # address of (pairs, CHANNELS) tiles: two filters as real and imaginary part
    FILTERS,
    BIASES,  # address of FILTERS float32
    MAPS,  # address of FILTERS addresses of OUT_HEIGHT × OUT_WIDTH float32
    OUT_HEIGHT,
    OUT_WIDTH,
    MAP_STEP,  # bytes from row to row of a map
    WORDS,
) = range(22)

LINE = 16  # floats in a row of a strip, twice


def tile_bytes(size: int) -> int:
    """Return how many bytes a tile of *size*×*size* takes."""
    return 8 * size * size


def space_bytes(size: int, channels: int) -> int:
    """Return how many bytes of work space a thread needs."""
    return (channels + 1) * tile_bytes(size)
