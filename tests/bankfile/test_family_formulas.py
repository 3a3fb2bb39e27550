"""The families' weights against their papers' formulas, written out anew pixel by pixel."""

import cmath
import math
from math import cos, exp, log, pi, sin, sqrt, tan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filterbank import families


def sampled(formula, rows, columns=None):
    """Return formula(x, y) at every pixel, x to the right and y downwards from the middle."""
    columns = rows if columns is None else columns
    return np.array(
        [[formula(j - (columns - 1) / 2, i - (rows - 1) / 2) for j in range(columns)] for i in range(rows)]
    )


def assert_equal(found, wanted):
    """Fail unless the same names have the same weights to 1e-12."""
    assert [name for name, _ in found] == list(wanted)
    for name, weights in found:
        assert np.shape(weights) == np.shape(wanted[name]), name
        assert np.abs(weights - wanted[name]).max() <= 1e-12, name


def test_a_wrong_weight_is_seen():
    found = families.kirsch()
    wanted = {name: weights.copy() for name, weights in found}
    wanted["kirsch_315"][2, 2] += 1e-11
    with pytest.raises(AssertionError, match="kirsch_315"):
        assert_equal(found, wanted)


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


@pytest.mark.parametrize(
    ("variant", "base", "names"),
    [
        ("small", 1, ["1", "1.41", "2", "2.83", "3", "4.24", "6", "8.49"]),
        ("large", 2**0.5, ["1.41", "2", "2.83", "4", "4.24", "6", "8.49", "12"]),
    ],
)
def test_leung_malik(variant, base, names):
    scales = [base, base * sqrt(2), base * 2, base * 2 * sqrt(2)]
    wanted = {}
    for order, kind in ((1, "edge"), (2, "bar")):
        for scale, name in zip(scales[:3], names, strict=False):
            for angle in range(0, 180, 30):
                wanted[f"{kind}_{name}_{angle:03d}"] = oriented(scale, angle, order, 49)
    for index, scale in enumerate(scales):
        wanted[f"gaussian_{names[index]}"] = blob(scale, 49)
        wanted[f"log_{names[index]}"] = laplacian(scale, 49)
        wanted[f"log_{names[index + 4]}"] = laplacian(3 * scale, 49)
    assert len(wanted) == 48
    assert_equal(families.leung_malik(variant), wanted)


@pytest.mark.parametrize(("variant", "scales"), [("rfs", (1, 2, 4)), ("mr4", (4,))])
def test_rfs(variant, scales):
    wanted = {}
    for order, kind in ((1, "edge"), (2, "bar")):
        for scale in scales:
            for angle in range(0, 180, 30):
                wanted[f"{kind}_{scale}_{angle:03d}"] = oriented(scale, angle, order, 49)
    wanted["gaussian_10"] = blob(10, 49)
    wanted["log_10"] = laplacian(10, 49)
    assert_equal(families.rfs(variant), wanted)


def test_edges_of_oxford_rise_upwards_under_convolution():
    edge = dict(families.rfs())["edge_1_000"]
    upwards = sampled(lambda x, y: -y, 49)
    # N of a derivative −y·g: under convolution, which turns it, brighter above is positive.
    assert (edge[::-1, ::-1] * upwards).sum() > 0


def test_schmid():
    pairs = [(2, 1), (4, 1), (4, 2), (6, 1), (6, 2), (6, 3), (8, 1), (8, 2), (8, 3)]
    pairs += [(10, 1), (10, 2), (10, 3), (10, 4)]
    wanted = {
        f"schmid_{s}_{t}": normalised(
            sampled(
                lambda x, y, s=s, t=t: (
                    cos(pi * t * math.hypot(x, y) / s) * exp(-(x * x + y * y) / (2 * s * s))
                ),
                49,
            )
        )
        for s, t in pairs
    }
    assert_equal(families.schmid(), wanted)


def complex_gabor(frequency, degrees, sx, sy, phase, size):
    """scikit-image's formula."""

    def formula(x, y):
        t = math.radians(degrees)
        xr, yr = x * cos(t) + y * sin(t), -x * sin(t) + y * cos(t)
        g = exp(-0.5 * (xr**2 / sx**2 + yr**2 / sy**2)) / (2 * pi * sx * sy)
        return g * cmath.exp(1j * (2 * pi * frequency * xr + math.radians(phase)))

    return sampled(formula, *(size if isinstance(size, tuple) else (size, size)))


