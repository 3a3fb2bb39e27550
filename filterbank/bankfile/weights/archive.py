"""What a weights file is to the rest: named tensors, and what the file says besides them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filterbank.bankfile.kernel import MAX_WEIGHTS
from filterbank.bankfile.kinds import LARGEST, nearest
from filterbank.record import record

# A text beside the tensors: settings, not weights.
MAX_TEXT = 2**24
# What every version of NumPy has.
MAX_DIMENSIONS = 32
# So many names are listed in a message.
_LISTED = 12


class RefusedError(Exception):
    """Something in a weights file cannot be used: what was found, what is accepted, what to do."""

    def __init__(self, found: str, accepted: str = "", hint: str = "") -> None:
        self.said = (found, accepted, hint)
        super().__init__("; ".join(part for part in self.said if part))


def check_dimensions(what: str, shape: tuple[int, ...]) -> None:
    """Refuse a shape that no array can have."""
    if len(shape) > MAX_DIMENSIONS:
        found = f"{what} has {len(shape)} dimensions"
        raise RefusedError(found, f"accepted: at most {MAX_DIMENSIONS}; a layer's weights have four")


@record(frozen=True)
class Tensor:
    """A tensor that was not read yet: the name of its type and its shape."""

    dtype: str
    shape: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.dtype} " + ("×".join(map(str, self.shape)) or "scalar")


@record(frozen=True)
class Archive:
    """An opened weights file.

    ``values`` reads one tensor; ``meta`` are keys of a bank that the file carries; ``partners`` names
    the bias of a weight where the file itself says which; ``is_oihw`` tells whether a weight's name is
    in the layout of PyTorch and ONNX by the habit of the format.
    """

    path: Path
    tensors: Mapping[str, Tensor]
    values: Callable[[str], NDArray[Any]]
    meta: Mapping[str, Any] = field(default_factory=dict)
    partners: Mapping[str, str] = field(default_factory=dict)
    is_oihw: Callable[[str], bool] = lambda name: name == "weight" or name.endswith(".weight")

    def read(self, name: str) -> NDArray[np.float64]:
        """Return the tensor *name* in float64.

        Raises
        ------
        RefusedError
            There is none of that name, it is no tensor of numbers, too large, not finite, or cut short.
        """
        if name not in self.tensors:
            names = list(self.tensors)
            close = nearest(name, names) or _same_end(name, names)
            raise RefusedError(f"found no tensor {name!r}", f"accepted: {listed(self.tensors)}", close)
        tensor = self.tensors[name]
        if math.prod(tensor.shape) > MAX_WEIGHTS:
            raise RefusedError(f"tensor {name!r} is {tensor}", f"accepted: at most {MAX_WEIGHTS:,} weights")
        values = self.values(name).astype(np.float64)
        if not np.isfinite(values).all():
            raise RefusedError(f"tensor {name!r} holds NaN or infinity", "accepted: finite numbers")
        if values.size and float(np.abs(values).max()) > LARGEST:
            limit = f"accepted: at most {LARGEST:.1e}, float32's largest"
            raise RefusedError(f"tensor {name!r} holds a number beyond float32", limit)
        return values


def _same_end(name: str, names: list[str]) -> str:
    """Return a hint at the one tensor whose name ends as *name* does."""
    found = [each for each in names if each.endswith("." + name) or name.endswith("." + each)]
    return f"did you mean {found[0]!r}?" if len(found) == 1 else ""


def listed(tensors: Mapping[str, object]) -> str:
    """Return the first names and what is behind them, as a message lists them.

    >>> listed({"conv1.weight": Tensor("F32", (8, 3, 3, 3))})
    "'conv1.weight' (F32 8×3×3×3)"
    """
    names = list(tensors)[:_LISTED]
    more = f", … {len(tensors) - _LISTED} more" if len(tensors) > _LISTED else ""
    return ", ".join(f"{name!r} ({tensors[name]})" for name in names) + more if names else "no tensor"
