"""Values to codes against the formula in plain Python, one value at a time."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterbank.errors import RequestError
from filterbank.imagefile import tone
from filterbank.imagefile.tone import EMPTY, TOP8, TOP16, RangeSpec, Scale
from filterbank.model import Activation, Filter, Layer

EDGE = Filter("edge", [[-1, 0, 1]])
BLUR = Filter("blur", [[0.25, 0.5, 0.25]])
IDENTITY, RELU = Activation("identity"), Activation("relu")


def output(filter, activation):
    """What a layer of this one filter says of its map."""
    return Layer((filter,), activation=activation).outputs[0]


FLOATS = st.floats(width=32, allow_nan=True, allow_infinity=True)
FINITE = st.floats(-1e6, 1e6, width=32)


def naive_code(v, scale):
    """The contract's formula for one value: (code, whether it was clipped)."""
    low = 0 if scale.zero is None else 1
    if math.isnan(v):
        return scale.zero or 0, True
    if math.isinf(v):
        return (scale.top if v > 0 else low), True
    if scale.hi == scale.lo:
        exact = scale.zero or 0
        if v != scale.lo:
            return (scale.top if v > scale.lo else low), True
    elif scale.zero is None:
        exact = round((v - scale.lo) / (scale.hi - scale.lo) * scale.top)
    else:
        exact = scale.zero + round((scale.top - scale.zero) * v / scale.hi)
    code = min(max(exact, low), scale.top)
    return code, code != exact


def assert_codes(values, scale):
    values = np.asarray(values, np.float32)
    codes, clipped = tone.to_codes(values, scale)
    expected = [naive_code(float(v), scale) for v in values.ravel()]
    assert codes.dtype == (np.uint8 if scale.top == TOP8 else np.uint16)
    assert codes.shape == values.shape
    assert codes.ravel().tolist() == [code for code, _ in expected]
    assert clipped == sum(was for _, was in expected)


def scales(top):
    centre = (top + 1) // 2
    return [
        Scale(0.0, 1.0, top),
        Scale(-1.0, 1.0, top),
        Scale(0.1, 0.30000000000000004, top),
        Scale(-0.7, 0.7, top, centre),
        Scale(0.0, 0.0, top, centre),
        Scale(0.25, 0.25, top),
        Scale(-3e38, 3e38, top),
    ]


@pytest.mark.parametrize("top", [TOP8, TOP16])
@given(values=st.lists(FLOATS, max_size=20), index=st.integers(0, 6))
def test_codes_are_the_formulas(top, values, index):
    assert_codes(values, scales(top)[index])


def test_the_check_can_fail(monkeypatch):
    wrong = lambda values, scale: (np.zeros(values.shape, np.uint8), 0)  # noqa: E731
    monkeypatch.setattr(tone, "to_codes", wrong)
    with pytest.raises(AssertionError):
        assert_codes([0.0, 1 / 255], Scale(0.0, 1.0))


def test_halves_go_to_even():
    halves = (np.arange(10) + 0.5).astype(np.float32)
    assert tone.to_codes(halves, Scale(0, 255))[0].tolist() == [0, 2, 2, 4, 4, 6, 6, 8, 8, 10]
    assert tone.to_codes(-halves[:4], Scale(-127, 127, TOP8, 128))[0].tolist() == [128, 126, 126, 124]


def test_a_rounding_above_white_is_not_clipped():
    values = np.array([np.nextafter(np.float32(1), np.float32(2)), -1e-9], np.float32)
    assert tone.to_codes(values, Scale(0, 1))[1] == 0


