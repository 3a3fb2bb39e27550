"""The generated parts of the documents: commands and options as Click knows them."""

from __future__ import annotations

import click

from filterbank import bankfile
from filterbank.cli.main import COMMANDS, cli
from filterbank.cli.wording import combinations
from filterbank.model import Bank


def command(name: str) -> click.Command:
    """Return the command *name*."""
    found = cli.get_command(click.Context(cli), name)
    if found is None:
        raise LookupError(name)
    return found


def cell(text: str) -> str:
    """Return *text* as it may stand in a cell of a Markdown table."""
    return " ".join(text.split()).replace("|", "\\|")


def commands() -> str:
    """Return a table of the commands and what they do."""
    rows = ["| command | what it does |", "|---|---|"]
    rows += [
        f"| `filterbank {name}` | {cell(command(name).get_short_help_str(limit=200))} |" for name in COMMANDS
    ]
    return "\n".join(rows)


def spelling(option: click.Option, context: click.Context) -> str:
    """Return how *option* is written, with what it takes: ``-o, --out PATH``."""
    names = sorted(option.opts, key=len)
    written = ", ".join(names)
    if option.secondary_opts:
        return "/".join([written, *option.secondary_opts])
    if option.is_flag or option.count:
        return written
    metavar = option.make_metavar(context)
    return f"{written} {metavar}" if len(metavar) <= 24 else written


def options(name: str) -> str:
    """Return a table of the options of the command *name*."""
    found = command(name)
    context = click.Context(found, info_name=name, help_option_names=["-h", "--help"])
    rows = ["| option | what it does |", "|---|---|"]
    for parameter in found.get_params(context):
        if not isinstance(parameter, click.Option) or parameter.hidden or "--help" in parameter.opts:
            continue
        record = parameter.get_help_record(context)
        said = record[1] if record else ""
        rows.append(f"| `{cell(spelling(parameter, context))}` | {cell(said)} |")
    return "\n".join(rows)


def help_page(name: str) -> str:
    """Return the help page of the command *name* as the terminal shows it."""
    found = command(name)
    parent = click.Context(cli, info_name="filterbank", max_content_width=100, terminal_width=100)
    context = click.Context(found, info_name=name, parent=parent, help_option_names=["-h", "--help"])
    return found.get_help(context)


def help_pages() -> str:
    """Return all help pages, each under its heading."""
    return "\n\n".join(f"## {name}\n\n```text\n{help_page(name).rstrip()}\n```" for name in COMMANDS)


def gallery() -> str:
    """Return every shipped bank by kin: what it is, how it is applied, and its sheet."""
    parts = []
    for kin, names in bankfile.KINS.items():
        parts += [f"## {kin}", *(_shown(bankfile.load(name)) for name in names)]
    return "\n\n".join(parts)


def _shown(bank: Bank) -> str:
    """Return one bank's part of the gallery."""
    layer, count = bank.layer, len(bank.filters)
    shape = "×".join(map(str, (*layer.kernel, bank.channels)))
    facts = f"{count} filter{'s' * (count != 1)} of {shape}"
    lines = [f"### {bank.name}", "", f"{bank.description}. {facts}. Source: {bank.source}.", ""]
    if layer.combine:
        made = combinations(layer)
        shown = made if len(made) <= 15 else [*made[:6], f"… and {len(made) - 6} more"]
        lines += ["```text", *shown, "```", ""]
    lines += [f"![The filters of {bank.name}](pictures/banks/{bank.name}.png)"]
    return "\n".join(lines)
