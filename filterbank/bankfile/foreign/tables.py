"""Numbers in rows: CSV and TSV, libvips' matrix files and GRASS' r.mfilter."""

from __future__ import annotations

import re

import numpy as np

from filterbank.bankfile.foreign.kernels import Kernel, matrix, number, refusal
from filterbank.bankfile.source import Source

_WORD = re.compile(r"[^\s,;]+")
_VIPS_WORD = re.compile(r"[^\s,;\"]+")
_LINE = re.compile(r"([^\r\n]*)(?:\r\n|\r|\n|\Z)")

Row = tuple[int, list[float]]


def read_csv(source: Source) -> list[Kernel]:
    r"""Return the matrices of a table, empty lines between them.

    Numbers stand between commas, semicolons, tabs or blanks.

    >>> [kernel.weights.tolist() for kernel in read_csv(Source("a.csv", "1,2\n3,4\n\n5\n"))]
    [[[1.0, 2.0], [3.0, 4.0]], [[5.0]]]
    """
    blocks: list[list[Row]] = [[]]
    for at, line in _lines(source):
        if line.strip(" \t,;"):
            blocks[-1].append((at, _numbers(source, at, line)))
        else:
            blocks.append([])
    kernels = [_kernel(source, block) for block in blocks if block]
    if not kernels:
        raise refusal(source, 0, "found no numbers", "accepted: rows of numbers")
    return kernels


def read_vips(source: Source) -> list[Kernel]:
    r"""Return the kernel of libvips' matrix file: width, height, and perhaps scale and offset, then rows.

    Weights are divided by the scale; the offset is the bias. An even size is made odd by zeros.

    >>> kernel, = read_vips(Source("a.mat", "3 1 4 0.5\n1 2 1\n"))
    >>> kernel.weights.tolist(), kernel.bias
    ([[0.25, 0.5, 0.25]], 0.5)
    """
    lines = [(at, line) for at, line in _lines(source) if line.strip()]
    at, first = lines[0] if lines else (0, "")
    head = _numbers(source, at, first, _VIPS_WORD)
    if len(head) not in (2, 3, 4) or not all(value.is_integer() and value > 0 for value in head[:2]):
        accepted = "accepted: width, height, and perhaps scale and offset"
        raise refusal(source, at, f"found {first[:40]!r} as the first line", accepted)
    width, height = int(head[0]), int(head[1])
    scale, offset = (*head[2:], *(1.0, 0.0)[len(head) - 2 :])
    if scale == 0:
        raise refusal(source, at, "found a scale of 0", "accepted: any other number")
    rows = [(each, _numbers(source, each, line, _VIPS_WORD)) for each, line in lines[1:]]
    values = [value for _, row in rows for value in row]
    if len(values) != width * height:
        found = f"found {len(values)} numbers for {width} columns and {height} rows"
        raise refusal(source, at, found, f"accepted: {width * height}")
    weights = matrix(source, [values[start : start + width] for start in range(0, len(values), width)])
    # The middle of an even size is right or below there, left or above here.
    even = [(0, 1 - size % 2) for size in weights.shape]
    return [Kernel(np.pad(weights / scale, even), offset)]


def read_grass(source: Source) -> list[Kernel]:
    r"""Return the kernel of a filter file of GRASS' r.mfilter.

    >>> kernel, = read_grass(Source("a", "TITLE mean\nMATRIX 1\n4\nDIVISOR 2\nTYPE P\n"))
    >>> kernel.name, kernel.weights.tolist()
    ('mean', [[2.0]])
    """
    title, divisor = "", 1.0
    found: list[list[Row]] = []
    wanted = 0
    for at, line in _lines(source):
        word, _, rest = line.strip().partition(" ")
        if wanted and line.strip():
            found[-1].append((at, _numbers(source, at, line)))
            wanted -= 1
        elif word == "TITLE":
            title = rest.strip()
        elif word == "MATRIX":
            size = number(source, rest.strip(), at)
            if not (size.is_integer() and size > 0 and size % 2 == 1):
                raise refusal(source, at, f"found MATRIX {rest.strip()}", "accepted: an odd number of rows")
            wanted = int(size)
            found.append([])
        elif word == "DIVISOR":
            divisor = number(source, rest.strip(), at)
            if divisor == 0:
                said = "found DIVISOR 0, which depends on the data of every place"
                raise refusal(source, at, said, "accepted: a number that is not 0", "write the sum you mean")
        elif word == "TYPE" and rest.strip() == "S":
            said = "found TYPE S, which works on values it has just changed"
            raise refusal(source, at, said, "accepted: TYPE P", "no convolution does that")
        elif word and not (word == "TYPE" and rest.strip() == "P"):
            said = f"found {line.strip()[:40]!r}"
            raise refusal(source, at, said, "accepted: TITLE, MATRIX, rows, DIVISOR, TYPE")
    if len(found) != 1 or wanted:
        said = (
            f"found {len(found)} matrices"
            if len(found) != 1
            else f"found a matrix with {wanted} rows too few"
        )
        hint = "several are done one after another: convert each by itself" if len(found) > 1 else ""
        raise refusal(source, 0, said, "accepted: one matrix", hint)
    (block,) = found
    kernel = _kernel(source, block)
    if kernel.weights.shape[0] != kernel.weights.shape[1]:
        raise refusal(source, block[0][0], "found a matrix that is not square", "accepted: MATRIX n with n×n")
    return [Kernel(kernel.weights / divisor, 0.0, title)]


def _kernel(source: Source, block: list[Row]) -> Kernel:
    return Kernel(matrix(source, [row for _, row in block], block[0][0]))


def _lines(source: Source) -> list[tuple[int, str]]:
    return [(found.start(), found[1]) for found in _LINE.finditer(source.text)]


def _numbers(source: Source, at: int, line: str, word: re.Pattern[str] = _WORD) -> list[float]:
    return [number(source, found[0], at + found.start()) for found in word.finditer(line)]
