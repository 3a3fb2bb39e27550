"""Pictures for the tests of reading: bytes made by hand or by another library, and one comparison."""

import io
import struct
import zlib

import numpy as np
import PIL.Image
import tifffile


def assert_planes(image, expected):
    """Assert that *image* is exactly *expected* (C, H, W), rounded once to float32."""
    expected = np.asarray(expected, np.float64).astype(np.float32)
    assert image.planes.shape == expected.shape
    assert image.planes.dtype == np.float32
    assert image.planes.flags.c_contiguous
    np.testing.assert_array_equal(image.planes, expected)
    assert (image.info.channels, image.info.height, image.info.width) == expected.shape


def codes(shape, dtype=np.uint8, seed=0, top=None):
    """Return seeded random codes of every value the dtype (or *top*) allows, its extremes among them."""
    top = np.iinfo(dtype).max if top is None else top
    array = np.random.default_rng(seed).integers(0, top, shape, dtype, endpoint=True)
    array.flat[0], array.flat[-1] = 0, top
    return array


def planar(array):
    """Return (H, W) or (H, W, C) as (C, H, W)."""
    return array[np.newaxis] if array.ndim == 2 else array.transpose(2, 0, 1)


def pillow_bytes(format, image, **options):
    image = image if isinstance(image, PIL.Image.Image) else PIL.Image.fromarray(image)
    stream = io.BytesIO()
    image.save(stream, format, **options)
    return stream.getvalue()


def tiff_bytes(array, **options):
    stream = io.BytesIO()
    tifffile.imwrite(stream, array, **options)
    return stream.getvalue()


def npy_bytes(array, **options):
    stream = io.BytesIO()
    np.save(stream, array, **options)
    return stream.getvalue()


def png_chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_bytes(width, bits, colour, rows, extra=()):
    """Return a PNG made by hand of *rows* in packed bytes, with *extra* (type, data) chunks."""
    header = struct.pack(">IIBBBBB", width, len(rows), bits, colour, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + bytes(row) for row in rows))
    chunks = [(b"IHDR", header), *extra, (b"IDAT", pixels), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks)


def exif_block(orientation, order=">"):
    mark = b"MM\0*" if order == ">" else b"II*\0"
    return mark + struct.pack(order + "IHHHIHHI", 8, 1, 274, 3, 1, orientation, 0, 0)
