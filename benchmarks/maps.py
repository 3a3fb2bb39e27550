"""Maps such as banks make: of a photograph-like picture, of a drawing, and of nothing much."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage


def photograph(height: int, width: int, seed: int = 1) -> np.ndarray:
    """Return a grey picture, float32 0..1: leaves over leaves, soft texture, traces of JPEG."""
    rng = np.random.default_rng(seed)
    canvas = Image.new("L", (width, height), 120)
    draw = ImageDraw.Draw(canvas)
    for _ in range(1500):
        radius = min(height, width) * 0.25 * rng.random() ** 3 + 4
        x, y, tone = rng.random() * width, rng.random() * height, int(20 + 215 * rng.random())
        angles = np.sort(rng.random(9)) * 2 * np.pi
        reach = radius * (0.6 + 0.4 * rng.random(9))
        points = [(x + r * np.cos(a), y + r * np.sin(a)) for a, r in zip(angles, reach, strict=True)]
        draw.polygon(points, fill=tone)
    picture = ndimage.gaussian_filter(np.asarray(canvas, np.float32), 1.2)
    for octave in (1, 2, 4, 8, 16, 32):
        small = rng.normal(size=(height // octave + 2, width // octave + 2)).astype(np.float32)
        picture += ndimage.zoom(small, octave, order=1)[:height, :width] * 0.9 * octave**0.6
    buffer = io.BytesIO()
    Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=92)
    return np.asarray(Image.open(buffer), np.float32) / 255


def drawing(height: int, width: int, seed: int = 1) -> np.ndarray:
    """Return a drawing, float32 0..1: lines, boxes and lettering on white."""
    rng = np.random.default_rng(seed)
    canvas = Image.new("L", (width, height), 255)
    draw = ImageDraw.Draw(canvas)
    for _ in range(height * width // 30000):
        x, y = int(rng.random() * width), int(rng.random() * height)
        dx, dy = (int(v) for v in rng.normal(size=2) * 120)
        kind = int(rng.integers(4))
        tone = int(rng.integers(0, 5) * 50)
        if kind == 0:
            draw.line([x, y, x + dx, y + dy], fill=tone, width=int(rng.integers(1, 5)))
        elif kind == 1:
            draw.rectangle([x, y, x + abs(dx), y + abs(dy)], outline=0, fill=tone)
        else:
            for row in range(8):
                text = "".join(rng.choice(list("filter bank of maps edges "), 40))
                draw.text((x, y + 12 * row), text, fill=0)
    return np.asarray(canvas, np.float32) / 255


def gabor(size: int, wavelength: float, angle: float) -> np.ndarray:
    """Return a Gabor filter whose absolute values sum to one."""
    r = size // 2
    y, x = np.mgrid[-r : r + 1, -r : r + 1].astype(np.float64)
    u = x * np.cos(angle) + y * np.sin(angle)
    v = y * np.cos(angle) - x * np.sin(angle)
    g = np.exp(-(u * u + 0.5 * v * v) / (2 * (wavelength / 2) ** 2)) * np.cos(2 * np.pi * u / wavelength)
    g -= g.mean()
    return g / np.abs(g).sum()


def signed(values: np.ndarray, top: int = 255) -> np.ndarray:
    """Return signed codes: zero in the middle, the largest magnitude at the end."""
    half = (top + 1) // 2
    codes = half + np.rint(values / (np.abs(values).max() or 1) * (top - half))
    return codes.astype(np.uint8 if top == 255 else np.uint16)


def picture(values: np.ndarray, top: int = 255) -> np.ndarray:
    """Return codes of values 0..1."""
    return np.rint(np.clip(values, 0, 1) * top).astype(np.uint8 if top == 255 else np.uint16)


def sample_maps(height: int, width: int) -> dict[str, np.ndarray]:
    """Return maps by name: (H, W) or (H, W, 2..4), uint8 or uint16."""
    photo, drawn = photograph(height, width), drawing(height, width)
    sobel = ndimage.sobel(photo, 1) / 8
    box = ndimage.uniform_filter(photo, 5)
    wave = ndimage.correlate(photo, gabor(15, 8, 0.6), mode="constant")
    fine = ndimage.correlate(photo, gabor(7, 3, 0.0), mode="constant")
    patch = photo.copy()
    patch[: height // 2] = 0.25
    patch[:, : width // 3] = 0.75
    sky = np.clip(ndimage.gaussian_filter(photo, 40) * 1.2, 0, 1)
    colour = np.stack([photo, np.roll(photo, 3, 1) * 0.9, box], -1)
    alpha = np.where(box > 0.5, 1.0, np.clip(box, 0, 1))[..., None]
    maps = {
        "photo": picture(photo),
        "box 5": picture(box),
        "sobel signed": signed(sobel),
        "sobel abs": picture(np.abs(sobel) * 4),
        "sobel relu 0:max": picture(np.maximum(sobel, 0) / sobel.max()),
        "sobel threshold": picture((np.abs(sobel) > 0.05).astype(np.float32)),
        "laplace signed": signed(ndimage.laplace(photo)),
        "gabor 15 signed": signed(wave),
        "gabor 7 signed": signed(fine),
        "smooth": picture(sky),
        "flat 0": np.zeros((height, width), np.uint8),
        "flat 128": np.full((height, width), 128, np.uint8),
        "half flat, box": picture(ndimage.uniform_filter(patch, 3)),
        "half flat, sobel": signed(ndimage.sobel(patch, 0)),
        "drawing box 3": picture(ndimage.uniform_filter(drawn, 3)),
        "drawing sobel": signed(ndimage.sobel(drawn, 1)),
        "drawing gabor": signed(ndimage.correlate(drawn, gabor(15, 8, 0.6))),
        "drawing": picture(drawn),
        "noise": np.random.default_rng(3).integers(0, 256, (height, width)).astype(np.uint8),
        "photo 16": picture(photo, 65535),
        "box 16": picture(box, 65535),
        "sobel 16": signed(sobel, 65535),
        "gabor 16": signed(wave, 65535),
        "drawing sobel 16": signed(ndimage.sobel(drawn, 1), 65535),
        "grey + alpha": np.concatenate([picture(photo)[..., None], picture(alpha)], -1),
        "colour": picture(colour),
        "colour sobel": np.stack([signed(ndimage.sobel(colour[..., c], 0)) for c in range(3)], -1),
        "colour + alpha": picture(np.concatenate([colour, alpha], -1)),
        "colour 16": picture(colour, 65535),
    }
    return {name: np.ascontiguousarray(codes) for name, codes in maps.items()}
