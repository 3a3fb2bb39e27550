"""Combined maps against loops over every place, and what of them is held."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filterbank import engine
from filterbank.engine.combine import combined, held, window_mean
from filterbank.errors import RequestError
from filterbank.model import COMBINATIONS, Activation, Combination, Filter, Layer, Stack

NAMES = "abcd"


def layer(*combine, names=NAMES, activation="identity"):
    filters = [Filter(name, np.random.default_rng(ord(name)).normal(size=(3, 3))) for name in names]
    return Layer(tuple(filters), combine=combine, activation=Activation(activation))


def windowed(values, size):
    """The mean around each place, one place at a time."""
    height, width = values.shape
    before, after = (size - 1) // 2, size // 2
    out = np.empty(values.shape)
    for y in range(height):
        for x in range(width):
            part = values[max(y - before, 0) : y + after + 1, max(x - before, 0) : x + after + 1]
            with np.errstate(invalid="ignore"):
                out[y, x] = part.sum() / part.size
    return out


def slow(combination, maps):
    """A combination place by place, in Python's floats."""
    chosen = [maps[name].astype(np.float64) for name in combination.filters]
    if combination.window:
        chosen = [np.abs(each) for each in chosen]
    out = np.empty(chosen[0].shape)
    for place in np.ndindex(out.shape):
        values = [float(each[place]) for each in chosen]
        out[place] = {
            "maximum": max,
            "modulus": lambda v: math.sqrt(sum(x * x for x in v)),
            "sum": sum,
            "mean": lambda v: sum(v) / len(v),
            "keep": lambda v: v[0],
        }[combination.operation](values)
    return windowed(out, combination.window) if combination.window else out


def assert_near(found, wanted):
    assert found.dtype == np.float32
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).max() <= 1e-6 * max(np.abs(wanted).max(), 1)


def test_a_wrong_pixel_is_seen():
    wanted = np.ones((4, 4))
    wrong = wanted.astype(np.float32)
    wrong[3, 3] += 1e-5
    with pytest.raises(AssertionError):
        assert_near(wrong, wanted)


EVERY = (
    Combination("largest", "maximum", ("a", "b", "c")),
    Combination("energy", "modulus", ("b", "d")),
    Combination("total", "sum", ("a", "d")),
    Combination("middle", "mean", ("a", "b", "c", "d")),
    Combination("own", "keep", ("c",)),
    Combination("texture", "mean", ("a", "c"), 5),
    Combination("smooth", "modulus", ("a", "b"), 4),
    Combination("loud", "maximum", ("c", "d"), 3),
)


@pytest.mark.parametrize("method", ["auto", "direct", "fft"])
def test_every_operation_against_loops(method):
    image = np.random.default_rng(1).normal(size=(1, 13, 17)).astype(np.float32)
    whole = layer(*EVERY, activation="tanh")
    plan = engine.plan(Stack((whole,)), (13, 17), method)
    maps = dict(zip(NAMES, (values for _, values in engine.run(plan, image)), strict=True))
    found = list(engine.outputs(plan, image))
    assert [index for index, _, _ in found] == list(range(len(EVERY)))
    for (_, values, told), each in zip(found, EVERY, strict=True):
        wanted = slow(each, maps)
        assert_near(values, wanted)
        assert told.minimum == values.min()
        assert told.maximum == values.max()
        assert told.total == pytest.approx(values.sum(dtype=np.float64))
        assert told.negative == (values < 0).sum()


def test_the_answer_does_not_depend_on_threads():
    image = np.random.default_rng(2).normal(size=(1, 40, 50)).astype(np.float32)
    plan = engine.plan(Stack((layer(*EVERY),)), (40, 50))
    one, two = ([v.tobytes() for _, v, _ in engine.outputs(plan, image, n)] for n in (1, 2))
    assert one == two


@settings(deadline=None)
@given(
    height=st.integers(1, 12),
    width=st.integers(1, 12),
    size=st.integers(1, 30),
    seed=st.integers(0, 99),
)
def test_window_mean_against_loops(height, width, size, seed):
    values = np.random.default_rng(seed).random((height, width))
    assert_near(window_mean(values, size), windowed(values, size))


@pytest.mark.parametrize("height", [127, 128, 129, 256, 257, 600])
@pytest.mark.parametrize("size", [1, 15, 16])
def test_window_mean_of_large_maps_goes_in_tiles_unseen(height, size):
    values = np.random.default_rng(height).random((height, 3))
    found = window_mean(values, size)
    assert_near(found, windowed(values, size))
    assert np.array_equal(window_mean(values, size, threads=3), found)
    assert_near(window_mean(values.T, size), found.T)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_reaches_its_windows_and_no_further(bad):
    values = np.zeros((20, 20))
    values[7, 9] = bad
    found = window_mean(values, 5)
    reached = np.zeros((20, 20), bool)
    reached[5:10, 7:12] = True
    assert np.array_equal(np.isfinite(found), ~reached)
    assert np.all(found[~reached] == 0)


