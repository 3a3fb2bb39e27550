"""The layers that are timed: W1 to W8, as a picture, weights and the float64 answer for some rows."""

from dataclasses import dataclass

import numpy as np

from benchmarks.photograph import photograph
from filterbank.geometry import Geometry, resolve


@dataclass(frozen=True)
class Workload:
    """One layer on one picture: ``codes`` (H, W, C) uint8, ``planes`` (C, H, W) float32 = codes / 255."""

    name: str
    text: str
    codes: np.ndarray
    planes: np.ndarray
    weights: np.ndarray  # (K, C, F, F) float64, each filter's Σ|w| = 1
    geometry: Geometry

    @property
    def gflop(self):
        return 2 * self.geometry.multiply_adds / 1e9

    def expected(self, rows):
        """Return those rows of every map in float64: (K, rows, W2)."""
        g, F = self.geometry, self.weights.shape[2]
        padded = np.pad(self.planes, ((0, 0), (g.padding[0], g.padding[2]), (g.padding[1], g.padding[3])))
        out = np.zeros((g.filters, len(rows), g.out_width))
        for n, y in enumerate(rows):
            for i in range(F):
                line = padded[:, y * g.stride[0] + i * g.dilation[0]].astype(np.float64)
                for j in range(F):
                    x = j * g.dilation[1]
                    taken = line[:, x : x + (g.out_width - 1) * g.stride[1] + 1 : g.stride[1]]
                    out[:, n] += self.weights[:, :, i, j] @ taken
        return out

    @property
    def bar(self):
        """The accuracy every answer must keep: 1e-5 · max Σ|w| · max|x|."""
        return 1e-5 * np.abs(self.weights).sum((1, 2, 3)).max() * np.abs(self.planes).max()


def _random(K, C, F):
    return np.random.default_rng(1).normal(size=(K, C, F, F))


def _whole(K, C, F):
    return np.random.default_rng(1).integers(-8, 9, (K, C, F, F)).astype(float)


def _elongated(K, C, F):
    """Derivatives of elongated Gaussians in several scales and directions, as in texture banks."""
    r = F // 2
    y, x = np.mgrid[-r : r + 1, -r : r + 1].astype(float)
    bank = []
    for k in range(K):
        angle, across = np.pi * (k % 6) / 6, 2 ** (0.5 * (k // 6 % 4 + 1))
        u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
        bell = np.exp(-(u**2) / (2 * across**2) - v**2 / (18 * across**2))
        bell *= u if k % 2 else u**2 / across**2 - 1
        bank.append(bell - bell.mean())
    return np.repeat(np.array(bank)[:, None], C, 1) * np.array([0.3, 0.6, 0.1])[:C, None, None]


def _gabors(K, C, F):
    r = F // 2
    y, x = np.mgrid[-r : r + 1, -r : r + 1].astype(float)
    angles = np.pi * np.arange(K)[:, None, None] / K
    u = x * np.cos(angles) + y * np.sin(angles)
    return (np.exp(-(x**2 + y**2) / 50) * np.cos(2 * np.pi * u / 8))[:, None]


def _gaussian(K, C, F):
    bell = np.exp(-((np.arange(F) - F // 2) ** 2) / (2 * 1.1**2))
    return np.outer(bell, bell)[None, None]


# name -> (text, weights, K, C, F, stride, padding, dilation, shrink: the image's sides divided by it)
_ALL = {
    "W1": ("3×3×3, 8 filters", _random, 8, 3, 3, 1, 1, 1, 1),
    "W1i": ("3×3×3, 8 filters of whole numbers", _whole, 8, 3, 3, 1, 1, 1, 1),
    "W2": ("49×49×3, 48 filters", _elongated, 48, 3, 49, 1, 24, 1, 1),
    "W2g": ("49×49×1, 48 filters", _elongated, 48, 1, 49, 1, 24, 1, 1),
    "W3": ("7×7×3, 64 filters, stride 2", _random, 64, 3, 7, 2, 3, 1, 1),
    "W4": ("31×31×1, 16 filters", _gabors, 16, 1, 31, 1, 15, 1, 1),
    "W5": ("11×11×3, 96 filters, stride 4", _random, 96, 3, 11, 4, 2, 1, 1),
    "W6": ("5×5×1 Gaussian", _gaussian, 1, 1, 5, 1, 2, 1, 1),
    "W7": ("5×5×1, dilation 4, 8 filters", _random, 8, 1, 5, 1, 8, 4, 1),
    "W8a": ("3×3×16, 16 filters", _random, 16, 16, 3, 1, 1, 1, 2),
    "W8b": ("3×3×64, 64 filters", _random, 64, 64, 3, 1, 1, 1, 4),
    "W8c": ("5×5×32, 32 filters", _random, 32, 32, 5, 1, 2, 1, 4),
    "W8d": ("9×9×16, 32 filters", _random, 32, 16, 9, 1, 4, 1, 4),
}
NAMES = tuple(_ALL)


def workload(name, megapixels):
    """Return one workload on a picture of so many megapixels (divided by the workload's own shrink²)."""
    text, weights, K, C, F, S, P, D, shrink = _ALL[name]
    picture = photograph(megapixels)
    height, width = (n // shrink for n in picture.shape[:2])
    picture = picture[-height:, :width]
    codes = np.empty((height, width, C), np.uint8)
    for c in range(C):
        codes[..., c] = np.roll(picture[..., c % 3], 7 * (c // 3), axis=1)
    planes = np.ascontiguousarray(codes.transpose(2, 0, 1)).astype(np.float32) / np.float32(255)
    bank = weights(K, C, F)
    bank = bank / np.abs(bank).sum((1, 2, 3), keepdims=True)
    geometry = resolve(
        channels=C,
        size=(height, width),
        filters=K,
        kernel=(F, F),
        stride=(S, S),
        padding=(P,) * 4,
        dilation=(D, D),
    )
    return Workload(name, text, codes, planes, bank, geometry)
