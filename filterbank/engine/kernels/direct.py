"""The formula itself, one filter at a time, over rows of valid positions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from filterbank.engine.kernels.compile import kernel

# Taps summed before their sum joins the map: on flat images the rounding of one long float32 sum
# all goes one way, and 7,000 equal taps would miss the accuracy bar.
CHUNK = 64


@kernel
def correlate(
    image: NDArray[np.float32],
    taps: NDArray[np.int64],
    weights: NDArray[np.float32],
    bias: np.float32,
    stride: NDArray[np.int64],
    out: NDArray[np.float32],
    first: int,
    chunk: int,
) -> None:
    """Fill *out* (rows, W2) with map rows *first*, *first* + 1, … of one filter.

    ``out[y,x] = bias + Σ_t weights[t] · image[c_t, (first + y)·S + i_t, x·S + j_t]``

    *image* (C, Hp, Wp) is padded; *taps* (T, 3) holds channel, row and column of each weight that
    is not zero, dilation multiplied in; *weights* (T,). Zero taps are left out by the caller, so
    that a NaN under one of them stays outside the sum.
    """
    rows, columns = out.shape
    step = stride[1]
    part = np.empty(columns, np.float32)
    for y in range(rows):
        line = out[y]
        line[:] = bias
        for start in range(0, taps.shape[0], chunk):
            part[:] = 0
            for t in range(start, min(start + chunk, taps.shape[0])):
                w = weights[t]
                j = taps[t, 2]
                source = image[taps[t, 0], (first + y) * stride[0] + taps[t, 1]]
                if step == 1:
                    for x in range(columns):
                        part[x] += w * source[j + x]
                else:
                    for x in range(columns):
                        part[x] += w * source[j + x * step]
            for x in range(columns):
                line[x] += part[x]
