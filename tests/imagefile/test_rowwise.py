"""Files written band by band against the same maps written whole."""

import io
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from filterbank.engine.deflate_bands import RowDeflater
from filterbank.errors import RequestError
from filterbank.imagefile import encode, rowwise
from filterbank.imagefile.glance import glance
from filterbank.imagefile.maptext import MapText
from filterbank.imagefile.read_map import read_map, read_maps
from filterbank.imagefile.squeeze import RowSqueezer
from filterbank.imagefile.tone import Scale

TEXT = MapText("edge", "banks", "d1", Scale(-2.0, 2.0, 255, 128), "auto")


def split(height, steps):
    edges = sorted({0, height, *(step % height for step in steps)})
    return list(pairwise(edges))


def write_bands(file, maps, bands, alpha=None, clipped=None):
    for first, last in bands:
        for index, planes in enumerate(maps):
            file.write(index, first, planes[..., first:last, :], None if alpha is None else alpha[first:last])
    file.end([5] * len(maps) if clipped is None else clipped)


def assert_same_file(path, expected, bands_of):
    """Assert that a file says and holds what the bytes *expected* do."""
    whole = path.with_name("whole-" + path.name)
    whole.write_bytes(expected)
    for (found, text), (values, told) in zip(read_maps(path), read_maps(whole), strict=True):
        np.testing.assert_array_equal(found, values)
        assert text == told
    assert glance(path, stack=bands_of > 1) == glance(whole, stack=bands_of > 1)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [None, 3])
@pytest.mark.parametrize("with_alpha", [False, True])
@pytest.mark.parametrize("deflater", [RowDeflater, RowSqueezer])
@settings(max_examples=10, deadline=None)
@given(steps=st.lists(st.integers(1, 99), max_size=6))
def test_png(tmp_path_factory, kind, channels, with_alpha, deflater, steps):
    rng = np.random.default_rng(3)
    top = np.iinfo(kind).max
    shape = (40, 23) if channels is None else (channels, 40, 23)
    codes = rng.integers(0, top, shape, kind, endpoint=True)
    alpha = rng.random((40, 23), np.float32) if with_alpha else None
    text = replace(TEXT, scale=Scale(-2.0, 2.0, top, (top + 1) // 2), alpha=with_alpha)
    expected = io.BytesIO()
    encode.write_png(codes, replace(text, clipped=5), expected, alpha)
    path = tmp_path_factory.mktemp("png") / "map.png"
    with path.open("w+b") as stream:
        shape = ((channels or 1) + with_alpha, 40, 23)
        file = rowwise.PngRows(stream, shape, np.dtype(kind), text, deflater)
        write_bands(file, [codes], split(40, steps), alpha)
    assert_same_file(path, expected.getvalue(), 1)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [None, 3, 5])
@pytest.mark.parametrize("with_alpha", [False, True])
@pytest.mark.parametrize("count", [1, 3])
def test_tiff(tmp_path, kind, channels, with_alpha, count):
    rng = np.random.default_rng(3)
    shape = (40, 23) if channels is None else (channels, 40, 23)
    maps = [(rng.random(shape) * 255).astype(kind) for _ in range(count)]
    alpha = rng.random((40, 23), np.float32) if with_alpha else None
    scale = {np.uint8: Scale(0, 1), np.uint16: Scale(0, 1, 65535), np.float32: None}[kind]
    texts = [replace(TEXT, filter=f"f{k}", scale=scale, alpha=with_alpha) for k in range(count)]
    clipped = [0 if scale is None else 10**k for k in range(count)]
    expected = io.BytesIO()
    with encode.TiffStack(expected, count * maps[0].nbytes) as stack:
        for own, text, number in zip(maps, texts, clipped, strict=True):
            stack.write(own, replace(text, clipped=number), alpha)
    path = tmp_path / "map.tiff"
    with path.open("w+b") as stream:
        shape = ((channels or 1) + with_alpha, 40, 23)
        write_bands(
            rowwise.TiffRows(stream, shape, np.dtype(kind), texts), maps, split(40, [7, 8]), alpha, clipped
        )
    assert_same_file(path, expected.getvalue(), count)
    with tifffile.TiffFile(path) as file, tifffile.TiffFile(io.BytesIO(expected.getvalue())) as whole:
        for own, other in zip(file.pages, whole.pages, strict=True):
            np.testing.assert_array_equal(own.asarray(), other.asarray())
            assert (own.photometric, own.extrasamples) == (other.photometric, other.extrasamples)


@pytest.mark.parametrize("stacked", [False, True])
@pytest.mark.parametrize("channels", [None, 3])
@pytest.mark.parametrize("with_alpha", [False, True])
def test_npy_has_the_bytes_of_the_whole(tmp_path, stacked, channels, with_alpha):
    rng = np.random.default_rng(3)
    size = 40, 23
    maps = [
        rng.random(size if channels is None else (channels, *size), np.float32) for _ in range(1 + stacked)
    ]
    alpha = rng.random(size, np.float32) if with_alpha else None
    count = (channels or 1) + with_alpha
    shape = size if count == 1 else (count, *size)
    expected = io.BytesIO()
    if stacked:
        stack = encode.NpyStack(expected, (2, *shape))
        for own in maps:
            stack.write(own, alpha)
    else:
        encode.write_npy(maps[0], expected, alpha)
    path = tmp_path / "map.npy"
    with path.open("w+b") as stream:
        file = rowwise.NpyRows(stream, (2, *shape) if stacked else shape)
        write_bands(file, maps, split(40, [1, 30]), alpha)
    assert path.read_bytes() == expected.getvalue()


def test_csv_has_the_bytes_of_the_whole():
    values = np.random.default_rng(3).normal(size=(12, 5)).astype(np.float32)
    expected, found = io.BytesIO(), io.BytesIO()
    encode.write_csv(values, expected)
    write_bands(rowwise.CsvRows(found), [values], split(12, [5]))
    assert found.getvalue() == expected.getvalue()


def test_what_png_cannot_hold_is_told_before_any_pixel():
    with pytest.raises(RequestError, match="a map of 5 channels"):
        rowwise.PngRows(io.BytesIO(), (5, 4, 4), np.dtype(np.uint8), TEXT, RowDeflater)


def test_one_wrong_row_is_seen(tmp_path):
    values = np.random.default_rng(3).random((12, 5), np.float32)
    path = tmp_path / "map.npy"
    with path.open("w+b") as stream:
        file = rowwise.NpyRows(stream, (12, 5))
        write_bands(file, [values], [(0, 6), (7, 12)])
    with pytest.raises(AssertionError):
        np.testing.assert_array_equal(read_map(path)[0], values)
