"""The words in which a caller tells a kernel what to do: places in an array of int64.

Numbers, addresses and byte distances; the kernel reads them, the caller (``engine.direct``) keeps
what they point to alive. Imported by both sides, with or without Numba.
"""

from __future__ import annotations

# --- The source: C channels of H×W pixels, steps in bytes (planes or interleaved) -------------------
(
    SOURCE,  # address of pixel (0, 0, 0)
    KIND,  # index in KINDS
    CHANNELS,
    HEIGHT,
    WIDTH,
    CHANNEL_STEP,
    ROW_STEP,
    PIXEL_STEP,
    # --- Its border: pixels above and left of it, and what they hold
    TOP,
    LEFT,
    MODE,  # index in MODES
    VALUES,  # address of C float32: the border in modes zeros and constant
    NORMALISE,  # address of (C, 2) float64: mean and std; 0 for none
    # --- The layer
    STRIDE_Y,
    STRIDE_X,
    EXTENT_Y,  # D·(F − 1) + 1
    EXTENT_X,
    # --- Scratch: (C, SCRATCH_ROWS, STRIDE_X, SCRATCH_LENGTH) float32, columns split by x mod STRIDE_X
    SCRATCH_ROWS,
    SCRATCH_LENGTH,
    COLUMNS,  # outputs in a row of one block
    # --- The filters, in the order in which blocks take them
    BLOCKS,  # address of (BLOCK_COUNT, BLOCK_WORDS) int64
    BLOCK_COUNT,
    EXACT_BLOCKS,  # the same for pixels that are not finite: every filter with its own taps; 0 for none
    EXACT_COUNT,
    BIASES,  # address of K float32
    ROWS_FIRST,  # 1: every block for a row, then the next row; 0: every row for a block
    # --- The maps: K addresses of H2×W2 pixels, rows MAP_STEP bytes apart
    MAPS,
    OUT_HEIGHT,
    OUT_WIDTH,
    MAP_STEP,
    PAST,  # 1 where maps of floats are written past the caches: they are larger, and written once
    ACTIVATION,  # index in ACTIVATIONS
    PARAMETERS,  # address of 2 float32
    OUT_KIND,  # bytes of a pixel: FLOATS, CODES_8, CODES_16, or NOTHING where maps are only surveyed
    SCALES,  # for codes, address of K scales of SCALE_BYTES: see below
    STATISTICS,  # address of (bands, K, 6, 8) float64: see below
    SURVEYED,  # address of FILTERS int64: whether a map's statistics are gathered; codes clipped always are
    STRANGERS,  # address of int64, one a band: 1 where a transform met a pixel that is not finite
    FILTERS,  # K
    MIXES,  # address of (MIX_COUNT, BLOCK_WORDS) int64: planes of scratch after the channels', sums of these
    MIX_COUNT,
    MIX_STARTS,  # address of zeros: what these sums begin with
    LINES,  # for codes: bytes from a work space's start to 6 lines of float32
    LINE_LENGTH,  # floats from one of them to the next
    BAND_ROWS,  # of the maps: what a thread fills at a time
    WORDS,  # how many there are
) = range(46)

KINDS = ("float32", "uint8", "uint16")
MODES = ("zeros", "constant", "reflect", "symmetric", "replicate", "circular")
NOTHING, CODES_8, CODES_16, FLOATS = 0, 1, 2, 4

# Statistics of a map, 8 lanes each: the values' minimum, maximum, sum, how many are negative, how
# many are not finite (left out of the others), how many were clipped as codes.
MINIMUM, MAXIMUM, TOTAL, NEGATIVE, NONFINITE, CLIPPED = range(6)
STATISTICS_BYTES = 6 * 8 * 8

# A scale: lo, span, factor, zero, lowest and top as float64, then as float32 the codes' slope and offset,
# what is left of both, the lowest and the top code, how near to a tie float32 may go wrong.
SCALE_BYTES = 6 * 8 + 8 * 4
SLOPE, OFFSET, _, _, LOWEST, TOP_CODE, NEAR, _ = range(8)
REST = 2  # from SLOPE or OFFSET to what float32 leaves of it

# --- A block: filters that are summed in one tile -----------------------------------------------------
(
    SIZE,  # filters in it
    FIRST,  # the first one's place in BIASES and MAPS
    TAPS,  # address of T int64: bytes from an output's first pixel in scratch
    WEIGHTS,  # address of (T, SIZE) float32
    ENDS,  # address of CHUNKS int64: where each chunk of taps ends
    CHUNKS,
    BLOCK_WORDS,
) = range(7)

SIZES = (6, 4, 3, 2, 1)  # of blocks
CHUNK = 128  # places of the kernel (zero or not) that are summed before their sum joins the output
WIDEST = 128  # outputs in the widest tile
LINE_GAP = 16  # floats between lines at least: 4 KiB apart they would wait for each other's stores

# --- Work space of one thread: tables and small tiles, then the scratch, then the lines ------------------
SPILL_TABLE = 0  # 8 addresses
LINE_TABLE = 64  # 8 addresses
MIX_TABLE = 128  # 8 addresses
SPILL = 192  # (6, WIDEST) float32: a tile that overhangs its row
CARRY = SPILL + 6 * 4 * WIDEST  # (6, WIDEST) float32
SCRATCH = CARRY + 6 * 4 * WIDEST

ACTIVATIONS = (
    "identity",
    "relu",
    "leaky_relu",
    "abs",
    "square",
    "sigmoid",
    "tanh",
    "softplus",
    "elu",
    "gelu",
    "silu",
    "hard_sigmoid",
    "clip",
)
