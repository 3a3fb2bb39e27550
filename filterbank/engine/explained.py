"""A plan in words and numbers, and one output's sum term by term."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filterbank.engine.execute import run
from filterbank.engine.plan import METHODS, LayerPlan, Plan, plan
from filterbank.engine.scratch import padded
from filterbank.errors import RequestError
from filterbank.geometry import meetings
from filterbank.model import Activation, Filter, Layer, Stack
from filterbank.record import record


@record(frozen=True)
class Term:
    """One product of a sum: weight w[c,i,j] times the pixel it meets.

    ``row`` and ``column`` are the pixel's place in the image; outside it the value is padding.
    """

    channel: int
    i: int
    j: int
    row: int
    column: int
    weight: float
    pixel: float
    is_padding: bool

    @property
    def product(self) -> float:
        """Weight times pixel."""
        return self.weight * self.pixel


@record(frozen=True)
class Terms:
    """All that makes one output: the terms, the bias, their sum and its activation."""

    filter: str
    x: int
    y: int
    terms: tuple[Term, ...]
    bias: float
    activation: str
    value: float

    @property
    def sum(self) -> float:
        """Bias plus all products in float64; a zero weight adds nothing, whatever pixel it meets."""
        return _total(self.bias, self.terms)


def explain(planned: Plan) -> dict[str, Any]:
    """Return what *planned* means, ready for JSON: shapes, counts, memory, methods.

    ``memory`` is in bytes, ``receptive_field`` in [rows, columns]; a stack has the same keys for
    each layer under ``layers``.

    Examples
    --------
    >>> from filterbank import engine
    >>> from filterbank.model import Filter, Layer, Stack
    >>> stack = Stack((Layer((Filter("mean", np.full((3, 3), 1 / 9)),)),))
    >>> told = explain(engine.plan(stack, (480, 640)))
    >>> told["weights"], told["biases"], told["fully_connected"]["weights"]
    (9, 1, 94371840000)
    """
    told = [_explain_layer(layer) for layer in planned.layers]
    if len(told) == 1:
        return told[0]
    whole = {
        "input": told[0]["input"],
        "output": told[-1]["output"],
        "weights": sum(layer["weights"] for layer in told),
        "biases": sum(layer["biases"] for layer in told),
        "fully_connected": {
            key: sum(layer["fully_connected"][key] for layer in told)
            for key in ("weights", "biases", "zero", "tied")
        },
        "receptive_field": list(planned.stack.receptive_field),
        "multiply_adds": sum(layer["multiply_adds"] for layer in told),
        "memory": planned.memory,
        "filters": told[-1]["filters"],
    } | {key: told[-1][key] for key in ("combine",) if key in told[-1]}
    return {**whole, "layers": told}


def measured(planned: Plan, pixels: NDArray[Any], rounds: int = 3) -> dict[str, float]:
    """Return the milliseconds that one thread takes for all maps by each method: medians, in turn.

    The key ``plan`` is *planned* itself; the others are the methods that can compute some filter.
    """
    first = planned.layers[0].geometry
    size = first.height, first.width
    plans = {"plan": planned}
    for method in METHODS:
        other = plan(planned.stack, size, method)
        if method != "auto" and method in other.methods:
            plans[method] = other
    spent: dict[str, list[float]] = {name: [] for name in plans}
    for turn in range(rounds + 1):
        for name, each in plans.items():
            began = time.perf_counter()
            for _ in run(each, pixels):
                pass
            if turn:  # the first makes transforms of the bank, and memory
                spent[name].append(1e3 * (time.perf_counter() - began))
    return {name: round(float(np.median(times)), 3) for name, times in spent.items()}


def _explain_layer(plan: LayerPlan) -> dict[str, Any]:
    layer, g = plan.layer, plan.geometry
    return {
        "input": {"height": g.height, "width": g.width, "channels": g.channels},
        "output": {"height": g.out_height, "width": g.out_width, "channels": g.filters},
        "kernel": list(g.kernel),
        "stride": list(g.stride),
        "padding": list(g.padding),
        "padding_mode": layer.padding_mode,
        "dilation": list(g.dilation),
        "groups": g.groups,
        "activation": str(layer.activation),
        "weights": g.weights,
        "biases": g.biases,
        "fully_connected": {"weights": g.dense_weights, "biases": g.dense_biases} | _sharing(plan),
        "receptive_field": [d * (f - 1) + 1 for f, d in zip(g.kernel, g.dilation, strict=True)],
        "multiply_adds": g.multiply_adds,
        "memory": plan.memory,
        "filters": [
            {
                "name": filter.name,
                "method": choice.method,
                "reason": choice.reason,
                "taps": int(np.count_nonzero(filter.weights)),
                "prices": dict(choice.prices),
            }
            for filter, choice in zip(layer.filters, plan.choices, strict=True)
        ],
    } | ({"combine": [asdict(each) for each in layer.combine]} if layer.combine else {})


def _sharing(plan: LayerPlan) -> dict[str, int]:
    """Return how many weights of the fully connected layer are zero, and how many are tied to others.

    A mirrored pixel counts as the one that the same output sees in the image, where taps add up.
    """
    rows, columns = meetings(plan.geometry, plan.layer.padding_mode == "circular")
    met = np.outer(np.array(rows, object), np.array(columns, object))  # whole numbers beyond 2**63 as well
    times = (plan.layer.weights != 0).sum(axis=(0, 1)) * met
    return {"zero": plan.geometry.dense_weights - int(times.sum()), "tied": int(times[met > 1].sum())}


def one_output(layer_plan: LayerPlan, planes: NDArray[np.float32], name: str, x: int, y: int) -> Terms:
    """Return the whole sum of one output of the filter *name*, at column *x* and row *y* of its map.

    Parameters
    ----------
    layer_plan
        The layer's plan for this image.
    planes
        The image (C, H, W), float32.

    Raises
    ------
    RequestError
        There is no such filter, or the place is outside the map.
    """
    layer, g = layer_plan.layer, layer_plan.geometry
    if name not in layer.names:
        raise RequestError(f"filter: found {name!r}; accepted: {', '.join(layer.names)}")
    if not (0 <= x < g.out_width and 0 <= y < g.out_height):
        raise RequestError(
            f"place: found {x},{y}; accepted: X from 0 to {g.out_width - 1}, Y from 0 to {g.out_height - 1}"
        )
    index = layer.names.index(name)
    image = padded(planes, layer, g.padding)
    weights = layer.weights[index]
    first = index // (g.filters // g.groups) * weights.shape[0]
    terms = []
    for c, i, j in np.ndindex(*weights.shape):
        row = y * g.stride[0] + i * g.dilation[0]
        column = x * g.stride[1] + j * g.dilation[1]
        pixel = float(image[first + c, row, column])
        row, column = row - g.padding[0], column - g.padding[1]
        outside = not (0 <= row < g.height and 0 <= column < g.width)
        terms.append(Term(first + c, i, j, row, column, float(weights[c, i, j]), pixel, outside))
    bias = layer.filters[index].bias
    total = _total(bias, terms)
    return Terms(name, x, y, tuple(terms), bias, str(layer.activation), _activated(total, layer.activation))


def _total(bias: float, terms: Iterable[Term]) -> float:
    products = [term.product for term in terms if term.weight]
    if all(map(math.isfinite, products)):
        return math.fsum([bias, *products])
    return sum(products, bias)  # fsum refuses infinities of both signs


def _activated(value: float, activation: Activation) -> float:
    """Return *value* after the engine's own activation: that of a layer of one weight, 1."""
    one = Stack((Layer((Filter("one", np.ones((1, 1))),), activation=activation),))
    ((_, values),) = run(plan(one, (1, 1)), np.array([[[value]]], np.float32))
    return float(values[0, 0])
