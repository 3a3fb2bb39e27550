"""Where an image comes from: a path, bytes or a stream, opened once and known by its first bytes."""

from __future__ import annotations

import io
import os
import re
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pathlib import Path
from typing import BinaryIO, cast

from filterbank.errors import ImageError, shown
from filterbank.imagefile.samples import Decoder

Source = str | Path | bytes | bytearray | memoryview | BinaryIO

# What a folder walk takes for an image. A file named outright is known by its content alone.
IMAGE_EXTENSIONS = frozenset({
    ".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".tif", ".tiff", ".btf", ".tf8", ".webp",
    ".bmp", ".dib", ".gif", ".pbm", ".pgm", ".ppm", ".pnm", ".pam", ".pfm", ".npy", ".csv", ".tsv", ".jp2",
    ".j2k", ".jpc", ".jpf", ".jpx", ".j2c", ".avif", ".avifs", ".tga", ".icb", ".vda", ".vst", ".ico",
    ".cur", ".icns", ".pcx", ".dcx", ".dds", ".sgi", ".bw", ".rgb", ".rgba", ".ras", ".psd", ".qoi",
    ".fits", ".fit", ".xbm", ".xpm", ".msp", ".im", ".wav",
})  # fmt: skip

# In this order; a tuple is any of its members.
_MAGIC: tuple[tuple[str, tuple[bytes, ...]], ...] = (
    ("png", (b"\x89PNG\r\n\x1a\n",)),
    ("jpeg", (b"\xff\xd8\xff",)),
    ("tiff", (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")),
    ("npy", (b"\x93NUMPY",)),
    ("jpeg2000", (b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51")),
    ("pnm", tuple(b"P" + kind + gap for kind in (b"1", b"2", b"3", b"4", b"5", b"6", b"7", b"f", b"F")
                  for gap in (b" ", b"\t", b"\n", b"\r", b"#"))),
)  # fmt: skip

_ARRAYS = ("zarr.json", ".zarray")
_TABLES = (".csv", ".tsv")


def is_image_name(path: str | Path) -> bool:
    """Return whether *path* has the extension of an image.

    >>> is_image_name("a/Photo.JPG"), is_image_name("a/notes.txt")
    (True, False)
    """
    return Path(path).suffix.lower() in IMAGE_EXTENSIONS


def is_array(path: str | Path) -> bool:
    """Return whether *path* is a folder that is one image: an array of the zarr library."""
    # os.path raises nothing where a folder may not be entered.
    return os.path.isdir(path) and any(os.path.isfile(f"{path}/{mark}") for mark in _ARRAYS)  # noqa: PTH112, PTH113


def read_file(path: str | Path) -> bytes:
    """Return the bytes of the regular file *path*; a pipe or a device is refused, not waited for.

    Raises
    ------
    ImageError
        There is no such file, it may not be read, or it is no regular file.
    """
    with reading(), open_file(path) as stream:
        return stream.read()


def open_file(path: str | Path) -> BinaryIO:
    """Return the regular file *path*, opened; errors are those of `read_file`."""
    with reading(), ExitStack() as closed:
        # Opening a pipe would wait for somebody to write into it.
        stream = open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK))  # noqa: SIM115
        closed.push(stream)
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise ImageError("is not a regular file; accepted: a file, or - for standard input")
        closed.pop_all()
        return stream


@contextmanager
def reading() -> Iterator[None]:
    """Turn what the system says of a file that cannot be read into an ImageError."""
    try:
        yield
    except ImageError:  # a ValueError, too
        raise
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        raise ImageError(f"cannot be read: {getattr(error, 'strerror', None) or error}") from error


@contextmanager
def opened(source: Source) -> Iterator[tuple[BinaryIO, str]]:
    """Yield (a seekable stream at its start, a name for messages); closes what it opened.

    Every ImageError raised inside is given the name in front.
    """
    with named(source) as name:
        if isinstance(source, (bytes, bytearray, memoryview)):
            yield io.BytesIO(source), name
        elif isinstance(source, (str, Path)):
            with _open(Path(source)) as stream:
                yield _seekable(stream), name
        else:
            yield _seekable(source), name


@contextmanager
def named(source: Source) -> Iterator[str]:
    """Yield what *source* is called in messages; every ImageError raised inside is given it in front."""
    name = _name(source)
    try:
        yield name
    except ImageError as error:
        raise type(error)(f"{name}: {error}") from error.__cause__
    except OSError as error:  # what codecs raise is an ImageError by now: this is the disk or the network
        raise ImageError(f"{name}: cannot be read: {error.strerror or error}") from error


def _name(source: Source) -> str:
    if isinstance(source, (str, Path)):
        return shown(source)
    name = getattr(source, "name", None)
    if name == "<stdin>" or name == 0:
        return "standard input"
    return name if isinstance(name, str) else "image"


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except IsADirectoryError as error:
        raise ImageError("is a folder, no image; name a file in it") from error
    except FileNotFoundError as error:
        raise ImageError("no such file") from error
    except PermissionError as error:
        raise ImageError("may not be read: permission denied") from error
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        raise ImageError(f"cannot be opened: {getattr(error, 'strerror', None) or error}") from error


def _seekable(stream: BinaryIO) -> BinaryIO:
    try:
        return stream if stream.seekable() else io.BytesIO(stream.read())
    except OSError as error:
        raise ImageError(f"cannot be read: {error.strerror or error}") from error


def decoder(stream: BinaryIO, name: str) -> tuple[str, Decoder]:
    """Return (format, its decoder) by the content of *stream*, which is left at its start.

    Modules are imported here, so that a run over PNG files never loads the TIFF library.

    Raises
    ------
    ImageError
        The file is empty.
    """
    head = stream.read(4096)
    stream.seek(0)
    if not head:
        raise ImageError("is empty (0 bytes)")
    format = _sniff(head, Path(name).suffix.lower())
    return format, cast(Decoder, import_module(f"filterbank.imagefile.formats.{format}"))


def _sniff(head: bytes, extension: str) -> str:
    for format, magics in _MAGIC:
        if head.startswith(magics):
            return format
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":  # WebP begins so too
        return "wav"
    return "table" if _is_table(head, extension) else "pillow"


def _is_table(head: bytes, extension: str) -> bool:
    """Return whether *head* is text that starts with a number, or text under a table's name."""
    if b"\0" in head:
        return False
    first = re.split(rb"[,;\t\r\n]", head.removeprefix(b"\xef\xbb\xbf").lstrip(), maxsplit=1)[0]
    try:
        float(first)
    except ValueError:
        return extension in _TABLES
    return True
