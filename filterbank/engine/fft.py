"""A bank's spectra, computed once, and convolution with them: the driver of `kernels.fft`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filterbank.engine.kernels import layout_fft as layout

Floats = NDArray[np.float32]
Kernel = Callable[..., Any]

SIZES = (32, 64, 128, 256)


@dataclass(frozen=True)
class Spectra:
    """A layer's filters as the tiles of `kernels.fft` multiply by them; no image's size is in them."""

    size: int
    tiles: Floats  # (groups, pairs, channels of a group, size·size·2)
    roots: NDArray[np.complex64]
    filters: int
    extent: tuple[int, int]  # D·(F − 1) + 1
    stride: tuple[int, int]
    steps: tuple[int, int]  # outputs of a tile before sampling


def aligned(shape: tuple[int, ...]) -> Floats:
    """Return float32 zeros of that shape, the first one at the start of a cache line.

    >>> aligned((3, 5)).ctypes.data % 64
    0
    """
    count = int(np.prod(shape))
    memory = np.zeros(count + 16, np.float32)
    start = -memory.ctypes.data % 64 // 4
    return memory[start : start + count].reshape(shape)


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
    groups: int = 1,
) -> Spectra:
    """Return the spectra of *weights* (K, C/groups, Fh, Fw) for tiles of *size*×*size*.

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
    own = filters // groups
    pairs = (own + 1) // 2
    turns = roots(size)
    tiles = aligned((groups, pairs, channels, size // layout.LINE, size, 2, layout.LINE))
    # Correlation is convolution with the filter turned around: its tap i lies at -i, modulo the size.
    rows = -dilation[0] * np.arange(fh) % size
    columns = -dilation[1] * np.arange(fw) % size
    scale = 1 / (size * size)  # a power of two: exact
    for k in range(filters):
        group, place = divmod(k, own)
        part = tiles[group, place // 2, :, :, :, place % 2]
        part[:, (columns // layout.LINE)[None, :], rows[:, None], (columns % layout.LINE)[None, :]] = (
            weights[k] * scale
        )
    for tile in tiles.reshape(-1, 2 * size * size):
        forward(tile.ctypes.data, size, turns.ctypes.data)
    flat = tiles.reshape(groups, pairs, channels, -1)
    return Spectra(size, flat, turns, filters, extent, stride, (steps[0], steps[1]))


def count_tiles(spectra: Spectra, height: int, width: int) -> int:
    """Return how many tiles maps of *height*×*width* take."""
    down, across = (
        -(-n * s // step) for n, s, step in zip((height, width), spectra.stride, spectra.steps, strict=True)
    )
    return down * across


def convolve(
    spectra: Spectra,
    source: Floats,
    out: Sequence[Floats],
    kernel: Kernel,
    pad: tuple[int, int] = (0, 0),
    biases: Floats | None = None,
    tiles: range | None = None,
    space: Floats | None = None,
) -> None:
    """Fill *out*, K maps (H2, W2) with rows of equal distance, from *source* (C, H, W).

    The source is float32 with pixels side by side.

    *kernel* is `kernels.fft.fft_tiles`, compiled; *pad* is how many zeros lie above and left of the image
    (below and right there are as many as the maps need). *tiles* is the part to compute, all by default;
    parts may be computed side by side, each with *space* of its own.
    """
    groups, _, channels, _ = spectra.tiles.shape
    own = spectra.filters // groups
    if space is None:
        space = aligned((layout.space_bytes(spectra.size, channels) // 4,))
    if biases is None:
        biases = np.zeros(spectra.filters, np.float32)
    span = tiles or range(count_tiles(spectra, *out[0].shape))
    maps = np.array([values.ctypes.data for values in out], np.int64)
    words = np.empty(layout.WORDS, np.int64)
    words[layout.CHANNELS : layout.LEFT + 1] = (channels, *source.shape[1:], *source.strides[:2], *pad)
    words[layout.TILE : layout.SPECTRA] = (
        spectra.size,
        spectra.roots.ctypes.data,
        *spectra.steps,
        *spectra.stride,
    )
    words[layout.FILTERS] = own
    words[layout.OUT_HEIGHT : layout.WORDS] = (*out[0].shape, out[0].strides[0])
    for g in range(groups):
        words[layout.SOURCE] = source.ctypes.data + g * channels * source.strides[0]
        words[layout.SPECTRA] = spectra.tiles[g].ctypes.data
        words[layout.BIASES] = biases.ctypes.data + 4 * g * own
        words[layout.MAPS] = maps.ctypes.data + 8 * g * own
        kernel(words.ctypes.data, span.start, span.stop, space.ctypes.data)
