"""The slow, obvious twins, reviewed by eye; they share no code with the package."""

import math

import numpy as np

NUMPY_PAD = {"reflect": "reflect", "symmetric": "symmetric", "replicate": "edge", "circular": "wrap"}


def pad(image, sides, mode="zeros", value=(0.0,)):
    """(C,H,W) float64 padded by (top, left, bottom, right)."""
    top, left, bottom, right = sides
    widths = ((top, bottom), (left, right))
    if mode in NUMPY_PAD:
        return np.stack([np.pad(plane, widths, mode=NUMPY_PAD[mode]) for plane in image])
    values = np.broadcast_to(value if mode == "constant" else (0.0,), len(image))
    return np.stack(
        [np.pad(plane, widths, constant_values=v) for plane, v in zip(image, values, strict=True)]
    )


def correlate(image, weights, biases, stride=(1, 1), dilation=(1, 1), groups=1):
    """The formula with nested loops, float64, on a padded image: maps before the activation."""
    K, depth, Fh, Fw = weights.shape
    _, H, W = image.shape
    H2 = (H - dilation[0] * (Fh - 1) - 1) // stride[0] + 1
    W2 = (W - dilation[1] * (Fw - 1) - 1) // stride[1] + 1
    maps = np.zeros((K, H2, W2))
    for k in range(K):
        first = k // (K // groups) * depth
        for y in range(H2):
            for x in range(W2):
                total = biases[k]
                for c in range(depth):
                    for i in range(Fh):
                        for j in range(Fw):
                            if weights[k, c, i, j] != 0:
                                total += (
                                    weights[k, c, i, j]
                                    * image[
                                        first + c,
                                        y * stride[0] + i * dilation[0],
                                        x * stride[1] + j * dilation[1],
                                    ]
                                )
                maps[k, y, x] = total
    return maps


def layer_maps(layer, image):
    """Maps of a Layer (zero, constant and mirrored padding, mean, std), before the activation."""
    C = len(image)
    x = np.asarray(image, np.float64)
    x = (x - np.broadcast_to(layer.mean, C)[:, None, None]) / np.broadcast_to(layer.std, C)[:, None, None]
    sides = padding_pixels(layer, x.shape[1:])
    x = pad(x, sides, layer.padding_mode, layer.padding_value)
    weights, biases = layer.weights, layer.biases
    return correlate(x, weights, biases, layer.stride, layer.dilation, layer.groups), x


def padding_pixels(layer, size):
    """(top, left, bottom, right), `same` by ONNX's words: out = ceil(in/S), the odd pixel at the end."""
    if layer.padding == "valid":
        return (0, 0, 0, 0)
    if layer.padding != "same":
        return layer.padding
    sides = []
    for n, f, s, d in zip(size, layer.kernel, layer.stride, layer.dilation, strict=True):
        out = math.ceil(n / s)
        total = max((out - 1) * s + (f - 1) * d + 1 - n, 0)
        sides.append((total // 2, math.ceil(total / 2)))
    return sides[0][0], sides[1][0], sides[0][1], sides[1][1]


def _erf(v):
    return np.vectorize(math.erf, otypes=[float])(v)


ACTIVATIONS = {
    "identity": lambda v: v,
    "relu": lambda v: np.maximum(v, 0),
    "leaky_relu": lambda v, slope: np.where(v < 0, slope * v, v),
    "abs": np.abs,
    "square": lambda v: v**2,
    "sigmoid": lambda v: 1 / (1 + np.exp(-v)),
    "tanh": np.tanh,
    "softplus": lambda v: np.log1p(np.exp(v)),
    "elu": lambda v, alpha: np.where(v < 0, alpha * (np.exp(v) - 1), v),
    "gelu": lambda v: v * 0.5 * (1 + _erf(v / math.sqrt(2))),
    "silu": lambda v: v / (1 + np.exp(-v)),
    "hard_sigmoid": lambda v, alpha, beta: np.clip(alpha * v + beta, 0, 1),
    "clip": np.clip,
}


def activate(values, activation):
    return ACTIVATIONS[activation.name](values, *activation.parameters)


def assert_within_bar(maps, expected, weights, image, slope=1.0):
    """The contract's accuracy bar: |error| ≤ 1e-5 · max_k(Σ|w[k]|) · max|x| · slope."""
    assert maps.shape == expected.shape
    bar = 1e-5 * np.abs(weights).sum(axis=(1, 2, 3)).max() * np.abs(image).max() * slope
    error = np.abs(maps - expected).max(initial=0)
    # biases are rounded to float32, too
    assert error <= bar + 1e-7 * np.abs(expected).max(initial=0), f"error {error:g}, bar {bar:g}"


def assert_same_pixels(a, b):
    """Equal arrays, NaN in the same places."""
    np.testing.assert_array_equal(a, b, strict=True)
