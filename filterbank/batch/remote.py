"""Maps and manifest in a store: each object whole or not there, and a manifest where nothing can be appended.

While a run works, ``manifest.runs/RUN/`` has two objects an image: its claim, and then its lines. When the
run ends the lines become one object, ``manifest.runs/RUN.jsonl``. Runs are numbered; of two lines that name
a file the later run's counts. ``manifest.jsonl`` is made of all of them.
"""

from __future__ import annotations

import io
import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO

from filterbank.batch import ledger, places
from filterbank.batch.claims import name_of
from filterbank.batch.inputs import Source
from filterbank.batch.ledger import Ledger
from filterbank.batch.manifest import Record
from filterbank.batch.names import MANIFEST, Namer
from filterbank.errors import FilterbankError, ImageError, OutputError, RequestError, shown
from filterbank.imagefile.glance import Glance, glance_at
from filterbank.record import record

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

# Where an object appears whole when all its bytes are there, or not at all.
WHOLE = ("s3", "s3a", "gs", "gcs", "memory")

_RUNS = "manifest.runs"
_PART = re.compile(r"([0-9]{6,}-[0-9a-f]{8})(?:\.jsonl|/[0-9a-f]{16}\.(?:claim|jsonl))")
_MARK = "run"  # the first object of a run: that it may write is found out before any work
_CHUNK = 500  # objects fetched together
_BLOCK = 1 << 14  # bytes fetched at once where a map's pixels are stepped over


@record(frozen=True)
class Remote:
    """The folder for maps at *url*, and the *run* that writes there.

    ``keeps`` says that maps that exist stay as they are, ``merges`` that the run makes the manifest of all.
    """

    url: str
    run: str
    keeps: bool = False
    merges: bool = True

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Keep the run's mark while the block runs, and then make its part of the manifest one object.

        Raises
        ------
        OutputError
            Nothing can be written there.
        """
        self._put(f"{_RUNS}/{self.run}/{_MARK}", b"")
        merges = False
        try:
            yield
            merges = self.merges
        finally:
            self._end(merges=merges)

    @contextmanager
    def writing(self, name: str) -> Iterator[BinaryIO]:
        """Yield a stream whose bytes become the map *name* when the block ends well.

        Raises
        ------
        OutputError
            It cannot be written; what was there before still is.
        """
        stream = io.BytesIO()
        yield stream
        if not (self.keeps and self._exists(name)):
            self._put(name, stream.getvalue())

    def claim(self, names: Sequence[str]) -> None:
        """Put a claim on the maps *names* of one image; its lines will void it."""
        absent = [name for name in names if not (self.keeps and self._exists(name))]
        self._put(self._part(names, "claim"), json.dumps({"claim": absent}).encode("ascii") + b"\n")

    def record(self, names: Sequence[str], records: Iterable[Record]) -> None:
        """Put the lines of the image whose maps are *names*.

        Raises
        ------
        OutputError
            They cannot be written.
        """
        lines = b"".join(record.line().encode("ascii") + b"\n" for record in records)
        self._put(self._part(names, "jsonl"), lines)

    def release(self, names: Sequence[str]) -> None:
        """Take the claim on the maps *names* away: their image has failed."""
        self.remove([self._part(names, "claim")])

    def remove(self, names: Sequence[str]) -> None:
        """Remove the objects *names* as far as they are there."""
        fs, root = self._opened()
        for name in names:
            with suppress(FilterbankError), places.reaching(self.url, OutputError):
                fs.rm_file(f"{root}/{name}")

    def undo(self, names: Sequence[str]) -> None:
        """Remove those maps *names* of one image that its claim names, and then the claim."""
        fs, root = self._opened()
        claim = self._part(names, "claim")
        with suppress(FilterbankError), places.reaching(self.url, OutputError):
            self.remove([*json.loads(fs.cat_file(f"{root}/{claim}"))["claim"], claim])

    def names(self) -> set[str]:
        """Return the names of all objects there, relative to the folder.

        Raises
        ------
        RequestError
            They cannot be listed.
        """
        fs, root = self._opened()
        with places.reaching(self.url, RequestError), suppress(FileNotFoundError):
            return {str(found).removeprefix(root).lstrip("/") for found in fs.find(root)}
        return set()

    def glance(self, name: str, *, stack: bool) -> Glance:
        """Return what the map *name* says of itself, fetching little of it.

        Raises
        ------
        ImageError
            It is not there, or it is no map.
        """
        fs, root = self._opened()
        with (
            places.reaching(f"{self.url}/{name}", ImageError),
            fs.open(f"{root}/{name}", "rb", block_size=_BLOCK, cache_type="bytes") as stream,
        ):
            return glance_at(stream, Path(name).suffix, stack=stack)

    def known(self) -> Ledger:
        """Return what the manifest shows, with the files of images that were in hand as claimed."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, MANIFEST)
            with path.open("wb") as stream:
                claimed = self._gather(stream)
            return ledger.read(path, claimed)

    def _end(self, *, merges: bool) -> None:
        fs, root = self._opened()
        own = f"{root}/{_RUNS}/{self.run}"
        with places.reaching(self.url, OutputError), tempfile.TemporaryDirectory() as folder:
            path = Path(folder, MANIFEST)
            with path.open("wb") as stream:
                every = [path for path in fs.find(own) if not path.endswith(f"/{_MARK}")]
                claimed = self._fetch(fs, sorted(every), stream)
            if path.stat().st_size:
                fs.put_file(str(path), f"{own}.jsonl")
            if not claimed:  # else a worker may be alive, and the next run is to know
                fs.rm(own, recursive=True)
            if merges:
                with path.open("wb") as stream:
                    self._gather(stream)
                ledger.compact(path)
                if path.stat().st_size:
                    fs.put_file(str(path), f"{root}/{MANIFEST}")

    def _gather(self, stream: IO[bytes]) -> set[str]:
        """Write the lines of all runs, in order, to *stream*; return the maps that are claimed without."""
        fs, root = self._opened()
        with places.reaching(self.url, RequestError):
            every = [str(found).removeprefix(root).lstrip("/") for found in fs.find(f"{root}/{_RUNS}")]
            # A run's single object after its parts: where both are there, it was killed between the two.
            every.sort(
                key=lambda name: (name.removesuffix(".jsonl").split("/")[1], name.count("/") == 1, name)
            )
            return self._fetch(fs, [f"{root}/{name}" for name in every], stream)

    def _fetch(self, fs: AbstractFileSystem, paths: Sequence[str], stream: IO[bytes]) -> set[str]:
        claimed: set[str] = set()
        for first in range(0, len(paths), _CHUNK):
            # What another run has just made into one object is in that one.
            found = fs.cat(list(paths[first : first + _CHUNK]), on_error="omit")
            for path in paths[first : first + _CHUNK]:
                for line in found.get(path, b"").splitlines(keepends=True):
                    if line.startswith(b'{"claim"'):
                        claimed.update(json.loads(line)["claim"])
                    else:
                        stream.write(line)
                        if claimed:
                            claimed.difference_update(one["file"] for one in json.loads(line)["maps"])
        return claimed

    def _part(self, names: Sequence[str], kind: str) -> str:
        return f"{_RUNS}/{self.run}/{name_of(names)[1:17]}.{kind}"

    def _exists(self, name: str) -> bool:
        fs, root = self._opened()
        with places.reaching(self.url, OutputError):
            return bool(fs.exists(f"{root}/{name}"))

    def _put(self, name: str, data: bytes) -> None:
        fs, root = self._opened()
        with places.reaching(f"{self.url}/{name}", OutputError):
            fs.pipe_file(f"{root}/{name}", data)

    def _opened(self) -> tuple[AbstractFileSystem, str]:
        return places.opened(self.url)


