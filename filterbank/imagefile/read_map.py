"""Maps out of their files: codes to float32 values by what the file says of itself."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import tifffile
from numpy.typing import NDArray

from filterbank.errors import ImageError, shown
from filterbank.imagefile import maptext, png
from filterbank.imagefile.formats.boundary import decoding
from filterbank.imagefile.maptext import MapText
from filterbank.imagefile.source import read_file
from filterbank.imagefile.tone import Scale, to_values
from filterbank.imagefile.wavfile import read_wav

Values = NDArray[np.float32]

_NPY = b"\x93NUMPY"
# No codec at hand packs tighter; what claims more would only fill the memory.
_BLOWUP = 1 << 16

_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def read_map(path: Path) -> tuple[Values, MapText]:
    """Return the float32 values (H2, W2) or (C, H2, W2) of the map *path*, and its text.

    Raises
    ------
    ImageError
        The file cannot be read, is no map, is damaged, or holds several maps.

    Examples
    --------
    >>> import tempfile
    >>> from filterbank.imagefile.encode import write_png
    >>> path = Path(tempfile.mkdtemp()) / "edge.png"
    >>> with path.open("wb") as file:
    ...     write_png(np.array([[1, 128, 255]], np.uint8), MapText(scale=Scale(-2, 2, 255, 128)), file)
    >>> read_map(path)[0]
    array([[-2.,  0.,  2.]], dtype=float32)
    """
    maps = read_maps(path)
    if len(maps) > 1:
        raise ImageError(f"{path}: {len(maps)} maps in one file; accepted: one; read it with read_maps")
    return maps[0]


def read_maps(path: Path) -> list[tuple[Values, MapText]]:
    """Return the (values, text) of every map in the file *path*: one, or the pages of a TIFF.

    An npy is one array of whatever shape it has; it carries no text.

    Raises
    ------
    ImageError
        The file cannot be read, is no map, or is damaged.
    """
    try:
        return _decode_file(read_file(path))
    except ImageError as error:
        raise ImageError(f"{shown(path)}: {error}") from error


def _decode_file(data: bytes) -> list[tuple[Values, MapText]]:
    if data.startswith(png.SIGNATURE):
        return [_decode_png(data)]
    if data.startswith(_TIFF):
        return _decode_tiff(data)
    if data.startswith(_NPY):
        return [(_decode_npy(data), MapText(software=""))]
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
        return [read_wav(data)]
    raise _no_map("it is empty" if not data else "it is neither PNG, TIFF, npy nor WAV")


def _decode_png(data: bytes) -> tuple[Values, MapText]:
    fields: dict[str, str] = {}
    for keyword, value in png.texts(io.BytesIO(data)):
        if keyword == "Software":
            fields["software"] = value
        elif keyword.startswith(maptext.PREFIX):
            fields[keyword.removeprefix(maptext.PREFIX)] = value
    text = maptext.from_fields(fields)
    if text.scale is None:
        raise _no_map(f"it has no {maptext.PREFIX}lo (another program may have written it anew)")
    with decoding("PNG"):
        height, width, depth, colour = struct.unpack_from(">IIBB", data, 16)
        _check_size(height * width * depth // 8, data)
        pixels = imagecodecs.png_decode(data)
    if depth != text.scale.top.bit_length() or colour == 3:
        raise _no_map(f"its pixels were changed to {depth} bits{' of a palette' * (colour == 3)}")
    return _to_values(pixels, text, text.scale), text


def _decode_tiff(data: bytes) -> list[tuple[Values, MapText]]:
    pages = []
    with decoding("TIFF"), tifffile.TiffFile(io.BytesIO(data)) as file:
        page: Any
        for page in file.pages:
            _check_size(page.nbytes, data)
            pages.append((page.description, page.axes, page.asarray()))
    if not pages or any(pixels is None or pixels.size == 0 for *_, pixels in pages):
        raise ImageError("is a damaged TIFF file: it has no pixels")
    return [_decode_page(*page) for page in pages]


def _decode_page(description: str, axes: str, pixels: NDArray[Any]) -> tuple[Values, MapText]:
    """Return values and text of one TIFF page; a float page of another program has an empty text."""
    text = maptext.from_json(description)
    if text is not None and text.scale is not None:
        if pixels.dtype.kind != "u" or pixels.dtype.itemsize * 8 != text.scale.top.bit_length():
            raise _no_map(f"its pixels were changed to {pixels.dtype}")
        return _to_values(pixels, text, text.scale), text
    if pixels.dtype.kind != "f":
        raise _no_map(f"its pixels are {pixels.dtype} and nothing says what they mean")
    planes = np.moveaxis(pixels, -1, 0) if axes.endswith("S") else pixels
    return np.ascontiguousarray(planes, np.float32), text or MapText(software="")


def _decode_npy(data: bytes) -> Values:
    with decoding("npy"):
        array = np.load(io.BytesIO(data), allow_pickle=False)
    if array.dtype.kind != "f":
        raise _no_map(f"its numbers are {array.dtype}, a map's are floats")
    if array.ndim not in (2, 3, 4):
        raise _no_map(f"its shape is {array.shape}, a map's (H, W), (C, H, W) or (K, C, H, W)")
    return np.ascontiguousarray(array, np.float32)


def _check_size(nbytes: int, data: bytes) -> None:
    """Raise ImageError where pixels of *nbytes* cannot come out of a file of so few bytes."""
    if nbytes > _BLOWUP * len(data):
        raise ImageError(f"is damaged: {len(data)} bytes claim to hold {nbytes} bytes of pixels")


def _to_values(pixels: NDArray[Any], text: MapText, scale: Scale) -> Values:
    """Return the values of codes (H, W) or (H, W, C), planar; alpha is last and 0..1."""
    srgb = text.transfer == "srgb"
    if pixels.ndim == 2 and not text.alpha:
        return to_values(pixels, scale, srgb)
    planes = np.moveaxis(np.atleast_3d(pixels), 2, 0)
    if not text.alpha:
        return to_values(planes, scale, srgb)
    if len(planes) < 2:
        raise _no_map("its alpha channel was taken out")
    alpha = to_values(planes[-1:], Scale(0.0, 1.0, scale.top))
    return np.concatenate([to_values(planes[:-1], scale, srgb), alpha])


def _no_map(found: str) -> ImageError:
    return ImageError(
        f"no map of filterbank: {found}; accepted: png, png16, tiff and npy as apply writes them"
    )
