"""FFT and Cook-Toom on images of one size: sums by way of a transform, then finished map by map.

Both share transforms between all filters and need whole numbers to be finite: a NaN would spread over
its tile. An image with one is handed to the direct method.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from filterbank.engine import fft, winograd
from filterbank.engine.compiled import kernels
from filterbank.engine.direct import DirectPlan, Statistics
from filterbank.engine.kernels import layout, layout_fft
from filterbank.engine.scratch import normalised, padded
from filterbank.engine.sharing import share
from filterbank.geometry import Geometry
from filterbank.model import Layer, floats

Floats = NDArray[np.float32]
Maps = NDArray[Any] | Sequence[NDArray[Any]]

# Maps are finished this many values at a time; a function of their size alone, so that the sums of
# statistics are too.
_FINISHED = 1 << 18


class Sums(Protocol):
    """A transform made ready: it fills maps with biases and sums, threads sharing its parts."""

    def fill(self, source: Floats, pad: tuple[int, int], out: Sequence[Floats], threads: int) -> None:
        """Fill *out* (K maps) from *source* (C, H, W) with *pad* zeros above and left of it."""


class FFTSums:
    """The spectra of some filters, and the tiles of one size of map."""

    def __init__(
        self, weights: NDArray[np.float64], biases: NDArray[np.float64], g: Geometry, tile: int
    ) -> None:
        self.spectra = fft.transform(weights, tile, kernels().fft_forward, g.stride, g.dilation)
        self.biases = biases.astype(np.float32)
        self.tiles = fft.count_tiles(self.spectra, g.out_height, g.out_width)
        self._space = layout_fft.space_bytes(tile, g.channels) // 4

    def fill(self, source: Floats, pad: tuple[int, int], out: Sequence[Floats], threads: int) -> None:
        """Fill *out* as Sums has it."""

        def worker() -> Callable[[int], None]:
            space = fft.aligned((self._space,))
            return lambda tile: fft.convolve(
                self.spectra,
                source,
                out,
                kernels().fft_tiles,
                pad,
                self.biases,
                range(tile, tile + 1),
                space,
            )

        share(self.tiles, threads, worker)


class WinogradSums:
    """The points of some filters, laid out for one size of map."""

    def __init__(
        self, points: winograd.Points, biases: NDArray[np.float64], g: Geometry, kernel: Callable[..., Any]
    ) -> None:
        self.layout = winograd.lay_out(points, g.out_height, g.out_width)
        self.biases = biases.astype(np.float32)
        self.rows = -(-g.out_height // winograd.M)
        self._kernel = kernel

    def fill(self, source: Floats, pad: tuple[int, int], out: Sequence[Floats], threads: int) -> None:
        """Fill *out* as Sums has it."""

        def worker() -> Callable[[int], None]:
            space = fft.aligned((-(-self.layout.space_bytes // 4),))
            return lambda row: winograd.convolve(
                self.layout, source, out, self._kernel, pad, self.biases, range(row, row + 1), space
            )

        share(self.rows, threads, worker)


@dataclass(frozen=True, eq=False)
class TransformedPlan:
    """Some filters of a layer by way of a transform; runs as a DirectPlan does."""

    layer: Layer
    geometry: Geometry
    sums: Sums
    direct: Callable[[], DirectPlan]

    @cached_property
    def _instead(self) -> DirectPlan:
        return self.direct()

    def run(
        self,
        pixels: NDArray[Any],
        out: Maps | None,
        threads: int = 1,
        survey: bool | NDArray[np.bool_] = True,
        scales: NDArray[np.float64] | None = None,
    ) -> Statistics:
        """Fill *out*, K maps (H2, W2), as `DirectPlan.run` does, and return their statistics."""
        if self.layer.padding_mode == "zeros":
            source, pad = normalised(floats(pixels), self.layer), self.geometry.padding[:2]
        else:
            source, pad = padded(floats(pixels), self.layer, self.geometry.padding), (0, 0)
        if not np.isfinite(source).all():
            return self._instead.run(kernels().direct, pixels, out, threads, survey, scales)
        assert out is not None
        values = out if scales is None else [np.empty(codes.shape, np.float32) for codes in out]
        self.sums.fill(np.ascontiguousarray(source), pad, list(values), threads)
        return self._finish(values, out, threads, np.broadcast_to(survey, len(out)), scales)

    def _finish(
        self,
        values: Maps,
        out: Maps,
        threads: int,
        survey: NDArray[np.bool_],
        scales: NDArray[np.float64] | None,
    ) -> Statistics:
        """Apply the activation to the sums *values*, bring them to *out*, and return their statistics."""
        size = values[0].size
        parts = -(-size // _FINISHED)
        gathered = Statistics.room(parts, len(out))
        activation = self.layer.activation
        code = layout.ACTIVATIONS.index(activation.name)
        a, b = (*activation.parameters, 0.0, 0.0)[:2]
        rows = np.zeros((len(out), 6)) if scales is None else np.ascontiguousarray(scales)
        if scales is None and code == 0 and not survey.any():
            return Statistics.merged(gathered)

        def finish(number: int) -> None:
            k, part = divmod(number, parts)
            first = part * _FINISHED
            kernels().finished(
                values[k].ctypes.data + 4 * first,
                min(_FINISHED, size - first),
                code,
                a,
                b,
                gathered[part, k].ctypes.data,
                int(survey[k]),
                out[k].ctypes.data + out[k].itemsize * first,
                out[k].itemsize,
                rows[k].ctypes.data,
            )

        share(len(out) * parts, threads, lambda: finish)
        return Statistics.merged(gathered)


def to_codes(values: Floats, scale: NDArray[np.float64]) -> tuple[NDArray[Any], int]:
    """Return the codes of *values*, uint8 or uint16, by a *scale* as `encode` has them, and how many clipped.

    >>> to_codes(np.array([0, 0.5, 2], np.float32), np.array([0, 1, 255, 0, 0, 255.0]))
    (array([  0, 128, 255], dtype=uint8), 1)
    """
    out = np.empty(values.shape, np.uint16 if scale[5] > 255 else np.uint8)
    values, row, state = np.ascontiguousarray(values), np.ascontiguousarray(scale), Statistics.room(1, 1)
    kernels().finished(
        values.ctypes.data,
        values.size,
        0,
        0.0,
        0.0,
        state.ctypes.data,
        0,
        out.ctypes.data,
        out.itemsize,
        row.ctypes.data,
    )
    return out, int(state[0, 0, layout.CLIPPED].sum())
