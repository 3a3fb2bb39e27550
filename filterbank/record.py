"""``record``: a dataclass that costs the start of the program less.

For each frozen dataclass Python writes and compiles six functions: 0.4 ms of every run, and a short run makes
eighty. A record has one of its own, ``__init__``, and shares the others. In all else it is a dataclass
(``replace``, ``fields``, matching), frozen for the type checker and not once more when it runs. What users
are given (``model``, ``geometry``, ``errors``, ``matrix``) are dataclasses as Python makes them.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from operator import attrgetter
from typing import TYPE_CHECKING, Any

__all__ = ["record"]

if TYPE_CHECKING:
    from dataclasses import dataclass as record
else:

    def record(*, frozen=False, eq=True):
        """Decorate a class; ``frozen`` and ``eq`` mean what they mean to ``dataclass``."""

        def made(plain):
            shared = {"__repr__": _repr}
            if eq:
                shared |= {"__eq__": _eq, "__hash__": _hash if frozen else None}
            own = set(vars(plain))
            whole = dataclass(repr=False, eq=False)(plain)
            for name in shared.keys() - own:
                setattr(whole, name, shared[name])
            whole._compared = attrgetter("__class__", *(f.name for f in fields(whole) if f.compare))
            return whole

        return made


def _repr(one: Any) -> str:
    shown = (f"{each.name}={getattr(one, each.name)!r}" for each in fields(one) if each.repr)
    return f"{type(one).__qualname__}({', '.join(shown)})"


def _eq(one: Any, other: Any) -> Any:
    return one._compared(one) == one._compared(other) if type(other) is type(one) else NotImplemented


def _hash(one: Any) -> int:
    return hash(one._compared(one))
