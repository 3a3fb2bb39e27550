"""From *what* to *how* to done: plan a stack for an image size, then walk the plan.

>>> import numpy as np
>>> from filterbank.model import Filter, Layer, Stack
>>> stack = Stack((Layer((Filter("mean", np.full((3, 3), 1 / 9)),)),))
>>> [(index, values.shape) for index, values in run(plan(stack, (5, 6)), np.ones((1, 5, 6), np.float32))]
[(0, (5, 6))]
"""

from filterbank.engine.codes import to_codes
from filterbank.engine.combine import held, methods, outputs
from filterbank.engine.deflate import compress
from filterbank.engine.execute import Told, convolve, encode, measure, run
from filterbank.engine.explain import Term, Terms, explain, measured, one_output
from filterbank.engine.plan import METHODS, Choice, LayerPlan, Plan, plan

__all__ = [
    "METHODS",
    "Choice",
    "LayerPlan",
    "Plan",
    "Term",
    "Terms",
    "Told",
    "compress",
    "convolve",
    "encode",
    "explain",
    "held",
    "measure",
    "measured",
    "methods",
    "one_output",
    "outputs",
    "plan",
    "run",
    "to_codes",
]
