"""The families' weights against their papers' formulas, written out anew pixel by pixel."""

import math
from math import cos, exp, log, pi, sin, sqrt, tan

import numpy as np
import pytest
from bankfile import formulas
from bankfile.formulas import complex_gabor, freeman, sampled
from hypothesis import given, settings
from hypothesis import strategies as st

from filterbank import families


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


def test_edges_of_oxford_rise_upwards_under_convolution():
    edge = dict(families.rfs())["edge_1_000"]
    upwards = sampled(lambda x, y: -y, 49)
    # N of a derivative −y·g: under convolution, which turns it, brighter above is positive.
    assert (edge[::-1, ::-1] * upwards).sum() > 0


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

    ((name, found),) = families.gabor_opencv(size, sigma, lambd, theta, gamma, psi)
    assert name == "gabor_7_035"
    assert np.abs(found - sampled(formula, n)).max() <= 1e-12


def test_gabor_against_opencv_itself():
    cv2 = pytest.importorskip("cv2")
    for size in (9, 10):
        for theta in (0, 30, 130):
            theirs = cv2.getGaborKernel((size, size), 2, math.radians(theta), 6, 0.7, math.radians(40))
            ((_, found),) = families.gabor_opencv(size, 2, 6, theta, 0.7, 40)
            assert found.shape == theirs.shape
            assert np.abs(found - theirs).max() <= 1e-12


def test_manjunath_ma_ellipses_touch_halfway_between_directions():
    a = (0.4 / 0.05) ** (1 / 3)
    su = (a - 1) * 0.4 / ((a + 1) * sqrt(2 * log(2)))
    sv = tan(pi / 12) * sqrt(0.4**2 / (2 * log(2)) - su**2)
    u = np.linspace(0.3, 0.5, 200_001)
    v = sv * np.sqrt(np.maximum(2 * log(2) - ((u - 0.4) / su) ** 2, 0))
    assert abs((v / u).max() - tan(pi / 12)) <= 1e-6


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


BANKS = [
    (families.leung_malik("small"), formulas.leung_malik("small")),
    (families.leung_malik("large"), formulas.leung_malik("large")),
    (families.rfs(), formulas.rfs()),
    (families.rfs("mr4"), formulas.rfs((4,))),
    (families.schmid(), formulas.schmid()),
    (families.manjunath_ma(), formulas.manjunath_ma("removed")),
    (families.manjunath_ma(dc="kept"), formulas.manjunath_ma("kept")),
    (families.morlet(), formulas.morlet(4)),
    (families.log_gabor(), formulas.log_gabor(4)),
    (families.dct(5), formulas.dct(5)),
    (families.dct(8), formulas.dct(8)),
    (families.haar(5), formulas.haar(5)),
    *((families.jet(s, 4, normalize="none"), formulas.jet_sampled(s)) for s in (0.7, 1, 2.3)),
    *((families.jet(s, 4), formulas.jet_exact(s)) for s in (1, 2.3)),
]


@pytest.mark.parametrize(("found", "wanted"), BANKS)
def test_the_papers_formula(found, wanted):
    assert_equal(found, wanted)


def test_one_derivative_is_that_of_the_jet():
    single = families.gaussian_derivative(1.5, 2, 1, normalize="none")
    assert np.array_equal(single, dict(families.jet(1.5, 3, normalize="none"))["g_xxy"])


@pytest.mark.parametrize("name", ["morlet", "manjunath_ma", "log_gabor", "leung_malik", "rfs", "schmid"])
def test_all_of_a_set_sum_to_zero(name):
    assert max(abs(weights.sum()) for _, weights in getattr(families, name)()) <= 1e-12
