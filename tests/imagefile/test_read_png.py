import io
import struct
import zlib

import numpy as np
import PIL.Image
import pytest
from pictures import assert_planes, codes, exif_block, pillow_bytes, planar, png_bytes, png_chunk

from filterbank.errors import ImageError
from filterbank.imagefile import ReadOptions, prepare, read

GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6


@pytest.mark.parametrize("rest", [b"more", b""])
def test_garbage_after_the_pixels_is_passed_over_quietly(rest, capfd):
    pixels = b"".join(b"\0" + bytes([row, 7, 9]) for row in range(4))
    inside, after = zlib.compress(pixels + rest), zlib.compress(pixels) + rest
    header = struct.pack(">IIBBBBB", 3, 4, 8, 0, 0, 0, 0)
    for data in (inside, after):
        chunks = [(b"IHDR", header), (b"IDAT", data), (b"IEND", b"")]
        image = read(b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks))
        assert_planes(image, [[[row / 255, 7 / 255, 9 / 255] for row in range(4)]])
    told = capfd.readouterr()
    assert (told.out, told.err) == ("", "")


@pytest.mark.parametrize(
    ("colour", "depth", "extra", "channels"),
    [
        (GREY, 8, (), "1 channel"),
        (GREY, 8, ((b"tRNS", b"\0\1"),), "2 channels"),
        (RGB, 8, (), "3 channels"),
        (PALETTE, 8, ((b"PLTE", bytes(6)),), "3 channels"),
        (PALETTE, 8, ((b"PLTE", bytes(6)), (b"tRNS", b"\0")), "4 channels"),
        (GREY_ALPHA, 8, (), "2 channels"),
        (RGBA, 16, (), "4 channels"),
    ],
)
def test_the_limit_is_told_with_the_channels_there_are(colour, depth, extra, channels):
    data = png_bytes(20, depth, colour, [bytes(20 * 8)] * 30, extra)
    with pytest.raises(
        ImageError, match=rf"is 20×30 \(W×H\) with {channels}, 600 pixels; accepted: at most 99;"
    ):
        read(data, ReadOptions(max_pixels=99))


def test_comparison_notices_one_wrong_pixel():
    array = codes((5, 7, 3))
    image = read(pillow_bytes("PNG", array))
    assert_planes(image, planar(array) / 255)
    wrong = planar(array) / 255
    wrong[1, 2, 3] += 1 / 255
    with pytest.raises(AssertionError):
        assert_planes(image, wrong)


@pytest.mark.parametrize("shape", [(9, 13), (9, 13, 2), (9, 13, 3), (9, 13, 4)])
def test_8_bit(shape):
    array = codes(shape)
    mode = {2: "LA"}.get(shape[-1]) if len(shape) == 3 else None
    picture = PIL.Image.frombytes(mode, (13, 9), array.tobytes()) if mode else array
    image = read(pillow_bytes("PNG", picture))
    assert_planes(image, planar(array) / 255)
    assert image.info.depth == "8-bit"
    assert image.info.kind == ("gray" if len(planar(array)) <= 2 else "rgb")
    assert image.info.alpha == (len(planar(array)) in (2, 4))


@pytest.mark.parametrize(("colour", "channels"), [(GREY, 1), (GREY_ALPHA, 2), (RGB, 3), (RGBA, 4)])
def test_16_bit_stays_16_bit(colour, channels):
    array = codes((6, 5, channels), np.uint16)
    rows = [row.astype(">u2").tobytes() for row in array]
    image = read(png_bytes(5, 16, colour, rows))
    assert_planes(image, planar(array) / 65535)
    assert image.info.depth == "16-bit"


@pytest.mark.parametrize(
    ("bits", "row", "values"),
    [
        (1, [0b10100101], [1, 0, 1, 0, 0, 1, 0, 1]),
        (2, [0b00011011], [0, 1 / 3, 2 / 3, 1]),
        (4, [0x04, 0x8F], [0, 4 / 15, 8 / 15, 1]),
    ],
)
def test_few_bits(bits, row, values):
    image = read(png_bytes(len(values), bits, GREY, [row]))
    assert_planes(image, [[values]])
    assert image.info.depth == f"{bits}-bit"


def test_palette_becomes_rgb():
    table = bytes([10, 20, 30, 40, 50, 60, 70, 80, 90])
    image = read(png_bytes(4, 2, PALETTE, [[0b00011000]], [(b"PLTE", table)]))
    assert_planes(image, np.array([[[10, 40, 70, 10]], [[20, 50, 80, 20]], [[30, 60, 90, 30]]]) / 255)


