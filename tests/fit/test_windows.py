"""Which outputs see only pixels, and what they see, against indices counted one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterbank.fit.windows import bands, inside, whole
from filterbank.geometry import resolve
from filterbank.model import Filter, Layer

PAIRS = st.tuples(st.integers(1, 4), st.integers(1, 4))


def seeing_only_pixels(n, f, s, d, before, count):
    """The outputs of one axis all of whose taps lie in 0..n-1."""
    return [y for y in range(count) if all(0 <= y * s + i * d - before < n for i in range(f))]


@given(size=st.tuples(st.integers(1, 15), st.integers(1, 15)), kernel=PAIRS, stride=PAIRS, dilation=PAIRS)
def test_outputs_inside_are_those_whose_taps_are(size, kernel, stride, dilation):
    shapes = resolve(channels=1, size=size, filters=1, kernel=kernel, stride=stride, dilation=dilation)
    outputs, part = inside(shapes)
    counts, before = (shapes.out_height, shapes.out_width), shapes.padding[:2]
    for axis in (0, 1):
        wanted = seeing_only_pixels(
            size[axis], kernel[axis], stride[axis], dilation[axis], before[axis], counts[axis]
        )
        assert list(range(counts[axis]))[outputs[axis]] == wanted
        if wanted:
            assert part[axis].start == wanted[0] * stride[axis] - before[axis]


@given(kernel=PAIRS, stride=PAIRS, dilation=PAIRS, channels=st.integers(1, 3), seed=st.integers(0, 99))
def test_columns_are_the_receptive_fields(kernel, stride, dilation, channels, seed):
    image = np.random.default_rng(seed).integers(0, 256, (channels, 17, 14), np.uint8)
    layer = Layer((Filter("blank", np.zeros((channels, *kernel))),), stride, "valid", dilation=dilation)
    shapes = layer.geometry((17, 14))
    targets = np.random.default_rng(1).random((2, shapes.out_height, shapes.out_width), np.float32)
    found = np.hstack([columns.copy() for columns in bands(image, layer, targets)])
    at = 0
    for y in range(shapes.out_height):
        for x in range(shapes.out_width):
            seen = [
                image[c, y * stride[0] + i * dilation[0], x * stride[1] + j * dilation[1]] / 255
                for c in range(channels)
                for i in range(kernel[0])
                for j in range(kernel[1])
            ]
            assert found[:, at] == pytest.approx([*seen, 1, *targets[:, y, x]], abs=1e-7)
            at += 1
    assert found.shape[1] == at


def test_a_padded_picture_has_every_output():
    image = np.arange(6, dtype=np.float32).reshape(1, 2, 3)
    layer = Layer((Filter("f", np.zeros((1, 3, 3))),), padding_mode="replicate")
    assert whole(image, layer, layer.geometry((2, 3))).tolist() == [
        [[0, 0, 1, 2, 2], [0, 0, 1, 2, 2], [3, 3, 4, 5, 5], [3, 3, 4, 5, 5]]
    ]
    bare = Layer(layer.filters, padding="valid")
    assert whole(image, bare, resolve(channels=1, size=(2, 3), filters=1, kernel=(1, 1))) is image
