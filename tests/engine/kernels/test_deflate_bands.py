"""Rows that come in bands give the bytes that they give as a whole."""

import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filterbank import engine
from filterbank.engine import deflate, deflate_bands
from filterbank.engine.deflate_bands import RowDeflater


def compress(*args):
    with engine.compressed(*args) as parts:
        return b"".join(parts)


def in_bands(rows, steps, bpp, swap=False):
    deflater = RowDeflater(len(rows), rows.shape[1], bpp, swap)
    parts, at = [], 0
    for step in steps:
        parts.append(deflater.rows(rows[at : at + step]))
        at += step
    if at < len(rows):
        parts.append(deflater.rows(rows[at:]))
    return b"".join(parts)


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_bands_give_the_bytes_of_the_whole(data):
    height, n = data.draw(st.integers(1, 60)), 2 * data.draw(st.integers(1, 40))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    rows = rng.integers(0, 4 if data.draw(st.booleans()) else 256, (height, n), np.uint8)
    steps = []
    while sum(steps) < height and data.draw(st.booleans()):
        steps.append(data.draw(st.integers(0, height - sum(steps))))
    swap, bpp = data.draw(st.sampled_from([(False, 1), (True, 2)]))
    block = data.draw(st.integers(1, 12)) * (n + 1)
    with pytest.MonkeyPatch.context() as patch:
        for module in (deflate, deflate_bands):
            patch.setattr(module, "BAND", block)
        assert in_bands(rows, steps, bpp, swap) == compress(rows, bpp, swap)


@pytest.mark.parametrize("steps", [[], [1, 1, 1], [300], [299, 1, 2]])
def test_large_rows(steps):
    rows = np.random.default_rng(1).integers(0, 256, (700, 3000), np.uint8)
    found = in_bands(rows, steps, 1)
    assert found == compress(rows, 1)
    assert len(zlib.decompress(found)) == 700 * 3001


@pytest.mark.parametrize("swap", [False, True])
def test_rows_too_long_for_the_kernel(monkeypatch, swap):
    rows = np.random.default_rng(1).integers(0, 256, (7, 30), np.uint8)
    for module in (deflate, deflate_bands):
        monkeypatch.setattr(module, "ROW_LIMIT", 30)
    assert zlib.decompress(in_bands(rows, [2, 4], 2, swap)) == zlib.decompress(compress(rows, 2, swap))


def test_rows_beyond_the_last_are_a_fault():
    deflater = RowDeflater(3, 5, 1)
    deflater.rows(np.zeros((2, 5), np.uint8))
    with pytest.raises(ValueError, match="after 2 of 3"):
        deflater.rows(np.zeros((2, 5), np.uint8))
    with pytest.raises(ValueError, match=r"found \(1, 6\)"):
        deflater.rows(np.zeros((1, 6), np.uint8))
