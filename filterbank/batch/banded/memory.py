"""What filtering takes in memory, in one place: of a whole image, and of a band of so many rows.

A band holds, at its worst moment: the rows of the file that it sees; what they are turned into (grey,
linear, gathered beyond a border); of a stack, the maps that leave one layer and enter the next; the maps of
all filters, as codes or as floats; and for each thread the work space of the kernels and of the encoder.
"""

from __future__ import annotations

from filterbank import engine
from filterbank.batch.job import Settings
from filterbank.engine import Plan, bands
from filterbank.engine.plan import Choice, LayerPlan
from filterbank.imagefile.pieces import Pieces
from filterbank.model import Bank, Image, ImageInfo
from filterbank.record import record

_FLOAT, _DOUBLE = 4, 8

# Of a thread: tables and code of the PNG encoder; scratch and lines of a kernel that sums, or Cook-Toom's.
_ENCODER, _SPACE = 2 << 20, 3 << 19
# First, middle and last bands are planned apart, for measuring and for writing, and keep their work spaces.
_PLANNED = 6
# Of a map that is being written: rows that wait for the encoder's next block, buffers of its file.
_FILE = 768 << 10
# A band larger than this saves nothing: the halo is small beside it.
_ENOUGH = 768 << 20
# What is freed is not all given back.
_SLACK = 1.05


@record(frozen=True, eq=False)
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


def by_values(settings: Settings, todo: Banded) -> bool:
    """Return whether codes are made of float maps, not by the kernels."""
    from filterbank.batch.toned import is_srgb  # noqa: PLC0415 - above it

    is_coded = settings.top is not None
    return (
        not is_coded
        or bool(todo.bank.layer.combine)
        or is_srgb(settings, todo.bank)
        or bands.spill(todo.plan) > 0
    )


def of_band(settings: Settings, todo: Banded, rows: int, threads: int) -> int:
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
    size = _code_size(settings)
    if by_values(settings, todo):
        outputs = last * (g.filters * _FLOAT + engine.held(plan.layers[-1].layer)) + _combining(todo, last)
        ready = own * (_FLOAT + size)
    else:
        outputs, ready = last * g.filters * size, 0
    alpha = 2 * _FLOAT * g.out_width * rows * todo.alpha
    # Of each thread's map: pixels side by side, their code in parts, and the parts as one.
    encoding = threads * (ready + 3 * (own + g.out_width * rows * todo.alpha) * size)
    fixed = todo.pieces.held + _scratch(plan, threads) + len(todo.bank.layer.outputs) * _FILE
    return round(_SLACK * (fixed + max(worst, held + outputs + alpha + encoding)))


def of_whole(settings: Settings, todo: Banded, reading: int, threads: int) -> int:
    """Return the bytes at the worst moment of an image that is read whole, *reading* being those of that."""
    g = todo.plan.output
    plane = g.out_height * g.out_width * todo.groups
    maps = plane * (_FLOAT * g.filters + engine.held(todo.plan.layers[-1].layer))
    encoding = (threads + 1) * 4 * plane * _code_size(settings)
    prepared = todo.row * todo.pieces.info.height
    fixed = _scratch(todo.plan, threads) + len(todo.bank.layer.outputs) * _FILE
    return round(_SLACK * (reading + 2 * prepared + todo.groups * todo.plan.memory + maps + encoding + fixed))


def most_rows(settings: Settings, todo: Banded, room: int, threads: int) -> int:
    """Return the rows of the largest band that fits into *room* bytes, in whole blocks; 0 where none does."""
    grain, height = bands.grain(todo.plan), todo.plan.output.out_height
    room = min(room, max(_ENOUGH, least(settings, todo, threads)))
    low, high = 0, -(-height // grain)  # blocks that fit, and that may
    while low < high:
        middle = (low + high + 1) // 2
        if of_band(settings, todo, min(middle * grain, height), threads) <= room:
            low = middle
        else:
            high = middle - 1
    if low == 0:
        return 0
    # As many bands as that makes, but all of about one height.
    count = -(-height // (low * grain))
    return -(-height // (count * grain)) * grain


@record(frozen=True)
class _Imagined:
    """The rows of an image of which only the size is known: codes of 8 bits, each row apart in its file."""

    info: ImageInfo
    held: int = 0
    step: int = 1

    @property
    def row(self) -> int:
        return self.info.width * self.info.channels

    @property
    def blank(self) -> Image:
        return self.rows(0, 1)

    def rows(self, first: int, last: int) -> Image:
        raise NotImplementedError("an imagined image has no pixels")


def explained(bank: Bank, plan: Plan, room: int, threads: int) -> dict[str, int]:
    """Return how *bank* would be applied in bands, *room* bytes being there for image and 8-bit maps.

    ``rows`` are those of a band, 0 where none fits; ``bands`` how many, ``memory`` and ``least`` the bytes
    that these and the smallest ones take, ``whole`` those of the image at once.
    """
    g = plan.layers[0].geometry
    image = _Imagined(ImageInfo(g.height, g.width, g.channels, "channels"))
    todo = Banded(bank, plan, image, 1, 2 * image.row, alpha=False)
    settings = Settings()
    rows, height = most_rows(settings, todo, room, threads), plan.output.out_height
    return {
        "rows": rows,
        "bands": -(-height // rows) if rows else 0,
        "memory": of_band(settings, todo, rows, threads) if rows else 0,
        "least": least(settings, todo, threads),
        "whole": of_whole(settings, todo, 2 * image.row * g.height, threads),
    }


def least(settings: Settings, todo: Banded, threads: int) -> int:
    """Return the bytes that the smallest band takes."""
    return of_band(settings, todo, min(bands.grain(todo.plan), todo.plan.output.out_height), threads)


def _code_size(settings: Settings) -> int:
    top = settings.top
    return _FLOAT if top is None else 1 if top < 256 else 2


def _combining(todo: Banded, places: int) -> int:
    """Return the bytes of one map while it is counted in, or averaged over windows, and told of."""
    combine = todo.bank.layer.combine
    return places * (3 * _DOUBLE * bool(combine) + (_DOUBLE + _FLOAT) * any(each.window for each in combine))


def _scratch(plan: Plan, threads: int) -> int:
    """Return the bytes of all threads' work spaces, and of filters made ready."""
    spaces = sum(max(_space(layer, choice) for choice in layer.choices) for layer in plan.layers)
    filters = sum(max(_ready(layer, choice) for choice in layer.choices) for layer in plan.layers)
    return threads * (_ENCODER + _PLANNED * spaces) + filters


def _space(layer: LayerPlan, choice: Choice) -> int:
    """Return the bytes of one work space."""
    return _DOUBLE * choice.block**2 * (layer.geometry.channels + 2) if choice.method == "fft" else _SPACE


def _ready(layer: LayerPlan, choice: Choice) -> int:
    """Return the bytes of a layer's filters as kernels take them; transforms share theirs between bands."""
    g = layer.geometry
    if choice.method == "fft":
        return _DOUBLE * choice.block**2 * g.channels * ((g.filters + 1) // 2)
    if choice.method == "winograd":
        return 2 * _FLOAT * g.weights * (choice.block + 3) ** 2 // choice.block**2
    return _PLANNED * 2 * _DOUBLE * g.weights
