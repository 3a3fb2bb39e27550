"""A kernel as one argument: ``[[1,2],[3,4]]``, or ``(1,2;3,4)`` as G'MIC writes it."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from filterbank.bankfile.foreign.kernels import Kernel, matrix, number, refusal
from filterbank.bankfile.kernel import Kernel as KernelKind
from filterbank.bankfile.source import Faults, Source


def is_inline(text: str) -> bool:
    """Return whether *text* begins like a kernel in brackets."""
    return text.lstrip()[:1] in ("[", "(")


def read_inline(source: Source) -> list[Kernel]:
    """Return the kernel in brackets or parentheses.

    Raises
    ------
    BankError
        It is none.

    Examples
    --------
    >>> read_inline(Source("", "(1,2;3,4)"))[0].weights.tolist()
    [[1.0, 2.0], [3.0, 4.0]]
    >>> read_inline(Source("", "[[1,2],[3,4]]"))[0].weights.tolist()
    [[1.0, 2.0], [3.0, 4.0]]
    """
    if source.text.lstrip().startswith("("):
        return [Kernel(_parenthesized(source))]
    from filterbank.bankfile import yaml_text  # noqa: PLC0415

    faults = Faults(source)
    weights = KernelKind().read(yaml_text.parse(faults), "", faults)
    faults.raise_if_any()
    if weights is None:
        raise AssertionError
    return [Kernel(weights)]


def _parenthesized(source: Source) -> NDArray[np.float64]:
    text = source.text.rstrip()
    if not text.endswith(")"):
        raise refusal(source, len(text), "found no closing parenthesis", "accepted: (1,2;3,4)")
    begin, rows = text.index("(") + 1, list[list[float]]()
    for row in re.finditer(r"[^;]+", text[begin:-1]):
        words = re.finditer(r"[^,]+", row[0])
        rows.append([number(source, word[0].strip(), begin + row.start() + word.start()) for word in words])
    return matrix(source, rows, begin)
