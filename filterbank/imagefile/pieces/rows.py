"""What every source of rows offers, and rows turned upright and given their meaning."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Protocol

import numpy as np

from filterbank.errors import ImageError
from filterbank.imagefile.reading import assemble
from filterbank.imagefile.samples import Samples
from filterbank.model import Image, ImageInfo
from filterbank.record import record


class NotByRows(ImageError):  # noqa: N818 - it says what the file is, and the whole may still be read
    """A file of which no part can be read without the rest; the message says why."""


class Store(Protocol):
    """An image as it is stored, which knows how to read some of its rows."""

    @property
    def height(self) -> int:
        """How many rows are stored."""

    @property
    def orientation(self) -> int:
        """The EXIF orientation of what is stored, 1 to 4: the others stand on their side."""

    @property
    def step(self) -> int:
        """How many rows are stored together, and so read together."""

    @property
    def held(self) -> int:
        """How many bytes are held while rows are read, beside the rows themselves."""

    def samples(self, first: int, last: int) -> Samples:
        """Return rows *first* … *last* − 1 as they are stored."""

    def blank(self) -> Samples:
        """Return a row of zeros with the meaning of all rows; nothing is read."""


class Pieces(Protocol):
    """An image, upright, of which some rows at a time are read.

    ``held`` are the bytes that are held beside the rows that are read, ``is_held`` says that these are
    the whole image, and ``row`` are the bytes of one row of pixels.
    """

    @property
    def info(self) -> ImageInfo:
        """What `read` says of the whole image."""

    @property
    def held(self) -> int:
        """Bytes that are held beside the rows that are read."""

    @property
    def step(self) -> int:
        """Rows that are read together, however few are asked for."""

    @property
    def row(self) -> int:
        """Bytes of one row of pixels."""

    @property
    def blank(self) -> Image:
        """One row of the image but for its values: what there is to know of it without reading any."""

    def rows(self, first: int, last: int) -> Image:
        """Return rows *first* … *last* − 1: the same pixels as in the whole image."""


@record(frozen=True)
class Stored:
    """The `Pieces` of a store; *name* is what messages call it."""

    store: Store
    format: str
    name: str
    orient: bool = True

    def __post_init__(self) -> None:
        if self.orient and self.store.orientation > 4:
            raise NotByRows(
                f"stands on its side (EXIF orientation {self.store.orientation}): its rows are columns of "
                "the file; --no-orient leaves it so"
            )

    @cached_property
    def blank(self) -> Image:
        """One row of the image but for its values."""
        return assemble(self.store.blank(), self.format, self.orient)

    @property
    def info(self) -> ImageInfo:
        """What `read` says of the whole image."""
        return replace(self.blank.info, height=self.store.height)

    @property
    def held(self) -> int:
        """Bytes that are held beside the rows that are read."""
        return self.store.held

    @property
    def step(self) -> int:
        """Rows that are read together, however few are asked for."""
        return self.store.step

    @property
    def row(self) -> int:
        """Bytes of one row of pixels."""
        return self.blank.pixels.nbytes

    def rows(self, first: int, last: int) -> Image:
        """Return rows *first* … *last* − 1: the same pixels as in the whole image.

        Raises
        ------
        ImageError
            The file is damaged there.
        """
        if self.orient and self.store.orientation in (3, 4):
            first, last = self.store.height - last, self.store.height - first
        try:
            return assemble(self.store.samples(first, last), self.format, self.orient)
        except ImageError as error:
            raise ImageError(f"{self.name}: {error}") from error.__cause__
        except OSError as error:
            raise ImageError(f"{self.name}: cannot be read: {error.strerror or error}") from error


@record(frozen=True)
class Held:
    """The `Pieces` of an image that is in memory as a whole."""

    image: Image

    @property
    def info(self) -> ImageInfo:
        """What is known of the image."""
        return self.image.info

    @property
    def held(self) -> int:
        """Bytes of the whole image."""
        return self.image.pixels.nbytes

    @property
    def blank(self) -> Image:
        """One row of the image."""
        return self.rows(0, 1)

    @property
    def step(self) -> int:
        """Rows that are read together: any."""
        return 1

    @property
    def row(self) -> int:
        """Bytes of a row that reading it takes: none, as it is there."""
        return 0

    def rows(self, first: int, last: int) -> Image:
        """Return rows *first* … *last* − 1, sharing the image's memory."""
        pixels = self.image.pixels[:, first:last]
        return Image(pixels, replace(self.image.info, height=last - first))


def nbytes(*lengths: int, dtype: np.dtype[np.generic]) -> int:
    """Return the bytes of an array of these *lengths*."""
    return int(np.prod(lengths, dtype=object)) * dtype.itemsize
