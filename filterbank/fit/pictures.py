"""Pairs of images as the layer will see them: the inputs' channels, and the targets' as so many filters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filterbank import imagefile
from filterbank.errors import ImageError, shown
from filterbank.imagefile import ReadOptions
from filterbank.imagefile.read_map import read_map
from filterbank.model import Image, ImageInfo, floats
from filterbank.record import record

Kind = str | int
_WORDS = {"gray": "grey", "rgb": "colour", "rgba": "colour with alpha"}
_SUFFIXES = {"gray": ("",), "each": ("",), "rgb": ("_r", "_g", "_b"), "rgba": ("_r", "_g", "_b", "_a")}


@record(frozen=True)
class Pair:
    """An image and what it was turned into: one file for each target asked for."""

    input: Path
    targets: tuple[Path, ...]

    def __str__(self) -> str:
        return f"{shown(self.input)} and {', '.join(map(shown, self.targets))}"


@record(frozen=True, eq=False)
class Sample:
    """What one fit is made of: pixels (C, H, W), codes or float32, and the targets (K, H2, W2).

    ``is_coded`` says whether the targets were stored as integers, which end at 0 and 1.
    """

    pixels: NDArray[Any]
    targets: NDArray[Any]
    is_coded: bool


@record()
class Reader:
    """Reads pairs; what was not said, the first pair decides for all: the kinds of input and targets."""

    reading: ReadOptions
    input: Kind | None = None
    target: Kind | None = None
    _kinds: dict[str, Kind] = field(default_factory=dict)

    @property
    def kind(self) -> Kind:
        """What the inputs are turned into, once one was read."""
        return self._kinds["input"]

    def inputs(self, path: Path) -> Iterator[NDArray[Any]]:
        """Yield the pixels (C, H, W) of an input, or for ``each`` those of every channel.

        Raises
        ------
        ImageError
            It cannot be read, or has other channels than it must.
        """
        pixels = self._prepared(path, imagefile.read(path, self.reading), "input", self.input)
        if self.kind == "each":
            yield from (pixels[channel : channel + 1] for channel in range(len(pixels)))
        else:
            yield pixels

    def samples(self, pair: Pair) -> Iterator[Sample]:
        """Yield the samples of *pair*: one, or for input ``each`` one a channel.

        Raises
        ------
        ImageError
            A file cannot be read, or has other channels or another size than it must.
        """
        pixels = self._prepared(pair.input, imagefile.read(pair.input, self.reading), "input", self.input)
        wanted = "each" if self.kind == "each" else self.target
        read, is_coded = [], False
        for index, path in enumerate(pair.targets):
            # The codes of a map stand for other values than a picture's; its file says for which.
            values = _map_values(path)
            image = imagefile.read(path, self.reading) if values is None else imagefile.from_array(values)
            read.append(self._prepared(path, image, f"target {index + 1}", wanted))
            is_coded |= values is None and image.info.depth.endswith("-bit")
            if read[-1].shape[1:] != read[0].shape[1:]:
                raise ImageError(f"{pair}: targets of several sizes; accepted: one size")
            if wanted == "each" and len(read[-1]) != len(pixels):
                raise ImageError(
                    f"{shown(path)}: found {len(read[-1])} channels, {shown(pair.input)} has {len(pixels)}; "
                    "accepted with --as each: the same number"
                )
        if self.kind != "each":
            yield Sample(pixels, _joined(read), is_coded)
            return
        for channel in range(len(pixels)):
            one = slice(channel, channel + 1)
            yield Sample(pixels[one], _joined([targets[one] for targets in read]), is_coded)

    def names(self, targets: tuple[str, ...]) -> tuple[str, ...]:
        """Return the filters' names: those of the *targets*, with what tells their channels apart."""
        every: list[str] = []
        for index, name in enumerate(targets):
            kind = self._kinds[f"target {index + 1}"]
            ends = _SUFFIXES[kind] if isinstance(kind, str) else tuple(f"_{i}" for i in range(kind))
            every += [name[:58] + end for end in ends]
        if len({name.lower() for name in every}) < len(every):
            return tuple(f"filter_{index}" for index in range(len(every)))
        return tuple(every)

    def _prepared(self, path: Path, image: Image, place: str, kind: Kind | None) -> NDArray[Any]:
        """Return the pixels of *image* as *kind* says, or as the first image at this *place* was."""
        own = _own(image.info)
        chosen = self._kinds.setdefault(place, own if kind is None else kind)
        if kind is None and own != chosen:
            role, flag = ("input", "--as") if place == "input" else ("target", "--target-as")
            raise ImageError(
                f"{shown(path)}: is {_worded(own)}, the first {role} {_worded(chosen)}; "
                f"accepted: one kind; say {flag} gray or {flag} rgb"
            )
        try:
            return imagefile.prepare(image, chosen).pixels
        except ImageError as error:
            raise ImageError(f"{shown(path)}: {error}") from error


def _own(info: ImageInfo) -> Kind:
    """Return the kind that an image has of itself, without alpha; four planes of an array are four."""
    if info.kind == "channels" or (info.alpha and info.format in ("npy", "array")):
        return info.channels
    return info.kind


def _worded(kind: Kind) -> str:
    return _WORDS.get(kind, kind) if isinstance(kind, str) else f"of {kind} channels"


def _joined(targets: list[NDArray[Any]]) -> NDArray[Any]:
    return targets[0] if len(targets) == 1 else np.concatenate([floats(each) for each in targets])


def _map_values(path: Path) -> NDArray[np.float32] | None:
    """Return the values of a PNG that is a map whose codes stand for more than a picture's 0 to 1."""
    if path.suffix.lower() != ".png":
        return None
    try:
        values, text = read_map(path)
    except ImageError:
        return None
    if text.scale is None or (text.scale.lo, text.scale.hi) == (0, 1):
        return None
    return values[:-1] if text.alpha else values
