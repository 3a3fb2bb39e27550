"""Make the sample images: the same bytes every time, from numbers alone.

    python sample_images/make.py [FOLDER]

Needs NumPy, Pillow and tifffile. Everything is procedural and seeded; no photograph is used.
"""

import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import PIL.Image
import tifffile
from landscape import landscape
from noise import codes, fractal, mix, pixels, smooth

# ---------------------------------------------------------------- fabric


def fabric(size=512):
    """Return a herringbone twill (H, W, 3) of warm wool with single threads, slubs and a soft light."""
    x, y = pixels(size, size)
    pitch = 8.0
    wobble = 1.6 * (fractal(x / 90, y / 90, 700, 4) - 0.5)
    u, v = (x + wobble * 2) / pitch, (y + wobble * 2) / pitch
    column, row = np.floor(u), np.floor(v)

    # 2/2 twill whose diagonal turns every eight threads: the herringbone.
    def is_over(c, r):
        return ((np.floor(np.abs((c % 16) - 7.5)) + r) % 4) < 2

    over = is_over(column, row)
    across, along = np.where(over, u - column, v - row) - 0.5, np.where(over, v - row, u - column) - 0.5
    # A thread dives where its neighbour ahead or behind lies on top.
    ahead = np.where(over, is_over(column, row + 1), is_over(column + 1, row)) != over
    behind = np.where(over, is_over(column, row - 1), is_over(column - 1, row)) != over
    dive = np.where(ahead, smooth(0.5, 0.0, along), 1) * np.where(behind, smooth(-0.5, 0.0, along), 1)
    bulge = np.sqrt(np.clip(1 - (across * 1.9) ** 2, 0, 1)) * (0.42 + 0.58 * dive)
    strand = np.where(over, column, row)
    twist = 0.5 + 0.5 * np.sin((along * 3.2 + across * 3.0 + strand) * 2 * np.pi)
    thread = np.random.default_rng(701).random(4096)[(strand.astype(int) * 2 + over) % 4096]
    fibre = fractal(x / 2.2, y / 2.2, 710, 3)
    light = bulge * (0.80 + 0.16 * twist + 0.20 * (thread - 0.5)) + 0.28 * (fibre - 0.5)
    light *= 0.90 + 0.25 * (fractal(x / 200, y / 200, 720, 3) - 0.5)
    weft, warp = np.array([0.83, 0.76, 0.64]), np.array([0.36, 0.30, 0.33])
    cloth = np.where(over[..., None], warp, weft)
    slub = smooth(0.62, 0.75, fractal(strand / 1.3, along * 0.2 + np.where(over, row, column) / 9, 730, 3))
    cloth = mix(cloth, np.array([0.70, 0.42, 0.30]), 0.45 * slub)
    return cloth * (0.26 + 0.92 * light)[..., None]


# ---------------------------------------------------------------- the exact ones


def zone_plate(size=512):
    """Return cos(k r²): every spatial frequency once, up to half a cycle a pixel at the border."""
    x, y = pixels(size, size)
    centre = size / 2 - 0.5
    return 0.5 + 0.5 * np.cos(np.pi / size * ((x - centre) ** 2 + (y - centre) ** 2))


# The 24 familiar patches, as 8-bit sRGB.
PATCHES = (
    "735244 c29682 627a9d 576c43 8580b1 67bdaa d67e2c 505ba6 c15a63 5e3c6c 9dbc40 e0a32e "
    "383d96 469449 af363c e7c71f bb5695 0885a1 f3f3f2 c8c8c8 a0a0a0 7a7a79 555555 343434"
)


