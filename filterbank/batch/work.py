"""One image: decoded once, filtered by each bank, and its maps scaled, coded and written."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from filterbank import engine, imagefile
from filterbank.batch import claims, decoded, manifest, toned
from filterbank.batch.decoded import Decoded
from filterbank.batch.inputs import Source
from filterbank.batch.job import ImageDone, ImageFailed, Job
from filterbank.batch.manifest import MapRecord, Record
from filterbank.batch.maps import Written, write
from filterbank.batch.pool import Crew
from filterbank.batch.toned import Pixels, Planned, Shared, Values, Walked
from filterbank.errors import FilterbankError, OutputError
from filterbank.imagefile import encode, tone
from filterbank.imagefile.tone import Extremes
from filterbank.model import Bank, Image, ImageInfo, Stack


def extremes(job: Job, source: Source, crew: Crew) -> dict[str, Extremes] | ImageFailed:
    """Return the extremes of *source*'s maps for each resolved range; nothing is written."""
    try:
        if job.budget is not None:
            from filterbank.batch.banded import image  # noqa: PLC0415 - a short run imports little

            return image.extremes(job, source, crew)
        return image_extremes(job, decode(job, source).image, crew)
    except (FilterbankError, OSError, MemoryError) as error:
        return failed(source, error)


def apply(job: Job, source: Source, crew: Crew, shared: Shared | None = None) -> ImageDone | ImageFailed:
    """Write all maps of *source* and its lines in the manifest; or say why none is there."""
    if job.stream is not None or source.fault:
        return write_maps(job, source, crew, shared)[0]
    try:
        claim(job, source)
    except OutputError as error:
        return failed(source, error)
    try:
        return settle(job, *write_maps(job, source, crew, shared))
    except BaseException:
        release(job, source)
        raise


def settle(job: Job, event: ImageDone | ImageFailed, written: Sequence[Written]) -> ImageDone | ImageFailed:
    """Return *event* once its lines are in the manifest and its claim is gone; or its maps go, too."""
    if isinstance(event, ImageDone):
        try:
            if job.remote is not None:
                job.remote.record(job.namer.names(event.source), event.records)
                return event  # its lines void the claim
            manifest.append(job.manifest, event.records, fsync=job.settings.fsync)
        except BaseException as error:
            _take_back(job, written)
            if not isinstance(error, OutputError):
                raise
            event = failed(event.source, error)
    if not event.source.fault:
        release(job, event.source)
    return event


def claim(job: Job, source: Source) -> None:
    """Put a claim on the maps of *source*.

    Raises
    ------
    OutputError
        The folder for maps cannot be written to.
    """
    if job.remote is not None:
        job.remote.claim(job.namer.names(source))
    else:
        claims.claim(job.out, job.namer.names(source), fsync=job.settings.fsync)


def release(job: Job, source: Source) -> None:
    """Take the claim on the maps of *source* away."""
    if job.remote is not None:
        job.remote.release(job.namer.names(source))
    else:
        claims.release(job.out, job.namer.names(source))


def write_maps(
    job: Job, source: Source, crew: Crew, shared: Shared | None = None
) -> tuple[ImageDone | ImageFailed, list[Written]]:
    """Write all maps of *source* or none; return what the manifest is to say, and the files."""
    written: list[Written] = []
    try:
        if job.budget is None:
            records = whole(job, source, crew, shared, written)
        else:
            from filterbank.batch.banded import image  # noqa: PLC0415 - a short run imports little

            records = image.records(job, source, crew, shared, written)
    except BaseException as error:
        # The image is done or it is not: no half sets of maps.
        _take_back(job, written)
        if isinstance(error, BrokenPipeError) or not isinstance(
            error, FilterbankError | OSError | MemoryError
        ):
            raise
        return failed(source, error), []
    return ImageDone(source, tuple(records)), written


def _take_back(job: Job, written: Sequence[Written]) -> None:
    """Remove the files that were *written*; another run's stay where they replaced ours."""
    if job.remote is not None:
        job.remote.remove([path for path, _ in written])
        return
    for path, inode in written:
        with suppress(OSError):
            if os.lstat(path).st_ino == inode:
                os.unlink(path)


def whole(
    job: Job, source: Source, crew: Crew, shared: Shared | None, written: list[Written]
) -> list[Record]:
    """Write all maps of *source*, which is held as a whole; return its lines for the manifest."""
    began = job.clock()
    read = decode(job, source)
    if shared is None and job.needs_extremes:
        shared = image_extremes(job, read.image, crew)
    names = iter(job.namer.names(source))
    records = []
    for bank in job.banks:
        done: list[MapRecord] = []
        for todo in layers(job, planned(job, bank, read.image), crew):
            count = 1 if job.settings.stack else len(todo.bank.layer.outputs)
            done += write(job, todo, list(islice(names, count)), shared or {}, crew, written)
        ended = job.clock()
        seconds = round(ended - began, 6)
        records.append(record(job, source, read.image.info, read.sha256, bank, tuple(done), seconds))
        began = ended
    return records


def failed(source: Source, error: BaseException) -> ImageFailed:
    """Return the event of *source* having met *error*."""
    if isinstance(error, MemoryError):
        return ImageFailed(source, "not enough memory for this image; use fewer --jobs or a smaller image")
    return ImageFailed(source, str(error).removeprefix(f"{source.called}: "))