@pytest.mark.parametrize("top", [TOP8, TOP16])
@pytest.mark.parametrize("size", [0, 1, tone._BLOCK - 1, tone._BLOCK, 2 * tone._BLOCK + 3])
def test_blocks_make_no_difference(top, size):
    values = np.random.default_rng(size).normal(size=size).astype(np.float32)
    scale = Scale(-1.5, 1.5, top, (top + 1) // 2)
    wide = values.astype(np.float64) * (top - scale.zero)
    expected = scale.zero + np.rint(wide / 1.5)
    codes, clipped = tone.to_codes(values, scale)
    assert np.array_equal(codes, expected.clip(1, top))
    assert clipped == np.count_nonzero((expected < 1) | (expected > top))


def test_views_and_planes_keep_their_shape():
    values = np.random.default_rng(1).random((3, 8, 6)).astype(np.float32)[:, ::2, ::-1]
    codes, _ = tone.to_codes(values, Scale(0, 1))
    assert np.array_equal(codes, np.rint(values.astype(np.float64) * 255))


@pytest.mark.parametrize("depth", [8, 16])
def test_an_image_comes_back_code_for_code(depth):
    top = 2**depth - 1
    every = np.arange(top + 1)
    values = (every / top).astype(np.float32)
    codes, clipped = tone.to_codes(values, Scale(0, 1, top))
    assert np.array_equal(codes, every) and clipped == 0
    assert np.array_equal(tone.to_values(codes, Scale(0, 1, top)), values)


@pytest.mark.parametrize("top", [TOP8, TOP16])
@given(values=st.lists(FINITE, min_size=1, max_size=20), word=st.sampled_from(["signed", "minmax"]))
def test_decoding_is_within_half_a_code(top, values, word):
    values = np.array(values, np.float32)
    scale = tone.choose(tone.parse_range(word), output(EDGE, IDENTITY), tone.extremes(values), top)
    codes, clipped = tone.to_codes(values, scale)
    back = tone.to_values(codes, scale).astype(np.float64)
    step = scale.hi / (top - scale.zero) if scale.zero else (scale.hi - scale.lo) / top
    rounding = np.spacing(np.float32(max(abs(scale.lo), abs(scale.hi))))
    assert clipped == 0
    assert np.abs(back - values).max() <= step / 2 * (1 + 1e-9) + rounding


@pytest.mark.parametrize("word", ["signed", "minmax", "auto"])
@pytest.mark.parametrize("constant", [0.0, 0.1, -2.5])
def test_a_constant_map_is_no_error(word, constant):
    values = np.full((3, 4), constant, np.float32)
    for activation in (IDENTITY, RELU) if constant >= 0 else (IDENTITY,):
        scale = tone.choose(tone.parse_range(word), output(EDGE, activation), tone.extremes(values), TOP8)
        codes, clipped = tone.to_codes(values, scale)
        assert clipped == 0
        assert np.array_equal(tone.to_values(codes, scale), values)


def test_zero_is_the_zero_code_exactly():
    values = np.array([-0.3, 0, 0.7], np.float32)
    for top, zero in ((TOP8, 128), (TOP16, 32768)):
        scale = tone.choose(RangeSpec("signed"), output(BLUR, IDENTITY), tone.extremes(values), top)
        codes, _ = tone.to_codes(values, scale)
        assert scale.zero == zero and codes[1] == zero and codes[2] == top
        assert tone.to_values(codes, scale)[1:].tolist() == values[1:].tolist()


def test_what_is_not_finite_is_clipped_and_counted():
    values = np.array([np.nan, np.inf, -np.inf, 0.5], np.float32)
    assert [c.tolist() if hasattr(c, "tolist") else c for c in tone.to_codes(values, Scale(0, 1))] == [
        [0, 255, 0, 128],
        3,
    ]
    codes, clipped = tone.to_codes(values, Scale(-1, 1, TOP8, 128))
    assert (codes.tolist(), clipped) == ([128, 255, 1, 192], 3)
    codes, clipped = tone.to_codes(np.full(4, np.nan, np.float32), Scale(0, 0, TOP16, 32768))
    assert (codes.tolist(), clipped) == ([32768] * 4, 4)


AUTO = [
    (EDGE, "identity", "signed", (-2.0, 2.0, 128)),
    (EDGE, "relu", "positive", (0.0, 1.0, None)),
    (EDGE, "abs", "positive", (0.0, 1.0, None)),
    (EDGE, "tanh", "signed", (-2.0, 2.0, 128)),
    (BLUR, "identity", "clip", (0.0, 1.0, None)),
    (BLUR, "relu", "clip", (0.0, 1.0, None)),
    (Filter("nothing", [[0.0]]), "identity", "signed", (-2.0, 2.0, 128)),
]


@pytest.mark.parametrize(("filter", "activation", "kind", "expected"), AUTO)
def test_auto(filter, activation, kind, expected):
    assert tone.resolve(RangeSpec(), output(filter, Activation(activation))).kind == kind
    scale = tone.choose(RangeSpec(), output(filter, Activation(activation)), (-2.0, 1.0), TOP8)
    assert (scale.lo, scale.hi, scale.zero) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("clip", Scale(0.0, 1.0)),
        ("minmax", Scale(-2.0, 1.0)),
        ("signed", Scale(-2.0, 2.0, TOP8, 128)),
        ("-1:0.5", Scale(-1.0, 0.5)),
        ("0:1e-3", Scale(0.0, 0.001)),
    ],
)
def test_a_range_asked_for_by_name(text, expected):
    assert tone.choose(tone.parse_range(text), output(BLUR, IDENTITY), (-2.0, 1.0), TOP8) == expected
    assert tone.choose(tone.parse_range(text), output(EDGE, RELU), (-2.0, 1.0), TOP8) == expected


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1:0", "LO 1 is not below HI 0"),
        ("1:1", "LO 1 is not below HI 1"),
        ("nan:1", "must be finite"),
        ("0:inf", "must be finite"),
        ("-1e308:1e308", "must be finite"),
        ("bright", "no range of that name"),
        ("", "no range of that name"),
        ("0:1:2", "no range of that name"),
        ("0:", "no range of that name"),
        ("positive", "no range of that name"),
    ],
)
def test_a_range_that_makes_no_sense(text, found):
    with pytest.raises(RequestError, match=f"--range {text}: .*{found}.*accepted: "):
        tone.parse_range(text)


