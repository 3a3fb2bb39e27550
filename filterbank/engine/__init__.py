"""From *what* to *how* to done: plan a stack for an image size, then walk the plan.

>>> import numpy as np
>>> from filterbank.model import Filter, Layer, Stack
>>> stack = Stack((Layer((Filter("mean", np.full((3, 3), 1 / 9)),)),))
>>> [(index, values.shape) for index, values in run(plan(stack, (5, 6)), np.ones((1, 5, 6), np.float32))]
[(0, (5, 6))]

What explains a plan is loaded when it is first used: a run of the command does without.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from filterbank.engine.codes import to_codes
from filterbank.engine.combine import held, methods, outputs
from filterbank.engine.constants import machine
from filterbank.engine.cost import Machine
from filterbank.engine.deflate import compress
from filterbank.engine.execute import Told, convolve, encode, measure, merge_told, run
from filterbank.engine.plan import METHODS, Choice, LayerPlan, Plan, plan

if TYPE_CHECKING:
    from filterbank.engine.explained import Term, Terms, explain, measured, one_output

_EXPLAINED = ("Term", "Terms", "explain", "measured", "one_output")

__all__ = [
    "METHODS",
    "Choice",
    "LayerPlan",
    "Machine",
    "Plan",
    "Term",
    "Terms",
    "Told",
    "compress",
    "convolve",
    "encode",
    "explain",
    "held",
    "machine",
    "measure",
    "measured",
    "merge_told",
    "methods",
    "one_output",
    "outputs",
    "plan",
    "run",
    "to_codes",
]


def __getattr__(name: str) -> Any:
    if name not in _EXPLAINED:
        raise AttributeError(f"module 'filterbank.engine' has no attribute {name!r}")
    return getattr(import_module("filterbank.engine.explained"), name)
