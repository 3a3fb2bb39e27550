"""Which axis of a tensor is which: filters (O), channels (I), rows (H) and columns (W)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from filterbank.bankfile.layer_kinds import LAYOUTS
from filterbank.bankfile.weights.archive import RefusedError


def to_oihw(
    weights: NDArray[np.float64], layout: str | None, name: str, is_oihw: bool
) -> NDArray[np.float64]:
    """Return *weights* as (K, C/groups, F, F).

    Without a *layout* the format's habit decides (*is_oihw*), else the only reading in which the
    kernels are square; where there are several it has to be stated.

    Raises
    ------
    RefusedError
        The tensor does not have the axes of *layout*, is empty, or could be several things.

    Examples
    --------
    >>> to_oihw(np.zeros((3, 3, 1, 8)), "HWIO", "w", False).shape
    (8, 1, 3, 3)
    >>> to_oihw(np.zeros((8, 2, 5)), "OIW", "w", False).shape
    (8, 2, 1, 5)
    """
    shape = "×".join(map(str, weights.shape)) or "a single number"
    if weights.size == 0 or weights.ndim not in (2, 3, 4):
        accepted = "accepted: four axes, three for signals or planes, two for one plane"
        raise RefusedError(f"tensor {name!r} is {shape}", accepted)
    if layout is None:
        layout = _usual(weights) if is_oihw else _only(weights, shape, name)
    if len(layout) != weights.ndim:
        fitting = [each for each in LAYOUTS if len(each) == weights.ndim]
        raise RefusedError(
            f"tensor {name!r} is {shape}, which is not {layout}", f"accepted: {', '.join(fitting)}"
        )
    order = [layout.index(axis) for axis in "OIHW" if axis in layout]
    missing = [place for place, axis in enumerate("OIHW") if axis not in layout]
    return np.ascontiguousarray(np.expand_dims(weights.transpose(order), missing))


def _usual(weights: NDArray[np.float64]) -> str:
    """Return PyTorch's layout; two axes are a fully connected layer there, and no plane."""
    if weights.ndim == 2:
        found = "found a tensor of two axes, as of a fully connected layer"
        raise RefusedError(found, "accepted: a convolution's weights", "say layout: HW where it is one plane")
    return "OIHW" if weights.ndim == 4 else "OIW"


def _only(weights: NDArray[np.float64], shape: str, name: str) -> str:
    """Return the one layout in which the kernels of *weights* are square."""
    fitting = [
        layout
        for layout in LAYOUTS
        if len(layout) == weights.ndim
        and ("H" not in layout or weights.shape[layout.index("H")] == weights.shape[layout.index("W")])
    ]
    choices = [each for each in LAYOUTS if len(each) == weights.ndim]
    if 1 in (len(fitting), len(choices)):
        return (fitting or choices)[0]
    found = f"tensor {name!r} is {shape}, which could be " + (" or ".join(fitting) or "any layout")
    hint = f"say it in a bank's weights, as in layout: {choices[0]}"
    raise RefusedError(found, f"accepted: a layout of {', '.join(choices)}", hint)