def test_a_huge_value_leaves_what_is_far_from_it_exact():
    values = np.full((4, 400), 1e-3)
    values[:, 0] = 1e30
    assert np.abs(window_mean(values, 15)[:, 20:] - np.float32(1e-3)).max() == 0


@pytest.mark.parametrize("operation", ["maximum", "modulus", "sum", "mean"])
def test_nan_stays_at_its_place(operation):
    maps = [np.ones((3, 3), np.float32) for _ in range(2)]
    maps[0][1, 1] = np.nan
    ((_, found),) = combined(layer(Combination("x", operation, ("a", "b")), names="ab"), maps)
    assert np.isnan(found[1, 1])
    assert np.isfinite(np.delete(found.ravel(), 4)).all()


def test_large_values_do_not_overflow_on_the_way():
    maps = [np.full((1, 1), 3e37, np.float32), np.full((1, 1), 4e37, np.float32)]
    ((_, found),) = combined(layer(Combination("x", "modulus", ("a", "b")), names="ab"), maps)
    assert found[0, 0] == pytest.approx(5e37)


def test_maps_are_handed_on_as_soon_as_they_are_made():
    """Each is yielded before the next filter that it does not need is computed."""
    asked = []

    def maps():
        for name in NAMES:
            asked.append(name)
            yield np.zeros((1, 1), np.float32)

    combine = (Combination("ab", "sum", ("a", "b")), Combination("c", "keep", ("c",)))
    made = combined(layer(*combine), maps())
    assert next(made)[0] == 0
    assert asked == ["a", "b"]
    assert next(made)[0] == 1
    assert asked == ["a", "b", "c"]
    assert list(made) == []


def test_maps_come_in_the_order_of_the_entries():
    maps = [np.full((1, 1), k, np.float32) for k in range(4)]
    combine = (Combination("late", "keep", ("d",)), Combination("early", "keep", ("a",)))
    assert [(k, v[0, 0]) for k, v in combined(layer(*combine), maps)] == [(0, 3), (1, 0)]


def test_held_counts_what_has_begun_and_waits():
    late = Combination("late", "keep", ("d",)), Combination("early", "sum", ("a", "b"))
    assert held(layer(*late)) == 12  # early, a sum of two, waits for late
    assert held(layer(*late[::-1])) == 8
    pairs = [Combination(n, "modulus", tuple(n)) for n in ("ab", "cd")]
    assert held(layer(*pairs)) == 8
    assert held(layer(Combination("all", "maximum", ("a", "b", "c")))) == 4
    crossed = [Combination(n, "mean", tuple(n)) for n in ("ac", "bd")]
    assert held(layer(*crossed)) == 12  # b beside the sum of a and c


@pytest.mark.parametrize("operation", COMBINATIONS)
@pytest.mark.parametrize("window", [None, 3])
def test_combinations_of_one_filter(operation, window):
    maps = {"a": np.random.default_rng(3).normal(size=(5, 6)).astype(np.float32)}
    one = Combination("x", operation, ("a",), window)
    ((_, found),) = combined(layer(one, names="a"), maps.values())
    assert_near(found, slow(one, maps))
    assert not np.shares_memory(found, maps["a"])


def test_the_input_maps_are_left_alone():
    maps = [np.ones((2, 2), np.float32) for _ in range(4)]
    list(combined(layer(*EVERY), maps))
    assert all((values == 1).all() for values in maps)


def test_methods_of_a_combination_are_those_of_its_filters():
    filters = (Filter("a", [[1.0, 2.0, 1.0]]), Filter("b", np.random.default_rng(0).normal(size=(31, 31))))
    both = Combination("both", "sum", ("a", "b"))
    plan = engine.plan(Stack((Layer(filters, combine=(both,)),)), (600, 600))
    assert engine.methods(plan) == (", ".join(dict.fromkeys(plan.methods)),)


def test_a_filter_that_is_not_there():
    plan = engine.plan(Stack((layer(Combination("x", "sum", ("a", "z"))),)), (4, 4))
    with pytest.raises(RequestError, match="combine 'x': no filter 'z'; accepted: a, b, c, d"):
        list(engine.outputs(plan, np.zeros((1, 4, 4), np.float32)))


@pytest.mark.parametrize(
    ("given_", "said"),
    [
        (("x", "product", ("a",)), "found 'product'; accepted: maximum, modulus, sum, mean, keep"),
        (("x", "keep", ("a", "b")), "keep: found 2; accepted: one filter"),
        (("x", "sum", ()), "sum: found none; accepted: at least one filter"),
        (("x", "sum", ("a",), 0), "window: found 0; accepted: a whole number from 1"),
    ],
)
def test_combinations_that_make_no_sense(given_, said):
    with pytest.raises(RequestError, match=said):
        Combination(*given_)
