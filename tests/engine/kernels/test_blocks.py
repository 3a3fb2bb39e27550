import numpy as np

from filterbank.engine import blocks
from filterbank.engine.kernels.layout import CHUNK, SIZES


def test_every_filter_is_in_one_block_with_all_its_taps():
    rng = np.random.default_rng(0)
    for filters in range(1, 30):
        for groups in (1, 2):
            weights = rng.normal(size=(filters * groups, 2, 5, 7))
            weights[rng.random(filters * groups) < 0.4, :, 1:3] = 0
            weights[0] = 0
            cut = blocks.cut(weights, groups)
            assert sorted(index for block in cut for index in block.order) == list(range(filters * groups))
            for block in [*cut, *(alone for whole in cut for alone in whole.exact)]:
                assert len(block.order) in SIZES
                rebuilt = np.zeros((len(block.order), 70), np.float32)
                rebuilt[:, block.places] = block.weights.T
                expected = weights[list(block.order)].reshape(len(block.order), -1)
                np.testing.assert_array_equal(rebuilt, expected.astype(np.float32))
                assert {index // filters for index in block.order} == {block.group}


def test_exact_blocks_have_no_zero_tap_and_the_chunks_of_their_block():
    weights = np.random.default_rng(1).normal(size=(4, 1, 20, 20))
    weights[np.abs(weights) < 0.1] = 0
    (block,) = blocks.cut(weights, 1)
    assert not block.is_uniform
    for alone in block.exact:
        assert alone.is_uniform and len(alone.ends) == len(block.ends)
        lasts = block.places[block.ends - 1]
        for start, end, last in zip([0, *alone.ends[:-1]], alone.ends, lasts, strict=True):
            assert all(place <= last for place in alone.places[start:end])


def test_chunks_are_short():
    (block,) = blocks.cut(np.ones((1, 1, 30, 31)), 1)
    assert np.diff([0, *block.ends]).max() <= CHUNK and block.ends[-1] == 930


def test_small_filters_in_a_large_kernel_cost_their_own_taps():
    weights = np.zeros((8, 1, 49, 49))
    weights[:4, 0, 23:26, 23:26] = 1
    weights[4:] = 1
    assert [(block.order, len(block.places)) for block in blocks.cut(weights, 1)] == [
        ((0, 1, 2, 3), 9),
        ((4, 5, 6, 7), 2401),
    ]
