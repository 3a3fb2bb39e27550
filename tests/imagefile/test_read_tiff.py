import io
import struct

import numpy as np
import PIL.Image
import pytest
from pictures import assert_planes, codes, pillow_bytes, planar, tiff_bytes

from filterbank.errors import ImageError
from filterbank.imagefile import ReadOptions, count_pages, prepare, read

LAYOUTS = {
    "strips": {"rowsperstrip": 3},
    "tiles": {"tile": (16, 16)},
    "big-endian": {"byteorder": ">"},
    "bigtiff": {"bigtiff": True},
    "bigtiff big-endian tiles": {"bigtiff": True, "byteorder": ">", "tile": (16, 32)},
    "lzw": {"compression": "lzw", "predictor": True},
    "deflate": {"compression": "zlib", "predictor": True, "tile": (32, 16)},
    "deflate big-endian": {"compression": "zlib", "byteorder": ">", "predictor": True},
    "packbits": {"compression": "packbits"},
    "zstd": {"compression": "zstd"},
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_layouts(layout, dtype):
    array = codes((37, 41, 3), dtype)
    image = read(tiff_bytes(array, photometric="rgb", **LAYOUTS[layout]))
    assert_planes(image, planar(array) / np.iinfo(dtype).max)
    assert (image.info.kind, image.info.depth) == ("rgb", f"{array.itemsize * 8}-bit")


def without_colours(array, kinds, photometric="minisblack"):
    """Return a TIFF whose ExtraSamples tag says of channels that they are none of the colours."""
    # tifffile refuses to write it: a tag of the same shape is renamed.
    tag = (337, 3, len(kinds), kinds, True)
    data = tiff_bytes(array, photometric=photometric, extratags=[tag])
    written = struct.pack("<HHI", *tag[:3])
    assert data.count(written) == 1
    return data.replace(written, struct.pack("<HHI", 338, *tag[1:3]))


@pytest.mark.parametrize("kind", [1, 2])
def test_alpha_alone_is_no_picture(kind):
    with pytest.raises(ImageError, match="of its 1 channel 1 is said to be beside the colours"):
        read(without_colours(codes((5, 6)), (kind,)))


def test_more_extra_channels_than_there_are():
    with pytest.raises(ImageError, match="of its 1 channel 2 are said to be beside the colours"):
        read(without_colours(codes((5, 6)), (0, 2)))


def test_alpha_that_takes_the_place_of_a_colour_leaves_channels_of_no_meaning():
    image = read(without_colours(codes((5, 6, 3)), (2,), photometric="rgb"))
    assert (image.info.kind, image.info.alpha, image.info.channels) == ("channels", True, 3)
    assert len(prepare(image, "each").planes) == 2
    with pytest.raises(ImageError, match="accepted for input rgb"):
        prepare(image, "rgb")


@pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
def test_planar(dtype):
    array = codes((3, 20, 17), np.uint8).astype(dtype)
    image = read(tiff_bytes(array, photometric="rgb", planarconfig="separate"))
    assert_planes(image, array / {"u1": 255, "u2": 65535, "f4": 1}[dtype])


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i1", "i2", "i4", "u4", "i8", "u8"])
@pytest.mark.parametrize("byteorder", "<>")
def test_wider_values_are_as_stored(dtype, byteorder):
    array = (codes((9, 8), np.int16, top=100) - 30).astype(dtype)
    image = read(tiff_bytes(array, photometric="minisblack", byteorder=byteorder))
    assert_planes(image, array[np.newaxis].astype(np.float64))
    assert image.info.depth == np.dtype(dtype).name


def test_float_predictor():
    array = np.random.default_rng(0).normal(size=(33, 20)).astype(np.float32)
    assert_planes(read(tiff_bytes(array, compression="zlib", predictor=3)), array[np.newaxis])


@pytest.mark.parametrize("bits", [2, 4, 10, 12, 14])
def test_odd_bits(bits):
    array = codes((7, 9), np.uint8 if bits < 8 else np.uint16, top=2**bits - 1)
    image = read(tiff_bytes(array, bitspersample=bits, photometric="minisblack"))
    assert_planes(image, array[np.newaxis] / (2**bits - 1))


def test_one_bit_black_is_zero():
    array = codes((7, 19), top=1).astype(bool)
    assert_planes(read(tiff_bytes(array, photometric="minisblack")), array[np.newaxis])


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.array([[False, True]]), [[[1, 0]]]),
        (np.array([[0, 51, 255]], np.uint8), [[[1, 204 / 255, 0]]]),
        (np.array([[0, 1, 65535]], np.uint16), [[[1, 65534 / 65535, 0]]]),
        (np.array([[0, 0.25, 1]], np.float32), [[[1, 0.75, 0]]]),
    ],
)
def test_where_white_is_zero_white_is_one(array, expected):
    assert_planes(read(tiff_bytes(array, photometric="miniswhite")), expected)


def test_pages():
    pages = codes((4, 5, 6))
    data = tiff_bytes(pages, photometric="minisblack")
    assert count_pages(data) == 4
    assert_planes(read(data, ReadOptions(page=2)), pages[2:3] / 255)
    with pytest.raises(ImageError, match="has no page 4; it has 4 pages, numbers 0 to 3"):
        read(data, ReadOptions(page=4))


