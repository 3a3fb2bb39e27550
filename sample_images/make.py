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


# ---------------------------------------------------------------- landscape


def ridge(x, base, height, scale, seed):
    """Return the height of a mountain ridge over the columns *x*, in rows from the top."""
    bumps = fractal(x / scale, np.zeros_like(x), seed, 7, 0.47)
    sharp = 1 - np.sqrt((2 * bumps - 1) ** 2 + 0.0008)
    return base - height * sharp**1.5


def landscape(width=768, height=512):
    """Return an evening scene (H, W, 3): sky and clouds, three ridges, a lake that mirrors them, a meadow."""
    shore = int(height * 0.60)
    above = scene_above(width, shore)
    image = np.empty((height, width, 3))
    image[:shore] = above
    image[shore:] = lake(above, width, height - shore)
    meadow(image, width, height)
    return image


def scene_above(width, horizon):
    """Return everything above the water."""
    x, y = pixels(width, horizon)
    sun_x, sun_y = width * 0.66, horizon * 0.37
    up = y / horizon
    sky = mix([0.20, 0.36, 0.62], [0.66, 0.70, 0.80], smooth(0.0, 0.55, up))
    sky = mix(sky, np.array([1.00, 0.80, 0.58]), smooth(0.35, 0.95, up) * 0.9)
    away = np.hypot(x - sun_x, (y - sun_y) * 1.1)
    glow = np.exp(-away / (0.16 * width))
    sky = mix(sky, np.array([1.0, 0.90, 0.66]), 0.75 * glow)

    # Clouds lie on a plane above: finer and flatter towards the horizon.
    depth = 1.0 / (1.08 - up * 0.92)
    cx, cy = (x - width * 0.5) / width * 3.2 * depth**0.55 + 9, depth * 2.6
    billow = fractal(cx * 1.4 + 0.35 * fractal(cx * 2, cy * 2, 90, 4), cy * 1.9, 40, 7, 0.55)
    cover = smooth(0.47, 0.70, billow) * smooth(1.0, 0.72, up)
    lit = fractal(cx * 1.4 + 0.10, cy * 1.9 + 0.22, 40, 5, 0.55)
    shade = smooth(-0.12, 0.14, billow - lit)
    warm = mix([0.95, 0.78, 0.70], [1.0, 0.93, 0.80], glow)
    cloud = mix([0.55, 0.56, 0.68], warm, shade)
    sky = sky + (cloud - sky) * (0.92 * cover)[..., None]
    disc = smooth(0.030 * width, 0.026 * width, away)
    sky = mix(sky, np.array([1.0, 0.97, 0.84]), disc * (1 - 0.6 * cover))

    image = sky
    columns = np.arange(width, dtype=float)
    ridges = [
        (0.84, 0.40, 300, 11, [0.42, 0.47, 0.63], [0.80, 0.71, 0.71], 0.34),
        (0.95, 0.38, 210, 27, [0.27, 0.36, 0.48], [0.62, 0.57, 0.55], 0.22),
        (1.03, 0.27, 150, 58, [0.10, 0.20, 0.22], [0.38, 0.41, 0.34], 0.06),
    ]
    for base, tall, scale, seed, dark, light, haze in ridges:
        image = add_ridge(image, x, y, ridge(columns, base * horizon, tall * horizon, scale, seed),
                          seed, scale, dark, light, haze, glow)  # fmt: skip
    return trees(image, x, y, horizon)


def add_ridge(image, x, y, top, seed, scale, dark, light, haze, glow):
    """Return *image* with one ridge in front: lit from the sun's side, hazy towards its foot."""
    inside = smooth(-0.7, 0.7, y - top[np.newaxis, :])
    below = y - top[np.newaxis, :]
    # The rock is a height field of its own; the light comes from the right.
    u, v = x / scale * 5, y / scale * 5 + seed
    slope = fractal(u + 0.06, v - 0.03, seed + 200, 6, 0.6) - fractal(u - 0.06, v + 0.03, seed + 200, 6, 0.6)
    broad = fractal(u * 0.35 + 0.2, v * 0.25, seed + 300, 3) - fractal(
        u * 0.35 - 0.2, v * 0.25, seed + 300, 3
    )
    shade = np.clip(0.45 + slope * 2.6 + broad * 1.1, 0, 1)
    rock = mix(dark, light, shade)
    if haze > 0.25:
        patch = fractal(u * 1.3, v * 1.3, seed + 400, 5) - 0.5
        snow = smooth(46, 22, below + 150 * patch) * smooth(0.66, 0.46, top / image.shape[0])
        rock = mix(rock, np.array([0.93, 0.93, 0.97]) * (0.62 + 0.45 * shade[..., None]), snow * 0.9)
    mist = np.clip(haze + smooth(10, 110, below) * 0.34, 0, 0.80)
    air = mix([0.78, 0.76, 0.80], [1.0, 0.84, 0.64], glow)
    rock = rock + (air - rock) * (mist * 0.75)[..., None]
    return image + (rock - image) * inside[..., None]


