"""Integer shape sums of a convolutional layer: padding, output size, receptive field.

Along one axis, with input size ``n``, kernel size ``f``, stride ``s``, dilation ``d`` and
padding ``before``/``after``::

    out = floor((n + before + after - d*(f - 1) - 1) / s) + 1

Everything here is exact integer arithmetic on one axis or on (rows, columns) pairs; nothing
knows weights, pixels or files.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from filterbank.errors import GeometryError

Pair = tuple[int, int]
Sides = tuple[int, int, int, int]  # top, left, bottom, right
Padding = Sides | str  # or "same" or "valid"


def extent(f: int, d: int) -> int:
    """Return how many pixels a kernel of size *f* spans at dilation *d*.

    >>> extent(3, 1), extent(3, 4)
    (3, 9)
    """
    return d * (f - 1) + 1


def same_padding(n: int, f: int, s: int, d: int) -> Pair:
    """Return the padding (before, after) that makes ``out = ceil(n / s)``.

    ONNX's SAME_UPPER: the odd pixel goes after (bottom or right).

    >>> same_padding(10, 3, 1, 1), same_padding(10, 4, 1, 1), same_padding(10, 3, 2, 1)
    ((1, 1), (1, 2), (0, 1))
    """
    total = max((-(-n // s) - 1) * s + extent(f, d) - n, 0)
    return total // 2, total - total // 2


def output_size(n: int, f: int, s: int, before: int, after: int, d: int) -> int:
    """Return the number of outputs along one axis; 0 where the kernel does not fit.

    >>> output_size(227, 11, 4, 0, 0, 1)
    55
    """
    return max((n + before + after - extent(f, d)) // s + 1, 0)


@dataclass(frozen=True, slots=True)
class Geometry:
    """The shapes of one layer on one image: H1×W1×C in, H2×W2×K out, and what lies between."""

    channels: int
    height: int
    width: int
    filters: int
    out_height: int
    out_width: int
    kernel: Pair
    stride: Pair
    dilation: Pair
    padding: Sides
    groups: int

    @property
    def padded(self) -> Pair:
        """Rows and columns of the padded image."""
        top, left, bottom, right = self.padding
        return self.height + top + bottom, self.width + left + right

    @property
    def weights(self) -> int:
        """Weights of the layer: K · C/groups · F · F."""
        return self.filters * (self.channels // self.groups) * self.kernel[0] * self.kernel[1]

    @property
    def biases(self) -> int:
        """Biases of the layer: one a filter."""
        return self.filters

    @property
    def dense_weights(self) -> int:
        """Weights of the fully connected layer between the same tensors."""
        return self.channels * self.height * self.width * self.dense_biases

    @property
    def dense_biases(self) -> int:
        """Biases of the fully connected layer: one an output."""
        return self.filters * self.out_height * self.out_width

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds by the formula, zeros included."""
        return self.weights * self.out_height * self.out_width


def resolve_padding(padding: Padding, size: Pair, kernel: Pair, stride: Pair, dilation: Pair) -> Sides:
    """Return padding as (top, left, bottom, right) pixels for an image of *size* (H, W)."""
    if padding == "valid":
        return 0, 0, 0, 0
    if padding == "same":
        top, bottom = same_padding(size[0], kernel[0], stride[0], dilation[0])
        left, right = same_padding(size[1], kernel[1], stride[1], dilation[1])
        return top, left, bottom, right
    if isinstance(padding, str):
        raise GeometryError(f"padding: found {padding!r}; accepted: same, valid or pixel counts")
    return padding


# What each mode can fill from an image of n pixels; zeros, constant and replicate have no limit.
_REACH = {"reflect": -1, "symmetric": 0, "circular": 0}


def check_padding(mode: str, padding: Sides, size: Pair) -> None:
    """Raise GeometryError where *mode* needs more pixels than the image (H, W) has."""
    if mode not in _REACH:
        return
    top, left, bottom, right = padding
    for axis, n, sides in (("rows", size[0], (top, bottom)), ("columns", size[1], (left, right))):
        limit = n + _REACH[mode]
        if max(sides) > limit:
            raise GeometryError(
                f"padding of {max(sides)} {axis} in mode {mode} needs more than the image's {n} {axis}; "
                f"accepted: at most {limit}; use a smaller padding, or padding_mode replicate or zeros"
            )


def resolve(
    *,
    channels: int,
    size: Pair,
    filters: int,
    kernel: Pair,
    stride: Pair = (1, 1),
    padding: Padding = "same",
    padding_mode: str = "zeros",
    dilation: Pair = (1, 1),
    groups: int = 1,
) -> Geometry:
    """Return the geometry of a layer on an image of *size* (H, W).

    Raises
    ------
    GeometryError
        The kernel does not fit the padded image, or the padding mode cannot fill the border.

    Examples
    --------
    >>> g = resolve(channels=3, size=(227, 227), filters=96, kernel=(11, 11), stride=(4, 4), padding="valid")
    >>> g.out_height, g.out_width, g.weights, g.biases
    (55, 55, 34848, 96)
    """
    sides = resolve_padding(padding, size, kernel, stride, dilation)
    top, left, bottom, right = sides
    out_height = output_size(size[0], kernel[0], stride[0], top, bottom, dilation[0])
    out_width = output_size(size[1], kernel[1], stride[1], left, right, dilation[1])
    if out_height < 1 or out_width < 1:
        spans = extent(kernel[0], dilation[0]), extent(kernel[1], dilation[1])
        raise GeometryError(
            f"a kernel spanning {spans[0]}×{spans[1]} (rows × columns) does not fit the padded image of "
            f"{size[0] + top + bottom}×{size[1] + left + right}; "
            "use a larger image, more padding or less dilation"
        )
    check_padding(padding_mode, sides, size)
    return Geometry(
        channels, size[0], size[1], filters, out_height, out_width, kernel, stride, dilation, sides, groups
    )


def meetings(g: Geometry, wraps: bool = False) -> tuple[list[int], list[int]]:
    """Return, of each row and each column of taps, how many rows and columns of outputs it meets pixels in.

    Where the padding *wraps* around, all of them.

    >>> meetings(resolve(channels=1, size=(1, 5), filters=1, kernel=(1, 3)))
    ([1], [4, 5, 4])
    """
    found = []
    for axis, (n, out) in enumerate(((g.height, g.out_height), (g.width, g.out_width))):
        step, starts = g.stride[axis], (i * g.dilation[axis] - g.padding[axis] for i in range(g.kernel[axis]))
        # Outputs y with 0 ≤ y·S + start < n.
        met = (min((n - 1 - start) // step, out - 1) - max(-(start // step), 0) + 1 for start in starts)
        found.append([out if wraps else max(count, 0) for count in met])
    return found[0], found[1]


def receptive_field(layers: Iterable[tuple[Pair, Pair, Pair]]) -> Pair:
    """Return the rows and columns of input that one output of a stack sees.

    *layers* gives (kernel, stride, dilation) from first to last.

    >>> receptive_field([((3, 3), (1, 1), (1, 1)), ((3, 3), (2, 2), (1, 1)), ((3, 3), (1, 1), (1, 1))])
    (9, 9)
    """
    field, jump = [1, 1], [1, 1]
    for kernel, stride, dilation in layers:
        for axis in (0, 1):
            field[axis] += (extent(kernel[axis], dilation[axis]) - 1) * jump[axis]
            jump[axis] *= stride[axis]
    return field[0], field[1]
