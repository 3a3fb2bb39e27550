"""The words of the product as frozen values: Filter, Layer, Stack, Bank and what they turn into.

Everything is cross-correlation and float64 here, whatever the file said; the engine rounds to
float32 once. Arrays inside are read-only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filterbank import geometry
from filterbank.errors import RequestError
from filterbank.geometry import Geometry, Padding, Pair

PADDING_MODES = ("zeros", "constant", "reflect", "symmetric", "replicate", "circular")

# name -> its parameters and PyTorch's defaults, in the order the kernels take them
ACTIVATIONS: dict[str, dict[str, float]] = {
    "identity": {},
    "relu": {},
    "leaky_relu": {"slope": 0.01},
    "abs": {},
    "square": {},
    "sigmoid": {},
    "tanh": {},
    "softplus": {},
    "elu": {"alpha": 1.0},
    "gelu": {},
    "silu": {},
    "hard_sigmoid": {"alpha": 1 / 6, "beta": 0.5},
    "clip": {"min": 0.0, "max": 1.0},
}

# How a combination makes one map of several.
COMBINATIONS = ("maximum", "modulus", "sum", "mean", "keep")

# input kind -> C; a number stands for itself
INPUT_CHANNELS = {"gray": 1, "rgb": 3, "rgba": 4, "each": 1}


@dataclass(frozen=True, slots=True)
class Activation:
    """What is done to every output: a name of ACTIVATIONS and its parameters."""

    name: str = "identity"
    parameters: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not self.parameters:
            object.__setattr__(self, "parameters", tuple(ACTIVATIONS[self.name].values()))

    @property
    def is_nonnegative(self) -> bool:
        """Whether no output can be below zero, so that a scale 0:max fits it."""
        if self.name == "clip":
            return self.parameters[0] >= 0
        if self.name == "leaky_relu":
            return self.parameters[0] <= 0
        if self.name == "elu":
            return self.parameters[0] <= 0
        return self.name in {"relu", "abs", "square", "sigmoid", "softplus", "hard_sigmoid"}

    def __str__(self) -> str:
        given = dict(zip(ACTIVATIONS[self.name], self.parameters, strict=True))
        if given == ACTIVATIONS[self.name]:
            return self.name
        return self.name + "(" + ", ".join(f"{key} {value:g}" for key, value in given.items()) + ")"


@dataclass(frozen=True, slots=True, eq=False)
class Filter:
    """One filter: a name, weights of shape (C/groups, Fh, Fw) in float64, and a bias."""

    name: str
    weights: NDArray[np.float64]
    bias: float = 0.0

    def __post_init__(self) -> None:
        weights = np.array(self.weights, np.float64, order="C", ndmin=3)
        weights.setflags(write=False)
        object.__setattr__(self, "weights", weights)

    @property
    def is_signed(self) -> bool:
        """Whether the weights sum to zero (|Σw| ≤ 1e-6·Σ|w|): a signed response, not a picture."""
        total = math.fsum(self.weights.ravel())
        return abs(total) <= 1e-6 * math.fsum(np.abs(self.weights).ravel())


@dataclass(frozen=True, slots=True)
class Combination:
    """A map made of the maps of some *filters*, given by name, after their activation.

    ``operation`` is one of COMBINATIONS: the largest value, √Σr², the sum or the mean at each place, or
    one map as it is. With a ``window`` N the sizes abs(r) are combined, and then averaged over the N×N
    places around each, as many of them as there are in the map.
    """

    name: str
    operation: str
    filters: tuple[str, ...]
    window: int | None = None

    def __post_init__(self) -> None:
        where = f"combine {self.name!r}"
        if self.operation not in COMBINATIONS:
            raise RequestError(f"{where}: found {self.operation!r}; accepted: {', '.join(COMBINATIONS)}")
        count = len(self.filters)
        if count == 0 or (count > 1 and self.operation == "keep"):
            accepted = "one filter" if self.operation == "keep" else "at least one filter"
            raise RequestError(f"{where}: {self.operation}: found {count or 'none'}; accepted: {accepted}")
        if len(set(self.filters)) < count:
            raise RequestError(f"{where}: {self.operation}: found a filter twice; accepted: each once")
        if self.window is not None and self.window < 1:
            raise RequestError(f"{where}: window: found {self.window}; accepted: a whole number from 1")


@dataclass(frozen=True, slots=True)
class Output:
    """What is known of a map before it is computed: its name, and the ``range`` that suits its values.

    ``signed`` for a response to both sides of zero, ``positive`` for one that cannot be below zero, ``clip``
    for a picture.
    """

    name: str
    range: str


def _centred(weights: NDArray[np.float64], kernel: Pair) -> NDArray[np.float64]:
    """Return *weights* in the middle of a kernel of zeros, the odd pixel going bottom/right."""
    rows, columns = (large - small for large, small in zip(kernel, weights.shape[1:], strict=True))
    before = rows // 2, columns // 2
    return np.pad(weights, ((0, 0), (before[0], rows - before[0]), (before[1], columns - before[1])))


@dataclass(frozen=True, eq=False)
class Layer:
    """One convolutional layer: *what* is computed, never how.

    ``map[k,y,x] = a(b[k] + Σ w[k,c,i,j] · image[c, y·S + i·D − P_top, x·S + j·D − P_left])``,
    the image being (x − mean)/std and then padded.
    """

    filters: tuple[Filter, ...]
    stride: Pair = (1, 1)
    padding: Padding = "same"
    padding_mode: str = "zeros"
    padding_value: tuple[float, ...] = (0.0,)
    dilation: Pair = (1, 1)
    groups: int = 1
    activation: Activation = field(default_factory=Activation)
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    combine: tuple[Combination, ...] = ()

    @cached_property
    def kernel(self) -> Pair:
        """Kernel size (Fh, Fw): the largest of the filters'."""
        return (
            max(filter.weights.shape[1] for filter in self.filters),
            max(filter.weights.shape[2] for filter in self.filters),
        )

    @cached_property
    def weights(self) -> NDArray[np.float64]:
        """All weights as one read-only array (K, C/groups, Fh, Fw), smaller filters centred."""
        stacked = np.stack([_centred(filter.weights, self.kernel) for filter in self.filters])
        stacked.setflags(write=False)
        return stacked

    @cached_property
    def biases(self) -> NDArray[np.float64]:
        """Biases (K,), in the units of the normalised image times the weights."""
        biases = np.array([filter.bias for filter in self.filters], np.float64)
        biases.setflags(write=False)
        return biases

    @property
    def channels(self) -> int:
        """Channels C that the layer takes."""
        depth: int = self.filters[0].weights.shape[0]
        return depth * self.groups

    @property
    def names(self) -> tuple[str, ...]:
        """The filters' names, in order."""
        return tuple(filter.name for filter in self.filters)

    @cached_property
    def outputs(self) -> tuple[Output, ...]:
        """The maps that come out, in order: one a filter, or one a combination where there are any."""
        responses = "positive" if self.activation.is_nonnegative else "signed"
        plain = {each.name: responses if each.is_signed else "clip" for each in self.filters}
        if not self.combine:
            return tuple(Output(name, range) for name, range in plain.items())
        return tuple(Output(each.name, self._range(each, plain)) for each in self.combine)

    def _range(self, combination: Combination, plain: dict[str, str]) -> str:
        """Return the range that suits a combination of filters whose own are *plain*."""
        if combination.window or combination.operation == "modulus":
            return "positive"
        if combination.operation == "maximum" and self.activation.is_nonnegative:
            return "positive"
        ranges = {plain[name] for name in combination.filters}
        return "clip" if "clip" in ranges else ranges.pop()

    @property
    def maps(self) -> tuple[str, ...]:
        """The names of the maps that come out, in order."""
        return tuple(output.name for output in self.outputs)

    def geometry(self, size: Pair) -> Geometry:
        """Return the shapes of this layer on an image of *size* (H, W).

        Raises
        ------
        GeometryError
            The kernel or the padding does not fit the image.
        """
        return geometry.resolve(
            channels=self.channels,
            size=size,
            filters=len(self.filters),
            kernel=self.kernel,
            stride=self.stride,
            padding=self.padding,
            padding_mode=self.padding_mode,
            dilation=self.dilation,
            groups=self.groups,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """Layers one after another: the K maps of one are the C channels of the next."""

    layers: tuple[Layer, ...]

    def __post_init__(self) -> None:
        if any(layer.combine for layer in self.layers[:-1]):
            raise RequestError("stack: found combine in a layer before the last; accepted: in the last only")
        for number, (layer, following) in enumerate(pairwise(self.layers), 1):
            if len(layer.filters) != following.channels:
                raise RequestError(
                    f"stack: layer {number} gives {len(layer.filters)} maps, layer {number + 1} takes "
                    f"{following.channels} channels; accepted: as many"
                )

    @property
    def receptive_field(self) -> Pair:
        """Rows and columns of the image that one output sees."""
        return geometry.receptive_field((layer.kernel, layer.stride, layer.dilation) for layer in self.layers)


@dataclass(frozen=True, slots=True, eq=False)
class Bank:
    """A named stack of layers and what an image is turned into before it enters.

    ``input`` is ``gray``, ``rgb``, ``rgba``, ``each`` or the number of the file's own channels.
    """

    name: str
    stack: Stack
    input: str | int = "gray"
    description: str = ""
    source: str = ""
    digest: str = ""

    @property
    def layer(self) -> Layer:
        """The last layer: the one whose filters name the maps."""
        return self.stack.layers[-1]

    @property
    def filters(self) -> tuple[Filter, ...]:
        """The filters whose maps come out."""
        return self.layer.filters

    @property
    def channels(self) -> int:
        """Channels C of the image that enters."""
        return self.stack.layers[0].channels


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """What is known of a decoded image besides its pixels.

    ``kind`` is the file's own colour model after decoding: ``gray``, ``rgb`` or ``channels``
    (so many of no known meaning); ``alpha`` says whether the last channel is alpha. ``rate`` is the
    samples a second of a signal whose file says so.
    """

    height: int
    width: int
    channels: int
    kind: str
    alpha: bool = False
    format: str = ""
    depth: str = ""
    rate: int | None = None


# The codes that stand for 1 where pixels are kept as they were decoded.
TOPS = {"uint8": 255, "uint16": 65535}


def floats(pixels: NDArray[Any]) -> NDArray[np.float32]:
    """Return pixels (C, H, W) as contiguous float32 planes: codes ÷255 or ÷65535, floats as they are.

    >>> floats(np.array([[[0, 51, 255]]], np.uint8)).tolist()
    [[[0.0, 0.20000000298023224, 1.0]]]
    """
    top = TOPS.get(pixels.dtype.name)
    if top is None:
        return np.ascontiguousarray(pixels, np.float32)
    planes = np.empty(pixels.shape, np.float32)
    for plane, codes in zip(planes, pixels, strict=True):
        # Faster than one division from codes to floats across interleaved channels.
        np.copyto(plane, codes)
        np.divide(plane, np.float32(top), out=plane)
    return planes


@dataclass(frozen=True, eq=False)
class Image:
    """A decoded image: pixels (C, H, W) with any steps, and its ImageInfo.

    ``pixels`` are uint8 or uint16 codes, which stand for code/255 or code/65535, or float32.
    """

    pixels: NDArray[Any]
    info: ImageInfo

    @cached_property
    def planes(self) -> NDArray[np.float32]:
        """The pixels as float32 planes (C, H, W), C-contiguous."""
        return floats(self.pixels)


@dataclass(frozen=True, slots=True, eq=False)
class FeatureMap:
    """One filter's output: float32 values (H2, W2), or (C, H2, W2) for ``input: each``."""

    filter: Filter
    values: NDArray[np.float32]
    method: str = "direct"
