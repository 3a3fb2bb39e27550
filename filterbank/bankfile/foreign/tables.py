"""Numbers in rows: CSV and TSV, and libvips' matrix files."""

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
    for at, line in lines(source):
        if line.strip(" \t,;"):
            blocks[-1].append((at, numbers(source, at, line)))
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
    written = [(at, line) for at, line in lines(source) if line.strip()]
    at, first = written[0] if written else (0, "")
    head = numbers(source, at, first, _VIPS_WORD)
    if len(head) not in (2, 3, 4) or not all(value.is_integer() and value > 0 for value in head[:2]):
        accepted = "accepted: width, height, and perhaps scale and offset"
        raise refusal(source, at, f"found {first[:40]!r} as the first line", accepted)
    width, height = int(head[0]), int(head[1])
    scale, offset = (*head[2:], *(1.0, 0.0)[len(head) - 2 :])
    if scale == 0:
        raise refusal(source, at, "found a scale of 0", "accepted: any other number")
    rows = [(each, numbers(source, each, line, _VIPS_WORD)) for each, line in written[1:]]
    values = [value for _, row in rows for value in row]
    if len(values) != width * height:
        found = f"found {len(values)} numbers for {width} columns and {height} rows"
        raise refusal(source, at, found, f"accepted: {width * height}")
    weights = matrix(source, [values[start : start + width] for start in range(0, len(values), width)])
    # The middle of an even size is right or below there, left or above here.
    even = [(0, 1 - size % 2) for size in weights.shape]
    return [Kernel(np.pad(weights / scale, even), offset)]


def _kernel(source: Source, block: list[Row]) -> Kernel:
    return Kernel(matrix(source, [row for _, row in block], block[0][0]))


def lines(source: Source) -> list[tuple[int, str]]:
    """Return the lines of the *source* and where they begin."""
    return [(found.start(), found[1]) for found in _LINE.finditer(source.text)]


def numbers(source: Source, at: int, line: str, word: re.Pattern[str] = _WORD) -> list[float]:
    """Return the numbers of a *line* that begins *at*."""
    return [number(source, found[0], at + found.start()) for found in word.finditer(line)]
