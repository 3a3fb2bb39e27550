"""No module of bankfile needs one that needs it, not even by an import that waits inside a function."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import filterbank

HOME = Path(filterbank.__file__).parent / "bankfile"
ROOM = "filterbank.bankfile"


def sources() -> dict[str, str]:
    """Return the text of every module; a folder's own ``__init__`` bears the folder's name."""
    found = {}
    for path in HOME.rglob("*.py"):
        parts = path.relative_to(HOME).with_suffix("").parts
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        found[".".join((ROOM, *parts))] = path.read_text("utf-8")
    # It names the doors of the whole room for type checkers, and nothing inside asks it for them.
    del found[ROOM]
    return found


def needs(text: str, known: Mapping[str, str]) -> set[str]:
    """Return the *known* modules that a text imports, wherever in it the import stands."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found & known.keys()


def circle(texts: Mapping[str, str]) -> list[str]:
    """Return modules that need each other in turn, none where there are no such."""
    graph = {name: needs(text, texts) - {name} for name, text in texts.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_there_is_no_circle() -> None:
    assert len(sources()) > 40
    assert circle(sources()) == []


@pytest.mark.parametrize(
    "late",
    [
        "from filterbank.bankfile.reading import load",
        "def f():\n    from filterbank.bankfile.reading import load",
        "def f():\n    import filterbank.bankfile.reading",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from filterbank.bankfile import reading",
    ],
)
def test_a_circle_is_seen(late: str) -> None:
    texts = sources()
    texts[f"{ROOM}.layers"] += "\n" + late + "\n"
    assert {f"{ROOM}.layers", f"{ROOM}.reading"} <= set(circle(texts))


def test_nothing_inside_goes_through_the_doors_of_the_room() -> None:
    through = [
        (name, alias.name)
        for name, text in sources().items()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ImportFrom) and node.module == ROOM
        for alias in node.names
        if f"{ROOM}.{alias.name}" not in sources()
    ]
    assert through == []
