"""Any bank, for properties that hold for all of them, and what is not the same in two."""

import numpy as np
from hypothesis import strategies as st

from filterbank import bankfile
from filterbank.bankfile.writing import FORMATS, encode
from filterbank.model import (
    ACTIVATIONS,
    COMBINATIONS,
    PADDING_MODES,
    Activation,
    Bank,
    Combination,
    Filter,
    Layer,
    Stack,
)

SETTINGS = (
    "stride",
    "padding",
    "padding_mode",
    "padding_value",
    "dilation",
    "groups",
    "activation",
    "mean",
    "std",
    "combine",
)


def bits(values):
    return np.asarray(values, np.float64).tobytes()


def differences(first, second):
    """Return what is not the same in two banks: names of settings and of filters."""
    found = [
        key
        for key in ("name", "description", "source", "input")
        if getattr(first, key) != getattr(second, key)
    ]
    found += ["layers"] * (len(first.stack.layers) != len(second.stack.layers))
    for one, other in zip(first.stack.layers, second.stack.layers, strict=False):
        found += layer_differences(one, other)
    return found


def layer_differences(first, second):
    found = [key for key in SETTINGS if getattr(first, key) != getattr(second, key)]
    found += ["names"] * (first.names != second.names)
    for one, other in zip(first.filters, second.filters, strict=False):
        is_same = one.weights.shape == other.weights.shape and bits(one.weights) == bits(other.weights)
        found += [one.name] * (not is_same or one.bias != other.bias)
    return found


def again(bank, format, folder):
    path = folder / f"other{FORMATS[format][0]}"
    path.write_bytes(encode(bank, format))
    return bankfile.load(path)


FINITE = st.floats(-1e30, 1e30) | st.sampled_from([-0.0, 5e-324, 0.1, 1 / 3, -7.0, 3.4e38])
SINGLE = st.floats(-100, 100, width=32)
NAMES = st.from_regex(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,12}", fullmatch=True)
TEXTS = st.text(st.characters(categories=["L", "N", "P", "S"], include_characters=" \n\t"), max_size=40).map(
    str.strip
)
STEP = st.integers(1, 4)


@st.composite
def activations(draw):
    name = draw(st.sampled_from(sorted(ACTIVATIONS)))
    parameters = tuple(draw(SINGLE | st.floats(-3, 3)) for _ in ACTIVATIONS[name])
    return Activation(name, tuple(sorted(parameters)) if name == "clip" else parameters)


@st.composite
def combinations(draw, names):
    """Return any combinations of the filters *names*."""
    made = []
    for name in draw(st.lists(NAMES, max_size=3, unique_by=str.lower)):
        chosen = draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
        operations = [word for word in COMBINATIONS if word != "keep" or len(chosen) == 1]
        window = draw(st.none() | st.integers(1, 20))
        # A file's globs name filters in the bank's order.
        chosen = tuple(sorted(chosen, key=names.index))
        made.append(Combination(name, draw(st.sampled_from(operations)), chosen, window))
    return tuple(made)


@st.composite
def layers(draw, plain=False, channels=None, is_last=True):
    """Return any layer of so many *channels*; a *plain* one is what a Pad and a Conv can do."""
    groups = draw(st.integers(1, 2)) if channels is None else 1
    depth = draw(st.integers(1, 3)) if channels is None else channels
    each, channels = draw(st.integers(1, 2)), groups * depth
    names = draw(st.lists(NAMES, min_size=groups * each, max_size=groups * each, unique_by=str.lower))
    numbers = draw(st.sampled_from([FINITE, SINGLE]))
    filters = []
    for name in names:
        shape = (depth, draw(st.integers(1, 3)), draw(st.integers(1, 4)))
        size = int(np.prod(shape))
        weights = np.array(draw(st.lists(numbers, min_size=size, max_size=size))).reshape(shape)
        filters.append(Filter(name, weights, draw(numbers)))
    per_channel = st.tuples(numbers) | st.tuples(*[numbers] * channels)
    padding = draw(st.sampled_from(["same", "valid"]) | st.tuples(*[st.integers(0, 3)] * 4))
    stride, mode = draw(st.tuples(STEP, STEP)), draw(st.sampled_from(PADDING_MODES))
    if plain and padding != "valid" and (mode == "symmetric" or (padding == "same" and stride != (1, 1))):
        mode = "zeros"
    return Layer(
        tuple(filters),
        stride=stride,
        padding=padding,
        padding_mode=mode,
        padding_value=draw(st.tuples(numbers) if plain else per_channel),
        dilation=draw(st.tuples(STEP, STEP)),
        groups=groups,
        activation=draw(activations()),
        mean=(0.0,) if plain else draw(per_channel),
        std=(1.0,)
        if plain
        else draw(per_channel.map(lambda values: tuple(abs(value) + 1e-3 for value in values))),
        combine=() if plain or not is_last else draw(combinations(names)),
    )


@st.composite
def banks(draw, plain=False, most=1):
    """Return any bank of up to *most* layers."""
    count, made = draw(st.integers(min(most, 2), most)), []
    for number in range(count):
        taken = len(made[-1].filters) if made else None
        made.append(draw(layers(plain, taken, number == count - 1)))
    channels = made[0].channels
    kinds = {1: ["gray", "each", 1], 3: ["rgb", 3], 4: ["rgba", 4]}.get(channels, [channels])
    texts = draw(st.tuples(TEXTS, TEXTS))
    return Bank(draw(NAMES), Stack(tuple(made)), draw(st.sampled_from(kinds)), *texts)
