"""Which outputs count for a fit, as columns of numbers: one sweep over all pairs after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import field, replace
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filterbank import bankfile, geometry
from filterbank.errors import GeometryError, ImageError, RequestError
from filterbank.fit import lags
from filterbank.fit.moments import Moments
from filterbank.fit.pictures import Kind, Pair, Reader, Sample
from filterbank.fit.windows import bands, inside, whole
from filterbank.geometry import extent
from filterbank.imagefile import ReadOptions
from filterbank.model import TOPS, Bank, Filter, Layer, Stack, floats
from filterbank.record import record

Floats = NDArray[np.float64]

# A Gram matrix of this many rows takes 134 MB and minutes to solve.
MAX_UNKNOWNS = 4096
# One in so many groups of rows is held out, each of at most so many rows.
_ONE_IN, _ROWS = 10, 16


@record(frozen=True)
class Settings:
    """How to learn: the kernel (rows, columns) and what is known of the layer.

    ``options`` are the layer's settings as ``bankfile.override`` takes them. Without a padding among them,
    outputs whose receptive field leaves the image do not count. ``names`` has one for each target;
    ``input`` and ``target`` are kinds as in a bank file, None for the first image's own.
    """

    kernel: geometry.Pair
    names: tuple[str, ...]
    options: tuple[tuple[str, str], ...] = ()
    bias: bool = True
    l2: float = 0.0
    ignore_clipped: bool = False
    input: Kind | None = None
    target: Kind | None = None
    reading: ReadOptions = field(default_factory=ReadOptions)


@record(frozen=True, eq=False)
class _Counting:
    """The outputs of a sample that count: all valid ones of these pixels, in groups of *rows* rows."""

    pixels: NDArray[Any]
    targets: NDArray[Any]
    is_coded: bool
    rows: int
    is_held: tuple[bool, ...]


class Outputs:
    """The outputs of all pairs that count. ``layer`` and ``names`` are known once a sweep has begun.

    ``clipped`` counts those of the last sweep with a target of 0 or 1, ``left_out`` those left out for it;
    ``largest`` is the largest size of a target.
    """

    layer: Layer

    def __init__(self, pairs: Sequence[Pair], settings: Settings) -> None:
        self._pairs, self._settings = pairs, settings
        self._reader = Reader(settings.reading, settings.input, settings.target)
        self._is_bordered = "padding" in dict(settings.options)
        self._is_known = False
        self.clipped = self.left_out = 0
        self.largest = 0.0

    @property
    def input(self) -> Kind:
        """What the inputs are turned into."""
        return self._reader.kind

    @property
    def names(self) -> tuple[str, ...]:
        """The filters' names."""
        return self._reader.names(self._settings.names)

    @property
    def inputs(self) -> int:
        """M, the weights of one filter."""
        return self.layer.channels * int(np.prod(self._settings.kernel))

    def sweep(self) -> Iterator[tuple[bool, Floats]]:
        """Yield (whether they are held out, columns) of all outputs, as ``bands`` has them.

        Raises
        ------
        ImageError, RequestError
            A pair cannot be read, its images do not fit each other or hold what is no number; or an option
            cannot be used.
        """
        for each in self._walk():
            yield from self._columns(each)

    def moments(self) -> tuple[Moments, Moments]:
        """Return the sums of products over the outputs kept, and over those held out.

        Raises
        ------
        ImageError, RequestError
            As in ``sweep``, or there is no pair.
        """
        kept: Moments | None = None
        for each in self._walk():
            if kept is None:
                kept = Moments.none(self._origin(each), self.inputs)
                held = Moments.none(kept.origin, self.inputs)
            if self.layer.stride == (1, 1) and not (each.is_coded and self._settings.ignore_clipped):
                self._add_by_lags(each, kept, held)
            else:
                for is_held, columns in self._columns(each):
                    (held if is_held else kept).add(columns)
        if kept is None:
            raise RequestError("no pairs of images; accepted: at least one")
        return kept, held

    def _walk(self) -> Iterator[_Counting]:
        self.clipped = self.left_out = 0
        groups = count()
        for pair in self._pairs:
            for sample in self._reader.samples(pair):
                if not self._is_known:
                    self.layer = _layer(sample, self._reader, self._settings)
                    self._is_known = True
                try:
                    pixels, targets = self._counting(sample)
                    _check_finite(pixels, targets)
                except (GeometryError, ImageError) as error:
                    raise ImageError(f"{pair}: {error}") from error
                self.largest = max(self.largest, _largest(targets))
                rows = min(_ROWS, max(1, targets.shape[1] // _ONE_IN))
                starts = range(0, targets.shape[1], rows)
                is_held = tuple(next(groups) % _ONE_IN == _ONE_IN // 2 for _ in starts)
                yield _Counting(pixels, targets, sample.is_coded, rows, is_held)

    def _columns(self, these: _Counting) -> Iterator[tuple[bool, Floats]]:
        down = self.layer.stride[0]
        for group, is_held in enumerate(these.is_held):
            start = group * these.rows
            targets = these.targets[:, start : start + these.rows]
            for columns in bands(these.pixels[:, start * down :], self.layer, targets):
                yield is_held, self._unclipped(columns) if these.is_coded else columns

    def _origin(self, these: _Counting) -> Floats:
        """Return what is taken off all sums: where there is a bias, each channel's mean in the first rows."""
        taps = int(np.prod(self._settings.kernel))
        means = [floats(values[:, :_ROWS]).mean(axis=(1, 2), dtype=float) * self._settings.bias
                 for values in (these.pixels, these.targets)]  # fmt: skip
        return np.concatenate([np.repeat(means[0], taps), [0.0], means[1]])

    def _add_by_lags(self, these: _Counting, kept: Moments, held: Moments) -> None:
        """Add the moments of *these* as sums by lags: all, less those of the groups held out."""
        window = lags.Window(self.layer.kernel, self.layer.dilation, self.layer.channels)
        kept.sums[:] += lags.sums(these.pixels, these.targets, window, kept.origin)
        for group in np.flatnonzero(these.is_held):
            start = int(group) * these.rows
            targets = these.targets[:, start : start + these.rows]
            last = start + targets.shape[1] + extent(window.kernel[0], window.dilation[0]) - 1
            found = lags.sums(these.pixels[:, start:last], targets, window, kept.origin)
            kept.sums[:] -= found
            held.sums[:] += found
        if these.is_coded:
            for start in range(0, these.targets.shape[1], these.rows):
                some = floats(these.targets[:, start : start + these.rows])
                self.clipped += int(np.count_nonzero(_is_clipped(some)))

    def _counting(self, sample: Sample) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the pixels and targets of the outputs that count: the valid ones of these pixels."""
        shapes = self.layer.geometry(sample.pixels.shape[1:])
        found = _size(sample)
        if found != (shapes.out_height, shapes.out_width):
            raise GeometryError(_sizes_differ(found, self.layer, shapes, self._is_bordered))
        if self._is_bordered:
            return whole(sample.pixels, self.layer, shapes), sample.targets
        (rows, columns), (tall, wide) = inside(shapes)
        targets = sample.targets[:, rows, columns]
        if not targets.size:
            raise GeometryError(
                f"no output sees only pixels: the kernel spans more than the image of {shapes.width}×"
                f"{shapes.height} (W×H); use a smaller --size, a larger image, or --padding"
            )
        return sample.pixels[:, tall, wide], targets

    def _unclipped(self, columns: Floats) -> Floats:
        """Return the outputs (one a column) that are to be used of targets that end at 0 and 1."""
        targets = columns[self.inputs + 1 :]
        is_clipped = _is_clipped(targets)
        found = int(np.count_nonzero(is_clipped))
        self.clipped += found
        if not (found and self._settings.ignore_clipped):
            return columns
        self.left_out += found
        return columns[:, ~is_clipped]


def _is_clipped(targets: NDArray[Any]) -> NDArray[np.bool_]:
    """Return for which outputs one of the *targets* (K, ...) is as low or as high as codes go."""
    return np.asarray(np.logical_or(targets <= 0, targets >= 1).any(axis=0))


def _largest(targets: NDArray[Any]) -> float:
    """Return the largest size of a target; codes are shares of their top."""
    return max(abs(float(each)) for each in (targets.min(), targets.max())) / TOPS.get(targets.dtype.name, 1)


def _check_finite(*arrays: NDArray[Any]) -> None:
    for values in arrays:
        # One sum for all: it is finite where they are, and costs no array of as many answers.
        with np.errstate(invalid="ignore", over="ignore"):
            if values.dtype.kind == "f" and not np.isfinite(values.sum(dtype=np.float64)):
                raise ImageError("found NaN or infinity among the values; accepted: finite numbers")


def _layer(sample: Sample, reader: Reader, settings: Settings) -> Layer:
    """Return the layer to learn, its weights zero, as the first *sample* and the options make it.

    Raises
    ------
    RequestError
        An option is not what it may be, or there would be too many weights.
    """
    shape = (len(sample.pixels), *settings.kernel)
    unknowns = int(np.prod(shape)) + settings.bias
    if unknowns > MAX_UNKNOWNS:
        raise RequestError(
            f"--size: found {shape[1]}×{shape[2]} weights over {shape[0]} channels, {unknowns:,} unknowns a "
            f"filter; accepted: at most {MAX_UNKNOWNS:,}; use a smaller size, or --as gray or each"
        )
    options = dict(settings.options)
    beside = next((key for key in ("padding_mode", "padding_value") if key in options), None)
    if beside and "padding" not in options:
        raise RequestError(
            f"--{beside.replace('_', '-')}: has no effect without --padding, as outputs at the border do not "
            "count; accepted: with --padding; add --padding same"
        )
    blank = Layer((Filter("blank", np.zeros(shape)),))
    layer = bankfile.override(Bank("fit", Stack((blank,)), reader.kind), options).layer
    if "padding" in options:
        return layer
    # Without zeros around, which would look like an edge where the bank is applied.
    same = replace(layer, padding="same", padding_mode="replicate")
    valid = replace(layer, padding="valid")
    is_same = _size(sample) == _made(same, sample)
    return valid if not is_same and _size(sample) == _made(valid, sample) else same


def _size(sample: Sample) -> tuple[int, int]:
    return sample.targets.shape[1], sample.targets.shape[2]


def _made(layer: Layer, sample: Sample) -> tuple[int, int] | None:
    """Return the size of the outputs of *layer* on the input, None where there are none."""
    try:
        shapes = layer.geometry(sample.pixels.shape[1:])
    except GeometryError:
        return None
    return shapes.out_height, shapes.out_width


def _sizes_differ(found: tuple[int, int], layer: Layer, shapes: geometry.Geometry, is_bordered: bool) -> str:
    """Return the message for a target of another size than the layer makes of the input."""
    accepted = f"{shapes.out_width}×{shapes.out_height}"
    if not is_bordered and layer.padding == "same":
        valid = [
            geometry.output_size(n, f, s, 0, 0, d)
            for n, f, s, d in zip(
                (shapes.width, shapes.height), layer.kernel[::-1], layer.stride[::-1], layer.dilation[::-1],
                strict=True,
            )
        ]  # fmt: skip
        accepted += f", or {valid[0]}×{valid[1]} without a border"
    stride = "×".join(map(str, layer.stride))
    return (
        f"the target is {found[1]}×{found[0]} (W×H), the input {shapes.width}×{shapes.height}; accepted for "
        f"stride {stride}: {accepted}; is it the right pair, or --stride?"
    )
