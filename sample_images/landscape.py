"""The landscape among the sample images: sky, ridges, a lake and a meadow."""

import numpy as np
from noise import fractal, mix, pixels, smooth, value_noise


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
