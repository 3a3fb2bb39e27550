"""The words in which a caller tells `kernels.winograd` what to do: places in an array of int64.

A layer of stride S is one of stride 1 on S×S phases of the image, a larger filter a sum of blocks of r×r
taps: all of these are *channels* here. n = m + r − 1; a *point* is one of the n×n products. Imported by both
sides, with or without Numba.
"""

from __future__ import annotations

(
    SOURCE,  # address of pixel (0, 0) of the first plane, float32
    PLANES,
    HEIGHT,
    WIDTH,
    PLANE_STEP,  # bytes
    ROW_STEP,
    TOP,  # zeros above and left of the image
    LEFT,
    ADVANCE,  # rows of the image from one row of tiles to the next: m·S
    # --- Scratch: (PLANES, ROWS, COLUMNS, LENGTH) float32, columns split by x mod COLUMNS
    ROWS,
    COLUMNS,  # m·S
    LENGTH,
    # --- Channels: PHASES of every plane
    PHASES,
    OFFSETS,  # address of (PHASES, n·n) int64: bytes from a tile's first pixel in scratch
    # --- Tiles, in blocks of a row
    TILES,  # in a block: a multiple of 16
    BLOCKS,
    # --- Filters, padded with zeros to a multiple of SIZE
    FILTERS,
    PADDED,
    SIZE,  # filters summed together: 6 or 4
    GROUP,  # filters whose products are kept at once: a multiple of SIZE
    WEIGHTS,  # address of n·n addresses of (PADDED / SIZE, channels, SIZE) float32
    COUNTS,  # address of n·n int64: channels that are not zero at a point
    TAPS,  # address of n·n addresses of int64: bytes from a point's first tile to these channels
    # --- The maps: FILTERS addresses of OUT_HEIGHT × OUT_WIDTH float32
    BIASES,  # address of FILTERS float32
    MAPS,
    OUT_HEIGHT,
    OUT_WIDTH,
    MAP_STEP,  # bytes from row to row
    # --- Work space of a thread: bytes from its start; the scratch comes first
    INPUTS,
    INPUT_STEP,  # bytes from point to point
    PRODUCTS,
    PRODUCT_STEP,
    TABLE,  # 6 addresses, then 6 float32 zeros
    EDGE,  # (4, 64) float32: outputs that overhang a map
    WORDS,
) = range(35)
