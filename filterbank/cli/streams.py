"""Standard output that says what is wrong with it, and names of any bytes on both streams."""

from __future__ import annotations

import codecs
import errno
import io
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_LEGIBLE = "filterbank.legible"


class OutputLost(Exception):  # noqa: N818 - it is no error of ours
    """Standard output takes no more: it is full or closed, or its reader has gone.

    Not an OSError, so that it is never taken for the trouble of an image or of a map's file.
    """


class _StandardOutput(io.RawIOBase):
    """The bytes of standard output; after the first failure the rest is dropped without another."""

    name = "<stdout>"

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor
        self._is_lost = False

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return self._descriptor is not None and os.isatty(self._descriptor)

    def fileno(self) -> int:
        if self._descriptor is None:
            raise io.UnsupportedOperation("standard output is closed")
        return self._descriptor

    def write(self, data: ReadableBuffer, /) -> int:
        if self._is_lost:
            return memoryview(data).nbytes
        try:
            if self._descriptor is None:
                raise OSError(errno.EBADF, "it is closed")
            return os.write(self._descriptor, data)
        except OSError as error:
            self._is_lost = True
            if error.errno == errno.EPIPE:
                raise OutputLost("its reader has gone; the rest was not written") from None
            raise OutputLost(f"cannot be written: {error.strerror or error}") from None


def open_streams() -> None:
    """Have standard output raise OutputLost where it fails, and odd names printed on both streams.

    Streams that somebody put in place of the process's own are left alone.
    """
    codecs.register_error(_LEGIBLE, _legible)
    if sys.stdout is sys.__stdout__:
        own = sys.stdout
        raw = _StandardOutput(None if own is None else own.fileno())
        sys.stdout = io.TextIOWrapper(
            io.BufferedWriter(raw),
            "utf-8" if own is None else own.encoding,
            _LEGIBLE,
            line_buffering=raw.isatty(),
        )
    if sys.stderr is sys.__stderr__ and isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr.reconfigure(errors=_LEGIBLE)


def _legible(error: UnicodeError) -> tuple[str, int]:
    r"""Return what stands for text that the stream cannot encode: ``\xff`` for a byte of a name."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(
        f"\\x{ord(each) - 0xDC00:02x}" if "\udc80" <= each <= "\udcff" else ascii(each)[1:-1] for each in text
    ), error.end
