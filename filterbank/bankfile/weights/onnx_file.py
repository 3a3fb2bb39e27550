"""ONNX models: the graph by names, and its tensors, also those in files beside it.

The format is <https://github.com/onnx/onnx/blob/main/docs/IR.md>.
"""

from __future__ import annotations

import math
import os
from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filterbank.bankfile.kernel import MAX_WEIGHTS
from filterbank.bankfile.weights.archive import Archive, RefusedError, Tensor, check_dimensions
from filterbank.errors import shown

# Protobuf's own limit for one message.
MAX_BYTES = 2**31 - 1
# onnx.TensorProto's numbers -> the bits and the field that hold them besides raw_data
_Types = dict[int, tuple[str, str]]
FLOATS: _Types = {
    1: ("<f4", "float_data"),
    10: ("<u2", "int32_data"),
    11: ("<f8", "double_data"),
    16: ("<u2", "int32_data"),
}
INTEGERS: _Types = {7: ("<i8", "int64_data")}
_HALF, _BRAIN = 10, 16
_EXTERNAL = 1
# The operators that are looked into, and how many inputs they have at least.
_LEAST = {"Conv": 2, "BatchNormalization": 5, "Identity": 1, "Cast": 1, "Greater": 2, "Pad": 1}
# Nodes that pass values on; a tensor is looked for behind so many of them.
_PASSING, _DEEPEST = ("Identity", "Cast"), 8


def open_archive(path: Path) -> Archive:
    """Return the ONNX model at *path* as named tensors; its Conv nodes say which are biases of which.

    Raises
    ------
    RefusedError
        It is no ONNX model, or the package that reads it is missing.
    OSError
        It cannot be read.
    """
    model = Model(path)
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    taken = [name for node in convolutions for name in node.input[1:] if name]
    # What stands behind a cast is known by the name that a Conv takes: by it the graph knows its bias.
    passed = {name: model.stored(name) for name in taken if name not in model.tensors}
    hidden = set(passed.values()) - set(taken)
    names = {name: passed.get(name, name) for name in (*taken, *model.tensors) if name not in hidden}
    tensors = {name: model.described(stored) for name, stored in names.items() if stored}
    partners = {node.input[1]: node.input[2] for node in convolutions if len(node.input) > 2}

    def values(name: str) -> NDArray[Any]:
        return model.constant(name, f"tensor {name!r}") if name in passed else model.values(name)

    return Archive(path, tensors, values, partners=partners, is_oihw=lambda name: True)


