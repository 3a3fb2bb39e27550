"""Rows in, a zlib stream out: decoded by others, not too large, the same from several threads."""

from __future__ import annotations

import heapq
import io
import struct
import subprocess
import sys
import zlib
from concurrent.futures import ThreadPoolExecutor

import imagecodecs
import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from scipy import ndimage

from filterbank.engine import deflate
from filterbank.engine.deflate import Scratch, encoded
from filterbank.engine.kernels import huffman
from filterbank.engine.kernels.deflate import WORK, png_bands

COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}


@pytest.fixture(scope="module")
def kernel():
    return numba.njit(png_bands, nogil=True, error_model="numpy")


def encode_rows(*args, **how) -> bytes:
    """Return the whole stream of rows."""
    with encoded(*args, **how) as parts:
        return b"".join(parts)


def rows_of(image: np.ndarray) -> tuple[np.ndarray, int]:
    """Return the bytes of (H, W) or (H, W, channels) codes as a PNG has them, and bytes a pixel."""
    channels = 1 if image.ndim == 2 else image.shape[2]
    big = image.astype(">u2") if image.itemsize == 2 else image
    return np.ascontiguousarray(big).view(np.uint8).reshape(image.shape[0], -1), channels * image.itemsize


def unfilter(raw: bytes, height: int, n: int, bpp: int) -> np.ndarray:
    """Undo filters None, Sub and Up byte by byte, as the PNG specification says."""
    out = np.zeros((height, n), np.uint8)
    for y in range(height):
        line = raw[y * (n + 1) : (y + 1) * (n + 1)]
        for x in range(n):
            left = int(out[y, x - bpp]) if x >= bpp else 0
            above = int(out[y - 1, x]) if y else 0
            out[y, x] = (line[1 + x] + {0: 0, 1: left, 2: above}[line[0]]) % 256
    return out


def assert_holds(stream: bytes, rows: np.ndarray, bpp: int) -> None:
    raw = zlib.decompress(stream)
    assert len(raw) == rows.shape[0] * (rows.shape[1] + 1)
    np.testing.assert_array_equal(unfilter(raw, *rows.shape, bpp), rows)


def png(image: np.ndarray, stream: bytes) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    channels = 1 if image.ndim == 2 else image.shape[2]
    head = struct.pack(
        ">IIBBBBB", image.shape[1], image.shape[0], 8 * image.itemsize, COLOUR_TYPES[channels], 0, 0, 0
    )
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", stream) + chunk(b"IEND", b"")


