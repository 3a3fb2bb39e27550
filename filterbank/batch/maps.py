"""A bank's maps into files: statistics, scale, codes, then a whole file each."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from filterbank.batch.atomic import make_folder, write_whole
from filterbank.batch.job import Job
from filterbank.batch.manifest import MapRecord
from filterbank.batch.pool import Crew
from filterbank.geometry import Geometry
from filterbank.imagefile import encode, tone
from filterbank.imagefile.encode import NpyStack, TiffStack
from filterbank.imagefile.maptext import MapText
from filterbank.imagefile.tone import Extremes, Scale
from filterbank.model import Bank, FeatureMap

Values = NDArray[np.float32]
Shared = Mapping[str, Extremes]  # resolved range -> extremes of all maps that share its scale


@dataclass(frozen=True, slots=True, eq=False)
class Maps:
    """The maps of one bank on one image, as they come, and what belongs to all of them."""

    bank: Bank
    geometry: Geometry
    channels: int
    alpha: Values | None
    each: Iterator[FeatureMap]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one map's values, alpha counted as a channel."""
        size = self.geometry.out_height, self.geometry.out_width
        channels = self.channels + (self.alpha is not None)
        return size if channels == 1 else (channels, *size)


@dataclass(frozen=True, slots=True, eq=False)
class _Finished:
    """A map ready for its file: codes and their scale, or the values themselves without one."""

    pixels: NDArray[Any]
    text: MapText
    record: MapRecord


def write(
    job: Job, maps: Maps, files: list[str], shared: Shared, crew: Crew, written: list[Path]
) -> tuple[MapRecord, ...]:
    """Write *maps* to *files*, one each or all into one, and return what the manifest says of them.

    A file stands in *written* once it is there.
    """
    if job.settings.stack:
        finished = crew.maps(lambda one: _finish(job, maps.bank, one, files[0], shared), maps.each)
        with _destination(job, files[0], written) as stream:
            return tuple(_write_stack(job, maps, finished, stream))

    def write_one(item: tuple[FeatureMap, str]) -> MapRecord:
        one, file = item
        crew.check()
        finished = _finish(job, maps.bank, one, file, shared)
        crew.check()
        with _destination(job, file, written) as stream:
            _write_map(job, finished, maps.alpha, stream)
        return finished.record

    return tuple(crew.maps(write_one, zip(maps.each, files, strict=True)))


def _finish(job: Job, bank: Bank, one: FeatureMap, file: str, shared: Shared) -> _Finished:
    settings = job.settings
    told = tone.statistics(one.values)
    scale, pixels, clipped, srgb = None, one.values, 0, False
    if settings.top is not None:
        scale = _scale(job, bank, one, told.extremes, shared, settings.top)
        srgb = settings.linear and tone.is_picture(settings.range, one.filter, bank.layer.activation)
        pixels, clipped = tone.to_codes(one.values, scale, srgb)  # type: ignore[assignment]
    text = MapText(
        filter=one.filter.name,
        bank=bank.name,
        digest=bank.digest,
        scale=scale,
        range=str(settings.range),
        transfer="srgb" if srgb else "linear",
        clipped=clipped,
    )
    record = MapRecord(
        filter=one.filter.name,
        file=file,
        lo=None if scale is None else scale.lo,
        hi=None if scale is None else scale.hi,
        zero=None if scale is None else scale.zero,
        min=told.minimum,
        max=told.maximum,
        mean=told.mean,
        clipped=clipped / one.values.size,
        negative=told.negative,
        method=one.method,
    )
    return _Finished(pixels, text, record)


def _scale(job: Job, bank: Bank, one: FeatureMap, own: Extremes, shared: Shared, top: int) -> Scale:
    activation = bank.layer.activation
    kind = tone.resolve(job.settings.range, one.filter, activation).kind
    return tone.choose(job.settings.range, one.filter, activation, shared.get(kind, own), top)


def _write_map(job: Job, finished: _Finished, alpha: Values | None, stream: BinaryIO) -> None:
    if job.settings.format == "npy":
        encode.write_npy(finished.pixels, stream, alpha)
    elif job.settings.format == "tiff":
        encode.write_tiff(finished.pixels, finished.text, stream, alpha)
    else:
        encode.write_png(finished.pixels, finished.text, stream, alpha)


def _write_stack(
    job: Job, maps: Maps, finished: Iterable[_Finished], stream: BinaryIO
) -> Iterator[MapRecord]:
    count = len(maps.bank.filters)
    if job.settings.format == "npy":
        npy = NpyStack(stream, (count, *maps.shape))
        for one in finished:
            npy.write(one.pixels, maps.alpha)
            yield one.record
        return
    size = 1 if job.settings.top == tone.TOP8 else 2 if job.settings.top == tone.TOP16 else 4
    with TiffStack(stream, size * count * int(np.prod(maps.shape))) as tiff:
        for one in finished:
            tiff.write(one.pixels, one.text, maps.alpha)
            yield one.record


@contextmanager
def _destination(job: Job, file: str, written: list[Path]) -> Iterator[BinaryIO]:
    """Yield the stream of a map's file, which stands in *written* once it is there."""
    if job.stream is not None:
        buffer = io.BytesIO()
        yield buffer
        job.stream.write(buffer.getbuffer())
        job.stream.flush()
        return
    path = Path(job.out, file)
    make_folder(path.parent, fsync=job.settings.fsync)
    with write_whole(path, fsync=job.settings.fsync) as stream:
        yield stream
    written.append(path)
