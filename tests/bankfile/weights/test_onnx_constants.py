"""The sides of a Pad that a model works out: as onnx has them, or refused before they grow."""

from itertools import pairwise

import numpy as np
import pytest
from onnx_models import RNG, agree, applied, helper, model, onnx, reference, tensor

from filterbank import bankfile
from filterbank.errors import BankError

W = RNG.normal(size=(2, 3, 3, 3)).astype("f4")
WHOLE = onnx.TensorProto.INT64


def whole(name, *values):
    return tensor(name, values, np.int64)


ZERO = helper.make_tensor("zero", WHOLE, [1], [0])


def padded(*nodes, mode="edge", extra=()):
    """Return a model that works out its sides ``p`` by nodes: (operator, inputs, output, attributes)."""
    made = [
        helper.make_node(kind, inputs.split(), [output], **given) for kind, inputs, output, given in nodes
    ]
    made += [
        helper.make_node("Pad", ["x", "p"], ["y"], "pad", mode=mode),
        helper.make_node("Conv", ["y", "w"], ["z"], "c"),
    ]
    stored = [
        *(
            tensor("w", W),
            whole("sides", 1, 2, 3, 0),
            whole("four", 4),
            whole("pairs", -1, 2),
            whole("flat", -1),
        ),
        *(
            whole("last", -1),
            whole("one", 1),
            whole("far", -(2**63) + 1),
            whole("axis", 0),
            whole("first", 0),
        ),
    ]
    return model(made, [*stored, *extra])


# PyTorch's older exporter: sides from the last axis on, in pairs that are turned round.
TRACED = (
    ("ConstantOfShape", "four", "zeros", {"value": ZERO}),
    ("Concat", "sides zeros", "all", {"axis": 0}),
    ("Reshape", "all pairs", "two", {}),
    ("Slice", "two last far axis last", "turned", {}),
    ("Transpose", "turned", "across", {"perm": [1, 0]}),
    ("Reshape", "across flat", "q", {}),
    ("Cast", "q", "p", {"to": WHOLE}),
)


def test_sides_are_those_of_the_model(tmp_path):
    proto = padded(*TRACED)
    onnx.save(proto, tmp_path / "net.onnx")
    layer = bankfile.load(tmp_path / "net.onnx").layer
    assert (layer.padding, layer.padding_mode) == ((3, 1, 0, 2), "replicate")
    x = RNG.uniform(size=(1, 3, 9, 11)).astype("f4")
    assert agree(applied(tmp_path / "net.onnx", x[0], tmp_path), reference(proto, x))


def names(count, first):
    return [first, *(f"d{number}" for number in range(count)), "p"]


def doubled(count):
    """Return sides that are put beside themselves again and again."""
    return [("Concat", f"{one} {one}", other, {"axis": 0}) for one, other in pairwise(names(count, "sides"))]


REFUSED = {
    "huge": (
        [("ConstantOfShape", "big", "p", {"value": ZERO})],
        "the padding of Pad 'pad' is made by ConstantOfShape 'p', whose inputs do not fit it",
    ),
    "negative": ([("ConstantOfShape", "last", "p", {})], "whose inputs do not fit it"),
    "doubled": (doubled(30), r"the padding of Pad 'pad' has 128 numbers; accepted: at most 64"),
    "again and again": (
        [("Reshape", f"{one} {one}", other, {}) for one, other in pairwise(names(30, "one"))],
        "the padding of Pad 'pad' has 1 numbers for 4 axes",
    ),
    "deep": (doubled(60), "the padding of Pad 'pad' is made by Concat 'd"),
    "long": ([("Cast", "many", "p", {"to": WHOLE})], "has 100 numbers; accepted: at most 64"),
    "uneven": ([("Reshape", "sides pairs3", "p", {})], "is made by Reshape 'p', whose inputs do not fit it"),
    "no such axis": (
        [("Slice", "sides first four four", "p", {})],
        "is made by Slice 'p', whose inputs do not",
    ),
    "no inputs": ([("Reshape", "sides", "p", {})], "is made by Reshape 'p', whose inputs do not fit it"),
    "a step of 0": ([("Slice", "sides first four axis first", "p", {})], "is made by Slice 'p'"),
    "of the image": ([("Shape", "x", "p", {})], "Shape 'p'"),
    "floats": ([("Cast", "w", "p", {"to": WHOLE})], "the padding of Pad 'pad' is no tensor of whole numbers"),
    "another operator": ([("Neg", "sides", "p", {})], "Neg 'p'"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_or_grows_is_refused(name, tmp_path):
    nodes, said = REFUSED[name]
    extra = [whole("big", 10**6, 10**6), whole("pairs3", -1, 3), whole("many", *range(100))]
    onnx.save(padded(*nodes, extra=extra), tmp_path / "net.onnx")
    with pytest.raises(BankError, match=said):
        bankfile.load(tmp_path / "net.onnx")