class Model:
    """A parsed model and where its values come from and go to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.proto = _parsed(path)
        self.graph = self.proto.graph
        if not self.graph.node and not self.graph.initializer:
            raise RefusedError("found no graph", "accepted: an ONNX model")
        for node in self.graph.node:
            if len(node.input) < _LEAST.get(node.op_type, 0) or not node.output:
                raise RefusedError(f"{called(node)} has too few inputs or outputs", "accepted: an ONNX model")
        self.tensors = {each.name: each for each in self.graph.initializer if each.name}
        self.makers = {name: node for node in self.graph.node for name in node.output if name}
        self.outputs = {each.name for each in self.graph.output}

    @cached_property
    def users(self) -> dict[str, list[Any]]:
        """The nodes that take each value, every node once."""
        users: dict[str, list[Any]] = defaultdict(list)
        for node in self.graph.node:
            for name in dict.fromkeys(node.input):
                users[name].append(node)
        return users

    @cached_property
    def varying(self) -> set[str]:
        """The values that depend on an input of the model; nodes stand behind what they take."""
        varying = {each.name for each in self.graph.input if each.name not in self.tensors}
        for node in self.graph.node:
            if not varying.isdisjoint(node.input):
                varying.update(node.output)
        return varying

    def stored(self, name: str) -> str | None:
        """Return the name of the stored tensor that *name* is, behind casts; None where it is none."""
        for _ in range(_DEEPEST):
            if name in self.tensors:
                return name
            node = self.makers.get(name)
            if node is None or node.op_type not in _PASSING:
                break
            name = node.input[0]
        return None

    def described(self, name: str) -> Tensor:
        """Return the type and shape of the stored tensor *name*."""
        from onnx import TensorProto  # noqa: PLC0415 - part of the extra

        stored = self.tensors[name]
        known = TensorProto.DataType.items()
        return Tensor(
            next((word for word, number in known if number == stored.data_type), "unknown"),
            tuple(stored.dims),
        )

    def values(self, name: str) -> NDArray[Any]:
        """Return the stored tensor *name*, its size known to be acceptable."""
        return _numbers(self.tensors[name], self.path.parent, f"tensor {name!r}")

    def constant(self, name: str, what: str, types: _Types = FLOATS) -> NDArray[np.float64]:
        """Return the value *name*, which must not depend on the model's input; *what* is it called.

        Its numbers are of one of the *types*, FLOATS or INTEGERS.

        Raises
        ------
        RefusedError
            It does, or it is a tensor of other numbers.
        """
        rounding: list[int] = []
        for _ in range(_DEEPEST):
            if name in self.tensors:
                return _cast(_numbers(self.tensors[name], self.path.parent, what, types), rounding)
            node = self.makers.get(name)
            if node is None or node.op_type not in (*_PASSING, "Constant"):
                break
            if node.op_type == "Constant":
                return _cast(_literal(node, self.path.parent, what, types), rounding)
            rounding += [each.i for each in node.attribute if each.name == "to"]
            name = node.input[0]
        maker = self.makers.get(name)
        source = f"made by {called(maker)}" if maker is not None else "an input of the model"
        raise RefusedError(f"{what} is {source}", "accepted: a tensor stored in the model")


def called(node: Any) -> str:
    """Return a node as messages call it: its operator and its name, or its output's where it has none."""
    domain = f"{node.domain}." if node.domain not in ("", "ai.onnx") else ""
    return f"{domain}{node.op_type} {name_of(node)!r}"


def name_of(node: Any) -> str:
    """Return the name of *node*, its first output's where it has none."""
    return str(node.name or (node.output[0] if node.output else ""))


def shortest(number: float) -> float:
    """Return the shortest decimal that is *number* in float32, as it was most likely written."""
    return float(str(np.float32(number))) if float(np.float32(number)) == number else number


def _parsed(path: Path) -> Any:
    try:
        from google.protobuf.message import DecodeError  # noqa: PLC0415
        from onnx import ModelProto  # noqa: PLC0415 - an extra: heavy for those who have no such files
    except ImportError:
        hint = "install it: pip install 'filterbank[onnx]'"
        raise RefusedError("the package onnx is missing, which reads these files", "", hint) from None
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise RefusedError(f"found {size:,} bytes", f"accepted: at most {MAX_BYTES:,}, protobuf's limit")
    accepted = "accepted: what torch.onnx.export and others write"
    try:
        model = ModelProto.FromString(path.read_bytes())
    except DecodeError:
        raise RefusedError("is no whole ONNX model", accepted) from None
    # Protobuf hands text that is no UTF-8 on as bytes.
    if not all(isinstance(text, str) for text in _texts(model)):
        raise RefusedError("found a name that is no UTF-8", accepted)
    return model


def _texts(model: Any) -> Iterator[str | bytes]:
    """Yield the texts of *model* that are looked at."""
    graph = model.graph
    for node in graph.node:
        yield from (node.op_type, node.name, node.domain, *node.input, *node.output)
        for each in node.attribute:
            yield from (each.name, each.ref_attr_name, each.t.name)
            yield from (text for pair in each.t.external_data for text in (pair.key, pair.value))
    for tensor in graph.initializer:
        yield tensor.name
        yield from (text for pair in tensor.external_data for text in (pair.key, pair.value))
    yield from (value.name for value in (*graph.input, *graph.output, *graph.value_info))
    yield from (text for pair in model.metadata_props for text in (pair.key, pair.value))
    yield from (each.domain for each in model.opset_import)


