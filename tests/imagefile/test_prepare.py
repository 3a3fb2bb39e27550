"""What enters a bank: the table of ``input``, alpha, luma and linear light."""

import numpy as np
import PIL.Image
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pictures import codes, pillow_bytes, planar, png_bytes, tiff_bytes

from filterbank.errors import ImageError
from filterbank.imagefile import colour, from_array, linear_to_srgb, prepare, read, srgb_to_linear


def image_of(mode):
    array = codes((5, 6, len(mode)))
    return read(pillow_bytes("PNG", PIL.Image.frombytes(mode, (6, 5), array.tobytes()))), planar(array) / 255


def luma(rgb):
    return (299 * rgb[0] + 587 * rgb[1] + 114 * rgb[2]) / 1000


def ones(like):
    return np.ones_like(like[0])


@pytest.mark.parametrize(
    ("mode", "kind", "expected"),
    [
        ("L", "gray", lambda v: [v[0]]),
        ("LA", "gray", lambda v: [v[0]]),
        ("RGB", "gray", lambda v: [luma(v)]),
        ("RGBA", "gray", lambda v: [luma(v)]),
        ("L", "rgb", lambda v: [v[0]] * 3),
        ("LA", "rgb", lambda v: [v[0]] * 3),
        ("RGB", "rgb", lambda v: v),
        ("RGBA", "rgb", lambda v: v[:3]),
        ("L", "rgba", lambda v: [v[0], v[0], v[0], ones(v)]),
        ("LA", "rgba", lambda v: [v[0], v[0], v[0], v[1]]),
        ("RGB", "rgba", lambda v: [*v, ones(v)]),
        ("RGBA", "rgba", lambda v: v),
        ("L", "each", lambda v: v),
        ("LA", "each", lambda v: v[:1]),
        ("RGB", "each", lambda v: v),
        ("RGBA", "each", lambda v: v[:3]),
        ("L", 1, lambda v: v),
        ("LA", 2, lambda v: v),
        ("RGB", 3, lambda v: v),
        ("RGBA", 4, lambda v: v),
    ],
)
def test_the_table(mode, kind, expected):
    image, values = image_of(mode)
    prepared = prepare(image, kind)
    wanted = np.asarray(expected(values), np.float64)
    np.testing.assert_allclose(prepared.planes, wanted, rtol=0, atol=6e-8)
    assert prepared.planes.dtype == np.float32
    assert prepared.planes.flags.c_contiguous
    if kind == "each" and "A" in mode:
        np.testing.assert_array_equal(prepared.alpha, values[-1].astype(np.float32))
    else:
        assert prepared.alpha is None


@pytest.mark.parametrize(
    ("mode", "kind", "said"),
    [
        ("L", 3, "has 1 channel (grey); accepted: 3 channels"),
        ("LA", 1, "has 2 channels (grey and alpha); accepted: 1 channel,"),
        ("RGB", 4, "has 3 channels (RGB); accepted: 4 channels"),
        ("RGBA", 3, "has 4 channels (RGB and alpha); accepted: 3 channels"),
    ],
)
def test_a_number_is_the_files_own_channels(mode, kind, said):
    with pytest.raises(ImageError) as caught:
        prepare(image_of(mode)[0], kind)
    assert said in str(caught.value)


def test_grey_pixels_keep_their_value_exactly():
    grey = np.arange(65536, dtype=np.float32).reshape(1, 256, 256) / np.float32(65535)
    assert np.array_equal(colour.luma(np.repeat(grey, 3, 0)), grey[0])


def test_luma_is_pillows_before_it_rounds():
    image, values = image_of("RGB")
    pillow = np.asarray(
        PIL.Image.fromarray((values * 255).round().astype(np.uint8).transpose(1, 2, 0)).convert("L")
    )
    assert np.abs(prepare(image, "gray").planes[0] * 255 - pillow).max() <= 0.51


def test_a_band_besides_rgb_counts_only_for_a_number():
    image = read(tiff_bytes(codes((5, 6, 4)), photometric="rgb", extrasamples=["unspecified"]))
    assert np.all(prepare(image, "rgba").planes[3] == 1)
    assert np.array_equal(prepare(image, 4).planes, image.planes)
    assert prepare(image, "each").planes.shape[0] == 4


