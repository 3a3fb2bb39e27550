"""Every shipped bank against its definition, computed here anew."""

import numpy as np
import pytest
from bankfile import formulas

from filterbank import bankfile

BANKS = [
    *("box", "dct-8", "disc", "dog", "emboss", "farid", "frei-chen", "gabor", "gabor-energy", "gaussian"),
    *("gaussian-derivatives", "haar", "identity", "kirsch", "kirsch-maximum", "laplacian", "laws-25"),
    *("laws-9", "laws-energy", "lml", "lms", "log", "log-gabor", "manjunath-ma", "morlet", "motion-blur"),
    *("mr4", "mr8", "opponent", "orthogonal", "prewitt", "prewitt-compass", "random", "rfs", "roberts"),
    *("robinson", "scharr", "schmid", "sharpen", "sobel", "sobel-magnitude", "steerable"),
    *("steerable-energy", "unsharp"),
]
PLUS = np.array([-1, 0, 1])


def weights(name):
    """Return {filter: weights (F, F)} of a bank of depth 1."""
    return {each.name: each.weights[0] for each in bankfile.load(name).filters}


def assert_equal(found, wanted):
    """Fail unless the same filters have the same weights to 1e-12."""
    assert list(found) == list(wanted)
    for name, each in wanted.items():
        assert found[name].shape == np.shape(each), name
        assert np.abs(found[name] - each).max() <= 1e-12, name


def test_a_wrong_weight_is_seen():
    wanted = weights("sobel")
    wrong = wanted | {"sobel_x": wanted["sobel_x"] + np.eye(3) * 1e-11}
    with pytest.raises(AssertionError):
        assert_equal(wrong, wanted)


def test_the_list_is_this():
    assert bankfile.shipped() == BANKS


@pytest.mark.parametrize("name", BANKS)
def test_each_is_faultless_strictly_and_says_what_it_is(name):
    checked = bankfile.check(name)
    assert checked.faults == checked.warnings == ()
    bank = checked.bank
    assert bank.name == name
    assert bank.description
    assert bank.source
    assert bankfile.find(name).read_text("utf-8").startswith("# ")


@pytest.mark.parametrize(
    ("name", "smooth"), [("sobel", [1, 2, 1]), ("prewitt", [1, 1, 1]), ("scharr", [3, 10, 3])]
)
def test_first_derivatives(name, smooth):
    x = np.outer(smooth, PLUS) / (2 * np.sum(smooth))
    assert_equal(weights(name), {f"{name}_x": x, f"{name}_y": x.T})


def test_roberts():
    assert_equal(weights("roberts"), {"roberts_1": [[1, 0], [0, -1]], "roberts_2": [[0, 1], [-1, 0]]})


def test_farid():
    p = np.array(
        [0.0376593171958126, 0.249153396177344, 0.426374573253687, 0.249153396177344, 0.0376593171958126]
    )
    d = np.array([0.109603762960254, 0.276690988455557, 0, -0.276690988455557, -0.109603762960254])
    x = np.outer(p, d[::-1])
    assert_equal(weights("farid"), {"farid_x": x, "farid_y": x.T})


@pytest.mark.parametrize("name", ["sobel", "prewitt", "scharr", "farid"])
def test_a_ramp_upwards_in_x_and_y_is_answered_by_its_slope(name):
    x, y = weights(name).values()
    size = len(x)
    rows, columns = np.mgrid[:size, :size]
    slope = 1 if name != "farid" else (x * columns).sum()
    assert abs((x * columns).sum() - slope) <= 1e-12
    assert abs((y * rows).sum() - slope) <= 1e-12
    assert abs((x * rows).sum()) <= 1e-12
    assert abs(slope - 1) <= 0.01


RINGS = {
    "kirsch": ("kirsch", [5, 5, 5, -3, -3, -3, -3, -3], 0),
    "robinson": ("robinson", [1, 2, 1, 0, -1, -2, -1, 0], 0),
    "prewitt-compass": ("prewitt", [1, 1, 1, 1, -1, -1, -1, 1], -2),
}


