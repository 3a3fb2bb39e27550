"""The papers' formulas of the classic banks, pixel by pixel in plain loops: no code of the families in it."""

import cmath
import math
from math import cos, exp, log, pi, sin, sqrt, tan

import numpy as np


def sampled(formula, rows, columns=None):
    """Return formula(x, y) at every pixel, x to the right and y downwards from the middle."""
    columns = rows if columns is None else columns
    return np.array(
        [[formula(j - (columns - 1) / 2, i - (rows - 1) / 2) for j in range(columns)] for i in range(rows)]
    )


def normalised(f):
    f = f - f.mean()
    return f / np.abs(f).sum()


def oriented(sigma, degrees, order, size):
    """As BANKS are printed: y upwards, true convolution."""

    def formula(x, down):
        y, t = -down, math.radians(degrees)
        x1, y1 = x * cos(t) - y * sin(t), x * sin(t) + y * cos(t)
        g = exp(-(x1**2) / (2 * (3 * sigma) ** 2)) * exp(-(y1**2) / (2 * sigma**2))
        return g * (-y1 if order == 1 else y1**2 - sigma**2)

    return normalised(sampled(formula, size))


def blob(sigma, size):
    return normalised(sampled(lambda x, y: exp(-(x * x + y * y) / (2 * sigma**2)), size))


def laplacian(sigma, size):
    def formula(x, y):
        r2 = x * x + y * y
        return (r2 - 2 * sigma**2) * exp(-r2 / (2 * sigma**2))

    return normalised(sampled(formula, size))


def complex_gabor(frequency, degrees, sx, sy, phase, size):
    """scikit-image's formula."""

    def formula(x, y):
        t = math.radians(degrees)
        xr, yr = x * cos(t) + y * sin(t), -x * sin(t) + y * cos(t)
        g = exp(-0.5 * (xr**2 / sx**2 + yr**2 / sy**2)) / (2 * pi * sx * sy)
        return g * cmath.exp(1j * (2 * pi * frequency * xr + math.radians(phase)))

    return sampled(formula, *(size if isinstance(size, tuple) else (size, size)))


def freeman(x, y):
    """The seven basis filters at x, y, as the paper's tables give them."""
    e = exp(-(x * x + y * y))
    return {
        "G2a": 0.9213 * (2 * x * x - 1) * e,
        "G2b": 1.843 * x * y * e,
        "G2c": 0.9213 * (2 * y * y - 1) * e,
        "H2a": 0.978 * (-2.254 * x + x**3) * e,
        "H2b": 0.978 * (-0.7515 + x * x) * y * e,
        "H2c": 0.978 * (-0.7515 + y * y) * x * e,
        "H2d": 0.978 * (-2.254 * y + y**3) * e,
    }


def leung_malik(variant):
    base, names = {
        "small": (1, ["1", "1.41", "2", "2.83", "3", "4.24", "6", "8.49"]),
        "large": (2**0.5, ["1.41", "2", "2.83", "4", "4.24", "6", "8.49", "12"]),
    }[variant]
    scales = [base, base * sqrt(2), base * 2, base * 2 * sqrt(2)]
    bank = {}
    for order, kind in ((1, "edge"), (2, "bar")):
        for scale, name in zip(scales[:3], names, strict=False):
            for angle in range(0, 180, 30):
                bank[f"{kind}_{name}_{angle:03d}"] = oriented(scale, angle, order, 49)
    for index, scale in enumerate(scales):
        bank[f"gaussian_{names[index]}"] = blob(scale, 49)
        bank[f"log_{names[index]}"] = laplacian(scale, 49)
        bank[f"log_{names[index + 4]}"] = laplacian(3 * scale, 49)
    return bank


def rfs(scales=(1, 2, 4)):
    bank = {}
    for order, kind in ((1, "edge"), (2, "bar")):
        for scale in scales:
            for angle in range(0, 180, 30):
                bank[f"{kind}_{scale}_{angle:03d}"] = oriented(scale, angle, order, 49)
    return bank | {"gaussian_10": blob(10, 49), "log_10": laplacian(10, 49)}


def schmid():
    pairs = [(2, 1), (4, 1), (4, 2), (6, 1), (6, 2), (6, 3), (8, 1), (8, 2), (8, 3)]
    pairs += [(10, 1), (10, 2), (10, 3), (10, 4)]

    def ring(s, t):
        def formula(x, y):
            return cos(pi * t * math.hypot(x, y) / s) * exp(-(x * x + y * y) / (2 * s * s))

        return normalised(sampled(formula, 49))

    return {f"schmid_{s}_{t}": ring(s, t) for s, t in pairs}


