"""Parameters that several families have, with their units and limits."""

from __future__ import annotations

from filterbank.bankfile.families.family import MAX_SIZE
from filterbank.bankfile.keys import Key
from filterbank.bankfile.kinds import Choice, Integer, Number

MAX_SIGMA = 170.0  # 3σ within MAX_SIZE
LARGEST_BASIS = 32

ANY_SIZE, ODD_SIZE = Integer(1, MAX_SIZE), Integer(1, MAX_SIZE, odd=True)
SIGMA = Key("sigma", Number(above=0, high=MAX_SIGMA), "standard deviation in pixels", required=True)
SIGMA_4 = Key("sigma", Number(low=0.3, high=127), SIGMA.doc, required=True)  # 4σ within MAX_SIZE
SIZE = Key("size", ANY_SIZE, "rows and columns", required=True)
CUT = Key("size", ANY_SIZE, "rows and columns; without it 3 sigma to every side")
CUT_4 = Key("size", ANY_SIZE, "rows and columns; without it 4 sigma to every side")
SCALED_SIZE = Key("size", ODD_SIZE, "rows and columns of all; without it what each scale needs")
GRID = Key("size", Integer(3, 255, odd=True), "rows and columns", 49)
LAMBDA = Number(low=2, high=MAX_SIZE)
DEGREES = Number()
FREQUENCY = Number(above=0, high=0.5)
ORIENTATION = Key(
    "orientation", DEGREES, "degrees from the right towards the bottom; the first of several", 0
)
PART = Choice(("even", "odd", "pair"))
DC = Key("dc", Choice(("removed", "kept")), "whether the weights are made to sum to 0", "removed")
SLOPE = Key(
    "normalize",
    Choice(("slope", "none")),
    "slope: a ramp is answered by its slope; none: whole numbers",
    "slope",
)
EXACT = Key(
    "normalize",
    Choice(("polynomial", "none")),
    "polynomial: exact on polynomials; none: samples",
    "polynomial",
)
SEED = Key("seed", Integer(0, 2**32 - 1), "the same seed gives the same filters", 0)
DRAWN = (
    Key("filters", Integer(1, 65536), "how many", 8),
    Key("size", ANY_SIZE, "rows and columns", 5),
    Key("channels", Integer(1, 65536), "channels C", 1),
    SEED,
)


def count(name: str, usual: int, most: int = 180, least: int = 1) -> Key:
    """Return the number of directions or of scales as a parameter."""
    doc = "directions that divide the half turn evenly" if name == "orientations" else "scales, finest first"
    return Key(name, Integer(least, most), doc, usual)


def part(usual: str) -> Key:
    """Return which part of a wave is wanted as a parameter."""
    return Key("part", PART, "even (cosine), odd (sine), or both", usual)
