"""Maps into files: every format read back by other libraries than the one that wrote it."""

import io
import json

import imagecodecs
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from filterbank.errors import RequestError
from filterbank.imagefile import encode, maptext, png
from filterbank.imagefile.maptext import MapText
from filterbank.imagefile.tone import TOP8, TOP16, Scale

SCALE8, SCALE16 = Scale(-0.1, 0.1, TOP8, 128), Scale(-0.1, 0.1, TOP16, 32768)
TEXT = MapText("sobel_x", "edges", "0f" * 32, SCALE8, "auto", clipped=3)


def random(dtype, shape, seed=0):
    generator = np.random.default_rng(seed)
    if dtype == np.float32:
        return generator.normal(size=shape).astype(np.float32)
    return generator.integers(0, np.iinfo(dtype).max + 1, shape).astype(dtype)


def png_bytes(codes, text=TEXT, alpha=None):
    stream = io.BytesIO()
    encode.write_png(codes, text, stream, alpha)
    return stream.getvalue()


def tiff_bytes(values, text=MapText("x"), alpha=None):  # noqa: B008
    stream = io.BytesIO()
    encode.write_tiff(values, text, stream, alpha)
    return stream.getvalue()


def assert_png_holds(data, pixels):
    """Two witnesses; Pillow alone would not do, it reads 16-bit colour as 8-bit."""
    decoded = imagecodecs.png_decode(data)
    assert decoded.dtype == pixels.dtype
    assert np.array_equal(decoded, pixels)
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        assert image.size == (pixels.shape[1], pixels.shape[0])
        if pixels.dtype == np.uint8 or pixels.ndim == 2:
            assert np.array_equal(np.asarray(image), pixels)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("size", [(1, 1), (1, 7), (9, 1), (33, 20)])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("with_alpha", [False, True])
def test_png_modes(dtype, size, channels, with_alpha):
    codes = random(dtype, (channels, *size) if channels > 1 else size)
    top = np.iinfo(dtype).max
    alpha = np.random.default_rng(1).random(size).astype(np.float32) if with_alpha else None
    pixels = codes if channels == 1 else np.moveaxis(codes, 0, 2)
    if alpha is not None:
        last = np.rint(alpha.astype(np.float64) * top).astype(dtype)
        pixels = np.dstack([pixels, last])
    assert_png_holds(png_bytes(codes, alpha=alpha), pixels)


def test_the_check_can_fail():
    codes = random(np.uint8, (5, 6))
    wrong = codes.copy()
    wrong[4, 5] ^= 1
    with pytest.raises(AssertionError):
        assert_png_holds(png_bytes(codes), wrong)


def test_png_of_many_bands_is_one_image():
    codes = random(np.uint16, (3, 700, 500))
    assert codes.nbytes > 2 * png._BAND
    assert_png_holds(png_bytes(codes), np.moveaxis(codes, 0, 2))


@settings(max_examples=40, deadline=None)
@given(arrays.arrays(st.sampled_from([np.uint8, np.uint16]), arrays.array_shapes(min_dims=2, max_dims=2)))
def test_any_grey_png(codes):
    assert_png_holds(png_bytes(codes), codes)


def test_png_text_is_what_pillow_reads():
    with Image.open(io.BytesIO(png_bytes(random(np.uint8, (4, 4))))) as image:
        told = dict(image.text)
    assert told == {
        "Software": maptext.SOFTWARE,
        "filterbank.filter": "sobel_x",
        "filterbank.bank": "edges",
        "filterbank.digest": "0f" * 32,
        "filterbank.lo": "-0.1",
        "filterbank.hi": "0.1",
        "filterbank.top": "255",
        "filterbank.zero": "128",
        "filterbank.range": "auto",
        "filterbank.transfer": "linear",
        "filterbank.clipped": "3",
        "filterbank.alpha": "no",
    }


@pytest.mark.parametrize("name", ["Kanten", "Kanten für Ömer", "縁", "a\0b", "two\nlines", ""])
def test_png_text_of_any_letters(name):
    data = png_bytes(random(np.uint8, (2, 2)), MapText(bank=name, scale=SCALE8))
    expected = name.replace("\0", "\ufffd")
    with Image.open(io.BytesIO(data)) as image:
        assert image.text["filterbank.bank"] == expected
    assert dict(png.texts(io.BytesIO(data)))["filterbank.bank"] == expected


