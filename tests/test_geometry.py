"""Shape sums against known layers and against counting by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterbank import geometry
from filterbank.errors import GeometryError

sizes = st.integers(1, 40)


@pytest.mark.parametrize(
    ("n", "f", "s", "p", "d", "out"),
    [
        (227, 11, 4, 0, 1, 55),
        (224, 7, 2, 3, 1, 112),
        (32, 5, 1, 2, 1, 32),
        (7, 3, 3, 0, 1, 2),
        (10, 3, 1, 0, 4, 2),
        (5, 7, 1, 0, 1, 0),
    ],
)
def test_output_size(n, f, s, p, d, out):
    assert geometry.output_size(n, f, s, p, p, d) == out


@given(sizes, st.integers(1, 7), st.integers(1, 5), st.integers(0, 4), st.integers(0, 4), st.integers(1, 3))
def test_output_size_counts_the_places(n, f, s, before, after, d):
    places = [p for p in range(0, n + before + after, s) if p + d * (f - 1) < n + before + after]
    assert geometry.output_size(n, f, s, before, after, d) == len(places)


@given(sizes, st.integers(1, 7), st.integers(1, 5), st.integers(1, 3))
def test_same_gives_ceil_and_puts_the_odd_pixel_after(n, f, s, d):
    before, after = geometry.same_padding(n, f, s, d)
    assert geometry.output_size(n, f, s, before, after, d) == -(-n // s)
    assert 0 <= after - before <= 1


def test_kernel_that_does_not_fit_says_both_sizes():
    with pytest.raises(GeometryError, match=r"spanning 9×9 .* padded image of 8×10"):
        geometry.resolve(channels=1, size=(8, 10), filters=1, kernel=(3, 3), dilation=(4, 4), padding="valid")


@pytest.mark.parametrize(
    ("mode", "most"), [("reflect", 4), ("symmetric", 5), ("circular", 5), ("zeros", 50), ("replicate", 50)]
)
def test_padding_reaches_no_further_than_the_mode_can(mode, most):
    def resolve(p):
        return geometry.resolve(
            channels=1, size=(5, 60), filters=1, kernel=(3, 3), padding=(p, 0, 0, 0), padding_mode=mode
        )

    assert resolve(most).out_height == 5 + most - 2
    if most < 50:
        with pytest.raises(GeometryError, match=f"mode {mode} needs more than the image's 5 rows"):
            resolve(most + 1)


def test_receptive_field_of_a_stack():
    assert geometry.receptive_field([((3, 5), (2, 1), (1, 1)), ((3, 3), (1, 1), (2, 1))]) == (11, 7)
