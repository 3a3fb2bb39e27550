"""``filterbank generate``: the families as bank files, an option for each of their parameters."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from filterbank.cli import target
from filterbank.cli.options import not_empty

if TYPE_CHECKING:
    from filterbank.bankfile.families.family import Family
    from filterbank.bankfile.keys import Key

_ENDINGS = (".yaml", ".yml")


class Families(click.Group):
    """A command for each family, made from what it declares; the families are read when one is asked for."""

    def list_commands(self, context: click.Context) -> list[str]:
        """Return the families' names."""
        from filterbank.bankfile.families import FAMILIES

        return list(FAMILIES)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Return the command that generates family *name*; dashes may stand for underscores."""
        from filterbank.bankfile.families import FAMILIES

        family = FAMILIES.get(name.replace("-", "_"))
        return None if family is None else _command(family)

    def resolve_command(
        self, context: click.Context, arguments: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the family's command, or tell the nearest name."""
        from filterbank.bankfile.families import FAMILIES
        from filterbank.bankfile.kinds import nearest

        name = arguments[0] if arguments else ""
        if name and not name.startswith("-") and self.get_command(context, name) is None:
            hint = nearest(name, list(FAMILIES))
            told = "; ".join(part for part in (hint, "`filterbank generate` lists them") if part)
            raise click.UsageError(f"no family {name!r}; {told}", context)
        return super().resolve_command(context, arguments)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the families by kin, each with what it is."""
        from filterbank.bankfile.families import FAMILIES, KINS

        for title, modules in KINS.items():
            kin = [family for family in FAMILIES.values() if family.module in modules]
            with formatter.section(title):
                formatter.write_dl([(family.name, family.doc) for family in kin])


@click.group(
    "generate",
    cls=Families,
    subcommand_metavar="FAMILY [PARAMETERS]",
    short_help="Write a bank of a family of filters, made from a few numbers.",
)
def command() -> None:
    """Write a bank file of a FAMILY: filters that are made from a few parameters.

    `filterbank generate FAMILY --help` tells its parameters and where it was published.
    """


def _command(family: Family) -> click.Command:
    def run(out: str, on_exists: str, name: str | None, expand: bool, quiet: bool, **texts: Any) -> None:
        _run(family, texts, out=out, on_exists=on_exists, name=name, expand=expand, quiet=quiet)

    text = f"Write a bank of {family.name}: {family.doc}."
    if family.source:
        text += f"\n\nSource: {family.source}."
    made = click.command(family.name, help=text, short_help=family.doc)
    function = target.options("The bank file, a .yaml")(run)
    for option in reversed(_OPTIONS):
        function = option(function)
    for key in reversed(family.parameters):
        function = _option(key)(function)
    return made(function)


_OPTIONS = (
    click.option(
        "--name",
        metavar="NAME",
        callback=not_empty,
        help="The bank's name.  [default: the file's, or the family's]",
    ),
    click.option("--expand", is_flag=True, help="Write every weight instead of the family's entry."),
    click.option("--quiet", is_flag=True, help="Print no summary."),
)


def _option(key: Key) -> Any:
    """Return the option of one parameter, with the limits it has in a file."""
    from filterbank.bankfile.kinds import Choice, Integer, Number

    kind = key.kind
    metavar, accepted = "N" if isinstance(kind, Integer) else "NUMBER", f": {kind.accepted}"
    if isinstance(kind, Choice):
        metavar, accepted = "[" + "|".join(kind.words) + "]", ""
    elif kind == Number():
        accepted = ""
    usual = "" if key.default is None else f"  [default: {key.default}]"
    return click.option(
        "--" + key.name.replace("_", "-"),
        key.name,
        required=key.required,
        metavar=metavar,
        callback=lambda _context, _parameter, text: None if text is None else (_read(key, text), text),
        help=key.doc[:1].upper() + key.doc[1:] + accepted + "." + usual,
    )


def _read(key: Key, text: str) -> Any:
    """Return the value that *text* spells."""
    from filterbank.bankfile.nodes import Scalar, resolve
    from filterbank.bankfile.source import Faults, Source

    faults = Faults(Source("", text))
    value = key.kind.read(Scalar(-1, resolve(text.strip()), text), "", faults)
    if len(faults):
        raise click.BadParameter(str(faults.listed()[0]))
    return value


def _run(
    family: Family,
    texts: dict[str, Any],
    *,
    out: str,
    on_exists: str,
    name: str | None,
    expand: bool,
    quiet: bool,
) -> None:
    found = target.find(out, on_exists, _ENDINGS)
    if found.is_skipped:
        return
    from filterbank.bankfile.generated import generate
    from filterbank.bankfile.kinds import clean_name
    from filterbank.errors import RequestError, shown

    label = name or (clean_name(Path(out).stem) if found.path else "") or family.name
    if clean_name(label) != label:
        raise RequestError(
            f"--name {shown(label)}: accepted: 1 to 64 of A-Z a-z 0-9 . _ -; write {clean_name(label)}"
        )
    given = {key: each for key, each in texts.items() if each is not None}
    words = [word for key, (_, text) in given.items() for word in ("--" + key.replace("_", "-"), text)]
    comment = "Made by `" + shlex.join(["filterbank", "generate", family.name, *words]) + "`."
    values = {key: value for key, (value, _) in given.items()}
    text, bank = generate(family.name, values, name=label, comment=comment, expand=expand)
    found.write(text.encode())
    if found.path is not None and not quiet:
        count, kernel = len(bank.filters), "×".join(map(str, bank.layer.kernel))
        click.echo(
            f"filterbank: {shown(out)}: {count} filter{'s' * (count != 1)} of {kernel}, bank {bank.name}",
            err=True,
        )
