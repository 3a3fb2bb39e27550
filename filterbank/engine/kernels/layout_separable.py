"""The words of the separable kernel that follow those of ``layout``.

Of those, STRIDE_Y, EXTENT_Y and SCRATCH_ROWS are 1, since scratch holds one row of pixels; BLOCKS has
BLOCK_COUNT blocks for every row of the ring in which a receptive field may begin.
"""

from __future__ import annotations

from filterbank.engine.kernels import layout

(
    ACROSS,  # address of (ACROSS_COUNT, BLOCK_WORDS) int64: the row vectors, summed over a row of pixels
    ACROSS_COUNT,
    ROW_VECTORS,  # Q
    ZEROS,  # address of zeros: the row vectors' biases
    DOWN,  # stride down the image
    RING_ROWS,  # N, of source rows: what one output sees
    RING_LENGTH,  # floats from one row to the next
    RING,  # bytes from a work space's start to (Q, RING_ROWS, RING_LENGTH) float32
    RING_TABLE,  # bytes from a work space's start to Q addresses
    WORDS,  # how many there are
) = range(layout.WORDS, layout.WORDS + 10)
