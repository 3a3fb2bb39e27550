"""Filters that pictures alone suggest, against explicit patches, NumPy's SVD and known clusters."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fit.explicit import fields

import filterbank
from filterbank.errors import FilterbankError
from filterbank.fit.patches import PatchSettings, learn_patches, spherical_kmeans
from filterbank.imagefile import prepare, read

ROOT = Path(__file__).resolve().parents[2]
FABRIC = ROOT / "sample_images" / "fabric.png"


def grey(path=FABRIC):
    return prepare(read(path), "gray").planes


def learned(method, kernel=(3, 3), count=4, paths=(FABRIC,), **settings):
    return learn_patches(paths, PatchSettings(method, kernel, count, input="gray", **settings), "made")


def assert_components(found, image, kernel):
    seen = fields(image, kernel)
    directions = np.linalg.svd(seen - seen.mean(axis=0), full_matrices=False)[2]
    for weights, direction in zip(found.layer.weights, directions, strict=False):
        assert abs(weights.ravel() @ direction) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("kernel", [(3, 3), (2, 5)])
def test_components_are_those_of_the_svd(kernel):
    found = learned("pca", kernel)
    assert_components(found, grey(), kernel)
    assert found.layer.names == ("pca_1", "pca_2", "pca_3", "pca_4")
    assert np.abs(found.layer.weights).max(axis=(1, 2, 3)) == pytest.approx(
        found.layer.weights.max(axis=(1, 2, 3))
    )
    with pytest.raises(AssertionError):
        assert_components(found, grey().transpose(0, 2, 1) ** 3, kernel)


def test_the_maps_of_components_are_uncorrelated_and_centred():
    maps = filterbank.apply(FABRIC, learned("pca", count=9))[:, 1:-1, 1:-1].reshape(9, -1).astype(float)
    covariances = maps @ maps.T / maps.shape[1]
    assert np.abs(maps.mean(axis=1)).max() < 1e-5
    assert np.abs(covariances - np.diag(np.diag(covariances))).max() < 1e-4 * covariances[0, 0]
    assert (np.diff(np.diag(covariances)) <= 0).all()


def test_whitening_makes_neighbours_uncorrelated():
    image = grey()[0]
    bank = learned("zca", (7, 7), 1)
    assert bank.layer.names == ("zca_1",)
    white = filterbank.apply(FABRIC, bank)[0, 3:-3, 3:-3]

    def beside(values):
        return np.corrcoef(values[:, 1:].ravel(), values[:, :-1].ravel())[0, 1]

    assert beside(image) > 0.8
    assert abs(beside(white)) < 0.3


def test_colour_has_a_whitening_filter_a_channel():
    bank = learn_patches([FABRIC], PatchSettings("zca", (3, 3), 1), "made")
    assert bank.input == "rgb"
    assert bank.layer.weights.shape == (3, 3, 3, 3)
    assert [int(each.argmax()) for each in bank.layer.weights.reshape(3, -1)] == [4, 13, 22]


def test_clusters_are_found():
    rng = np.random.default_rng(0)
    directions = np.linalg.qr(rng.normal(size=(8, 8)))[0][:4]
    of = rng.integers(0, 4, 800)
    points = directions[of] * rng.choice([-2, 1, 3], (800, 1)) + rng.normal(0, 0.02, (800, 8))
    found = spherical_kmeans(points, 4, seed=1)
    agreement = np.abs(found @ directions.T)
    assert agreement.max(axis=1) == pytest.approx(1, abs=1e-3)
    assert sorted(agreement.argmax(axis=1)) == [0, 1, 2, 3]
    fullest = np.bincount(of).argsort()[::-1]
    assert list(agreement.argmax(axis=1)) == list(fullest)


def test_centroids_are_filters_of_sum_zero_and_the_seed_decides():
    first, again, other = (learned("kmeans", (6, 6), 8, seed=seed) for seed in (3, 3, 4))
    weights = first.layer.weights
    assert weights.shape == (8, 1, 6, 6)
    assert np.abs(weights.sum(axis=(1, 2, 3))).max() < 1e-12
    assert (weights**2).sum(axis=(1, 2, 3)) == pytest.approx(1)
    assert (weights == again.layer.weights).all()
    assert not np.allclose(weights, other.layer.weights)


@pytest.mark.parametrize(
    ("method", "count", "said"),
    [
        ("pca", 5, "the patches vary in 0 of 9 directions; accepted: at least 5; use more"),
        ("zca", 1, "the patches vary in 0 of 9 directions; accepted: at least 1; use more"),
        ("kmeans", 2, "the patches vary in 0 of 9 directions; accepted: at least 1; use more"),
        ("kmeans", 60, "--count: found 60, the images hold 100 patches; accepted: at most half as many"),
    ],
)
def test_pictures_without_texture_are_refused(tmp_path, method, count, said):
    np.save(tmp_path / "flat.npy", np.full((12, 12), 0.4, np.float32))
    with pytest.raises(FilterbankError, match=said):
        learned(method, count=count, paths=[tmp_path / "flat.npy"])


def test_small_and_broken_pictures_are_named(tmp_path):
    np.save(tmp_path / "small.npy", np.zeros((2, 9), np.float32))
    with pytest.raises(FilterbankError, match=r"small\.npy: a kernel spanning 3×3"):
        learned("pca", paths=[tmp_path / "small.npy"])
    np.save(tmp_path / "nan.npy", np.full((9, 9), np.nan, np.float32))
    with pytest.raises(FilterbankError, match=r"nan\.npy: found NaN or infinity"):
        learned("pca", paths=[tmp_path / "nan.npy"])