def texture(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Return something like a photograph: blobs, edges and grain, float64 0..1."""
    rng = np.random.default_rng(seed)
    soft = ndimage.gaussian_filter(rng.normal(size=(height, width)), 6) * 6
    edges = ndimage.gaussian_filter((ndimage.gaussian_filter(rng.normal(size=soft.shape), 9) > 0) * 0.4, 1)
    return np.clip(0.3 + 0.1 * soft + edges + 0.01 * rng.normal(size=soft.shape), 0, 1)


def drawing(height: int, width: int) -> np.ndarray:
    rng = np.random.default_rng(5)
    glyphs = (rng.random((6, 9, 7)) < 0.4) * 255
    page = np.full((height, width), 255)
    for y in range(4, height - 12, 12):
        for x in range(4, width // 2, 8):
            page[y : y + 9, x : x + 7] = 255 - glyphs[rng.integers(6)]
    return page / 255


def codes(values: np.ndarray, kind: str) -> np.ndarray:
    if kind == "signed":
        return np.rint(128 + 127 * values / np.abs(values).max()).astype(np.uint8)
    if kind == "signed 16":
        return np.rint(32768 + 32767 * values / np.abs(values).max()).astype(np.uint16)
    return np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)


def doubled(values: np.ndarray) -> np.ndarray:
    """Return 8 bits in 16: 255 becomes 65535."""
    return codes(values, "picture") * np.uint16(257)


def sample_maps() -> dict[str, np.ndarray]:
    photo, page = texture(230, 310), drawing(230, 310)
    half = photo.copy()
    half[:, 100:] = 0.5
    colour = np.stack([photo, np.roll(photo, 2, 0), 0.8 * photo], -1)
    return {
        "photo": codes(photo, "picture"),
        "box": codes(ndimage.uniform_filter(photo, 5), "picture"),
        "sobel": codes(ndimage.sobel(photo), "signed"),
        "sobel 16": codes(ndimage.sobel(photo), "signed 16"),
        "box 16": np.rint(ndimage.uniform_filter(photo, 5) * 65535).astype(np.uint16),
        "relu": codes(np.maximum(ndimage.laplace(photo), 0) * 3, "picture"),
        "half flat": codes(ndimage.sobel(half), "signed"),
        "drawing": codes(page, "picture"),
        "drawing, sobel": codes(ndimage.sobel(page), "signed"),
        "flat": np.full((230, 310), 128, np.uint8),
        "colour": codes(colour, "picture"),
        "colour 16": np.rint(colour * 65535).astype(np.uint16),
        "grey, alpha": codes(np.stack([photo, np.ones_like(photo)], -1), "picture"),
        "photo, 8 in 16": doubled(photo),
        "sobel, 8 in 16": doubled(0.5 + ndimage.sobel(photo)),
        "half flat, 8 in 16": doubled(half),
        "drawing, 8 in 16": doubled(page),
        "colour, 8 in 16": doubled(colour),
        "colour, alpha 16": np.rint(np.dstack([colour, half]) * 65535).astype(np.uint16),
    }


MAPS = sample_maps()


@pytest.mark.parametrize("name", MAPS)
def test_other_programs_read_the_same_pixels(name, kernel):
    image = MAPS[name]
    rows, bpp = rows_of(image)
    file = png(image, encode_rows(rows, bpp, kernel))
    np.testing.assert_array_equal(imagecodecs.png_decode(file), image)
    if image.dtype == np.uint8 and (image.ndim == 2 or image.shape[2] > 2):  # what this library offers
        np.testing.assert_array_equal(imagecodecs.spng_decode(file), image)
    if image.dtype == np.uint8 or image.ndim == 2:  # Pillow has no 16-bit colour
        np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(file))), image)


@pytest.mark.parametrize(
    "name", [name for name in MAPS if name != "grey, alpha"]
)  # OpenCV has no such images
def test_opencv_reads_the_same_pixels(name, kernel):
    cv2 = pytest.importorskip("cv2")
    image = MAPS[name]
    rows, bpp = rows_of(image)
    file = np.frombuffer(png(image, encode_rows(rows, bpp, kernel)), np.uint8)
    found = cv2.imdecode(file, cv2.IMREAD_UNCHANGED)
    if image.ndim == 3:
        found = found[..., [2, 1, 0, 3][: image.shape[2]]]
    np.testing.assert_array_equal(found, image)


@pytest.mark.parametrize("name", MAPS)
def test_not_larger_than_pillow_at_level_1(name, kernel):
    image = MAPS[name]
    rows, bpp = rows_of(image)
    size = len(png(image, encode_rows(rows, bpp, kernel)))
    if image.dtype == np.uint8 or image.ndim == 2:
        file = io.BytesIO()
        Image.fromarray(image).save(file, "PNG", compress_level=1)
        other = len(file.getvalue())
    else:
        other = len(imagecodecs.png_encode(image, level=1))
    assert size <= 1.1 * other, f"{size} bytes, the other {other}"


@pytest.mark.parametrize("value", [0, 128, 255])
def test_flat_maps_are_tiny(value, kernel):
    assert len(encode_rows(np.full((300, 400), value, np.uint8), 1, kernel)) <= 900
    assert len(encode_rows(np.full((300, 400), value, np.uint8), 2, kernel)) <= 900


def test_samples_of_equal_bytes_are_paid_for_once(kernel):
    image = MAPS["photo, 8 in 16"]
    once, twice = (len(encode_rows(*rows_of(one), kernel)) for one in (image.astype(np.uint8), image))
    assert twice < 1.6 * once
    spoilt = image.copy()
    spoilt[-1, -1] ^= 1  # one sample of other bytes: a code a byte, for the whole band
    assert len(encode_rows(*rows_of(spoilt), kernel)) > 1.8 * once


@pytest.mark.parametrize("share", [0.0005, 0.01, 0.1, 0.3])
def test_dots_of_equal_bytes_take_no_more_than_runs(share, kernel):
    image = (np.random.default_rng(3).random((300, 401)) < share).astype(np.uint8) * np.uint16(255 * 257)
    spoilt = image.copy()
    spoilt[-1, -1] ^= 1
    assert len(encode_rows(*rows_of(image), kernel)) <= 1.01 * len(encode_rows(*rows_of(spoilt), kernel))


SMALL = st.tuples(st.integers(1, 9), st.integers(1, 5), st.integers(1, 8)).flatmap(
    lambda s: st.tuples(
        arrays(np.uint8, (s[0], s[1] * s[2]), elements=st.sampled_from([0, 1, 2, 7, 128, 255])), st.just(s[2])
    )
)


@given(SMALL)
@settings(max_examples=150, deadline=None)
def test_any_small_image_comes_back(kernel, case):
    rows, bpp = case
    assert_holds(encode_rows(rows, bpp, kernel), rows, bpp)


@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 8),
    st.floats(0, 8),
    st.floats(0, 1),
    st.booleans(),
    st.booleans(),
)
@settings(max_examples=80, deadline=None)
def test_any_mixture_of_noise_runs_and_repeats_comes_back(kernel, seed, bpp, spread, dense, periodic, twice):
    rng = np.random.default_rng(seed)
    shape = (int(rng.integers(1, 40)), bpp * int(rng.integers(1, 60)))
    noise = np.rint(rng.normal(size=shape) * 2**spread) * (rng.random(shape) < dense)
    rows = noise.astype(np.int64).astype(np.uint8)
    if periodic:
        rows = np.resize(rows[:, : max(1, shape[1] // 5)], shape)
    rows = np.ascontiguousarray(rows)
    if twice:
        rows, bpp = np.repeat(rows, 2, 1), 2 * bpp if bpp <= 4 else 2
    assert_holds(encode_rows(rows, bpp, kernel), rows, bpp)


@pytest.mark.parametrize("name", ["photo", "drawing", "flat", "colour", "photo, 8 in 16"])
def test_bands_join_and_threads_change_nothing(name, kernel, monkeypatch):
    monkeypatch.setattr(deflate, "BAND", 5000)
    rows, bpp = rows_of(MAPS[name])
    scratch: list[Scratch] = []
    alone = encode_rows(rows, bpp, kernel, scratch=scratch)
    assert_holds(alone, rows, bpp)
    with ThreadPoolExecutor(2) as pool:
        assert encode_rows(rows, bpp, kernel, scratch=scratch, pool=pool) == alone
    assert encode_rows(rows, bpp, kernel, scratch=scratch) == alone  # with memory others have used


@pytest.mark.parametrize("seed", range(300))
def test_the_bytes_do_not_depend_on_what_was_in_the_memory(seed, kernel):
    rng = np.random.default_rng(seed)
    period, shape = int(rng.integers(5, 60)), (int(rng.integers(1, 9)), int(rng.integers(20, 200)))
    rows = np.resize(rng.integers(0, 4, period).astype(np.uint8), shape)

    def encode(content: int) -> bytes:
        memory = Scratch()
        memory.reserve(rows.size + len(rows), deflate.room(rows.size + len(rows)))
        for part in (memory.filtered, memory.tokens, memory.out, memory.work):
            part.view(np.uint8)[:] = content
        return encode_rows(rows, 1, kernel, scratch=[memory])

    assert len({encode(content) for content in (0, 1, 3, 255)}) == 1


@pytest.mark.parametrize("name", ["photo", "drawing", "colour 16", "photo, 8 in 16"])
def test_the_image_of_machine_code_writes_the_same_bytes(name, kernel, kernels):
    rows, bpp = rows_of(MAPS[name])
    assert encode_rows(rows, bpp, kernels.png_bands) == encode_rows(rows, bpp, kernel)


def test_a_view_into_wider_rows(kernel):
    wide = MAPS["photo"]
    for view in (wide[:, 7:200], wide[::2, 3:50], wide[::-1], wide[:, ::-1]):
        assert_holds(encode_rows(view, 1, kernel), view, 1)


@pytest.mark.parametrize("name", ["sobel 16", "box 16", "colour 16", "colour, alpha 16", "noise"])
def test_words_are_turned_round(name, kernel):
    noise = np.random.default_rng(2).integers(0, 65536, (5, 33)).astype(np.uint16)
    image = MAPS.get(name, noise)
    rows, bpp = rows_of(image)
    little = image.astype("<u2").view(np.uint8).reshape(image.shape[0], -1)
    assert encode_rows(little, bpp, kernel, swap=True) == encode_rows(rows, bpp, kernel)


@pytest.mark.parametrize("content", ["noise", "pairs", "flat", "drawing", "doubled"])
@pytest.mark.parametrize("size", [1, 2, 7, 8, 9, 60, 300000])
def test_nothing_is_written_outside_the_memory_asked_for(content, size, kernel):
    rng = np.random.default_rng(1)
    row = {
        "noise": rng.integers(0, 256, size),
        "pairs": np.resize(rng.integers(0, 2, 90) * rng.integers(0, 256, 90), size),
        "flat": np.zeros(size),
        "drawing": np.resize(MAPS["drawing"].ravel(), size),
        "doubled": np.resize(MAPS["photo, 8 in 16"].view(np.uint8), size),
    }[content].astype(np.uint8)[None]
    need = size + 1
    rooms = [need + 8, 3 * need + 16, need + 5 * need // 8 + 1024, WORK]
    memory = [np.full(-(-room // 8) + 32, -1, np.int64) for room in rooms]
    at = [m[16:].ctypes.data for m in memory]
    written = kernel(row.ctypes.data, size, size, 1, 0, 0, 1, 1, 1, *at)
    assert 0 < written <= rooms[2]
    for room, m in zip(rooms, memory, strict=True):
        edges = m.view(np.uint8)
        assert (edges[:128] == 255).all()
        assert (edges[128 + room :] == 255).all()


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_rows_beyond_the_kernels_counters_go_through_zlib(kind, kernel, monkeypatch):
    image = np.random.default_rng(1).integers(0, 60000, (5, 40)).astype(kind)
    rows = image[:, :32].view(np.uint8)
    monkeypatch.setattr(deflate, "ROW_LIMIT", rows.shape[1] + 1)
    assert zlib.decompress(encode_rows(rows, image.itemsize, kernel, kind == np.uint16))[0] != 0
    monkeypatch.setattr(deflate, "ROW_LIMIT", rows.shape[1])
    stream = encode_rows(rows, image.itemsize, None, kind == np.uint16)
    assert_holds(stream, rows_of(image[:, :32])[0], image.itemsize)


def test_the_driver_knows_how_much_the_kernel_needs():
    assert WORK <= deflate.WORK


@numba.njit
def run_code_lengths(counts, n, longest, lengths, scratch):
    huffman.code_lengths(counts, n, longest, lengths, scratch)


def lengths_of(counts: list[int], longest: int) -> np.ndarray:
    found, lengths = np.array(counts, np.int64), np.empty(len(counts), np.int64)
    scratch = np.empty(huffman.LENGTHS_SCRATCH // 8, np.int64)
    run_code_lengths(found.ctypes.data, len(counts), longest, lengths.ctypes.data, scratch.ctypes.data)
    return lengths


def optimal_cost(counts: list[int]) -> int:
    heap = [c for c in counts if c]
    heapq.heapify(heap)
    total = 0
    while len(heap) > 1:
        both = heapq.heappop(heap) + heapq.heappop(heap)
        total += both
        heapq.heappush(heap, both)
    return total


COUNTS = st.lists(st.one_of(st.just(0), st.integers(1, 10**6)), min_size=2, max_size=286)


@given(COUNTS, st.sampled_from([7, 12, 15]))
@settings(max_examples=100, deadline=None)
def test_code_lengths_are_a_complete_code_and_optimal_where_not_cut(counts, longest):
    if sum(c > 0 for c in counts) > 2**longest:
        counts = counts[:19]
    used = sum(c > 0 for c in counts)
    lengths = lengths_of(counts, longest)
    assert [n > 0 for n in lengths] == [c > 0 for c in counts]
    if used < 2:
        assert lengths.sum() == used
        return
    assert lengths.max() <= longest
    assert sum(2.0 ** -int(n) for n in lengths if n) == 1
    cost, best = int((lengths * counts).sum()), optimal_cost(counts)
    assert best <= cost
    if lengths.max() < longest:
        assert cost == best


def test_lengths_of_steep_counts_are_cut():
    lengths = lengths_of([1 << k for k in range(40)], 12)
    assert lengths.max() == 12
    assert sum(2.0 ** -int(n) for n in lengths) == 1
    assert lengths[-1] == 1


def test_the_comparison_sees_one_wrong_pixel(kernel):
    rows, bpp = rows_of(MAPS["photo"])
    stream = encode_rows(rows, bpp, kernel)
    wrong = rows.copy()
    wrong[100, 100] ^= 1
    with pytest.raises(AssertionError):
        assert_holds(stream, wrong, bpp)


def test_no_driver_imports_its_kernel():
    """A kernel's module imports the compiler, which a run with an image does without."""
    rooms = ("deflate", "fft", "winograd")
    drivers = ", ".join(f"filterbank.engine.{room}" for room in rooms)
    kernels = {f"filterbank.engine.kernels.{room}" for room in (*rooms, "vector")}
    program = f"import sys, {drivers}; sys.exit(len({kernels!r} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