def chart(width=640, height=480):
    """Return a chart (H, W, 3): 24 patches, a grey ramp, hues, line pairs and slanted edges."""
    image = np.full((height, width, 3), 0.16)
    for index, patch in enumerate(PATCHES.split()):
        row, column = divmod(index, 6)
        colour = np.array([int(patch[i : i + 2], 16) / 255 for i in (0, 2, 4)])
        image[20 + row * 76 : 86 + row * 76, 20 + column * 76 : 86 + column * 76] = colour
    ramp = np.linspace(0, 1, width - 40)
    image[332:368, 20 : width - 20] = ramp[None, :, None]
    hue = ramp[:, None] * 6 - np.array([0.0, 2.0, 4.0])
    hue = np.clip(2 - np.abs((hue + 3) % 6 - 3), 0, 1)
    image[376:412, 20 : width - 20] = hue[None]
    steps = np.floor(ramp * 16) / 15
    image[420:456, 20 : width - 20] = np.clip(steps, 0, 1)[None, :, None]
    x, y = pixels(136, 66)
    for row, pattern in enumerate(
        (
            bars(x),
            bars(y),
            smooth(-0.5, 0.5, (x - 68) * np.cos(0.09) + (y - 33) * np.sin(0.09)) * 0.9 + 0.05,
            star(x - 67.5, y - 32.5),
        )
    ):
        image[20 + row * 76 : 86 + row * 76, 484:620] = pattern[..., None]
    return image


def bars(x):
    """Return bars 8, 6, 4, 3, 2 and 1 pixels wide, light and dark by turns."""
    wide = np.repeat([8, 6, 4, 3, 2, 1], [2, 4, 4, 6, 9, 44])
    return np.where(np.searchsorted(np.cumsum(wide), x, side="right") % 2, 0.05, 0.95)


def star(x, y):
    """Return a Siemens star with 24 rays, its middle grey where rays would be finer than pixels."""
    rays = 0.5 + 0.45 * np.clip(np.sin(24 * np.arctan2(y, x)) * np.hypot(x, y) / 9, -1, 1)
    return np.where(np.hypot(x, y) < 32, rays, 0.16)


def nebula(size=256):
    """Return a nebula with stars (H, W, 3) whose gradients need more than 8 bits."""
    x, y = pixels(size, size)
    u, v = x / size, y / size
    warp_x, warp_y = fractal(u * 3, v * 3, 800, 6) - 0.5, fractal(u * 3, v * 3, 820, 6) - 0.5
    gas = fractal(u * 3 + warp_x * 2.2, v * 3 + warp_y * 2.2, 840, 7, 0.52)
    veil = fractal(u * 4 + warp_y * 2.6 + 7, v * 4 + warp_x * 2.6, 860, 7, 0.52)
    heart = np.exp(-(((u - 0.55) / 0.34) ** 2 + ((v - 0.48) / 0.30) ** 2))
    image = np.array([0.010, 0.012, 0.030]) + (smooth(0.30, 0.85, gas) * (0.25 + heart))[..., None] * [
        0.95,
        0.30,
        0.42,
    ]
    image = image + (smooth(0.38, 0.85, veil) * (0.15 + heart))[..., None] * [0.18, 0.50, 0.85]
    image = image + (heart**4 * smooth(0.35, 0.7, gas))[..., None] * [0.75, 0.55, 0.40]
    image *= (1 - 0.75 * smooth(0.50, 0.66, fractal(u * 5 + warp_x * 2, v * 5 + warp_y * 3, 880, 6)))[
        ..., None
    ]
    rng = np.random.default_rng(890)
    for _ in range(110):
        cx, cy, power = rng.uniform(0, size), rng.uniform(0, size), rng.pareto(1.6) * 0.16
        width = 0.65 + 0.25 * min(power, 2)
        spot = min(power, 3) * np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * width**2))
        image += spot[..., None] * (np.array([1.0, 0.9, 0.8]) + rng.uniform(-0.2, 0.2, 3) * [1, 0, -1])
    return 1 - np.exp(-1.5 * image)


