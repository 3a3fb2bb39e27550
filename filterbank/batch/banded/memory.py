"""What filtering takes in memory, in one place: of a whole image, and of a band of so many rows.

A band holds, at its worst moment: the rows of the file that it sees; what they are turned into (grey,
linear, gathered beyond a border); of a stack, the maps that leave one layer and enter the next; the maps of
all filters, as codes or as floats; and for each thread the work space of the kernels and of the encoder.
"""

from __future__ import annotations

from dataclasses import dataclass

from filterbank import engine
from filterbank.batch.job import Job
from filterbank.engine import Plan, bands
from filterbank.engine.plan import LayerPlan
from filterbank.imagefile.pieces import Pieces
from filterbank.model import Bank

_FLOAT, _DOUBLE = 4, 8

# Of a thread: the scratch of the direct kernels, tables and code of the PNG encoder.
_SCRATCH = 4 << 20
# Of a map that is being written: rows that wait for the encoder's next block, buffers of its file.
_FILE = 768 << 10
# A band larger than this saves nothing: the halo is small beside it.
_ENOUGH = 768 << 20
# What is freed is not all given back.
_SLACK = 1.05


@dataclass(frozen=True, slots=True, eq=False)
class Banded:
    """How a bank is applied to an image in bands.

    ``groups`` is 1, or for ``input: each`` the number of channels. ``row`` are the bytes that one row of
    the image takes when it is read and prepared; ``alpha`` says whether one is carried over. ``layer`` is
    its number in a stack that is written layer by layer, ``plan`` then ends there.
    """

    bank: Bank
    plan: Plan
    pieces: Pieces
    groups: int
    row: int
    alpha: bool
    layer: int | None = None


def by_values(job: Job, todo: Banded) -> bool:
    """Return whether codes are made of float maps, not by the kernels."""
    from filterbank.batch.toned import is_srgb  # noqa: PLC0415 - above it

    is_coded = job.settings.top is not None
    return (
        not is_coded or bool(todo.bank.layer.combine) or is_srgb(job, todo.bank) or bands.spill(todo.plan) > 0
    )


def of_band(job: Job, todo: Banded, rows: int, threads: int) -> int:
    """Return the bytes at the worst moment of a band of *rows* of maps, what the image holds included."""
    plan, g = todo.plan, todo.plan.output
    heights = bands.heights(plan, rows)
    entering = todo.row * heights[0][0]
    if plan.layers[0].layer.padding_mode not in ("zeros", "constant"):
        entering *= 2  # gathered at a border
    worst = held = entering
    for layer, (_, out) in zip(plan.layers[:-1], heights, strict=False):
        maps = _FLOAT * layer.geometry.filters * layer.geometry.out_width * out
        worst = max(worst, held + 2 * maps)  # once more where a border gathers them
        held = maps
    place = g.out_width * todo.groups
    last, own = place * heights[-1][1], place * rows
    size = _code_size(job)
    if by_values(job, todo):
        outputs = last * (g.filters * _FLOAT + engine.held(plan.layers[-1].layer)) + _windows(todo, last)
        ready = own * (_FLOAT + size)
    else:
        outputs, ready = last * g.filters * size, 0
    alpha = 2 * _FLOAT * g.out_width * rows * todo.alpha
    # Of each thread's map: pixels side by side, their code in parts, and the parts as one.
    encoding = threads * (ready + 3 * (own + g.out_width * rows * todo.alpha) * size)
    fixed = todo.pieces.held + threads * _scratch(plan) + len(todo.bank.layer.outputs) * _FILE
    return round(_SLACK * (fixed + max(worst, held + outputs + alpha + encoding)))


def of_whole(job: Job, todo: Banded, reading: int, threads: int) -> int:
    """Return the bytes at the worst moment of an image that is read whole, *reading* being those of that."""
    g = todo.plan.output
    plane = g.out_height * g.out_width * todo.groups
    maps = plane * (_FLOAT * g.filters + engine.held(todo.plan.layers[-1].layer))
    encoding = (threads + 1) * 4 * plane * _code_size(job)
    prepared = todo.row * todo.pieces.info.height
    fixed = threads * _scratch(todo.plan) + len(todo.bank.layer.outputs) * _FILE
    return round(_SLACK * (reading + 2 * prepared + todo.groups * todo.plan.memory + maps + encoding + fixed))


def most_rows(job: Job, todo: Banded, room: int, threads: int) -> int:
    """Return the rows of the largest band that fits into *room* bytes, in whole blocks; 0 where none does."""
    grain, height = bands.grain(todo.plan), todo.plan.output.out_height
    room = min(room, max(_ENOUGH, least(job, todo, threads)))
    low, high = 0, -(-height // grain)  # blocks that fit, and that may
    while low < high:
        middle = (low + high + 1) // 2
        if of_band(job, todo, min(middle * grain, height), threads) <= room:
            low = middle
        else:
            high = middle - 1
    if low == 0:
        return 0
    # As many bands as that makes, but all of about one height.
    count = -(-height // (low * grain))
    return -(-height // (count * grain)) * grain


def least(job: Job, todo: Banded, threads: int) -> int:
    """Return the bytes that the smallest band takes."""
    return of_band(job, todo, min(bands.grain(todo.plan), todo.plan.output.out_height), threads)


def _code_size(job: Job) -> int:
    top = job.settings.top
    return _FLOAT if top is None else 1 if top < 256 else 2


def _windows(todo: Banded, places: int) -> int:
    """Return the bytes of a map whose windows are averaged."""
    return (_DOUBLE + _FLOAT) * places * any(each.window for each in todo.bank.layer.combine)


def _scratch(plan: Plan) -> int:
    """Return the bytes of one thread's work spaces; for transforms the filters' share of them, too."""
    return sum(max(_work(layer, method, block) for method, block in _methods(layer)) for layer in plan.layers)


def _methods(layer: LayerPlan) -> set[tuple[str, int]]:
    return {(choice.method, choice.block) for choice in layer.choices}


def _work(layer: LayerPlan, method: str, block: int) -> int:
    g = layer.geometry
    if method == "fft":
        return _SCRATCH + _DOUBLE * block * block * (g.channels + 2 + g.channels * (g.filters + 1) // 2)
    if method == "winograd":
        return _SCRATCH + _FLOAT * 4 * g.weights * (block + 3) ** 2 // block**2
    return _SCRATCH + 2 * _DOUBLE * g.weights
