"""What lies around the image in an ONNX model: the pads of a Conv, or of the Pad before it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from filterbank.bankfile.weights.archive import RefusedError
from filterbank.bankfile.weights.onnx_constants import whole_numbers
from filterbank.bankfile.weights.onnx_file import Model, called, shortest

# padding_mode -> the mode of a Pad
MODES = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}
_ALONE = "take the weights alone and say the padding: weights: {file: FILE, tensor: NAME}"


def pad_before(model: Model, node: Any) -> Any | None:
    """Return the Pad whose output the Conv *node* takes, None where something else makes it."""
    before = model.makers.get(node.input[0])
    is_pad = before is not None and before.op_type == "Pad" and before.domain in ("", "ai.onnx")
    return before if is_pad else None


def padding(
    model: Model, node: Any, pad: Any | None, rank: int, stride: list[int], reach: list[int]
) -> dict[str, Any]:
    """Return the padding of the Conv *node* and the Pad before it, if there is one, as the keys of a bank."""
    own = _of_conv(node, rank, stride, reach)
    if pad is None:
        return {"padding": own}
    if own != "valid" and any(own):
        found = f"{called(pad)} and {called(node)} both pad"
        raise RefusedError(found, "accepted: one of them", _ALONE)
    given = {each.name: each for each in pad.attribute}
    mode = given["mode"].s.decode("ascii", "replace") if "mode" in given else "constant"
    if mode not in MODES.values():
        raise RefusedError(f"{called(pad)} has mode {mode}", f"accepted: {', '.join(MODES.values())}", _ALONE)
    sides = _sides(model, pad, given, rank)
    value = _value(model, pad, given) if mode == "constant" else 0.0
    if mode == "constant" and value == 0:
        return {"padding": sides}
    said = {"padding": sides, "padding_mode": next(key for key, word in MODES.items() if word == mode)}
    return said | ({"padding_value": value} if mode == "constant" else {})


def pads_as(meta: dict[str, Any], settings: dict[str, Any]) -> bool:
    """Return whether the padding mode in *meta* is what the graph of these *settings* does.

    >>> pads_as({"padding_mode": "reflect"}, {"padding": [1, 1, 1, 1], "padding_mode": "reflect"})
    True
    >>> pads_as({"padding_mode": "reflect"}, {"padding": [1, 1, 1, 1]})
    False
    >>> pads_as({"padding_mode": "reflect"}, {"padding": "valid"})
    True
    """
    if settings["padding"] in ("valid", [0, 0, 0, 0]) and "padding_mode" not in settings:
        return True
    return bool(_outside(meta) == _outside(settings))


def same_pads(kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]) -> list[int] | None:
    """Return [top, left, bottom, right] of the padding ``same``, None where they depend on the image.

    >>> same_pads((3, 4), (1, 1), (2, 1))
    [2, 1, 2, 2]
    """
    if tuple(stride) != (1, 1):
        return None
    reach = [(size - 1) * step for size, step in zip(kernel, dilation, strict=True)]
    return [each // 2 for each in reach] + [each - each // 2 for each in reach]


def _outside(said: dict[str, Any]) -> Any:
    """Return what lies outside the image in a spelling of its own: a number in float32, or a mode."""
    mode, value = said.get("padding_mode", "zeros"), said.get("padding_value", 0)
    if mode != "constant":
        return 0.0 if mode == "zeros" else mode
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(each, int | float) for each in values):
        return None
    singles = {float(np.float32(each)) for each in values}
    return singles.pop() if len(singles) == 1 else None


def _of_conv(node: Any, rank: int, stride: list[int], reach: list[int]) -> Any:
    """Return the padding of a Conv as a bank spells it."""
    given = {each.name: each for each in node.attribute}
    how = given["auto_pad"].s.decode("ascii", "replace") if "auto_pad" in given else "NOTSET"
    if how == "SAME_LOWER" and stride == [1, 1] and all(each % 2 == 0 for each in reach):
        how = "SAME_UPPER"  # nothing is odd, so that both are one
    if how in ("SAME_UPPER", "VALID"):
        return {"SAME_UPPER": "same", "VALID": "valid"}[how]
    if how != "NOTSET":
        hint = "export it with pads" if how == "SAME_LOWER" else ""
        found = f"{called(node)} has auto_pad {how}" + (", with an odd pixel or a stride" if hint else "")
        raise RefusedError(found, "accepted: NOTSET, SAME_UPPER, VALID", hint)
    pads = list(given["pads"].ints) if "pads" in given else [0] * (2 * rank)
    if len(pads) != 2 * rank or min(pads) < 0:
        raise RefusedError(f"pads of {called(node)} are {pads}", f"accepted: {2 * rank} numbers from 0")
    return pads if rank == 2 else [0, pads[0], 0, pads[1]]


def _sides(model: Model, pad: Any, given: dict[str, Any], rank: int) -> list[int]:
    """Return [top, left, bottom, right] of a Pad; a signal has one row."""
    what = f"the padding of {called(pad)}"
    if "pads" in given:  # until opset 10
        pads = list(given["pads"].ints)
    elif len(pad.input) > 1 and pad.input[1]:
        pads = whole_numbers(model, pad.input[1], what)
    else:
        raise RefusedError(f"{called(pad)} says no pads", "accepted: whole numbers stored in the model")
    count = rank + 2
    axes = list(range(count))
    if len(pad.input) > 3 and pad.input[3]:
        axes = whole_numbers(model, pad.input[3], f"the list of axes of {called(pad)}")
        axes = [each + count if each < 0 else each for each in axes]
    if len(pads) != 2 * len(axes) or len(set(axes)) < len(axes) or not set(axes) <= set(range(count)):
        found = f"{what} has {len(pads)} numbers for {len(axes)} axes"
        raise RefusedError(found, "accepted: two for each axis", _ALONE)
    before, after = [0] * count, [0] * count
    for index, axis in enumerate(axes):
        before[axis], after[axis] = pads[index], pads[index + len(axes)]
    if any(before[:2] + after[:2]) or min(before + after) < 0:
        raise RefusedError(f"{what} is {pads}", "accepted: numbers from 0, of rows and columns alone", _ALONE)
    one_row = [0] * (2 - rank)
    return one_row + before[2:] + one_row + after[2:]


def _value(model: Model, pad: Any, given: dict[str, Any]) -> float:
    if "value" in given:  # until opset 10
        return shortest(given["value"].f)
    if len(pad.input) < 3 or not pad.input[2]:
        return 0.0
    values = model.constant(pad.input[2], f"the value of {called(pad)}")
    if values.size != 1 or not np.isfinite(values).all():
        raise RefusedError(f"the value of {called(pad)} is no single finite number", "", _ALONE)
    return shortest(float(values.reshape(())))
