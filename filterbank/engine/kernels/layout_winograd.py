"""The words of the Cook-Toom kernels that follow those of ``layout``.

A layer of stride S is one of stride 1 on S×S phases of the image, a larger filter a sum of blocks of r×r
taps: all of these are *inputs* here. n = m + r − 1; a *point* is one of the n×n products.

Of ``layout``'s words, COLUMNS is the outputs of a row of one block of tiles; scratch holds the pixels of
some rows of tiles, its columns split by x mod SPLIT.
"""

from __future__ import annotations

from filterbank.engine.kernels import layout

(
    ADVANCE,  # rows of the image from one row of tiles to the next: m·S
    TILE_ROWS,  # rows of the image that one row of tiles sees
    HELD,  # rows of tiles whose pixels are in scratch at once
    SPLIT,  # m·S
    PIXELS,  # bytes from a work space's start to a line of SPLIT·SCRATCH_LENGTH float32
    # --- Inputs: PHASES of every channel
    PHASES,
    OFFSETS,  # address of (PHASES, n·n) int64: bytes from a tile's first pixel in scratch
    TILES,  # in a block: a multiple of 16
    # --- Filters, padded with zeros to a multiple of 4
    PADDED,
    SUMMED,  # filters summed together: 8 or 4; the last 4 may be left alone
    GROUP,  # filters whose products are kept at once: a multiple of SUMMED
    POINT_WEIGHTS,  # address of n·n addresses of float32 (inputs, SUMMED) for filters summed together
    COUNTS,  # address of n·n int64: inputs that are not zero at a point
    POINT_TAPS,  # address of n·n addresses of int64: bytes from a point's first tile to these inputs
    # --- Work space of a thread: bytes from its start
    INPUTS,
    INPUT_STEP,  # bytes from point to point
    PRODUCTS,
    PRODUCT_STEP,
    WORDS,  # how many there are
) = range(layout.WORDS, layout.WORDS + 19)
