"""A layer made ready for the direct kernel once, and run on any number of images of one size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filterbank.engine import blocks, memory
from filterbank.engine.image import Kernels
from filterbank.engine.kernels import layout
from filterbank.engine.scales import prepared
from filterbank.engine.sharing import together
from filterbank.geometry import Geometry, Pair, extent
from filterbank.record import record

Kernel = Callable[[int, int, int, int], object]
Maps = NDArray[Any] | Sequence[NDArray[Any]]

FLOAT = 4
# What a line of outputs reads should stay near the first-level cache, a band in the second. Lines as
# wide as the image and bands of many rows suit the writing of large maps best.
_LINE_BYTES = 64 << 10
_BAND_BYTES = 384 << 10
_WEIGHT_BYTES = 32 << 10  # of all blocks: while so few stay in the first-level cache, rows go first
_WIDEST_LINE = 8192  # outputs
_LARGE_BYTES = 4 << 20  # of maps that no core's own cache keeps until they are read
OVERHANG = 64  # floats that the last tile of a row may read beyond it
_KINDS = {np.dtype(name): number for number, name in enumerate(layout.KINDS)}
_VALUES, _CODES = (np.dtype(np.float32),), (np.dtype(np.uint8), np.dtype(np.uint16))
_BANDS = 16  # at least so many where there are rows enough: threads share them


@record(frozen=True)
class Statistics:
    """What is told of each map, (K,) float64; values that are not finite are only counted."""

    minimum: NDArray[np.float64]
    maximum: NDArray[np.float64]
    total: NDArray[np.float64]
    negative: NDArray[np.float64]
    nonfinite: NDArray[np.float64]
    clipped: NDArray[np.float64]
    has_strangers: bool = False  # a transform met a pixel that is not finite: nothing of this is of worth

    @staticmethod
    def room(parts: int, maps: int) -> NDArray[np.float64]:
        """Return what the kernels gather into: nothing yet, (parts, K, 6, lanes)."""
        gathered = np.zeros((parts, maps, 6, 8))
        gathered[:, :, layout.MINIMUM], gathered[:, :, layout.MAXIMUM] = np.inf, -np.inf
        return gathered

    @classmethod
    def of_codes(cls, clipped: NDArray[np.float64], has_strangers: bool) -> Statistics:
        """Return those of maps of which nothing else is asked: the rest is of no worth."""
        none = np.zeros(len(clipped))
        low = none + np.inf
        return cls(low, -low, none, none, none, clipped, has_strangers)

    @classmethod
    def joined(cls, parts: Sequence[tuple[Sequence[int], Statistics]]) -> Statistics:
        """Return those of maps that were computed in parts, each with the places of its maps."""
        places = [place for chosen, _ in parts for place in chosen]
        columns = [
            (own.minimum, own.maximum, own.total, own.negative, own.nonfinite, own.clipped)
            for _, own in parts
        ]
        return cls(*np.concatenate(columns, axis=1)[:, np.argsort(places)])

    @classmethod
    def merged(
        cls, gathered: NDArray[np.float64], order: NDArray[np.int64], has_strangers: bool = False
    ) -> Statistics:
        """Return those of each map from (parts, K, 6, lanes) as the kernels gather them, in their *order*."""
        # Part by part first: NumPy adds long rows quickly and eight lanes slowly.
        low = gathered[:, :, layout.MINIMUM].min(0).min(1)
        high = gathered[:, :, layout.MAXIMUM].max(0).max(1)
        places = np.argsort(order)
        total, negative, nonfinite, clipped = gathered[:, :, layout.TOTAL :].sum(0).sum(2)[places].T
        return cls(low[places], high[places], total, negative, nonfinite, clipped, has_strangers)


@lru_cache(maxsize=64)
def _places(planes: int, kernel: Pair, dilation: Pair) -> tuple[NDArray[np.int64], ...]:
    """Return the plane, row and column of each tap, seen from an output's first pixel."""
    plane, i, j = np.indices((planes, *kernel), np.int64).reshape(3, -1)
    return plane, i * dilation[0], j * dilation[1]


