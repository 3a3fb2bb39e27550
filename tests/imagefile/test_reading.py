"""The door itself: where images come from, limits, damage, formats left to Pillow."""

import io
import logging
import os
import subprocess
import sys
import zlib
from dataclasses import replace

import numpy as np
import PIL.Image
import pytest
from pictures import assert_planes, codes, npy_bytes, pillow_bytes, planar, png_bytes, png_chunk, tiff_bytes

from filterbank.errors import ImageError
from filterbank.imagefile import ReadOptions, count_pages, from_pillow, is_image_name, prepare, read

COLOUR = codes((24, 30, 3))


def frames():
    pictures = [PIL.Image.fromarray(codes((6, 7), seed=seed)) for seed in range(3)]
    return pillow_bytes("GIF", pictures[0], save_all=True, append_images=pictures[1:])


def jpeg2000(bits):
    import imagecodecs

    dtype = np.uint8 if bits == 8 else np.uint16
    return imagecodecs.jpeg2k_encode(codes((24, 30, 3), dtype, top=2**bits - 1), level=0, bitspersample=bits)


FILES = {
    "png": pillow_bytes("PNG", COLOUR),
    "png palette": pillow_bytes("PNG", PIL.Image.fromarray(COLOUR).quantize(16)),
    "jpeg": pillow_bytes("JPEG", COLOUR),
    "jpeg progressive": pillow_bytes("JPEG", COLOUR, progressive=True),
    "jpeg cmyk": pillow_bytes("JPEG", PIL.Image.fromarray(COLOUR).convert("CMYK")),
    "tiff": tiff_bytes(COLOUR),
    "tiff lzw": tiff_bytes(COLOUR, compression="lzw", predictor=True),
    "tiff tiles": tiff_bytes(COLOUR, compression="zlib", tile=(16, 16)),
    "tiff jpeg": tiff_bytes(COLOUR, compression="jpeg"),
    "tiff alpha": tiff_bytes(codes((8, 9, 4)), extrasamples=["unassalpha"]),
    "tiff grey alpha": tiff_bytes(codes((8, 9, 2)), extrasamples=["unassalpha"]),
    "tiff grey": tiff_bytes(codes((8, 9), np.uint16)),
    "bigtiff": tiff_bytes(COLOUR, bigtiff=True, byteorder=">"),
    "webp": pillow_bytes("WEBP", COLOUR),
    "bmp": pillow_bytes("BMP", COLOUR),
    "gif": frames(),
    "tga": pillow_bytes("TGA", COLOUR),
    "ppm": pillow_bytes("PPM", COLOUR),
    "pgm ascii": b"P2\n# comment\n4 3 200\n" + b" ".join(b"%d" % value for value in range(12)),
    "pfm": b"PF\n3 2\n-1.0\n" + np.arange(18, dtype="<f4").tobytes(),
    "pam": b"P7\nWIDTH 3\nHEIGHT 2\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n" + bytes(range(24)),
    "npy": npy_bytes(COLOUR),
    "csv": b"1,2,3\n4,5,6\n7.5,8,nan\n",
    "jp2": jpeg2000(16),
    "jp2 8-bit": jpeg2000(8),
}


def assert_prepared_or_refused(image):
    """Assert that every input takes the image as so many channels, or refuses it with an ImageError."""
    for kind, channels in (("each", None), ("gray", 1), ("rgb", 3), ("rgba", 4), (4, 4)):
        try:
            planes = prepare(image, kind).planes
        except ImageError:
            continue
        assert planes.shape[1:] == image.planes.shape[1:]
        assert len(planes) == channels or (channels is None and len(planes) > 0)


def with_checksums(data):
    """Return the bytes of a PNG with the checksums that its chunks should have."""
    place = 8
    while place + 12 <= len(data):
        end = place + 8 + int.from_bytes(data[place : place + 4])
        if end + 4 > len(data):
            break
        data[end : end + 4] = zlib.crc32(data[place + 4 : end]).to_bytes(4)
        place = end + 4
    return data


def test_preparing_notices_a_picture_without_channels():
    image = read(FILES["png"])
    assert_prepared_or_refused(image)
    with pytest.raises((AssertionError, IndexError, ValueError)):
        assert_prepared_or_refused(replace(image, pixels=image.pixels[:0]))


@pytest.mark.parametrize("name", FILES)
def test_mutations_give_an_image_or_an_image_error(name, capfd):
    whole, rng = FILES[name], np.random.default_rng(len(name))
    read(whole)
    for round in range(60):
        data = bytearray(whole)
        place = int(rng.integers(len(data) if round % 2 else min(len(data), 100)))
        if round % 4 == 0:
            del data[place:]
        elif round % 4 == 3:
            del data[place : place + int(rng.integers(1, 9))]
        else:
            data[place] = int(rng.integers(256))
        if name.startswith("png"):
            data = with_checksums(data)
        try:
            image = read(bytes(data), ReadOptions(max_pixels=10**6))
        except ImageError as error:
            assert str(error).startswith("image: ")
        else:
            assert image.planes.shape == (image.info.channels, image.info.height, image.info.width)
            assert_prepared_or_refused(image)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("name", sorted(set(FILES) - {"csv"}))
