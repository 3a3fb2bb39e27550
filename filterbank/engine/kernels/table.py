"""The kernels by name: where each is written and its signature, declared once.

A signature is the arguments' letters, ``>`` and the result's: ``i`` int64 (a number, an address or
a byte distance), ``f`` float32, ``v`` nothing.
"""

from __future__ import annotations

# Kernels that are compiled together. A first run waits for those of its own bank only: nearly all banks need
# the first, those with large or many filters the others too.
IMAGES = {
    "common": {
        "png_band": ("filterbank.engine.kernels.deflate", "iiiiiiiiiiii>i"),
        "direct": ("filterbank.engine.kernels.tiles", "iiiii>v"),
        "separable": ("filterbank.engine.kernels.separable", "iiiii>v"),
        "quads": ("filterbank.engine.kernels.quads", "iiiii>v"),
        "encode": ("filterbank.engine.kernels.codes", "iiiiii>v"),
    },
    "transforms": {
        "fft_forward": ("filterbank.engine.kernels.fft", "iii>v"),
        "fft_tiles": ("filterbank.engine.kernels.fft", "iiiii>v"),
        "winograd_43": ("filterbank.engine.kernels.winograd", "iiiii>v"),
        "winograd_44": ("filterbank.engine.kernels.winograd", "iiiii>v"),
        "winograd_45": ("filterbank.engine.kernels.winograd", "iiiii>v"),
    },
}

KERNELS = {name: where for kernels in IMAGES.values() for name, where in kernels.items()}
