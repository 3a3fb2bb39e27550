"""Which image was turned into which: by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from filterbank.errors import RequestError, shown
from filterbank.fit.pictures import Pair

_SHOWN = 5  # names of images without a partner


def match(inputs: Mapping[str, Path], targets: Sequence[Mapping[str, Path]]) -> list[Pair]:
    """Return the pairs of *inputs* with each of *targets*: name -> file, a name being without extension.

    Where there is one file of each, they are a pair whatever their names.

    Raises
    ------
    RequestError
        An image has no partner; the first few are named.

    Examples
    --------
    >>> [str(pair) for pair in match({"a": Path("in/a.jpg")}, [{"a": Path("out/a.png")}])]
    ['in/a.jpg and out/a.png']
    """
    if len(inputs) == 1 and all(len(each) == 1 for each in targets):
        (path,) = inputs.values()
        return [Pair(path, tuple(next(iter(each.values())) for each in targets))]
    for each in targets:
        _refuse([path for name, path in inputs.items() if name not in each], "input", "target")
        _refuse([path for name, path in each.items() if name not in inputs], "target", "input")
    return [Pair(path, tuple(each[name] for each in targets)) for name, path in inputs.items()]


def _refuse(lonely: list[Path], own: str, other: str) -> None:
    if lonely:
        names = ", ".join(shown(path) for path in lonely[:_SHOWN])
        more = f" and {len(lonely) - _SHOWN} more" if len(lonely) > _SHOWN else ""
        raise RequestError(
            f"{own} without {other}: {names}{more}; accepted: files of the same name below both folders"
        )
