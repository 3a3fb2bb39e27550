"""What stands behind a Conv in an ONNX model as the activation of a layer."""

from __future__ import annotations

from typing import Any

from filterbank.bankfile.kinds import LARGEST
from filterbank.bankfile.weights.archive import RefusedError
from filterbank.bankfile.weights.onnx_file import Model, called, shortest
from filterbank.record import record

# operator -> activation, and its attributes with ONNX's defaults -> the activation's parameters
OPERATORS: dict[str, tuple[str, dict[str, tuple[str, float]]]] = {
    "Relu": ("relu", {}),
    "LeakyRelu": ("leaky_relu", {"alpha": ("slope", 0.01)}),
    "Abs": ("abs", {}),
    "Sigmoid": ("sigmoid", {}),
    "Tanh": ("tanh", {}),
    "Softplus": ("softplus", {}),
    "Elu": ("elu", {"alpha": ("alpha", 1.0)}),
    "HardSigmoid": ("hard_sigmoid", {"alpha": ("alpha", 0.2), "beta": ("beta", 0.5)}),
}
# Activations that a layer has no word for: leaving them out would give other maps.
UNKNOWN = (
    *("PRelu", "Selu", "Celu", "HardSwish", "Mish", "ThresholdedRelu", "Softsign", "Shrink", "Softmax"),
    *("LogSoftmax", "Hardmax", "Exp", "Log", "Sqrt", "Erf", "Sign", "Neg", "Sin", "Cos", "Swish"),
)
# What the first step of an activation is where it is written out in several.
_BEGINNINGS = (*OPERATORS, *UNKNOWN, "Clip", "Gelu", "Div", "Greater", "Pow")
_ALONE = "take the weights alone: weights: {file: FILE, tensor: NAME}"


@record(frozen=True)
class Follower:
    """An activation as a bank spells it, the value it makes and the nodes it consists of."""

    spelled: Any
    output: str
    nodes: tuple[Any, ...]


def follower(model: Model, name: str) -> Follower | None:
    """Return the activation that is done to the value *name*; None where something else follows.

    Raises
    ------
    RefusedError
        It is one that no layer has.
    """
    users = model.users.get(name, [])
    found = _written_out(model, name, users)
    if found is not None:
        return found
    if len(users) != 1 or name in model.outputs:
        return None
    node = users[0]
    kind = node.op_type if node.domain in ("", "ai.onnx") else ""
    given = {each.name: each for each in node.attribute}
    if kind in OPERATORS:
        activation, parameters = OPERATORS[kind]
        values = {
            own: shortest(given[key].f) if key in given else usual for key, (own, usual) in parameters.items()
        }
        return Follower({activation: values} if values else activation, node.output[0], (node,))
    if kind == "Clip":
        return Follower({"clip": _limits(model, node, given)}, node.output[0], (node,))
    if kind == "Gelu" and (given["approximate"].s if "approximate" in given else b"none") == b"none":
        return Follower("gelu", node.output[0], (node,))
    if kind in (*UNKNOWN, "Gelu"):
        raise RefusedError(
            f"the activation {called(node)} follows", f"accepted: {', '.join(OPERATORS)}, Clip, Gelu", _ALONE
        )
    return None


def _written_out(model: Model, name: str, users: list[Any]) -> Follower | None:
    """Return the activations that some write out: x·sigmoid(x), x·x, and softplus with x itself above 20."""
    kinds = {node.op_type: node for node in users}
    inputs = {kind: list(node.input) for kind, node in kinds.items()}
    made = {kind: node.output[0] for kind, node in kinds.items() if node.output}
    if len(users) == 1 and inputs.get("Mul") == [name, name]:
        return Follower("square", made["Mul"], (users[0],))
    if (
        len(users) == 2
        and kinds.keys() == {"Mul", "Sigmoid"}
        and set(inputs["Mul"]) == {name, made["Sigmoid"]}
    ):
        return Follower("silu", made["Mul"], tuple(users))
    if len(users) == 3 and kinds.keys() == {"Softplus", "Greater", "Where"}:
        threshold = model.constant(inputs["Greater"][1], f"the limit of {called(kinds['Greater'])}")
        if threshold == 20 and inputs["Where"] == [made["Greater"], name, made["Softplus"]]:
            return Follower("softplus", made["Where"], tuple(users))
    first = next((node for node in users if node.op_type in _BEGINNINGS), None)
    if first is not None and len(users) > 1:
        found = f"an activation that is written out follows, beginning with {called(first)}"
        raise RefusedError(
            found, "accepted: a single operator", f"export the model for opset 20; or {_ALONE}"
        )
    return None


def _limits(model: Model, node: Any, given: dict[str, Any]) -> dict[str, float]:
    """Return min and max of a Clip; since opset 11 they are inputs."""
    limits = {}
    for index, (key, usual) in enumerate((("min", -LARGEST), ("max", LARGEST)), 1):
        limits[key] = usual
        if key in given:
            limits[key] = shortest(given[key].f)
        elif len(node.input) > index and node.input[index]:
            values = model.constant(node.input[index], f"{key} of {called(node)}")
            if values.size != 1:
                raise RefusedError(f"{key} of {called(node)} is no single number")
            limits[key] = shortest(float(values.reshape(())))
        limits[key] = min(max(limits[key], -LARGEST), LARGEST)
    return limits
