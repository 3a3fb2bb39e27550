"""Whole numbers that an ONNX model works out from others it stores, as some write the sides of a Pad.

Few operators, and few numbers: it is enough for a list of sides, and too little to be asked for much.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filterbank.bankfile.weights.archive import RefusedError
from filterbank.bankfile.weights.onnx_file import INTEGERS, Model, called

MOST, _DEEPEST = 64, 32
Whole = NDArray[np.int64]


def whole_numbers(model: Model, name: str, what: str) -> list[int]:
    """Return the value *name* as a flat list; *what* is it called.

    Raises
    ------
    RefusedError
        It depends on the model's input, or on other operators, or there are too many.
    """
    return [int(each) for each in _value(model, name, what, {}, 0).ravel()]


def is_constant(model: Model, node: Any) -> bool:
    """Return whether *node* is one of those that such numbers are worked out by, of nothing but constants."""
    return node.op_type in _OPERATORS and not any(name in model.varying for name in node.input)


def _value(model: Model, name: str, what: str, known: dict[str, Whole], depth: int) -> Whole:
    """Return the value *name*, worked out once however often it is needed."""
    if name not in known:
        known[name] = _worked_out(model, name, what, known, depth)
    return known[name]


def _worked_out(model: Model, name: str, what: str, known: dict[str, Whole], depth: int) -> Whole:
    node = model.makers.get(name)
    if node is None or node.op_type not in _OPERATORS or depth > _DEEPEST:
        found = model.constant(name, what, INTEGERS)
        if found.size > MOST:
            raise RefusedError(f"{what} has {found.size:,} numbers", f"accepted: at most {MOST}")
        # The largest that a float64 tells from its neighbours are far beyond any side.
        return np.clip(found, -(2.0**62), 2.0**62).astype(np.int64)
    inputs = [_value(model, each, what, known, depth + 1) for each in node.input if each]
    given = {each.name: each for each in node.attribute}
    try:
        values = _OPERATORS[node.op_type](inputs, given)
    except (ValueError, IndexError, TypeError, OverflowError):
        raise RefusedError(f"{what} is made by {called(node)}, whose inputs do not fit it") from None
    if values.size > MOST:
        raise RefusedError(f"{what} has {values.size:,} numbers", f"accepted: at most {MOST}")
    return values


def _cast(inputs: list[Whole], given: dict[str, Any]) -> Whole:
    return inputs[0]


def _filled(inputs: list[Whole], given: dict[str, Any]) -> Whole:
    shape = [int(each) for each in inputs[0].ravel()]
    if min(shape, default=0) < 0 or math.prod(shape) > MOST:
        raise ValueError
    stored = given["value"].t if "value" in given else None
    fill = 0
    if stored is not None:
        fill = int(np.frombuffer(stored.raw_data, "<i8")[0]) if stored.raw_data else stored.int64_data[0]
    return np.full(shape, fill, np.int64)


def _joined(inputs: list[Whole], given: dict[str, Any]) -> Whole:
    return np.concatenate(inputs, axis=given["axis"].i if "axis" in given else 0)


def _reshaped(inputs: list[Whole], given: dict[str, Any]) -> Whole:
    return inputs[0].reshape([int(each) for each in inputs[1]])


def _sliced(inputs: list[Whole], given: dict[str, Any]) -> Whole:
    starts, ends = inputs[1:3]
    axes = inputs[3] if len(inputs) > 3 else np.arange(len(starts))
    steps = inputs[4] if len(inputs) > 4 else np.ones(len(starts), np.int64)
    cut = [slice(None)] * inputs[0].ndim
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        size = inputs[0].shape[axis]
        # An end far below zero is before the first, which a slice of Python has no number for.
        last = None if step < 0 and end < -size else int(end)
        cut[int(axis)] = slice(int(start), last, int(step))
    return inputs[0][tuple(cut)]


def _transposed(inputs: list[Whole], given: dict[str, Any]) -> Whole:
    return inputs[0].transpose(list(given["perm"].ints) if "perm" in given else None)


_OPERATORS: dict[str, Callable[[list[Whole], dict[str, Any]], Whole]] = {
    "Cast": _cast,
    "ConstantOfShape": _filled,
    "Concat": _joined,
    "Reshape": _reshaped,
    "Slice": _sliced,
    "Transpose": _transposed,
}