def _literal(node: Any, folder: Path, what: str, types: _Types) -> NDArray[np.float64]:
    """Return the value of a Constant node."""
    for each in node.attribute:
        if each.name == "value":
            return _numbers(each.t, folder, what, types)
        if each.name in ("value_float", "value_int"):
            return np.array(each.f if each.name == "value_float" else each.i, np.float64)
        if each.name in ("value_floats", "value_ints"):
            return np.array(each.floats if each.name == "value_floats" else each.ints, np.float64)
    raise RefusedError(f"{what} is made by {called(node)}", "accepted: a tensor of floats")


def _cast(values: NDArray[Any], types: list[int]) -> NDArray[np.float64]:
    """Return *values* in float64 after a chain of casts; one to float32 is the engine's own rounding."""
    if _HALF in types:
        values = values.astype(np.float16)
    return values.astype(np.float64)


def _numbers(stored: Any, folder: Path, what: str, types: _Types = FLOATS) -> NDArray[Any]:
    """Return the numbers of a TensorProto after checking that there are as many as its shape says."""
    shape = tuple(stored.dims)
    count = math.prod(shape)
    if stored.data_type not in types:
        if types is INTEGERS:
            raise RefusedError(f"{what} is no tensor of whole numbers", "accepted: INT64")
        raise RefusedError(f"{what} is no tensor of floats", "accepted: FLOAT, FLOAT16, BFLOAT16, DOUBLE")
    if min(shape, default=0) < 0 or count > MAX_WEIGHTS:
        size = "×".join(map(str, shape))
        raise RefusedError(f"{what} is {size}", f"accepted: at most {MAX_WEIGHTS:,} weights")
    check_dimensions(what, shape)
    code, field = types[stored.data_type]
    if stored.data_location == _EXTERNAL:
        values = _external(stored, folder, code, count, what)
    elif stored.raw_data:
        values = (
            np.frombuffer(stored.raw_data, code) if len(stored.raw_data) % int(code[2]) == 0 else np.zeros(0)
        )
    else:
        values = np.array(getattr(stored, field)).astype(code)
    if values.size != count:
        raise RefusedError(f"{what} has {values.size} numbers, its shape says {count}", "", "export it again")
    if stored.data_type == _HALF:
        values = values.view("<f2")
    elif stored.data_type == _BRAIN:
        values = (values.astype("<u4") << 16).view("<f4")
    return values.reshape(shape)


def _external(stored: Any, folder: Path, code: str, count: int, what: str) -> NDArray[Any]:
    """Return numbers kept in a file beside the model; never from outside the model's folder."""
    said = {each.key: each.value for each in stored.external_data}
    location = said.get("location", "")
    named = location.replace("\0", "")  # which no name of a file holds
    home, place = os.path.realpath(folder), os.path.realpath(folder / named)
    if (
        not location
        or location != named
        or Path(location).is_absolute()
        or os.path.commonpath([home, place]) != home
    ):
        found = f"{what} is kept in {shown(location)!r}, outside the model's folder"
        raise RefusedError(found, "accepted: files inside it", "save the model with its tensors inside")
    try:
        offset, length = int(said.get("offset", 0)), int(said.get("length", count * int(code[2])))
        if offset < 0 or length != count * int(code[2]):
            raise ValueError
    except ValueError:
        raise RefusedError(f"{what} has a place in {shown(location)!r} that does not fit its shape") from None
    if not os.path.isfile(place):  # noqa: PTH113 - it is a text that realpath made
        raise RefusedError(
            f"{what} is kept in {shown(location)!r}, which is no file", "", "put it beside the model"
        )
    return np.fromfile(place, code, count, offset=offset)
