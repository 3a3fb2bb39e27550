"""What a family is: a function that makes filters, the parameters it declares, and where it was published."""

from __future__ import annotations

import functools
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filterbank.bankfile.keys import Key
from filterbank.bankfile.nodes import Scalar
from filterbank.bankfile.source import Faults, Source
from filterbank.errors import RequestError
from filterbank.record import record

MAX_SIZE = 1023  # rows and columns

Made = NDArray[np.float64] | list[tuple[str, NDArray[np.float64]]]


@record(frozen=True)
class Family:
    """The function ``module.name`` that makes one filter, or several named ones, and the keys it takes.

    ``operation`` is what its formula is written for: a bank of it alone should say so.
    """

    name: str
    module: str
    parameters: tuple[Key, ...]
    doc: str
    source: str = ""
    operation: str = "correlation"

    @property
    def make(self) -> Callable[..., Made]:
        """The pure function; its module is imported when it is first asked for."""
        found: Callable[..., Made] = getattr(import_module(f"{__package__}.{self.module}"), self.name)
        return found

    def filters(self, given: dict[str, Any]) -> list[tuple[str, NDArray[np.float64]]]:
        """Return the filters for the parameters *given*, named after them.

        Raises
        ------
        RequestError
            The parameters do not go together.

        Examples
        --------
        >>> from filterbank.bankfile.families import FAMILIES
        >>> [name for name, _ in FAMILIES["gaussian"].filters({"sigma": 1.5})]
        ['gaussian_sigma1.5']
        """
        made = self.make(**given)
        if isinstance(made, list):
            return made
        return [("_".join([self.name, *(f"{key}{_text(value)}" for key, value in given.items())]), made)]

    def checked(self) -> Callable[..., Made]:
        """Return the function with its parameters held to what the family declares.

        >>> from filterbank.bankfile.families import FAMILIES
        >>> FAMILIES["box"].checked()(size=0)
        Traceback (most recent call last):
        filterbank.errors.RequestError: box: size: found 0; accepted: a whole number 1 to 1023
        """
        make, keys = self.make, {key.name: key for key in self.parameters}
        names = make.__code__.co_varnames[: make.__code__.co_argcount]

        @functools.wraps(make)
        def function(*values: Any, **given: Any) -> Made:
            for name, value in (*zip(names, values, strict=False), *given.items()):
                if name in keys and not (value is None and _may_be_left_out(keys[name])):
                    _check(keys[name], value, self.name)
            return make(*values, **given)

        return function


def _may_be_left_out(key: Key) -> bool:
    """Return whether None stands for a value that is not given."""
    return not key.required and key.default is None


def _check(key: Key, value: Any, where: str) -> None:
    """Raise RequestError where *value* is not what *key* accepts."""
    faults = Faults(Source("", ""))
    plain = value.item() if isinstance(value, np.generic) else value
    key.kind.read(Scalar(-1, plain, str(plain)), f"{where}: {key.name}", faults)
    if len(faults):
        raise RequestError(str(faults.listed()[0]))


def _text(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.6g}".replace("+", "")