def gabor_set(wavelength, orientations, part):
    """One octave wide, γ = ½, without DC, as the banks gabor and gabor-energy have them."""
    sigma = (1 / pi) * sqrt(log(2) / 2) * (2 + 1) / (2 - 1) * wavelength
    n = 2 * math.ceil(3 * 2 * sigma) + 1
    bank = {}
    for k in range(orientations):
        angle = 180 * k // orientations
        both = complex_gabor(1 / wavelength, angle, sigma, 2 * sigma, 0, n)
        envelope = complex_gabor(0, angle, sigma, 2 * sigma, 0, n).real
        both = both - both.sum() / envelope.sum() * envelope
        name = f"gabor_{wavelength}_{angle:03d}"
        if part == "even":
            bank[name] = both.real
        else:
            bank[f"{name}_even"], bank[f"{name}_odd"] = both.real, both.imag
    return bank


def manjunath_ma(dc):
    a = (0.4 / 0.05) ** (1 / 3)
    su = (a - 1) * 0.4 / ((a + 1) * sqrt(2 * log(2)))
    # As the authors' program has it, in its own shape.
    z = -2 * log(2) * su**2 / 0.4
    sv = tan(pi / 12) * (0.4 + z) / sqrt(2 * log(2) - z * z / su**2)
    sx, sy = 1 / (2 * pi * su), 1 / (2 * pi * sv)
    bank = {}
    for m in range(4):
        n = 2 * math.ceil(3 * max(sx, sy) * a**m) + 1
        for k in range(6):
            t = pi * k / 6

            def formula(x, y, m=m, t=t):
                x1, y1 = a**-m * (x * cos(t) + y * sin(t)), a**-m * (-x * sin(t) + y * cos(t))
                g = a**-m * exp(-0.5 * (x1**2 / sx**2 + y1**2 / sy**2)) / (2 * pi * sx * sy)
                return g, g * cmath.exp(2j * pi * 0.4 * x1)

            both = sampled(formula, n)
            values = both[..., 1]
            if dc == "removed":
                values = values - values.sum() / both[..., 0].sum() * both[..., 0]
            bank[f"s{m}_{30 * k:03d}_even"] = values.real
            bank[f"s{m}_{30 * k:03d}_odd"] = values.imag
    return bank


def morlet(scales):
    bank = {}
    for j in range(scales):
        sigma, xi = 0.8 * 2**j, 3 / 4 * pi / 2**j
        n = 2 * math.ceil(3 * sigma * 2) + 1
        for k in range(8):
            t = pi * k / 8

            def formula(x, y, xi=xi, sigma=sigma, t=t, slant=4 / 8):
                xr, yr = x * cos(t) + y * sin(t), -x * sin(t) + y * cos(t)
                g = exp(-(xr**2 + slant**2 * yr**2) / (2 * sigma**2)) / (2 * pi * sigma**2 / slant)
                return g, g * cmath.exp(1j * xi * xr)

            both = sampled(formula, n)
            values = both[..., 1] - both[..., 1].sum() / both[..., 0].sum() * both[..., 0]
            angle = f"{22.5 * k:g}"
            name = f"s{j}_{angle.partition('.')[0]:0>3}{'.5' if k % 2 else ''}"
            bank[f"{name}_even"], bank[f"{name}_odd"] = values.real, values.imag
    return bank


def log_gabor(scales):
    """Its spectrum, frequency by frequency, summed up by two matrices of waves."""
    bank = {}
    for scale in range(scales):
        wavelength = 3 * 2**scale
        n = 2 * math.ceil(1.5 * wavelength) + 1
        steps = np.arange(n) - n // 2
        waves = np.exp(2j * pi * np.outer(steps, steps) / n)
        for degrees in range(0, 180, 30):
            spectrum = np.zeros((n, n))
            for i, v in enumerate(steps / n):
                for j, u in enumerate(steps / n):
                    f = math.hypot(u, v)
                    if f > 0:
                        apart = (math.atan2(v, u) - math.radians(degrees) + pi) % (2 * pi) - pi
                        radial = exp(-(log(f * wavelength) ** 2) / (2 * log(0.65) ** 2))
                        spectrum[i, j] = radial * exp(-(apart**2) / (2 * (pi / 6 / 1.5) ** 2))
            total = waves @ spectrum @ waves / n**2
            name = f"s{scale}_{degrees:03d}"
            bank[f"{name}_even"], bank[f"{name}_odd"] = total.real, total.imag
    return bank


