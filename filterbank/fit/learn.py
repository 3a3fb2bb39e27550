"""From pairs of images to a bank: which outputs count, their moments, and the filters of least error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filterbank import bankfile, geometry
from filterbank.errors import GeometryError, ImageError, RequestError
from filterbank.fit.moments import Moments, Solution, explained, solve, squared_errors
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


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A bank that was learned and how well it does, one number a filter (K,).

    ``rms`` is the root mean square error where it was fitted; ``held_out`` that of a fit without a tenth of
    the rows, on these rows (None where there are too few); ``explained`` the share of the target's variance.
    ``clipped`` counts the outputs whose targets are 0 or 1, of ``outputs`` and those ``left_out``.
    """

    bank: Bank
    pairs: int
    outputs: int
    left_out: int
    clipped: int
    rms: Floats
    held_out: Floats | None
    explained: Floats
    solution: Solution


def learn(pairs: Sequence[Pair], settings: Settings, name: str = "fitted") -> Fitted:
    """Return the bank that turns the input of every pair into its targets with the least squared error.

    Raises
    ------
    ImageError, GeometryError
        A pair cannot be read, or its images do not fit each other.
    RequestError
        An option cannot be used, or the pairs do not determine the filters.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> folder, noise = Path(tempfile.mkdtemp()), np.random.default_rng(1).random((20, 20), np.float32)
    >>> np.save(folder / "a.npy", noise), np.save(folder / "b.npy", 2 * noise + 1)
    (None, None)
    >>> pair = Pair(folder / "a.npy", (folder / "b.npy",))
    >>> fitted = learn([pair], Settings((1, 3), ("double",)))
    >>> fitted.bank.layer.weights.round(4).ravel() + 0.0, fitted.bank.layer.biases.round(4)
    (array([0., 2., 0.]), array([1.]))
    """
    reader = Reader(settings.reading, settings.input, settings.target)
    gathered: _Gathered | None = None
    for pair in pairs:
        for sample in reader.samples(pair):
            if gathered is None:
                gathered = _Gathered(_layer(sample, reader, settings), sample, settings)
            try:
                gathered.add(sample)
            except (GeometryError, ImageError) as error:
                raise ImageError(f"{pair}: {error}") from error
    if gathered is None:
        raise RequestError("no pairs of images; accepted: at least one")
    moments = gathered.kept + gathered.held
    try:
        solution = solve(moments, settings.bias, settings.l2)
    except RequestError as error:
        raise RequestError(f"--size {'×'.join(map(str, settings.kernel))}: {error}") from error
    errors = squared_errors(moments, solution)
    filters = tuple(
        Filter(label, weights.reshape(gathered.layer.channels, *settings.kernel), float(bias))
        for label, weights, bias in zip(
            reader.names(settings.names), solution.weights, solution.biases, strict=True
        )
    )
    bank = Bank(name, Stack((replace(gathered.layer, filters=filters),)), reader.kind)
    return Fitted(
        bank,
        len(pairs),
        moments.count,
        gathered.left_out,
        gathered.clipped,
        np.sqrt(errors),
        _held_out(gathered, settings),
        explained(moments, errors),
        solution,
    )


def _held_out(gathered: _Gathered, settings: Settings) -> Floats | None:
    """Return the error on the rows held out of a fit without them; None where either has too few outputs."""
    if not gathered.held.count:
        return None
    try:
        without = solve(gathered.kept, settings.bias, settings.l2)
    except RequestError:
        return None
    return np.sqrt(squared_errors(gathered.held, without))


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
    if layer.activation.name != "identity":
        raise RequestError(
            f"--activation: found {layer.activation}; accepted: identity, the only one that can be fitted"
        )
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


class _Gathered:
    """The moments of all samples so far: of the rows kept and of those held out."""

    def __init__(self, layer: Layer, first: Sample, settings: Settings) -> None:
        inputs, targets = first.pixels.shape[0] * int(np.prod(settings.kernel)), len(first.targets)
        self.layer = layer
        self.kept = Moments.none(inputs, targets)
        self.held = Moments.none(inputs, targets)
        self.clipped = self.left_out = 0
        self._settings = settings
        self._is_bordered = "padding" in dict(settings.options)
        self._groups = count()

    def add(self, sample: Sample) -> None:
        """Add one sample's outputs.

        Raises
        ------
        GeometryError, ImageError
            Its images do not fit each other, or hold what is no number.
        """
        pixels, targets = self._counting(sample)
        height, down = targets.shape[1], self.layer.stride[0]
        rows = min(_ROWS, max(1, height // _ONE_IN))
        for start in range(0, height, rows):
            part = self.held if next(self._groups) % _ONE_IN == _ONE_IN // 2 else self.kept
            for columns in bands(pixels[:, start * down :], self.layer, targets[:, start : start + rows]):
                part.add(self._unclipped(columns) if sample.is_coded else columns)
        if not (np.isfinite(self.kept.sums).all() and np.isfinite(self.held.sums).all()):
            raise ImageError("found NaN or infinity among the values; accepted: finite numbers")

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
        targets = columns[self.kept.inputs + 1 :]
        is_clipped = ((targets <= 0) | (targets >= 1)).any(axis=0)
        found = int(np.count_nonzero(is_clipped))
        self.clipped += found
        if not (found and self._settings.ignore_clipped):
            return columns
        self.left_out += found
        return columns[:, ~is_clipped]


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
