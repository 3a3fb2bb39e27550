"""The shipped banks by kin: what belongs together when one looks for a bank."""

from __future__ import annotations

KINS: dict[str, tuple[str, ...]] = {
    "Pictures": (
        *("identity", "box", "gaussian", "disc", "motion-blur", "sharpen", "unsharp", "emboss", "opponent"),
    ),
    "Edges": (
        *("sobel", "sobel-magnitude", "prewitt", "scharr", "roberts", "farid", "frei-chen"),
        *("kirsch", "kirsch-maximum", "robinson", "prewitt-compass"),
    ),
    "Spots, bars and derivatives": (
        *("laplacian", "log", "dog", "gaussian-derivatives", "steerable", "steerable-energy"),
    ),
    "Waves": ("gabor", "gabor-energy", "manjunath-ma", "log-gabor", "morlet"),
    "Texture": (*("laws-9", "laws-25", "laws-energy", "lms", "lml", "rfs", "mr8", "mr4", "schmid"),),
    "Bases and chance": ("dct-8", "haar", "random", "orthogonal"),
}
