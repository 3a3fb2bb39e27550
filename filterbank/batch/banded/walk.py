"""A bank on an image in bands: measured where its scales depend on the maps, then written, row by row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filterbank import engine, imagefile
from filterbank.batch import toned, work
from filterbank.batch.banded.files import MapFiles
from filterbank.batch.banded.memory import Banded, by_values
from filterbank.batch.job import Job
from filterbank.batch.manifest import MapRecord
from filterbank.batch.maps import Written, map_record
from filterbank.batch.pool import Crew
from filterbank.batch.toned import Pixels, Shared, Toned, Values
from filterbank.engine import Told, bands, merge_told
from filterbank.imagefile import Prepared, tone
from filterbank.imagefile.tone import Extremes, Scale
from filterbank.record import record


@record()
class _Map:
    """What is known of one map so far: a Told of each band and channel."""

    told: list[Told] = field(default_factory=list)
    clipped: int = 0

    @property
    def extremes(self) -> Extremes:
        return tone.merge(*((one.minimum, one.maximum) for one in self.told))


@record(eq=False)
class Walk:
    """One bank on one image, in bands of *rows*."""

    job: Job
    todo: Banded
    rows: int
    crew: Crew
    _prepared: dict[tuple[int, int], Prepared] = field(default_factory=dict)

    def extremes(self) -> list[Extremes]:
        """Return minimum and maximum of the finite values of each map; none is kept."""
        maps = self._measured(tuple(range(len(self.todo.bank.layer.outputs))))
        return [one.extremes for one in maps.values()]

    def write(self, files: Sequence[str], shared: Shared, written: list[Written]) -> tuple[MapRecord, ...]:
        """Write the maps to *files*, one each or all into one; return what the manifest says of them.

        The files appear together, when all are whole; then they stand in *written*.
        """
        job, bank = self.job, self.todo.bank
        measured: dict[int, _Map] = {}
        scales: list[Scale] | None = None
        if job.settings.top is not None:
            measured = self._measured(toned.depending(job, bank, shared))
            scales = toned.scales(job, bank, shared, {k: one.extremes for k, one in measured.items()})
        maps = [_Map() for _ in bank.layer.outputs]
        with ExitStack() as opened:
            out = MapFiles(job, self.todo, files, scales, written, opened)
            for first, last in self._bands():
                alpha = self._alpha(first, last)
                if scales is None or by_values(job.settings, self.todo):
                    found = self._values(first, last, scales, maps)
                else:
                    found = self._codes(first, last, scales, measured, maps)

                def write(item: tuple[int, Pixels], first: int = first, alpha: Values | None = alpha) -> None:
                    self.crew.check()
                    out.write(item[0], first, item[1], alpha)

                for _ in self.crew.maps(write, found, len(maps)):
                    pass
            out.end([one.clipped for one in maps])
        return self._records(files, scales, measured, maps)

    def _codes(
        self, first: int, last: int, scales: list[Scale], measured: dict[int, _Map], maps: list[_Map]
    ) -> Iterator[tuple[int, Pixels]]:
        """Yield (index, codes) of a band of every map, straight from the kernels."""
        rows = np.array([scale.steps for scale in scales])
        survey = np.array([k not in measured for k in range(len(scales))])
        runs = [
            engine.encode(*self._band(group, first, last), rows, self.crew.threads, survey)
            for group in range(self.todo.groups)
        ]
        for parts in zip(*runs, strict=True):
            index = parts[0][0]
            maps[index].told += [told for _, _, told in parts]
            maps[index].clipped += sum(told.clipped for _, _, told in parts)
            yield index, toned.together([codes for _, codes, _ in parts])

    def _values(
        self, first: int, last: int, scales: list[Scale] | None, maps: list[_Map]
    ) -> Iterator[tuple[int, Pixels]]:
        """Yield (index, floats or codes) of a band of every map by way of its values."""
        for index, parts in self._outputs(first, last):
            maps[index].told += [told for _, told in parts]
            values = toned.together([values for values, _ in parts])
            if scales is None:
                yield index, values
                continue
            codes, clipped, _ = toned.coded(
                self.job, self.todo.bank.layer.outputs[index], values, scales[index]
            )
            maps[index].clipped += clipped
            yield index, codes

    def _measured(self, wanted: tuple[int, ...]) -> dict[int, _Map]:
        """Return what is told of each *wanted* map as a whole, after a pass that keeps none."""
        found = {k: _Map() for k in wanted}
        if not wanted:
            return found
        by_outputs = self.todo.bank.layer.combine or bands.spill(self.todo.plan)
        for first, last in self._bands():
            if by_outputs:
                for index, parts in self._outputs(first, last):
                    if index in found:
                        found[index].told += [told for _, told in parts]
                continue
            for group in range(self.todo.groups):
                told = engine.measure(*self._band(group, first, last), self.crew.threads, wanted)
                for one, own in zip(found.values(), told, strict=True):
                    one.told.append(own)
        return found

    def _bands(self) -> Iterator[tuple[int, int]]:
        height = self.todo.plan.output.out_height
        for first in range(0, height, self.rows):
            self.crew.check()
            self._prepared.clear()
            yield first, min(first + self.rows, height)
        self._prepared.clear()

    def _outputs(self, first: int, last: int) -> Iterator[tuple[int, list[tuple[Values, Told]]]]:
        """Yield (index, (values, Told) of each channel) of a band of every map."""
        runs = [
            bands.outputs(self.todo.plan, self._reader(group), first, last, self.crew.threads)
            for group in range(self.todo.groups)
        ]
        for parts in zip(*runs, strict=True):
            yield parts[0][0], [(values, told) for _, values, told in parts]

    def _band(self, group: int, first: int, last: int) -> tuple[engine.Plan, Pixels]:
        return bands.band(self.todo.plan, self._reader(group), first, last, self.crew.threads)

    def _reader(self, group: int) -> bands.Rows:
        def rows(first: int, last: int) -> Pixels:
            pixels = self._read(first, last).pixels
            return pixels[group : group + 1] if self.todo.bank.input == "each" else pixels

        return rows

    def _read(self, first: int, last: int) -> Prepared:
        """Return rows of the image as the bank takes them; kept for the band where several ask for them."""
        if (found := self._prepared.get((first, last))) is not None:
            return found
        image = self.todo.pieces.rows(first, last)
        prepared = imagefile.prepare(image, self.todo.bank.input, self.job.settings.linear)
        if self.todo.groups > 1 or self.todo.alpha:
            self._prepared[first, last] = prepared
        return prepared

    def _alpha(self, first: int, last: int) -> Values | None:
        """Return the alpha that is carried over to rows of maps."""
        if not self.todo.alpha:
            return None
        places = self._middles[0][first:last]
        low, high = int(places[0]), int(places[-1]) + 1
        alpha = self._read(low, high).alpha
        assert alpha is not None
        return alpha.take(places - low, 0).take(self._middles[1], 1)

    @cached_property
    def _middles(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        return work.middles(self.todo.plan, 0), work.middles(self.todo.plan, 1)

    def _records(
        self, files: Sequence[str], scales: list[Scale] | None, measured: dict[int, _Map], maps: list[_Map]
    ) -> tuple[MapRecord, ...]:
        bank, plan, settings = self.todo.bank, self.todo.plan, self.job.settings
        size = plan.output.out_height * plan.output.out_width * self.todo.groups
        records = []
        for index, (output, method) in enumerate(zip(bank.layer.outputs, engine.methods(plan), strict=True)):
            told = toned.statistics([merge_told(measured.get(index, maps[index]).told)], size)
            srgb = scales is not None and settings.linear and tone.is_picture(settings.range, output)
            scale: Any = None if scales is None else scales[index]
            one = Toned(output.name, method, np.empty(0), told, scale, srgb, maps[index].clipped)
            records.append(map_record(self.todo.layer, one, size, files[0 if settings.stack else index]))
        return tuple(records)
