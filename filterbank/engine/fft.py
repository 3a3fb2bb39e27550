"""A bank's spectra, computed once, and a layer made ready for the kernel that uses them."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filterbank.engine.compiled import kernels
from filterbank.engine.direct import FLOAT
from filterbank.engine.kernels import layout as common
from filterbank.engine.kernels import layout_fft as layout
from filterbank.engine.kernels.layout_fft import SIZES
from filterbank.engine.memory import in_large_pages
from filterbank.engine.transformed import TransformedPlan
from filterbank.geometry import Geometry
from filterbank.record import record

Floats = NDArray[np.float32]
Kernel = Callable[..., Any]

_BANDS = 128  # parts that threads share, where there are as many tiles
_DEARER = 1.05  # so many times as many tiles may whole cache lines take


@record(frozen=True)
class Spectra:
    """A layer's filters as the tiles of `kernels.fft` multiply by them; no image's size is in them."""

    size: int
    tiles: Floats  # (pairs, channels, strips, size, 2, LINE)
    roots: NDArray[np.complex64]
    steps: tuple[int, int]  # outputs of a tile before sampling


def roots(size: int) -> NDArray[np.complex64]:
    """Return the roots of unity of every pass of a transform, three for every butterfly.

    >>> roots(8).shape
    (2, 3)
    """
    passes, n = [], size
    while n > 4:
        j = np.arange(n // 4)[:, None]
        passes.append(np.exp(-2j * np.pi * j * np.array([1, 2, 3]) / n))
        n //= 4
    return np.concatenate(passes).astype(np.complex64)


def transform(
    weights: NDArray[Any],
    size: int,
    forward: Kernel,
    stride: tuple[int, int] = (1, 1),
    dilation: tuple[int, int] = (1, 1),
) -> Spectra:
    """Return the spectra of *weights* (K, C, Fh, Fw) for tiles of *size*×*size*.

    *forward* is `kernels.fft.fft_forward`, compiled. The filter's extent and the stride together must fit
    into a tile: extent + stride − 1 ≤ size.

    Raises
    ------
    ValueError
        They do not, or *size* is none of SIZES.
    """
    filters, channels, fh, fw = weights.shape
    extent = dilation[0] * (fh - 1) + 1, dilation[1] * (fw - 1) + 1
    steps = tuple((size - e + 1) // s * s for e, s in zip(extent, stride, strict=True))
    if size not in SIZES or min(steps) < 1:
        raise ValueError(f"tile {size}: found extent {extent} and stride {stride}; accepted sizes: {SIZES}")
    pairs = (filters + 1) // 2
    turns = roots(size)
    tiles = in_large_pages((pairs, channels, size // layout.LINE, size, 2, layout.LINE))
    # Correlation is convolution with the filter turned around: its tap i lies at -i, modulo the size.
    rows = -dilation[0] * np.arange(fh) % size
    columns = -dilation[1] * np.arange(fw) % size
    scale = 1 / (size * size)  # a power of two: exact
    for k in range(filters):
        part = tiles[k // 2, :, :, :, k % 2]
        part[:, (columns // layout.LINE)[None, :], rows[:, None], (columns % layout.LINE)[None, :]] = (
            weights[k] * scale
        )
    for tile in tiles.reshape(-1, 2 * size * size):
        forward(tile.ctypes.data, size, turns.ctypes.data)
    return Spectra(size, tiles, turns, (steps[0], steps[1]))


@lru_cache(maxsize=8)
def _spectra(
    weights: bytes, shape: tuple[int, ...], size: int, stride: tuple[int, int], dilation: tuple[int, int]
) -> Spectra:
    """Return `transform` of weights that may have been seen before, on images of another size."""
    planes = np.frombuffer(weights).reshape(shape)
    return transform(planes, size, kernels().fft_forward, stride, dilation)


def _step(width: int, most: int) -> int:
    """Return how many outputs of a row a tile gives, *most* at most: whole cache lines where that is as good.

    >>> _step(1152, 98), _step(1152, 24)
    (96, 24)
    """
    whole = most // layout.LINE * layout.LINE
    if whole and -(-width // whole) <= _DEARER * -(-width // most):
        return whole
    return most


class FFTPlan(TransformedPlan):
    """A layer by the Fourier transform with tiles of *block*×*block*, ready to run: one group."""

    _words_count = layout.WORDS
    _new_space = staticmethod(in_large_pages)
    kernel_name = "fft_tiles"

    def __init__(
        self,
        weights: NDArray[np.float64],
        biases: NDArray[np.float64],
        geometry: Geometry,
        *,
        block: int,
        **how: Any,
    ) -> None:
        self._spectra = _spectra(weights.tobytes(), weights.shape, block, geometry.stride, geometry.dilation)
        super().__init__(weights, biases, geometry, **how)

    @property
    def bands(self) -> int:
        """How many parts an image's tiles are shared out in: a function of the geometry alone."""
        return -(-int(self._words[layout.TILES]) // int(self._words[layout.TILES_BAND]))

    def _size_blocks(self) -> None:
        """Count the tiles and lay out a work space: a line, then a tile for each channel and a product."""
        g, size = self.geometry, self._spectra.size
        steps = self._spectra.steps
        if g.stride[1] == 1:
            steps = steps[0], _step(g.out_width, steps[1])
        down, across = (
            -(-n * s // step) for n, s, step in zip((g.out_height, g.out_width), g.stride, steps, strict=True)
        )
        self._rows, self._columns, self._length, self._scratch_rows = 1, size, 0, 0
        start = -(-self._place_lines(common.SCRATCH // FLOAT) // 16) * 16
        self._space_size = start + (g.channels + 1) * layout.tile_bytes(size) // FLOAT
        own = {
            layout.TILE: size,
            layout.STEP_Y: steps[0],
            layout.STEP_X: steps[1],
            layout.TILES: down * across,
            layout.TILES_ACROSS: across,
            layout.TILES_BAND: -(-down * across // _BANDS),
            layout.SPACE: FLOAT * start,
        }
        for word, value in own.items():
            self._words[word] = value

    def _goes_past(self, maps: NDArray[np.int64], one: NDArray[Any]) -> bool:
        return super()._goes_past(maps, one) and self._words[layout.STEP_X] % layout.LINE == 0

    def _set_filters(self, weights: NDArray[np.float64], biases: NDArray[np.float64]) -> list[int]:
        """Point to the spectra; the maps stay in the bank's order."""
        self._point(layout.ROOTS, self._spectra.roots)
        self._point(layout.SPECTRA, self._spectra.tiles)
        self._point(common.BIASES, np.asarray(biases).astype(np.float32))
        return list(range(len(weights)))
