"""The command group, and the one place where errors become exit codes."""

from __future__ import annotations

import gc
import os
import sys
from contextlib import suppress
from importlib import import_module
from typing import NoReturn

import click

from filterbank import __version__
from filterbank.cli.streams import OutputLost, open_streams
from filterbank.errors import FilterbankError

# In the order of the help page; each is the module of this folder that holds ``command``.
COMMANDS = (
    *("apply", "banks", "show", "check", "explain", "generate", "convert", "fit", "matrix"),
    *("decode", "report", "schema", "warmup", "completion"),
)

EXIT_LOST = 1
EXIT_REQUEST = 2
EXIT_INTERRUPT = 130


class Commands(click.Group):
    """The commands by name, each imported when it is asked for."""

    def list_commands(self, context: click.Context) -> list[str]:
        """Return the names in the order of the help page."""
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Return the command *name*, importing its module."""
        if name not in COMMANDS:
            return None
        command: click.Command = import_module(f"filterbank.cli.{name}").command
        return command


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="A convolutional layer is an image filter bank: K filters, F×F×C each, slid over an image.",
)
@click.version_option(__version__, prog_name="filterbank")
def cli() -> None:
    """Apply banks of image filters: one feature map per filter."""


def process() -> NoReturn:
    """Be the whole process: ``main``, with nothing before it or after it that the work does not need."""
    # The threads of NumPy's linear algebra would only be started and stopped: ours do the work.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Imports make many objects and no garbage: looking for it costs 4 % of a short run.
    gc.set_threshold(100_000)
    try:
        main()
    except SystemExit as end:
        code = end.code
    if sys.gettrace() or sys.getprofile() or not isinstance(code, int):
        sys.exit(code)  # a debugger or a profiler has something to say yet
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError, OutputLost):  # closed, full, or none at all
            stream.flush()
    # Every file is closed and every thread is joined; taking the interpreter apart takes 15 ms.
    os._exit(code)


def main() -> NoReturn:
    """Run the command line; a user's mistake is a message and exit 2, a bug keeps its traceback."""
    open_streams()
    try:
        code = cli.main(prog_name="filterbank", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("filterbank: interrupted", err=True)
        code = EXIT_INTERRUPT
    except FilterbankError as error:
        click.echo(f"filterbank: {error}", err=True)
        code = EXIT_REQUEST
    except OutputLost as error:
        click.echo(f"filterbank: standard output: {error}", err=True)
        code = EXIT_LOST
    sys.exit(code)
