"""The names for Python: what they take, what they give, what they refuse."""

import numpy as np
import oracle
import PIL.Image
import pytest

import filterbank


def test_arrays_pictures_and_paths_give_the_same_maps(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (9, 11, 3), np.uint8)
    picture = PIL.Image.fromarray(pixels)
    picture.save(tmp_path / "a.png")
    maps = filterbank.apply(tmp_path / "a.png", "opponent")
    assert (maps.shape, maps.dtype) == ((3, 9, 11), np.float32)
    for image in (picture, pixels.transpose(2, 0, 1), str(tmp_path / "a.png")):
        oracle.assert_same_pixels(filterbank.apply(image, "opponent"), maps)
    oracle.assert_same_pixels(filterbank.apply(pixels, "opponent", layout="HWC"), maps)
    bank = filterbank.load_bank("opponent")
    planes = pixels.transpose(2, 0, 1).astype(np.float32) / np.float32(255)
    expected, x = oracle.layer_maps(bank.layer, planes)
    oracle.assert_within_bar(maps, expected, bank.layer.weights, x)


def test_every_channel_on_its_own():
    image = np.random.default_rng(1).random((3, 8, 9), np.float32)
    maps = filterbank.apply(image, "gaussian")
    assert maps.shape == (len(filterbank.load_bank("gaussian").filters), 3, 8, 9)
    oracle.assert_same_pixels(maps[:, 1], filterbank.apply(image[1], "gaussian"))


def test_integers_are_scaled_and_floats_kept():
    one = np.full((3, 3), 65535, np.uint16)
    assert filterbank.apply(one, "identity").max() == 1
    assert filterbank.apply(one.astype(np.float64), "identity").max() == 65535


def test_big_endian_codes_are_read_as_numbers():
    image = np.arange(12, dtype=np.uint16).reshape(3, 4)
    oracle.assert_same_pixels(
        filterbank.apply(image.astype(">u2"), "identity"), filterbank.apply(image, "identity")
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: filterbank.apply([[1, 2]], "sobel"), "image: found list; accepted: a path"),
        (lambda: filterbank.apply(None, "sobel"), "image: found NoneType"),
        (lambda: filterbank.load_bank(5), "bank: found int; accepted: a Bank"),
        (lambda: filterbank.apply(np.ones((3, 3)), {}), "bank: found dict"),
        (lambda: filterbank.explain("sobel", 480), "size: found 480; accepted: .H, W."),
        (lambda: filterbank.plan("sobel", (5,)), "size: found"),
        (lambda: filterbank.plan("sobel", (5.5, 5)), "size: found"),
        (lambda: filterbank.plan("sobel", (0, 5)), "size: found"),
        (lambda: filterbank.apply(np.ones((3, 3)), "sobel", threads=0), "threads: found 0"),
        (lambda: filterbank.apply(np.ones((3, 3)), "sobel", threads=2.5), "threads: found 2.5"),
        (lambda: filterbank.apply(np.ones((3, 3)), "sobel", layout="WHC"), "layout: found 'WHC'"),
        (lambda: filterbank.apply(np.ones((3, 3)), "sobel", method="magic"), "method: found 'magic'"),
    ],
)
def test_wrong_arguments_are_named(call, message):
    with pytest.raises(filterbank.FilterbankError, match=message):
        call()


def test_names_are_lazy_and_listed():
    assert set(filterbank.__all__) <= set(dir(filterbank))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = filterbank.nothing
