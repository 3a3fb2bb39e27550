"""An image file, read once for pixels and hash; the only one of a run while the run is prepared."""

from __future__ import annotations

import hashlib
import io
import os
import threading
from pathlib import Path

from filterbank import imagefile
from filterbank.batch.inputs import Source, is_url
from filterbank.imagefile import ReadOptions
from filterbank.imagefile.source import open_file
from filterbank.imagefile.source import reading as reading_file
from filterbank.model import Image
from filterbank.record import record


@record(frozen=True, eq=False)
class Decoded:
    """An image and the SHA-256 of the bytes it was read from."""

    image: Image
    sha256: str


class _Named(io.BytesIO):
    """Bytes that say what they are called, for messages and for formats known by their extension."""

    name: str


def decode(source: Source, reading: ReadOptions) -> Decoded:
    """Return *source* read as *reading* says.

    Raises
    ------
    ImageError
        It cannot be read.
    """
    if source.is_array:
        from filterbank.imagefile import pieces  # noqa: PLC0415 - few runs read arrays

        with pieces.opened(source.place or source.path, reading) as array:
            return Decoded(array.rows(0, array.info.height), digest(source))
    data = source.read()
    stream = _Named(data)
    stream.name = source.called
    image = imagefile.read(stream, reading)
    return Decoded(image, hashlib.sha256(data).hexdigest())


def digest(source: Source) -> str:
    """Return the SHA-256 of the bytes of *source*, some at a time; of a folder, of all files in it by name.

    Raises
    ------
    ImageError
        It cannot be read.
    """
    place = source.place or source.path
    if source.data is not None or source.fault or is_url(place):
        return hashlib.sha256(source.read()).hexdigest()
    if not source.is_array:
        return _digest(place).hex()
    whole = hashlib.sha256()
    for path in sorted(path for path in Path(place).rglob("*") if path.is_file()):
        whole.update(os.fsencode(path.relative_to(place)) + b"\0" + _digest(path))
    return whole.hexdigest()


def _digest(path: str | Path) -> bytes:
    with reading_file(), open_file(path) as stream:
        return hashlib.file_digest(stream, "sha256").digest()  # type: ignore[arg-type]


class Ahead:
    """An image that is being decoded by a thread of its own, to be taken once.

    Decoding lets go of the interpreter's lock, so that bank and job are read meanwhile.

    >>> ahead = Ahead(Source("nowhere.png"), ReadOptions())
    >>> ahead.take(Source("nowhere.png"), ReadOptions())
    Traceback (most recent call last):
    filterbank.errors.ImageError: cannot be read: No such file or directory
    """

    def __init__(self, source: Source, reading: ReadOptions) -> None:
        self._asked = source, reading
        self._found: Decoded | BaseException | None = None
        # A run that is refused does not wait for it.
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def take(self, source: Source, reading: ReadOptions) -> Decoded | None:
        """Return what ``decode`` would; None where something else is wanted or it was taken already."""
        if self._asked != (source, reading):
            return None
        self._thread.join()
        found, self._found = self._found, None
        if isinstance(found, BaseException):
            raise found
        return found

    def _run(self) -> None:
        try:
            self._found = decode(*self._asked)
        except BaseException as error:  # raised again by whoever takes it
            self._found = error