@pytest.mark.parametrize("name", RINGS)
def test_compass_filters_turn_around_the_ring(name):
    start, ring, centre = RINGS[name]
    wanted = {}
    for angle in range(0, 360, 45):
        # As printed the ring is brightest at the top, 90°; every step of it turns clockwise by 45°.
        turned = np.roll(ring, (90 - angle) // 45)
        kernel = np.full((3, 3), centre)
        kernel[0, :] = turned[:3]
        kernel[1, 2] = turned[3]
        kernel[2, ::-1] = turned[4:7]
        kernel[1, 0] = turned[7]
        wanted[f"{start}_{angle:03d}"] = kernel
    assert_equal(weights(name), wanted)


@pytest.mark.parametrize("name", RINGS)
def test_compass_names_are_the_directions_of_growing_brightness(name):
    rows, columns = np.mgrid[-1:2, -1:2]
    found = weights(name)
    for label in found:
        angle = np.radians(int(label[-3:]))
        ramp = columns * np.cos(angle) - rows * np.sin(angle)
        answers = {other: (each * ramp).sum() for other, each in found.items()}
        assert max(answers, key=answers.get) == label


def test_frei_chen_is_the_printed_orthonormal_basis():
    r = np.sqrt(2)
    printed = [
        np.array([[1, r, 1], [0, 0, 0], [-1, -r, -1]]) / (2 * r),
        np.array([[1, 0, -1], [r, 0, -r], [1, 0, -1]]) / (2 * r),
        np.array([[0, -1, r], [1, 0, -1], [-r, 1, 0]]) / (2 * r),
        np.array([[r, -1, 0], [-1, 0, 1], [0, 1, -r]]) / (2 * r),
        np.array([[0, 1, 0], [-1, 0, -1], [0, 1, 0]]) / 2,
        np.array([[-1, 0, 1], [0, 0, 0], [1, 0, -1]]) / 2,
        np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]]) / 6,
        np.array([[-2, 1, -2], [1, 4, 1], [-2, 1, -2]]) / 6,
        np.ones((3, 3)) / 3,
    ]
    found = weights("frei-chen")
    assert_equal(found, dict(zip(found, printed, strict=True)))
    basis = np.stack([each.ravel() for each in found.values()])
    assert np.abs(basis @ basis.T - np.eye(9)).max() <= 1e-12


def test_laplacians():
    second = np.outer([1, -2, 1], [1, -2, 1])
    wanted = {
        "laplacian_4": [[0, -1, 0], [-1, 4, -1], [0, -1, 0]],
        "laplacian_8": 9 * np.outer([0, 1, 0], [0, 1, 0]) - 1,
        "laplacian_cross": second,
    }
    assert_equal(weights("laplacian"), wanted)


def test_laws():
    vectors = {
        "L5": np.array([1, 4, 6, 4, 1]),
        "E5": np.array([-1, -2, 0, 2, 1]),
        "S5": np.array([-1, 0, 2, 0, -1]),
        "W5": np.array([-1, 2, 0, -2, 1]),
        "R5": np.array([1, -4, 6, -4, 1]),
    }
    unit = {name: taps / np.linalg.norm(taps) for name, taps in vectors.items()}
    wanted = {a + b: unit[a][:, None] * unit[b] for a in unit for b in unit}
    assert_equal(weights("laws-25"), wanted)


def turned(bank):
    """Return a bank that is printed for convolution as correlation has it."""
    return {name: weights[::-1, ::-1] for name, weights in bank.items()}


SETS = {
    "lms": lambda: turned(formulas.leung_malik("small")),
    "lml": lambda: turned(formulas.leung_malik("large")),
    "rfs": lambda: turned(formulas.rfs()),
    "schmid": formulas.schmid,
    "gabor": lambda: turned(
        {name: w for length in (4, 8, 16) for name, w in formulas.gabor_set(length, 6, "even").items()}
    ),
    "manjunath-ma": lambda: turned(formulas.manjunath_ma("removed")),
    "morlet": lambda: turned(formulas.morlet(3)),
    "log-gabor": lambda: turned(formulas.log_gabor(4)),
    "gaussian-derivatives": lambda: formulas.jet_exact(2),
    "steerable": lambda: {
        f"{kind}_{angle:03d}": formulas.steerable(kind, angle)
        for angle in (0, 45, 90, 135)
        for kind in ("g2", "h2")
    },
    "log": lambda: {f"log_{s}": formulas.laplacian_of_gaussian(s) for s in (1, 2, 4, 8)},
    "dog": lambda: {f"dog_{s}": formulas.difference_of_gaussians(s) for s in (1, 2, 4)},
    "dct-8": lambda: formulas.dct(8),
    "haar": lambda: formulas.haar(4),
}


@pytest.mark.parametrize("name", SETS)
def test_sets_by_their_papers_formulas(name):
    assert_equal(weights(name), SETS[name]())


COMBINING = {
    "mr8": "rfs",
    "steerable-energy": "steerable",
    "sobel-magnitude": "sobel",
    "kirsch-maximum": "kirsch",
}


@pytest.mark.parametrize("name", COMBINING)
def test_banks_that_combine_have_the_filters_of_another(name):
    assert_equal(weights(name), weights(COMBINING[name]))


