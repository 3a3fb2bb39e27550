"""Rows of files against the same rows of the whole image, of every kind of file that has rows."""

import io
import sys
from dataclasses import replace

import numpy as np
import pytest
import tifffile
from pictures import codes, npy_bytes, pillow_bytes, tiff_bytes

from filterbank import imagefile
from filterbank.errors import ImageError
from filterbank.imagefile import ReadOptions, pieces
from filterbank.imagefile.pieces import NotByRows
from filterbank.imagefile.pieces.tiff import _Rows as TiffRows

HEIGHT, WIDTH = 75, 53


def assert_rows(source, options=None, steps=(1, 7, 16, 75), whole=None):
    """Assert that rows read piecewise, in bands that overlap, are those of the image read as a whole."""
    options = options or ReadOptions()
    whole = whole or imagefile.read(source, options)
    with pieces.opened(source, options) as image:
        assert image.info == replace(whole.info, format=image.info.format)
        height = whole.info.height
        for step in steps:
            for first in range(0, height, step):
                low, high = max(first - 2, 0), min(first + step + 3, height)
                found = image.rows(low, high)
                expected = whole.pixels[:, low:high]
                assert found.pixels.dtype == expected.dtype
                np.testing.assert_array_equal(found.pixels, expected)
                assert found.info == replace(whole.info, height=high - low, format=found.info.format)


STORED = {
    "plain": {},
    "strips": {"rowsperstrip": 8},
    "one row a strip": {"rowsperstrip": 1},
    "tiles": {"tile": (16, 32)},
    "deflate": {"tile": (32, 16), "compression": "zlib"},
    "predictor": {"tile": (32, 16), "compression": "zlib", "predictor": True},
    "lzw": {"rowsperstrip": 10, "compression": "lzw", "predictor": True},
    "zstd": {"rowsperstrip": 9, "compression": "zstd"},
    "packbits": {"rowsperstrip": 9, "compression": "packbits"},
    "one strip": {"compression": "zlib"},
    "bigtiff": {"tile": (16, 16), "bigtiff": True},
}


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.float32, np.float64])
@pytest.mark.parametrize("how", STORED)
def test_tiff_of_every_storage(how, dtype, byteorder):
    if how == "lzw" and dtype is np.float64:
        pytest.skip("64-bit predictors of LZW are written by none")
    array = codes((HEIGHT, WIDTH), np.uint16).astype(dtype)
    assert_rows(tiff_bytes(array, byteorder=byteorder, **STORED[how]))


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("how", ["plain", "strips", "tiles", "predictor"])
@pytest.mark.parametrize("channels", [2, 3, 4, 5])
def test_tiff_of_several_channels(channels, how, planar):
    array = codes((HEIGHT, WIDTH, channels), np.uint16)
    array = array if planar == "contig" else np.ascontiguousarray(array.transpose(2, 0, 1))
    photometric = "rgb" if channels in (3, 4) else "minisblack"
    assert_rows(tiff_bytes(array, planarconfig=planar, photometric=photometric, **STORED[how]))


@pytest.mark.parametrize("name", ["miniswhite", "cmyk", "palette", "ycbcr", "bilevel", "jpeg", "alpha"])
def test_tiff_of_every_colour(name):
    array, options = {
        "miniswhite": (codes((HEIGHT, WIDTH)), {"photometric": "miniswhite", "rowsperstrip": 8}),
        "cmyk": (codes((HEIGHT, WIDTH, 4)), {"photometric": "separated", "tile": (16, 16)}),
        "palette": (
            codes((HEIGHT, WIDTH)),
            {"photometric": "palette", "colormap": codes((3, 256), np.uint16), "rowsperstrip": 5},
        ),
        "ycbcr": (
            codes((HEIGHT, WIDTH, 3)),
            {"photometric": "ycbcr", "subsampling": (1, 1), "rowsperstrip": 8},
        ),
        "bilevel": (codes((HEIGHT, WIDTH)) > 127, {"rowsperstrip": 8}),
        "jpeg": (codes((HEIGHT, WIDTH, 3)), {"compression": "jpeg", "tile": (16, 32), "photometric": "rgb"}),
        "alpha": (
            codes((HEIGHT, WIDTH, 4)),
            {"photometric": "rgb", "extrasamples": ["unassalpha"], "tile": (16, 16)},
        ),
    }[name]
    assert_rows(tiff_bytes(array, **options))


