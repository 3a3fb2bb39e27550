"""Arrays and Pillow images to images, for the Python API and for npy files."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from filterbank.errors import ImageError
from filterbank.imagefile.reading import assemble
from filterbank.imagefile.samples import Samples, coded
from filterbank.model import Image

if TYPE_CHECKING:
    import PIL.Image

LAYOUTS = ("chw", "hwc", "cw", "wc")


def from_array(array: NDArray[Any], layout: str = "chw") -> Image:
    """Return the Image of an array (W,), (H, W) or (C, H, W), or (H, W, C) with layout ``hwc``.

    With the layouts ``cw`` and ``wc`` a two-dimensional array is a signal of C channels, not a plane.

    Unsigned 8- and 16-bit integers and booleans are scaled as when decoded from a file, anything
    else is kept. One channel is grey, three are RGB, four RGB and alpha, others have no known
    colour. A one-dimensional array is a signal: an image of one row.

    Raises
    ------
    ImageError
        The array is empty, of more than three dimensions, or not of real numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from_array(np.array([[0, 51, 255]], np.uint8)).planes.tolist()
    [[[0.0, 0.20000000298023224, 1.0]]]
    """
    return assemble(samples_of(array, layout.lower()), "array", orient=False)


def from_pillow(image: PIL.Image.Image) -> Image:
    """Return the Image of a Pillow image of any mode; it is not turned by its EXIF orientation.

    Raises
    ------
    ImageError
        The image has no pixels, or its file turns out damaged.

    Examples
    --------
    >>> import PIL.Image
    >>> from_pillow(PIL.Image.new("RGB", (4, 2), "white")).planes.shape
    (3, 2, 4)
    """
    samples: Samples = import_module("filterbank.imagefile.formats.pillow").from_pillow(image)
    return assemble(samples, "pillow", orient=False)


def samples_of(array: NDArray[Any], layout: str) -> Samples:
    """Return *array* as Samples, without copying.

    Raises
    ------
    ImageError
        The array is empty, of more than three dimensions, or not of real numbers.
    """
    if layout not in LAYOUTS:
        raise ImageError(f"layout {layout!r}; accepted: {', '.join(LAYOUTS)}")
    if array.dtype.kind not in "buif":
        raise ImageError(f"holds {array.dtype} values; accepted: real numbers (integers, floats, booleans)")
    if not 1 <= array.ndim <= 3:
        raise ImageError(
            f"has {array.ndim} dimensions {array.shape}; accepted: (W,), (H, W) or (C, H, W); "
            "take one image or one page out of it"
        )
    if array.size == 0:
        raise ImageError(f"has no pixels: its shape is {array.shape}")
    if array.ndim == 3 and layout == "hwc":
        array = array.transpose(2, 0, 1)
    top, depth = coded(array)
    if is_signal(layout):
        planes = signals(array, layout)
        return Samples(planes, top, "gray" if len(planes) == 1 else "channels", False, depth)
    planes = array.reshape((1,) * (3 - array.ndim) + array.shape)
    kind = {1: "gray", 3: "rgb", 4: "rgb"}.get(len(planes), "channels")
    return Samples(planes, top, kind, len(planes) == 4, depth)


def is_signal(layout: str) -> bool:
    """Return whether *layout* is one of signals, whose channels have no colour."""
    return "h" not in layout


def signals(array: NDArray[Any], layout: str) -> NDArray[Any]:
    """Return an array (W,), or (C, W) and (W, C) as *layout* says, as channels of one row: (C, 1, W).

    Raises
    ------
    ImageError
        The array has three dimensions.
    """
    if array.ndim > 2:
        raise ImageError(
            f"has {array.ndim} dimensions {array.shape}; accepted with --layout {layout}: "
            f"({', '.join(layout.upper())}) or (W,); leave --layout out for an image"
        )
    rows = np.atleast_2d(array)
    return (rows.T if layout == "wc" and array.ndim == 2 else rows)[:, np.newaxis]
