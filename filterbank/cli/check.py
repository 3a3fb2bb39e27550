"""``filterbank check``: every fault and warning of bank files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from filterbank.cli.options import not_empty
from filterbank.cli.wording import shape
from filterbank.errors import shown

if TYPE_CHECKING:
    from filterbank.bankfile import Checked
    from filterbank.errors import Fault


@click.command(short_help="Find every fault in bank files, and what is doubtful.")
@click.argument("banks", nargs=-1, required=True, metavar="BANK...", callback=not_empty)
@click.option("--strict", is_flag=True, help="Exit 2 on warnings too.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a bank.")
@click.pass_context
def command(context: click.Context, banks: tuple[str, ...], strict: bool, as_json: bool) -> None:
    """Read every BANK, a file or a shipped bank's name, and print all its faults and warnings.

    Each as path:line:column: where: what was found; what is accepted; what to do. Exit 2 when
    there is a fault.
    """
    import json

    failed = False
    for name in banks:
        checked = _check(name)
        is_ok = not checked.faults and not (strict and checked.warnings)
        failed = failed or not is_ok
        if as_json:
            click.echo(json.dumps(_json(shown(name), checked, is_ok), ensure_ascii=False))
        else:
            click.echo("\n".join(_lines(name, checked)))
    if failed:
        context.exit(2)


def _check(name: str) -> Checked:
    """Return the check of one bank; that it is not there is a fault like others."""
    from filterbank import bankfile
    from filterbank.errors import Fault, RequestError

    try:
        return bankfile.check(name)
    except RequestError as error:
        # The next bank is to be checked all the same.
        path = shown(name)
        said = str(error).removeprefix(f"bank '{path}': ").removeprefix(f"{path}: ")
        found, mark, rest = said.partition("; accepted: ")
        accepted, _, hint = rest.partition("; ")
        return bankfile.Checked(None, (Fault("", found, mark[2:] + accepted, hint, path),))


def _lines(name: str, checked: Checked) -> list[str]:
    """Return what is printed of one bank."""
    bank = checked.bank
    lines = [str(fault) for fault in checked.faults]
    lines += [f"{_placed(warning)}warning: {_said(warning)}" for warning in checked.warnings]
    if bank is None:
        count = len(checked.faults)
        return [*lines, f"{shown(name)}: {count} fault{'s' if count != 1 else ''}"]
    ending = f", {len(checked.warnings)} warning{'s' if len(checked.warnings) > 1 else ''}"
    return [
        *lines,
        f"{shown(name)}: ok, {shape(bank)}, digest {bank.digest[:12]}" + (ending if checked.warnings else ""),
    ]


def _placed(fault: Fault) -> str:
    """Return ``path:line:column: `` of a fault."""
    return fault.path + (f":{fault.line}:{fault.column}" if fault.line else "") + ": "


def _said(fault: Fault) -> str:
    """Return a fault without its place."""
    return str(fault).removeprefix(_placed(fault))


def _json(name: str, checked: Checked, is_ok: bool) -> dict[str, Any]:
    from dataclasses import asdict

    def told(fault: Fault) -> dict[str, Any]:
        # What the key says already is left out of its value.
        found, accepted = fault.found.removeprefix("found "), fault.accepted.removeprefix("accepted: ")
        return asdict(fault) | {"found": found, "accepted": accepted, "message": str(fault)}

    def listed(faults: tuple[Fault, ...]) -> list[dict[str, Any]]:
        return [told(fault) for fault in faults]

    bank = checked.bank
    return {
        "bank": name,
        "ok": is_ok,
        "digest": bank.digest if bank else None,
        "faults": listed(checked.faults),
        "warnings": listed(checked.warnings),
    }