def test_chroma_at_half_the_rows():
    assert_rows(pillow_bytes("TIFF", codes((HEIGHT, WIDTH, 3)), compression="jpeg", subsampling="4:2:0"))


@pytest.mark.parametrize("orientation", [1, 2, 3, 4])
@pytest.mark.parametrize("how", ["plain", "tiles"])
def test_upright_turns_are_rows(orientation, how):
    data = tiff_bytes(codes((HEIGHT, WIDTH, 3)), extratags=[(274, 3, 1, orientation, True)], **STORED[how])
    assert_rows(data)
    assert_rows(data, ReadOptions(orient=False))


@pytest.mark.parametrize("orientation", [5, 8])
def test_an_image_on_its_side_has_no_rows(orientation):
    data = tiff_bytes(codes((HEIGHT, WIDTH)), extratags=[(274, 3, 1, orientation, True)], rowsperstrip=4)
    with pytest.raises(NotByRows, match="stands on its side"), pieces.opened(data):
        pass
    assert_rows(data, ReadOptions(orient=False))


def test_pages_and_what_is_left_out():
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        for seed in range(3):
            writer.write(codes((HEIGHT, WIDTH), seed=seed), rowsperstrip=8, metadata=None)
        writer.write(None, shape=(HEIGHT, WIDTH), dtype=np.uint8, tile=(16, 16), metadata=None)
    for page in range(4):
        assert_rows(file.getvalue(), ReadOptions(page=page))


@pytest.mark.parametrize("layout", ["chw", "hwc"])
@pytest.mark.parametrize("dtype", [np.uint8, ">u2", np.float32, np.float64, np.bool_])
@pytest.mark.parametrize(
    "shape", [(HEIGHT, WIDTH), (3, HEIGHT, WIDTH), (4, HEIGHT, WIDTH), (7, HEIGHT, WIDTH)]
)
def test_npy(shape, dtype, layout):
    array = (codes(shape) if np.dtype(dtype).kind != "b" else codes(shape) > 99).astype(dtype)
    if layout == "hwc" and array.ndim == 3:
        array = np.ascontiguousarray(array.transpose(1, 2, 0))
    assert_rows(npy_bytes(array), ReadOptions(layout=layout))


@pytest.mark.parametrize(
    ("data", "options", "told"),
    [
        (npy_bytes(np.asfortranarray(codes((9, 8)))), ReadOptions(), "first index runs fastest"),
        (npy_bytes(codes((9,))), ReadOptions(), "is a signal"),
        (npy_bytes(codes((2, 9))), ReadOptions(layout="cw"), "is a signal"),
        (pillow_bytes("PNG", codes((9, 8))), ReadOptions(), "of format png, of which no part"),
        (pillow_bytes("JPEG", codes((9, 8))), ReadOptions(), "of format jpeg, of which no part"),
    ],
)
def test_what_has_no_rows_says_so(data, options, told):
    with pytest.raises(NotByRows, match=told), pieces.opened(data, options):
        pass


def test_the_limit_on_pixels_is_none_here():
    data = tiff_bytes(codes((HEIGHT, WIDTH)))
    with pytest.raises(ImageError, match="at most 100"):
        imagefile.read(data, ReadOptions(max_pixels=100))
    with pieces.opened(data, ReadOptions(max_pixels=100)) as image:
        assert image.rows(3, 5).pixels.shape == (1, 2, WIDTH)


@pytest.mark.parametrize(
    "data", [tiff_bytes(codes((HEIGHT, WIDTH)))[:3000], npy_bytes(codes((HEIGHT, WIDTH)))[:3000]]
)
def test_truncated_files_are_found_when_they_are_opened(data):
    with pytest.raises(ImageError, match="truncated"), pieces.opened(data):
        pass


