"""A Job: everything that a run needs to know, checked before any work."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from filterbank import engine, imagefile
from filterbank.batch import claims, disk, inputs, lock, names
from filterbank.batch.decoded import Ahead
from filterbank.batch.inputs import Source
from filterbank.batch.manifest import Record
from filterbank.batch.names import MANIFEST, Namer
from filterbank.engine import METHODS, Machine
from filterbank.errors import FilterbankError, RequestError, shown
from filterbank.imagefile import ReadOptions, tone
from filterbank.imagefile.encode import EXTENSIONS, TOPS
from filterbank.imagefile.tone import RangeSpec
from filterbank.model import Bank, Layer
from filterbank.record import record

if TYPE_CHECKING:
    from filterbank.batch.budget import Budget
    from filterbank.batch.ledger import Ledger
    from filterbank.batch.remote import Remote

STANDARD_OUTPUT = "-"
ON_EXISTS = ("error", "skip", "overwrite")
RANGE_OVER = ("map", "image", "batch")


@record(frozen=True)
class Settings:
    """How images are read, applied and written; the defaults are the command's.

    ``overrides`` and ``filters`` only say, for the manifest, how the banks were changed.
    """

    template: str | None = None
    format: str = "png"
    stack: bool = False
    all_layers: bool = False
    range: RangeSpec = field(default_factory=RangeSpec)
    range_over: str = "map"
    method: str = "auto"
    on_exists: str = "error"
    resume: bool = False
    fail_fast: bool = False
    fsync: bool = False
    linear: bool = False
    compress: str = "fast"
    reading: ReadOptions = field(default_factory=ReadOptions)
    overrides: tuple[tuple[str, str], ...] = ()
    filters: tuple[str, ...] = ()

    @property
    def top(self) -> int | None:
        """The largest code of the files, None for float32."""
        return TOPS[self.format]

    @property
    def extension(self) -> str:
        """The extension of the files: a stack of codes is a TIFF, too."""
        return "tiff" if self.stack and self.format not in ("npy", "wav") else EXTENSIONS[self.format]

    def recorded(self, page: int) -> dict[str, Any]:
        """Return every option that changes a result, for the manifest."""
        return {
            "overrides": dict(self.overrides),
            "filter": list(self.filters),
            "format": self.format,
            "stack": self.stack,
            "all_layers": self.all_layers,
            "range": str(self.range),
            "range_over": self.range_over,
            "method": self.method,
            "page": page,
            "layout": self.reading.layout,
            "linear": self.linear,
            "compress": self.compress,
            "orient": self.reading.orient,
        }


@record(frozen=True, eq=False)
class Job:
    """A checked run: the images, the banks, and where each map goes.

    ``done`` are the numbers of the sources that are skipped because their maps exist; ``ledger`` is
    what the manifest shows as done where a run is resumed; ``shard`` is the part of the whole list that
    the sources are, I of N; ``cluster`` names the one that works instead of this process, ``remote`` is the
    folder for maps where it is in a store; ``stream`` takes the one map where ``out`` is ``-``; ``ahead`` is
    an image that is being decoded already; ``budget`` is the memory that all images share where it has a
    limit.
    """

    sources: tuple[Source, ...]
    banks: tuple[Bank, ...]
    out: str
    settings: Settings
    namer: Namer
    folders: tuple[str, ...] = ()
    done: frozenset[int] = frozenset()
    ledger: Ledger | None = None
    shard: tuple[int, int] = lock.WHOLE
    jobs: int = 1
    stream: BinaryIO | None = None
    cluster: str | None = None
    remote: Remote | None = None
    ahead: Ahead | None = None
    budget: Budget | None = None
    clock: Callable[[], float] = time.perf_counter
    machine: Machine = field(default_factory=engine.machine)

    @property
    def manifest(self) -> Path:
        """The path of the manifest."""
        return Path(self.out, MANIFEST)

    @property
    def needs_extremes(self) -> bool:
        """Whether maps share a scale that depends on their values."""
        settings = self.settings
        return (
            settings.top is not None
            and settings.range_over != "map"
            and any(
                tone.resolve(settings.range, output).needs_extremes
                for bank in self.banks
                for layer in self.layers(bank).values()
                for output in layer.outputs
            )
        )

    def layers(self, bank: Bank) -> dict[int, Layer]:
        """Return the layers of *bank* whose maps are written, by their number from 1."""
        return _written(bank, self.settings)

    def reading(self, source: Source) -> ReadOptions:
        """Return how *source* is read."""
        reading = self.settings.reading
        return reading if source.page is None else replace(reading, page=source.page)


@record(frozen=True)
class ImageDone:
    """All maps of an image are written; one record a bank."""

    source: Source
    records: tuple[Record, ...]


@record(frozen=True)
class ImageFailed:
    """An image of which no map was written, and why."""

    source: Source
    reason: str


@record(frozen=True)
class ImageSkipped:
    """An image whose maps exist already, or are done as the manifest shows; then it tells of clipped ones."""

    source: Source
    clipped: tuple[tuple[str, float], ...] = ()


@record(frozen=True)
class Notice:
    """Something about the run, not about an image, that its user should know."""

    text: str


Event = ImageDone | ImageFailed | ImageSkipped | Notice


def make(
    sources: Sequence[Source],
    banks: Sequence[Bank],
    out: str,
    settings: Settings | None = None,
    *,
    jobs: int | None = None,
    stream: BinaryIO | None = None,
    shard: tuple[int, int] = lock.WHOLE,
    cluster: str | None = None,
    max_memory: int | None = None,
) -> Job:
    """Return the checked job of applying *banks* to *sources* with maps below *out*.

    Nothing is written. With *out* ``-`` the one map goes to *stream*. Of all *sources* none may clash,
    but only part I of N equal ones is the job's, *shard* being (I, N). *max_memory* is the cap on the
    resident memory of the process.

    Raises
    ------
    RequestError
        Maps would share a file, overwrite an image, exist already, or the folder is a file; or a
        setting is unknown; or another run is writing there.
    """
    settings = settings or Settings()
    _check_settings(settings)
    if cluster is not None:
        from filterbank.batch import cluster as clusters  # noqa: PLC0415 - an extra

        clusters.check(cluster, jobs, out)
    workers = jobs or len(os.sched_getaffinity(0))
    if workers < 1:
        raise RequestError(f"--jobs {workers}; accepted: 1 or more workers")
    layers = [
        (bank.name, {number: layer.maps for number, layer in _written(bank, settings).items()})
        for bank in banks
    ]
    namer = names.namer(
        settings.template,
        layers,
        stack=settings.stack,
        ext=settings.extension,
        out=out.rstrip("/") if inputs.is_url(out) else os.path.normpath(out),
    )
    sources = sorted(sources, key=lambda source: bool(source.fault))
    part = inputs.shard(sources, *shard)
    budget = None if max_memory is None else _budget(max_memory, cluster, out)
    job = Job(
        tuple(sources[part]),
        tuple(banks),
        namer.out,
        settings,
        namer,
        shard=shard,
        jobs=workers,
        stream=stream,
        cluster=cluster,
        budget=budget,
    )
    if shard[1] > 1 and settings.range_over == "batch" and job.needs_extremes:
        raise RequestError(
            f"--shard {shard[0]}/{shard[1]} with --range-over batch: found a scale that depends on "
            "all images; accepted: --range LO:HI, which all parts share, or another --range-over"
        )
    if out == STANDARD_OUTPUT and settings.resume:
        raise RequestError("--resume with --out -: there is no manifest to go by; accepted: one of them")
    if out == STANDARD_OUTPUT:
        count = len(job.sources) * len(namer.targets)
        if count != 1:
            raise RequestError(
                f"--out -: found {count} maps; accepted: exactly one, from one image and one filter; "
                "choose it with --filter, take --stack, or give a folder"
            )
        return job
    if not out:
        raise RequestError("--out: found an empty name; accepted: a folder, new or existing, or -")
    if inputs.is_url(out):
        return _in_store(job, sources, part)
    # In this order: another run may make the folder in between.
    if os.path.lexists(out) and not disk.is_folder(out):
        raise RequestError(f"--out {shown(out)}: is a file; accepted: a folder, new or existing, or -")
    below = Path(namer.out)
    # The claims before the files: a run that is alive adds files, and its claim goes last.
    claimed = claims.pending(below)
    ledger = _known(job) if settings.resume else None
    # What could not be searched has no maps; it stands last, so that the numbers stay.
    searched = [each for each in sources if not each.fault]
    try:
        places = names.check(namer, searched, settings.on_exists, part, ledger or ())
    except RequestError:
        lock.check(below, shard)  # what is in the way may be maps of a run that is not over
        raise
    # Of a claimed image all maps may be there, but not its line in the manifest.
    done = {n for n in places.done if claims.name_of(namer.names(job.sources[n])) not in claimed}
    return replace(job, folders=places.folders, done=frozenset(done), ledger=ledger)


def _in_store(job: Job, sources: Sequence[Source], part: slice) -> Job:
    """Return *job* with its maps in a store, checked."""
    from filterbank.batch import remote as remotes  # noqa: PLC0415 - for those who have any

    on_exists = job.settings.on_exists
    remote = remotes.prepare(job.out, keeps=on_exists == "skip", merges=job.shard == lock.WHOLE)
    ledger = remote.known() if job.settings.resume else None
    names.check(job.namer, [each for each in sources if not each.fault], on_exists, part, ledger or ())
    searched = [each for each in job.sources if not each.fault]
    done = remotes.check_existing(remote, job.namer, searched, on_exists, ledger)
    return replace(job, remote=remote, done=done, ledger=ledger)


def _budget(max_memory: int, cluster: str | None, out: str) -> Budget:
    if cluster is not None or inputs.is_url(out):
        other = "--cluster" if cluster is not None else "a URL for --out"
        raise RequestError(
            f"--max-memory with {other}: it caps this process alone, writing to a disk; accepted: one of them"
        )
    from filterbank.batch.budget import Budget, return_at_once  # noqa: PLC0415 - for runs with a cap

    budget = Budget(max_memory)
    return_at_once()
    _ = budget.own  # a cap below that is refused now
    return budget


def _known(job: Job) -> Ledger:
    """Return what the manifest shows, with the files that claims tell of."""
    from filterbank.batch import ledger  # noqa: PLC0415 - a short run imports little

    made = claims.made(Path(job.out))  # before the manifest: a run that is alive claims, then tells
    return ledger.read(job.manifest, made)


def each_page(sources: Iterable[Source]) -> list[Source]:
    """Return *sources* with every page of a file of several as a source of its own.

    A file whose pages cannot be counted stays one source; reading it will tell why.
    """
    pages: list[Source] = []
    for source in sources:
        try:
            with source.opened() as stream:
                count = imagefile.count_pages(stream)
        except FilterbankError:
            count = 1
        pages += [source] if count == 1 else [replace(source, page=page) for page in range(count)]
    return pages


def _written(bank: Bank, settings: Settings) -> dict[int, Layer]:
    every = dict(enumerate(bank.stack.layers, 1))
    return every if settings.all_layers else dict([every.popitem()])


def _check_settings(settings: Settings) -> None:
    for name, found, accepted in (
        ("--format", settings.format, tuple(EXTENSIONS)),
        ("--range-over", settings.range_over, RANGE_OVER),
        ("--method", settings.method, METHODS),
        ("--on-exists", settings.on_exists, ON_EXISTS),
    ):
        if found not in accepted:
            raise RequestError(f"{name} {found}; accepted: {', '.join(accepted)}")
    if settings.resume and settings.on_exists == "skip":
        raise RequestError(
            "--resume with --on-exists skip: found two ways to go on; accepted: --resume, which does again "
            "what is not whole or not of this request, or skip alone, which leaves alone all that exists"
        )
    if settings.stack and settings.format == "csv":
        raise RequestError(
            "--stack with --format csv: a csv holds one map; accepted: npy, tiff, wav, png, png16"
        )
