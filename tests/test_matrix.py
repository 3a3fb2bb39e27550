"""A layer as a matrix against the formula in nested loops, and against SciPy's reading of the file."""

import io
import itertools
import time
from dataclasses import replace

import numpy as np
import oracle
import pytest
from scipy import sparse

from filterbank import engine, matrix
from filterbank.errors import GeometryError, RequestError
from filterbank.model import PADDING_MODES, Filter, Layer, Stack

# What stands outside is a pixel inside: taps are added up there, or meet it twice.
MIRRORED = ("reflect", "symmetric", "replicate", "circular")


def layer_of(seed, **settings):
    rng = np.random.default_rng(seed)
    groups, channels = settings.get("groups", 1), 4
    sizes = [(3, 2), (1, 3), (2, 4), (3, 3)]
    filters = [
        Filter(f"f{k}", rng.normal(size=(channels // groups, *size)), rng.normal())
        for k, size in enumerate(sizes)
    ]
    return Layer(tuple(filters), **settings)


def dense(made):
    """The matrix written out, entry by entry."""
    full = np.zeros(made.shape)
    for row in range(made.shape[0]):
        for at in range(made.indptr[row], made.indptr[row + 1]):
            full[row, made.indices[at]] += made.data[at]
    return full


def by_formula(layer, size):
    """Matrix and biases column by column: what the nested loops make of each pixel alone, and of none."""
    pixels = layer.channels * size[0] * size[1]
    biases = oracle.layer_maps(layer, np.zeros((layer.channels, *size)))[0].ravel()
    columns = []
    for pixel in range(pixels):
        image = np.zeros(pixels)
        image[pixel] = 1
        maps, _ = oracle.layer_maps(layer, image.reshape(layer.channels, *size))
        columns.append(maps.ravel() - biases)
    return np.stack(columns, axis=1), biases


def assert_same(made, layer, size):
    full, biases = by_formula(layer, size)
    assert made.shape == full.shape
    np.testing.assert_allclose(dense(made), full, rtol=0, atol=1e-12)
    np.testing.assert_allclose(made.bias, biases, rtol=0, atol=1e-12)


CASES = {
    "same": {},
    "valid": {"padding": "valid"},
    "stride": {"stride": (2, 3)},
    "dilation": {"dilation": (2, 1), "padding": (3, 2, 1, 0)},
    "groups": {"groups": 2, "stride": (1, 2)},
    "depthwise": {"groups": 4, "padding": (0, 1, 2, 3)},
    "mean and std": {"mean": (0.5, -1.0, 2.0, 0.0), "std": (0.25, 2.0, 1.0, 3.0)},
    "wide": {"padding": (5, 5, 5, 5), "dilation": (1, 2)},
    **{
        f"{mode} {name}": {"padding_mode": mode, "padding_value": (0.7,), **more}
        for mode, (name, more) in itertools.product(
            PADDING_MODES,
            {
                "same": {},
                "far": {"padding": (3, 4, 2, 3), "stride": (2, 1), "mean": (0.3,), "std": (0.5,)},
                "dilated": {"dilation": (2, 2), "groups": 2},
            }.items(),
        )
    },
    "value a channel": {"padding_mode": "constant", "padding_value": (1.0, 2.0, 3.0, -4.0), "mean": (0.1,)},
}


@pytest.mark.parametrize("case", CASES)
def test_it_is_the_formula(case):
    layer, size = layer_of(5, **CASES[case]), (4, 5)
    assert_same(matrix.build(layer, size), layer, size)


@pytest.mark.parametrize("seed", range(20))
def test_random_layers_and_images(seed):
    rng = np.random.default_rng(seed)
    settings = {
        "stride": tuple(map(int, rng.integers(1, 4, 2))),
        "dilation": tuple(map(int, rng.integers(1, 3, 2))),
        "padding": tuple(map(int, rng.integers(0, 6, 4))),
        "padding_mode": str(rng.choice(PADDING_MODES)),
        "padding_value": tuple(map(float, rng.normal(size=4))),
        "groups": int(rng.choice((1, 2, 4))),
        "mean": tuple(map(float, rng.normal(size=4))),
        "std": tuple(map(float, rng.uniform(0.5, 2, 4))),
    }
    layer, size = layer_of(seed, **settings), (8, 9)
    image = rng.normal(size=(4, *size))
    made = matrix.build(layer, size)
    stream = io.BytesIO()
    made.save(stream)
    stream.seek(0)
    read = sparse.load_npz(stream)
    maps, _ = oracle.layer_maps(layer, image)
    np.testing.assert_allclose(read @ image.ravel() + made.bias, maps.ravel(), rtol=0, atol=1e-12)
    assert matrix.entries(layer, size) >= read.nnz


def test_the_comparison_sees_one_wrong_value():
    layer, size = layer_of(5), (4, 5)
    made = matrix.build(layer, size)
    wrong = made.data.copy()
    wrong[-1] += 1e-9
    with pytest.raises(AssertionError):
        assert_same(replace(made, data=wrong), layer, size)
    with pytest.raises(AssertionError):
        assert_same(replace(made, bias=made.bias + 1e-9), layer, size)


@pytest.mark.parametrize("mode", PADDING_MODES)
def test_scipy_reads_it_in_its_own_best_form(mode):
    layer = layer_of(1, padding_mode=mode, padding=(2, 3, 2, 3))
    stream = io.BytesIO()
    matrix.build(layer, (4, 5)).save(stream)
    stream.seek(0)
    read = sparse.load_npz(stream)
    assert (read.format, read.dtype, read.indices.dtype) == ("csr", np.float64, np.int32)
    read.check_format(full_check=True)
    assert read.has_canonical_format  # ascending columns, no place twice
    again = io.BytesIO()
    sparse.save_npz(again, read)
    stream.seek(0)
    again.seek(0)
    ours, theirs = np.load(stream), np.load(again)
    for name in ("format", "shape", "data", "indices", "indptr"):
        np.testing.assert_array_equal(ours[name], theirs[name], strict=name != "shape")


def test_the_same_weight_is_named_wherever_it_stands():
    layer = layer_of(2, groups=2)
    made = matrix.build(layer, (4, 5))
    assert np.array_equal(layer.weights.ravel()[made.weight], made.data)
    assert len(np.unique(made.weight)) == np.count_nonzero(layer.weights)


def test_entries_are_counted_before_any_is_made():
    layer = layer_of(3, padding=(2, 0, 1, 3))
    assert matrix.entries(layer, (6, 5)) == len(matrix.build(layer, (6, 5)).data)
    large = Layer((Filter("box", np.ones((11, 11))),))
    said = (
        r"would be 100,000,000 × 100,000,000 with 12,093,400,900 entries, 193 GB; "
        r"accepted: at most 50,000,000 entries; take a smaller size, or allow more with --max-entries"
    )
    with pytest.raises(RequestError, match=said):
        matrix.build(large, (10_000, 10_000))
    with pytest.raises(GeometryError, match="does not fit"):
        matrix.build(replace(large, padding="valid"), (10, 20))


def test_a_filter_of_zeros_has_no_entries():
    made = matrix.build(Layer((Filter("none", np.zeros((3, 3)), 2.0), Filter("one", [[1]]))), (2, 3))
    assert made.indptr.tolist() == [0] * 7 + [1, 2, 3, 4, 5, 6]
    assert made.bias.tolist() == [2.0] * 6 + [0.0] * 6


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["zeros", "reflect"])
def test_time_grows_with_the_entries(mode):
    layer = layer_of(4, padding_mode=mode)

    def spent(size):
        began = time.process_time()
        return len(matrix.build(layer, size).data), time.process_time() - began

    spent((20, 20))
    (few, short), (many, long) = spent((60, 60)), spent((240, 240))
    assert 15 < many / few < 17
    assert long < 4 * short * many / few + 0.1


@pytest.mark.parametrize("name", [name for name in CASES if not name.startswith(MIRRORED)])
def test_explain_counts_its_zeros_and_what_is_tied(name):
    layer, size = layer_of(3, **CASES[name]), (7, 9)
    made = matrix.build(layer, size)
    told = engine.explain(engine.plan(Stack((layer,)), size))["fully_connected"]
    assert told["zero"] == made.shape[0] * made.shape[1] - len(made.data)
    times = np.bincount(made.weight)
    assert told["tied"] == times[times > 1].sum()


def test_one_output_ties_nothing():
    layer = Layer((Filter("all", np.ones((2, 3, 3))),), padding="valid")
    told = engine.explain(engine.plan(Stack((layer,)), (3, 3)))["fully_connected"]
    assert told == {"weights": 18, "biases": 1, "zero": 0, "tied": 0}
