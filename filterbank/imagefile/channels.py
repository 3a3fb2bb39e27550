"""What a bank's ``input`` makes of an image: the planes that enter the layer, and the alpha beside them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from filterbank.errors import ImageError
from filterbank.imagefile.colour import luma, srgb_to_linear
from filterbank.model import Image, ImageInfo, floats
from filterbank.record import record

Pixels = NDArray[Any]  # uint8 or uint16 codes, or float32
Planes = NDArray[np.float32]


@record(frozen=True, eq=False)
class Prepared:
    """What enters a layer: pixels (C, H, W) as in an Image, and alpha (H, W) to carry over."""

    pixels: Pixels
    alpha: Planes | None = None

    @property
    def planes(self) -> Planes:
        """The pixels as float32 planes (C, H, W), C-contiguous."""
        return floats(self.pixels)


def prepare(image: Image, kind: str | int, linear: bool = False) -> Prepared:
    """Return the planes that a bank with ``input: kind`` takes from *image*.

    Parameters
    ----------
    image
        As read. Arrays are shared with it where nothing changes.
    kind
        ``gray``, ``rgb``, ``rgba``, ``each`` or the number of the file's own channels.
    linear
        Decode sRGB to linear light first. This concerns the grey or RGB channels of images
        stored as integers with a top (8-bit, 16-bit, …): floats count as linear already.

    Raises
    ------
    ImageError
        The image has not the channels that *kind* needs.

    Examples
    --------
    >>> from filterbank.imagefile import from_array
    >>> grey = from_array(np.full((2, 2), 255, np.uint8))
    >>> prepare(grey, "rgba").planes.shape
    (4, 2, 2)
    """
    pixels = _linear(image) if linear else image.pixels
    info = image.info
    if not isinstance(kind, str):
        return Prepared(_own(pixels, info, kind))
    alpha = floats(pixels[-1:])[0] if info.alpha else None
    if kind == "each":
        if len(pixels) == info.alpha:
            raise ImageError("has no channel besides alpha; accepted for input each: one or more")
        return Prepared(pixels[:-1] if info.alpha else pixels, alpha)
    if info.kind == "channels":
        raise ImageError(_strange(info, kind))
    if kind == "gray":
        return Prepared(pixels[:1] if info.kind == "gray" else luma(pixels[:3])[np.newaxis])
    if kind == "rgba":
        return Prepared(_rgba(pixels, info, alpha))
    if info.kind == "rgb":
        return Prepared(pixels[:3])
    return Prepared(np.broadcast_to(pixels[:1], (3, *pixels.shape[1:])))


def _own(pixels: Pixels, info: ImageInfo, count: int) -> Pixels:
    if len(pixels) != count:
        raise ImageError(
            f"has {_described(info)}; accepted: {count} channel{'s' * (count != 1)}, as the bank's input says"
            + _layout(info, (count,))
        )
    return pixels


def _rgba(pixels: Pixels, info: ImageInfo, alpha: Planes | None) -> Pixels:
    if info.kind == "rgb" and info.alpha and len(pixels) == 4:
        return pixels
    out = np.empty((4, info.height, info.width), np.float32)
    out[:3] = floats(pixels[: 3 if info.kind == "rgb" else 1])
    out[3] = 1.0 if alpha is None else alpha
    return out


def _linear(image: Image) -> Pixels:
    info = image.info
    if info.kind == "channels" or not info.depth.endswith("-bit"):
        return image.pixels
    colours = 1 if info.kind == "gray" else 3
    planes = image.planes.copy()
    planes[:colours] = srgb_to_linear(planes[:colours])
    return planes


def _described(info: ImageInfo) -> str:
    """Return the channels in words: ``3 channels (RGB)``."""
    plural = "channel" if info.channels == 1 else "channels"
    meaning = {"gray": "grey", "rgb": "RGB", "channels": "of no known colour"}[info.kind]
    return f"{info.channels} {plural} ({meaning}{' and alpha' if info.alpha else ''})"


def _strange(info: ImageInfo, kind: str) -> str:
    accepted = "a grey or colour picture, or an array of 1, 3 or 4 channels"
    hint = _layout(info, (1, 3, 4)) or f"; to use them all, say input: {info.channels} in the bank"
    return f"has {_described(info)}; accepted for input {kind}: {accepted}{hint}"


def _layout(info: ImageInfo, fitting: tuple[int, ...]) -> str:
    """Return the hint that an array was read in the wrong axis order, where its last axis would fit."""
    if info.channels == 1 and info.height > 1 and (info.height,) == fitting:
        return f"; if its {info.height} rows are the channels of a signal, read it with --layout cw"
    if info.channels == 1 and info.format in {"table", "npy", "array"} and (info.width,) == fitting:
        return f"; if its {info.width} columns are the channels of a signal, read it with --layout wc"
    if info.format not in {"npy", "array"} or info.width not in fitting:
        return ""
    shape = f"({info.channels}, {info.height}, {info.width})"
    return f"; the array {shape} looks like rows, columns, channels: read it with --layout hwc"