def prepare(out: str, *, keeps: bool, merges: bool) -> Remote:
    """Return the folder for maps at the URL *out*, for a new run there.

    Raises
    ------
    RequestError
        No maps can be written to such a URL, or it cannot be reached.
    """
    scheme, url = out.partition("://")[0], out.rstrip("/")
    if places.without_secrets(url) != url:
        raise RequestError(
            f"--out {shown(places.without_secrets(url))}: found a user or a query in the URL; accepted: "
            "neither, and credentials where the store's own tools look for them, such as the environment"
        )
    if scheme not in WHOLE:
        raise RequestError(
            f"--out {shown(url)}: {scheme}:// cannot be written to whole; accepted: a folder, "
            + ", ".join(f"{each}://" for each in WHOLE)
        )
    fs, root = places.opened(url)
    with places.reaching(url, RequestError):
        runs = fs.ls(f"{root}/{_RUNS}", detail=False) if fs.isdir(f"{root}/{_RUNS}") else []
    parts = [str(path).rpartition("/")[2].partition("-")[0] for path in runs]
    numbers = [int(part) for part in parts if part.isdecimal()]
    return Remote(url, f"{max(numbers, default=0) + 1:06}-{os.urandom(4).hex()}", keeps, merges)


def check_existing(
    remote: Remote, namer: Namer, sources: Sequence[Source], on_exists: str, own: Ledger | None
) -> frozenset[int]:
    """Return the sources, by number, all of whose maps exist and stay.

    Raises
    ------
    RequestError
        A map that *own* does not tell of exists, and *on_exists* is ``error``.
    """
    there = remote.names() if on_exists != "overwrite" else set()
    done = set()
    for number, source in enumerate(sources):
        names = namer.names(source)
        foreign = [name for name in names if name in there and not (own and name in own)]
        if foreign and on_exists == "error":
            raise RequestError(
                f"{shown(f'{remote.url}/{foreign[0]}')} exists already; accepted: --on-exists skip or "
                f"--on-exists overwrite, {'' if own else '--resume, '}or another folder with -o"
            )
        if on_exists == "skip" and there.issuperset(names):
            done.add(number)
    return frozenset(done)
