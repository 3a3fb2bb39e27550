"""A plan told: counts by hand, and one output's sum equal to the map's pixel."""

import json

import numpy as np
import pytest

from filterbank import engine
from filterbank.errors import RequestError
from filterbank.model import Activation, Filter, Layer, Stack

RNG = np.random.default_rng(0)


def alexnet():
    rng = np.random.default_rng(1)
    filters = tuple(Filter(f"f{k}", rng.uniform(0.1, 1, (3, 11, 11))) for k in range(96))
    return Stack((Layer(filters, stride=(4, 4), padding="valid"),))


def test_first_layer_of_a_known_network():
    told = engine.explain(engine.plan(alexnet(), (227, 227)))
    assert told["input"] == {"height": 227, "width": 227, "channels": 3}
    assert told["output"] == {"height": 55, "width": 55, "channels": 96}
    assert (told["weights"], told["biases"]) == (34848, 96)
    dense, met = 227 * 227 * 3 * 55 * 55 * 96, 363 * 96 * 55 * 55
    counts = {"weights": dense, "biases": 55 * 55 * 96, "zero": dense - met, "tied": met}
    assert told["fully_connected"] == counts
    assert told["receptive_field"] == [11, 11]
    assert told["multiply_adds"] == 34848 * 55 * 55
    assert told["memory"] == 4 * (2 * 3 * 227 * 227 + 55 * 55)
    first = told["filters"][0]
    assert (first["name"], first["method"], first["taps"]) == ("f0", "winograd", 363)
    assert first["reason"].startswith("cheapest: direct ")
    assert first["prices"].keys() == {"direct", "winograd", "fft"}
    assert first["prices"]["winograd"] == min(first["prices"].values())
    json.dumps(told)


def test_stack_tells_the_whole_and_each_layer():
    first = Layer(tuple(Filter(f"a{k}", np.ones((1, 3, 3))) for k in range(4)), stride=(2, 2))
    second = Layer((Filter("b", np.ones((4, 3, 3))),))
    told = engine.explain(engine.plan(Stack((first, second)), (10, 12)))
    assert [layer["output"]["channels"] for layer in told["layers"]] == [4, 1]
    assert told["output"] == {"height": 5, "width": 6, "channels": 1}
    assert told["receptive_field"] == [7, 7]
    assert told["weights"] == 36 + 36


@pytest.mark.parametrize("place", [(0, 0), (3, 2), (4, 3)])
def test_one_output_is_the_maps_pixel(place):
    x, y = place
    layer = Layer(
        tuple(Filter(f"f{k}", RNG.normal(size=(1, 3, 2)), 0.5) for k in range(4)),
        stride=(2, 1),
        padding=(1, 1, 1, 1),
        padding_mode="reflect",
        dilation=(1, 2),
        groups=2,
        activation=Activation("relu"),
        mean=(0.5,),
    )
    image = RNG.random((2, 8, 5), np.float32)
    plan = engine.plan(Stack((layer,)), (8, 5))
    maps = [values for _, values in engine.run(plan, image)]
    for k, name in enumerate(layer.names):
        told = engine.one_output(plan.layers[0], image, name, x, y)
        assert told.value == pytest.approx(maps[k][y, x], abs=1e-6)
        assert max(told.sum, 0) == pytest.approx(told.value, abs=1e-6)
        assert {term.channel for term in told.terms} == {k // 2}


def test_one_output_marks_padding():
    layer = Layer((Filter("f", np.ones((3, 3))),))
    plan = engine.plan(Stack((layer,)), (4, 4))
    told = engine.one_output(plan.layers[0], np.ones((1, 4, 4), np.float32), "f", 0, 0)
    assert sum(term.is_padding for term in told.terms) == 5
    assert told.sum == 4


def test_one_output_refuses_places_and_names_that_are_not():
    plan = engine.plan(alexnet(), (227, 227)).layers[0]
    image = np.zeros((3, 227, 227), np.float32)
    with pytest.raises(RequestError, match="X from 0 to 54"):
        engine.one_output(plan, image, "f0", 55, 0)
    with pytest.raises(RequestError, match="found 'g'"):
        engine.one_output(plan, image, "g", 0, 0)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_pixel_under_a_zero_weight_adds_nothing(bad):
    layer = Layer((Filter("f", np.array([[1, 0, 1]])),))
    plan = engine.plan(Stack((layer,)), (1, 3))
    image = np.array([[[1, bad, 2]]], np.float32)
    assert engine.one_output(plan.layers[0], image, "f", 1, 0).sum == 3
    assert not np.isfinite(engine.one_output(plan.layers[0], image, "f", 0, 0).sum)
