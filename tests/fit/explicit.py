"""The slow twin of fitting: every receptive field written out for lstsq, and the layer in loops."""

from __future__ import annotations

import numpy as np


def same_pad(n: int, f: int, s: int, d: int) -> int:
    """ONNX's SAME_UPPER, before."""
    return max((-(-n // s) - 1) * s + d * (f - 1) + 1 - n, 0) // 2


def layer(image, weights, biases, stride=(1, 1), dilation=(1, 1), pad=None, mode="constant"):
    """The formula, output by output; *pad* is ((top, bottom), (left, right)), default same and zeros."""
    _, fh, fw = weights.shape[1:]
    height, width = image.shape[1:]
    (sh, sw), (dh, dw) = stride, dilation
    if pad is None:
        out = -(-height // sh), -(-width // sw)
        top, left = same_pad(height, fh, sh, dh), same_pad(width, fw, sw, dw)
        wide = ((top, top + dh * fh + sh), (left, left + dw * fw + sw))
    else:
        wide = pad
        out = (
            (height + sum(pad[0]) - dh * (fh - 1) - 1) // sh + 1,
            (width + sum(pad[1]) - dw * (fw - 1) - 1) // sw + 1,
        )
    full = np.pad(image.astype(float), ((0, 0), *wide), mode=mode)
    maps = np.zeros((len(weights), *out))
    for y in range(out[0]):
        for x in range(out[1]):
            field = full[
                :, y * sh : y * sh + dh * (fh - 1) + 1 : dh, x * sw : x * sw + dw * (fw - 1) + 1 : dw
            ]
            maps[:, y, x] = (weights * field).sum(axis=(1, 2, 3)) + biases
    return maps


def fields(image, kernel):
    """Every receptive field that lies inside *image* at stride 1: (outputs, C·Fh·Fw)."""
    windows = np.lib.stride_tricks.sliding_window_view(image.astype(float), kernel, axis=(1, 2))
    return np.moveaxis(windows, 0, 2).reshape(-1, len(image) * kernel[0] * kernel[1])


def least_squares(image, target, kernel):
    """Weights and bias by lstsq over outputs whose field lies inside; *target* (H, W), same size."""
    seen = fields(image, kernel)
    top, left = (kernel[0] - 1) // 2, (kernel[1] - 1) // 2
    rows, columns = image.shape[1] - kernel[0] + 1, image.shape[2] - kernel[1] + 1
    wanted = target[top : top + rows, left : left + columns].astype(float).ravel()
    found = np.linalg.lstsq(np.hstack([seen, np.ones((len(seen), 1))]), wanted, rcond=None)[0]
    return found[:-1], found[-1]
