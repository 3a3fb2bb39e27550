"""Options that more than one command shares, and help pages that group them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

import click

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

# Spelled as in a bank file; option -> what it stands for on the help page.
OVERRIDES = {
    "stride": "S or [rows, columns].",
    "padding": "P, [rows, columns], [top, left, bottom, right], same or valid.",
    "padding_mode": "zeros, constant, reflect, symmetric, replicate or circular.",
    "padding_value": "For constant: a number, or one per channel.",
    "dilation": "D or [rows, columns].",
    "activation": "E.g. relu, abs, '{leaky_relu: {slope: 0.1}}'.",
    "bias": "Bias of every filter.",
}

# Of so many digits and no more: beyond them int() and float() have limits of their own.
_SIZE = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,15})?)\s*([kmgt]?)(?:i?b)?", re.IGNORECASE)
_WIDTH_HEIGHT = re.compile("([0-9]{1,9})x([0-9]{1,9})")


class GroupedOption(click.Option):
    """An option that stands under a heading of its own on the help page."""

    def __init__(self, *args: Any, group: str = "Options", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.group = group


class GroupedCommand(click.Command):
    """A command whose help page lists its options by group."""

    def format_options(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, each group under its heading, in the order of their first option."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(context):
            record = parameter.get_help_record(context) if isinstance(parameter, click.Option) else None
            if record is not None:
                groups.setdefault(getattr(parameter, "group", "Other"), []).append(record)
        for title, records in sorted(groups.items(), key=lambda group: group[0] == "Other"):
            with formatter.section(title):
                formatter.write_dl(records)


def size(_context: click.Context, _parameter: click.Parameter, text: str | None) -> int | None:
    """Return the whole number that *text* spells, with a unit or not: 500000, 500k, 1.5M, 2G; k is 1000."""
    if text is None:
        return None
    found = _SIZE.fullmatch(text.strip().replace(",", "").replace("_", ""))
    number = round(float(found[1]) * 1000 ** " kmgt".index(found[2].lower() or " ")) if found else 0
    if number < 1:
        raise click.BadParameter(
            f"found {text!r}; accepted: a number above zero such as 500000, 500k, 20M or 1G"
        )
    return number


def width_height(
    _context: click.Context, _parameter: click.Parameter, text: str | None
) -> tuple[int, int] | None:
    """Return (H, W) of a size spelled WIDTHxHEIGHT."""
    if text is None:
        return None
    found = _WIDTH_HEIGHT.fullmatch(text.strip().lower().replace("×", "x"))
    width, height = (int(found[1]), int(found[2])) if found else (0, 0)
    if not (width and height):
        raise click.BadParameter(f"found {text!r}; accepted: WIDTHxHEIGHT, such as 640x480")
    return height, width


def not_empty(_context: click.Context, _parameter: click.Parameter, given: Any) -> Any:
    """Return what was *given*, one text or several, when none is empty; an unset variable leaves one so."""
    if "" in (given if isinstance(given, tuple) else (given,)):
        raise click.BadParameter("found an empty text; accepted: a name")
    return given


def page(_context: click.Context, _parameter: click.Parameter, text: str) -> int | None:
    """Return a page's number from 0, or None for ``all``."""
    word = text.strip()
    if word.lower() == "all":
        return None
    if not re.fullmatch("[0-9]{1,9}", word):
        raise click.BadParameter(f"found {text!r}; accepted: a number from 0, or all")
    return int(word)


def shard(_context: click.Context, _parameter: click.Parameter, text: str) -> tuple[int, int]:
    """Return (I, N) of a text I/N."""
    found = re.fullmatch("([0-9]{1,9})/([0-9]{1,9})", text.strip())
    part, parts = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 1 <= part <= parts:
        raise click.BadParameter(f"found {text!r}; accepted: I/N with I from 1 to N, such as 3/10")
    return part, parts


def option(*names: str, **settings: Any) -> Callable[[Decorated], Decorated]:
    """Return the decorator of one option; ``group`` is its heading."""
    return click.option(*names, cls=GroupedOption, **settings)


def overrides(function: Decorated) -> Decorated:
    """Add the options that override a bank; they come as keyword arguments named as in a file."""
    for key, text in reversed(OVERRIDES.items()):
        add = option(
            "--" + key.replace("_", "-"), key, metavar="VALUE", help=text, group="Instead of the bank's"
        )
        function = add(function)
    return function


def complete_bank(
    _context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[click.shell_completion.CompletionItem]:
    """Return the shipped banks whose names begin so; files are completed by the shell."""
    from click.shell_completion import CompletionItem

    from filterbank import bankfile

    found = [CompletionItem(name) for name in bankfile.shipped() if name.startswith(incomplete)]
    return found or [CompletionItem(incomplete, type="file")]
