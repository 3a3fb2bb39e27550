"""Pairs of images cut into crops: some outputs each, their targets, and the pixels that they are made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filterbank.errors import GeometryError, ImageError, RequestError
from filterbank.fit.pictures import Pair, Reader, Sample
from filterbank.fit.reach import Reach, Span, geometries, reaches
from filterbank.model import Stack, floats
from filterbank.record import record

Floats = NDArray[np.float64]

# So many at most are kept in memory, a fair draw of all: 17 million outputs of the usual size.
MOST = 4096
# Rows and columns of outputs, and how small they may get so that a small picture gives some.
_SIDE, _SMALLEST, _SOME = 64, 8, 20
# One in so many is held out; of fewer than so many crops none is.
_ONE_IN, _FEW = 10, 5


@record(frozen=True, eq=False)
class Crop:
    """Outputs of a stack: the pixels (C, h, w) behind them, codes or float32, and their targets (K, h2, w2).

    ``counting`` (h2, w2) says which of them count; None for all.
    """

    pixels: NDArray[Any]
    targets: NDArray[Any]
    reaches: tuple[Reach, ...]
    counting: NDArray[np.bool_] | None = None

    @property
    def count(self) -> int:
        """How many outputs count, those of all filters at one place being one."""
        return self.targets[0].size if self.counting is None else int(np.count_nonzero(self.counting))


@record(eq=False)
class Crops:
    """The crops to learn from and those held out; ``clipped`` and ``left_out`` count outputs of both.

    ``largest`` is the largest size of a target.
    """

    kept: list[Crop] = field(default_factory=list)
    held: list[Crop] = field(default_factory=list)
    clipped: int = 0
    left_out: int = 0
    largest: float = 0.0

    @property
    def outputs(self) -> int:
        """How many outputs count, of both."""
        return sum(crop.count for crop in (*self.kept, *self.held))


@record(frozen=True)
class Cutter:
    """How crops are cut: for a *stack*, of *side* rows and columns or as many as suit the first picture."""

    stack: Stack
    reader: Reader
    side: int | None = None
    ignore_clipped: bool = False

    def cut(self, pairs: Sequence[Pair], rng: np.random.Generator) -> Crops:
        """Return the crops of all *pairs*, MOST of them at most, drawn by *rng*.

        Raises
        ------
        ImageError, RequestError
            A pair cannot be read, its images do not fit each other or the stack, or there is none.
        """
        found = Crops()
        for number, crop in enumerate(self._every(pairs, found)):
            if number < MOST:
                found.kept.append(crop)
            elif (place := int(rng.integers(number + 1))) < MOST:
                found.kept[place] = crop
        if not found.kept:
            raise RequestError("no pairs of images; accepted: at least one")
        order = rng.permutation(len(found.kept))
        count = -(-len(order) // _ONE_IN) if len(order) >= _FEW else 0
        every, held = found.kept, set(map(int, order[:count]))
        found.held = [every[place] for place in sorted(held)]
        found.kept = [crop for place, crop in enumerate(every) if place not in held]
        return found

    def _every(self, pairs: Sequence[Pair], found: Crops) -> Iterator[Crop]:
        side = self.side
        for pair in pairs:
            for sample in self.reader.samples(pair):
                try:
                    self._check(sample)
                    side = side or _side(sample.targets.shape[1:])
                    for crop in self._cut(sample, side):
                        yield self._counted(crop, sample.is_coded, found)
                except (GeometryError, ImageError) as error:
                    raise ImageError(f"{pair}: {error}") from error

    def _check(self, sample: Sample) -> None:
        """Raise an error where *sample* is not of the stack."""
        shapes = geometries(self.stack, sample.pixels.shape[1:])
        made = shapes[-1].filters, shapes[-1].out_height, shapes[-1].out_width
        K, height, width = sample.targets.shape
        if made[0] != K:
            raise ImageError(
                f"found {K} channel{'s' * (K != 1)} of targets, the last layer has {made[0]} "
                f"filter{'s' * (made[0] != 1)}; accepted: as many; use --target-as, or other layers"
            )
        if made[1:] != (height, width):
            raise GeometryError(
                f"the target is {width}×{height} (W×H); accepted: {made[2]}×{made[1]}, which is what the "
                f"layers make of an input of {sample.pixels.shape[2]}×{sample.pixels.shape[1]}"
            )
        for values in (sample.pixels, sample.targets):
            if values.dtype.kind == "f" and not np.isfinite(values).all():
                raise ImageError("found NaN or infinity among the values; accepted: finite numbers")

    def _cut(self, sample: Sample, side: int) -> Iterator[Crop]:
        shapes = geometries(self.stack, sample.pixels.shape[1:])
        for outputs in _tiles(sample.targets.shape[1:], side):
            needed = reaches(self.stack, shapes, outputs)
            (rows, columns), (tall, wide) = (tuple(slice(*span) for span in each)
                                             for each in (outputs, needed[0].window))  # fmt: skip
            pixels, targets = sample.pixels[:, tall, wide], sample.targets[:, rows, columns]
            yield Crop(pixels.copy(), targets.copy(), needed)

    def _counted(self, crop: Crop, is_coded: bool, found: Crops) -> Crop:
        targets = floats(crop.targets)
        found.largest = max(found.largest, float(np.abs(targets).max()))
        if not is_coded:
            return crop
        is_clipped = np.logical_or(targets <= 0, targets >= 1).any(axis=0)
        counting: NDArray[np.bool_] = np.logical_not(is_clipped)
        clipped = int(np.count_nonzero(is_clipped))
        found.clipped += clipped
        if not (clipped and self.ignore_clipped):
            return crop
        found.left_out += clipped
        return Crop(crop.pixels, crop.targets, crop.reaches, counting)


def _side(size: tuple[int, ...]) -> int:
    """Return the side of crops of which a picture with so many rows and columns of outputs gives some."""
    side = _SIDE
    while side > _SMALLEST and sum(1 for _ in _tiles(size, side)) < _SOME:
        side //= 2
    return side


def _tiles(size: tuple[int, ...], side: int) -> Iterator[tuple[Span, Span]]:
    """Yield rows and columns of tiles of side × side outputs, longer where there are fewer rows.

    >>> [tile for tile in _tiles((1, 20), 4)]
    [((0, 1), (0, 16)), ((0, 1), (16, 20))]
    """
    rows = min(side, size[0])
    columns = side * side // rows
    for top in range(0, size[0], rows):
        for left in range(0, size[1], columns):
            yield (top, min(top + rows, size[0])), (left, min(left + columns, size[1]))
