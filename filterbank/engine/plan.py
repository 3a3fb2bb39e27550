"""How a stack is computed on images of one size: a pure function giving a comparable value."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from filterbank.errors import RequestError
from filterbank.geometry import Geometry, Pair
from filterbank.model import Layer, Stack

METHODS = ("auto", "direct")

_FLOAT = 4  # bytes of a float32


@dataclass(frozen=True, slots=True)
class Choice:
    """The method that computes one filter, and why."""

    method: str
    reason: str


@dataclass(frozen=True, slots=True)
class LayerPlan:
    """How one layer is computed: its shapes and a Choice for each filter."""

    layer: Layer
    geometry: Geometry
    choices: tuple[Choice, ...]

    @property
    def memory(self) -> int:
        """Bytes held at once while the layer runs: image, padded image and one map."""
        geometry = self.geometry
        rows, columns = geometry.padded
        pixels = geometry.channels * (geometry.height * geometry.width + rows * columns)
        return _FLOAT * (pixels + geometry.out_height * geometry.out_width)


@dataclass(frozen=True, slots=True)
class Plan:
    """How a stack is computed on an image of one size; print it with ``explain``."""

    stack: Stack
    layers: tuple[LayerPlan, ...]

    @property
    def output(self) -> Geometry:
        """The shapes of the last layer, whose maps come out."""
        return self.layers[-1].geometry

    @property
    def methods(self) -> tuple[str, ...]:
        """The method of each filter of the last layer."""
        return tuple(choice.method for choice in self.layers[-1].choices)

    @property
    def memory(self) -> int:
        """Bytes held at once by the layer that needs most; decoded files and written codes come on top."""
        return max(layer.memory for layer in self.layers)


@lru_cache(maxsize=256)
def plan(stack: Stack, size: Pair, method: str = "auto") -> Plan:
    """Return how *stack* is computed on an image of *size* (H, W).

    A batch of equal-sized images is planned once.

    Parameters
    ----------
    stack
        What is computed.
    size
        Rows and columns of the image.
    method
        One of METHODS; ``auto`` lets the planner choose.

    Raises
    ------
    GeometryError
        The stack does not fit an image of this size.
    RequestError
        *method* is not known.

    Examples
    --------
    >>> import numpy as np
    >>> from filterbank.model import Filter, Layer, Stack
    >>> plan(Stack((Layer((Filter("one", np.ones((3, 3))),), padding="valid"),)), (5, 6)).output.out_width
    4
    """
    if method not in METHODS:
        raise RequestError(f"method: found {method!r}; accepted: {', '.join(METHODS)}")
    layers = []
    for layer in stack.layers:
        geometry = layer.geometry(size)
        layers.append(LayerPlan(layer, geometry, _choices(layer, method)))
        size = geometry.out_height, geometry.out_width
    return Plan(stack, tuple(layers))


def _choices(layer: Layer, method: str) -> tuple[Choice, ...]:
    reason = "asked for" if method == "direct" else "the only method for every shape"
    return (Choice("direct", reason),) * len(layer.filters)