@settings(deadline=None, max_examples=40)
@given(
    wavelength=st.floats(2, 20),
    orientation=st.floats(-360, 360),
    orientations=st.integers(1, 5),
    sigma=st.floats(0.5, 6),
    aspect=st.floats(0.3, 2),
    phase=st.floats(-180, 180),
    size=st.none() | st.integers(1, 25),
)
def test_gabor_by_wavelength(wavelength, orientation, orientations, sigma, aspect, phase, size):
    given_ = {"sigma": sigma, "aspect": aspect, "phase": phase, "size": size, "part": "pair"}
    where = {"orientation": orientation, "orientations": orientations}
    plain = families.gabor(wavelength, **where, **given_, dc="kept")
    even_sums = families.gabor(wavelength, **where, **given_)
    n = size or 2 * math.ceil(3 * max(sigma, sigma / aspect)) + 1
    for k in range(orientations):
        wanted = complex_gabor(
            1 / wavelength, orientation + k * 180 / orientations, sigma, sigma / aspect, phase, n
        )
        envelope = complex_gabor(0, orientation + k * 180 / orientations, sigma, sigma / aspect, 0, n).real
        for part, values in enumerate((wanted.real, wanted.imag)):
            scale = max(np.abs(values).max(), 1)
            assert np.abs(plain[2 * k + part][1] - values).max() <= 1e-12 * scale
            without = values - values.sum() / envelope.sum() * envelope
            assert np.abs(even_sums[2 * k + part][1] - without).max() <= 1e-12 * scale
            assert abs(even_sums[2 * k + part][1].sum()) <= 1e-12 * scale


def test_gabor_parts_names_and_bandwidth():
    names = [name for name, _ in families.gabor(8, orientations=2, part="pair")]
    assert names == ["gabor_8_000_even", "gabor_8_000_odd", "gabor_8_090_even", "gabor_8_090_odd"]
    pair = families.gabor(8, part="pair")
    assert np.array_equal(families.gabor(8, part="odd")[0][1], pair[1][1])
    sigma = (1 / pi) * sqrt(log(2) / 2) * (2**1.5 + 1) / (2**1.5 - 1) * 6
    assert (
        np.abs(families.gabor(6, bandwidth=1.5)[0][1] - families.gabor(6, sigma=sigma)[0][1]).max() <= 1e-12
    )


def skimage_size(sx, sy, theta, n):
    c, s = abs(cos(math.radians(theta))), abs(sin(math.radians(theta)))
    return (
        2 * math.ceil(max(n * sy * c, n * sx * s, 1)) + 1,
        2 * math.ceil(max(n * sx * c, n * sy * s, 1)) + 1,
    )


@pytest.mark.parametrize(
    ("frequency", "theta", "sx", "sy", "offset"),
    [(0.1, 0, None, None, 0), (0.2, 30, 2, 4, 0), (0.25, 100, None, 3, 45), (0.4, -60, 1.5, None, -90)],
)
def test_gabor_of_scikit_image(frequency, theta, sx, sy, offset):
    usual = (1 / pi) * sqrt(log(2) / 2) * (2 + 1) / (2 - 1) / frequency
    a, b = sx or usual, sy or usual
    wanted = complex_gabor(frequency, theta, a, b, offset, skimage_size(a, b, theta, 3))
    found = families.gabor_skimage(frequency, theta, sigma_x=sx, sigma_y=sy, offset=offset, part="pair")
    name = f"gabor_{frequency}_{theta % 360:03d}"
    assert_equal(found, {f"{name}_even": wanted.real, f"{name}_odd": wanted.imag})


def test_gabor_against_scikit_image_itself():
    filters = pytest.importorskip("skimage.filters")
    for theta in (0, 30, 77, 120):
        theirs = filters.gabor_kernel(
            0.15, math.radians(theta), bandwidth=1.3, sigma_y=4, offset=0.5, dtype=np.complex128
        )
        (_, even), (_, odd) = families.gabor_skimage(
            0.15, theta, bandwidth=1.3, sigma_y=4, offset=math.degrees(0.5), part="pair"
        )
        assert even.shape == theirs.shape
        assert np.abs(even + 1j * odd - theirs).max() <= 1e-12


