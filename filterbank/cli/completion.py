"""The command ``completion``: what a shell needs to complete commands, options and bank names."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

SHELLS = ("bash", "zsh", "fish")

_PROGRAM = "filterbank"


@click.command(short_help="Print the completion script of a shell.")
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def command(context: click.Context, /, shell: str) -> None:
    """Print the script that lets SHELL complete commands, options and the shipped banks' names.

    Load it once: for bash `eval "$(filterbank completion bash)"` in ~/.bashrc, likewise for zsh in
    ~/.zshrc; for fish `filterbank completion fish > ~/.config/fish/completions/filterbank.fish`.
    """
    found = get_completion_class(shell)
    assert found is not None
    completer = found(context.find_root().command, {}, _PROGRAM, f"_{_PROGRAM.upper()}_COMPLETE")
    # Not completer.source(): for bash it runs bash to ask its version, which need not be at hand here.
    click.echo(completer.source_template % completer.source_vars())
