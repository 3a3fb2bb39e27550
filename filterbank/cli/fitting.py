"""The three ways to a bank behind ``fit``: one layer from pairs, a stack from pairs, patches alone."""

from __future__ import annotations

import io
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from filterbank.cli.options import OVERRIDES
from filterbank.cli.target import Target
from filterbank.errors import RequestError, shown

if TYPE_CHECKING:
    from filterbank.batch.inputs import Source
    from filterbank.fit import Pair
    from filterbank.imagefile import ReadOptions
    from filterbank.model import Bank

_FLAGS = {"target_kind": "target-as", "input_kind": "as", "bias": "no-bias"}
# Options of one way that say nothing in another.
_OF_A_LAYER = (*(key for key in OVERRIDES if key != "bias"), "init")
_OF_A_STACK = ("random_start", "steps", "patience", "batch", "crop")
_PAUSE = 0.1  # seconds between two drawings of the line


class Line:
    """How far a search is, redrawn in place on a terminal; elsewhere nothing."""

    def __init__(self, *, enabled: bool) -> None:
        self._enabled = enabled and sys.stderr.isatty()
        self._drawn = 0.0

    def tell(self, step: int, error: float, held_out: float | None = None, crops: int | None = None) -> None:
        """Draw that a *step* led to mean squared errors."""
        if not self._enabled or time.monotonic() - self._drawn < _PAUSE:
            return
        self._drawn = time.monotonic()
        text = f"step {step:,}: RMS {error**0.5:.3g}"
        text += "" if held_out is None else f", held out {held_out**0.5:.3g}"
        text += "" if crops is None else f", {crops:,} crop{'s' * (crops != 1)}"
        sys.stderr.write("\r\x1b[K" + text)
        sys.stderr.flush()

    def clear(self) -> None:
        """Take the line away, so that others can be printed."""
        if self._enabled and self._drawn:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def fitted(
    input: str, targets: tuple[str, ...], name: str, form: str, line: Line, given: dict[str, Any]
) -> tuple[Bank, str]:
    """Return the bank that was asked for, to be written as *form*, and its summary.

    What is doubtful is printed.

    Raises
    ------
    RequestError
        Options do not go together, or what was asked for cannot be fitted.
    """
    if given["layers"] is None:
        _refuse(given, _OF_A_STACK, "--learn" if given["learn"] else "", "with --layers")
        if given["size"] is None:
            raise click.UsageError("Missing option '--size'.")
    try:
        if given["learn"]:
            return _from_patches(input, name, given)
        files = [_files(each) for each in (input, *targets)]
        if given["layers"] is None:
            return _layer(files, targets, name, line, given)
        return _stack(files, name, form, line, given)
    finally:
        line.clear()


def draw(bank: Bank, target: Target) -> None:
    """Draw the filters of every layer of *bank*."""
    from filterbank.report import write_layers

    picture = io.BytesIO()
    write_layers(bank, picture)
    target.write(picture.getvalue())


def _layer(
    files: list[dict[str, Path]], targets: tuple[str, ...], name: str, line: Line, given: dict[str, Any]
) -> tuple[Bank, str]:
    """Return the bank of one layer from the first of *files* to the others."""
    from filterbank import bankfile
    from filterbank.bankfile.kinds import clean_name
    from filterbank.fit import Settings, learn, told

    settings = Settings(
        kernel=given["size"],
        names=tuple(clean_name(Path(each).stem) or "filter" for each in targets),
        options=tuple((key, given[key]) for key in OVERRIDES if key != "bias" and given[key] is not None),
        bias=given["bias"],
        l2=given["l2"],
        ignore_clipped=given["ignore_clipped"],
        input=given["input_kind"],
        target=given["target_kind"],
        reading=_reading(given),
    )
    init = bankfile.load(given["init"]) if given["init"] else None
    result = learn(_matched(files), settings, name, init, line.tell)
    line.clear()
    _warn(told.warnings(result))
    summary = told.summary(result)
    return replace(result.bank, description=f"Fitted: {summary}; {told.trust(result)}"), summary


