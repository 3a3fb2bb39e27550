"""Small PNG streams: the same pixels, and no filter that a decoder would undo otherwise."""

import io
import zlib
from contextlib import nullcontext

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from filterbank.imagefile import png, squeeze

PIXELS = {
    "gradient": lambda h, w, n: (np.indices((h, w, n)).sum(0) * 3 % 256).astype(np.uint8),
    "noise": lambda h, w, n: np.random.default_rng(h).integers(0, 256, (h, w, n)).astype(np.uint8),
    "flat": lambda h, w, n: np.full((h, w, n), 200, np.uint8),
}


def encoded(pixels):
    file = io.BytesIO()
    png.write(pixels, {}, file, lambda *rows: nullcontext([squeeze.squeeze(*rows)]))
    file.seek(0)
    return file


@pytest.mark.parametrize("kind", PIXELS)
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [(1, 1), (3, 7), (70, 5000)])
def test_pillow_reads_the_same_pixels(kind, channels, size):
    pixels = PIXELS[kind](*size, channels)
    found = np.asarray(Image.open(encoded(pixels)))
    assert np.array_equal(found.reshape(pixels.shape), pixels)


def test_words_have_their_high_byte_first():
    pixels = np.random.default_rng(0).integers(0, 65536, (9, 11, 1)).astype(np.uint16)
    assert np.array_equal(np.asarray(Image.open(encoded(pixels))), pixels[..., 0])


@given(st.integers(0, 99), st.integers(1, 12), st.integers(1, 40), st.integers(1, 4))
@settings(max_examples=60, deadline=None)
def test_a_slow_decoder_agrees(seed, height, width, bpp):
    rng = np.random.default_rng(seed)
    rows = np.cumsum(rng.integers(-3, 4, (height, width * bpp)), axis=1).astype(np.uint8)
    data = zlib.decompress(squeeze.squeeze(rows, bpp))
    assert len(data) == height * (width * bpp + 1)
    above = [0] * (width * bpp)
    for y in range(height):
        kind, *line = data[y * (width * bpp + 1) : (y + 1) * (width * bpp + 1)]
        for x, byte in enumerate(line):
            left, corner = (line[x - bpp], above[x - bpp]) if x >= bpp else (0, 0)
            line[x] = (byte + predicted(kind, left, above[x], corner)) % 256
        assert line == rows[y].tolist()
        above = line


def predicted(kind, a, b, c):
    p = a + b - c
    nearest = min((a, b, c), key=lambda value: abs(p - value))
    return (0, a, b, (a + b) // 2, nearest)[kind]


def test_smaller_than_one_filter_for_all_rows():
    ramp = (np.indices((200, 300)).sum(0) ** 2 // 40 % 256).astype(np.uint8)
    up = np.diff(ramp, axis=0, prepend=np.zeros((1, 300), np.uint8))
    assert len(squeeze.squeeze(ramp, 1)) < len(zlib.compress(up.tobytes(), 9))
