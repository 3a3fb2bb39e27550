"""Kernels as plain Python, where they need no pointer."""

import numpy as np
import pytest

from filterbank.engine.kernels import fill
from filterbank.engine.kernels.layout import ACTIVATIONS, MODES
from filterbank.model import ACTIVATIONS as MODEL_ACTIVATIONS
from filterbank.model import PADDING_MODES

NUMPY = {"reflect": "reflect", "symmetric": "symmetric", "replicate": "edge", "circular": "wrap"}


def test_the_kernels_words_are_the_models():
    assert MODES == PADDING_MODES
    assert tuple(MODEL_ACTIVATIONS) == ACTIVATIONS


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("n", [1, 2, 7])
def test_reach_is_numpys_padding(mode, n):
    before = {"reflect": n - 1}.get(mode, n)
    places = range(-before, n + before)
    found = [fill.reach.py_func(MODES.index(mode), i, n) for i in places]
    if mode in NUMPY:
        assert found == list(np.pad(np.arange(n), before, mode=NUMPY[mode]))
    else:
        assert found == [-1] * before + list(range(n)) + [-1] * before