def _stack(
    files: list[dict[str, Path]], name: str, form: str, line: Line, given: dict[str, Any]
) -> tuple[Bank, str]:
    """Return the bank of all layers from the first of *files* to the others."""
    from filterbank import bankfile
    from filterbank.bankfile.writing import encode
    from filterbank.fit import told
    from filterbank.fit.descent import Descent
    from filterbank.fit.stacks import Training, learn_stack

    _refuse(
        given, (*_OF_A_LAYER, "size", "input_kind", "learn"), "--layers", "without it", "the bank says it"
    )
    architecture = bankfile.load(given["layers"])
    encode(architecture, form)  # what the format cannot hold is to be told before the work
    asked = {key: given[key] for key in ("batch", "steps", "patience") if given[key] is not None}
    training = Training(
        descent=Descent(**asked),
        side=given["crop"],
        seed=given["seed"],
        is_random=given["random_start"],
        bias=given["bias"],
        l2=given["l2"],
        ignore_clipped=given["ignore_clipped"],
        target=given["target_kind"],
        reading=_reading(given),
    )
    trained = learn_stack(_matched(files), architecture, training, name, line.tell)
    line.clear()
    _warn(told.stack_warnings(trained))
    summary = told.stack_summary(trained)
    return replace(trained.bank, description=f"Fitted: {summary}"), summary


def _from_patches(input: str, name: str, given: dict[str, Any]) -> tuple[Bank, str]:
    """Return the bank that the patches of *input* suggest, and its summary."""
    from filterbank.fit.patches import PatchSettings, learn_patches

    idle = (*_OF_A_LAYER, "target_kind", "l2", "ignore_clipped", "bias", "layers")
    _refuse(given, idle, "--learn", "with --target")
    settings = PatchSettings(
        given["learn"], given["size"], given["count"], given["seed"], given["input_kind"], _reading(given)
    )
    bank = learn_patches(list(_files(input).values()), settings, name)
    shape = "×".join(map(str, (*bank.layer.kernel, bank.channels)))
    count = len(bank.filters)
    return bank, f"{count} filter{'s' * (count != 1)} of {shape}: {bank.description}"


def _refuse(given: dict[str, Any], keys: tuple[str, ...], way: str, accepted: str, why: str = "") -> None:
    """Raise RequestError where an option was given that says nothing the *way* that is gone."""
    for key in keys:
        if not given["bias"] if key == "bias" else given[key]:
            flag = _FLAGS.get(key, key.replace("_", "-"))
            effect = f"has no effect with {way}" if way else "has no effect without --layers"
            because = f": {why}" if why else ""
            raise RequestError(f"--{flag}: {effect}{because}; accepted: {accepted}; leave it out")


def _warn(warnings: Any) -> None:
    for warning in warnings:
        click.echo(f"filterbank: warning: {warning}", err=True)


def _matched(files: list[dict[str, Path]]) -> list[Pair]:
    from filterbank.fit.pairing import match

    return match(files[0], files[1:])


def _reading(given: dict[str, Any]) -> ReadOptions:
    from filterbank.imagefile import ReadOptions

    return ReadOptions(max_pixels=given["max_pixels"], layout=given["layout"], orient=not given["no_orient"])


def _files(place: str) -> dict[str, Path]:
    """Return the images at *place*, by their names below it without extension.

    Raises
    ------
    RequestError
        There are none, a folder cannot be read, or two share a name.
    """
    from filterbank.batch.inputs import STANDARD_INPUT, collect
    from filterbank.imagefile import IMAGE_EXTENSIONS

    if place == STANDARD_INPUT:
        raise RequestError("-: fit reads no standard input; accepted: files and folders")
    files: dict[str, Path] = {}
    for source in collect([place], extensions=IMAGE_EXTENSIONS):
        if source.fault:
            raise RequestError(f"{source.shown}: {source.fault}")
        other = files.setdefault(_name(source), Path(source.path))
        if other != Path(source.path):
            raise RequestError(
                f"{shown(other)} and {source.shown}: two images of one name; accepted: names that differ "
                "before the extension"
            )
    return files


def _name(source: Source) -> str:
    return str(Path(source.dir, source.stem))
