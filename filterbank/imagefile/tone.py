"""Values to codes and back: what a pixel of a map means.

::

    code = round((v - lo) / (hi - lo) * top)          halves to even, clipped, counted
    code = zero + round((top - zero) * v / m)         signed: lo = -m, hi = m, zero in the middle

All sums are float64, so that the codes are those of the formula and not of a rounding.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filterbank.errors import RequestError
from filterbank.imagefile.colour import linear_to_srgb, srgb_to_linear
from filterbank.model import Output
from filterbank.record import record

TOP8 = 255
TOP16 = 65535
RANGES = ("auto", "clip", "signed", "minmax")

Extremes = tuple[float, float]
EMPTY: Extremes = (math.inf, -math.inf)  # the extremes of no finite value; merge() leaves others as they are

# Values a block: its float64 copy stays in the second-level cache.
_BLOCK = 1 << 15

# Stands in for a span of zero: the constant itself gets code lo, all else is clipped to an end.
_TINY = float(np.finfo(np.float64).tiny)


@record(frozen=True)
class Scale:
    """What the codes 0..top mean: lo and hi, and for signed maps the code of zero.

    ``top`` is 255 or 65535; ``zero`` is 128 or 32768 for a signed scale (then lo = −hi), else None:
    it says which formula holds. What files and the manifest say of zero is ``zero_code``.
    """

    lo: float
    hi: float
    top: int = TOP8
    zero: int | None = None

    @property
    def steps(self) -> tuple[float, float, float, float, float, float]:
        """The numbers of the formula in the order it takes them: lo, span, factor, zero, lowest and top.

        ``code = rint((v − lo) / span · factor)``, or with a zero code ``zero + rint(v · factor / span)``.
        """
        if self.zero is None:
            return self.lo, self.hi - self.lo or _TINY, self.top, 0, 0, self.top
        return 0.0, self.hi or _TINY, self.top - self.zero, self.zero, self.lowest, self.top

    @property
    def lowest(self) -> int:
        """The code of lo: 0, or for a signed scale 1, as far below the zero code as top is above."""
        return 0 if self.zero is None else 2 * self.zero - self.top

    @property
    def zero_code(self) -> int | None:
        """The code of the value zero where it is an end or the middle of the scale, else None.

        >>> Scale(-2, 2, TOP8, 128).zero_code, Scale(0, 3).zero_code, Scale(-1, 0).zero_code
        (128, 0, 255)
        >>> Scale(-1, 2).zero_code is None
        True
        """
        if self.zero is not None:
            return self.zero
        return 0 if self.lo == 0 else self.top if self.hi == 0 else None


@record(frozen=True)
class RangeSpec:
    """How a scale is found: auto, clip, signed, positive (0:max), minmax, or fixed with lo and hi."""

    kind: str = "auto"
    lo: float = 0.0
    hi: float = 1.0

    @property
    def needs_extremes(self) -> bool:
        """Whether the scale depends on the values."""
        return self.kind not in {"clip", "fixed"}

    def __str__(self) -> str:
        return f"{self.lo!r}:{self.hi!r}" if self.kind == "fixed" else self.kind


@record(frozen=True)
class Statistics:
    """Minimum, maximum and mean of the finite values (None without any), and what share is negative."""

    minimum: float | None
    maximum: float | None
    mean: float | None
    negative: float
    nonfinite: int

    @property
    def extremes(self) -> Extremes:
        """Minimum and maximum for `choose` and `merge`; EMPTY without any finite value."""
        if self.minimum is None or self.maximum is None:
            return EMPTY
        return self.minimum, self.maximum


def parse_range(text: str) -> RangeSpec:
    """Return what ``--range`` asks for.

    Raises
    ------
    RequestError
        *text* is none of auto, clip, signed, minmax and LO:HI, or LO is not below HI.

    Examples
    --------
    >>> parse_range("signed").kind, str(parse_range("-1:1"))
    ('signed', '-1.0:1.0')
    >>> parse_range("1:0")
    Traceback (most recent call last):
    filterbank.errors.RequestError: --range 1:0: LO 1 is not below HI 0; accepted: LO:HI with LO below HI
    """
    word = text.strip()
    if word in RANGES:
        return RangeSpec(word)
    accepted = f"accepted: {', '.join(RANGES)} or LO:HI such as -1:1"
    try:
        lo, hi = (float(part) for part in word.split(":"))
    except ValueError:
        raise RequestError(f"--range {text}: no range of that name; {accepted}") from None
    if not (math.isfinite(lo) and math.isfinite(hi) and math.isfinite(hi - lo)):
        raise RequestError(f"--range {text}: LO and HI must be finite numbers; {accepted}")
    if not lo < hi:
        raise RequestError(
            f"--range {text}: LO {lo:g} is not below HI {hi:g}; accepted: LO:HI with LO below HI"
        )
    return RangeSpec("fixed", lo, hi)


def resolve(spec: RangeSpec, output: Output) -> RangeSpec:
    """Return *spec* with auto replaced by what suits the map: signed, positive or clip.

    Maps that share one scale (``--range-over``) share it within one resolved kind, so that a
    blur does not flatten the edges beside it.

    >>> str(resolve(RangeSpec(), Output("edge", "signed"))), str(resolve(RangeSpec(), Output("blur", "clip")))
    ('signed', 'clip')
    """
    return RangeSpec(output.range) if spec.kind == "auto" else spec


def is_picture(spec: RangeSpec, output: Output) -> bool:
    """Return whether a map looks like its image, so that ``--linear`` encodes it back to sRGB.

    >>> is_picture(RangeSpec(), Output("blur", "clip"))
    True
    """
    return output.range == "clip" and resolve(spec, output).kind == "clip"


def choose(spec: RangeSpec, output: Output, extremes: Extremes, top: int) -> Scale:
    """Return the scale for a map, or for all maps whose merged *extremes* are given.

    A constant map is no error: it gets a scale with lo = hi, which decodes to that constant.

    >>> choose(RangeSpec(), Output("edge", "signed"), (-0.5, 0.25), TOP8)
    Scale(lo=-0.5, hi=0.5, top=255, zero=128)
    >>> choose(RangeSpec("minmax"), Output("edge", "signed"), (0.25, 0.25), TOP16)
    Scale(lo=0.25, hi=0.25, top=65535, zero=None)
    """
    kind = resolve(spec, output).kind
    lowest, highest = extremes if extremes[0] <= extremes[1] else (0.0, 0.0)
    if kind == "signed":
        m = max(abs(lowest), abs(highest))
        return Scale(0.0 - m, m, top, (top + 1) // 2)
    if kind == "positive":
        return Scale(0.0, max(highest, 0.0), top)
    if kind == "minmax":
        return Scale(lowest, highest, top)
    return Scale(spec.lo, spec.hi, top) if kind == "fixed" else Scale(0.0, 1.0, top)


def extremes(values: NDArray[np.float32]) -> Extremes:
    """Return (minimum, maximum) of the finite *values*, of any shape; EMPTY without any.

    >>> extremes(np.array([1, np.nan, -2, np.inf], np.float32))
    (-2.0, 1.0)
    """
    if values.size == 0:
        return EMPTY
    with np.errstate(invalid="ignore"):
        lowest, highest = float(values.min()), float(values.max())
    if math.isfinite(lowest) and math.isfinite(highest):  # NaN spreads through min and max
        return lowest, highest
    finite = values[np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if finite.size else EMPTY


def merge(*parts: Extremes) -> Extremes:
    """Return the extremes of all *parts* together; EMPTY of none.

    >>> merge((-1.0, 0.5), EMPTY, (0.0, 2.0))
    (-1.0, 2.0)
    """
    every = (EMPTY, *parts)
    return min(part[0] for part in every), max(part[1] for part in every)


def statistics(values: NDArray[np.float32]) -> Statistics:
    """Return the statistics of *values*, float32 of any shape; the mean is summed in float64.

    >>> statistics(np.array([[-1, 0.5], [0.5, 1]], np.float32))
    Statistics(minimum=-1.0, maximum=1.0, mean=0.25, negative=0.25, nonfinite=0)
    """
    lowest, highest = extremes(values)
    if lowest > highest:
        return Statistics(None, None, None, 0.0, values.size)
    with np.errstate(invalid="ignore"):
        mean = float(values.mean(dtype=np.float64))
    finite = values
    if not math.isfinite(mean):
        finite = values[np.isfinite(values)]
        mean = float(finite.mean(dtype=np.float64))
    negative = int(np.count_nonzero(finite < 0)) / finite.size
    return Statistics(lowest, highest, mean, negative, values.size - finite.size)


def to_codes(
    values: NDArray[np.float32], scale: Scale, srgb: bool = False
) -> tuple[NDArray[np.unsignedinteger[Any]], int]:
    """Return the codes of *values*, same shape, and how many were clipped.

    Clipped is what rounds to a code outside the scale; infinities go to its ends, NaN to the zero
    code (0 where there is none), and both count. With *srgb* the values are linear light and the
    scale is that of their sRGB encoding.

    >>> to_codes(np.array([-1, 0, 0.5, 2], np.float32), Scale(0, 1))
    (array([  0,   0, 128, 255], dtype=uint8), 2)
    >>> to_codes(np.array([-0.5, 0, 0.5], np.float32), Scale(-0.5, 0.5, TOP16, 32768))
    (array([    1, 32768, 65535], dtype=uint16), 0)
    """
    codes = np.empty(values.shape, np.uint8 if scale.top == TOP8 else np.uint16)
    flat, out = np.ascontiguousarray(values).reshape(-1), codes.reshape(-1)
    clipped = 0
    for part in _blocks(flat.size):
        block = flat[part].astype(np.float64)
        if srgb:
            block = linear_to_srgb(block)
        clipped += _round_to_codes(block, scale)
        out[part] = block
    return codes, clipped


def to_values(codes: NDArray[Any], scale: Scale, srgb: bool = False) -> NDArray[np.float32]:
    """Return the float32 values that *codes* stand for, same shape.

    >>> to_values(np.array([1, 128, 255], np.uint8), Scale(-0.5, 0.5, TOP8, 128))
    array([-0.5,  0. ,  0.5], dtype=float32)
    """
    every = np.arange(scale.top + 1, dtype=np.float64)
    if scale.zero is None:
        table = scale.lo + every / scale.top * (scale.hi - scale.lo)
        table[-1] = scale.hi
    else:
        table = (every - scale.zero) * scale.hi / (scale.top - scale.zero)
    if srgb:
        table = srgb_to_linear(table)
    values: NDArray[np.float32] = table.astype(np.float32)[codes]
    return values


def _blocks(size: int) -> Iterator[slice]:
    """Return the slices that cut *size* values into blocks."""
    return (slice(start, start + _BLOCK) for start in range(0, size, _BLOCK))


def _round_to_codes(block: NDArray[np.float64], scale: Scale) -> int:
    """Turn a block of values into codes in place; return how many were clipped."""
    lo, span, factor, zero, lowest, top = scale.steps
    with np.errstate(over="ignore", invalid="ignore"):
        if scale.zero is None:
            block -= lo
            # Dividing by one is exact; leaving it out saves the slowest step of the commonest scale.
            if span != 1:
                block /= span
            block *= factor
        else:
            block *= factor
            block /= span
    np.rint(block, out=block)
    block += zero
    # Negated, so that NaN counts too.
    clipped = block.size - int(np.count_nonzero((block >= lowest) & (block <= top)))
    if clipped:
        np.nan_to_num(block, copy=False, nan=zero, posinf=np.inf, neginf=-np.inf)
        np.clip(block, lowest, top, out=block)
    return clipped
