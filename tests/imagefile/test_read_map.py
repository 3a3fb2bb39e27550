"""Maps out of their files: what was written, and a clear no to everything else."""

import io
import json
from dataclasses import replace

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from filterbank.errors import ImageError
from filterbank.imagefile import encode, maptext, tone
from filterbank.imagefile.maptext import MapText
from filterbank.imagefile.read_map import read_map, read_maps
from filterbank.imagefile.tone import TOP8, TOP16, Scale

FIELDS = maptext.to_fields(MapText("x", scale=Scale(-1.5, 1.5, TOP8, 128)))


def save(path, write, *arguments):
    with path.open("wb") as stream:
        write(*arguments[:2], stream, *arguments[2:])
    return path


@pytest.mark.parametrize("top", [TOP8, TOP16])
@pytest.mark.parametrize("write", [encode.write_png, encode.write_tiff])
@pytest.mark.parametrize("shape", [(6, 5), (3, 6, 5), (1, 1), (3, 1, 1)])
@pytest.mark.parametrize("with_alpha", [False, True])
@pytest.mark.parametrize("signed", [False, True])
def test_codes_come_back_as_values(tmp_path, top, write, shape, with_alpha, signed):
    values = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    m = float(np.abs(values).max())
    scale = Scale(-m, m, top, (top + 1) // 2) if signed else Scale(float(values.min()), m, top)
    codes, _ = tone.to_codes(values, scale)
    alpha = np.linspace(0, 1, 30, dtype=np.float32)[: shape[-1] * shape[-2]].reshape(shape[-2:])
    text = MapText("x", "bänk", "ab", scale, "auto", clipped=2)
    path = save(tmp_path / "map", write, codes, text, alpha if with_alpha else None)
    back, told = read_map(path)
    planes = back[:-1] if with_alpha else back
    assert back.dtype == np.float32
    assert told == replace(text, alpha=with_alpha)
    assert np.array_equal(planes.reshape(shape), tone.to_values(codes, scale))
    assert np.abs(planes.reshape(shape) - values).max() <= (scale.hi - scale.lo) / (top - 1) * 0.51
    if with_alpha:
        assert np.abs(back[-1] - alpha).max() <= 0.51 / top


def test_srgb_is_undone(tmp_path):
    light = np.linspace(0, 1, 32, dtype=np.float32).reshape(4, 8)
    scale = Scale(0, 1, TOP16)
    codes, _ = tone.to_codes(light, scale, srgb=True)
    path = save(tmp_path / "map.png", encode.write_png, codes, MapText(scale=scale, transfer="srgb"))
    assert np.abs(read_map(path)[0] - light).max() < 1e-4


def test_float_files_are_themselves(tmp_path):
    values = np.array([[np.nan, -1e30], [1e-45, 0.1]], np.float32)
    tiff = save(tmp_path / "a.tiff", encode.write_tiff, values, MapText("x", "b", "c"))
    np.save(tmp_path / "a.npy", values)
    assert read_map(tiff)[0].tobytes() == values.tobytes()
    assert read_map(tiff)[1] == MapText("x", "b", "c")
    assert read_map(tmp_path / "a.npy")[0].tobytes() == values.tobytes()
    assert read_map(tmp_path / "a.npy")[1].scale is None


def test_pages_are_maps(tmp_path):
    scales = [Scale(0.0, 1.0), Scale(-2.0, 2.0, TOP8, 128)]
    codes = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    with (tmp_path / "s.tiff").open("wb") as stream, encode.TiffStack(stream, codes.nbytes) as stack:
        for one, scale in zip(codes, scales, strict=True):
            stack.write(one, MapText(scale=scale))
    maps = read_maps(tmp_path / "s.tiff")
    assert [text.scale for _, text in maps] == scales
    for one, scale, (values, _) in zip(codes, scales, maps, strict=True):
        assert np.array_equal(values, tone.to_values(one, scale))
    with pytest.raises(ImageError, match="2 maps in one file"):
        read_map(tmp_path / "s.tiff")


@given(
    st.floats(allow_nan=False, allow_infinity=False, max_value=0),
    st.floats(allow_nan=False, allow_infinity=False, min_value=0),
    st.text(),
    st.sampled_from([None, 128]),
)
def test_text_survives_both_spellings(lo, hi, name, zero):
    text = MapText(name, name, "d", Scale(lo, hi, TOP8, zero), "auto", "srgb", 7, True)
    assert maptext.from_fields(maptext.to_fields(text)) == text
    assert maptext.from_json(maptext.to_json(text)) == text


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"lo": "low"}, r"filterbank\.lo: found 'low'; accepted: a finite number"),
        ({"hi": "inf"}, r"filterbank\.hi: found 'inf'"),
        ({"lo": "2"}, r"filterbank\.lo: found 2\.0 is above hi 1\.5"),
        ({"top": "256"}, r"filterbank\.top: found '256'; accepted: 255 or 65535"),
        ({"zero": "127"}, r"filterbank\.zero: found '127'; accepted: none or 128"),
        ({"transfer": "gamma"}, r"filterbank\.transfer: found 'gamma'"),
        ({"clipped": "-1"}, r"filterbank\.clipped: found '-1'"),
        ({"alpha": "maybe"}, r"filterbank\.alpha: found 'maybe'"),
        ({"hi": None}, r"filterbank\.hi: found it is missing"),
    ],
)
def test_damaged_text_is_named(change, found):
    fields = {key: value for key, value in (FIELDS | change).items() if value is not None}
    with pytest.raises(ImageError, match=f"damaged metadata: {found}"):
        maptext.from_fields(fields)


