"""Maps into files: one writer a format, each writing one whole file to a binary stream.

A map is (H2, W2), or (C, H2, W2) where every channel of the image was filtered on its own; then
alpha (H2, W2) in [0,1] may come with it and becomes the last channel. The same map and text
always give the same bytes: no clock, no machine name.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from filterbank.errors import RequestError
from filterbank.imagefile import png
from filterbank.imagefile.maptext import PREFIX, MapText, to_fields, to_json
from filterbank.imagefile.tone import TOP8, TOP16, Scale, to_codes

Values = NDArray[np.float32]
Codes = NDArray[Any]

# format -> its files' extension, and the top code or None for float32
EXTENSIONS = {"png": "png", "png16": "png", "tiff": "tiff", "npy": "npy", "csv": "csv", "wav": "wav"}
TOPS = {"png": TOP8, "png16": TOP16, "tiff": None, "npy": None, "csv": None, "wav": None}

# A classic TIFF's offsets end at 4 GiB; a page's tags need some room too.
_CLASSIC_LIMIT = (1 << 32) - (1 << 25)


def check_channels(format: str, channels: int, alpha: bool = False) -> None:
    """Raise RequestError where *format* cannot hold a map of so many channels.

    >>> check_channels("png", 5)
    Traceback (most recent call last):
    filterbank.errors.RequestError: --format png: a map of 5 channels; accepted: 1 or 3 ...
    """
    if format == "csv" and channels + alpha > 1:
        found = f"a map of {channels + alpha} channels"
        raise RequestError(f"--format csv: {found}; accepted: 1 channel; use --format tiff or npy")
    if format in ("png", "png16") and channels not in (1, 3):
        also = " besides alpha" if alpha else ""
        raise RequestError(
            f"--format {format}: a map of {channels} channels{also}; accepted: 1 or 3 channels; "
            "use --format tiff or npy"
        )


def write_png(
    codes: Codes,
    text: MapText,
    stream: BinaryIO,
    alpha: Values | None = None,
    deflate: png.Deflate | None = None,
) -> None:
    r"""Write *codes*, uint8 or uint16, as an 8-bit or 16-bit PNG with *text* in its chunks.

    *deflate* compresses the rows in zlib's place.

    Raises
    ------
    RequestError
        The map has neither 1 nor 3 channels.

    Examples
    --------
    >>> import io
    >>> file = io.BytesIO()
    >>> write_png(np.zeros((4, 6), np.uint8), MapText("blur", scale=Scale(0, 1)), file)
    >>> file.getvalue()[:4]
    b'\x89PNG'
    """
    planes = codes[np.newaxis] if codes.ndim == 2 else codes
    check_channels("png" if codes.dtype == np.uint8 else "png16", len(planes), alpha is not None)
    pixels, text = interleave(planes, text, alpha)
    fields = to_fields(text)
    chunks = {"Software": fields.pop("software")} | {PREFIX + name: fields[name] for name in fields}
    png.write(pixels, chunks, stream, deflate)


def write_tiff(values: Values, text: MapText, stream: BinaryIO, alpha: Values | None = None) -> None:
    """Write *values*, float32 as they are (or codes), as a TIFF of one page with *text* as JSON.

    >>> import io
    >>> file = io.BytesIO()
    >>> write_tiff(np.zeros((4, 6), np.float32), MapText("blur"), file)
    >>> import tifffile
    >>> tifffile.imread(io.BytesIO(file.getvalue())).dtype
    dtype('float32')
    """
    with TiffStack(stream, values.nbytes) as stack:
        stack.write(values, text, alpha)


def write_npy(values: Values, stream: BinaryIO, alpha: Values | None = None) -> None:
    """Write *values* as they are, (H2, W2) or (C, H2, W2) with alpha as one more channel.

    >>> import io
    >>> file = io.BytesIO()
    >>> write_npy(np.ones((4, 6), np.float32), file)
    >>> np.load(io.BytesIO(file.getvalue())).shape
    (4, 6)
    """
    if alpha is not None:
        planes = values[np.newaxis] if values.ndim == 2 else values
        values = np.concatenate([planes, alpha[np.newaxis].astype(np.float32)])
    np.lib.format.write_array(stream, np.ascontiguousarray(values), version=(1, 0), allow_pickle=False)


def write_csv(values: Values, stream: BinaryIO) -> None:
    r"""Write *values* (H2, W2) as text, a line a row: the shortest digits that are the same float32.

    >>> import io
    >>> file = io.BytesIO()
    >>> write_csv(np.array([[0.1, 2, -1e-9]], np.float32), file)
    >>> file.getvalue()
    b'0.1,2.0,-1e-09\n'
    """
    for row in values:
        stream.write((",".join(row.astype(str)) + "\n").encode("ascii"))


class TiffStack:
    """A TIFF of several pages, one map a page, written as they come; *nbytes* is all pages' size.

    The stream must be able to seek. Pages of more than 4 GiB together make a BigTIFF.

    >>> import io
    >>> file = io.BytesIO()
    >>> with TiffStack(file, 2 * 4 * 6 * 4) as stack:
    ...     for name in "ab":
    ...         stack.write(np.zeros((4, 6), np.float32), MapText(name))
    >>> import tifffile
    >>> len(tifffile.TiffFile(io.BytesIO(file.getvalue())).pages)
    2
    """

    def __init__(self, stream: BinaryIO, nbytes: int) -> None:
        import tifffile  # noqa: PLC0415 - only runs that write TIFF pay for it

        big = needs_bigtiff(2 * nbytes)  # twice: alpha may add as much again
        self._writer = tifffile.TiffWriter(stream, bigtiff=big, byteorder="<")

    def __enter__(self) -> TiffStack:
        return self

    def __exit__(self, *error: object) -> None:
        self._writer.close()

    def write(self, values: Values, text: MapText, alpha: Values | None = None) -> None:
        """Append one map as a page."""
        pixels, text = interleave(values, text, alpha)
        channels = pixels.shape[2]
        self._writer.write(
            pixels if channels > 1 else pixels[:, :, 0],
            description=to_json(text),
            **page_options(channels, text),
        )


def needs_bigtiff(nbytes: int) -> bool:
    """Return whether pages of so many bytes are beyond what a classic TIFF can hold."""
    return nbytes > _CLASSIC_LIMIT


def page_options(channels: int, text: MapText) -> dict[str, Any]:
    """Return what tifffile is to write of a page of so many channels, alpha among them as *text* says."""
    colour = channels - text.alpha == 3
    extra = channels - (3 if colour else 1)
    return {
        "photometric": "rgb" if colour else "minisblack",
        "planarconfig": "contig" if channels > 1 else None,
        "extrasamples": ([0] * extra)[: extra - text.alpha] + [2] * text.alpha,
        "metadata": None,
        "software": False,
    }


class NpyStack:
    """One npy of *shape* (K, H2, W2) or (K, C, H2, W2), float32, written map by map.

    >>> import io
    >>> file = io.BytesIO()
    >>> stack = NpyStack(file, (2, 4, 6))
    >>> for value in (1, 2):
    ...     stack.write(np.full((4, 6), value, np.float32))
    >>> np.load(io.BytesIO(file.getvalue())).mean(axis=(1, 2))
    array([1., 2.], dtype=float32)
    """

    def __init__(self, stream: BinaryIO, shape: tuple[int, ...]) -> None:
        self._stream = stream
        self._shape = shape[1:]
        header = {"descr": "<f4", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(stream, header)

    def write(self, values: Values, alpha: Values | None = None) -> None:
        """Append one map; with alpha its channels count it."""
        if alpha is not None:
            planes = values[np.newaxis] if values.ndim == 2 else values
            values = np.concatenate([planes, alpha[np.newaxis].astype(np.float32)])
        if values.shape != self._shape:
            raise ValueError(f"a map of shape {values.shape} in a stack of {self._shape}")
        self._stream.write(np.ascontiguousarray(values, "<f4").data)


def interleave(planes: Codes, text: MapText, alpha: Values | None) -> tuple[Codes, MapText]:
    """Return *planes* (H, W) or (C, H, W) as pixels (H, W, C), alpha coded alike and last, and its text."""
    planes = planes[np.newaxis] if planes.ndim == 2 else planes
    if alpha is None:
        return planes.transpose(1, 2, 0), replace(text, alpha=False) if text.alpha else text
    last: Codes = alpha
    if planes.dtype != np.float32:
        last, _ = to_codes(alpha, Scale(0.0, 1.0, TOP8 if planes.dtype == np.uint8 else TOP16))
    pixels = np.empty((*planes.shape[1:], len(planes) + 1), planes.dtype)
    pixels[:, :, :-1] = planes.transpose(1, 2, 0)
    pixels[:, :, -1] = last
    return pixels, replace(text, alpha=True)
