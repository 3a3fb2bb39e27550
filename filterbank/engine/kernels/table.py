"""The kernels by name: where each is written and its signature, declared once.

A signature is the arguments' letters, ``>`` and the result's: ``i`` int64 (a number, an address or
a byte distance), ``f`` float32, ``v`` nothing.
"""

from __future__ import annotations

# Kernels that are compiled together. A first run waits for those of its own bank only: nearly all banks need
# the first, those with large or many filters the others too.
IMAGES = {
    "common": {
        "png_bands": ("filterbank.engine.kernels.deflate", "iiiiiiiiiiiii>i"),
        "direct": ("filterbank.engine.kernels.tiles", "iiii>v"),
        "separable": ("filterbank.engine.kernels.separable", "iiii>v"),
        "quads": ("filterbank.engine.kernels.quads", "iiii>v"),
        "encode": ("filterbank.engine.kernels.codes", "iiiiii>v"),
    },
    "transforms": {
        "fft_forward": ("filterbank.engine.kernels.fft", "iii>v"),
        "fft_tiles": ("filterbank.engine.kernels.fft", "iiii>v"),
        "winograd_43": ("filterbank.engine.kernels.winograd", "iiii>v"),
        "winograd_44": ("filterbank.engine.kernels.winograd", "iiii>v"),
        "winograd_45": ("filterbank.engine.kernels.winograd", "iiii>v"),
    },
}

KERNELS = {name: where for kernels in IMAGES.values() for name, where in kernels.items()}