@pytest.mark.parametrize(
    ("scale", "written"),
    [
        (Scale(-1.5, 1.5, TOP8, 128), "128"),
        (Scale(-1.5, 1.5, TOP16, 32768), "32768"),
        (Scale(0.0, 2.0), "0"),
        (Scale(-3.0, 0.0), "255"),
        (Scale(-3.0, -0.0, TOP16), "65535"),
        (Scale(0.0, 0.0), "0"),
        (Scale(-1.0, 1.0), "none"),
        (Scale(0.5, 1.0), "none"),
    ],
)
def test_the_code_of_zero_is_told_where_it_is_one(scale, written):
    text = MapText(scale=scale)
    fields = maptext.to_fields(text)
    assert fields["zero"] == written
    assert json.loads(maptext.to_json(text))["zero"] == (None if written == "none" else int(written))
    if scale.zero_code is not None:
        assert tone.to_codes(np.zeros(1, np.float32), scale)[0] == scale.zero_code
    assert maptext.from_fields(fields).scale == scale
    assert maptext.from_json(maptext.to_json(text)).scale == scale
    # Files of before told it of signed scales only.
    assert maptext.from_fields(fields | {"zero": "none"}).scale == Scale(scale.lo, scale.hi, scale.top)


def test_a_code_of_zero_that_cannot_be_is_damage():
    fields = maptext.to_fields(MapText(scale=Scale(0.5, 1.0)))
    with pytest.raises(ImageError, match="found '0'; accepted: none or 128"):
        maptext.from_fields(fields | {"zero": "0"})


def png_map():
    stream = io.BytesIO()
    codes = np.arange(24, dtype=np.uint8).reshape(4, 6)
    encode.write_png(codes, MapText("x", scale=Scale(0.0, 1.0)), stream)
    return stream.getvalue()


def with_pillow(image, text=None):
    stream = io.BytesIO()
    chunks = PngImagePlugin.PngInfo()
    for key, value in (text or {}).items():
        chunks.add_text(key, value)
    image.save(stream, "PNG", pnginfo=chunks)
    return stream.getvalue()


def foreign_tiff(dtype):
    stream = io.BytesIO()
    tifffile.imwrite(stream, np.zeros((3, 4), dtype))
    return stream.getvalue()


def npy(array):
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


CHUNKS = {maptext.PREFIX + key: value for key, value in FIELDS.items()}
FOREIGN = {
    "empty": (b"", "it is empty"),
    "text": (b"lo: 0, hi: 1", "neither PNG, TIFF, npy nor WAV"),
    "stripped": (with_pillow(Image.new("L", (4, 3))), r"it has no filterbank\.lo"),
    "palette": (with_pillow(Image.new("P", (4, 3)), CHUNKS), "bits of a palette"),
    "one bit": (with_pillow(Image.new("1", (4, 3)), CHUNKS), "changed to 1 bits"),
    "deeper": (with_pillow(Image.new("I;16", (4, 3)), CHUNKS), "changed to 16 bits"),
    "no alpha": (with_pillow(Image.new("L", (4, 3)), CHUNKS | {"filterbank.alpha": "yes"}), "alpha channel"),
    "integer tiff": (foreign_tiff(np.uint8), "its pixels are uint8 and nothing says"),
    "integer npy": (npy(np.zeros((3, 4), np.uint8)), "its numbers are uint8"),
    "one number": (npy(np.float32(1)), r"its shape is \(\)"),
    "pickle": (npy(np.array([{}], object)), "damaged"),
    "half a png": (png_map()[:-30], "truncated|damaged"),
    "no end": (png_map()[:-2], "truncated"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_files_that_are_no_maps(tmp_path, name):
    data, found = FOREIGN[name]
    (tmp_path / "odd").write_bytes(data)
    with pytest.raises(ImageError, match=f"odd: .*({found})"):
        read_maps(tmp_path / "odd")


def test_a_flipped_bit_in_the_text_is_found(tmp_path):
    data = bytearray(png_map())
    data[data.index(b"filterbank.hi") + 15] ^= 1
    (tmp_path / "odd.png").write_bytes(bytes(data))
    with pytest.raises(ImageError, match="checksum of a tEXt chunk is wrong"):
        read_map(tmp_path / "odd.png")


def test_a_missing_file_and_a_folder(tmp_path):
    with pytest.raises(ImageError, match=r"gone\.png: cannot be read: No such file"):
        read_map(tmp_path / "gone.png")
    with pytest.raises(ImageError, match="cannot be read: Is a directory"):
        read_map(tmp_path)


@pytest.mark.parametrize("kind", ["png", "tiff", "npy"])
def test_damage_of_any_kind_is_an_image_error(tmp_path, kind):
    values = np.random.default_rng(0).normal(size=(6, 5)).astype(np.float32)
    whole = {"png": png_map, "npy": lambda: npy(values)}
    tiff = save(tmp_path / "whole", encode.write_tiff, values, MapText("x")).read_bytes()
    data = whole[kind]() if kind in whole else tiff
    generator = np.random.default_rng(1)
    refused = 0
    for length in (*range(0, len(data), 7), *[len(data)] * 250):
        damaged = bytearray(data[:length])
        for place in generator.integers(0, max(length, 1), 3 * (length == len(data))):
            damaged[place] = generator.integers(256)
        (tmp_path / "odd").write_bytes(bytes(damaged))
        try:
            read_maps(tmp_path / "odd")
        except ImageError as error:
            assert "odd: " in str(error)
            refused += 1
    assert refused > len(data) / 7
