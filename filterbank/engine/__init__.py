"""From *what* to *how* to done: plan a stack for an image size, then walk the plan.

>>> import numpy as np
>>> from filterbank.model import Filter, Layer, Stack
>>> stack = Stack((Layer((Filter("mean", np.full((3, 3), 1 / 9)),)),))
>>> [(index, values.shape) for index, values in run(plan(stack, (5, 6)), np.ones((1, 5, 6), np.float32))]
[(0, (5, 6))]

What explains a plan, or compresses bands, is loaded when it is first used: most runs do without.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from filterbank.engine.codes import to_codes
from filterbank.engine.combine import held, methods, outputs
from filterbank.engine.constants import machine
from filterbank.engine.cost import Machine
from filterbank.engine.deflate import compressed
from filterbank.engine.execute import Told, convolve, encode, measure, merge_told, run
from filterbank.engine.plan import METHODS, Choice, LayerPlan, Plan, plan

if TYPE_CHECKING:
    from filterbank.engine.deflate_bands import RowDeflater
    from filterbank.engine.explained import Term, Terms, explain, measured, one_output

_LATER = dict.fromkeys(("Term", "Terms", "explain", "measured", "one_output"), "explained") | {
    "RowDeflater": "deflate_bands"
}

__all__ = [
    "METHODS",
    "Choice",
    "LayerPlan",
    "Machine",
    "Plan",
    "RowDeflater",
    "Term",
    "Terms",
    "Told",
    "compressed",
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
    if name not in _LATER:
        raise AttributeError(f"module 'filterbank.engine' has no attribute {name!r}")
    return getattr(import_module(f"filterbank.engine.{_LATER[name]}"), name)
