"""The words of the FFT kernel that follow those of ``layout``, of which COLUMNS and scratch are not used.

A tile is T×T complex numbers in T/16 strips: strip after strip, in it T rows of 16 real and 16 imaginary
float32.
"""

from __future__ import annotations

from filterbank.engine.kernels import layout

(
    TILE,  # T, one of SIZES
    ROOTS,  # address of the roots of unity, as `filterbank.engine.fft.roots` lays them out
    STEP_Y,  # outputs of a tile before sampling: a multiple of the stride, at most T - extent + 1
    STEP_X,
    SPECTRA,  # address of (pairs, CHANNELS) tiles: two filters as real and imaginary part
    TILES,  # of an image
    TILES_ACROSS,
    TILES_BAND,  # of a band
    SPACE,  # bytes from a work space's start to CHANNELS + 1 tiles
    WORDS,  # how many there are
) = range(layout.WORDS, layout.WORDS + 10)

SIZES = (32, 64, 128, 256)  # of T
LINE = 16  # floats in a row of a strip, twice


def tile_bytes(size: int) -> int:
    """Return how many bytes a tile of *size*×*size* takes."""
    return 8 * size * size
