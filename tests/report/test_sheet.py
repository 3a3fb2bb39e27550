"""The sheet of filters: colours, numerals, layout, and cells where the weights are."""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterbank.model import Bank, Filter, Layer, Stack
from filterbank.report import draw_sheet, signed_colours, write_sheet
from filterbank.report.colours import ink_on
from filterbank.report.layout import lay_out
from filterbank.report.lettering import fit, spellable, width, wrap
from filterbank.report.numerals import number, spell
from filterbank.report.sheet import LINE


def bank(*filters, input="gray", **words):
    return Bank("test", Stack((Layer(tuple(filters)),)), input, **words)


def pixels_of(sheet):
    return np.asarray(sheet).reshape(-1, 3)


def count(sheet, colour):
    return int((pixels_of(sheet) == colour).all(axis=1).sum())


def lightness(colours):
    """CIE L* of sRGB (n, 3), by the textbook."""
    unit = colours / 255
    light = np.where(unit <= 0.04045, unit / 12.92, ((unit + 0.055) / 1.055) ** 2.4)
    y = light @ [0.2126, 0.7152, 0.0722]
    return np.where(y > 0.008856, 116 * np.cbrt(y) - 16, 903.3 * y)


def test_colours_are_white_at_zero_and_alike_on_both_sides():
    steps = np.linspace(0, 1, 101)
    red, blue = signed_colours(steps, 1.0), signed_colours(-steps, 1.0)
    assert red[0].tolist() == blue[0].tolist() == [255, 255, 255]
    for arm in (red, blue):
        assert (np.diff(lightness(arm)) < 0.05).all(), "darker with every step"
    assert np.abs(lightness(red) - lightness(blue)).max() < 8
    assert (red[5:, 0] > red[5:, 2]).all() and (blue[5:, 2] > blue[5:, 0]).all()


def test_colours_clip_and_know_no_scale():
    assert np.array_equal(
        signed_colours(np.array([5.0, -9.0]), 1.0), signed_colours(np.array([1.0, -1.0]), 1.0)
    )
    assert (signed_colours(np.ones((2, 3)), 0.0) == 255).all()


@pytest.mark.parametrize("value", np.linspace(-1, 1, 41))
def test_numerals_stand_out_from_every_cell(value):
    cell = signed_colours(np.array(value), 1.0)

    def luminance(colour):
        unit = np.asarray(colour) / 255
        return np.where(unit <= 0.04045, unit / 12.92, ((unit + 0.055) / 1.055) ** 2.4) @ [
            0.2126,
            0.7152,
            0.0722,
        ]

    bright, dark = sorted([luminance(cell), luminance(ink_on(cell))], reverse=True)
    assert (bright + 0.05) / (dark + 0.05) > 3.8


@pytest.mark.parametrize(
    ("weights", "numerals", "factor"),
    [
        ([-1, 0, 1], ["−1", "0", "1"], ""),
        ([-0.125, 0.25], ["−1", "2"], "1/8"),
        ([1 / 3, 1 / 3, 1 / 3], ["1", "1", "1"], "1/3"),
        ([-0.0, 0.0], ["0", "0"], ""),
        ([0.7071067811865476, -0.5], ["0.707", "−0.5"], ""),
        ([2e-9, 1e-9], ["2e-09", "1e-09"], ""),
        ([12345.0, 1.0], ["12345", "1"], ""),
        ([1234.5, 0.5], ["1234", "0"], ""),
    ],
)
def test_numerals(weights, numerals, factor):
    assert spell(np.array(weights, float)) == (numerals, factor)


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=9))
def test_any_weights_can_be_spelled(weights):
    numerals, factor = spell(np.array(weights))
    share = eval(factor or "1")
    largest = max(map(abs, weights))
    for numeral, weight in zip(numerals, weights, strict=True):
        assert float(numeral.replace("−", "-")) * share == pytest.approx(weight, abs=largest * 0.006 + 1e-9)


def test_numbers():
    assert [number(v) for v in (0.0, -0.0, 1.0, -0.0625, 1e-12)] == ["0", "0", "1", "−0.0625", "1e-12"]


def test_letters_that_the_font_lacks():
    assert spellable("Größe — “naïve”\t3×3 −1 縁") == 'Grosse - "naive" 3×3 −1 ?'


@given(st.text(max_size=80), st.integers(60, 400))
def test_writing_fits_where_it_is_put(text, limit):
    shown, size = fit(text, limit, 30, 10)
    assert width(shown, size) <= limit
    lines = wrap(text, limit, 14, 2)
    assert len(lines) <= 2
    assert all(width(line, 14) <= limit for line in lines)


