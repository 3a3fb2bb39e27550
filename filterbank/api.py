"""The few names for Python: load a bank, apply it, ask how and what."""

from __future__ import annotations

import operator
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from filterbank import bankfile, engine, imagefile
from filterbank.errors import ImageError, RequestError
from filterbank.model import Bank, Image

if TYPE_CHECKING:
    import PIL.Image

AnyImage: TypeAlias = "str | os.PathLike[str] | PIL.Image.Image | NDArray[Any]"
AnyBank: TypeAlias = "Bank | str | os.PathLike[str]"


def load_bank(reference: str | os.PathLike[str]) -> Bank:
    """Return the bank of a file, or the shipped bank of that name.

    Raises
    ------
    BankError
        The bank has faults; all of them are in ``error.faults``.

    Examples
    --------
    >>> import filterbank
    >>> bank = filterbank.load_bank("sobel")
    >>> bank.layer.names, bank.layer.weights.shape
    (('sobel_x', 'sobel_y'), (2, 1, 3, 3))
    """
    return _bank(reference)


def apply(
    image: AnyImage,
    bank: AnyBank,
    *,
    layout: Literal["CHW", "HWC", "CW", "WC"] = "CHW",
    method: str = "auto",
    threads: int | None = None,
) -> NDArray[np.float32]:
    """Return the feature maps of *image*: (K, H2, W2) float32, one per filter or combination.

    With ``input: each`` and an image of C > 1 channels every channel is filtered on its own and
    the maps are (K, C, H2, W2).

    Parameters
    ----------
    image
        A path, a Pillow image, or an array (H, W) or (C, H, W). Floats are taken as they are,
        integers scaled as when decoded: 8-bit ÷255, 16-bit ÷65535.
    bank
        A Bank, the name of a shipped bank, or a path.
    layout
        ``HWC`` for arrays (H, W, C), whose channels come last; ``CW`` and ``WC`` for signals of several
        channels, which are images of one row.
    method
        How; never changes the answer beyond the accuracy bar.
    threads
        Threads that share the work; all cores by default. The result does not depend on it.

    Raises
    ------
    BankError, ImageError, GeometryError, RequestError
        The bank, the image, the two together, or an argument cannot be used.

    Examples
    --------
    >>> import numpy as np, filterbank
    >>> step = np.repeat([[0.0, 0.0, 1.0, 1.0]], 4, axis=0)
    >>> maps = filterbank.apply(step, "sobel")
    >>> maps.shape, maps[0, 1].tolist()
    ((2, 4, 4), [0.0, 0.5, 0.5, 0.0])
    """
    bank = _bank(bank)
    pixels = imagefile.prepare(_image(image, layout), bank.input).pixels
    groups = [plane[None] for plane in pixels] if bank.input == "each" else [pixels]
    plan_ = engine.plan(bank.stack, pixels.shape[1:], method, engine.machine())
    count = _threads(threads)
    maps = [np.stack([values for _, values, _ in engine.outputs(plan_, group, count)]) for group in groups]
    return maps[0] if len(maps) == 1 else np.stack(maps, axis=1)


def plan(bank: AnyBank, size: tuple[int, int], *, method: str = "auto") -> engine.Plan:
    """Return how *bank* is computed on images of *size* (H, W): shapes, and a method per filter.

    Raises
    ------
    BankError, GeometryError, RequestError
        The bank has faults, does not fit the size, or *method* is not known.

    Examples
    --------
    >>> import filterbank
    >>> filterbank.plan("sobel", (480, 640)).output.out_width
    640
    """
    return engine.plan(_bank(bank).stack, _size(size), method, engine.machine())


def explain(bank: AnyBank, size: tuple[int, int], *, method: str = "auto") -> dict[str, Any]:
    """Return what *bank* means on images of *size* (H, W): shapes, weights, cost, memory, methods.

    Raises
    ------
    BankError, GeometryError, RequestError
        The bank has faults, does not fit the size, or *method* is not known.

    Examples
    --------
    >>> import filterbank
    >>> told = filterbank.explain("sobel", (480, 640))
    >>> told["weights"], told["biases"], told["receptive_field"]
    (18, 2, [3, 3])
    """
    return engine.explain(plan(bank, size, method=method))


def _bank(bank: AnyBank) -> Bank:
    if isinstance(bank, Bank):
        return bank
    if not isinstance(bank, str | os.PathLike):
        raise RequestError(
            f"bank: found {type(bank).__name__}; accepted: a Bank, the name of a shipped bank, or a path"
        )
    return bankfile.load(bank)


def _size(size: tuple[int, int]) -> tuple[int, int]:
    try:
        height, width = map(operator.index, size)
    except (TypeError, ValueError):
        height = width = 0
    if height < 1 or width < 1:
        raise RequestError(f"size: found {size!r}; accepted: (H, W), two whole numbers from 1")
    return height, width


def _threads(threads: int | None) -> int:
    if threads is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not isinstance(threads, int) or threads < 1:
        raise RequestError(
            f"threads: found {threads!r}; accepted: a whole number from 1, or None for all cores"
        )
    return threads


def _image(image: AnyImage, layout: str) -> Image:
    order = layout.lower()
    if order not in ("chw", "hwc", "cw", "wc"):
        raise RequestError(f"layout: found {layout!r}; accepted: CHW, HWC, CW, WC")
    if isinstance(image, np.ndarray):
        return imagefile.from_array(image, order)
    if isinstance(image, str | os.PathLike):
        return imagefile.read(Path(image), imagefile.ReadOptions(layout=order))
    if not hasattr(image, "getbands"):
        raise ImageError(
            f"image: found {type(image).__name__}; accepted: a path, a Pillow image, or a NumPy array"
        )
    return imagefile.from_pillow(image)