@pytest.mark.parametrize("kind", ["gray", "rgb", "rgba", "each", 4])
def test_linear_decodes_colour_and_leaves_alpha(kind):
    image, values = image_of("RGBA")
    light = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    prepared = prepare(image, kind, linear=True)
    if kind == "gray":
        np.testing.assert_allclose(prepared.planes[0], luma(light), atol=2e-7)
    else:
        np.testing.assert_allclose(prepared.planes[:3], light[:3], atol=1e-7)
    if kind in ("rgba", 4):
        np.testing.assert_array_equal(prepared.planes[3], values[3].astype(np.float32))
    np.testing.assert_array_equal(image.planes, values.astype(np.float32))


def test_linear_leaves_floats_and_unknown_channels():
    for image in (from_array(np.full((2, 2), 0.5)), from_array(np.full((5, 2, 2), 128, np.uint8))):
        kind = image.info.channels
        np.testing.assert_array_equal(prepare(image, kind, linear=True).planes, image.planes)


def test_linear_of_16_bits():
    image = read(png_bytes(1, 16, 0, [(30000).to_bytes(2, "big")]))
    expected = ((30000 / 65535 + 0.055) / 1.055) ** 2.4
    assert prepare(image, "gray", linear=True).planes[0, 0, 0] == pytest.approx(expected, abs=1e-7)


@given(st.floats(0, 1, width=32))
def test_the_srgb_curve_and_back(value):
    there = srgb_to_linear(np.array([value], np.float32))
    assert linear_to_srgb(there)[0] == pytest.approx(value, abs=3e-7)
    assert 0 <= there[0] <= 1


def test_the_srgb_curve_keeps_order_across_its_joint():
    ramp = np.linspace(0, 1, 4097, dtype=np.float32)
    assert (np.diff(srgb_to_linear(ramp)) > 0).all()
    assert (np.diff(linear_to_srgb(ramp)) > 0).all()


def lab_of(rgb):
    """Return CIELAB under D50 of sRGB in float64: the way there, sharing no number with the way back."""
    light = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    matrix = np.array(
        [
            [0.4360747, 0.3850649, 0.1430804],
            [0.2225045, 0.7168786, 0.0606169],
            [0.0139322, 0.0971045, 0.7141733],
        ]
    )
    xyz = np.tensordot(matrix, light, 1) / np.array([0.96422, 1, 0.82521])[:, None, None]
    roots = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.stack([116 * roots[1] - 16, 500 * (roots[0] - roots[1]), 200 * (roots[1] - roots[2])])


def test_lab_there_and_back_and_beside_pillow():
    rgb = planar(codes((30, 30, 3))) / 255
    lab = lab_of(rgb)
    np.testing.assert_allclose(colour.lab_to_rgb(lab.astype(np.float32)), rgb, atol=2e-3)
    stored = np.stack([lab[0] * 2.55, lab[1], lab[2]]).round().astype(np.int16).astype(np.uint8)
    picture = PIL.Image.frombytes("LAB", (30, 30), np.ascontiguousarray(stored.transpose(1, 2, 0)).tobytes())
    assert np.abs(planar(np.asarray(picture.convert("RGB"))) / 255 - rgb).mean() < 0.01


def test_ycbcr_beside_pillow():
    stored = codes((30, 30, 3))
    expected = np.asarray(PIL.Image.fromarray(stored, "YCbCr").convert("RGB"))
    mine = colour.ycbcr_to_rgb((planar(stored) / np.float32(255)).astype(np.float32), 128 / 255)
    assert np.abs(mine * 255 - planar(expected)).max() < 1.01


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
def test_luma_of_bytes_is_the_formula_rounded_once(order):
    """Every colour of a coarse cube and every grey, interleaved and in planes."""
    axis = np.r_[0:256:5, 254, 253, 1]
    cube = np.stack(np.meshgrid(axis, axis, axis), -1).reshape(-1, len(axis), 3)
    greys = np.repeat(np.arange(256), 3).reshape(-1, 1, 3).repeat(len(axis), 1)
    pixels = np.concatenate([cube, greys]).astype(np.uint8)
    planes = np.ascontiguousarray(pixels.transpose(order)).transpose(np.argsort(order)).transpose(2, 0, 1)
    found = colour.luma(planes)
    total = np.einsum("chw,c->hw", planes.astype(np.int64), [299, 587, 114])
    expected = (total / 255_000).astype(np.float32)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(found[len(cube) :, 0], np.arange(256, dtype=np.float32) / np.float32(255))
