"""One door to every source of rows: a file by its content, a folder as an array of the zarr library."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pathlib import Path
from typing import BinaryIO

from filterbank.imagefile import source as files
from filterbank.imagefile.pieces.rows import NotByRows, Pieces, Store, Stored
from filterbank.imagefile.samples import ReadOptions

_DEFAULTS = ReadOptions()
_FORMATS = ("tiff", "npy")


@contextmanager
def opened(source: files.Source, options: ReadOptions = _DEFAULTS) -> Iterator[Pieces]:
    """Yield the rows of a tiled or striped TIFF, an npy, or a zarr array; its file is open meanwhile.

    ``max_pixels`` of the *options* is no limit here: what is read at a time is small.

    Raises
    ------
    NotByRows
        The file's rows cannot be read apart; ``imagefile.read`` reads the whole.
    ImageError
        The source is missing, no image, truncated or damaged.
    """
    with ExitStack() as closed:
        # What goes wrong while the rows are used is not this file's fault: only opening it is named so.
        with files.named(source) as name:
            if isinstance(source, (str, Path)) and files.is_array(source):
                from filterbank.imagefile.pieces import zarr  # noqa: PLC0415 - an extra

                found = Stored(zarr.opened(Path(source), options), "zarr", name, orient=False)
            else:
                stream = closed.enter_context(_opened(source))
                format = files.decoder(stream, name)[0]
                if format not in _FORMATS:
                    raise NotByRows(
                        f"is a file of format {format}, of which no part can be read without the rest"
                    )
                # Imported here, so that a run over one format never loads the other's library.
                module = import_module(f"filterbank.imagefile.pieces.{format}")
                store: Store = closed.enter_context(module.opened(stream, options))
                found = Stored(store, format, name, options.orient)
            _ = found.info  # what is no picture is told now
        yield found


def _opened(source: files.Source) -> BinaryIO:
    if isinstance(source, (str, Path)):
        return files.open_file(source)
    return io.BytesIO(source) if isinstance(source, (bytes, bytearray, memoryview)) else source
