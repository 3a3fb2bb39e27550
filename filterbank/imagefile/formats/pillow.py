"""What else Pillow opens: WebP, GIF, BMP, TGA, ICO, AVIF and more; also CMYK JPEG."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import numpy as np
import PIL.Image
from PIL import UnidentifiedImageError

from filterbank.errors import ImageError
from filterbank.imagefile.formats.boundary import decoding
from filterbank.imagefile.formats.exif import orientation
from filterbank.imagefile.samples import ReadOptions, Samples, check_page, check_size, coded, picture

# Stubs without a decoder, and what would start another program (Ghostscript).
_REFUSED = {"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF"}
_AS_THEY_ARE = {"1", "L", "LA", "RGB", "RGBA", "I", "F"}
_STRAIGHT = {"PA": "RGBA", "La": "LA", "RGBa": "RGBA"}

_pillows_limit = threading.Lock()


def count_pages(stream: BinaryIO) -> int:
    """Return the number of frames."""
    with opened(stream) as image:
        return int(getattr(image, "n_frames", 1))


def decode(stream: BinaryIO, options: ReadOptions) -> Samples:
    """Return the samples of one frame of a file that Pillow knows.

    Raises
    ------
    ImageError
        Pillow knows no such format, or finds the file too large, truncated or damaged.
    """
    with opened(stream) as image:
        check_size(image.height, image.width, len(image.getbands()), options.max_pixels)
        check_page(options.page, int(getattr(image, "n_frames", 1)))
        if options.page:
            image.seek(options.page)
        turn = orientation(image.info.get("exif") or b"")
        return from_pillow(image, turn)


def from_pillow(image: PIL.Image.Image, turn: int = 1) -> Samples:
    """Return the samples of a Pillow image of any mode, to be turned by EXIF orientation *turn*.

    >>> from_pillow(PIL.Image.new("CMYK", (2, 1), (0, 255, 255, 0))).array[:, 0, 0].tolist()
    [255, 0, 0]
    """
    if 0 in image.size:
        raise ImageError(f"has no pixels: {image.width}×{image.height}")
    with decoding(image.format or "picture"):
        array = np.asarray(_plain(image))
    top, depth = coded(array)
    return picture(array, top, depth, turn, (image.format or "").lower())


def _plain(image: PIL.Image.Image) -> PIL.Image.Image:
    """Return *image* in a mode whose array is grey or RGB, with alpha where anything is transparent."""
    if "transparency" in image.info and image.mode in {"1", "L", "I", "RGB", "P"}:
        return image.convert("LA" if image.mode in {"1", "L", "I"} else "RGBA")
    if image.mode in _AS_THEY_ARE or image.mode.startswith("I;16"):
        return image
    return image.convert(_STRAIGHT.get(image.mode, "RGB"))


@contextmanager
def opened(stream: BinaryIO) -> Iterator[PIL.Image.Image]:
    """Yield the image, whose size is known and whose pixels are not decoded yet."""
    with decoding("picture"):
        try:
            with _unlimited():
                image = PIL.Image.open(stream, formats=_formats())
        except UnidentifiedImageError as error:
            raise ImageError(_unknown(stream)) from error
    with image, decoding(image.format or "picture"):
        yield image


def _formats() -> list[str]:
    PIL.Image.init()
    return [name for name in PIL.Image.ID if name not in _REFUSED]


@contextmanager
def _unlimited() -> Iterator[None]:
    """Take Pillow's own limit on pixels away for a while: ours is checked instead, with our message."""
    with _pillows_limit, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before, PIL.Image.MAX_IMAGE_PIXELS = PIL.Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            PIL.Image.MAX_IMAGE_PIXELS = before


def _unknown(stream: BinaryIO) -> str:
    stream.seek(0)
    start = stream.read(8).decode("latin-1")
    return (
        f"is no image that can be read: it starts with {start!a}; accepted: "
        "PNG, JPEG, TIFF, WebP, BMP, GIF, PBM/PGM/PPM/PAM/PFM, JPEG 2000, npy, csv, tsv and what Pillow opens"
    )