def leaf(size=320):
    """Return a leaf (H, W, 4) with a soft shadow: alpha that is neither 0 nor 1 in many places."""
    x, y = pixels(size, size)
    u, v = (x / size - 0.5) * 2, (y / size - 0.5) * 2
    along, across = (u + v) / np.sqrt(2), (u - v) / np.sqrt(2)
    across = across - 0.16 * np.sin(along * 1.6)

    def outline(a, b):
        t = np.clip((a + 0.98) / 1.86, 0, 1)
        half = 0.74 * t**0.62 * (1 - t) ** 0.85
        beyond = np.maximum(np.abs(a + 0.05) - 0.93, 0)
        return half * (1 + 0.035 * np.sin(t * 62)) - np.hypot(b, beyond)

    edge = outline(along, across)
    soft = 1.3 / size * 2
    blade = smooth(-soft, soft, edge)
    stalk = smooth(0.022, 0.012, np.abs(across)) * smooth(-1.22, -1.19, along) * smooth(-0.80, -0.90, along)
    veins = np.abs(((along - np.abs(across) * 0.9) * 7.5) % 1 - 0.5)
    vein = np.maximum(
        smooth(0.075, 0.02, veins) * smooth(0.0, 0.1, edge + 0.08), smooth(0.018, 0.006, np.abs(across))
    )
    cells = fractal(along * 26, across * 26, 900, 4)
    green = mix(
        [0.10, 0.34, 0.12], [0.46, 0.68, 0.20], np.clip(0.45 + across * 0.5 + (cells - 0.5) * 0.6, 0, 1)
    )
    green = mix(
        green, np.array([0.88, 0.60, 0.18]), smooth(0.22, 0.0, edge) * 0.55 * fractal(u * 3, v * 3, 910, 4)
    )
    green = mix(green, np.array([0.78, 0.86, 0.50]), 0.6 * vein)
    green = mix(green, np.array([0.42, 0.36, 0.16]), stalk * (1 - blade))
    body = np.maximum(blade, stalk)
    shadow = 0.42 * smooth(-0.14, 0.12, outline(along - 0.03, across + 0.05))
    alpha = body + shadow * (1 - body)
    colour = mix(np.array([0.05, 0.07, 0.10]), green, body / np.maximum(alpha, 1e-9))
    colour = np.where(alpha[..., None] > 0, colour, 0)
    return np.concatenate([colour, alpha[..., None]], -1)


def elevation(width=320, height=240):
    """Return metres above the sea (H, W): ridges, an eroded look, and a sea bed below zero."""
    x, y = pixels(width, height)
    u, v = x / 110, y / 110
    bend = fractal(u, v, 950, 5) - 0.5
    ridged = 1 - np.abs(2 * fractal(u + bend, v + bend, 960, 7, 0.48) - 1)
    land = smooth(1.15, 0.1, np.hypot((x / width - 0.5) * 2.1, (y / height - 0.5) * 2.1))
    return (land * (420 + 2600 * np.clip(ridged - 0.45, 0, 1) ** 1.5 * 2.2) - 260).astype(np.float32)


# ---------------------------------------------------------------- files


def png16(path, image):
    """Write (H, W, 3) uint16 as a 16-bit PNG by hand: Pillow has no such mode."""
    height, width, channels = image.shape
    rows = image.astype(">u2").view(np.uint8).reshape(height, -1)
    left = np.zeros_like(rows)
    left[:, 2 * channels :] = rows[:, : -2 * channels]
    packed = np.concatenate([np.ones((height, 1), np.uint8), rows - left], axis=1)
    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    with path.open("wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        for kind, data in ((b"IHDR", header), (b"IDAT", zlib.compress(packed.tobytes(), 9)), (b"IEND", b"")):
            file.write(
                struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
            )


def main(folder):
    """Write all sample images into *folder*."""
    folder.mkdir(parents=True, exist_ok=True)
    scene = codes(landscape(), dither=1)
    PIL.Image.fromarray(scene).save(folder / "landscape.jpg", quality=90, subsampling=0, optimize=True)
    # Orientation 6: the camera was held upright, the rows as stored run from bottom to top.
    portrait = np.ascontiguousarray(np.rot90(scene[64:, 344:680]))
    exif = PIL.Image.Exif()
    exif[274] = 6
    PIL.Image.fromarray(portrait).save(folder / "rotated.jpg", quality=88, exif=exif, optimize=True)
    PIL.Image.fromarray(codes(fabric())).quantize(128).save(folder / "fabric.png", optimize=True)
    PIL.Image.fromarray(codes(zone_plate())).save(folder / "zone-plate.png", optimize=True)
    PIL.Image.fromarray(codes(chart())).save(folder / "chart.png", optimize=True)
    png16(folder / "nebula-16bit.png", codes(nebula(), 65535))
    PIL.Image.fromarray(codes(leaf())).save(folder / "leaf-rgba.png", optimize=True)
    heights = elevation()
    tifffile.imwrite(
        folder / "elevation-float.tif", heights, compression="zlib", predictor=True, metadata=None
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
