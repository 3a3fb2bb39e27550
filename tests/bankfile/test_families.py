import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage, signal

from filterbank.bankfile.families import FAMILIES, classic
from filterbank.bankfile.families.texture import laws


@settings(deadline=None)
@given(sigma=st.floats(0.3, 12), size=st.none() | st.integers(1, 41))
def test_gaussian_against_its_formula(sigma, size):
    found = classic.gaussian(sigma, size)
    n = 2 * math.ceil(3 * sigma) + 1 if size is None else size
    wanted = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            y, x = i - (n - 1) / 2, j - (n - 1) / 2
            wanted[i, j] = math.exp(-(x * x + y * y) / (2 * sigma**2))
    assert np.abs(found - wanted / wanted.sum()).max() <= 1e-12


def test_gaussian_is_scipys_impulse_response():
    impulse = np.zeros((31, 31))
    impulse[15, 15] = 1
    wanted = ndimage.gaussian_filter(impulse, 2, radius=6)[9:22, 9:22]
    assert np.abs(classic.gaussian(2) - wanted).max() <= 1e-15


def test_box_identity_and_binomial():
    assert np.array_equal(classic.identity(), [[1]])
    assert np.array_equal(classic.box(4), np.full((4, 4), 1 / 16))
    row = np.array([1.0])
    for size in range(1, 12):
        assert np.abs(classic.binomial(size) - np.outer(row, row)).max() <= 1e-15
        row = signal.convolve(row, [0.5, 0.5])


def test_unsharp_is_the_image_plus_what_a_blur_takes_away():
    delta = np.zeros((7, 7))
    delta[3, 3] = 1
    wanted = delta + 1.5 * (delta - classic.gaussian(1))
    assert np.abs(classic.unsharp(1.5, 1) - wanted).max() <= 1e-15


def _motion_by_walking(length, angle, shape, steps=200_001):
    """Count where many points of the line fall."""
    t = (np.arange(steps) + 0.5) / steps * length - length / 2
    x, y = t * math.cos(math.radians(angle)), -t * math.sin(math.radians(angle))
    counts = np.zeros(shape)
    rows, columns = np.floor(y + shape[0] / 2).astype(int), np.floor(x + shape[1] / 2).astype(int)
    np.add.at(counts, (rows, columns), 1 / steps)
    return counts


@settings(deadline=None)
@given(length=st.floats(0.5, 30), angle=st.floats(-360, 360))
def test_motion_is_where_the_line_runs(length, angle):
    found = classic.motion(length, angle)
    assert abs(found.sum() - 1) <= 1e-12
    assert np.array_equal(found, found[::-1, ::-1])
    padded = np.pad(found, 1)
    wanted = _motion_by_walking(length, angle, padded.shape)
    # A line along the edge of two pixels may be counted for either, hence sums over neighbours.
    assert np.abs(ndimage.uniform_filter(padded - wanted, 3)).max() * 9 <= 0.02 + 0.4 / length


@pytest.mark.parametrize(("length", "angle"), [(9, 20), (12.5, 70), (7, 100), (15, 33)])
def test_motion_at_plain_angles_pixel_for_pixel(length, angle):
    found = classic.motion(length, angle)
    assert np.abs(found - _motion_by_walking(length, angle, found.shape)).max() <= 1e-3


def test_motion_turns_counter_clockwise():
    assert classic.motion(5, 0).shape == (1, 5)
    assert classic.motion(5, 90).shape == (5, 1)
    assert np.allclose(classic.motion(5, 0), 0.2)
    rising = classic.motion(7, 45)
    assert np.array_equal(rising > 0, np.eye(len(rising))[::-1] > 0)
    assert np.array_equal(classic.motion(7, 135), rising[:, ::-1])
    assert np.array_equal(classic.motion(7, 180), classic.motion(7, 0))


def test_laws_are_column_times_row():
    names = dict(laws(5, "none"))
    assert len(names) == 25
    level, spot = np.array([1, 4, 6, 4, 1]), np.array([-1, 0, 2, 0, -1])
    assert np.array_equal(names["L5S5"], level[:, None] * spot[None, :])
    for _, weights in laws(5) + laws(3):
        assert abs((weights**2).sum() - 1) <= 1e-12


def test_every_family_has_a_name_and_a_meaning():
    for name, family in FAMILIES.items():
        assert name.isidentifier()
        assert family.doc
        assert all(key.doc for key in family.parameters)
