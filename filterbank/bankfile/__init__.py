"""Bank files: text to model.Bank, every fault at once, and the banks that come with the program.

Names are loaded when they are first used: YAML is not imported to ask what banks there are.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from filterbank.bankfile.canonical import digest as digest
    from filterbank.bankfile.changes import matching as matching
    from filterbank.bankfile.changes import override as override
    from filterbank.bankfile.changes import select as select
    from filterbank.bankfile.checking import Checked as Checked
    from filterbank.bankfile.checking import check as check
    from filterbank.bankfile.kin import KINS as KINS
    from filterbank.bankfile.lookup import find as find
    from filterbank.bankfile.lookup import shipped as shipped
    from filterbank.bankfile.reading import load as load
    from filterbank.bankfile.schema import json_schema as json_schema
    from filterbank.bankfile.schema import key_tables as key_tables

_HOMES = {
    "checking": ("Checked", "check"),
    "canonical": ("digest",),
    "kin": ("KINS",),
    "lookup": ("find", "shipped"),
    "reading": ("load",),
    "changes": ("matching", "override", "select"),
    "schema": ("json_schema", "key_tables"),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [*sorted(_HOME)]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'filterbank.bankfile' has no attribute {name!r}")
    return getattr(import_module(f"filterbank.bankfile.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
