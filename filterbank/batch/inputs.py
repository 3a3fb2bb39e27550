"""What IMAGE... means: files, folders, globs and lists become one ordered list of sources."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from filterbank.errors import ImageError, RequestError, shown
from filterbank.imagefile.source import is_array, open_file, read_file
from filterbank.record import record

STANDARD_INPUT = "-"

_FILE = "file://"
_SCHEME = re.compile("[A-Za-z][A-Za-z0-9+.-]*://")
_EVERY_FILE = ("**", "*")
_BOM = b"\xef\xbb\xbf"  # what some editors put before UTF-8
_USUAL = (".png", ".jpg", ".tif", ".npy")  # named where no image was found


@record(frozen=True)
class Source:
    """One image to come: a path, or the bytes that standard input gave.

    ``dir`` is the path below the folder given, empty for a file named outright. ``page`` is set
    where each page of a file is an image of its own. ``fault`` is what is wrong with a folder that
    was to be searched: it stands for the images that were not found there. ``place`` is where the file
    is read from, where that is not its ``path``.
    """

    path: str
    dir: str = ""
    data: bytes | None = field(default=None, repr=False)
    page: int | None = None
    fault: str = ""
    place: str = field(default="", repr=False)

    @cached_property
    def stem(self) -> str:
        """The file's name without its extension; a page of several adds its number."""
        return PurePosixPath(self._file).stem + self._page

    @cached_property
    def name(self) -> str:
        """The file's name with its extension."""
        return self.stem + PurePosixPath(self._file).suffix

    @property
    def called(self) -> str:
        """What its file is called in messages."""
        return shown(self.path) if self.data is None else "standard input"

    @property
    def shown(self) -> str:
        """What it is called in messages, with its page."""
        return self.called + ("" if self.page is None else f", page {self.page}")

    @property
    def is_array(self) -> bool:
        """Whether it is a folder that is one image: an array of the zarr library."""
        place = self.place or self.path
        return self.data is None and not is_url(place) and is_array(place)

    def read(self) -> bytes:
        """Return the file's bytes.

        Raises
        ------
        ImageError
            There is no such file, it cannot be read, or it is no file but a pipe or a device.
        """
        if self.fault:
            raise ImageError(self.fault)
        if self.data is not None:
            return self.data
        place = self.place or self.path
        if is_url(place):
            from filterbank.batch import places  # noqa: PLC0415 - for those who have any

            return places.read(place)
        return read_file(place)

    def opened(self) -> BinaryIO:
        """Return the file, open; errors are those of `read`."""
        if self.fault or self.data is not None:
            return io.BytesIO(self.read())
        place = self.place or self.path
        return io.BytesIO(self.read()) if is_url(place) else open_file(place)

    @property
    def _file(self) -> str:
        return "stdin" if self.data is not None else self.path

    @property
    def _page(self) -> str:
        return "" if self.page is None else f"-{self.page}"


def is_url(text: str) -> bool:
    """Return whether *text* names something in a store; ``file://`` names a path.

    >>> is_url("s3://bucket/a.png"), is_url("file:///scans/a.png"), is_url("a.png")
    (True, False, False)
    """
    return "://" in text and bool(_SCHEME.match(text)) and not text.startswith(_FILE)


def path_of(text: str) -> str:
    """Return the path that ``file://`` stands before, and anything else as it is.

    >>> path_of("file:///scans/a.png"), path_of("a.png")
    ('/scans/a.png', 'a.png')
    """
    return text.removeprefix(_FILE)


def natural(text: str) -> tuple[tuple[tuple[int, int, str], ...], str]:
    """Return the key that sorts *text* as people count: 2 before 10, capitals beside small letters.

    >>> sorted(["b10", "b2", "A1"], key=natural)
    ['A1', 'b2', 'b10']
    """
    parts = re.split(r"([0-9]+)", text.casefold())
    return tuple((0, int(p), "") if i % 2 else (1, 0, p) for i, p in enumerate(parts) if p), text


