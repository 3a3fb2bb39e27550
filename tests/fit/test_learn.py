"""Learning filters: against known filters, the explicit least squares, and the theory of their errors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fit.explicit import fields, layer, least_squares
from PIL import Image

import filterbank
from filterbank.errors import FilterbankError
from filterbank.fit import Pair, Settings, learn

RNG = np.random.default_rng(5)
KERNEL = np.array(
    [[0, 1, 2, 1, 0], [1, 4, 6, 4, 1], [2, 6, 9, 5, 2], [1, 4, 6, 3, 1], [0, 1, 2, 1, -1]], float
)


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def noise(*shape, seed=0):
    return np.random.default_rng(seed).random(shape, np.float32)


def pair(before, after, name="a") -> Pair:
    np.save(f"{name}_before.npy", before)
    np.save(f"{name}_after.npy", np.asarray(after, np.float32))
    return Pair(Path(f"{name}_before.npy"), (Path(f"{name}_after.npy"),))


def fit(pairs, kernel=(5, 5), **settings):
    return learn(pairs if isinstance(pairs, list) else [pairs], Settings(kernel, ("made",), **settings))


def assert_learned(fitted, weights, biases, within=1e-4):
    found = fitted.bank.layer
    assert found.weights.shape == np.shape(weights)
    assert np.abs(found.weights - weights).max() <= within
    assert np.abs(found.biases - biases).max() <= within


def test_one_wrong_weight_is_seen():
    weights = KERNEL[None, None] / 60
    fitted = fit(pair(noise(40, 50), layer(noise(1, 40, 50), weights, [0.25])))
    wrong = weights.copy()
    wrong[0, 0, 1, 2] += 2e-4
    for given in ((wrong, [0.25]), (weights, [0.2502])):
        with pytest.raises(AssertionError):
            assert_learned(fitted, *given)


def test_a_kernel_and_its_bias_come_back():
    weights = KERNEL[None, None] / 60
    fitted = fit(pair(noise(40, 50), layer(noise(1, 40, 50), weights, [0.25])))
    assert_learned(fitted, weights, [0.25], 1e-6)
    assert fitted.outputs == 36 * 46
    assert fitted.rms[0] < 1e-6
    assert fitted.held_out[0] < 1e-6
    assert fitted.bank.input == "gray"
    assert (fitted.bank.layer.padding, fitted.bank.layer.padding_mode) == ("same", "replicate")


def test_the_bank_does_what_was_done():
    image = noise(1, 40, 50)
    target = layer(image, KERNEL[None, None] / 60, [0.1])
    fitted = fit(pair(image, target))
    maps = filterbank.apply(image, fitted.bank)
    assert np.abs(maps - target)[:, 2:-2, 2:-2].max() < 1e-5


def test_several_filters_of_three_channels():
    image, weights, biases = noise(3, 40, 50), RNG.normal(size=(4, 3, 3, 5)), RNG.normal(size=4)
    fitted = fit(pair(image, layer(image, weights, biases)), (3, 5))
    assert_learned(fitted, weights, biases)
    assert fitted.bank.input == "rgb"
    assert fitted.bank.layer.names == ("made_0", "made_1", "made_2", "made_3")


@pytest.mark.parametrize("kernel", [(3, 3), (2, 4), (1, 7)])
def test_it_is_the_least_squares_of_the_receptive_fields(kernel):
    image, target = noise(2, 30, 31), noise(30, 31, seed=9)
    fitted = fit(pair(image, target), kernel)
    weights, bias = least_squares(image, target, kernel)
    assert_learned(fitted, weights.reshape(1, 2, *kernel), [bias], 1e-9)


@pytest.mark.parametrize("stride", [(1, 1), (2, 3), (5, 1)])
@pytest.mark.parametrize("dilation", [(1, 1), (2, 1), (1, 3)])
def test_stride_and_dilation(stride, dilation):
    image, weights = noise(1, 61, 70), RNG.normal(size=(1, 1, 3, 4))
    target = layer(image, weights, [0.5], stride, dilation)
    options = (("stride", f"{stride[0]},{stride[1]}"), ("dilation", f"{dilation[0]},{dilation[1]}"))
    fitted = fit(pair(image, target), (3, 4), options=options)
    assert_learned(fitted, weights, [0.5])
    assert (fitted.bank.layer.stride, fitted.bank.layer.dilation) == (stride, dilation)


@pytest.mark.parametrize(
    ("mode", "numpys"),
    [("zeros", "constant"), ("reflect", "reflect"), ("symmetric", "symmetric"), ("replicate", "edge"),
     ("circular", "wrap")],
)  # fmt: skip
def test_with_a_padding_every_output_counts(mode, numpys):
    image, weights = noise(1, 12, 13), RNG.normal(size=(1, 1, 3, 3))
    target = layer(image, weights, [0.5], pad=((2, 1), (1, 0)), mode=numpys)
    options = (("padding", "2,1,1,0"), ("padding_mode", mode))
    fitted = fit(pair(image, target), (3, 3), options=options)
    assert_learned(fitted, weights, [0.5])
    assert fitted.outputs == target.size
    assert filterbank.apply(image, fitted.bank) == pytest.approx(target, abs=1e-4)


def test_a_target_without_a_border():
    image, weights = noise(1, 20, 21), RNG.normal(size=(1, 1, 3, 3))
    fitted = fit(pair(image, layer(image, weights, [0], pad=((0, 0), (0, 0)))), (3, 3))
    assert_learned(fitted, weights, [0])
    assert fitted.bank.layer.padding == "valid"


def test_pictures_of_several_sizes_add_up():
    weights = RNG.normal(size=(1, 1, 5, 5))
    pairs = []
    for index, shape in enumerate([(1, 7, 8), (1, 9, 6), (1, 12, 5)]):
        image = noise(*shape, seed=index)
        pairs.append(pair(image, layer(image, weights, [0.5]), f"p{index}"))
    with pytest.raises(FilterbankError, match="12 outputs count for 26 unknowns"):
        fit(pairs[:1])
    assert_learned(fit(pairs), weights, [0.5])


def test_every_channel_by_one_filter():
    image = noise(3, 30, 30)
    weights = RNG.normal(size=(1, 1, 3, 3))
    target = np.concatenate([layer(image[c : c + 1], weights, [0.1]) for c in range(3)])
    fitted = fit(pair(image, target), (3, 3), input="each")
    assert_learned(fitted, weights, [0.1])
    assert (fitted.bank.input, fitted.outputs, fitted.bank.layer.names) == ("each", 3 * 28 * 28, ("made",))


def test_colour_to_grey_and_back():
    image, weights = noise(3, 30, 30), RNG.normal(size=(1, 3, 3, 3))
    to_grey = pair(image, layer(image, weights, [0.1])[0], "g")
    assert_learned(fit(to_grey, (3, 3)), weights, [0.1])
    back = RNG.normal(size=(3, 1, 3, 3))
    to_colour = pair(image[0], layer(image[:1], back, [1, 2, 3]), "c")
    assert_learned(fit(to_colour, (3, 3)), back, [1, 2, 3])


def test_without_a_bias():
    image = noise(1, 30, 30)
    fitted = fit(pair(image, 0.5 * image + 0.25), (1, 1), bias=False)
    inner = image.astype(float)
    expected = ((0.5 * image + 0.25).astype(np.float32) * inner).sum() / (inner**2).sum()
    assert_learned(fitted, [[[[expected]]]], [0], 1e-9)


def test_l2_is_ridge_regression():
    image, target = noise(1, 20, 20), noise(20, 20, seed=4)
    fitted = fit(pair(image, target), (3, 3), l2=0.01)
    seen = fields(image, (3, 3))
    wanted = target[1:-1, 1:-1].astype(float).ravel()
    centred = seen - seen.mean(axis=0)
    gram = centred.T @ centred / len(seen) + 0.01 * np.eye(9)
    weights = np.linalg.solve(gram, centred.T @ wanted / len(seen))
    bias = wanted.mean() - seen.mean(axis=0) @ weights
    assert_learned(fitted, weights.reshape(1, 1, 3, 3), [bias], 1e-9)


def test_through_files_of_8_bits():
    """Rounding to 1/255 is noise of 1/(255·√12): the weights keep to a few of their standard errors."""
    codes = np.random.default_rng(1).integers(0, 256, (200, 200), np.uint8)
    weights = KERNEL[None, None] / 80
    target = layer(codes[None] / 255, weights, [0.1])[0]
    assert target.min() > 0
    assert target.max() < 1
    Image.fromarray(codes).save("a.png")
    Image.fromarray(np.rint(target * 255).astype(np.uint8)).save("b.png")
    fitted = fit(Pair(Path("a.png"), (Path("b.png"),)))
    assert_learned(fitted, weights, [0.1], 2e-4)
    assert fitted.rms[0] == pytest.approx(1 / 255 / np.sqrt(12), rel=0.05)
    assert fitted.clipped == 0


def test_noise_spreads_the_weights_as_the_theory_says():
    """The covariance is σ²(XᵀX)⁻¹, so that (w − w₀)ᵀ XᵀX (w − w₀)/σ² is χ² with a degree an unknown."""
    image, sigma, weights = noise(1, 50, 50), 0.01, RNG.normal(size=(1, 1, 3, 3))
    clean = layer(image, weights, [0.5])
    seen = np.hstack([fields(image, (3, 3)), np.ones((48 * 48, 1))])
    distances, z_scores = [], []
    for seed in range(40):
        noisy = clean + np.random.default_rng(seed).normal(0, sigma, clean.shape)
        fitted = fit(pair(image, noisy), (3, 3))
        off = np.append((fitted.bank.layer.weights - weights).ravel(), fitted.bank.layer.biases - 0.5)
        distances.append(off @ (seen.T @ seen) @ off / sigma**2)
        z_scores.append(off[:9] / fitted.solution.errors[0])
        assert fitted.rms[0] == pytest.approx(sigma, rel=0.1)
        assert fitted.held_out[0] == pytest.approx(sigma, rel=0.3)
    assert np.mean(distances) == pytest.approx(10, rel=0.25)
    assert np.std(z_scores) == pytest.approx(1, rel=0.15)


def test_clipped_targets_can_be_left_out():
    codes = np.random.default_rng(2).integers(0, 256, (100, 100), np.uint8)
    weights = np.array([[[[0, -1, 0], [-1, 5, -1], [0, -1, 0]]]], float) / 2
    target = np.rint(layer(codes[None] / 255, weights, [0.3])[0] * 255)
    Image.fromarray(codes).save("a.png")
    Image.fromarray(np.clip(target, 0, 255).astype(np.uint8)).save("b.png")
    files = Pair(Path("a.png"), (Path("b.png"),))
    biased, fitted = fit(files, (3, 3)), fit(files, (3, 3), ignore_clipped=True)
    inner = target[1:-1, 1:-1]
    out = int(((inner <= 0) | (inner >= 255)).sum())
    assert biased.clipped == fitted.clipped == fitted.left_out == out > 1000
    assert fitted.outputs == 98 * 98 - out
    with pytest.raises(AssertionError):
        assert_learned(biased, weights, [0.3], 0.05)
    # Rounding correlates a little with what is left out.
    assert_learned(fitted, weights, [0.3], 2e-3)


def test_a_map_stands_for_its_values():
    image = noise(60, 60)
    np.save("a.npy", image)
    from running import filterbank as run

    run("apply", "a.npy", "-b", "sobel", "--filter", "sobel_x", "-o", "maps", "--format", "png16")
    fitted = fit(Pair(Path("a.npy"), (Path("maps/a/sobel_x.png"),)), (3, 3))
    assert_learned(fitted, filterbank.load_bank("sobel").layer.weights[:1], [0])


def test_values_far_from_zero_keep_their_digits():
    image = 1e4 + 10 * noise(1, 60, 60).astype(np.float64)
    image = image.astype(np.float32)
    weights = RNG.normal(size=(1, 1, 3, 3)) * 1e-3
    fitted = fit(pair(image, layer(image, weights, [3.0])), (3, 3))
    assert_learned(fitted, weights, [3.0], 1e-3)
    assert np.abs(fitted.bank.layer.weights - weights).max() < 2e-8


def test_large_pictures_go_in_bands(monkeypatch):
    image, weights = noise(1, 40, 50), RNG.normal(size=(1, 1, 3, 3))
    files, stride = pair(image, layer(image, weights, [0.5], (2, 2))), (("stride", "2"),)
    at_once = fit(files, (3, 3), options=stride).bank.layer
    monkeypatch.setattr("filterbank.fit.windows._BAND", 1)
    row_by_row = fit(files, (3, 3), options=stride).bank.layer
    assert np.abs(at_once.weights - row_by_row.weights).max() < 1e-12
