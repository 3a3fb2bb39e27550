"""What docs/conventions.md says of other libraries is true where they are here to be asked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

import filterbank
from filterbank.model import PADDING_MODES

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "conventions.md").read_text("utf-8")
SIGNAL = np.array([1.0, 2.0, 3.0, 4.0])
LETTERS = dict(zip("abcd", SIGNAL, strict=True)) | {"0": 0.0, "v": 0.5}
VALUE = {"zeros": 0.0, "constant": 0.5}
WIDTH = 3


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the rows of the first table after the line holding *heading*."""
    lines = PAGE[PAGE.index(heading) :].splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("|"))
    table = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        table.append([cell.strip().strip("`") for cell in line.strip("|").split("|")])
    return table


LETTERED = {row[0]: " ".join(row[1:4]).replace("`", "").split() for row in rows("The four pixels")}
NAMES = {row[0]: (row[1], row[2]) for row in rows("The same mode elsewhere")}


def padded_by_letters(mode: str) -> list[float]:
    return [float(LETTERS[letter]) for letter in LETTERED[mode]]


def padded_by_scipy(mode: str, value: float) -> list[float]:
    """Return what ndimage sees beyond the border: a one-hot kernel looks WIDTH places to each side."""
    size = 2 * WIDTH + 1
    left, right = (
        ndimage.correlate1d(SIGNAL, np.eye(size)[place], mode=mode, cval=value) for place in (0, size - 1)
    )
    return [*left[:WIDTH], *SIGNAL, *right[-WIDTH:]]


def bank(mode: str) -> filterbank.Bank:
    layer = filterbank.Layer(
        (filterbank.Filter("copy", np.ones((1, 1, 1))),),
        padding=(0, WIDTH, 0, WIDTH),
        padding_mode=mode,
        padding_value=(VALUE.get(mode, 0.0),),
    )
    return filterbank.Bank("copy", filterbank.Stack((layer,)))


def test_the_tables_name_every_mode() -> None:
    assert tuple(LETTERED) == PADDING_MODES
    assert tuple(NAMES) == PADDING_MODES


@pytest.mark.parametrize("mode", PADDING_MODES)
def test_the_program_pads_as_the_letters_say(mode: str) -> None:
    maps = filterbank.apply(SIGNAL.astype(np.float32)[None], bank(mode))
    assert maps[0, 0].tolist() == padded_by_letters(mode)


@pytest.mark.parametrize("mode", PADDING_MODES)
def test_numpy_calls_it_so(mode: str) -> None:
    name = NAMES[mode][0]
    given = {"constant_values": VALUE[mode]} if name == "constant" else {}
    assert np.pad(SIGNAL, WIDTH, mode=name, **given).tolist() == padded_by_letters(mode)  # type: ignore[call-overload]


@pytest.mark.parametrize("mode", PADDING_MODES)
def test_scipy_calls_it_so(mode: str) -> None:
    assert padded_by_scipy(NAMES[mode][1], VALUE.get(mode, 0.0)) == padded_by_letters(mode)


def test_another_name_would_be_noticed() -> None:
    assert padded_by_scipy("reflect", 0.0) != padded_by_letters("reflect")
    assert np.pad(SIGNAL, WIDTH, mode="symmetric").tolist() != padded_by_letters("reflect")


@pytest.mark.parametrize(
    ("grid", "plain"), [("grid-constant", "constant"), ("grid-mirror", "reflect"), ("grid-wrap", "wrap")]
)
def test_scipy_filters_take_the_grid_names_as_synonyms(grid: str, plain: str) -> None:
    assert f"`{grid}`" in PAGE
    assert padded_by_scipy(grid, 0.5) == padded_by_scipy(plain, 0.5)


def same(kernel: list[float], before: int, after: int) -> list[float]:
    return np.correlate(np.pad(SIGNAL, (before, after)), kernel, "valid").tolist()


@pytest.mark.parametrize("kernel", [[1.0, 10.0], [1.0, 10.0, 100.0, 1000.0]])
def test_where_even_kernels_look(kernel: list[float]) -> None:
    few, many = (len(kernel) - 1) // 2, len(kernel) // 2
    filters = (filterbank.Filter("even", np.array([[kernel]])),)
    ours = filterbank.apply(
        SIGNAL.astype(np.float32)[None],
        filterbank.Bank("even", filterbank.Stack((filterbank.Layer(filters),))),
    )
    assert ours[0, 0].tolist() == same(kernel, few, many)
    assert ndimage.correlate1d(SIGNAL, kernel, mode="constant").tolist() == same(kernel, many, few)
    assert ndimage.convolve1d(SIGNAL, kernel, mode="constant").tolist() == same(kernel[::-1], few, many)


def test_numpy_and_scipy_slide_or_turn_as_the_page_says() -> None:
    kernel = [1.0, 2.0, 4.0]
    slid, turned = same(kernel, 1, 1), same(kernel[::-1], 1, 1)
    assert slid != turned
    assert np.convolve(SIGNAL, kernel, "same").tolist() == turned
    assert ndimage.correlate1d(SIGNAL, kernel, mode="constant").tolist() == slid
    assert ndimage.convolve1d(SIGNAL, kernel, mode="constant").tolist() == turned
