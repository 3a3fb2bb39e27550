"""A layer of an ONNX model: a Conv with the Pad before it, the normalization and activation behind it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filterbank.bankfile.weights.archive import RefusedError
from filterbank.bankfile.weights.named import Found, Kernels
from filterbank.bankfile.weights.onnx_activations import Follower, follower
from filterbank.bankfile.weights.onnx_file import Model, called
from filterbank.bankfile.weights.onnx_padding import pad_before, padding, pads_as, same_pads
from filterbank.record import record

# In a file of ours, the bank's keys that a graph has no place for.
META_KEY = "filterbank"
ACCEPTED = "accepted: Convs in a chain, each with a Pad, BatchNormalization and an activation"


@record(frozen=True)
class Convolution:
    """A Conv node, the Pad before it and its followers: what becomes one layer."""

    model: Model
    node: Any
    pad: Any | None
    normalization: Any | None
    activation: Follower | None

    @property
    def nodes(self) -> list[Any]:
        """The nodes that the layer consists of."""
        own = [each for each in (self.pad, self.node, self.normalization) if each is not None]
        return own + list(self.activation.nodes if self.activation else ())

    @property
    def input(self) -> str:
        """The value that the layer takes."""
        return str((self.node if self.pad is None else self.pad).input[0])

    @property
    def output(self) -> str:
        """The value that the layer gives."""
        if self.activation is not None:
            return self.activation.output
        return str((self.node if self.normalization is None else self.normalization).output[0])


def with_followers(model: Model, node: Any) -> Convolution:
    """Return a Conv with the Pad before it, and the normalization and the activation behind it.

    Raises
    ------
    RefusedError
        The activation is one that no layer has.
    """
    value, normalization = node.output[0], None
    users = model.users.get(value, [])
    if len(users) == 1 and users[0].op_type == "BatchNormalization" and value not in model.outputs:
        normalization = users[0]
        value = normalization.output[0]
    return Convolution(model, node, pad_before(model, node), normalization, follower(model, value))


def read_layer(layer: Convolution, meta: dict[str, Any]) -> Found:
    """Return the layer that a Conv is, with what *meta* says of it besides, where that fits the graph.

    Raises
    ------
    RefusedError
        Its nodes do what a layer cannot.
    """
    kernels = _folded(layer)
    return Found(kernels, _carried(meta, _settings(layer), kernels.weights.shape[2:]))


def _folded(layer: Convolution) -> Kernels:
    """Return weights (K, C/groups, F, F) and biases with the normalization in them."""
    model, node = layer.model, layer.node
    weights = model.constant(node.input[1], f"the weight of {called(node)}")
    if weights.ndim not in (3, 4) or weights.size == 0:
        size = "×".join(map(str, weights.shape))
        raise RefusedError(
            f"the weight of {called(node)} is {size}", "accepted: K×C×F×F, or K×C×F for signals"
        )
    weights = weights.reshape(*weights.shape[:2], -1, weights.shape[-1])
    biases = np.zeros(len(weights))
    if len(node.input) > 2 and node.input[2]:
        biases = _per_filter(model, node.input[2], f"the bias of {called(node)}", len(weights))
    if layer.normalization is not None:
        weights, biases = _normalized(model, layer.normalization, weights, biases)
    if not (np.isfinite(weights).all() and np.isfinite(biases).all()):
        raise RefusedError(f"the weights of {called(node)} hold NaN or infinity", "accepted: finite numbers")
    return Kernels(weights, biases)


def _normalized(
    model: Model, node: Any, weights: NDArray[np.float64], biases: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return W·γ/√(v + ε) and (b − m)·γ/√(v + ε) + β."""
    given = {each.name: each for each in node.attribute}
    if "training_mode" in given and given["training_mode"].i:
        raise RefusedError(f"{called(node)} is in training", ACCEPTED, "export the model after model.eval()")
    words = ("scale", "B", "mean", "var")
    gamma, beta, mean, variance = (
        _per_filter(model, name, f"{word} of {called(node)}", len(weights))
        for word, name in zip(words, node.input[1:5], strict=True)
    )
    spread = variance + (given["epsilon"].f if "epsilon" in given else 1e-5)
    if (spread <= 0).any():
        raise RefusedError(f"a variance of {called(node)} is negative", "accepted: variances from 0")
    factor = gamma / np.sqrt(spread)
    return weights * factor[:, None, None, None], (biases - mean) * factor + beta


