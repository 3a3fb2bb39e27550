"""Rows of an array of the zarr library, version 2 or 3: a folder of chunks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filterbank.errors import ImageError
from filterbank.imagefile.array import is_signal, samples_of
from filterbank.imagefile.formats.boundary import decoding
from filterbank.imagefile.pieces.rows import NotByRows, Store, nbytes
from filterbank.imagefile.samples import ReadOptions, Samples, check_page

# Chunks that the library decodes at once, each beside its own bytes.
_AT_ONCE = 10


def opened(path: Path, options: ReadOptions) -> Store:
    """Return the rows of an array (H, W) or (C, H, W), or (H, W, C) with layout ``hwc``.

    Raises
    ------
    NotByRows
        The layout is that of a signal.
    ImageError
        There is no array, it is no image, or the library is not there.
    """
    check_page(options.page, 1)
    array = _array(path)
    if is_signal(options.layout):
        raise NotByRows("is a signal: it has one row")
    if array.ndim not in (2, 3) or np.dtype(array.dtype).kind not in "buif":
        raise ImageError(
            f"holds {array.dtype} of shape {array.shape}; accepted: real numbers (H, W) or (C, H, W)"
        )
    if 0 in array.shape:
        raise ImageError(f"has no pixels: its shape is {array.shape}")
    return _Rows(array, options.layout)


class _Rows:
    orientation = 1

    def __init__(self, array: Any, layout: str) -> None:
        self._array, self._layout = array, layout
        self._axis = 1 if array.ndim == 3 and layout == "chw" else 0
        self.height: int = self._array.shape[self._axis]
        self.step: int = min(self._array.chunks[self._axis], self.height)
        self._kept: tuple[int, NDArray[Any]] | None = None

    @property
    def held(self) -> int:
        """Bytes of the row of chunks that is kept, and of chunks while they are decoded."""
        dtype = np.dtype(self._array.dtype)
        kept = nbytes(*self._array.shape, dtype=dtype) // self.height * self.step
        return 2 * kept + 2 * min(_AT_ONCE * nbytes(*self._array.chunks, dtype=dtype), 2 * kept)

    def samples(self, first: int, last: int) -> Samples:
        """Return rows *first* … *last* − 1."""
        parts = []
        for number in range(first // self.step, -(-last // self.step)):
            top = number * self.step
            parts.append(self._cut(self._chunks(number), max(first - top, 0), last - top))
        return samples_of(parts[0] if len(parts) == 1 else np.concatenate(parts, self._axis), self._layout)

    def blank(self) -> Samples:
        """Return a row of zeros."""
        lengths = tuple(1 if axis == self._axis else n for axis, n in enumerate(self._array.shape))
        return samples_of(np.zeros(lengths, self._array.dtype), self._layout)

    def _cut(self, array: Any, first: int, last: int) -> Any:
        return array[:, first:last] if self._axis else array[first:last]

    def _chunks(self, number: int) -> NDArray[Any]:
        """Return the *number*-th row of chunks; it is kept for the next band."""
        if self._kept is None or self._kept[0] != number:
            top = number * self.step
            with decoding("zarr"):
                rows = self._cut(self._array, top, min(top + self.step, self.height))
            self._kept = number, np.asarray(rows)
        return self._kept[1]


def _array(path: Path) -> Any:
    try:
        import zarr  # noqa: PLC0415 - an extra
    except ImportError:
        raise ImageError(
            "is a zarr array, and the library zarr is not there; pip install 'filterbank[zarr]'"
        ) from None
    with decoding("zarr"):
        found = zarr.open(path, mode="r")
    if not hasattr(found, "chunks"):
        arrays = ", ".join(sorted(found.array_keys()))
        raise ImageError(
            f"is a zarr group, no array; it holds {f'the arrays {arrays}' if arrays else 'none'}"
        )
    return found
