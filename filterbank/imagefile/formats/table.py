"""csv and tsv: a matrix of plain numbers; one row or one column is a signal, with a signal's layout each."""

from __future__ import annotations

import io
import re
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from filterbank.errors import ImageError
from filterbank.imagefile.array import is_signal, samples_of
from filterbank.imagefile.samples import ReadOptions, Samples, check_page, check_size

_NUMBER = re.compile(
    r"\s*[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|nan|inf|infinity)\s*", re.I
)


def count_pages(stream: BinaryIO) -> int:
    """Return 1."""
    return 1


def decode(stream: BinaryIO, options: ReadOptions) -> Samples:
    """Return the numbers of a csv or tsv file as stored, grey; channels of a signal where the layout says so.

    Cells are separated by tabs, else by semicolons, else by commas. Lines at the end may be empty.

    Raises
    ------
    ImageError
        A cell is no number, or rows differ in length; the message names line and column.
    """
    check_page(options.page, 1)
    lines, separator = _lines(stream.read())
    columns = lines[0].count(separator) + 1
    check_size(len(lines), columns, 1, options.max_pixels)
    matrix = _parsed(lines, separator)
    if is_signal(options.layout):
        return samples_of(matrix, options.layout)
    if matrix.shape[1] == 1:
        matrix = matrix.T  # a column is a signal too
    return Samples(matrix[np.newaxis], 0.0, "gray", False, "float64")


def _lines(data: bytes) -> tuple[list[str], str]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ImageError(f"is no table of numbers: byte {error.start} is no UTF-8 text") from error
    lines = text.rstrip().replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if not text.strip():
        raise ImageError("is an empty table; accepted: rows of numbers")
    separator = next((mark for mark in "\t;" if mark in lines[0]), ",")
    return lines, separator


def _parsed(lines: list[str], separator: str) -> NDArray[np.float64]:
    try:
        matrix = np.loadtxt(io.StringIO("\n".join(lines)), delimiter=separator, ndmin=2, comments=None)
    except ValueError:
        matrix = np.empty((0, 0))
    if len(matrix) != len(lines):  # also where NumPy passed over an empty line
        raise ImageError(_fault(lines, separator))
    return matrix


def _has_header(lines: list[str], separator: str) -> bool:
    """Return whether the first line has no number and the second has only numbers."""
    first, second = (
        [bool(_NUMBER.fullmatch(cell)) for cell in line.split(separator)] for line in [*lines, ""][:2]
    )
    return not any(first) and all(second)


def _fault(lines: list[str], separator: str) -> str:
    """Return what is wrong with the first cell or row that is."""
    columns = lines[0].count(separator) + 1
    for row, line in enumerate(lines, 1):
        cells = line.split(separator)
        for column, cell in enumerate(cells, 1):
            if not _NUMBER.fullmatch(cell):
                found = f"{cell.strip()[:40]!r}" if cell.strip() else "an empty cell"
                hint = "; take the header line out" if row == 1 and _has_header(lines, separator) else ""
                return f"line {row}, column {column}: found {found}; accepted: plain numbers{hint}"
        if len(cells) != columns:
            return f"line {row} has {len(cells)} of line 1's {columns} cells; make all rows equally long"
    return "is no table of numbers"