def collect(
    arguments: Sequence[str],
    *,
    extensions: Iterable[str],
    listed: bytes | None = None,
    standard_input: bytes | None = None,
    out: str | None = None,
) -> list[Source]:
    """Return the images that *arguments* name, in order, each file once; last, folders not searched.

    Parameters
    ----------
    arguments
        Files, folders (searched through, sorted naturally), globs (``**`` too) or ``-``.
    extensions
        What files of a folder or glob must end with, with the dot, in small letters.
    listed
        The content of a list of files: one a line, or NUL between them.
    standard_input
        The image that ``-`` means.
    out
        The folder for maps; where it lies inside a folder that is searched, it is left out.

    Raises
    ------
    RequestError
        The list is empty, or a name in it.

    Examples
    --------
    >>> [source.stem for source in collect(["b.png", "a.png", "./b.png"], extensions=[".png"])]
    ['b', 'a']
    """
    search = _Search(frozenset(extensions), out)
    found: dict[str, Source] = {}
    for argument in arguments:
        if argument == STANDARD_INPUT:
            found.setdefault("", Source(STANDARD_INPUT, data=standard_input or b""))
            continue
        for source in search.named(argument):
            found.setdefault(_place(source.place or source.path), source)
    for path in _lines(listed or b""):
        for source in search.outright(path):
            found.setdefault(_place(source.place or source.path), source)
    if not found and search.faults:
        first = next(iter(search.faults.values()))
        raise RequestError(f"{first.shown}: {first.fault}; no images found elsewhere")
    if not found:
        places = ", ".join(shown(argument) for argument in arguments) or "the list of files"
        usual = " ".join(end for end in _USUAL if end in search.extensions)
        raise RequestError(
            f"no images found in {places}; accepted: image files such as {usual}, folders of them, "
            "globs, -; see filterbank apply --help"
        )
    return [*found.values(), *search.faults.values()]


