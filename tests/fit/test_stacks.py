"""Training whole stacks: what comes back, one seed one result, the theory of noise, and when it ends."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fit.stacks import bank, layer, maps, pair

import filterbank
from filterbank.errors import FilterbankError, ImageError, RequestError
from filterbank.fit import Pair
from filterbank.fit.crops import Cutter
from filterbank.fit.descent import Descent
from filterbank.fit.pictures import Reader
from filterbank.fit.stacks import Training, learn_stack
from filterbank.fit.told import stack_summary, stack_warnings
from filterbank.imagefile import ReadOptions
from filterbank.model import Combination, Filter, Stack


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def noise(*shape, seed=0):
    return np.random.default_rng(seed).random(shape, np.float32)


def teacher(seed=5, hidden=3, activation="relu", **settings):
    rng = np.random.default_rng(seed)
    return Stack((layer(rng, hidden, 1, 3, activation, **settings), layer(rng, 1, hidden, 3, **settings)))


def shaken(stack, by=0.2, seed=1):
    """The stack with its weights moved."""
    rng = np.random.default_rng(seed)
    return Stack(
        tuple(
            replace(
                one,
                filters=tuple(
                    replace(each, weights=each.weights * rng.normal(1, by, each.weights.shape))
                    for each in one.filters
                ),
            )
            for one in stack.layers
        )
    )


def learn(pairs, stack, channels=None, **settings):
    pairs = pairs if isinstance(pairs, list) else [pairs]
    descent = Descent(**{key: settings.pop(key) for key in ("batch", "steps", "patience") if key in settings})
    return learn_stack(pairs, bank(stack, channels), Training(descent=descent, **settings))


def test_the_output_of_two_layers_comes_back():
    image, made = noise(1, 80, 90), teacher()
    target = maps(made, image)
    trained = learn(pair(image, target), shaken(made))
    assert trained.rms.max() < 1e-4
    assert trained.held_out.max() < 1e-4
    other = noise(1, 40, 40, seed=9)
    found = filterbank.apply(other, trained.bank)
    assert np.sqrt(np.mean((found - maps(made, other)) ** 2)) < 1e-4


def test_two_layers_are_found_from_anywhere():
    image, made = noise(1, 80, 90), teacher()
    wide = teacher(seed=0, hidden=8)
    trained = learn(pair(image, maps(made, image)), wide, is_random=True, seed=5, steps=200)
    assert trained.explained.min() > 0.999
    other = noise(1, 40, 40, seed=9)
    missed = filterbank.apply(other, trained.bank) - maps(made, other)
    assert np.sqrt(np.mean(missed**2)) < 0.05 * maps(made, other).std()


@pytest.mark.parametrize("mode", ["zeros", "reflect"])
def test_one_layer_comes_back_as_it_was(mode):
    rng = np.random.default_rng(2)
    made = Stack((layer(rng, 2, 3, 5, padding_mode=mode, stride=(2, 1)),))
    image = noise(3, 64, 60)
    start = Stack((layer(rng, 2, 3, 5, padding_mode=mode, stride=(2, 1)),))
    trained = learn(pair(image, maps(made, image)), start, 3)
    found = trained.bank.layer
    assert np.abs(found.weights - made.layers[0].weights).max() < 1e-4
    assert np.abs(found.biases - made.layers[0].biases).max() < 1e-4
    assert (found.padding_mode, found.stride, found.names) == (mode, (2, 1), ("f0", "f1"))


def test_an_activation_without_a_sign_needs_no_start_near_by():
    rng = np.random.default_rng(2)
    made = Stack((layer(rng, 1, 1, 3, "abs"),))
    image = noise(1, 64, 60)
    trained = learn(pair(image, maps(made, image)), made, is_random=True)
    sign = np.sign((trained.bank.layer.weights * made.layers[0].weights).sum())
    assert np.abs(sign * trained.bank.layer.weights - made.layers[0].weights).max() < 1e-4


def test_a_seed_decides_every_byte():
    image, made = noise(1, 64, 64), teacher()
    files = pair(image, maps(made, image) + noise(1, 64, 64, seed=3))
    found = [
        learn(files, made, is_random=True, seed=seed, steps=30, batch=2, side=16).bank.stack
        for seed in (0, 0, 1)
    ]
    weights = [np.concatenate([one.weights.ravel() for one in stack.layers]) for stack in found]
    np.testing.assert_array_equal(weights[0], weights[1])
    assert not np.array_equal(weights[0], weights[2])


def test_noise_is_left_and_no_more():
    image, made = noise(1, 96, 96), teacher()
    target = maps(made, image)
    spoilt = target + np.random.default_rng(4).normal(0, 0.01, target.shape)
    trained = learn(pair(image, spoilt), shaken(made, 0.1))
    n = sum(crop.count for crop in trained.crops.kept)
    # Of n residuals of noise, as many as there are unknowns are fitted away; held out they are added.
    share = trained.unknowns / n
    assert trained.rms[0] == pytest.approx(0.01 * np.sqrt(1 - share), rel=3 / np.sqrt(2 * n) + share)
    held = sum(crop.count for crop in trained.crops.held)
    assert trained.held_out[0] == pytest.approx(0.01, rel=4 / np.sqrt(2 * held) + share)
    missed = filterbank.apply(image, trained.bank) - target
    assert np.sqrt(np.mean(missed**2)) == pytest.approx(0.01 * np.sqrt(share), rel=0.5)


def test_batches_grow_and_the_held_out_are_never_learned_from():
    image, made = noise(1, 64, 64), teacher()
    told = []
    files = pair(image, maps(made, image) + noise(1, 64, 64, seed=3))
    training = Training(descent=Descent(batch=3, patience=4), side=8)
    trained = learn_stack([files], bank(made), training, report=lambda *step: told.append(step))
    assert [step for step, *_ in told] == list(range(1, trained.steps + 1))
    sizes = [crops for *_, crops in told]
    assert list(dict.fromkeys(sizes)) == [3, 6, 12, 24, 48, 57]
    assert (len(trained.crops.kept), len(trained.crops.held)) == (57, 7)
    places = {id(crop) for crop in trained.crops.kept} & {id(crop) for crop in trained.crops.held}
    assert places == set()
    assert trained.is_settled


def test_the_last_step_is_told():
    image, made = noise(1, 64, 64), teacher()
    trained = learn(pair(image, maps(made, image)), made, is_random=True, steps=5)
    assert trained.steps == 5
    assert "training was broken off while the error still fell" in next(stack_warnings(trained))
    assert stack_summary(trained).startswith("2 layers of 1 to 3 to 1 channels, 58 unknowns, from ")
    assert stack_summary(trained).endswith("; 5 steps")


def test_what_is_doubtful_is_told():
    image, made = noise(1, 9, 9), teacher()
    few = list(stack_warnings(learn(pair(image, noise(1, 9, 9, seed=8)), made, steps=3)))
    assert any("only 81 numbers to learn 58 weights and biases from" in each for each in few)
    assert any("4 crops are too few to hold some out" in each for each in few)
    assert any("f0: only 0% of the target's variance is explained" in each for each in few[-1:])


def test_no_bias_and_l2_go_along():
    image, made = noise(1, 64, 64), teacher()
    files = pair(image, maps(made, image))
    plain = learn(files, made, bias=False)
    assert not any(one.biases.any() for one in plain.bank.stack.layers)
    small = learn(files, made, l2=0.1)
    sums = [sum(np.abs(one.weights).sum() for one in each.bank.stack.layers) for each in (plain, small)]
    assert sums[1] < 0.7 * sums[0]


def test_clipped_targets_can_be_left_out():
    rng = np.random.default_rng(2)
    made = Stack((layer(rng, 1, 1, 3),))
    image = noise(1, 64, 64)
    target = 2 * maps(made, image)
    np.save("a.npy", image)
    codes = np.rint(np.clip(target, 0, 1) * 65535).astype(np.uint16)
    np.save("b.npy", codes)
    files = Pair(Path("a.npy"), (Path("b.npy"),))
    clipped, left = (learn(files, made, ignore_clipped=choice) for choice in (False, True))
    assert "of the outputs have a target of 0 or 1, perhaps clipped" in next(stack_warnings(clipped))
    assert left.crops.left_out == np.count_nonzero((codes == 0) | (codes == 65535)) == clipped.crops.clipped
    assert np.abs(left.bank.layer.weights - 2 * made.layers[0].weights).max() < 1e-3
    assert np.abs(clipped.bank.layer.weights - 2 * made.layers[0].weights).max() > 1e-2
    np.save("b.npy", np.zeros_like(codes))
    with pytest.raises(RequestError, match="--ignore-clipped: every output has a target of 0 or 1"):
        learn(files, made, ignore_clipped=True)


def test_too_many_crops_are_drawn_from(monkeypatch):
    monkeypatch.setattr("filterbank.fit.crops.MOST", 20)
    made = teacher()
    image = noise(1, 64, 64)
    places = np.arange(64.0 * 64).reshape(1, 64, 64)
    cutter = Cutter(made, Reader(ReadOptions(), 1), side=8)
    files = pair(image, places)
    drawn = [cutter.cut([files, files], np.random.default_rng(seed)) for seed in range(6)]
    assert {(len(each.kept), len(each.held)) for each in drawn} == {(18, 2)}
    firsts = [crop.targets[0, 0, 0] for each in drawn for crop in (*each.kept, *each.held)]
    assert len(set(firsts)) > 50  # of 64


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("channels", "found 1 channel of targets, the last layer has 2 filters; accepted: as many"),
        ("size", r"the target is 64×60 \(W×H\); accepted: 64×64, which is what the layers make of an input"),
        ("nan", "found NaN or infinity among the values; accepted: finite numbers"),
        ("zero", "no weight changes the error, as where all weights are zero .* --random-start"),
        ("combine", "--layers net: found combine, which is not trained; accepted: filters alone"),
        ("valid", "layer 1: a kernel spanning 99×99|a kernel spanning 99×99"),
        ("none", "no pairs of images; accepted: at least one"),
        ("constant", "the input has no contrast: it is 0.25 everywhere; accepted: a picture with texture"),
    ],
)
def test_what_cannot_be_trained_is_told(change, said):
    image, target, made = noise(1, 64, 64), noise(1, 64, 64, seed=1), teacher()
    first, last = made.layers
    if change == "channels":
        made = Stack((first, replace(last, filters=(*last.filters, replace(last.filters[0], name="g")))))
    if change == "size":
        target = target[:, :60]
    if change == "constant":
        image[:] = 0.25
    if change == "nan":
        target[0, 3, 3] = np.nan
    if change == "zero":
        made = shaken(made, 0)
        flat = [
            replace(one, filters=tuple(replace(f, weights=f.weights * 0, bias=0.0) for f in one.filters))
            for one in made.layers
        ]
        made = Stack((flat[0], replace(flat[1], activation=flat[0].activation)))
    if change == "combine":
        made = Stack((first, replace(last, combine=(Combination("c", "keep", ("f0",)),))))
    if change == "valid":
        made = Stack((replace(first, filters=(Filter("f", np.ones((1, 99, 99))),), padding="valid"),))
    with pytest.raises((RequestError, ImageError), match=said):
        learn([] if change == "none" else pair(image, target), made)


def test_without_scipy_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy", None)
    image, made = noise(1, 32, 32), teacher()
    with pytest.raises(FilterbankError, match=r"needs the package scipy, .* pip install 'filterbank\[fit\]'"):
        learn(pair(image, maps(made, image)), made)
