"""Sums by lags against every receptive field written out."""

import numpy as np
import pytest

from filterbank.fit import lags
from filterbank.fit.moments import Moments
from filterbank.fit.windows import bands
from filterbank.model import Filter, Layer

CASES = [
    ((1, 1), (1, 1), 1, 1, (9, 9)),
    ((3, 3), (1, 1), 1, 1, (20, 30)),
    ((5, 4), (1, 2), 3, 2, (60, 50)),
    ((4, 3), (3, 2), 2, 1, (31, 33)),
    ((1, 7), (1, 1), 2, 1, (1, 90)),
    ((7, 1), (1, 1), 2, 1, (90, 1)),
    ((3, 3), (2, 2), 1, 1, (5, 5)),  # one output
    ((6, 6), (1, 1), 1, 2, (8, 9)),  # fewer outputs than taps a side
]


def explicit(pixels, targets, window, origin):
    """The sums of products by loops over outputs."""
    (Fh, Fw), (dy, dx) = window.kernel, window.dilation
    found = np.zeros((len(origin),) * 2)
    for y in range(targets.shape[1]):
        for x in range(targets.shape[2]):
            field = pixels[:, y : y + dy * (Fh - 1) + 1 : dy, x : x + dx * (Fw - 1) + 1 : dx].astype(float)
            column = np.concatenate([field.ravel(), [1], targets[:, y, x]]) - origin
            found += np.outer(column, column)
    return found


def drawn(kernel, dilation, C, K, size, seed=0):
    rng = np.random.default_rng(seed)
    outputs = [n - d * (f - 1) for n, f, d in zip(size, kernel, dilation, strict=True)]
    origin = np.concatenate([np.repeat(rng.random(C), kernel[0] * kernel[1]), [0], rng.random(K)])
    return (
        rng.random((C, *size), np.float32),
        rng.random((K, *outputs), np.float32),
        lags.Window(kernel, dilation, C),
        origin,
    )


@pytest.mark.parametrize("case", CASES, ids=str)
def test_they_are_the_sums_over_all_outputs(case):
    given = drawn(*case)
    np.testing.assert_allclose(lags.sums(*given), explicit(*given), rtol=1e-12, atol=1e-11)


def test_one_other_pixel_is_seen():
    pixels, targets, window, origin = drawn(*CASES[2])
    expected = explicit(pixels, targets, window, origin)
    for place in ((0, 0, 0), (2, 59, 49), (1, 30, 25)):
        other = pixels.copy()
        other[place] += 1e-3
        assert not np.allclose(lags.sums(other, targets, window, origin), expected, rtol=1e-12, atol=1e-11)


@pytest.mark.parametrize("limits", [(1, 64, 1 << 13), (1 << 18, 7, 1 << 13), (1 << 18, 64, 10)])
def test_bands_blocks_and_parts_of_rows_change_nothing(limits, monkeypatch):
    given = drawn(*CASES[2])
    expected = lags.sums(*given)
    for name, limit in zip(("_BAND", "_ROWS", "_COLUMNS"), limits, strict=True):
        monkeypatch.setattr(lags, name, limit)
    np.testing.assert_allclose(lags.sums(*given), expected, rtol=1e-13, atol=1e-12)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_codes_are_their_values(kind):
    pixels, targets, window, origin = drawn(*CASES[1])
    codes = np.rint(pixels * np.iinfo(kind).max).astype(kind)
    values = codes.astype(float) / np.iinfo(kind).max
    found = lags.sums(codes, targets, window, origin)
    np.testing.assert_allclose(found, explicit(values, targets, window, origin), rtol=1e-6, atol=1e-6)


def test_digits_far_from_zero_are_kept():
    """About their mean, sums of pixels of 1000 ± 0.1 keep what they differ by."""
    rng = np.random.default_rng(0)
    pixels = (1000 + 0.1 * rng.random((2, 40, 50))).astype(np.float32)
    targets = rng.random((1, 36, 46), np.float32)
    origin = np.concatenate([np.full(50, 1000.05), [0], [0.5]])
    moments = Moments.none(origin, 50)
    layer = Layer((Filter("f", np.zeros((2, 5, 5))),))
    for columns in bands(pixels, layer, targets):
        moments.add(columns)
    found = lags.sums(pixels, targets, lags.Window((5, 5), (1, 1), 2), origin)
    np.testing.assert_allclose(found, moments.sums, rtol=1e-9, atol=1e-12 * np.abs(moments.sums).max())
