"""Images under a cap on memory: whole where they fit, else in bands of rows."""

from __future__ import annotations

from itertools import islice

from filterbank.batch import work
from filterbank.batch.banded.source import Course, entered, preview
from filterbank.batch.banded.walk import Walk
from filterbank.batch.decoded import digest
from filterbank.batch.inputs import Source
from filterbank.batch.job import Job
from filterbank.batch.manifest import MapRecord, Record
from filterbank.batch.maps import Written
from filterbank.batch.pool import Crew
from filterbank.batch.toned import Shared
from filterbank.imagefile import tone
from filterbank.imagefile.tone import Extremes

__all__ = ["Course", "extremes", "preview", "records"]


def records(
    job: Job, source: Source, crew: Crew, shared: Shared | None, written: list[Written]
) -> list[Record]:
    """Write all maps of *source* within the memory there is; return its lines for the manifest.

    Raises
    ------
    FilterbankError, OSError
        It cannot be read or written, or does not fit; files that are there already stand in *written*.
    """
    with entered(job, source, crew) as course:
        if course.is_whole:
            return work.whole(job, source, crew, shared, written)
        began = job.clock()
        sha256 = digest(source)
        if shared is None and job.needs_extremes:
            shared = _extremes(job, course, crew)
        names = iter(job.namer.names(source))
        found = []
        walks = iter(_walks(job, course, crew))
        for bank in job.banks:
            done: list[MapRecord] = []
            for walk in islice(walks, len(job.layers(bank))):
                count = 1 if job.settings.stack else len(walk.todo.bank.layer.outputs)
                done += walk.write(list(islice(names, count)), shared or {}, written)
            ended = job.clock()
            seconds = round(ended - began, 6)
            found.append(work.record(job, source, course.info, sha256, bank, tuple(done), seconds))
            began = ended
        return found


def extremes(job: Job, source: Source, crew: Crew) -> dict[str, Extremes]:
    """Return the extremes of *source*'s maps for each resolved range; nothing is written."""
    with entered(job, source, crew) as course:
        if course.is_whole:
            return work.image_extremes(job, work.decode(job, source).image, crew)
        return _extremes(job, course, crew)


def _extremes(job: Job, course: Course, crew: Crew) -> dict[str, Extremes]:
    found: dict[str, Extremes] = {}
    for walk in _walks(job, course, crew):
        for output, own in zip(walk.todo.bank.layer.outputs, walk.extremes(), strict=True):
            kind = tone.resolve(job.settings.range, output).kind
            found[kind] = tone.merge(found.get(kind, tone.EMPTY), own)
    return found


def _walks(job: Job, course: Course, crew: Crew) -> list[Walk]:
    return [Walk(job, todo, rows, crew) for todo, rows in zip(course.todos, course.rows, strict=True)]
