"""Spectra against their sums, and the sheet that shows them."""

import cmath
import hashlib
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filterbank import load_bank
from filterbank.model import Bank, Filter, Layer, Stack
from filterbank.report import draw_sheet, draw_spectra, write_spectra
from filterbank.report.colours import strength_colours
from filterbank.report.layout import is_smooth, lay_out
from filterbank.report.spectrum import decibels, peak, spectrum


def bank(*filters, **given_):
    return Bank("test", Stack((Layer(filters),)), **given_)


@settings(deadline=None, max_examples=30)
@given(rows=st.integers(1, 9), columns=st.integers(1, 9), size=st.integers(2, 12), seed=st.integers(0, 99))
def test_spectrum_against_its_sum(rows, columns, size, seed):
    weights = np.random.default_rng(seed).normal(size=(rows, columns))
    found = spectrum(weights, size)
    assert found.shape == (size, size)
    for i in range(size):
        for j in range(size):
            v, u = (i - size // 2) / size, (j - size // 2) / size
            total = sum(
                weights[y, x] * cmath.exp(-2j * math.pi * (u * x + v * y))
                for y in range(rows)
                for x in range(columns)
            )
            assert abs(found[i, j] - abs(total)) <= 1e-9


def test_a_wrong_frequency_is_seen():
    weights = np.random.default_rng(0).normal(size=(3, 3))
    assert np.abs(spectrum(weights, 8) - spectrum(weights.T, 8)).max() > 1e-3


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ([[[-0.5, 0, 0.5]]], (1, 0.25)),
        ([[[1, -1]]], (2, 0.5)),
        ([[[2]]], (2, 0)),
        ([[[0.25, 0.5, 0.25]]], (1, 0)),
        ([[[1]], [[3]]], (3, 0)),
        ([[[0]]], (0, 0)),
    ],
)
def test_peak(weights, expected):
    assert peak(np.array(weights, np.float64)) == pytest.approx(expected, abs=1e-9)


def test_gabor_peaks_at_its_wavelength():
    for each in load_bank("gabor").filters:
        strongest, frequency = peak(each.weights)
        length = int(each.name.split("_")[1])
        assert frequency == pytest.approx(1 / length, rel=0.05)
        assert strongest == pytest.approx(0.5, abs=0.01)


def test_decibels_end_at_the_floor():
    assert decibels(np.array([2.0, 0.02, 0.0]), 2.0) == pytest.approx([0, -40, -60])
    assert decibels(np.zeros(2), 0.0).tolist() == [-60, -60]


def test_colours_run_from_white_to_dark():
    colours = strength_colours(np.array([-1.0, 0.0, 0.5, 1.0, 2.0])).astype(int)
    assert colours[0].tolist() == colours[1].tolist() == [255, 255, 255]
    assert colours[3].tolist() == colours[4].tolist()
    assert colours[1].sum() > colours[2].sum() > colours[3].sum()


def test_one_reference_for_all_or_each_its_own():
    both = bank(Filter("weak", [[0.01]]), Filter("strong", [[1.0]]))
    dark = strength_colours(np.array(1.0))

    def count(sheet):
        return (np.asarray(sheet) == dark).all(axis=2).sum()

    assert count(draw_spectra(both, "filter")) > 1.8 * count(draw_spectra(both))


@pytest.mark.parametrize(
    "drawn",
    [
        bank(Filter("zero", [[0.0, 0.0]])),
        bank(Filter("huge", np.eye(900))),
        bank(Filter("signal", [np.hanning(300)])),
        bank(Filter("rgb", np.ones((3, 3, 3))), input="rgb"),
        bank(Filter("deep", np.ones((70, 1, 1))), input=70),
        bank(*(Filter(f"filter-{n}", [[n, -n]]) for n in range(100))),
    ],
    ids=lambda drawn: drawn.filters[0].name[:6],
)
@pytest.mark.parametrize("draw", [draw_spectra, draw_sheet])
def test_odd_banks_are_drawn_too(drawn, draw):
    picture = np.asarray(draw(drawn))
    for edge in (picture[:40], picture[-40:], picture[:, :40], picture[:, -40:]):
        assert (edge == 255).all(), "nothing runs over the margin"


@pytest.mark.parametrize("count", [36, 48, 64, 100])
@pytest.mark.parametrize("side", [31, 49, 73, 109])
def test_many_large_filters_stay_legible(count, side):
    layout = lay_out(count, 1, (side, side))
    assert is_smooth((side, side))
    assert min(layout.plane) >= 96
    assert layout.width <= 1800


def test_the_same_bank_gives_the_same_bytes(tmp_path):
    digests = set()
    for name in "ab":
        with (tmp_path / name).open("wb") as stream:
            write_spectra(load_bank("sobel"), stream)
        digests.add(hashlib.sha256((tmp_path / name).read_bytes()).hexdigest())
    assert len(digests) == 1