@pytest.mark.parametrize("filters", [1, 2, 3, 7, 25, 48, 100])
@pytest.mark.parametrize("depth", [1, 3, 20])
@pytest.mark.parametrize("kernel", [(1, 1), (3, 3), (31, 31), (1, 64), (64, 1)])
def test_layouts_hold_all_cards_on_a_page(filters, depth, kernel):
    layout = lay_out(filters, depth, kernel)
    assert layout.columns * layout.rows >= filters > layout.columns * (layout.rows - 1)
    assert layout.width <= 1800
    corners = [layout.corner(index) for index in range(filters)]
    assert len(set(corners)) == filters
    assert max(y for y, _ in corners) + layout.card[0] == layout.grid[0]
    assert max(x for _, x in corners) + layout.card[1] <= layout.grid[1]
    assert min(layout.plane) >= 16


def test_cells_have_the_colours_of_the_weights():
    sheet = draw_sheet(bank(Filter("f", [[-2.0, 1.0], [0.0, 2.0]])))
    for weight in (-2.0, 1.0, 2.0):
        colour = signed_colours(np.array(weight), 2.0)
        assert count(sheet, colour) > 10_000, weight
    assert count(sheet, signed_colours(np.array(-1.0), 2.0)) < 50  # only in the scale bar


def test_cells_stand_as_the_weights_do():
    picture = np.asarray(draw_sheet(bank(Filter("f", [[-2.0, 0.0], [0.0, 2.0]])))).astype(int)
    blue = np.argwhere((picture == signed_colours(np.array(-2.0), 2.0)).all(axis=2))
    red = np.argwhere((picture == signed_colours(np.array(2.0), 2.0)).all(axis=2))
    assert (np.median(blue, axis=0) < np.median(red, axis=0)).all(), "top left before bottom right"


@pytest.mark.parametrize("scale", ["common", "filter"])
def test_a_large_kernel_has_no_lines_between_its_weights(scale):
    for side, drawn in ((15, True), (17, False)):
        sheet = draw_sheet(bank(Filter("f", np.ones((side, side)))), scale)
        assert (count(sheet, LINE) > 1000) == drawn, side


def test_one_scale_for_all_or_each_its_own():
    both = bank(Filter("weak", [[0.5] * 5] * 5), Filter("strong", [[2.0] * 5] * 5))
    full, pale = signed_colours(np.array(1.0), 1.0), signed_colours(np.array(0.25), 1.0)
    common, own = draw_sheet(both), draw_sheet(both, "filter")
    assert count(common, pale) > 10_000
    assert count(own, pale) < 100
    assert count(own, full) > 1.8 * count(common, full)


@pytest.mark.parametrize(
    "drawn",
    [
        bank(Filter("zero", [[0.0, 0.0]])),
        bank(Filter("one", [[1.0]], 0.5)),
        bank(Filter("signal", [np.hanning(300)])),
        bank(Filter("column", np.hanning(300)[:, np.newaxis])),
        bank(Filter("huge", np.eye(900))),
        bank(Filter("small", [[1.0]]), Filter("large", np.ones((9, 9)))),
        bank(Filter("rgb", np.ones((3, 3, 3))), input="rgb"),
        bank(Filter("deep", np.ones((70, 1, 1))), input=70),
        bank(*(Filter(f"f{n}", [[n, -n]]) for n in range(300))),
        bank(Filter("long" * 16, [[1.0]]), description="word " * 200, source="縁" * 300, digest="ab" * 32),
    ],
    ids=lambda drawn: drawn.filters[0].name[:6],
)
def test_odd_banks_are_drawn_too(drawn):
    sheet = draw_sheet(drawn)
    picture = np.asarray(sheet)
    assert 900 < sheet.width <= 1800
    margin = 40
    for edge in (picture[:margin], picture[-margin:], picture[:, :margin], picture[:, -margin:]):
        assert (edge == 255).all(), "nothing runs over the margin"
    assert (picture != 255).any()


def test_the_same_bank_gives_the_same_bytes(tmp_path):
    digests = set()
    for name in "ab":
        with (tmp_path / name).open("wb") as stream:
            write_sheet(bank(Filter("f", [[-1, 0, 1]])), stream)
        digests.add(hashlib.sha256((tmp_path / name).read_bytes()).hexdigest())
    assert len(digests) == 1
