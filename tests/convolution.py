"""The layer's formula in float64, tap by tap, and the contract's bar: what kernels are held to."""

from __future__ import annotations

import numpy as np

BAR = 1e-5


def naive(image, weights, biases=None, stride=(1, 1), dilation=(1, 1), groups=1, pad=(0, 0)):
    """Return the maps (K, H2, W2) of *image* (C, H, W); *pad* zeros on all sides, rows and columns."""
    filters, own, fh, fw = weights.shape
    (sy, sx), (dy, dx) = stride, dilation
    x = np.pad(image.astype(np.float64), ((0, 0), (pad[0],) * 2, (pad[1],) * 2))
    height = (x.shape[1] - dy * (fh - 1) - 1) // sy + 1
    width = (x.shape[2] - dx * (fw - 1) - 1) // sx + 1
    maps = np.zeros((filters, height, width))
    for k in range(filters):
        first = k // (filters // groups) * own
        for c in range(own):
            for i in range(fh):
                for j in range(fw):
                    rows = slice(i * dy, i * dy + (height - 1) * sy + 1, sy)
                    columns = slice(j * dx, j * dx + (width - 1) * sx + 1, sx)
                    maps[k] += weights[k, c, i, j] * x[first + c, rows, columns]
    return maps if biases is None else maps + biases[:, None, None]


def error_of(out, expected, weights, image):
    """Return the largest error as a share of max Σ|w| · max|x|."""
    scale = np.abs(weights).sum((1, 2, 3)).max() * np.abs(image).max()
    return np.abs(out - expected).max() / scale


def assert_within_bar(out, expected, weights, image, bar=BAR):
    assert out.shape == expected.shape
    assert np.isfinite(out).all()
    error = error_of(out, expected, weights, image)
    assert error <= bar, f"error {error:.2e} of Σ|w|·max|x|, at most {bar:.0e}"
