"""Image filter banks as what they are: convolutional layers.

    >>> import numpy as np, filterbank
    >>> maps = filterbank.apply(np.eye(8, dtype=np.float32), "sobel")
    >>> maps.shape, maps.dtype
    ((2, 8, 8), dtype('float32'))

Names are loaded when they are first used, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from filterbank.api import apply as apply
    from filterbank.api import explain as explain
    from filterbank.api import load_bank as load_bank
    from filterbank.api import plan as plan
    from filterbank.bankfile import families as families
    from filterbank.errors import BankError as BankError
    from filterbank.errors import FilterbankError as FilterbankError
    from filterbank.errors import GeometryError as GeometryError
    from filterbank.errors import ImageError as ImageError
    from filterbank.errors import RequestError as RequestError
    from filterbank.model import Activation as Activation
    from filterbank.model import Bank as Bank
    from filterbank.model import Combination as Combination
    from filterbank.model import Filter as Filter
    from filterbank.model import Layer as Layer
    from filterbank.model import Stack as Stack

__version__ = "0.1.0"

_HOMES = {
    "api": ("apply", "explain", "load_bank", "plan"),
    "errors": ("BankError", "FilterbankError", "GeometryError", "ImageError", "RequestError"),
    "model": ("Activation", "Bank", "Combination", "Filter", "Layer", "Stack"),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [*sorted(_HOME), "__version__", "families"]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    if name == "families":
        return import_module("filterbank.bankfile.families")
    if name not in _HOME:
        raise AttributeError(f"module 'filterbank' has no attribute {name!r}")
    return getattr(import_module(f"filterbank.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