@pytest.mark.parametrize("share", [0.4, 0.9])
def test_truncation_is_an_error(name, share):
    with pytest.raises(ImageError):
        read(FILES[name][: int(len(FILES[name]) * share)])


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_jpeg_2000_keeps_its_bits(bits):
    dtype = np.uint8 if bits == 8 else np.uint16
    expected = codes((24, 30, 3), dtype, top=2**bits - 1)
    assert_planes(read(jpeg2000(bits)), planar(expected) / (2**bits - 1))


@pytest.mark.parametrize(
    ("format", "mode", "options"),
    [
        ("BMP", "RGB", {}), ("BMP", "L", {}), ("TGA", "RGBA", {}), ("TGA", "LA", {}), ("PCX", "RGB", {}),
        ("WEBP", "RGB", {"lossless": True}), ("WEBP", "RGBA", {"lossless": True, "exact": True}),
        ("SGI", "RGB", {}), ("ICO", "RGBA", {"bitmap_format": "bmp"}), ("PPM", "L", {}),
    ],
)  # fmt: skip
def test_lossless_formats_through_pillow(format, mode, options):
    channels = len(mode)
    array = codes((16, 16, channels) if channels > 1 else (16, 16))
    picture = PIL.Image.frombytes(mode, (16, 16), array.tobytes())
    image = read(pillow_bytes(format, picture, **options))
    assert_planes(image, planar(array) / 255)
    assert image.info.alpha == mode.endswith("A")


def test_one_bit_bmp():
    array = codes((5, 11), top=1).astype(bool)
    assert_planes(read(pillow_bytes("BMP", array)), array[np.newaxis])


def test_gif_gives_its_first_frame_and_others_as_pages():
    assert count_pages(frames()) == 3
    first = np.asarray(PIL.Image.open(io.BytesIO(frames())).convert("RGB"))
    luma = prepare(read(frames()), "rgb").planes
    np.testing.assert_array_equal(luma, (planar(first) / 255).astype(np.float32))
    assert not np.array_equal(read(frames(), ReadOptions(page=2)).planes, read(frames()).planes)
    with pytest.raises(ImageError, match="has no page 3; it has 3 pages"):
        read(frames(), ReadOptions(page=3))


def test_transparent_gif_has_alpha():
    palette = PIL.Image.fromarray(codes((4, 4), top=3), "P")
    palette.putpalette(bytes(range(12)))
    image = read(pillow_bytes("GIF", palette, transparency=2))
    assert image.info.alpha
    np.testing.assert_array_equal(image.planes[3], codes((4, 4), top=3) != 2)


@pytest.mark.parametrize(
    "mode",
    [
        "1",
        "L",
        "P",
        "RGB",
        "RGBA",
        "LA",
        "PA",
        "CMYK",
        "YCbCr",
        "HSV",
        "I",
        "F",
        "I;16",
        "RGBX",
        "RGBa",
        "La",
    ],
)
def test_pillow_images_of_every_mode(mode):
    picture = PIL.Image.new(mode, (3, 2), 1 if mode in ("I", "F", "I;16", "1", "L", "P") else None)
    image = from_pillow(picture)
    expected = {"I": 1, "F": 1, "I;16": 1 / 65535, "1": 1, "L": 1 / 255}
    if mode in expected:
        assert_planes(image, np.full((1, 2, 3), expected[mode]))
    else:
        wanted = {"PA": "RGBA", "RGBa": "RGBA", "La": "LA", "LA": "LA", "RGBA": "RGBA"}.get(mode, "RGB")
        assert_planes(image, planar(np.asarray(picture.convert(wanted))) / 255)


def test_pages_of_single_pictures():
    for name in ("png", "jpeg", "ppm", "npy", "csv", "jp2"):
        assert count_pages(FILES[name]) == 1
        with pytest.raises(ImageError, match="has no page 1; it has 1 page, number 0"):
            read(FILES[name], ReadOptions(page=1))


@pytest.mark.parametrize("name", FILES)
def test_the_limit_is_exact(name):
    info = read(FILES[name], ReadOptions(layout="hwc")).info
    pixels = info.height * info.width
    read(FILES[name], ReadOptions(max_pixels=pixels, layout="hwc"))
    with pytest.raises(ImageError, match=rf"is {info.width}×{info.height} .*--max-pixels {pixels}"):
        read(FILES[name], ReadOptions(max_pixels=pixels - 1, layout="hwc"))


