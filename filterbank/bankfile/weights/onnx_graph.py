"""Which layers of an ONNX model are meant: the one that a name picks, or the chain that it is."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

from filterbank.bankfile.kinds import nearest
from filterbank.bankfile.weights.archive import RefusedError, listed
from filterbank.bankfile.weights.named import FoundBank, gathered
from filterbank.bankfile.weights.onnx_constants import is_constant
from filterbank.bankfile.weights.onnx_file import FLOATS, Model, called, name_of
from filterbank.bankfile.weights.onnx_layers import (
    ACCEPTED,
    Convolution,
    metadata,
    read_layer,
    with_followers,
)

# They pass values on as they are.
_PASSING = ("Identity", "Dropout")
_DEEPEST = 8


def read_model(path: Path, pick: str | None) -> FoundBank:
    """Return the layer called *pick* of the model at *path*; without a name its only one, or its chain.

    Raises
    ------
    RefusedError
        There is no such layer, several are no chain, or the model does what a layer cannot.
    """
    model = Model(path)
    nodes = _convolutions(model)
    if not nodes:
        kinds = ", ".join(dict.fromkeys(node.op_type for node in model.graph.node)) or "no nodes"
        raise RefusedError(f"found no Conv, but {kinds[:200]}", ACCEPTED)
    meta = metadata(model)
    own = _of_layers(meta, len(nodes))
    settings = {key: value for key, value in meta.items() if key != "layers"} if own else {}
    if pick is not None:
        node = _named(model, nodes, pick)
        each = own[[id(other) for other in nodes].index(id(node))] if own else meta
        return FoundBank((read_layer(with_followers(model, node), each),), {})
    if len(nodes) == 1:
        return FoundBank((read_layer(_alone(model, nodes[0]), meta),), {})
    chain = _chain(model, nodes)
    told = own or [{}] * len(chain)
    return FoundBank(gathered(map(read_layer, chain, told)), settings)


def _convolutions(model: Model) -> list[Any]:
    """Return the Conv nodes of *model* in its order."""
    return [node for node in model.graph.node if node.op_type == "Conv" and node.domain in ("", "ai.onnx")]


def _of_layers(meta: dict[str, Any], count: int) -> list[dict[str, Any]]:
    """Return what *meta* says of each of *count* layers; nothing where the graph has others by now."""
    own = meta.get("layers")
    is_told = isinstance(own, list) and len(own) == count and all(isinstance(each, dict) for each in own)
    return own if is_told and isinstance(own, list) else []


def _alone(model: Model, node: Any) -> Convolution:
    """Return the only Conv of *model* as a layer; nothing else may stand in the graph."""
    layer = with_followers(model, node)
    others = _others(model, [layer])
    if others:
        found = f"besides {called(node)} found {_few(others)}"
        raise RefusedError(found, ACCEPTED, f"pick the layer alone: write FILE#{name_of(node)}")
    return layer


def _chain(model: Model, nodes: list[Any]) -> list[Convolution]:
    """Return the Convs as layers one behind the other, from the input of *model* to its output."""
    hint = f"write FILE#NAME with one of {_described(model, nodes)}"
    layers, refused = [], list[RefusedError]()
    for node in nodes:
        try:
            layers.append(with_followers(model, node))
        except RefusedError as error:
            layers.append(Convolution(model, node, None, None, None))
            refused.append(error)
    others = _others(model, layers)
    if others:
        raise RefusedError(f"found {len(nodes)} layers and {_few(others)}", f"{ACCEPTED}; or one named", hint)
    if refused:
        raise refused[0]
    obstacle = _obstacle(model, layers)
    if obstacle:
        raise RefusedError(f"found {len(nodes)} layers, but {obstacle}", f"{ACCEPTED}; or one named", hint)
    return layers


def _obstacle(model: Model, layers: list[Convolution]) -> str:
    """Return what keeps *layers*, which are all there is in the graph, from being a chain; else nothing."""
    inputs = [each.name for each in model.graph.input if each.name not in model.tensors]
    first, last = layers[0], layers[-1]
    if inputs != [_before(model, first.input)]:
        return f"{called(first.node)} does not take the only input of the model, {_few_names(inputs)}"
    for one, other in pairwise(layers):
        if _before(model, other.input) != one.output:
            return f"{called(other.node)} does not take what {called(one.node)} gives"
    if {_before(model, name) for name in model.outputs} != {last.output}:
        return f"what {called(last.node)} gives is not the only output of the model"
    return ""


def _before(model: Model, name: str) -> str:
    """Return the value *name* before the nodes that only pass it on."""
    for _ in range(_DEEPEST):
        maker = model.makers.get(name)
        if maker is None or not _is_passing(maker) or not maker.input:
            break
        name = maker.input[0]
    return name


def _others(model: Model, layers: Iterable[Convolution]) -> list[Any]:
    """Return the nodes that do something and belong to none of the *layers*."""
    own = {id(node) for layer in layers for node in layer.nodes}
    nodes = (node for node in model.graph.node if id(node) not in own and node.op_type != "Constant")
    return [node for node in nodes if not (_is_passing(node) or is_constant(model, node))]


def _is_passing(node: Any) -> bool:
    """Return whether *node* passes values on; a type of floats is the runtime's affair."""
    if node.op_type == "Cast":
        return any(each.name == "to" and each.i in FLOATS for each in node.attribute)
    return node.op_type in _PASSING


def _few(nodes: list[Any]) -> str:
    return ", ".join(map(called, nodes[:5])) + (", …" if len(nodes) > 5 else "")


def _few_names(names: list[str]) -> str:
    return ", ".join(map(repr, names[:5])) if names else "of which there is none"


def _named(model: Model, nodes: list[Any], pick: str) -> Any:
    """Return the Conv called *pick*, by its node, its output, its weights or their module."""
    for rank in range(4):
        found = [node for node in nodes if _names(node)[rank] == pick]
        if len(found) == 1:
            return found[0]
        if found:
            hint = f"name one of {_described(model, found)}"
            raise RefusedError(f"{pick!r} is the name of {len(found)} layers", "accepted: one", hint)
    names = [name for node in nodes for name in dict.fromkeys(_names(node))]
    raise RefusedError(
        f"found no layer {pick!r}", f"accepted: {_described(model, nodes)}", nearest(pick, names)
    )


def _names(node: Any) -> tuple[str, str, str, str]:
    """Return what a user may call a Conv: the node, its output, its weights, or the module that has them."""
    weights = node.input[1]
    return name_of(node), node.output[0], weights, weights.removesuffix(".weight")


def _described(model: Model, nodes: list[Any]) -> str:
    """Return the layers as a message lists them, with their weights."""
    told = {}
    for node in nodes:
        stored = model.stored(node.input[1])
        size = " " + "×".join(map(str, model.tensors[stored].dims)) if stored else ""
        told[name_of(node)] = node.input[1] + size
    return listed(told)