def _per_filter(model: Model, name: str, what: str, count: int) -> NDArray[np.float64]:
    values = model.constant(name, what)
    if values.shape != (count,):
        raise RefusedError(f"{what} is {'×'.join(map(str, values.shape))}", f"accepted: {count} numbers")
    return values


def _settings(layer: Convolution) -> dict[str, Any]:
    """Return what the attributes of the Conv say, as the keys of a bank."""
    node, model = layer.node, layer.model
    given = {each.name: each for each in node.attribute}
    weights = model.constant(node.input[1], "the weight")
    rank = weights.ndim - 2
    size = list(weights.shape[2:])
    if "kernel_shape" in given and list(given["kernel_shape"].ints) != size:
        raise RefusedError(f"{called(node)} says {list(given['kernel_shape'].ints)}, its weight has {size}")
    stride, dilation = (_steps(node, given, key, rank) for key in ("strides", "dilations"))
    reach = [(f - 1) * d for f, d in zip(size, dilation[-rank:], strict=True)]
    return {
        "stride": stride,
        "dilation": dilation,
        "groups": given["group"].i if "group" in given else 1,
        "activation": layer.activation.spelled if layer.activation else "identity",
    } | padding(model, node, layer.pad, rank, stride, reach)


def _steps(node: Any, given: dict[str, Any], key: str, rank: int) -> list[int]:
    """Return [rows, columns] of an attribute, 1 where it is left out; a signal has one row."""
    steps = list(given[key].ints) if key in given else [1] * rank
    if len(steps) != rank:
        raise RefusedError(f"{key} of {called(node)} are {steps}", f"accepted: {rank} numbers")
    return [1] * (2 - rank) + steps


def metadata(model: Model) -> dict[str, Any]:
    """Return the keys of a bank that a file of ours carries beside its graph.

    Raises
    ------
    RefusedError
        They are no JSON object.
    """
    text = next((each.value for each in model.proto.metadata_props if each.key == META_KEY), "{}")
    try:
        meta = json.loads(text)
    except (ValueError, RecursionError):
        meta = None
    if not isinstance(meta, dict):
        raise RefusedError(
            f"metadata {META_KEY!r} is no JSON object", "accepted: keys of a bank", "export it again"
        )
    return meta


def _carried(meta: dict[str, Any], settings: dict[str, Any], kernel: Sequence[int]) -> dict[str, Any]:
    """Return the *settings* of the graph with what *meta* says besides, where the two agree."""
    same = same_pads(kernel, settings["stride"], settings["dilation"])
    own = {key: value for key, value in meta.items() if key not in ("combine", "layers")}  # no Conv has them
    if not _agree(meta.get("activation"), settings["activation"]):
        own.pop("activation", None)
    if not pads_as(meta, settings):
        own = {key: value for key, value in own.items() if not key.startswith("padding_")}
    if not (meta.get("padding") == "same" and settings["padding"] == same):
        own.pop("padding", None)
    in_graph = settings.keys() - {"activation", "padding", "padding_mode", "padding_value"}
    return settings | {key: value for key, value in own.items() if key not in in_graph}


def _agree(exact: Any, rounded: Any) -> bool:
    """Return whether two spellings of an activation are the same in float32."""
    if not (isinstance(exact, dict) and isinstance(rounded, dict) and exact.keys() == rounded.keys()):
        return bool(exact == rounded)
    ((first, second),) = ((exact[key], rounded[key]) for key in exact)
    return (
        isinstance(first, dict)
        and first.keys() == second.keys()
        and all(
            isinstance(first[key], int | float) and np.float32(first[key]) == np.float32(second[key])
            for key in first
        )
    )
