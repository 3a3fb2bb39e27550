"""Files to images: one door for every format, chosen by content and never by extension."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from filterbank.imagefile.samples import ReadOptions, Samples
from filterbank.imagefile.source import Source, decoder, opened
from filterbank.model import TOPS, Image, ImageInfo

_DEFAULTS = ReadOptions()


def read(source: Source, options: ReadOptions = _DEFAULTS) -> Image:
    """Return one page of a file as float32 planes (C, H, W).

    8-bit samples are divided by 255, 16-bit by 65535, others with a known top by it; wider
    integers and floats are as stored. White is 1.

    Parameters
    ----------
    source
        A path, the bytes of a file, or a binary stream.
    options
        Which page, how many pixels at most, axis order, and whether to turn the picture.

    Raises
    ------
    ImageError
        The source is missing, no image, too large, truncated or damaged; the message names it.

    Examples
    --------
    >>> image = read(b"P2 2 1 100 50 100")
    >>> image.planes.tolist(), image.info.kind
    ([[[0.5, 1.0]]], 'gray')
    """
    with opened(source) as (stream, name):
        format, module = decoder(stream, name)
        return assemble(module.decode(stream, options), format, options.orient)


def count_pages(source: Source) -> int:
    """Return how many pages a file has: directories of a TIFF, frames of a GIF, else 1.

    Raises
    ------
    ImageError
        The source is missing, no image or damaged.

    Examples
    --------
    >>> count_pages(b"P2 2 1 100 50 100")
    1
    """
    with opened(source) as (stream, name):
        return decoder(stream, name)[1].count_pages(stream)


def assemble(samples: Samples, format: str, orient: bool) -> Image:
    """Return the Image of decoded *samples*: turned upright, codes as they are, the rest in float32."""
    array = turned(samples.array, samples.orientation) if orient else samples.array
    is_coded = array.dtype.isnative and samples.top == TOPS.get(array.dtype.name)
    pixels = array if is_coded else _scaled(array, samples.top)
    channels, height, width = pixels.shape
    size, format = (height, width, channels), samples.format or format
    return Image(pixels, ImageInfo(*size, samples.kind, samples.alpha, format, samples.depth, samples.rate))


def turned(array: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Return a view of (C, H, W) samples turned upright from EXIF *orientation* 1 to 8.

    >>> turned(np.array([[[1, 2], [3, 4]]]), 6).tolist()
    [[[3, 1], [4, 2]]]
    """
    if orientation >= 5:
        array = array.transpose(0, 2, 1)
    if orientation in (3, 4, 7, 8):
        array = array[:, ::-1]
    if orientation in (2, 3, 6, 7):
        array = array[:, :, ::-1]
    return array


def _scaled(array: NDArray[Any], top: float) -> NDArray[np.float32]:
    if not top:
        # A float64 beyond float32 becomes infinite, as the engine computes in float32.
        with np.errstate(over="ignore"):
            return np.ascontiguousarray(array, np.float32)
    planes = np.ascontiguousarray(array, np.float32)
    return planes / np.float32(top)
