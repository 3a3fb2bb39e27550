"""``filterbank schema``: the JSON Schema of bank files."""

from __future__ import annotations

import click


@click.command(short_help="Print the JSON Schema of bank files, for editors.")
def command() -> None:
    """Print the JSON Schema of bank files, so that an editor completes and checks them.

    In VS Code with its YAML extension: save it as bank.schema.json and begin a bank with
    `# yaml-language-server: $schema=bank.schema.json`.
    """
    import json

    from filterbank import bankfile

    click.echo(json.dumps(bankfile.json_schema(), indent=2, ensure_ascii=False))
