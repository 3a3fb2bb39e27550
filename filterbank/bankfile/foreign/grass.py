"""Filter files of GRASS' r.mfilter: matrices that are done one after another, each with its divisor.

The format is described in <https://grass.osgeo.org/grass-stable/manuals/r.mfilter.html>. GRASS leaves a
border as it is where a matrix would reach beyond the raster; a bank pads it.
"""

from __future__ import annotations

from dataclasses import field

import numpy as np
from numpy.typing import NDArray

from filterbank.bankfile.foreign.kernels import Kernel, matrix, number, refusal
from filterbank.bankfile.foreign.tables import Row, lines, numbers
from filterbank.bankfile.source import Source
from filterbank.record import record

_ACCEPTED = "accepted: TITLE, MATRIX, rows, DIVISOR, TYPE"


@record()
class _Step:
    """A matrix as far as it was read; what stands behind it is told once."""

    at: int
    size: int
    rows: list[Row] = field(default_factory=list)
    divisor: float = 1.0
    said: set[str] = field(default_factory=set)


def read_grass(source: Source) -> list[Kernel]:
    r"""Return the kernels of a filter file of r.mfilter, in the order in which they are done.

    >>> kernels = read_grass(Source("a", "TITLE mean\nMATRIX 1\n4\nDIVISOR 2\nTYPE P\nMATRIX 1\n3\n"))
    >>> [(kernel.name, kernel.weights.tolist()) for kernel in kernels]
    [('mean', [[2.0]]), ('mean', [[3.0]])]
    """
    title, steps = "", list[_Step]()
    for at, line in lines(source):
        word, _, rest = line.strip().partition(" ")
        word, rest = word.upper(), rest.strip()
        if not word:
            continue
        if steps and len(steps[-1].rows) < steps[-1].size:
            steps[-1].rows.append((at, numbers(source, at, line)))
        elif word == "TITLE":
            title = rest
        elif word == "MATRIX":
            steps.append(_Step(at, _size(source, rest, at)))
        elif word in ("DIVISOR", "TYPE"):
            _told(source, steps, word, at)
            if word == "DIVISOR":
                steps[-1].divisor = _divisor(source, rest, at, steps[-1])
            else:
                _check_type(source, rest, at)
        elif not word.startswith("#") and (word, rest.upper()) != ("START", "UL"):
            raise refusal(source, at, f"found {line.strip()[:40]!r}", _ACCEPTED)
    if not steps:
        raise refusal(source, 0, "found no matrix", _ACCEPTED)
    return [Kernel(_weights(source, step), 0.0, title) for step in steps]


def _size(source: Source, text: str, at: int) -> int:
    size = number(source, text, at)
    if not (size.is_integer() and size > 0 and size % 2 == 1):
        raise refusal(source, at, f"found MATRIX {text}", "accepted: an odd number of rows")
    return int(size)


def _told(source: Source, steps: list[_Step], word: str, at: int) -> None:
    """Note that *word* was said of the last matrix; there has to be one, of which it was not said yet."""
    if not steps:
        raise refusal(source, at, f"found {word} before a MATRIX", "accepted: behind the matrix it is of")
    if word in steps[-1].said:
        raise refusal(
            source, at, f"found a second {word} of one matrix", "accepted: one", "remove one of them"
        )
    steps[-1].said.add(word)


def _divisor(source: Source, text: str, at: int, step: _Step) -> float:
    value = number(source, text, at)
    if value == 0:
        total = sum(sum(row) for _, row in step.rows)
        said = "found DIVISOR 0, which divides by the weights of those cells that are not null"
        hint = f"where no cell is null, write DIVISOR {total:g}, the sum of the matrix" if total else ""
        raise refusal(source, at, said, "accepted: a number that is not 0", hint)
    return value


def _check_type(source: Source, text: str, at: int) -> None:
    if text.upper() == "S":
        said = "found TYPE S, which works on values it has just changed"
        raise refusal(source, at, said, "accepted: TYPE P", "no convolution does that")
    if text.upper() != "P":
        raise refusal(source, at, f"found TYPE {text[:40]}", "accepted: TYPE P")


def _weights(source: Source, step: _Step) -> NDArray[np.float64]:
    missing = step.size - len(step.rows)
    if missing:
        raise refusal(source, step.at, f"found a matrix with {missing} rows too few", "accepted: n rows")
    weights = matrix(source, [row for _, row in step.rows], step.rows[0][0])
    if weights.shape[0] != weights.shape[1]:
        found = "found a matrix that is not square"
        raise refusal(source, step.rows[0][0], found, "accepted: MATRIX n with n×n")
    return weights / step.divisor
