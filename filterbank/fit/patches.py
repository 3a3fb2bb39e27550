"""Filters that pictures alone suggest: principal components, whitening, and k-means of their patches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filterbank.errors import GeometryError, ImageError, RequestError, shown
from filterbank.fit.moments import NOTHING, Moments
from filterbank.fit.pictures import Kind, Reader
from filterbank.fit.windows import bands
from filterbank.geometry import Pair
from filterbank.imagefile import ReadOptions
from filterbank.model import Bank, Filter, Layer, Stack, floats
from filterbank.record import record

Floats = NDArray[np.float64]

# method -> where it was published
METHODS = {
    "pca": "Pearson, Philosophical Magazine 2:559-572, 1901",
    "zca": "Bell and Sejnowski, Vision Research 37:3327-3338, 1997",
    "kmeans": "Coates and Ng, Learning feature representations with k-means, 2012",
}
MAX_SIZE = 4096  # numbers of a patch
# Directions are whitened as if each had this share of the mean power more: noise is not blown up.
_SMOOTHED = {"zca": 0.01, "kmeans": 0.1}
_CONTRAST = 10 / 255**2  # variance added to a patch's own before it is divided out
_PATCHES, _ROUNDS = 400, 20  # patches of a centroid, at most; rounds of k-means


@record(frozen=True)
class PatchSettings:
    """What to learn: a *method* of METHODS, the kernel (rows, columns), and how many filters."""

    method: str
    kernel: Pair
    count: int
    seed: int = 0
    input: Kind | None = None
    reading: ReadOptions = field(default_factory=ReadOptions)


def learn_patches(paths: Sequence[Path], settings: PatchSettings, name: str) -> Bank:
    """Return the bank that the patches of the images *paths* suggest.

    pca: the directions in which patches vary most, the strongest first; zca: the filters, one a channel, that
    take from a pixel what its neighbours tell of it; kmeans: centroids of whitened patches.

    Raises
    ------
    ImageError
        An image cannot be read, or is smaller than the kernel.
    RequestError
        The patches do not hold so many filters.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "ramp.npy"
    >>> np.save(path, np.tile(np.linspace(0, 1, 9, dtype=np.float32) ** 2, (9, 1)))
    >>> bank = learn_patches([path], PatchSettings("pca", (1, 2), 1), "ramp")
    >>> bank.layer.names, bank.layer.weights.round(1).tolist()
    (('pca_1',), [[[[0.6, 0.8]]]])
    """
    reader = Reader(settings.reading, settings.input)
    if settings.method == "kmeans":
        patches = _sampled(paths, reader, settings)
        weights, told = (
            _centroids(patches, settings),
            f"{len(patches):,} patches drawn with seed {settings.seed}",
        )
        biases = np.zeros(len(weights))
    else:
        moments = _moments(paths, reader, settings)
        weights, told = (_components if settings.method == "pca" else _whitening)(moments, settings)
        means = moments.centred()[1] + moments.origin[: moments.inputs]
        biases, told = -weights @ means, f"{moments.count:,} patches{told}"
    channels = weights.shape[1] // (settings.kernel[0] * settings.kernel[1])
    digits = len(str(len(weights)))
    filters = tuple(
        Filter(f"{settings.method}_{k + 1:0{digits}}", each.reshape(channels, *settings.kernel), float(bias))
        for k, (each, bias) in enumerate(zip(weights, biases, strict=True))
    )
    layer = Layer(filters, padding_mode="replicate")
    said = f"{settings.method} of {told} of {len(paths)} image{'s' * (len(paths) > 1)}"
    return Bank(name, Stack((layer,)), reader.kind, said, METHODS[settings.method])


def _each(paths: Sequence[Path], reader: Reader, kernel: Pair) -> Iterator[tuple[NDArray[Any], Layer, Pair]]:
    """Yield the pixels (C, H, W) of every image, the blank layer, and how many (rows, columns) of patches."""
    for path in paths:
        for pixels in reader.inputs(path):
            numbers = len(pixels) * kernel[0] * kernel[1]
            if numbers > MAX_SIZE:
                raise RequestError(
                    f"--size: found patches of {numbers:,} numbers; accepted: at most {MAX_SIZE:,}; "
                    "use a smaller size, or --as gray or each"
                )
            layer = Layer((Filter("blank", np.zeros((len(pixels), *kernel))),), padding="valid")
            try:
                shapes = layer.geometry(pixels.shape[1:])
            except GeometryError as error:
                raise ImageError(f"{shown(path)}: {error}") from error
            if not np.isfinite(floats(pixels)).all():
                raise ImageError(f"{shown(path)}: found NaN or infinity; accepted: finite numbers")
            yield pixels, layer, (shapes.out_height, shapes.out_width)


def _moments(paths: Sequence[Path], reader: Reader, settings: PatchSettings) -> Moments:
    """Return the moments of all patches; there are no targets."""
    moments: Moments | None = None
    for pixels, layer, size in _each(paths, reader, settings.kernel):
        for columns in bands(pixels, layer, np.empty((0, *size), np.float32)):
            if moments is None:
                origin = columns.mean(axis=1)
                origin[-1] = 0
                moments = Moments.none(origin, len(columns) - 1)
            moments.add(columns)
    if moments is None:
        raise RequestError("no images; accepted: at least one")
    return moments


def _powers(covariances: Floats, wanted: int) -> tuple[Floats, Floats]:
    """Return the powers and directions (one a column) of patches, the strongest first.

    Raises
    ------
    RequestError
        Fewer than *wanted* have any power.
    """
    powers, directions = np.linalg.eigh(covariances)
    powers, directions = powers[::-1], directions[:, ::-1]
    has = int(np.count_nonzero(powers > max(NOTHING * powers[0], 1e-14)))
    if has < wanted:
        raise RequestError(
            f"the patches vary in {has} of {len(powers)} directions; accepted: at least {wanted}; use more "
            "or other images, or a smaller --count"
        )
    return powers, directions


def _components(moments: Moments, settings: PatchSettings) -> tuple[Floats, str]:
    powers, directions = _powers(moments.centred()[0], settings.count)
    weights = directions[:, : settings.count].T
    largest = np.abs(weights).argmax(axis=1)
    share = powers[: settings.count].sum() / powers.sum()
    # The sign of a direction is nobody's: the largest weight is positive, here and on every machine.
    return weights * np.sign(weights[np.arange(len(weights)), largest])[:, np.newaxis], (
        f", {share:.2%} of the variance in {settings.count} of {len(powers)} directions,"
    )


def _whitening(moments: Moments, settings: PatchSettings) -> tuple[Floats, str]:
    whitener = _whitener(moments.centred()[0], _SMOOTHED["zca"])
    rows, columns = settings.kernel
    middle = (rows - 1) // 2 * columns + (columns - 1) // 2
    return whitener[middle :: rows * columns], ""


def _whitener(covariances: Floats, smoothed: float) -> Floats:
    """Return the symmetric matrix (M, M) that makes the powers of all directions nearly the same."""
    powers, directions = _powers(covariances, 1)
    scales = 1 / np.sqrt(np.maximum(powers, 0) + smoothed * powers.mean())
    whitener: Floats = (directions * scales) @ directions.T
    return whitener


def _sampled(paths: Sequence[Path], reader: Reader, settings: PatchSettings) -> Floats:
    """Return patches (n, M) drawn at random, as many of every image: some hundreds a filter."""
    draw = np.random.default_rng(settings.seed)
    quota = -(-_PATCHES * settings.count // len(paths))
    drawn = []
    for pixels, _, (rows, columns) in _each(paths, reader, settings.kernel):
        seen = np.lib.stride_tricks.sliding_window_view(floats(pixels), settings.kernel, axis=(1, 2))
        at = draw.choice(rows * columns, min(quota, rows * columns), replace=False)
        drawn.append(seen[:, at // columns, at % columns].swapaxes(0, 1).reshape(len(at), -1))
    return np.concatenate(drawn).astype(np.float64)


def _centroids(patches: Floats, settings: PatchSettings) -> Floats:
    """Return filters (K, M) of norm 1 and sum 0: the centroids of whitened patches, seen as filters.

    Each patch has its mean taken off and its contrast divided out. The filters do the former, too; the latter
    is no filter, and left out.
    """
    if len(patches) < 2 * settings.count:
        raise RequestError(
            f"--count: found {settings.count}, the images hold {len(patches)} patches; accepted: at most "
            "half as many; use more or larger images"
        )
    evened = patches - patches.mean(axis=1, keepdims=True)
    evened /= np.sqrt(evened.var(axis=1, keepdims=True) + _CONTRAST)
    centred = evened - evened.mean(axis=0)
    whitener = _whitener(centred.T @ centred / len(centred), _SMOOTHED["kmeans"])
    centroids = spherical_kmeans(centred @ whitener, settings.count, settings.seed)
    weights = centroids @ whitener
    weights -= weights.mean(axis=1, keepdims=True)
    filters: Floats = weights / np.linalg.norm(weights, axis=1, keepdims=True)
    return filters


def spherical_kmeans(points: Floats, count: int, seed: int) -> Floats:
    """Return *count* directions (K, M) of length 1 that the *points* (n, M) gather around, the fullest first.

    A point belongs to the direction, or its opposite, of the largest product; Coates and Ng's damped rounds.

    >>> points = np.array([[3.0, 0.0], [-2.0, 0.0], [0.0, 1.0]])
    >>> np.abs(spherical_kmeans(points, 2, seed=0)).round(3).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    centroids = np.random.default_rng(seed).normal(size=(count, points.shape[1]))
    centroids /= np.linalg.norm(centroids, axis=1, keepdims=True)
    places = np.arange(len(points))
    for _ in range(_ROUNDS):
        products = points @ centroids.T
        nearest = np.abs(products).argmax(axis=1)
        shares = np.zeros_like(products)
        shares[places, nearest] = products[places, nearest]
        centroids = shares.T @ points + centroids
        centroids /= np.linalg.norm(centroids, axis=1, keepdims=True)
    fullest = np.argsort(-np.bincount(nearest, minlength=count), kind="stable")
    found: Floats = centroids[fullest]
    return found
