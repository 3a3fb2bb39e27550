"""A bank's maps on one image, brought to what their files hold: floats, or codes on a scale."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filterbank import engine
from filterbank.batch.job import Job, Settings
from filterbank.batch.pool import Crew
from filterbank.engine import Told
from filterbank.imagefile import tone
from filterbank.imagefile.tone import Extremes, Scale, Statistics
from filterbank.model import Bank, Output
from filterbank.record import record

Pixels = NDArray[Any]
Values = NDArray[np.float32]
Shared = Mapping[str, Extremes]  # resolved range -> extremes of all maps that share its scale


@record(frozen=True, eq=False)
class Walked:
    """All maps (K, H2, W2) of a layer, and what is told of each."""

    maps: Values
    told: tuple[Told, ...]


@record(frozen=True, eq=False)
class Planned:
    """How a bank is applied to an image: the plan, and the pixels that it is walked on.

    ``groups`` are the channels, each on its own, for ``input: each``, else all channels together.
    ``layer`` is its number in a stack that is written layer by layer; ``rate`` the samples a second of its
    maps, those of a signal. ``walked`` holds the maps where they are computed already, group by group.
    """

    bank: Bank
    plan: engine.Plan
    groups: tuple[Pixels, ...]
    alpha: Values | None
    layer: int | None = None
    rate: int | None = None
    walked: tuple[Walked, ...] | None = None


@record(frozen=True, eq=False)
class Toned:
    """One map as its file holds it: codes and their scale, or float32 values without one.

    ``pixels`` are (H2, W2), or (C, H2, W2) for ``input: each``; with ``srgb`` the scale is that of
    the values' sRGB encoding.
    """

    name: str
    method: str
    pixels: Pixels
    told: Statistics
    scale: Scale | None = None
    srgb: bool = False
    clipped: int = 0


def toned(job: Job, todo: Planned, shared: Shared, crew: Crew) -> Iterator[Toned]:
    """Yield the maps of *todo* in the bank's order; *shared* holds the extremes of shared scales."""
    depends = depending(job, todo.bank, shared)
    by_values = job.settings.top is None or todo.bank.layer.combine or is_srgb(job.settings, todo.bank)
    if by_values or todo.walked or (depends and not todo.plan.is_worth_twice):
        yield from _from_values(job, todo, shared, crew)
        return
    measured = dict(zip(depends, _measured(todo, crew, depends), strict=True)) if depends else {}
    found = scales(job, todo.bank, shared, {k: _extremes(parts) for k, parts in measured.items()})
    rows = np.array([own.steps for own in found])
    survey = np.array([k not in measured for k in range(len(found))])
    runs = [engine.encode(todo.plan, group, rows, crew.threads, survey) for group in todo.groups]
    for parts in zip(*runs, strict=True):
        crew.check()
        index = parts[0][0]
        codes = together([codes for _, codes, _ in parts])
        told = [told for _, _, told in parts]
        clipped = sum(one.clipped for one in told)
        finite = statistics(measured.get(index, told), codes.size)
        name, method = todo.bank.layer.maps[index], todo.plan.methods[index]
        yield Toned(name, method, codes, finite, found[index], clipped=clipped)


def extremes(todo: Planned, crew: Crew) -> list[Extremes]:
    """Return minimum and maximum of the finite values of each map; none is kept."""
    return [_extremes(parts) for parts in _measured(todo, crew)]


def _measured(todo: Planned, crew: Crew, filters: tuple[int, ...] | None = None) -> list[list[Told]]:
    """Return what is told of each map, or of those of *filters*, group by group."""
    crew.check()
    if todo.walked:
        return [list(parts) for parts in zip(*(each.told for each in todo.walked), strict=True)]
    if todo.bank.layer.combine:
        every = [
            [told for _, _, told in engine.outputs(todo.plan, group, crew.threads)] for group in todo.groups
        ]
    else:
        every = [engine.measure(todo.plan, group, crew.threads, filters) for group in todo.groups]
    return [list(parts) for parts in zip(*every, strict=True)]


def _extremes(parts: list[Told]) -> Extremes:
    return tone.merge(*((told.minimum, told.maximum) for told in parts))


def _from_values(job: Job, todo: Planned, shared: Shared, crew: Crew) -> Iterator[Toned]:
    """Yield maps by way of their values: float files, combinations, and codes along the sRGB curve."""
    outputs, methods = todo.bank.layer.outputs, engine.methods(todo.plan)
    runs: list[Iterator[tuple[int, Values, Told]]]
    if todo.walked:
        runs = [zip(range(len(each.told)), each.maps, each.told, strict=True) for each in todo.walked]
    else:
        runs = [engine.outputs(todo.plan, group, crew.threads) for group in todo.groups]
    for parts in zip(*runs, strict=True):
        crew.check()
        index = parts[0][0]
        values = together([values for _, values, _ in parts])
        told = statistics([told for _, _, told in parts], values.size)
        output, method = outputs[index], methods[index]
        if job.settings.top is None:
            yield Toned(output.name, method, values, told)
            continue
        own = scale(job, output, shared, told.extremes)
        codes, clipped, srgb = coded(job, output, values, own)
        yield Toned(output.name, method, codes, told, own, srgb, clipped)


def coded(job: Job, output: Output, values: Values, own: Scale) -> tuple[Pixels, int, bool]:
    """Return the codes of a map's values, how many were clipped, and whether along the sRGB curve."""
    if job.settings.linear and tone.is_picture(job.settings.range, output):
        return *tone.to_codes(values, own, srgb=True), True
    return *engine.to_codes(values, np.array(own.steps, np.float64)), False


def is_srgb(settings: Settings, bank: Bank) -> bool:
    """Return whether some map is encoded along the sRGB curve."""
    return settings.linear and any(tone.is_picture(settings.range, output) for output in bank.layer.outputs)


def depending(job: Job, bank: Bank, shared: Shared) -> tuple[int, ...]:
    """Return the maps whose scales are known only when their values are."""
    resolved = (tone.resolve(job.settings.range, output) for output in bank.layer.outputs)
    return tuple(k for k, spec in enumerate(resolved) if spec.needs_extremes and spec.kind not in shared)


def scales(job: Job, bank: Bank, shared: Shared, own: Mapping[int, Extremes]) -> list[Scale]:
    """Return the scale of each map; *own* are the extremes of those that depend on them."""
    outputs = enumerate(bank.layer.outputs)
    return [scale(job, output, shared, own.get(k, tone.EMPTY)) for k, output in outputs]


def scale(job: Job, output: Output, shared: Shared, own: Extremes) -> Scale:
    """Return the scale of a map whose *own* extremes are given."""
    settings = job.settings
    assert settings.top is not None
    kind = tone.resolve(settings.range, output).kind
    return tone.choose(settings.range, output, shared.get(kind, own), settings.top)


def together(parts: list[Pixels]) -> Pixels:
    """Return a map's channels, each filtered on its own, as one array."""
    return parts[0] if len(parts) == 1 else np.stack(parts)


def statistics(parts: list[Told], size: int) -> Statistics:
    """Return what is told of a map of *size* values from what is told of its channels."""
    nonfinite = sum(told.nonfinite for told in parts)
    finite = size - nonfinite
    if finite == 0:
        return Statistics(None, None, None, 0.0, nonfinite)
    return Statistics(
        min(told.minimum for told in parts),
        max(told.maximum for told in parts),
        sum(told.total for told in parts) / finite,
        sum(told.negative for told in parts) / finite,
        nonfinite,
    )