@pytest.mark.parametrize("channels", [2, 4, 5])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_png_refuses_channels_it_cannot_name(channels, dtype):
    name = "png" if dtype == np.uint8 else "png16"
    with pytest.raises(RequestError, match=f"--format {name}: a map of {channels} channels; .*tiff or npy"):
        png_bytes(random(dtype, (channels, 3, 3)))


@pytest.mark.parametrize("dtype", [np.float32, np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("with_alpha", [False, True])
@pytest.mark.parametrize("size", [(1, 1), (6, 9)])
def test_tiff_keeps_every_bit(dtype, channels, with_alpha, size):
    values = random(dtype, (channels, *size) if channels > 1 else size)
    alpha = np.linspace(0, 1, size[0] * size[1], dtype=np.float32).reshape(size) if with_alpha else None
    with tifffile.TiffFile(io.BytesIO(tiff_bytes(values, alpha=alpha))) as file:
        page = file.pages[0]
        pixels = page.asarray()
        assert page.photometric.name == ("RGB" if channels == 3 else "MINISBLACK")
        assert (2 in page.extrasamples) is with_alpha  # unassociated alpha
    planes = pixels[np.newaxis] if pixels.ndim == 2 else np.moveaxis(pixels, 2, 0)
    assert planes.dtype == dtype and len(planes) == channels + with_alpha
    assert planes[:channels].tobytes() == values.tobytes()


def test_tiff_keeps_what_is_not_finite():
    values = np.array([[np.nan, np.inf, -np.inf, -0.0, 1e-45]], np.float32)
    assert tifffile.imread(io.BytesIO(tiff_bytes(values))).tobytes() == values.tobytes()


def test_pillow_reads_the_float_tiff():
    values = random(np.float32, (5, 7))
    with Image.open(io.BytesIO(tiff_bytes(values))) as image:
        assert image.mode == "F" and np.array_equal(np.asarray(image), values)


def test_tiff_description_is_json():
    with tifffile.TiffFile(io.BytesIO(tiff_bytes(random(np.uint8, (4, 4)), TEXT))) as file:
        told = json.loads(file.pages[0].description)
        assert {"DateTime", "Software"}.isdisjoint(tag.name for tag in file.pages[0].tags)
    assert (told["lo"], told["hi"], told["top"], told["zero"]) == (-0.1, 0.1, 255, 128)
    assert (told["filter"], told["digest"], told["clipped"]) == ("sobel_x", "0f" * 32, 3)


def test_tiff_stack_has_a_page_a_map():
    values = random(np.float32, (3, 5, 4))
    stream = io.BytesIO()
    with encode.TiffStack(stream, values.nbytes) as stack:
        for index, one in enumerate(values):
            stack.write(one, MapText(f"f{index}"))
    assert np.array_equal(tifffile.imread(io.BytesIO(stream.getvalue())), values)
    with tifffile.TiffFile(io.BytesIO(stream.getvalue())) as file:
        names = [json.loads(page.description)["filter"] for page in file.pages]
    assert names == ["f0", "f1", "f2"]


def test_large_stacks_are_bigtiff():
    for size, magic in ((1000, b"II*\0"), (1 << 32, b"II+\0")):
        stream = io.BytesIO()
        with encode.TiffStack(stream, size) as stack:
            stack.write(np.zeros((2, 2), np.float32), MapText())
        assert stream.getvalue()[:4] == magic


@pytest.mark.parametrize("with_alpha", [False, True])
def test_npy_is_exact(with_alpha):
    values = random(np.float32, (3, 5, 4))
    alpha = np.ones((5, 4), np.float32) if with_alpha else None
    stream = io.BytesIO()
    encode.write_npy(values, stream, alpha)
    back = np.load(io.BytesIO(stream.getvalue()))
    assert back.dtype == np.float32 and back.shape == (3 + with_alpha, 5, 4)
    assert back[:3].tobytes() == values.tobytes()


def test_npy_stack_grows_map_by_map():
    values = random(np.float32, (4, 5, 3))
    grown, whole = io.BytesIO(), io.BytesIO()
    stack = encode.NpyStack(grown, values.shape)
    for one in values:
        stack.write(one[:, ::-1][:, ::-1])
    np.save(whole, values)
    assert grown.getvalue() == whole.getvalue()
    with pytest.raises(ValueError, match="a map of shape"):
        stack.write(values[0, :2])


@pytest.mark.parametrize("write", [png_bytes, tiff_bytes])
def test_the_same_map_gives_the_same_bytes(write):
    codes = random(np.uint16, (3, 40, 30))
    assert write(codes, TEXT) == write(codes.copy(), TEXT)
