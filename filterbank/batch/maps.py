"""A bank's maps into files, a whole file each, and what the manifest says of them."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from filterbank.batch.atomic import make_folder, write_whole
from filterbank.batch.job import Job
from filterbank.batch.manifest import MapRecord
from filterbank.batch.pool import Crew
from filterbank.batch.toned import Planned, Shared, Toned, toned
from filterbank.imagefile import encode, tone
from filterbank.imagefile.encode import NpyStack, TiffStack
from filterbank.imagefile.maptext import MapText
from filterbank.imagefile.png import Deflate, Parts
from filterbank.imagefile.tone import Scale
from filterbank.model import Bank
from filterbank.record import record

Written = tuple[str, int]  # a file, and its inode when it was written; in a store its name there, and 0


@record(frozen=True, eq=False)
class _Finished:
    """A map ready for its file: its pixels, the text beside them, and its line in the manifest."""

    pixels: NDArray[Any]
    text: MapText
    record: MapRecord


def write(
    job: Job, todo: Planned, files: list[str], shared: Shared, crew: Crew, written: list[Written]
) -> tuple[MapRecord, ...]:
    """Write the maps of *todo* to *files*, one each or all into one; return what the manifest says of them.

    A file stands in *written* once it is there, with its inode.
    """
    maps = toned(job, todo, shared, crew)
    if job.settings.stack:
        finished = (_finish(job, todo, one, files[0]) for one in maps)
        with destination(job, files[0], written) as stream:
            return tuple(_write_stack(job, todo, finished, stream))

    def write_one(item: tuple[Toned, str]) -> MapRecord:
        one, file = item
        crew.check()
        finished = _finish(job, todo, one, file)
        with destination(job, file, written) as stream:
            _write_map(job, finished, todo, stream, crew)
        return finished.record

    return tuple(crew.maps(write_one, zip(maps, files, strict=True), len(files)))


def _finish(job: Job, todo: Planned, one: Toned, file: str) -> _Finished:
    text = map_text(job, todo.bank, one.name, one.scale, one.srgb, one.clipped)
    record = map_record(todo.layer, one, one.pixels.size, file)
    return _Finished(one.pixels, text, record)


def map_text(job: Job, bank: Bank, name: str, scale: Scale | None, srgb: bool, clipped: int = 0) -> MapText:
    """Return what the file of a map says of it."""
    return MapText(
        filter=name,
        bank=bank.name,
        digest=bank.digest,
        scale=scale,
        range=str(job.settings.range),
        transfer="srgb" if srgb else "linear",
        clipped=clipped,
    )


def map_record(layer: int | None, one: Toned, size: int, file: str) -> MapRecord:
    """Return what the manifest says of a map of *size* values."""
    scale = one.scale
    return MapRecord(
        filter=one.name,
        file=file,
        lo=None if scale is None else scale.lo,
        hi=None if scale is None else scale.hi,
        zero=None if scale is None else scale.zero_code,
        min=one.told.minimum,
        max=one.told.maximum,
        mean=one.told.mean,
        clipped=one.clipped / size,
        negative=one.told.negative,
        method=one.method,
        layer=layer,
    )


def _write_map(job: Job, finished: _Finished, todo: Planned, stream: BinaryIO, crew: Crew) -> None:
    alpha = todo.alpha
    if job.settings.format == "npy":
        encode.write_npy(finished.pixels, stream, alpha)
    elif job.settings.format == "csv":
        encode.write_csv(finished.pixels, stream)
    elif job.settings.format == "wav":
        from filterbank.imagefile import wavfile  # noqa: PLC0415 - only runs that write WAV pay for it

        wavfile.write_wav(finished.pixels, finished.text, stream, todo.rate)
    elif job.settings.format == "tiff":
        encode.write_tiff(finished.pixels, finished.text, stream, alpha)
    else:
        encode.write_png(finished.pixels, finished.text, stream, alpha, _deflate(job, crew))


def _deflate(job: Job, crew: Crew) -> Deflate:
    if job.settings.compress == "fast":
        return crew.deflate
    from filterbank.imagefile.squeeze import squeeze  # noqa: PLC0415 - for the runs that ask for it

    @contextmanager
    def smallest(rows: NDArray[np.uint8], bpp: int, swap: bool) -> Iterator[Parts]:
        small = squeeze(rows, bpp, swap)
        with crew.deflate(rows, bpp, swap) as fast:
            yield [small] if len(small) <= sum(map(len, fast)) else fast

    return smallest


def _write_stack(
    job: Job, todo: Planned, finished: Iterable[_Finished], stream: BinaryIO
) -> Iterator[MapRecord]:
    count = len(todo.bank.layer.outputs)
    shape = _shape(todo)
    if job.settings.format == "npy":
        npy = NpyStack(stream, (count, *shape))
        for one in finished:
            npy.write(one.pixels, todo.alpha)
            yield one.record
        return
    if job.settings.format == "wav":
        yield from _write_wav_stack(todo, list(finished), stream)
        return
    size = 1 if job.settings.top == tone.TOP8 else 2 if job.settings.top == tone.TOP16 else 4
    with TiffStack(stream, size * count * int(np.prod(shape))) as tiff:
        for one in finished:
            tiff.write(one.pixels, one.text, todo.alpha)
            yield one.record


def _write_wav_stack(todo: Planned, finished: list[_Finished], stream: BinaryIO) -> Iterator[MapRecord]:
    """Write all maps as channels of one WAV, whose samples stand side by side, and yield their records."""
    from filterbank.imagefile import wavfile  # noqa: PLC0415 - only runs that write WAV pay for it

    values = np.concatenate([one.pixels.reshape(-1, *one.pixels.shape[-2:]) for one in finished])
    wavfile.write_wav(values, replace(finished[0].text, filter=""), stream, todo.rate)
    for one in finished:
        yield one.record


def _shape(todo: Planned) -> tuple[int, ...]:
    """Return the shape of one map's values, alpha counted as a channel."""
    size = todo.plan.output.out_height, todo.plan.output.out_width
    channels = len(todo.groups) + (todo.alpha is not None)
    return size if channels == 1 else (channels, *size)


@contextmanager
def destination(job: Job, file: str, written: list[Written]) -> Iterator[BinaryIO]:
    """Yield the stream of a map's file, which stands in *written* once it is there."""
    if job.stream is not None:
        held = io.BytesIO()
        yield held
        job.stream.write(held.getbuffer())
        job.stream.flush()
        return
    path = os.path.join(job.out, file)
    if job.remote is not None:
        with job.remote.writing(file) as buffer:
            yield buffer
        written.append((file, 0))
        return
    if job.settings.on_exists == "skip" and os.path.lexists(path):
        yield io.BytesIO()  # what is there stays as it is
        return
    make_folder(os.path.dirname(path), fsync=job.settings.fsync)
    with write_whole(path, fsync=job.settings.fsync) as stream:
        yield stream
        inode = os.fstat(stream.fileno()).st_ino
    written.append((path, inode))