def test_statistics_by_hand():
    values = np.array([[-1.0, 0.0, 2.0], [np.nan, np.inf, -np.inf]], np.float32)
    told = tone.statistics(values)
    assert (told.minimum, told.maximum, told.mean) == (-1.0, 2.0, 1 / 3)
    assert (told.negative, told.nonfinite, told.extremes) == (1 / 3, 3, (-1.0, 2.0))


def test_statistics_of_nothing_finite():
    told = tone.statistics(np.full((2, 2), np.nan, np.float32))
    assert (told.minimum, told.maximum, told.mean, told.negative, told.nonfinite) == (
        None,
        None,
        None,
        0.0,
        4,
    )
    assert told.extremes == EMPTY
    assert tone.choose(RangeSpec("minmax"), output(EDGE, IDENTITY), EMPTY, TOP8) == Scale(0.0, 0.0)


def test_means_are_summed_in_float64():
    values = np.full(1_000_003, 0.1, np.float32)
    assert tone.statistics(values).mean == pytest.approx(float(np.float32(0.1)), rel=1e-12)


@given(st.lists(st.lists(FLOATS, max_size=5), max_size=5))
def test_merged_extremes_are_those_of_all_values(parts):
    arrays = [np.array(part, np.float32) for part in parts]
    everything = np.concatenate([*arrays, np.zeros(0, np.float32)])
    assert tone.merge(*map(tone.extremes, arrays)) == tone.extremes(everything)


def test_linear_light_is_encoded_and_comes_back():
    every = np.arange(256)
    encoded = every / 255
    light = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    codes, clipped = tone.to_codes(light.astype(np.float32), Scale(0, 1), srgb=True)
    assert np.array_equal(codes, every) and clipped == 0
    assert np.allclose(tone.to_values(codes, Scale(0, 1), srgb=True), light, rtol=1e-6, atol=1e-9)


def test_only_pictures_are_encoded_as_srgb():
    told = [
        tone.is_picture(tone.parse_range(text), output(filter, IDENTITY))
        for text in ("auto", "clip", "minmax", "0:0.5")
        for filter in (BLUR, EDGE)
    ]
    assert told == [True, False, True, False, False, False, False, False]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("odd", [[np.inf], [-np.inf], [np.nan], [np.inf, -np.inf], [np.inf, np.nan, -np.inf]])
@pytest.mark.parametrize("length", [1, 7, 40, 5000])
def test_what_is_not_finite_warns_nobody(odd, length):
    values = np.concatenate([np.linspace(-1, 1, length, dtype=np.float32), np.array(odd, np.float32)])
    found = tone.statistics(values)
    assert (found.minimum, found.maximum, found.nonfinite) == (-1, values[:length].max(), len(odd))
    for scale in (Scale(0, 1), Scale(-1, 1, TOP8, 128), Scale(0, 0), Scale(0, 0, TOP16, 32768)):
        for srgb in (False, True):
            tone.to_codes(values, scale, srgb)