def test_the_other_banks_that_combine():
    pairs = [formulas.gabor_set(length, 6, "pair") for length in (4, 8, 16)]
    assert_equal(weights("gabor-energy"), turned(pairs[0] | pairs[1] | pairs[2]))
    assert_equal(weights("mr4"), turned(formulas.rfs((4,))))
    every = weights("laws-25")
    del every["L5L5"]
    assert_equal(weights("laws-energy"), every)


def test_laws_9():
    vectors = {"L3": [1, 2, 1], "E3": [-1, 0, 1], "S3": [-1, 2, -1]}
    unit = {name: np.array(taps) / np.linalg.norm(taps) for name, taps in vectors.items()}
    assert_equal(weights("laws-9"), {a + b: unit[a][:, None] * unit[b] for a in unit for b in unit})


def test_drawn_banks():
    drawn = np.random.RandomState(0).standard_normal((16, 7, 7))
    drawn -= drawn.mean((1, 2), keepdims=True)
    drawn /= np.abs(drawn).sum((1, 2), keepdims=True)
    assert_equal(weights("random"), {f"random_{k:02d}": each for k, each in enumerate(drawn)})
    rows = np.stack([each.ravel() for each in weights("orthogonal").values()])
    assert rows.shape == (25, 25)
    assert np.abs(rows @ rows.T - np.eye(25)).max() <= 1e-12


def test_discs():
    place = np.arange(-4, 5)
    squares = place[:, None] ** 2 + place**2
    wanted = {f"disc_{r}": (squares <= r**2)[4 - r : 5 + r, 4 - r : 5 + r] for r in (1, 2, 4)}
    assert_equal(weights("disc"), {name: inside / inside.sum() for name, inside in wanted.items()})


def test_underscores_may_stand_for_dashes():
    assert bankfile.load("frei_chen").digest == bankfile.load("frei-chen").digest


def test_pictures():
    assert_equal(weights("identity"), {"identity": [[1]]})
    assert_equal(weights("box"), {f"box_{n}": np.full((n, n), 1 / n**2) for n in (3, 5, 9)})
    assert_equal(weights("sharpen"), {"sharpen": [[0, -1, 0], [-1, 5, -1], [0, -1, 0]]})
    assert_equal(weights("emboss"), {"emboss": [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]]})


def _gauss(sigma):
    t = np.arange(-3 * sigma, 3 * sigma + 1)
    square = np.exp(-(t[:, None] ** 2 + t**2) / (2 * sigma**2))
    return square / square.sum()


def test_gaussians_and_unsharp_masks():
    assert_equal(weights("gaussian"), {f"gaussian_{sigma}": _gauss(sigma) for sigma in (1, 2, 4)})
    wanted = {}
    for name, sigma in (("unsharp_fine", 1), ("unsharp_coarse", 3)):
        wanted[name] = -_gauss(sigma)
        wanted[name][3 * sigma, 3 * sigma] += 2
    assert_equal(weights("unsharp"), wanted)


def test_motion():
    found = weights("motion-blur")
    # Along the diagonal a pixel holds √2 of the path's 15 pixels; the two ends hold what is left.
    inner, end = 2**0.5 / 15, (1 - 9 * 2**0.5 / 15) / 2
    falling = np.diag([end, *[inner] * 9, end])
    wanted = {
        "motion_000": np.full((1, 15), 1 / 15),
        "motion_045": falling[:, ::-1],
        "motion_090": np.full((15, 1), 1 / 15),
        "motion_135": falling,
    }
    assert_equal(found, wanted)


def test_opponent_colours():
    bank = bankfile.load("opponent")
    wanted = np.array([[1 / 3, 1 / 3, 1 / 3], [1 / 2, -1 / 2, 0], [1 / 4, 1 / 4, -1 / 2]])
    assert bank.layer.names == ("light", "red_green", "yellow_blue")
    assert bank.input == "rgb"
    assert bank.layer.weights.shape == (3, 3, 1, 1)
    assert np.abs(bank.layer.weights[:, :, 0, 0] - wanted).max() <= 1e-12
    gram = wanted @ wanted.T
    assert np.abs(gram - np.diag(np.diag(gram))).max() <= 1e-12


def test_a_file_of_that_name_wins(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert bankfile.load("sobel").name == "sobel"
    (tmp_path / "sobel").mkdir()
    assert bankfile.load("sobel").name == "sobel"
    (tmp_path / "sobel").rmdir()
    (tmp_path / "sobel").write_text("name: mine\nfilters: [{name: a, kernel: [[1]]}]\n")
    assert bankfile.load("sobel").name == "mine"
