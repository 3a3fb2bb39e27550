"""The files of a bank's maps while they grow: opened together, whole together, or none is there."""

from __future__ import annotations

import io
import os
import resource
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from filterbank.batch.banded.memory import Banded
from filterbank.batch.job import Job
from filterbank.batch.maps import Written, destination, map_text
from filterbank.batch.toned import Values
from filterbank.engine.deflate_bands import RowDeflater
from filterbank.imagefile import rowwise, tone
from filterbank.imagefile.maptext import MapText
from filterbank.imagefile.rowwise import MakeDeflater, RowFile
from filterbank.imagefile.tone import Scale

_FEW = 16  # files for which there is always room


class MapFiles:
    """Files for the maps of *todo*, one each or all in one, closed by *opened*."""

    def __init__(
        self,
        job: Job,
        todo: Banded,
        files: Sequence[str],
        scales: list[Scale] | None,
        written: list[Written],
        opened: ExitStack,
    ) -> None:
        outputs = todo.bank.layer.outputs
        texts = [
            _text(job, todo, index, None if scales is None else scales[index])
            for index in range(len(outputs))
        ]
        self._is_one = job.settings.stack
        _allow(len(files))
        self._files: list[RowFile] = []
        for number, file in enumerate(files):
            stream = opened.enter_context(_seekable(job, file, written))
            own = texts if self._is_one else texts[number : number + 1]
            self._files.append(_row_file(job, todo, own, stream))

    def write(self, index: int, first: int, planes: NDArray[Any], alpha: Values | None) -> None:
        """Write rows of the *index*-th map, from *first* on."""
        if self._is_one:
            self._files[0].write(index, first, planes, alpha)
        else:
            self._files[index].write(0, first, planes, alpha)

    def end(self, clipped: Sequence[int]) -> None:
        """Write what is known when all rows are there: how many values of each map were clipped."""
        for number, file in enumerate(self._files):
            file.end(clipped if self._is_one else clipped[number : number + 1])


def _allow(count: int) -> None:
    """Let the process have *count* more files open, as far as the system allows: often only 1024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and count > _FEW:
        wanted = soft + count
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard)
        )


def _text(job: Job, todo: Banded, index: int, scale: Scale | None) -> MapText:
    output = todo.bank.layer.outputs[index]
    srgb = scale is not None and job.settings.linear and tone.is_picture(job.settings.range, output)
    return replace(map_text(job, todo.bank, output.name, scale, srgb), alpha=todo.alpha)


def _row_file(job: Job, todo: Banded, texts: list[MapText], stream: BinaryIO) -> RowFile:
    settings, g = job.settings, todo.plan.output
    shape = todo.groups + todo.alpha, g.out_height, g.out_width
    if settings.format == "npy":
        own = shape if shape[0] > 1 else shape[1:]
        return rowwise.NpyRows(stream, (len(texts), *own) if settings.stack else own)
    if settings.format == "csv":
        return rowwise.CsvRows(stream)
    dtype = np.dtype({None: np.float32, tone.TOP8: np.uint8, tone.TOP16: np.uint16}[settings.top])
    if settings.format == "tiff" or settings.stack:
        return rowwise.TiffRows(stream, shape, dtype, texts)
    return rowwise.PngRows(stream, shape, dtype, texts[0], _deflater(job))


def _deflater(job: Job) -> MakeDeflater:
    if job.settings.compress == "fast":
        return partial(RowDeflater, spare=[])
    from filterbank.imagefile.squeeze import RowSqueezer  # noqa: PLC0415 - for the runs that ask for it

    return RowSqueezer


@contextmanager
def _seekable(job: Job, file: str, written: list[Written]) -> Iterator[BinaryIO]:
    """Yield a real file, which becomes the map's; one for a stream or a device is copied there in the end."""
    # With a name: tifffile asks for it.
    if job.stream is not None:
        with tempfile.NamedTemporaryFile() as stream:
            yield cast(BinaryIO, stream)
            stream.seek(0)
            shutil.copyfileobj(stream, job.stream, 1 << 20)
            job.stream.flush()
        return
    with destination(job, file, written) as target:
        if not isinstance(target, io.BytesIO) and os.path.isfile(target.name):
            yield target
            return
        with tempfile.NamedTemporaryFile() as stream:
            yield cast(BinaryIO, stream)
            stream.seek(0)
            shutil.copyfileobj(stream, io.BytesIO() if isinstance(target, io.BytesIO) else target, 1 << 20)