def huge():
    header = (60000).to_bytes(4, "big") * 2 + b"\x08\x02\0\0\0"
    png = png_bytes(1, 8, 2, [[1, 2, 3]])
    yield "png", png[:8] + png_chunk(b"IHDR", header) + png[33:]
    yield "ppm", b"P6 60000 60000 255\n"
    yield "npy", npy_bytes(np.zeros((6, 6), np.uint8)).replace(b"(6, 6), }        ", b"(60000, 60000), }")
    jpeg = pillow_bytes("JPEG", COLOUR)
    size = jpeg.index(b"\xff\xc0") + 5
    yield "jpeg", jpeg[:size] + b"\xea\x60\xea\x60" + jpeg[size + 4 :]
    bmp = pillow_bytes("BMP", COLOUR)
    yield "bmp", bmp[:18] + (60000).to_bytes(4, "little") * 2 + bmp[26:]


@pytest.mark.parametrize(
    ("name", "data"), list(huge()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_bomb_is_refused_by_its_header(name, data):
    with pytest.raises(
        ImageError, match=r"60000×60000 .*3,600,000,000 pixels; accepted: at most 178,956,970"
    ):
        read(data)


def test_pillows_own_limit_is_left_as_it_was(monkeypatch):
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 10)
    read(FILES["bmp"])
    assert PIL.Image.MAX_IMAGE_PIXELS == 10


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", r"is empty \(0 bytes\)"),
        (
            b"Dear all, this is no picture.",
            r"is no image that can be read: it starts with 'Dear all'; accepted: PNG",
        ),
        (b"\x7fELF\0\0\0\0", "is no image that can be read"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "is no image that can be read"),
    ],
)
def test_what_is_no_image_is_named(tmp_path, data, said):
    path = tmp_path / "photo.png"
    path.write_bytes(data)
    with pytest.raises(ImageError, match=said) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_places_without_an_image(tmp_path):
    with pytest.raises(ImageError, match=r"gone\.png: no such file"):
        read(tmp_path / "gone.png")
    with pytest.raises(ImageError, match="is a folder"):
        count_pages(tmp_path)
    with pytest.raises(ImageError, match="cannot be opened"):
        read("a\0b.png")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable(tmp_path):
    path = tmp_path / "secret.png"
    path.write_bytes(FILES["png"])
    path.chmod(0)
    with pytest.raises(ImageError, match="permission denied"):
        read(path)


@pytest.mark.parametrize("name", ["png", "jpeg", "tiff", "ppm", "npy", "csv", "bmp"])
def test_content_decides_and_every_source_gives_the_same(tmp_path, name):
    path = tmp_path / "wrong.gif"
    path.write_bytes(FILES[name])
    expected = read(FILES[name])
    for source in (path, str(path), bytearray(FILES[name]), io.BytesIO(FILES[name])):
        np.testing.assert_array_equal(read(source).planes, expected.planes)
        assert read(path).info == expected.info


def test_a_pipe_can_be_read():
    script = (
        "import sys; from filterbank.imagefile import read; "
        "print(read(sys.stdin.buffer).planes.shape); print('tifffile' in sys.modules, 'PIL' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], input=FILES["png"], capture_output=True, check=True)
    # A PNG needs neither the TIFF library nor Pillow.
    assert done.stdout.split(b"\n")[:2] == [b"(3, 24, 30)", b"False False"]
    failed = subprocess.run(
        [sys.executable, "-c", script], input=b"rubbish", capture_output=True, check=False
    )
    assert b"standard input: is no image" in failed.stderr


def test_names_of_images():
    for name in ("a.PNG", "b/c.jpeg", "x.tiff", "y.npy", "z.csv", "w.webp"):
        assert is_image_name(name), name
    for name in ("make.py", "README.md", "png", ".png/x", "a.png.txt", "a"):
        assert not is_image_name(name), name


@pytest.mark.parametrize("codec", ["tifffile", "imagecodecs"])
def test_what_codecs_log_stays_off_standard_error(codec):
    assert any(isinstance(h, logging.NullHandler) for h in logging.getLogger(codec).handlers)


class Failing(io.BytesIO):
    def read(self, size=-1):
        if size != 4096:
            raise OSError(5, "Input/output error")
        return super().read(size)


def test_a_failing_disk_is_that_images_error():
    with pytest.raises(ImageError, match="image: cannot be read: Input/output error"):
        read(Failing(FILES["jpeg"]))


def test_pillow_images_without_pixels_or_with_a_damaged_file():
    with pytest.raises(ImageError, match="has no pixels: 0×5"):
        from_pillow(PIL.Image.new("L", (0, 5)))
    with pytest.raises(ImageError, match=r"damaged or unsupported BMP file: .*truncated"):
        from_pillow(PIL.Image.open(io.BytesIO(FILES["bmp"][:-100])))
