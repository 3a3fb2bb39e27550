import io

import numpy as np
import PIL.Image
import PIL.ImageOps
import pytest
from pictures import assert_planes, codes, exif_block, pillow_bytes, planar, tiff_bytes

from filterbank.errors import ImageError
from filterbank.imagefile import ReadOptions, prepare, read


def smooth(shape):
    rows = np.linspace(0, 200, shape[0])[:, None]
    columns = np.linspace(0, 55, shape[1])
    ramp = (rows + columns).astype(np.uint8)
    return ramp if len(shape) == 2 else np.stack([ramp, 255 - ramp, ramp // 2], -1)


def as_pillow(data):
    return planar(np.asarray(PIL.Image.open(io.BytesIO(data)))) / 255


@pytest.mark.parametrize(
    "options", [{}, {"progressive": True}, {"subsampling": 0}, {"restart_marker_rows": 1}]
)
@pytest.mark.parametrize("shape", [(37, 61), (37, 61, 3)])
def test_pixels_are_pillows(shape, options):
    data = pillow_bytes("JPEG", codes(shape), **options)
    image = read(data)
    assert_planes(image, as_pillow(data))
    assert image.info.kind == ("gray" if len(shape) == 2 else "rgb")


def test_cmyk_becomes_rgb_as_in_pillow():
    data = pillow_bytes("JPEG", PIL.Image.fromarray(codes((24, 24, 4)), "CMYK"))
    expected = np.asarray(PIL.Image.open(io.BytesIO(data)).convert("RGB"))
    assert_planes(read(data), planar(expected) / 255)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("order", "<>")
def test_orientation(orientation, order):
    data = pillow_bytes("JPEG", smooth((24, 40, 3)), exif=b"Exif\0\0" + exif_block(orientation, order))
    stored = PIL.Image.open(io.BytesIO(data))
    upright = PIL.ImageOps.exif_transpose(stored)
    assert_planes(read(data), planar(np.asarray(upright)) / 255)
    assert_planes(read(data, ReadOptions(orient=False)), planar(np.asarray(stored)) / 255)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["TIFF", "WEBP"])
def test_orientation_elsewhere(format, orientation):
    array = codes((5, 7, 3))
    if format == "TIFF":
        data = tiff_bytes(array, extratags=[(274, 3, 1, orientation, False)])
    else:
        data = pillow_bytes("WEBP", array, lossless=True, exif=b"Exif\0\0" + exif_block(orientation))
    tagged = PIL.Image.fromarray(array)
    tagged.getexif()[274] = orientation
    assert_planes(read(data), planar(np.asarray(PIL.ImageOps.exif_transpose(tagged))) / 255)
    assert_planes(read(data, ReadOptions(orient=False)), planar(array) / 255)


@pytest.mark.parametrize("block", [b"Exif\0\0", b"Exif\0\0MM\0*\0\0", b"Exif\0\0" + exif_block(9)])
def test_damaged_exif_is_no_error(block):
    data = pillow_bytes("JPEG", smooth((16, 16)), exif=block)
    assert_planes(read(data), as_pillow(data))


@pytest.mark.parametrize("options", [{}, {"progressive": True}])
@pytest.mark.parametrize("share", [0.3, 0.7, 0.95])
def test_truncated_is_never_half_grey(share, options):
    data = pillow_bytes("JPEG", codes((64, 64, 3)), **options)
    with pytest.raises(ImageError, match=r"truncated|broken"):
        read(data[: int(len(data) * share)])


def test_a_thumbnails_end_is_not_the_end():
    thumbnail = pillow_bytes("JPEG", smooth((8, 8)))
    data = pillow_bytes("JPEG", codes((64, 64, 3)), exif=b"Exif\0\0" + exif_block(1) + thumbnail)
    assert_planes(read(data), as_pillow(data))
    with pytest.raises(ImageError, match="truncated"):
        read(data[: len(data) * 2 // 3])


def test_bytes_after_the_end_do_no_harm():
    data = pillow_bytes("JPEG", smooth((16, 16)))
    assert_planes(read(data + b"\0trailer"), as_pillow(data))


def test_12_bits():
    import imagecodecs

    array = codes((16, 16), np.uint16, top=4095)
    image = read(imagecodecs.jpeg8_encode(array, lossless=True, bitspersample=12))
    assert_planes(image, array[np.newaxis] / 4095)
    assert image.info.depth == "12-bit"


def test_grey_goes_into_colour():
    data = pillow_bytes("JPEG", smooth((16, 16)))
    planes = prepare(read(data), "rgb").planes
    assert np.array_equal(planes[0], planes[2])
    assert planes.shape == (3, 16, 16)
