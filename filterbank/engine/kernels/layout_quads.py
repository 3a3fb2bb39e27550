"""The words of the kernel for integer filters on bytes; they follow those of ``layout``.

Scratch holds *quads*: the bytes of four rows, D apart, one below the other, as one word of 32 bits for every
column. A tap is a word; its weights are four signed bytes.
"""

from __future__ import annotations

from filterbank.engine.kernels import layout

DEEP = 4  # rows in a quad

(
    DILATION,  # D of the rows
    TAP_ROWS,  # rows of quads that the first row of outputs sees, without those between dilated ones
    RING,  # bytes from a work space's start to rows of bytes, RING_ROWS of them
    RING_ROWS,
    RING_LENGTH,  # bytes
    STARTS,  # address of (K, 3) float32: a unit of a filter's sum, what float32 leaves of it, the bias
    WORDS,  # how many there are
) = range(layout.WORDS, layout.WORDS + 7)

# A tap's weights, words of 32 bits for every filter of the block: four bytes; then the even and the odd ones
# as two numbers of 16 bits each, for processors that have no sum of four products of bytes.
FORMS = 3