@pytest.mark.parametrize(("size", "gamma"), [(9, 1), (8, 0.5), (15, 2)])
def test_gabor_of_opencv(size, gamma):
    n, sigma, lambd, theta, psi = 2 * (size // 2) + 1, 2.5, 7, 35, 60

    def formula(x, y):
        x, y = -x, -y
        t = math.radians(theta)
        xr, yr = x * cos(t) + y * sin(t), -x * sin(t) + y * cos(t)
        g = exp(-0.5 * (xr**2 / sigma**2 + yr**2 / (sigma / gamma) ** 2))
        return g * cos(2 * pi / lambd * xr + math.radians(psi))

    found = families.gabor_opencv(size, sigma, lambd, theta, gamma, psi)
    assert np.abs(found - sampled(formula, n)).max() <= 1e-12


def test_gabor_against_opencv_itself():
    cv2 = pytest.importorskip("cv2")
    for size in (9, 10):
        for theta in (0, 30, 130):
            theirs = cv2.getGaborKernel((size, size), 2, math.radians(theta), 6, 0.7, math.radians(40))
            found = families.gabor_opencv(size, 2, 6, theta, 0.7, 40)
            assert found.shape == theirs.shape
            assert np.abs(found - theirs).max() <= 1e-12


def test_manjunath_ma():
    a = (0.4 / 0.05) ** (1 / 3)
    su = (a - 1) * 0.4 / ((a + 1) * sqrt(2 * log(2)))
    # As the authors' program has it, in its own shape.
    z = -2 * log(2) * su**2 / 0.4
    sv = tan(pi / 12) * (0.4 + z) / sqrt(2 * log(2) - z * z / su**2)
    wanted = {}
    for m in range(4):
        n = 2 * math.ceil(3 * max(1 / su, 1 / sv) / (2 * pi) * a**m) + 1
        for k in range(6):
            t = pi * k / 6

            def formula(x, y, m=m, t=t):
                x1, y1 = a**-m * (x * cos(t) + y * sin(t)), a**-m * (-x * sin(t) + y * cos(t))
                sx, sy = 1 / (2 * pi * su), 1 / (2 * pi * sv)
                g = exp(-0.5 * (x1**2 / sx**2 + y1**2 / sy**2)) / (2 * pi * sx * sy)
                return a**-m * g * cmath.exp(2j * pi * 0.4 * x1)

            values = sampled(formula, n)
            wanted[f"s{m}_{30 * k:03d}_even"] = values.real
            wanted[f"s{m}_{30 * k:03d}_odd"] = values.imag
    assert_equal(families.manjunath_ma(dc="kept"), wanted)
    assert max(abs(weights.sum()) for _, weights in families.manjunath_ma()) <= 1e-12


def test_manjunath_ma_ellipses_touch_halfway_between_directions():
    a = (0.4 / 0.05) ** (1 / 3)
    su = (a - 1) * 0.4 / ((a + 1) * sqrt(2 * log(2)))
    sv = tan(pi / 12) * sqrt(0.4**2 / (2 * log(2)) - su**2)
    u = np.linspace(0.3, 0.5, 200_001)
    v = sv * np.sqrt(np.maximum(2 * log(2) - ((u - 0.4) / su) ** 2, 0))
    assert abs((v / u).max() - tan(pi / 12)) <= 1e-6


def test_morlet():
    wanted = {}
    for j in range(3):
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
            wanted[f"{name}_even"], wanted[f"{name}_odd"] = values.real, values.imag
    assert_equal(families.morlet(scales=3), wanted)


def test_log_gabor():
    n, f0 = 11, 1 / 3
    frequencies = [k / n for k in range(-(n // 2), n // 2 + 1)]
    wanted = {}
    for degrees in range(0, 180, 30):
        total = np.zeros((n, n), complex)
        x, y = np.meshgrid(np.arange(n) - n // 2, np.arange(n) - n // 2)
        for v in frequencies:
            for u in frequencies:
                f = math.hypot(u, v)
                if f == 0:
                    continue
                apart = (math.atan2(v, u) - math.radians(degrees) + pi) % (2 * pi) - pi
                g = exp(-(log(f / f0) ** 2) / (2 * log(0.65) ** 2))
                g *= exp(-(apart**2) / (2 * (pi / 6 / 1.5) ** 2))
                total += g * np.exp(2j * pi * (u * x + v * y)) / n**2
        wanted[f"s0_{degrees:03d}_even"], wanted[f"s0_{degrees:03d}_odd"] = total.real, total.imag
    assert_equal(families.log_gabor(scales=1), wanted)
    assert max(abs(weights.sum()) for _, weights in families.log_gabor()) <= 1e-12


# Derivatives of exp(−t²/2σ²), by hand: the polynomials before it.
POLYNOMIALS = [
    lambda t, s: 1,
    lambda t, s: -t / s**2,
    lambda t, s: (t**2 - s**2) / s**4,
    lambda t, s: (3 * s**2 * t - t**3) / s**6,
    lambda t, s: (t**4 - 6 * s**2 * t**2 + 3 * s**4) / s**8,
]


@pytest.mark.parametrize("sigma", [0.7, 1, 2.3])
def test_gaussian_derivatives_sampled(sigma):
    n = 2 * math.ceil(4 * sigma) + 1
    wanted = {}
    for total in range(5):
        for b in range(total + 1):
            a = total - b

            def formula(x, y, a=a, b=b):
                # At −x, −y: correlation turns a filter once.
                g = exp(-(x * x + y * y) / (2 * sigma**2)) / (2 * pi * sigma**2)
                return POLYNOMIALS[a](-x, sigma) * POLYNOMIALS[b](-y, sigma) * g

            wanted["_".join(["g", "x" * a + "y" * b]).rstrip("_")] = sampled(formula, n)
    assert_equal(families.jet(sigma, 4, normalize="none"), wanted)
    single = families.gaussian_derivative(sigma, 2, 1, normalize="none")
    assert np.array_equal(single, dict(families.jet(sigma, 3, normalize="none"))["g_xxy"])


@settings(deadline=None)
@given(sigma=st.floats(0.3, 8), x=st.integers(0, 4), y=st.integers(0, 4))
def test_gaussian_derivatives_are_exact_on_polynomials(sigma, x, y):
    weights = families.gaussian_derivative(sigma, x, y)
    place = (np.arange(len(weights)) - len(weights) // 2) / sigma
    for a in range(x + 1):
        for b in range(y + 1):
            answer = (weights * place[:, None] ** b * place**a).sum() * sigma ** (x + y)
            wanted = math.factorial(x) * math.factorial(y) if (a, b) == (x, y) else 0
            assert abs(answer - wanted) <= 1e-9


def test_gaussian_derivatives_are_near_their_samples():
    for a, b, near in ((0, 0, 1e-3), (1, 0, 2e-3), (2, 0, 0.01), (1, 1, 4e-3), (0, 3, 0.02), (4, 0, 0.07)):
        exact = families.gaussian_derivative(2, a, b)
        plain = families.gaussian_derivative(2, a, b, normalize="none")
        assert np.abs(exact - plain).max() <= near * np.abs(plain).max()


@pytest.mark.parametrize("sigma", [0.8, 1.4, 3])
def test_laplacian_and_difference_of_gaussians(sigma):
    n = 2 * math.ceil(4 * sigma) + 1

    def formula(x, y):
        r2 = x * x + y * y
        return (r2 - 2 * sigma**2) / sigma**4 * exp(-r2 / (2 * sigma**2)) / (2 * pi * sigma**2)

    wanted = sampled(formula, n)
    assert np.abs(families.log(sigma) - (wanted - wanted.mean())).max() <= 1e-12

    def gaussian(s, size):
        values = sampled(lambda x, y: exp(-(x * x + y * y) / (2 * s * s)), size)
        return values / values.sum()

    n = 2 * math.ceil(3 * 1.6 * sigma) + 1
    assert np.abs(families.dog(sigma) - (gaussian(sigma, n) - gaussian(1.6 * sigma, n))).max() <= 1e-12


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


def test_steerable_basis():
    wanted = {
        name: sampled(lambda x, y, name=name: freeman(0.67 * x, 0.67 * y)[name], 9) for name in freeman(0, 0)
    }
    assert_equal(families.steerable_basis(dc="kept"), wanted)
    gaussian = sampled(lambda x, y: exp(-(0.67**2) * (x * x + y * y)), 9)
    removed = dict(families.steerable_basis())
    for name in ("G2a", "G2c"):
        without = wanted[name] - wanted[name].sum() / gaussian.sum() * gaussian
        assert np.abs(removed[name] - without).max() <= 1e-12
    assert all(np.abs(removed[name] - wanted[name]).max() <= 1e-12 for name in wanted if "H" in name)


@settings(deadline=None)
@given(degrees=st.floats(-360, 720))
def test_steering_is_sampling_the_turned_filter(degrees):
    """Turned formulas: G2 exactly; H2 to the four digits of its printed constants."""
    t = math.radians(degrees)

    def turned(name):
        def formula(x, y):
            x, y = 0.67 * x, 0.67 * y
            return freeman(x * cos(t) - y * sin(t), x * sin(t) + y * cos(t))[name]

        return sampled(formula, 9)

    (_, g2), (_, h2) = families.steerable(degrees, 1, dc="kept")
    assert np.abs(g2 - turned("G2a")).max() <= 5e-4 * 0.9213  # 2 · 0.9213 is printed 1.843
    assert np.abs(h2 - turned("H2a")).max() <= 1e-3


@settings(deadline=None)
@given(degrees=st.floats(-360, 720))
def test_steering_by_the_printed_shares(degrees):
    c, s = cos(math.radians(degrees)), sin(math.radians(degrees))
    basis = dict(families.steerable_basis())
    g2 = c * c * basis["G2a"] - 2 * c * s * basis["G2b"] + s * s * basis["G2c"]
    h2 = c**3 * basis["H2a"] - 3 * c * c * s * basis["H2b"]
    h2 = h2 + 3 * c * s * s * basis["H2c"] - s**3 * basis["H2d"]
    (_, found_g2), (_, found_h2) = families.steerable(degrees, 1)
    assert np.abs(found_g2 - g2).max() <= 1e-12
    assert np.abs(found_h2 - h2).max() <= 1e-12