def trees(image, x, y, horizon):
    """Return *image* with a fringe of firs along the shore."""
    rng = np.random.default_rng(77)
    width = image.shape[1]
    for _ in range(420):
        where = rng.uniform(-5, width + 5)
        density = value_noise(np.array(where / 70), np.array(3.0), 500)
        if rng.random() > smooth(0.30, 0.60, density) + 0.06:
            continue
        tall = rng.uniform(9, 24) * (0.6 + 0.8 * density)
        foot = horizon + 1.0
        left, right = int(max(where - tall, 0)), int(min(where + tall, width))
        if right <= left:
            continue
        box = np.s_[max(int(foot - tall - 2), 0) : horizon, left:right]
        down = (y[box] - (foot - tall)) / tall
        tiers = 0.20 + 0.10 * np.abs(((down * 5) % 1) - 0.1)
        half = np.clip(down, 0, None) * tall * tiers
        shape = smooth(0.6, -0.6, np.abs(x[box] - where) - half) * (down > 0)
        lit = smooth(-0.5, 1.0, (x[box] - where) / (half + 0.5))
        green = mix([0.05, 0.11, 0.11], [0.17, 0.24, 0.15], lit) * rng.uniform(0.85, 1.15)
        image[box] += (green - image[box]) * shape[..., None]
    return image


def lake(above, width, height):
    """Return the water (H, W, 3): the scene upside down, rippled, darker and bluer towards us."""
    x, y = pixels(width, height)
    near = y / height
    shake = (fractal(x / (90 + 260 * near), y / (2.0 + 13 * near), 300, 4) - 0.5) * (3 + 46 * near)
    rows = np.clip(above.shape[0] - 1 - (y * 0.93 + shake * 1.6), 0, above.shape[0] - 1).astype(int)
    columns = np.clip(x + shake * 0.9, 0, width - 1).astype(int)
    water = above[rows, columns]
    water = mix(water * 0.90, np.array([0.10, 0.21, 0.30]), 0.12 + 0.38 * near)
    glint = fractal(x / (26 + 60 * near), y / (1.2 + 4.0 * near), 333, 4)
    path = np.exp(-(((x - width * 0.66) / (width * (0.035 + 0.05 * near))) ** 2))
    return water + (smooth(0.56, 0.76, glint) * path * (0.55 - 0.2 * near))[..., None] * [1.0, 0.84, 0.58]


def meadow(image, width, height):
    """Paint the near shore into *image*: a grassy bank with blades and flowers."""
    x, y = pixels(width, height)
    edge = height * 0.865 - 46 * smooth(0.55, 0.0, x / width) - 14 * smooth(0.8, 1.0, x / width)
    edge = edge + 10 * (fractal(x / 60, np.zeros_like(x), 610, 5) - 0.5)
    ground = smooth(-1.0, 1.5, y - edge)
    patch = fractal(x / 40, y / 16, 620, 6, 0.6)
    turf = mix([0.12, 0.19, 0.07], [0.42, 0.45, 0.16], smooth(0.3, 0.7, patch))
    image += (turf - image) * ground[..., None]
    rng = np.random.default_rng(630)
    for _ in range(5200):
        root_x, depth = rng.uniform(0, width), rng.random() ** 0.8
        column = int(min(root_x, width - 1))
        root_y = edge[0, column] + depth * (height + 14 - edge[0, column])
        long = rng.uniform(5, 11) * (0.5 + 1.5 * depth)
        lean, shine = rng.normal(0.15, 0.4), rng.random()
        colour = (
            np.array([0.12, 0.20, 0.06]) + (np.array([0.62, 0.64, 0.26]) - [0.12, 0.20, 0.06]) * shine**1.5
        )
        stroke(image, root_x, root_y, lean * long, long, colour, 0.75)
    for _ in range(170):
        root_x, depth = rng.uniform(0, width), rng.random()
        column = int(min(root_x, width - 1))
        root_y = edge[0, column] + 4 + depth * (height - edge[0, column])
        tint = [[0.93, 0.30, 0.24], [0.98, 0.82, 0.30], [0.86, 0.80, 0.95]][rng.integers(3)]
        blossom(image, root_x, root_y, 1.1 + 1.7 * depth * rng.uniform(0.6, 1), np.array(tint))


def stroke(image, x, y, dx, long, colour, strength):
    """Paint one blade from its root (x, y) upwards, bending by dx, fading to its tip."""
    t = np.linspace(0, 1, int(long * 1.5) + 2)
    columns = np.rint(x + dx * t**1.7).astype(int)
    rows = np.rint(y - long * t).astype(int)
    keep = (columns >= 0) & (columns < image.shape[1]) & (rows >= 0) & (rows < image.shape[0])
    shade = (0.65 + 0.5 * t[keep])[:, None]
    old = image[rows[keep], columns[keep]]
    image[rows[keep], columns[keep]] = old + (colour * shade - old) * strength


def blossom(image, x, y, radius, colour):
    """Paint one soft dot."""
    reach = int(radius + 2)
    top, left = max(int(y) - reach, 0), max(int(x) - reach, 0)
    box = np.s_[top : max(int(y) + reach + 1, 0), left : max(int(x) + reach + 1, 0)]
    part = image[box]
    if part.size:
        px, py = np.meshgrid(np.arange(part.shape[1]) + left, np.arange(part.shape[0]) + top)
        soft = smooth(radius + 0.6, radius - 0.6, np.hypot(px - x, py - y))
        part += (colour - part) * (0.9 * soft)[..., None]


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
