"""The layer's formula in float64, tap by tap, and the contract's bar: what kernels are held to."""

from __future__ import annotations

import numpy as np

from filterbank.engine.memory import aligned
from filterbank.geometry import resolve

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


def plan_of(kind, image, weights, biases=None, stride=(1, 1), dilation=(1, 1), pad=(0, 0)):
    """Return *kind*, a plan's class, for *image* with *pad* zeros on all sides."""
    g = resolve(
        channels=len(image),
        size=image.shape[1:],
        filters=len(weights),
        kernel=weights.shape[2:],
        stride=stride,
        padding=(*pad, *pad),
        dilation=dilation,
    )
    return kind(weights, np.zeros(len(weights)) if biases is None else biases, g)


def empty_maps(g):
    """Return maps (K, H2, W2) in which what is not written is seen."""
    return np.full((g.filters, g.out_height, g.out_width), np.nan, np.float32)


def pixels(rng, g, kind):
    """Return an image as a source of that *kind*, and the float32 planes that it stands for."""
    if kind == "float32":
        planes = rng.normal(size=(g.channels, g.height, g.width)).astype(np.float32)
        return planes, planes
    top = np.iinfo(kind).max
    codes = rng.integers(0, top, (g.height, g.width, g.channels), kind, endpoint=True).transpose(2, 0, 1)
    return codes, (codes / np.float64(top)).astype(np.float32)


def compute(kernels, plan, image, threads=2):
    """Return the maps of a transform's plan, which has not handed them to the direct method."""
    out = empty_maps(plan.geometry)
    plan.run(kernels, image, out, threads)
    assert "_instead" not in vars(plan)
    return out


def assert_stays_in_its_space(kernels, plan, image):
    """The work space of a thread is all that is written beside the maps."""
    size = plan._space_size
    memory = aligned((size + 64,))
    memory[:] = np.nan
    plan._take = lambda count: memory[32 : 32 + count]
    assert np.isfinite(compute(kernels, plan, image, threads=1)).all()
    assert not np.isnan(memory[32 : 32 + size]).all()  # it was the one given
    assert np.isnan(memory[:32]).all()
    assert np.isnan(memory[32 + size :]).all()
