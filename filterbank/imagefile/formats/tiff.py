"""TIFF and BigTIFF: every layout, byte order, depth and colour model, one page at a time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, BinaryIO

import numpy as np
import PIL.Image
import tifffile
from numpy.typing import NDArray

from filterbank.errors import ImageError
from filterbank.imagefile import colour
from filterbank.imagefile.formats.boundary import decoding
from filterbank.imagefile.samples import ReadOptions, Samples, check_page, check_size, counted

Array = NDArray[Any]

_ORIENTATION, _PHOTOMETRIC = 274, 262
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _MASK = 0, 1, 2, 3, 4
_CMYK, _YCBCR, _CIELAB, _ICCLAB = 5, 6, 8, 9
_CFA, _LINEAR_RAW = 32803, 34892
_GREY = {_WHITE_IS_ZERO, _BLACK_IS_ZERO, _MASK, _CFA, _PALETTE}
_AS_STORED = {_BLACK_IS_ZERO, _MASK, _CFA, _RGB}
_COLOURS = {_RGB: 3, _CMYK: 4, _YCBCR: 3, _CIELAB: 3, _ICCLAB: 3}
_ASSOCIATED, _UNASSOCIATED = 1, 2
_JPEGS = {6, 7, 34892, 33007}  # compressions whose decoder has already turned YCbCr into RGB


def count_pages(stream: BinaryIO) -> int:
    """Return the number of image directories."""
    with decoding("TIFF"), tifffile.TiffFile(stream) as file:
        return len(file.pages)


def decode(stream: BinaryIO, options: ReadOptions) -> Samples:
    """Return the samples of one page of a TIFF file.

    Raises
    ------
    ImageError
        There is no such page, or it is too large, truncated, damaged or no picture.
    """
    size = stream.seek(0, 2)
    stream.seek(0)
    with decoding("TIFF"), tifffile.TiffFile(stream) as file:
        if not file.pages:
            raise ImageError("is a damaged TIFF file: it has no page")
        check_page(options.page, len(file.pages))
        page = whole_page(file, options.page)
        check_size(page.imagelength, page.imagewidth, page.samplesperpixel, options.max_pixels)
        check_layout(page, size)
        return replace(meaning(page, _planes(page)), orientation=orientation(page))


def whole_page(file: tifffile.TiffFile, number: int) -> tifffile.TiffPage:
    """Return a page with all of its tags."""
    page = file.pages[number]
    return page if isinstance(page, tifffile.TiffPage) else page.aspage()


def check_layout(page: tifffile.TiffPage, size: int) -> None:
    """Raise ImageError where a page is no plane of real numbers, or its data lie beyond the file's end.

    tifffile reads what is there and fills the rest with zeros.
    """
    if page.imagedepth != 1:
        raise ImageError(
            f"holds a volume of {page.imagedepth} planes in one page; accepted: one plane a page"
        )
    if page.dtype is None or page.dtype.kind not in "buif":
        raise ImageError(f"holds {page.dtype or 'unknown'} samples; accepted: real numbers")
    if not page.dataoffsets:
        raise ImageError("is a damaged TIFF file: a page without data")
    for offset, count in zip(page.dataoffsets, page.databytecounts, strict=False):
        if offset + count > size:
            raise ImageError(
                f"is a truncated TIFF file: data end at byte {offset + count:,}, the file at {size:,}"
            )


def _planes(page: tifffile.TiffPage) -> Array:
    """Return the stored samples as (C, H, W)."""
    # One thread: who reads many images decides how many at a time.
    stored: Array = page.asarray(squeeze=False, maxworkers=1)  # (planar C, depth, H, W, interleaved C)
    if stored.shape[-1] == 1:
        planes: Array = stored[:, 0, :, :, 0]
    else:
        planes = stored[0, 0].transpose(2, 0, 1)
    return planes


def orientation(page: tifffile.TiffPage) -> int:
    """Return the EXIF orientation that a page states; 1 where it states none."""
    value = page.tags.valueof(_ORIENTATION, 1)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def meaning(page: tifffile.TiffPage, planes: Array) -> Samples:
    """Return *planes* with their meaning: grey or RGB first, then channels of no meaning, alpha last."""
    top, depth = _top(page, planes)
    photometric = _photometric(page, len(planes))
    colours = 1 if photometric in _GREY else _COLOURS.get(photometric, 0)
    planes, alpha = _alpha_last(page, planes, colours)
    if not colours or len(planes) - (alpha > 0) < colours or (colours == 1 and len(planes) - (alpha > 0) > 1):
        return Samples(planes, top, "channels", alpha > 0, depth)
    if photometric not in _AS_STORED:
        first = _converted(page, photometric, planes[:colours], top)
        planes, top = np.concatenate([first, _unit(planes[colours:], top)]), 0.0
    is_grey = colours == 1 and photometric != _PALETTE
    return Samples(planes, top, "gray" if is_grey else "rgb", alpha > 0, depth)


def _top(page: tifffile.TiffPage, planes: Array) -> tuple[float, str]:
    """Return (top, depth): bits as the file counts them, so that 12 bits reach 1 at 4095."""
    if planes.dtype.kind not in "bu" or page.bitspersample > 16:
        return 0.0, planes.dtype.name
    return float(2**page.bitspersample - 1), f"{page.bitspersample}-bit"


def _photometric(page: tifffile.TiffPage, channels: int) -> int:
    photometric = int(page.photometric) if _PHOTOMETRIC in page.tags else _BLACK_IS_ZERO
    if photometric == _YCBCR and page.compression in _JPEGS:
        return _RGB
    # Three bands without a name are taken as in an npy.
    return _RGB if channels == 3 and photometric in {_BLACK_IS_ZERO, _LINEAR_RAW} else photometric


def _alpha_last(page: tifffile.TiffPage, planes: Array, colours: int) -> tuple[Array, int]:
    """Return (planes with alpha last, kind of alpha or 0)."""
    extra = [int(value) for value in page.extrasamples]
    if not extra and colours == 3 and len(planes) == 4:
        return planes, _UNASSOCIATED  # old writers leave the tag out
    first = len(planes) - len(extra)
    if first < 0 or (len(planes) == 1 and extra and extra[0] in (_ASSOCIATED, _UNASSOCIATED)):
        raise ImageError(
            f"is a damaged TIFF file: of its {counted(len(planes), 'channel')} "
            f"{len(extra)} {'is' if len(extra) == 1 else 'are'} said to be beside the colours"
        )
    for place, kind in enumerate(extra, first):
        if kind in (_ASSOCIATED, _UNASSOCIATED):
            order = [channel for channel in range(len(planes)) if channel != place]
            return (planes if place == len(order) else planes[[*order, place]]), kind
    return planes, 0


def _unit(planes: Array, top: float) -> Array:
    """Return float32 planes with *top* at 1; a top of 0 keeps the values."""
    return planes.astype(np.float32) / np.float32(top) if top else planes.astype(np.float32)


def _converted(page: tifffile.TiffPage, photometric: int, planes: Array, top: float) -> Array:
    """Return float32 grey with white at 1, or RGB."""
    if photometric == _WHITE_IS_ZERO:
        white = top or (np.iinfo(planes.dtype).max if planes.dtype.kind == "u" else 1)
        return _unit(np.subtract(white, planes, dtype=np.float64), top)
    if photometric == _PALETTE:
        return _palette(page, planes[0])
    if planes.dtype == np.uint8 and top == 255:
        return _by_pillow(photometric, planes)
    if photometric == _CMYK:
        return colour.cmyk_to_rgb(_unit(planes, top))
    if photometric == _YCBCR:
        return colour.ycbcr_to_rgb(_unit(planes, top), (top + 1) / (2 * top) if top else 0.5)
    return colour.lab_to_rgb(_lab(photometric, planes))


def _palette(page: tifffile.TiffPage, indices: Array) -> Array:
    table = np.asarray(page.colormap)
    # 16-bit tables of 8-bit colours are written as c·256 by some and as c by others, instead of c·257.
    if not (table & 255).any():
        table, top = table >> 8, 255.0
    else:
        top = 255.0 if table.max() < 256 else 65535.0
    return _unit(table[:, indices], top)


def _by_pillow(photometric: int, planes: Array) -> Array:
    """Return RGB of 8-bit planes with the tables and the rounding that everyone knows from Pillow."""
    mode = {_CMYK: "CMYK", _YCBCR: "YCbCr"}.get(photometric, "LAB")
    pixels = np.ascontiguousarray(planes.transpose(1, 2, 0))
    if photometric == _ICCLAB:
        pixels[..., 1:] ^= 128  # offset by 128 there; Pillow takes two's complement, as CIELAB has it
    height, width = planes.shape[1:]
    image = PIL.Image.frombytes(mode, (width, height), pixels.tobytes())
    return _unit(np.asarray(image.convert("RGB")).transpose(2, 0, 1), 255.0)


def _lab(photometric: int, planes: Array) -> Array:
    """Return L in [0,100], a and b of 16-bit or float planes."""
    if planes.dtype.kind == "f":
        return planes.astype(np.float32)
    if planes.dtype != np.uint16:
        raise ImageError(f"is CIELAB in {planes.dtype}; accepted: 8-bit, 16-bit and float")
    if photometric == _CIELAB:
        signed = planes[1:].astype(np.int16).astype(np.float32) / np.float32(256)
        return np.concatenate([_unit(planes[:1], 65535.0) * np.float32(100), signed])
    offset = planes[1:].astype(np.float32) / np.float32(256) - np.float32(128)
    return np.concatenate([_unit(planes[:1], 65280.0) * np.float32(100), offset])
