"""What the sample images are drawn with: soft steps, seeded noise, whole numbers."""

import numpy as np


def smooth(edge0, edge1, x):
    """Return 0 below edge0, 1 above edge1, and a soft step between."""
    t = np.clip((x - edge0) / (edge1 - edge0), 0, 1)
    return t * t * (3 - 2 * t)


def mix(a, b, t):
    """Return colours from *a* at t = 0 to *b* at t = 1; t is (H, W)."""
    return np.asarray(a) + (np.asarray(b) - np.asarray(a)) * t[..., None]


def value_noise(x, y, seed):
    """Return smooth noise in [0,1] at the points (x, y): random values on the integer grid, softly joined."""
    size = 256
    grid = np.random.default_rng(seed).random((size, size))
    x0, y0 = np.floor(x).astype(int), np.floor(y).astype(int)
    fx, fy = x - x0, y - y0
    fx, fy = fx**3 * (fx * (fx * 6 - 15) + 10), fy**3 * (fy * (fy * 6 - 15) + 10)
    corner = lambda dx, dy: grid[(y0 + dy) % size, (x0 + dx) % size]  # noqa: E731
    upper = corner(0, 0) * (1 - fx) + corner(1, 0) * fx
    lower = corner(0, 1) * (1 - fx) + corner(1, 1) * fx
    return upper * (1 - fy) + lower * fy


def fractal(x, y, seed, octaves=6, gain=0.5):
    """Return fractal noise in about [0,1]: octaves of value noise, each twice as fine, *gain* as strong."""
    total, weight, norm = 0.0, 1.0, 0.0
    for octave in range(octaves):
        total = total + weight * value_noise(x * 2**octave, y * 2**octave, seed + octave)
        norm += weight
        weight *= gain
    return total / norm


def codes(image, top=255, dither=None):
    """Return [0,1] values as integers; *dither* seeds noise of one code that hides the steps of gradients."""
    values = np.clip(image, 0, 1) * top
    if dither is not None:
        values = values + np.random.default_rng(dither).uniform(-0.5, 0.5, values.shape)
    return np.clip(np.rint(values), 0, top).astype(np.uint8 if top < 256 else np.uint16)


def pixels(width, height):
    """Return the coordinates (x, y) of all pixels, each (H, W)."""
    return np.meshgrid(np.arange(width, dtype=float), np.arange(height, dtype=float))
