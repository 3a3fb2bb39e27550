"""The command ``report``: the contact page of a folder of maps, from its manifest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from filterbank.cli.options import complete_bank, not_empty

if TYPE_CHECKING:
    from filterbank.model import Bank


@click.command("report", short_help="Write the contact sheet of a folder of maps.")
@click.argument("out", metavar="OUT", type=click.Path(readable=False), callback=not_empty)
@click.option(
    "-b",
    "--bank",
    "references",
    multiple=True,
    metavar="BANK",
    callback=not_empty,
    shell_complete=complete_bank,
    help="A bank whose filters are drawn beside its maps; repeatable. Shipped banks are found by themselves.",
)
@click.option("--quiet", is_flag=True, help="Print no summary.")
def command(out: str, references: tuple[str, ...], quiet: bool) -> None:
    """Write OUT/index.html, which shows every image beside its maps, from OUT/manifest.jsonl.

    Images are looked for where the manifest says, from the current folder. An earlier page is replaced.
    """
    from filterbank.batch import ledger
    from filterbank.batch.names import INDEX, MANIFEST
    from filterbank.cli import contact
    from filterbank.errors import RequestError, shown

    manifest = Path(out, MANIFEST)
    lines = ledger.latest(manifest)
    if not lines:
        raise RequestError(
            f"{shown(manifest)}: no such file, or no line of a map in it; "
            "accepted: the folder that filterbank apply wrote maps to"
        )
    contact.check(out)
    contact.write(out, _banks(lines, references))
    if not quiet:
        click.echo(f"filterbank: {shown(Path(out, INDEX))}", err=True)


def _banks(lines: Sequence[dict[str, Any]], references: Sequence[str]) -> list[Bank]:
    """Return the banks of *lines* that are at hand: those given, and shipped ones, changed as they were."""
    from filterbank import bankfile
    from filterbank.errors import FilterbankError

    given = [bankfile.load(reference) for reference in references]
    shipped = set(bankfile.shipped())
    found: dict[str, Bank] = {}
    for digest, name, options in _wanted(lines):
        candidates: list[Bank | str] = [*given, *([name] if name in shipped else [])]
        for candidate in candidates:
            with suppress(FilterbankError, TypeError, AttributeError):
                bank = bankfile.load(candidate) if isinstance(candidate, str) else candidate
                bank = bankfile.override(bank, options["overrides"])
                bank = bankfile.select(bank, options["filter"]) if options["filter"] else bank
                if bank.digest == digest:
                    found.setdefault(digest, bank)
    return list(found.values())


def _wanted(lines: Sequence[dict[str, Any]]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield each (digest, bank's name, options) once."""
    seen = set()
    for line in lines:
        digest, options = str(line["digest"]), line["options"]
        if digest not in seen and isinstance(options, dict) and {"overrides", "filter"} <= options.keys():
            seen.add(digest)
            yield digest, str(line.get("bank")), options
