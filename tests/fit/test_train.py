"""Fitting behind an activation: slopes against differences and the engine, and filters that come back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fit.explicit import layer

import filterbank
from filterbank.errors import RequestError
from filterbank.fit import Pair, Settings, learn
from filterbank.fit.slopes import value_and_slope
from filterbank.fit.told import warnings
from filterbank.fit.train import slopes
from filterbank.model import ACTIVATIONS, Activation, Bank, Filter, Layer, Stack

SPECIAL = [Activation("leaky_relu", (0.2,)), Activation("elu", (0.5,)), Activation("clip", (-0.5, 0.25)),
           Activation("hard_sigmoid", (0.3, 0.4))]  # fmt: skip
EVERY = [*(Activation(name) for name in ACTIVATIONS), *SPECIAL]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def written(activation: Activation) -> str:
    """The activation as an option spells it."""
    given = zip(ACTIVATIONS[activation.name], activation.parameters, strict=True)
    inside = ", ".join(f"{key}: {value!r}" for key, value in given)
    return f"{{{activation.name}: {{{inside}}}}}" if inside else activation.name


def problem(activation, K=2, C=1, scale=1.0, size=(40, 40)):
    """A pair whose targets are *activation* of known filters of 3×3, and these."""
    rng = np.random.default_rng(3)
    weights, biases = rng.normal(0, scale, (K, C, 3, 3)), rng.normal(0, 0.3, K)
    weights -= weights.mean(axis=(1, 2, 3), keepdims=True)
    image = rng.random((C, *size), np.float32)
    target = value_and_slope(activation, layer(image, weights, biases))[0]
    np.save("a.npy", image)
    np.save("b.npy", target.astype(np.float32))
    return Pair(Path("a.npy"), (Path("b.npy"),)), weights, biases


def bank(weights, biases) -> Bank:
    filters = tuple(Filter(f"f{k}", w, b) for k, (w, b) in enumerate(zip(weights, biases, strict=True)))
    return Bank("start", Stack((Layer(filters),)))


@pytest.mark.parametrize("activation", EVERY, ids=str)
def test_values_are_the_engines_and_slopes_their_differences(activation):
    z = np.random.default_rng(0).normal(0, 2, (9, 11))
    value, slope = value_and_slope(activation, z)
    alone = Layer((Filter("one", np.ones((1, 1, 1))),), activation=activation)
    maps = filterbank.apply(z.astype(np.float32), Bank("one", Stack((alone,))))
    assert maps[0] == pytest.approx(value, abs=2e-5)
    step = 1e-6
    ahead, behind = (value_and_slope(activation, z + h)[0] for h in (step, -step))
    assert slope == pytest.approx((ahead - behind) / (2 * step), abs=1e-5)


def test_a_corner_has_the_slope_from_below():
    corners = {"relu": 0.0, "leaky_relu": 0.0, "clip": 1.0, "hard_sigmoid": 3.0}
    below = {"relu": 0.0, "leaky_relu": 0.01, "clip": 1.0, "hard_sigmoid": 1 / 6}
    for name, at in corners.items():
        assert value_and_slope(Activation(name), np.array([at]))[1][0] == pytest.approx(below[name])


@pytest.mark.parametrize("activation", EVERY, ids=str)
@pytest.mark.parametrize("bias", [True, False])
def test_the_gradient_is_that_of_finite_differences(activation, bias):
    rng = np.random.default_rng(1)
    columns = rng.normal(size=(4 + 1 + 2, 50))
    columns[4] = 1
    unknowns = rng.normal(size=(2, 4 + bias))

    def squares(at):
        return slopes([(False, columns)], at, 4, activation)[0].squares

    gradient = 2 * slopes([(False, columns)], unknowns, 4, activation)[0].gradient
    for place in range(unknowns.shape[1]):
        step = np.zeros_like(unknowns)
        step[:, place] = 1e-6
        differences = (squares(unknowns + step) - squares(unknowns - step)) / 2e-6
        assert gradient[:, place] == pytest.approx(differences, rel=1e-4, abs=1e-4)
        assert not np.allclose(gradient[:, place] * 1.01, differences, rtol=1e-4, atol=1e-4)


def test_the_curvature_is_that_of_the_slopes():
    columns = np.random.default_rng(1).normal(size=(3 + 1 + 1, 20))
    unknowns = np.array([[0.1, -0.2, 0.3]])
    found = slopes([(True, columns)], unknowns, 3, Activation("tanh"))[1]
    _, slope = value_and_slope(Activation("tanh"), unknowns @ columns[:3])
    jacobian = (slope * columns[:3]).T
    assert found.curvature[0] == pytest.approx(jacobian.T @ jacobian)
    assert found.count == 20


@pytest.mark.parametrize(
    "activation", [each for each in EVERY if each.name not in ("identity", "abs", "square")], ids=str
)
def test_filters_come_back_from_behind_an_activation(activation):
    files, weights, biases = problem(activation)
    fitted = learn([files], Settings((3, 3), ("made",), (("activation", written(activation)),)))
    assert np.abs(fitted.bank.layer.weights - weights).max() < 1e-4
    assert np.abs(fitted.bank.layer.biases - biases).max() < 1e-4
    assert fitted.bank.layer.activation == activation
    assert fitted.rms.max() < 1e-6
    assert fitted.held_out.max() < 1e-6


@pytest.mark.parametrize("name", ["abs", "square"])
def test_without_a_sign_a_start_is_needed(name):
    files, weights, biases = problem(Activation(name))
    settings = Settings((3, 3), ("made",), (("activation", name),))
    with pytest.raises(RequestError, match=f"--activation: {name} hides the sign: .* with --init BANK"):
        learn([files], settings)
    near = bank(weights * 1.2 + 0.02, biases)
    fitted = learn([files], settings, init=near)
    assert np.abs(fitted.bank.layer.weights - weights).max() < 1e-4


def test_noise_behind_an_activation_spreads_the_weights_as_told():
    files, weights, _ = problem(Activation("tanh"), K=1)
    clean = np.load("b.npy")
    scores = []
    for seed in range(20):
        np.save(
            "b.npy", (clean + np.random.default_rng(seed).normal(0, 0.01, clean.shape)).astype(np.float32)
        )
        fitted = learn([files], Settings((3, 3), ("made",), (("activation", "tanh"),)))
        scores.append((fitted.bank.layer.weights - weights).ravel() / fitted.solution.errors[0])
        assert fitted.rms[0] == pytest.approx(0.01, rel=0.1)
        assert fitted.held_out[0] == pytest.approx(0.01, rel=0.3)
    assert np.std(scores) == pytest.approx(1, rel=0.2)


def test_a_search_that_is_broken_off_is_told(monkeypatch):
    files, _, _ = problem(Activation("sigmoid"))
    settings = Settings((3, 3), ("made",), (("activation", "sigmoid"),))
    assert list(warnings(learn([files], settings))) == []
    monkeypatch.setattr("filterbank.fit.train.MAX_SWEEPS", 2)
    assert "the search was broken off while the error still fell" in next(warnings(learn([files], settings)))


def test_every_step_is_told():
    files, _, _ = problem(Activation("sigmoid"))
    told = []
    settings = Settings((3, 3), ("made",), (("activation", "sigmoid"),))
    learn([files], settings, report=lambda *step: told.append(step))
    assert [step for step, _ in told] == list(range(1, len(told) + 1))
    assert 3 < len(told) < 50
    errors = [error for _, error in told]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 1e-12 < errors[0]


def test_no_bias_and_l2_go_along():
    files, _, _ = problem(Activation("tanh"))
    plain = learn([files], Settings((3, 3), ("m",), (("activation", "tanh"),), bias=False))
    assert not plain.bank.layer.biases.any()
    small = learn([files], Settings((3, 3), ("m",), (("activation", "tanh"),), l2=0.1))
    assert np.abs(small.bank.layer.weights).sum() < 0.5 * np.abs(plain.bank.layer.weights).sum()


def test_a_start_must_fit_and_be_of_use():
    files, weights, biases = problem(Activation("relu"))
    settings = Settings((3, 3), ("made",), (("activation", "relu"),))
    with pytest.raises(RequestError, match=r"--init start: found 1×1×3×3; accepted: one"):
        learn([files], settings, init=bank(weights[:1], biases[:1]))
    with pytest.raises(RequestError, match="the activation is flat at every output"):
        learn([files], settings, init=bank(weights, biases - 100))
    with pytest.raises(RequestError, match="--init: has no effect without an activation"):
        learn([files], Settings((3, 3), ("made",)), init=bank(weights, biases))
