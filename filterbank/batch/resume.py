"""Whether an image is done already: by the manifest, by its own bytes, and by what its maps' files say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Protocol

from filterbank.batch import claims
from filterbank.batch.decoded import digest
from filterbank.batch.inputs import Source
from filterbank.batch.job import Job
from filterbank.batch.ledger import Entry
from filterbank.errors import GeometryError, ImageError
from filterbank.geometry import Pair
from filterbank.imagefile import tone
from filterbank.imagefile.glance import glance
from filterbank.imagefile.maptext import MapText
from filterbank.imagefile.tone import Extremes
from filterbank.model import Bank
from filterbank.record import record


class Known(Protocol):
    """What can tell of files: a ledger, or what it tells of one image."""

    def find(self, files: Iterable[str]) -> Entry | None:
        """Return the entry that names just these *files*, in order, and is the last to name any."""


@record(frozen=True)
class Excerpt:
    """What a ledger tells of one image, small enough to be sent."""

    entries: Mapping[tuple[str, ...], Entry | None]

    def find(self, files: Iterable[str]) -> Entry | None:
        """Return the entry that names just these *files*."""
        return self.entries.get(tuple(files))


def excerpt(job: Job, ledger: Known, source: Source) -> Excerpt:
    """Return all that *ledger* tells of *source*."""
    return Excerpt({tuple(files): ledger.find(files) for _, files in _files(job, source)})


def find_done(
    job: Job, ledger: Known, source: Source, shared: dict[str, Extremes] | None = None
) -> tuple[Entry, ...] | None:
    """Return what the manifest tells of *source* where all that would be written stands there; else None.

    What costs least is asked first: *ledger*, then the maps' files, then the image's bytes.
    *shared* are the extremes that the whole batch shares, where it does.
    """
    if source.fault:
        return None
    every = job.namer.names(source)
    if job.remote is None and Path(job.out, claims.name_of(every)).exists():
        return None  # it was in hand when a run ended: its maps may be of two runs
    options = job.settings.recorded(job.reading(source).page)
    entries = []
    for bank, files in _files(job, source):
        entry = ledger.find(files)
        if entry is None or entry.digest != bank.digest or entry.options != options:
            return None
        if shared is not None and not _has_scales(job, bank, entry, shared):
            return None
        entries.append((bank, entry))
    if not all(_is_whole(job, bank, entry) for bank, entry in entries):
        return None
    try:
        found = digest(source)
    except ImageError:
        return None  # applying it will say why
    return (
        tuple(entry for _, entry in entries) if all(entry.sha256 == found for _, entry in entries) else None
    )


def _files(job: Job, source: Source) -> Iterator[tuple[Bank, list[str]]]:
    """Yield each bank and the files of its maps of *source*."""
    names = iter(job.namer.names(source))
    for bank in job.banks:
        layers = job.layers(bank).values()
        yield (
            bank,
            list(islice(names, sum(1 if job.settings.stack else len(each.outputs) for each in layers))),
        )


def _has_scales(job: Job, bank: Bank, entry: Entry, shared: dict[str, Extremes]) -> bool:
    """Return whether the maps of *entry* have the scales that the batch has now."""
    settings = job.settings
    assert settings.top is not None
    outputs = [output for layer in job.layers(bank).values() for output in layer.outputs]
    for output, scale in zip(outputs, entry.scales, strict=False):
        kind = tone.resolve(settings.range, output).kind
        if kind in shared:
            now = tone.choose(settings.range, output, shared[kind], settings.top)
            if scale != (now.lo, now.hi):
                return False
    return True


def _is_whole(job: Job, bank: Bank, entry: Entry) -> bool:
    """Return whether the files of *entry* are there, whole, and say that they are what it says."""
    try:
        sizes = _sizes(bank, entry.size)
        maps = iter(zip(entry.filters, entry.scales, strict=True))
        counts = [len(layer.outputs) for layer in job.layers(bank).values()]
        counts = counts if job.settings.stack else [1] * sum(counts)
        for file, count in zip(entry.files, counts, strict=True):
            if job.remote is None:
                seen = glance(Path(job.out, file), stack=job.settings.stack)
            else:
                seen = job.remote.glance(file, stack=job.settings.stack)
            if (seen.format, seen.count) != (job.settings.extension, count) or not seen.sizes <= sizes:
                return False
            said = [(text.filter, text.digest, _ends(text)) for text in seen.texts]
            told = [(name, entry.digest, ends) for name, ends in islice(maps, count)]
            if seen.texts and said != told:
                return False
    except (ImageError, GeometryError, TypeError, ValueError):
        # The last two: a line that was not written by this program.
        return False
    return True


def _ends(text: MapText) -> tuple[float | None, float | None]:
    return (None, None) if text.scale is None else (text.scale.lo, text.scale.hi)


def _sizes(bank: Bank, size: Pair) -> set[Pair]:
    """Return the (H2, W2) of each layer's maps on an image of *size*."""
    sizes = set()
    for layer in bank.stack.layers:
        geometry = layer.geometry(size)
        size = geometry.out_height, geometry.out_width
        sizes.add(size)
    return sizes
