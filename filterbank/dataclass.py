"""The standard library's dataclass without its cost at import: methods are made when first needed.

``dataclasses.dataclass`` compiles half a dozen functions for each class as its module is imported,
0.3 to 0.8 ms a class: a sixth of a short run. Here ``__init__`` is compiled when the first instance
is made, the other methods are closures, and the fields that ``dataclasses`` looks for are made when
it does.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from operator import attrgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass, replace

__all__ = ["dataclass", "replace"]

Fields = dict[str, dataclasses.Field[Any]]

_MISSING = dataclasses.MISSING


class _Init:
    """Stands where ``__init__`` will: compiles it when it is first looked up."""

    def __init__(self, home: type, fields: Fields, frozen: bool) -> None:
        self.made = home, fields, frozen

    def __get__(self, instance: object, owner: type) -> Any:
        home, fields, frozen = self.made
        if home.__dict__["__init__"] is self:
            home.__init__ = _compiled(home, fields, frozen)  # type: ignore[misc]
        return home.__init__.__get__(instance, owner)  # type: ignore[misc]


class _Found:
    """Stands in for ``__dataclass_fields__``: the standard library makes them when they are looked up."""

    def __get__(self, instance: object, owner: type) -> Any:
        fields: Fields = owner.__quick_fields__  # type: ignore[attr-defined]
        body = {"__annotations__": dict.fromkeys(fields, Any), **fields}
        twin: Any = dataclasses.dataclass(kw_only=True)(type(owner.__name__, (), body))
        if "__quick_fields__" in owner.__dict__:
            owner.__dataclass_fields__ = twin.__dataclass_fields__  # type: ignore[attr-defined]
        return twin.__dataclass_fields__


def _dataclass(*, frozen: bool = False, slots: bool = False, eq: bool = True) -> Callable[[type], type]:
    def change(given: type) -> type:
        fields = _fields(given)
        kept = {name: value for name, value in given.__dict__.items() if name not in fields}
        if slots:
            inherited = {name for base in given.__mro__[1:] for name in getattr(base, "__slots__", ())}
            kept["__slots__"] = tuple(name for name in fields if name not in inherited)
            kept.pop("__dict__", None)
            kept.pop("__weakref__", None)
            made = type(given)(given.__name__, given.__bases__, kept)
            made.__qualname__ = given.__qualname__
        else:
            made = given
            for name, field in fields.items():
                if name in given.__dict__ and field.default is not _MISSING:
                    setattr(made, name, field.default)
                elif name in given.__dict__:
                    delattr(made, name)
        _give_methods(made, fields, frozen, slots, eq)
        return made

    return change


def _replace(value: Any, /, **changes: Any) -> Any:
    for name, field in value.__quick_fields__.items():
        if field.init and name not in changes:
            changes[name] = getattr(value, name)
    return type(value)(**changes)


if not TYPE_CHECKING:
    dataclass, replace = _dataclass, _replace


def _fields(given: type) -> Fields:
    """Return the fields that *given* inherits and its own, in order."""
    fields: Fields = {}
    for base in given.__mro__[:0:-1]:
        fields |= base.__dict__.get("__quick_fields__", {})
    for name in given.__annotations__:
        value = given.__dict__.get(name, _MISSING)
        if not isinstance(value, dataclasses.Field):
            value = dataclasses.field() if value is _MISSING else dataclasses.field(default=value)
        fields[name] = value
    return fields


def _give_methods(made: Any, fields: Fields, frozen: bool, slots: bool, eq: bool) -> None:
    own = made.__dict__
    made.__quick_fields__ = fields
    made.__dataclass_fields__ = _Found()
    made.__init__ = _Init(made, fields, frozen)
    if "__repr__" not in own:
        made.__repr__ = _repr(tuple(name for name, field in fields.items() if field.repr))
    if eq and "__eq__" not in own:
        made.__eq__, hashed = _compared(tuple(name for name, field in fields.items() if field.compare))
        made.__hash__ = hashed if frozen else None
    if frozen:
        made.__setattr__, made.__delattr__ = _refuse_set, _refuse_delete
        if slots:
            made.__getstate__, made.__setstate__ = _state, _set_state


def _compiled(home: type, fields: Fields, frozen: bool) -> Any:
    """Return the function that ``dataclasses`` would have written as ``__init__``."""
    known: dict[str, Any] = {"_set": object.__setattr__, "_missing": _MISSING}
    parameters, lines = [], []
    for name, field in fields.items():
        value = name
        if field.default_factory is not _MISSING:
            known[f"_make_{name}"] = field.default_factory
            parameters += [f"{name}=_missing"] if field.init else []
            value = f"_make_{name}() if {name} is _missing else {name}" if field.init else f"_make_{name}()"
        elif field.default is not _MISSING:
            known[f"_value_{name}"] = field.default
            parameters += [f"{name}=_value_{name}"] if field.init else []
            value = name if field.init else f"_value_{name}"
        elif field.init:
            parameters.append(name)
        else:
            continue  # __post_init__ sets it
        lines.append(f" _set(self, {name!r}, {value})" if frozen else f" self.{name} = {value}")
    if hasattr(home, "__post_init__"):
        lines.append(" self.__post_init__()")
    exec(f"def __init__(self, {', '.join(parameters)}):\n" + ("\n".join(lines) or " pass"), known)
    made = known["__init__"]
    made.__module__, made.__qualname__ = home.__module__, f"{home.__qualname__}.__init__"
    annotated = {name: kind for base in home.__mro__[-2::-1] for name, kind in base.__annotations__.items()}
    made.__annotations__ = {name: annotated[name] for name in fields if fields[name].init} | {"return": None}
    return made


def _repr(names: tuple[str, ...]) -> Callable[[Any], str]:
    def show(self: Any) -> str:
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"{type(self).__qualname__}({shown})"

    return show


def _compared(names: tuple[str, ...]) -> tuple[Any, Any]:
    """Return __eq__ and __hash__ over the fields *names*."""
    values: Any = attrgetter(*names) if names else lambda _: ()

    def equal(self: Any, other: Any) -> Any:
        return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented

    def hashed(self: Any) -> int:
        return hash(values(self))

    return equal, hashed


def _refuse_set(self: Any, name: str, value: Any) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_delete(self: Any, name: str) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


def _state(self: Any) -> list[Any]:
    return [getattr(self, name) for name in self.__quick_fields__]


def _set_state(self: Any, state: list[Any]) -> None:
    for name, value in zip(self.__quick_fields__, state, strict=True):
        object.__setattr__(self, name, value)