def _addresses(out: Maps, order: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return where the maps of *out* begin, in that *order*."""
    if isinstance(out, np.ndarray):
        return out.ctypes.data + out.strides[0] * order
    return np.array([out[index].ctypes.data for index in order], np.int64)


class DirectPlan:
    """A convolutional layer on images of one size, ready to run.

    ``map[k,y,x] = a(b[k] + Σ w[k,c,i,j] · image[c, y·S + i·D − P_top, x·S + j·D − P_left])``

    Parameters
    ----------
    weights
        (K, C/groups, Fh, Fw) float64; rounded to float32 once.
    biases
        (K,) float64.
    geometry
        The layer's shapes on this size of image.
    padding_mode, padding_value
        What lies outside; the value, one or one per channel, holds for ``constant`` and is in the
        units after *mean* and *std*.
    mean, std
        The image is (x − mean)/std before it is padded; one or one per channel.
    activation, parameters
        A name of ``layout.ACTIVATIONS`` and its parameters.

    Examples
    --------
    >>> from filterbank.geometry import resolve
    >>> shape = resolve(channels=1, size=(4, 5), filters=1, kernel=(3, 3))
    >>> DirectPlan(np.ones((1, 1, 3, 3)), np.zeros(1), shape).bands
    4
    """

    _words_count = layout.WORDS
    kernel_name = "direct"
    _take, _give = staticmethod(memory.take), staticmethod(memory.give)

    def __init__(
        self,
        weights: NDArray[np.float64],
        biases: NDArray[np.float64],
        geometry: Geometry,
        *,
        padding_mode: str = "zeros",
        padding_value: Sequence[float] = (0.0,),
        mean: Sequence[float] = (0.0,),
        std: Sequence[float] = (1.0,),
        activation: str = "identity",
        parameters: Sequence[float] = (),
    ) -> None:
        self.geometry = geometry
        self._keep: list[object] = []
        self._words = np.zeros(self._words_count, np.int64)
        self._size_blocks()
        self._set_geometry(padding_mode)
        channels = geometry.channels
        border = padding_value if padding_mode == "constant" else (0.0,)
        self._point(layout.VALUES, np.array(np.broadcast_to(np.array(border), channels), np.float32))
        if any(mean) or any(value != 1 for value in std):
            both = [np.broadcast_to(np.array(values, np.float64), channels) for values in (mean, std)]
            self._point(layout.NORMALISE, np.stack(both, axis=1))
        self._words[layout.ACTIVATION] = layout.ACTIVATIONS.index(activation)
        self._point(layout.PARAMETERS, np.array([*parameters, 0, 0][:2], np.float32))
        self._order = np.array(self._set_filters(weights, biases), np.int64)

    @property
    def bands(self) -> int:
        """How many bands of rows an image is cut into: a function of the geometry alone."""
        return -(-self.geometry.out_height // self._rows)

    def run(
        self,
        kernels: Kernels,
        source: NDArray[np.float32] | NDArray[np.uint8] | NDArray[np.uint16],
        out: Maps | None,
        threads: int = 1,
        survey: bool | NDArray[np.bool_] = True,
        scales: NDArray[np.float64] | None = None,
    ) -> Statistics:
        """Fill *out*, K maps (H2, W2), and return their statistics.

        The bytes do not depend on *threads*, and codes give the same as their float32 values.

        Parameters
        ----------
        kernels
            The loaded kernels.
        source
            Pixels (C, H, W) with any steps (an interleaved image is ``pixels.transpose(2, 0, 1)``):
            float32, or uint8 and uint16 codes, which stand for code/255 and code/65535.
        out
            One array (K, H2, W2), or K arrays with rows of equal distance, each row contiguous:
            float32, or with *scales* uint8 or uint16 codes. None where only statistics are wanted.
        threads
            How many threads share the bands.
        survey
            Whether statistics are gathered, of all maps or (K,) of each; with *scales* clipped
            values are counted all the same. Those of other maps are of no worth.
        scales
            (K, 6) float64 where codes are wanted: lo, span, factor, zero, lowest and top of each
            map. ``code = rint((v − lo) / span · factor)``, or with a zero code (and lo = 0)
            ``zero + rint(v · factor / span)``; clipped to lowest … top, and counted.

        Raises
        ------
        ValueError
            An array is not of the planned shape or kind.
        """
        self._check(source, out, scales)
        maps, bands, known = self.geometry.filters, self.bands, len(self._words)
        # One array for all that the kernel is told or tells: finding an address takes a microsecond.
        told = np.zeros(known + 2 * maps + bands, np.int64)
        words, addresses, surveyed = told[:known], told[known:][:maps], told[known + maps :][:maps]
        strangers = told[known + 2 * maps :]
        words[:] = self._words
        words[layout.MAPS] = told.ctypes.data + known * told.itemsize
        words[layout.SURVEYED] = words[layout.MAPS] + maps * told.itemsize
        words[layout.STRANGERS] = words[layout.SURVEYED] + maps * told.itemsize
        words[layout.SOURCE] = source.ctypes.data
        words[layout.KIND] = _KINDS[source.dtype]
        words[layout.CHANNEL_STEP : layout.PIXEL_STEP + 1] = source.strides
        if out is not None:
            addresses[:] = _addresses(out, self._order)
            words[layout.MAP_STEP], words[layout.OUT_KIND] = out[0].strides[0], out[0].itemsize
            words[layout.PAST] = self._goes_past(addresses, out[0])
        surveyed[:] = survey if isinstance(survey, bool) else survey[self._order]
        gathered = Statistics.room(bands, maps)
        words[layout.STATISTICS] = gathered.ctypes.data
        ordered = None if scales is None else prepared(scales[self._order])
        if ordered is not None:
            words[layout.SCALES] = ordered.ctypes.data
        self._share(getattr(kernels, self.kernel_name), told, threads)
        has_strangers = bool(np.count_nonzero(strangers))
        if not np.count_nonzero(surveyed):
            clipped = np.zeros(maps)
            if scales is not None:
                clipped[self._order] = gathered[:, :, layout.CLIPPED].sum((0, 2))
            return Statistics.of_codes(clipped, has_strangers)
        return Statistics.merged(gathered, self._order, has_strangers)

    def _goes_past(self, maps: NDArray[np.int64], one: NDArray[Any]) -> bool:
        """Whether maps of floats, all like *one*, are better written past the caches."""
        is_large = one.itemsize == FLOAT and len(maps) * one.nbytes >= _LARGE_BYTES
        return is_large and not one.strides[0] % FLOAT and not (maps % FLOAT).any()

    def _check(
        self, source: NDArray[np.generic], out: Maps | None, scales: NDArray[np.float64] | None
    ) -> None:
        g = self.geometry
        planned = g.channels, g.height, g.width
        if source.shape != planned or source.dtype not in _KINDS:
            raise ValueError(f"source: found {source.shape} {source.dtype}; planned: {planned}")
        if any(step % source.itemsize for step in source.strides):
            raise ValueError("source: steps must be whole pixels")
        if out is None:
            return
        shape, first = (g.out_height, g.out_width), out[0]
        each = (first,) if isinstance(out, np.ndarray) else out  # the maps of one array are all alike
        if len(out) != g.filters or not all(values.shape == shape for values in each):
            raise ValueError(f"out: accepted: {g.filters} maps of {shape}")
        accepted = _VALUES if scales is None else _CODES
        is_alike = all(values.strides == first.strides and values.dtype == first.dtype for values in each)
        if not is_alike or first.dtype not in accepted or first.strides[1] != first.itemsize:
            names = " or ".join(map(str, accepted))
            raise ValueError(f"out: accepted: {names}, contiguous rows of equal distance")
        if scales is not None and scales.shape != (g.filters, 6):
            raise ValueError(f"scales: found {scales.shape}; accepted: {g.filters, 6}")

    def _share(self, kernel: Kernel, words: NDArray[np.int64], threads: int) -> None:
        """Have *threads* fill all bands; which one takes which is left to chance and changes nothing."""
        bands = self.bands
        progress = np.zeros(2, np.int64)
        # Made here, so that running out of memory is an error here.
        spaces = [self._take(self._space_size) for _ in range(max(1, min(threads, bands)))]
        layer, shared = words.ctypes.data, progress.ctypes.data

        def fill(space: NDArray[np.float32], _held: object = (words, progress)) -> None:
            kernel(layer, space.ctypes.data, shared, bands)

        # A helper that begins when all bands are filled, perhaps after this has returned, touches
        # nothing but the progress, and *fill* holds that.
        together(fill, spaces, threads, lambda: progress[1] == bands)
        self._give(spaces)

    def _point(self, word: int, values: NDArray[np.generic]) -> None:
        values = np.ascontiguousarray(values)
        self._keep.append(values)
        self._words[word] = values.ctypes.data

    def _size_blocks(self) -> None:
        """Choose the outputs of a block: wide lines, yet rows enough to make up for their halo."""
        g = self.geometry
        (stride_y, stride_x), high, wide = g.stride, extent(g.kernel[0], g.dilation[0]), self._wide
        columns = _LINE_BYTES // (FLOAT * self._planes * g.kernel[0] * stride_x)
        columns = max(2 * layout.WIDEST, min(_WIDEST_LINE, columns) // layout.WIDEST * layout.WIDEST)
        parts = max(1, round(g.out_width / columns))
        self._columns = -(-g.out_width // parts)
        length = -(-((self._columns - 1) * stride_x + wide) // stride_x) + OVERHANG
        self._length = -(-length // 16) * 16
        if self._length % 1024 == 0:
            self._length += 16  # rows 4 KiB apart would share one set of the first-level cache
        row = FLOAT * self._planes * stride_x * self._length
        fitting = (_BAND_BYTES // row - high) // stride_y + 1
        wanted = max(fitting, -(-high // (2 * stride_y)), 4)
        self._rows = max(1, min(wanted, -(-g.out_height // _BANDS)))
        self._scratch_rows = (self._rows - 1) * stride_y + high
        lines = layout.SCRATCH // FLOAT + self._planes * self._scratch_rows * stride_x * self._length
        self._space_size = self._place_lines(lines)

    def _place_lines(self, start: int) -> int:
        """Put the lines so many floats from a work space's start; return where they end."""
        length = (self._columns // 16 + 1) * 16 + layout.LINE_GAP
        self._words[layout.LINES], self._words[layout.LINE_LENGTH] = FLOAT * start, length
        return start + max(layout.SIZES) * length

    @property
    def _planes(self) -> int:
        """How many planes of scratch a filter's taps may lie in."""
        return self.geometry.channels

    @property
    def _wide(self) -> int:
        return extent(self.geometry.kernel[1], self.geometry.dilation[1])

    def _set_geometry(self, mode: str) -> None:
        g = self.geometry
        values = {
            layout.CHANNELS: g.channels,
            layout.HEIGHT: g.height,
            layout.WIDTH: g.width,
            layout.TOP: g.padding[0],
            layout.LEFT: g.padding[1],
            layout.MODE: layout.MODES.index(mode),
            layout.STRIDE_Y: g.stride[0],
            layout.STRIDE_X: g.stride[1],
            layout.EXTENT_Y: extent(g.kernel[0], g.dilation[0]),
            layout.EXTENT_X: self._wide,
            layout.SCRATCH_ROWS: self._scratch_rows,
            layout.SCRATCH_LENGTH: self._length,
            layout.COLUMNS: self._columns,
            layout.OUT_HEIGHT: g.out_height,
            layout.OUT_WIDTH: g.out_width,
            layout.FILTERS: g.filters,
            layout.BAND_ROWS: self._rows,
        }
        for word, value in values.items():
            self._words[word] = value

    def _set_filters(self, weights: NDArray[np.float64], biases: NDArray[np.float64]) -> list[int]:
        """Cut the filters into blocks and return the bank's indices in the blocks' order."""
        fast = blocks.cut(weights, self.geometry.groups)
        self._set_table(layout.BLOCKS, fast, [self._offsets(part) for part in fast])
        if not all(block.is_uniform for block in fast):
            alone = [part for block in fast for part in block.exact]
            self._set_table(layout.EXACT_BLOCKS, alone, [self._offsets(part) for part in alone])
        order = [index for block in fast for index in block.order]
        self._point(layout.BIASES, np.asarray(biases)[order].astype(np.float32))
        self._words[layout.ROWS_FIRST] = sum(block.weights.nbytes for block in fast) <= _WEIGHT_BYTES
        return order

    def _set_table(self, word: int, parts: list[blocks.Block], taps: list[NDArray[np.int64]]) -> None:
        words, kept = blocks.table(parts, taps)
        self._keep += kept
        self._point(word, words)
        self._words[word + 1] = len(parts)

    def _offsets(self, block: blocks.Block) -> NDArray[np.int64]:
        """Return the taps' distances in bytes from an output's first pixel in scratch."""
        g = self.geometry
        planes = block.group * (self._planes // g.groups) * g.stride[1] * self._scratch_rows
        return self._taps[block.places] + FLOAT * self._length * planes

    @cached_property
    def _taps(self) -> NDArray[np.int64]:
        """The distances of all taps that a filter of the first group has."""
        g = self.geometry
        channel, row, column = _places(self._planes // g.groups, g.kernel, g.dilation)
        line = (channel * self._scratch_rows + row) * g.stride[1] + column % g.stride[1]
        return FLOAT * (line * self._length + column // g.stride[1])
