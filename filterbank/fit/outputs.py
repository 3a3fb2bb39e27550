"""Which outputs count for a fit, as columns of numbers: one sweep over all pairs after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filterbank import bankfile, geometry
from filterbank.errors import GeometryError, ImageError, RequestError
from filterbank.fit.pictures import Kind, Pair, Reader, Sample
from filterbank.fit.windows import bands, inside, whole
from filterbank.imagefile import ReadOptions
from filterbank.model import Bank, Filter, Layer, Stack

Floats = NDArray[np.float64]

# A Gram matrix of this many rows takes 134 MB and minutes to solve.
MAX_UNKNOWNS = 4096
# One in so many groups of rows is held out, each of at most so many rows.
_ONE_IN, _ROWS = 10, 16


@dataclass(frozen=True, slots=True)
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
        self.clipped = self.left_out = 0
        groups = count()
        for pair in self._pairs:
            for sample in self._reader.samples(pair):
                if not self._is_known:
                    self.layer = _layer(sample, self._reader, self._settings)
                    self._is_known = True
                try:
                    yield from self._columns(sample, groups)
                except (GeometryError, ImageError) as error:
                    raise ImageError(f"{pair}: {error}") from error

    def _columns(self, sample: Sample, groups: Iterator[int]) -> Iterator[tuple[bool, Floats]]:
        pixels, targets = self._counting(sample)
        height, down = targets.shape[1], self.layer.stride[0]
        rows = min(_ROWS, max(1, height // _ONE_IN))
        for start in range(0, height, rows):
            is_held = next(groups) % _ONE_IN == _ONE_IN // 2
            for columns in bands(pixels[:, start * down :], self.layer, targets[:, start : start + rows]):
                with np.errstate(invalid="ignore"):
                    if not np.isfinite(columns.sum()):
                        raise ImageError("found NaN or infinity among the values; accepted: finite numbers")
                self.largest = max(self.largest, float(np.abs(columns[self.inputs + 1 :]).max()))
                yield is_held, self._unclipped(columns) if sample.is_coded else columns

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
        is_clipped = ((targets <= 0) | (targets >= 1)).any(axis=0)
        found = int(np.count_nonzero(is_clipped))
        self.clipped += found
        if not (found and self._settings.ignore_clipped):
            return columns
        self.left_out += found
        return columns[:, ~is_clipped]


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