# Derivatives of exp(−t²/2σ²), by hand: the polynomials before it.
POLYNOMIALS = [
    lambda t, s: 1,
    lambda t, s: -t / s**2,
    lambda t, s: (t**2 - s**2) / s**4,
    lambda t, s: (3 * s**2 * t - t**3) / s**6,
    lambda t, s: (t**4 - 6 * s**2 * t**2 + 3 * s**4) / s**8,
]


def jet_names():
    pairs = [(total - b, b) for total in range(5) for b in range(total + 1)]
    return {"_".join(["g", "x" * a + "y" * b]).rstrip("_"): (a, b) for a, b in pairs}


def jet_sampled(sigma):
    def one(a, b):
        def formula(x, y):
            # At −x, −y: correlation turns a filter once.
            g = exp(-(x * x + y * y) / (2 * sigma**2)) / (2 * pi * sigma**2)
            return POLYNOMIALS[a](-x, sigma) * POLYNOMIALS[b](-y, sigma) * g

        return sampled(formula, 2 * math.ceil(4 * sigma) + 1)

    return {name: one(a, b) for name, (a, b) in jet_names().items()}


def jet_exact(sigma):
    """The one polynomial of degree n, times the Gaussian, whose moments 0 … n are 0 … 0, n!."""
    t = np.arange(-math.ceil(4 * sigma), math.ceil(4 * sigma) + 1) / sigma
    g = np.exp(-(t**2) / 2)

    def along(n):
        powers = t ** np.arange(n + 1)[:, None]
        moments = np.zeros(n + 1)
        moments[n] = math.factorial(n)
        return np.linalg.solve(powers * g @ powers.T, moments) @ powers * g / sigma**n

    return {name: np.outer(along(b), along(a)) for name, (a, b) in jet_names().items()}


def steerable(name, degrees):
    """g2 or h2 by the printed shares, the sum of g2's taps taken off with the Gaussian."""
    c, s = cos(math.radians(degrees)), sin(math.radians(degrees))
    basis = {key: sampled(lambda x, y, key=key: freeman(0.67 * x, 0.67 * y)[key], 9) for key in freeman(0, 0)}
    gaussian = sampled(lambda x, y: exp(-(0.67**2) * (x * x + y * y)), 9)
    for key in ("G2a", "G2c"):
        basis[key] = basis[key] - basis[key].sum() / gaussian.sum() * gaussian
    if name == "g2":
        return c * c * basis["G2a"] - 2 * c * s * basis["G2b"] + s * s * basis["G2c"]
    h2 = c**3 * basis["H2a"] - 3 * c * c * s * basis["H2b"]
    return h2 + 3 * c * s * s * basis["H2c"] - s**3 * basis["H2d"]


def dct(n):
    bank = {}
    for v in range(n):
        for u in range(n):
            c = (2**-0.5 if u == 0 else 1) * (2**-0.5 if v == 0 else 1) * 2 / n
            bank[f"dct_{v}_{u}"] = np.array(
                [
                    [
                        c * cos((2 * x + 1) * u * pi / (2 * n)) * cos((2 * y + 1) * v * pi / (2 * n))
                        for x in range(n)
                    ]
                    for y in range(n)
                ]
            )
    return bank


def haar(n):
    one = np.ones((n, n))
    return {
        "two_x": np.block([[-one, one]]),
        "two_y": np.block([[-one], [one]]),
        "three_x": np.block([[one, -2 * one, one]]),
        "three_y": np.block([[one], [-2 * one], [one]]),
        "four": np.block([[one, -one], [-one, one]]),
    }


def laplacian_of_gaussian(sigma):
    def formula(x, y):
        r2 = x * x + y * y
        return (r2 - 2 * sigma**2) / sigma**4 * exp(-r2 / (2 * sigma**2)) / (2 * pi * sigma**2)

    values = sampled(formula, 2 * math.ceil(4 * sigma) + 1)
    return values - values.mean()


def difference_of_gaussians(sigma):
    def gaussian(s):
        values = sampled(lambda x, y: exp(-(x * x + y * y) / (2 * s * s)), 2 * math.ceil(4.8 * sigma) + 1)
        return values / values.sum()

    return gaussian(sigma) - gaussian(1.6 * sigma)