def test_damage_is_found_where_it_is():
    data = bytearray(tiff_bytes(codes((HEIGHT, WIDTH)), compression="zlib", rowsperstrip=25))
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        start = file.pages[0].dataoffsets[1]
    data[start : start + 40] = bytes(40)
    with pieces.opened(bytes(data)) as image:
        image.rows(0, 25)
        with pytest.raises(ImageError, match="damaged or unsupported TIFF"):
            image.rows(0, 26)


def test_each_tile_is_decoded_once(monkeypatch):
    seen = []
    segments = TiffRows._segments

    def counted(self, number):
        if self._kept is None or self._kept[0] != number:
            seen.append(number)
        return segments(self, number)

    monkeypatch.setattr(TiffRows, "_segments", counted)
    with pieces.opened(tiff_bytes(codes((HEIGHT, WIDTH)), tile=(16, 16))) as image:
        for first in range(0, HEIGHT, 5):
            image.rows(first, first + 5)
    assert seen == [0, 1, 2, 3, 4]


def test_held_images_are_rows_too():
    whole = imagefile.from_array(codes((3, HEIGHT, WIDTH)))
    found = pieces.Held(whole).rows(5, 9)
    np.testing.assert_array_equal(found.pixels, whole.pixels[:, 5:9])
    assert (found.info.height, pieces.Held(whole).held) == (4, 3 * HEIGHT * WIDTH)


@pytest.mark.parametrize("layout", ["chw", "hwc"])
@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("shape", [(HEIGHT, WIDTH), (3, HEIGHT, WIDTH)])
def test_zarr(tmp_path, shape, version, layout):
    zarr = pytest.importorskip("zarr")
    array = codes(shape, np.uint16)
    whole = imagefile.from_array(array)
    if layout == "hwc" and array.ndim == 3:
        array = np.ascontiguousarray(array.transpose(1, 2, 0))
    stored = zarr.create_array(
        tmp_path / "a.zarr", shape=array.shape, chunks=[min(n, 20) for n in array.shape], dtype=array.dtype,
        zarr_format=version,
    )  # fmt: skip
    stored[:] = array
    assert_rows(tmp_path / "a.zarr", ReadOptions(layout=layout), whole=whole)


def test_zarr_that_is_none(tmp_path, monkeypatch):
    pytest.importorskip("zarr")
    with pytest.raises(ImageError, match="cannot be read: Is a directory"), pieces.opened(tmp_path):
        pass
    (tmp_path / "zarr.json").write_text("{")
    with pytest.raises(ImageError, match="damaged or unsupported zarr"), pieces.opened(tmp_path):
        pass
    monkeypatch.setitem(sys.modules, "zarr", None)
    with pytest.raises(ImageError, match=r"pip install 'filterbank\[zarr\]'"), pieces.opened(tmp_path):
        pass


def test_a_group_names_its_arrays(tmp_path):
    zarr = pytest.importorskip("zarr")
    zarr.open_group(tmp_path / "g", mode="w").create_array("red", shape=(4, 5), dtype="u1")
    with (
        pytest.raises(ImageError, match="zarr group, no array; it holds the arrays red"),
        pieces.opened(tmp_path / "g"),
    ):
        pass


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (pillow_bytes("PNG", codes((20, 30, 3))), (20, 30, 1800)),
        (pillow_bytes("JPEG", codes((20, 30))), (20, 30, 600)),
        (pillow_bytes("WEBP", codes((20, 30, 3))), (20, 30, 1800)),
        (pillow_bytes("PNG", codes((20, 30), np.uint16)), (20, 30, 1200)),
        (b"P6 30 20 65535 " + bytes(3600), (20, 30, 3600)),
        (tiff_bytes(codes((20, 30, 3), np.uint16)), (20, 30, 3600)),
    ],
)  # fmt: skip
def test_sizes_are_told_by_headers(data, expected):
    size = pieces.size_of(data)
    assert (size.height, size.width, size.decoded) == expected
    assert size.reading >= imagefile.read(data).pixels.nbytes + len(data)


def test_one_wrong_row_is_seen():
    array = codes((HEIGHT, WIDTH))
    whole = imagefile.from_array(array.copy())
    array[40, 3] ^= 1
    with pytest.raises(AssertionError):
        assert_rows(npy_bytes(array), whole=whole)