def decode(job: Job, source: Source) -> Decoded:
    """Return *source* read as *job* says; its bytes are read once for both image and hash.

    Raises
    ------
    ImageError
        It cannot be read.
    """
    reading = job.reading(source)
    found = None if job.ahead is None else job.ahead.take(source, reading)
    return found or decoded.decode(source, reading)


def planned(job: Job, bank: Bank, image: Image) -> Planned:
    """Return how *bank* is applied to *image*, checked up to the format of the files.

    Raises
    ------
    ImageError, GeometryError, RequestError
        The image does not suit the bank, or its maps not the format.
    """
    prepared = imagefile.prepare(image, bank.input, job.settings.linear)
    pixels = prepared.pixels
    plan = engine.plan(bank.stack, pixels.shape[1:], job.settings.method, job.machine)
    groups = tuple(plane[np.newaxis] for plane in pixels) if bank.input == "each" else (pixels,)
    if not job.settings.stack:
        encode.check_channels(job.settings.format, len(groups), prepared.alpha is not None)
    if job.settings.format == "wav":
        from filterbank.imagefile import wavfile  # noqa: PLC0415 - only runs that write WAV pay for it

        maps = len(bank.layer.outputs) if job.settings.stack else 1
        wavfile.check(len(groups) * maps, plan.output.out_height)
    alpha, rate = prepared.alpha, image.info.rate
    if not is_by_layer(job, bank):
        alpha = None if alpha is None else _carried(alpha, plan)
        rate = _rate(rate, plan)
    return Planned(bank, plan, groups, alpha, rate=rate)


def layers(job: Job, todo: Planned, crew: Crew) -> Iterator[Planned]:
    """Yield *todo*, or where every layer is written each as a bank of its own, on the maps of the one before.

    Maps that are to be seen by another layer are computed once, for it and for their files.
    """
    if not is_by_layer(job, todo.bank):
        yield todo
        return
    groups, alpha, rate = todo.groups, todo.alpha, todo.rate
    for number, layer_plan in enumerate(todo.plan.layers, 1):
        stack = Stack((layer_plan.layer,))
        plan = engine.Plan(stack, (layer_plan,))
        alpha = None if alpha is None else _carried(alpha, plan)
        rate = _rate(rate, plan)
        is_last = number == len(todo.plan.layers)
        walked = None if is_last else tuple(_walked(plan, group, crew) for group in groups)
        yield Planned(replace(todo.bank, stack=stack), plan, groups, alpha, number, rate, walked)
        if walked is not None:
            groups = tuple(each.maps for each in walked)


def is_by_layer(job: Job, bank: Bank) -> bool:
    """Return whether the maps of every layer of *bank* are written."""
    return job.settings.all_layers and len(bank.stack.layers) > 1


def _walked(plan: engine.Plan, pixels: Pixels, crew: Crew) -> Walked:
    """Return all maps of a layer."""
    crew.check()
    maps = np.empty((plan.output.filters, plan.output.out_height, plan.output.out_width), np.float32)
    found = []
    for index, values, told in engine.convolve(plan, pixels, crew.threads):
        maps[index] = values
        found.append(told)
    return Walked(maps, tuple(found))


def _rate(rate: int | None, plan: engine.Plan) -> int | None:
    """Return the samples a second of maps from those of a signal: a stride leaves some out."""
    step = int(np.prod([layer.geometry.stride[1] for layer in plan.layers]))
    return None if rate is None else max(1, round(rate / step))


def _carried(alpha: Values, plan: engine.Plan) -> Values:
    """Return *alpha* (H, W) at the middle of each output's receptive field, (H2, W2)."""
    for axis in (0, 1):
        alpha = alpha.take(middles(plan, axis), axis)
    return alpha


def middles(plan: engine.Plan, axis: int) -> NDArray[np.int64]:
    """Return where the middle of each output's receptive field is, along one axis of the image."""
    places = np.arange((plan.output.out_height, plan.output.out_width)[axis])
    for layer in reversed(plan.layers):
        g = layer.geometry
        middle = g.dilation[axis] * (g.kernel[axis] - 1) // 2 - g.padding[axis]
        places = np.clip(places * g.stride[axis] + middle, 0, (g.height, g.width)[axis] - 1)
    return places


def image_extremes(job: Job, image: Image, crew: Crew) -> dict[str, Extremes]:
    """Return the extremes of an image's maps for each resolved range."""
    found: dict[str, Extremes] = {}
    for bank in job.banks:
        for todo in layers(job, planned(job, bank, image), crew):
            for output, own in zip(todo.bank.layer.outputs, toned.extremes(todo, crew), strict=True):
                kind = tone.resolve(job.settings.range, output).kind
                found[kind] = tone.merge(found.get(kind, tone.EMPTY), own)
    return found


def record(
    job: Job,
    source: Source,
    info: ImageInfo,
    sha256: str,
    bank: Bank,
    maps: tuple[MapRecord, ...],
    seconds: float,
) -> Record:
    """Return an image's line in the manifest for one bank."""
    return Record(
        input=source.path,
        sha256=sha256,
        height=info.height,
        width=info.width,
        channels=info.channels,
        bank=bank.name,
        digest=bank.digest,
        options=job.settings.recorded(job.reading(source).page),
        maps=maps,
        seconds=seconds,
    )