def test_palette_with_transparency_has_alpha():
    chunks = [(b"PLTE", bytes(range(9))), (b"tRNS", bytes([0, 128]))]
    image = read(png_bytes(3, 8, PALETTE, [[0, 1, 2]], chunks))
    assert_planes(image, np.array([[[0, 3, 6]], [[1, 4, 7]], [[2, 5, 8]], [[0, 128, 255]]]) / 255)
    assert image.info.alpha


@pytest.mark.parametrize(
    ("bits", "row", "key", "grey", "alpha"),
    [
        (8, [4, 143, 16, 32], b"\0\x10", [4 / 255, 143 / 255, 16 / 255, 32 / 255], [1, 1, 0, 1]),
        (4, [0x04, 0x8F], b"\0\x08", [0, 4 / 15, 8 / 15, 1], [1, 1, 0, 1]),
        (1, [0b10010000], b"\0\x01", [1, 0, 0, 1], [0, 1, 1, 0]),
        (16, [0, 1, 0, 2, 0, 3, 255, 255], b"\0\x02", [1 / 65535, 2 / 65535, 3 / 65535, 1], [1, 0, 1, 1]),
    ],
)
def test_transparent_grey_is_alpha(bits, row, key, grey, alpha):
    image = read(png_bytes(4, bits, GREY, [row], [(b"tRNS", key)]))
    assert_planes(image, [[grey], [alpha]])
    assert image.info.alpha


def test_transparent_colour_is_alpha_and_nearly_the_colour_is_not():
    row = [1, 2, 3, 1, 2, 4]
    image = read(png_bytes(2, 8, RGB, [row], [(b"tRNS", b"\0\1\0\2\0\3")]))
    assert_planes(image, np.array([[[1, 1]], [[2, 2]], [[3, 4]], [[0, 255]]]) / 255)


def test_interlaced_equals_pillow():
    # Adam7 by hand of 2×2 pixels: passes hold (0,0); (0,1); row 1.
    import struct
    import zlib

    raw = b"\0\x0a" + b"\0\x14" + b"\0\x1e\x28"
    header = struct.pack(">IIBBBBB", 2, 2, 8, 0, 0, 0, 1)
    data = b"\x89PNG\r\n\x1a\n" + b"".join(
        png_chunk(*c) for c in [(b"IHDR", header), (b"IDAT", zlib.compress(raw)), (b"IEND", b"")]
    )
    assert_planes(read(data), np.array([[[10, 20], [30, 40]]]) / 255)
    assert_planes(read(data), np.asarray(PIL.Image.open(io.BytesIO(data)))[np.newaxis] / 255)


def test_gamma_and_profiles_do_not_change_values():
    row = [4, 143, 16, 32]
    extra = [(b"gAMA", (100000).to_bytes(4, "big")), (b"iCCP", b"bad\0\0rubbish"), (b"sBIT", b"\4")]
    assert_planes(read(png_bytes(4, 8, GREY, [row], extra)), np.array([[row]]) / 255)


def test_exif_turns():
    data = png_bytes(2, 8, GREY, [[1, 2], [3, 4], [5, 6]], [(b"eXIf", exif_block(6))])
    assert_planes(read(data), np.array([[[5, 3, 1], [6, 4, 2]]]) / 255)
    assert_planes(read(data, ReadOptions(orient=False)), np.array([[[1, 2], [3, 4], [5, 6]]]) / 255)


def test_colour_counts_for_every_input():
    image = read(pillow_bytes("PNG", codes((4, 5, 4))))
    assert [prepare(image, kind).planes.shape[0] for kind in ("gray", "rgb", "rgba", "each", 4)] == [
        1,
        3,
        4,
        3,
        4,
    ]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda data: data[:20], "it has no header"),
        (lambda data: data[: len(data) // 2], "truncated PNG file: it ends at byte"),
        (lambda data: data[:-12], "truncated PNG file"),
        (lambda data: data[:60] + bytes([data[60] ^ 1]) + data[61:], "checksum of chunk IDAT"),
    ],
)
def test_damage_is_named(damage, said):
    with pytest.raises(ImageError, match=said):
        read(damage(pillow_bytes("PNG", codes((20, 20, 3)))))


def test_too_few_pixels_is_an_error():
    whole = png_bytes(4, 8, GREY, [[1, 2, 3, 4]])
    taller = whole.replace(whole[8:33], png_chunk(b"IHDR", b"\0\0\0\4\0\0\0\7\x08\0\0\0\0"))
    with pytest.raises(ImageError, match="damaged or unsupported PNG"):
        read(taller)
