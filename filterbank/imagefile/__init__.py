"""Files to float32 planes and values to files: the only room that knows a codec, a colour, an axis order."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from filterbank.imagefile.array import from_array, from_pillow
from filterbank.imagefile.channels import Prepared, prepare
from filterbank.imagefile.colour import linear_to_srgb, srgb_to_linear
from filterbank.imagefile.reading import count_pages, read
from filterbank.imagefile.samples import MAX_PIXELS, ReadOptions
from filterbank.imagefile.source import IMAGE_EXTENSIONS, is_image_name

__all__ = [
    "IMAGE_EXTENSIONS",
    "MAX_PIXELS",
    "Prepared",
    "ReadOptions",
    "count_pages",
    "encode",
    "from_array",
    "from_pillow",
    "is_image_name",
    "linear_to_srgb",
    "prepare",
    "read",
    "read_map",
    "srgb_to_linear",
    "tone",
]

# Modules that are used by name, imported when they are: encode loads the TIFF library.
_MODULES = ("encode", "read_map", "tone")


def __getattr__(name: str) -> ModuleType:
    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