def test_pages_of_an_imagej_stack_are_pages():
    stack = codes((3, 8, 9), np.uint16)
    data = tiff_bytes(stack, imagej=True)
    assert count_pages(data) == 3
    assert_planes(read(data, ReadOptions(page=1)), stack[1:2] / 65535)


@pytest.mark.parametrize("scale", [257, 256, 1])
def test_palette(scale):
    table = codes((3, 256), np.uint8, seed=3)
    indices = codes((9, 8))
    data = tiff_bytes(indices, photometric="palette", colormap=table.astype(np.uint16) * scale)
    assert_planes(read(data), table[:, indices] / 255)


@pytest.mark.parametrize(
    ("shape", "options", "kind", "alpha"),
    [
        ((9, 8, 4), {"photometric": "rgb", "extrasamples": ["unassalpha"]}, "rgb", True),
        ((9, 8, 4), {"photometric": "rgb", "extrasamples": ["unspecified"]}, "rgb", False),
        ((9, 8, 2), {"photometric": "minisblack", "extrasamples": ["unassalpha"]}, "gray", True),
        ((9, 8, 2), {"photometric": "minisblack"}, "channels", False),
        ((9, 8, 5), {"photometric": "minisblack"}, "channels", False),
        ((9, 8, 5), {"photometric": "rgb", "extrasamples": ["unspecified", "unassalpha"]}, "rgb", True),
    ],
)
def test_extra_samples(shape, options, kind, alpha):
    array = codes(shape)
    image = read(tiff_bytes(array, planarconfig="contig", **options))
    assert_planes(image, planar(array) / 255)
    assert (image.info.kind, image.info.alpha) == (kind, alpha)


def test_alpha_before_other_channels_is_put_last():
    array = codes((9, 8, 5))
    data = tiff_bytes(array, photometric="rgb", extrasamples=["unassalpha", "unspecified"])
    image = read(data)
    assert_planes(image, planar(array)[[0, 1, 2, 4, 3]] / 255)
    assert image.info.alpha


def test_associated_alpha_leaves_the_colours_as_stored():
    stored = codes((3, 4, 4))
    image = read(tiff_bytes(stored, photometric="rgb", extrasamples=["assocalpha"]))
    assert_planes(image, planar(stored) / 255)
    assert image.info.alpha


@pytest.mark.parametrize("mode", ["CMYK", "YCbCr", "LAB", "P", "1", "L", "LA", "RGBA"])
def test_what_pillow_writes_reads_as_pillow_reads_it(mode):
    array = codes((12, 10, len(PIL.Image.new(mode, (1, 1)).getbands())))
    picture = PIL.Image.fromarray(array[..., 0]).convert(mode)
    if mode not in ("P", "1"):
        picture = PIL.Image.frombytes(mode, (10, 12), array.tobytes())
    data = pillow_bytes("TIFF", picture)
    plain = {"P": "RGB", "CMYK": "RGB", "YCbCr": "RGB", "LAB": "RGB"}.get(mode, mode)
    expected = np.asarray(PIL.Image.open(io.BytesIO(data)).convert(plain))
    assert_planes(read(data), planar(expected) / (1 if mode == "1" else 255))


def test_deep_cmyk():
    ink = codes((6, 7, 4), np.uint16)
    image = read(tiff_bytes(ink, photometric="separated"))
    light = 1 - planar(ink) / 65535
    np.testing.assert_allclose(image.planes, light[:3] * light[3], atol=2e-7)


@pytest.mark.parametrize("options", [{}, {"subsampling": (1, 1)}, {"tile": (32, 32)}])
def test_jpeg_inside_is_as_in_pillow(options):
    ramp = np.tile(np.arange(64, dtype=np.uint8) * 3, (64, 1))
    array = np.stack([ramp, 255 - ramp, ramp.T], -1)
    data = tiff_bytes(array, photometric="rgb", compression="jpeg", **options)
    image = read(data)
    assert_planes(image, planar(np.asarray(PIL.Image.open(io.BytesIO(data)))) / 255)
    assert np.abs(image.planes - planar(array) / 255).max() < 0.06


def test_bands_want_a_number():
    image = read(tiff_bytes(codes((9, 8, 5)), photometric="minisblack", planarconfig="contig"))
    assert prepare(image, 5).planes.shape == (5, 9, 8)
    with pytest.raises(ImageError, match=r"5 channels .*no known colour.*input: 5"):
        prepare(image, "gray")
    with pytest.raises(ImageError, match="accepted: 3 channels"):
        prepare(image, 3)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (tiff_bytes(codes((9, 9)).astype(np.complex64)), "complex64 samples; accepted: real numbers"),
        (tiff_bytes(codes((16, 16, 16)), volumetric=True, tile=(16, 16, 16)), "a volume of 16 planes"),
        (tiff_bytes(codes((64, 64)))[:-100], "truncated TIFF file: data end at byte"),
        (b"II*\0\xff\xff\xff\0", "TIFF file"),
        (b"II*\0" + struct.pack("<IHI", 8, 0, 0), "has no pixels"),
    ],
)
def test_what_is_no_picture(data, said):
    with pytest.raises(ImageError, match=said):
        read(data)