def shard(sources: Sequence[Source], part: int, parts: int) -> slice:
    """Return where the *part*-th of *parts* equal parts of *sources* stands, from 1; sizes differ by one.

    >>> [shard([Source("a.png")] * 7, part, 3) for part in (1, 2, 3)]
    [slice(0, 2, None), slice(2, 4, None), slice(4, 7, None)]
    """
    return slice(len(sources) * (part - 1) // parts, len(sources) * part // parts)


def _lines(listed: bytes) -> Iterator[str]:
    # A name may hold a newline but never a NUL, so one NUL settles what lies between names.
    separator = b"\0" if b"\0" in listed else b"\n"
    for line in listed.removeprefix(_BOM).split(separator):
        path = line.removesuffix(b"\r") if separator == b"\n" else line
        if path:
            yield os.fsdecode(path)


def _place(path: str) -> str:
    if is_url(path):
        return path
    # Not resolve(): a link and its target are two images with two names.
    return os.path.abspath(path)


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


@record(frozen=True)
class _Search:
    extensions: frozenset[str]
    out: str | None
    faults: dict[str, Source] = field(default_factory=dict)

    def named(self, argument: str) -> Iterator[Source]:
        """Yield the sources of one argument: itself, or what its wildcards match."""
        if not argument:
            raise RequestError("IMAGE: found an empty name; accepted: a file, a folder, a glob or -")
        if is_url(argument):
            yield from self._at(argument)
            return
        argument = path_of(argument)
        if os.path.lexists(argument) or not _is_magic(argument):
            yield from self.outright(argument)
            return
        parts = Path(argument).parts
        fixed = next(i for i, part in enumerate(parts) if _is_magic(part))
        root = str(Path(*parts[:fixed]))
        for path in self._matches(root, parts[fixed:]):
            if not os.path.isdir(path) or is_array(path):  # unlike Path.is_dir() it raises nothing
                yield from self._below(root, [path])
            elif "**" not in parts:
                yield from self._below(root, self._matches(path, _EVERY_FILE))

    def outright(self, path: str) -> Iterator[Source]:
        """Yield the file of this name, or the images of the folder of this name."""
        if is_url(path):
            yield from self._at(path, is_literal=True)
            return
        path = path_of(path)
        if os.path.isdir(path) and not is_array(path):
            yield from self._below(path, self._matches(path, _EVERY_FILE))
        else:
            yield Source(path)

    def _at(self, url: str, *, is_literal: bool = False) -> Iterator[Source]:
        """Yield the images that *url* means."""
        from filterbank.batch import places  # noqa: PLC0415 - for those who have any

        found = places.search(url, self.extensions, self.out, is_literal=is_literal)
        for place, folder in sorted(found, key=lambda each: _by_parts(each[0])):
            path = places.without_secrets(place)
            yield Source(path, folder, place="" if path == place else place)

    def _below(self, root: str, paths: Iterable[str]) -> Iterator[Source]:
        for path in paths:
            is_named = PurePosixPath(path).suffix.lower() in self.extensions
            if (is_named and _is_file(path)) or is_array(path):
                folder = os.path.relpath(Path(path).parent, root)
                yield Source(path, "" if folder == "." else folder)

    def _matches(self, root: str, pattern: Sequence[str]) -> list[str]:
        here = _identity(root)
        seen = () if here is None else (here,)
        return sorted(set(self._expand(root, tuple(pattern), seen)), key=_by_parts)

    def _expand(
        self, folder: str, pattern: tuple[str, ...], seen: tuple[tuple[int, int], ...]
    ) -> Iterator[str]:
        """Yield what *pattern* matches below *folder*; *seen* are the folders on the way down."""
        head, rest = pattern[0], pattern[1:]
        if not _is_magic(head):
            path = str(Path(folder, head))
            if os.path.exists(path):
                yield from self._expand(path, rest, seen) if rest else (path,)
            return
        if head == "**" and rest:
            yield from self._expand(folder, rest, seen)
        for path, name, is_any_folder in self._entries(folder):
            is_folder = is_any_folder and not is_array(path)
            here = _identity(path) if is_folder else None
            if is_folder and here is None:
                self._miss(path, "may not be entered")
                continue
            if is_folder and (here in seen or self._is_out(here)):
                continue  # our own maps, or a link back to where we come from
            if head == "**":
                if not rest and not name.startswith("."):
                    yield path
                if here is not None:
                    yield from self._expand(path, pattern, (*seen, here))
            elif fnmatchcase(name, head) and (head.startswith(".") or not name.startswith(".")):
                if not rest:
                    yield path
                elif here is not None:
                    yield from self._expand(path, rest, (*seen, here))

    def _is_out(self, here: tuple[int, int] | None) -> bool:
        # Asked each time: another run may have made the folder since the search began.
        return self.out is not None and here is not None and here == _identity(self.out)

    def _entries(self, folder: str) -> list[tuple[str, str, bool]]:
        """Return (path, name, whether it is a folder) of what *folder* holds, without hidden folders."""
        try:
            with os.scandir(folder) as entries:
                found = [(str(Path(folder, entry.name)), entry.name, _is_folder(entry)) for entry in entries]
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            self._miss(folder, error.strerror or str(error))
            return []
        return [entry for entry in found if not (entry[2] and entry[1].startswith("."))]

    def _miss(self, folder: str, why: str) -> None:
        """Note a folder whose images, if there are any, cannot be found."""
        self.faults.setdefault(_place(folder), Source(folder, fault=f"folder cannot be read: {why}"))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    # A link that leads to itself makes entry.is_dir() raise, os.path.isdir() not.
    return entry.is_dir(follow_symlinks=False) or (entry.is_symlink() and os.path.isdir(entry.path))


def _is_file(path: str) -> bool:
    """Return whether *path* is a file, or a link to nothing: that one is to be reported, not passed over."""
    return os.path.isfile(path) or not os.path.exists(path)


def _by_parts(path: str) -> list[tuple[tuple[tuple[int, int, str], ...], str]]:
    return [natural(part) for part in Path(path).parts]


def _is_magic(text: str) -> bool:
    return any(c in text for c in "*?[")
