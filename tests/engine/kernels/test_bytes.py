"""64 bytes at once beside one after the other."""

from __future__ import annotations

import zlib

import numba
import numpy as np
import pytest

from filterbank.engine.kernels import rowfilter
from filterbank.engine.kernels.vector_bytes import ADLER_BYTES, outside, repeats


@numba.njit
def looks(address, usual):
    return repeats(address), outside(address, usual)


@numba.njit
def checksum(address, n):
    return rowfilter.adler32(address, n)


def bits(flags):
    """Return a number whose lowest bit is the first of 64 truth values."""
    return sum(1 << i for i, flag in enumerate(flags) if flag)


@pytest.mark.parametrize("usual", [1, 2, 7, 64, 127, 128])
@pytest.mark.parametrize("spread", [2, 20, 256])
def test_looks_at_64_bytes(usual, spread):
    rng = np.random.default_rng(usual + spread)
    data = (rng.integers(0, spread, 3000) - spread // 2).astype(np.uint8)
    signed = data.view(np.int8).astype(int)
    for i in range(1, data.size - 64, 37):
        same, far = looks(data.ctypes.data + i, usual)
        assert same == bits(data[i : i + 64] == data[i - 1 : i + 63])
        assert far == bits((signed[i : i + 64] < -usual) | (signed[i : i + 64] >= usual))


@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, ADLER_BYTES - 1, ADLER_BYTES, ADLER_BYTES + 1, 1 << 18])
@pytest.mark.parametrize("fill", [None, 0, 255])
def test_the_checksum_is_that_of_zlib(size, fill):
    data = np.random.default_rng(size).integers(0, 256, size + 1, np.uint8)
    if fill is not None:
        data[:] = fill
    assert checksum(data.ctypes.data + 1, size) == zlib.adler32(data[1:].tobytes())
